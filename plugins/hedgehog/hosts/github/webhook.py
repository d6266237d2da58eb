"""GitHub's webhook: signed with HMAC-SHA256, its own words for what happens to a pull request, and its merge queue."""

from __future__ import annotations

from dataclasses import replace

from hedgehog.hosts.payloads import COMMIT, HEADS, REF, readers, same_in_all
from hedgehog.hosts.webhook import Announcement, Ignored, Part, Webhook, is_signed

CHECKED_ACTIONS = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "edited"})
"""Drafts are not checked until they are ready; an edit may choose another base, to which the old verdict does not
apply.
"""

_QUEUED = "checks_requested"


def _read_merge_group(payload: Part, found: Announcement) -> Announcement | Ignored:
    """A commit that the merge queue has made of the branch and of pull requests, to be checked before it is the branch."""
    found = same_in_all(payload, found)
    if found.action != _QUEUED:
        return Ignored(f"merge groups are checked when that is requested, not {found.action!r}")
    group = payload.mapping("merge_group")
    branch, base = (group.text(name, REF).removeprefix(HEADS) for name in ("head_ref", "base_ref"))
    head = group.text("head_sha", COMMIT)
    return replace(found, is_pull_request=True, branch=branch, base=base, head=head)


WEBHOOK = Webhook(
    "X-Hub-Signature-256",
    is_signed,
    {**readers(CHECKED_ACTIONS, {"pull_request_review"}), "merge_group": _read_merge_group},
    event="X-GitHub-Event",
    delivery="X-GitHub-Delivery",
    subscriptions=frozenset({"push", "pull_request", "pull_request_review", "merge_group", "create", "delete"}),
    ping="ping",
)
