"""GitLab's webhook: the secret itself in a header or a signature with it, and GitLab's words for pushes and merge requests.

https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hedgehog.hosts.payloads import ACTION, BRANCH, COMMIT, LOGIN, REF, URL, moved, rejected, review_of
from hedgehog.hosts.signed_messages import SIGNATURE, is_signed_message, is_signing_key
from hedgehog.hosts.webhook import Announcement, Ignored, Part, Webhook, is_secret

_FULL_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}(?:/[A-Za-z0-9._-]{1,100}){1,20}")
"""Groups are nested at most twenty deep."""

_CHECKED_ACTIONS = ("open", "reopen", "update")
_REVIEWS = ("approved", "approval", "unapproved", "unapproval")
"""By who completes or breaks the approval of a merge request, and by everybody else."""
_CHECKED_CHANGES = frozenset({"target_branch", "draft", "title"})
"""A draft becomes ready when its title is edited."""


def _is_token(body: bytes, token: str, secrets: Sequence[str]) -> bool:
    """Whether *token* is one of *secrets*. A signing key proves by what it signs alone: nobody sends it."""
    return is_secret(body, token, [secret for secret in secrets if not is_signing_key(secret)])


def _begun(payload: Part, found: Announcement) -> Announcement:
    project = payload.mapping("project")
    return replace(
        found,
        repository=project.text("path_with_namespace", _FULL_NAME),
        url=project.text("git_http_url", URL),
        sender=payload.word("user_username", LOGIN),
    )


def _read_push(payload: Part, found: Announcement) -> Announcement:
    found = _begun(payload, found)
    return moved(found, payload.text("ref", REF), payload.text("before", COMMIT), payload.text("after", COMMIT))


def _read_merge_request(payload: Part, found: Announcement) -> Announcement | Ignored:
    found, request = _begun(payload, found), payload.mapping("object_attributes")
    action = request.word("action", ACTION)
    if action in _REVIEWS:
        base, is_merged = request.text("target_branch", BRANCH), request.values.get("state") == "merged"
        return review_of(replace(found, number=request.number("iid"), action=action), base, is_merged=is_merged)
    if action not in (*_CHECKED_ACTIONS, "close", "merge") or (
        action == "update" and not _is_changed(payload, request)
    ):
        return Ignored(
            f"merge requests are checked when opened, changed, reopened or merged, not after this {action!r}"
        )
    user: Any = payload.values.get("user")
    base, head = request.text("target_branch", BRANCH), request.mapping("last_commit").text("id", COMMIT)
    found = replace(
        found,
        number=request.number("iid"),
        base=base,
        action=action,
        sender=Part(user).word("username", LOGIN) if isinstance(user, dict) else "",
    )
    if action == "merge":
        return replace(found, branch=base, head=head)
    if action == "close":
        return rejected(replace(found, head=head), request.text("source_branch", BRANCH))
    return replace(found, is_pull_request=True, branch=request.text("source_branch", BRANCH), head=head)


def _is_changed(payload: Part, request: Part) -> bool:
    """Whether an update is about what is checked: a push (which alone has `oldrev`), another target, no draft any more."""
    changes = payload.values.get("changes")
    return bool(request.word("oldrev", COMMIT)) or (
        isinstance(changes, dict) and bool(_CHECKED_CHANGES & changes.keys())
    )


WEBHOOK = Webhook(
    "X-Gitlab-Token",
    _is_token,
    {"Push Hook": _read_push, "Tag Push Hook": _read_push, "Merge Request Hook": _read_merge_request},
    event="X-Gitlab-Event",
    delivery="X-Gitlab-Event-UUID",
    subscriptions=frozenset({"push_events", "tag_push_events", "merge_requests_events"}),
    signature=SIGNATURE,
    is_signed=is_signed_message,
)
