"""The webhook of Bitbucket Cloud: signed with HMAC-SHA256; one delivery may have several moved branches."""

from __future__ import annotations

from dataclasses import replace

from hedgehog.errors import InvalidInput
from hedgehog.hosts.payloads import BRANCH, COMMIT, FULL_NAME, LOGIN, URL
from hedgehog.hosts.webhook import Announcement, Ignored, Part, Webhook, is_signed

_NOTHING = "0" * 40


def _read_push(payload: Part, found: Announcement) -> Announcement | Ignored:
    """The branch that moved. Of several, the first one: the next scheduled run reads the others."""
    repository, actor = payload.mapping("repository"), payload.values.get("actor")
    page = repository.mapping("links").mapping("html").text("href", URL)
    found = replace(
        found,
        repository=repository.text("full_name", FULL_NAME),
        url=f"{page}.git",
        sender=Part(actor).word("nickname", LOGIN) if isinstance(actor, dict) else "",
    )
    changes = payload.mapping("push").values.get("changes")
    if not isinstance(changes, list) or not all(isinstance(one, dict) for one in changes):
        raise InvalidInput("the payload has no push.changes")
    branches = [one for one in changes if _is_branch(one.get("new")) or _is_branch(one.get("old"))]
    if not branches:
        return Ignored("no branch was pushed")
    change = Part(branches[0], "push.changes.0.")
    return _moved(change, replace(found, forced=change.values.get("forced") is True))


def _moved(change: Part, found: Announcement) -> Announcement:
    old, new = change.values.get("old"), change.values.get("new")
    before = _commit(change.mapping("old")) if old else _NOTHING
    if not new:
        branch = change.mapping("old").text("name", BRANCH)
        return replace(found, branch=branch, before=before, after=_NOTHING, ignored=f"branch {branch} was deleted")
    there = change.mapping("new")
    return replace(found, branch=there.text("name", BRANCH), before=before, after=_commit(there))


def _commit(ref: Part) -> str:
    return ref.mapping("target").text("hash", COMMIT)


def _is_branch(ref: object) -> bool:
    return isinstance(ref, dict) and ref.get("type") == "branch"


WEBHOOK = Webhook(
    "X-Hub-Signature", is_signed, {"repo:push": _read_push}, event="X-Event-Key", delivery="X-Request-UUID"
)
