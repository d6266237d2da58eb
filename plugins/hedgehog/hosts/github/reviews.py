"""Reviews at GitHub: which pull request a commit came from, what people say of it, and who made its commits."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hedgehog.errors import NotFound
from hedgehog.hosts.github import HOST
from hedgehog.hosts.github.client import Client
from hedgehog.hosts.host import Opinion, PullRequest
from hedgehog.hosts.http import understood

_APPROVED = "APPROVED"
_SAYS_SOMETHING = frozenset({_APPROVED, "CHANGES_REQUESTED", "DISMISSED"})
_MAY_WRITE = frozenset({"admin", "write"})
_PERSON = "User"


def merged_numbers(client: Client, path: str, commit: str) -> list[int]:
    """The numbers of the merged pull requests that introduced *commit*."""
    with understood(HOST.title):
        found = client.pages(f"{path}/commits/{commit}/pulls")
        return [int(one["number"]) for one in found if one.get("merged_at")]


def last_reviews(client: Client, path: str, pull: PullRequest) -> list[Opinion]:
    """Of each person the last review that approves or asks for changes; the reviews come in the order of time."""
    last: dict[str, dict[str, Any]] = {}
    with understood(HOST.title):
        for review in client.pages(f"{path}/pulls/{pull.number}/reviews"):
            login = str((review.get("user") or {}).get("login") or "")
            if login and review["state"] in _SAYS_SOMETHING:
                last[login] = review
        standing = [one for one in last.values() if one["state"] != "DISMISSED"]
        return [_opinion(client, path, pull, one) for one in standing]


def _opinion(client: Client, path: str, pull: PullRequest, review: dict[str, Any]) -> Opinion:
    user, head = review["user"], str(review.get("commit_id") or "")
    approves = review["state"] == _APPROVED
    may_count = approves and head == pull.head_sha and user.get("type") == _PERSON
    counts = may_count and _may_write(client, path, user["login"])
    return Opinion(user["login"], approves, head, counts)


def _may_write(client: Client, path: str, login: str) -> bool:
    """Whether somebody may write to the repository: at a public one, anybody can approve."""
    try:
        answer = client.get(f"{path}/collaborators/{quote(login, safe='')}/permission")
    except NotFound:
        return False
    return answer["permission"] in _MAY_WRITE


def commit_logins(client: Client, path: str, pull: PullRequest) -> dict[str, tuple[str, ...]]:
    """The commits of *pull* with the logins of authors and committers, as far as GitHub knows them by their addresses."""
    with understood(HOST.title):
        found = client.pages(f"{path}/pulls/{pull.number}/commits")
        return {str(one["sha"]): tuple(_logins(one)) for one in found}


def _logins(commit: dict[str, Any]) -> list[str]:
    people = (commit.get("author") or {}, commit.get("committer") or {})
    return [str(one["login"]) for one in people if one.get("login")]
