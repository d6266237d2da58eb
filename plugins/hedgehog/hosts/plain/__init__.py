"""Git alone, at a host whose API is not known: syncing needs no more. Any program may announce pushes to it.

Never pull requests, checks or comments.
"""

from __future__ import annotations

from hedgehog.hosts.host import Feature, HostType
from hedgehog.hosts.payloads import COMMIT, REF, moved
from hedgehog.hosts.webhook import Announcement, Part, Webhook, is_signed


def _read_push(payload: Part, found: Announcement) -> Announcement:
    ref, before, after = payload.text("ref", REF), payload.text("before", COMMIT), payload.text("after", COMMIT)
    return moved(found, ref, before, after)


WEBHOOK = Webhook("X-Hub-Signature-256", is_signed, {"push": _read_push})
"""The body is `{"ref": …, "before": …, "after": …}`; which repository it is, the path says."""
HOST = HostType("git", "plain Git", frozenset({Feature.WEBHOOK}), webhook=WEBHOOK)
"""What a repository is at, unless its connection or its URL says more."""
