"""Payloads that several hosts send in the same form: GitHub's, which Gitea and Forgejo follow. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hedgehog.fabric.request_settings import OUR_BRANCHES
from hedgehog.hosts.webhook import Announcement, Ignored, Part, PushedCommit, Read

FULL_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
URL = re.compile(r"https?://[^\s@]{1,490}")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
REF = re.compile(rf"refs/[a-z]+/{BRANCH.pattern}")
LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,100}(?:\[bot\])?")
ACTION = re.compile(r"[a-z_]{0,40}")
HEADS = "refs/heads/"
_MOST_COMMITS = 2048
"""GitHub lists no more commits of a push: a list of that length may not be all."""


def readers(checked: Collection[str], reviewed: Collection[str]) -> Mapping[str, Read]:
    """Our events in GitHub's form; pull requests are checked after the actions *checked*, *reviewed* are events of reviews."""

    def read_pull_request(payload: Part, found: Announcement) -> Announcement | Ignored:
        return _read_pull_request(payload, same_in_all(payload, found), checked)

    branches = {"push": _read_push, "create": _read_create, "delete": _read_delete}
    return {**branches, "pull_request": read_pull_request, **dict.fromkeys(reviewed, _read_review)}


def moved(found: Announcement, ref: str, before: str, after: str) -> Announcement:
    """A push of *ref* from the commit *before* to *after*; ignored for a tag and for a deleted branch."""
    found = replace(found, branch=ref.removeprefix(HEADS)[:255], before=before, after=after)
    if not ref.startswith(HEADS):
        return replace(found, ignored=f"{ref[:200]} is not a branch")
    if not after.strip("0"):
        return replace(found, ignored=f"branch {found.branch} was deleted")
    return found


def rejected(found: Announcement, branch: str) -> Announcement:
    """A pull request from *branch* that was closed without merging; it is of use where we have opened it."""
    ours = branch.startswith(OUR_BRANCHES)
    return replace(found, is_pull_request=True, branch=branch, ignored="" if ours else "closed without merging")


def review_of(found: Announcement, base: str, *, is_merged: bool) -> Announcement | Ignored:
    """A review of a pull request to *base*: once that is merged, it may decide what waits there for approval."""
    if not is_merged:
        return Ignored("reviews are read once their pull request is merged")
    return replace(found, base=base, branch=base)


def same_in_all(payload: Part, found: Announcement) -> Announcement:
    """What all events have."""
    repository, sender = payload.mapping("repository"), payload.values.get("sender")
    return replace(
        found,
        repository=repository.text("full_name", FULL_NAME),
        url=repository.text("clone_url", URL),
        action=payload.word("action", ACTION),
        sender=Part(sender).word("login", LOGIN) if isinstance(sender, dict) else "",
    )


def _read_push(payload: Part, found: Announcement) -> Announcement:
    found = same_in_all(payload, found)
    ref, before, after = payload.text("ref", REF), payload.text("before", COMMIT), payload.text("after", COMMIT)
    if payload.values.get("deleted") is True:
        after = "0" * len(after)
    forced = payload.values.get("forced") is True
    return replace(moved(found, ref, before, after), forced=forced, commits=_commits(payload.values))


def _commits(payload: Mapping[str, Any]) -> tuple[PushedCommit, ...] | None:
    """All commits of a push; None where the list may not have all (Gitea says how many there are)."""
    commits = payload.get("commits")
    if not isinstance(commits, list) or not 0 < len(commits) < _MOST_COMMITS:
        return None
    if payload.get("total_commits", len(commits)) != len(commits):
        return None
    return _read_commits(commits)


def _read_commits(commits: Sequence[Any]) -> tuple[PushedCommit, ...]:
    found = []
    for commit in commits:
        one = commit if isinstance(commit, dict) else {}
        committer, message = one.get("committer"), one.get("message")
        email = committer.get("email") if isinstance(committer, dict) else None
        found.append(PushedCommit(*(text if isinstance(text, str) else "" for text in (email, message))))
    return tuple(found)


def _read_create(payload: Part, found: Announcement) -> Announcement:
    found = replace(same_in_all(payload, found), branch=payload.text("ref", BRANCH))
    kind = payload.values.get("ref_type")
    return found if kind == "branch" else replace(found, ignored=f"{found.branch[:200]} is a tag, no branch")


def _read_delete(payload: Part, found: Announcement) -> Announcement:
    found = replace(same_in_all(payload, found), branch=payload.text("ref", BRANCH))
    kind = "branch" if payload.values.get("ref_type") == "branch" else "tag"
    return replace(found, ignored=f"{kind} {found.branch[:200]} was deleted")


def _read_review(payload: Part, found: Announcement) -> Announcement | Ignored:
    pull_request = payload.mapping("pull_request")
    found = replace(same_in_all(payload, found), number=pull_request.number("number"))
    base = pull_request.mapping("base").text("ref", BRANCH)
    return review_of(found, base, is_merged=bool(pull_request.values.get("merged_at")))


def _read_pull_request(payload: Part, found: Announcement, checked: Collection[str]) -> Announcement | Ignored:
    pull_request = payload.mapping("pull_request")
    head, base = pull_request.mapping("head"), pull_request.mapping("base")
    found = replace(found, number=payload.number("number"), base=base.text("ref", BRANCH))
    if found.action in checked:
        branch, commit = head.text("ref", BRANCH), head.text("sha", COMMIT)
        return replace(found, is_pull_request=True, branch=branch, head=commit)
    if found.action != "closed":
        return Ignored(f"pull requests are checked when opened, changed, reopened or merged, not {found.action!r}")
    if pull_request.values.get("merged") is not True:
        return rejected(replace(found, head=head.text("sha", COMMIT)), head.text("ref", BRANCH))
    return replace(found, branch=found.base, head=head.text("sha", COMMIT))
