"""Commits that GitHub makes: what it is told, and what its refusals mean."""

from __future__ import annotations

import subprocess

import pytest

from devstack.github import Outage
from hedgehog.errors import (
    AuthenticationFailed,
    HedgehogError,
    NotFound,
    PermissionDenied,
    RateLimited,
    RemoteUnavailable,
    TooLarge,
)
from hedgehog.hosts.github.commits import MOST_BYTES
from hedgehog.hosts.github.repository import Repository
from tests.hosts.github.conftest import TOKEN

MESSAGE = "lab: 2 files\n\nFiles: 1 created.\n\nHedgehog-Fabric: lab\n"
FILES = {"old.yaml": None, "fabrics/new.yaml": "ä: 1\n".encode(), "README.md": b"\xff\x00"}


def git_of(git, *arguments):
    """What git says of the repository at the host."""
    return subprocess.check_output(["git", f"--git-dir={git.path('acme/net')}", *arguments], text=True).strip()


@pytest.fixture
def head(git) -> str:
    """Where main is."""
    return git_of(git, "rev-parse", "main")


def test_a_commit_has_the_files_and_the_message(git, head, repository):
    """Bytes as they are, and the trailers as the last paragraph."""
    made = repository.make_commit("main", head, MESSAGE, FILES)
    assert git_of(git, "log", "-2", "--format=%H", "main").split() == [made, head]
    assert git_of(git, "log", "-1", "--format=%B", made) == MESSAGE.strip()
    assert git_of(git, "ls-tree", "-r", "--name-only", made).splitlines() == ["README.md", "fabrics/new.yaml"]
    assert git_of(git, "show", f"{made}:fabrics/new.yaml") == "ä: 1"


def test_an_app_is_the_author_of_its_commits(git, head, enter):
    """GitHub takes no other author."""
    made = Repository(enter(as_app=True), "acme/net").make_commit("main", head, MESSAGE, FILES)
    assert git_of(git, "log", "-1", "--format=%an|%cn", made) == "hedgehog[bot]|GitHub"


def test_a_rule_of_the_branch_refuses(hub, head, repository):
    """As it would a push."""
    hub.merging.protected["acme/net", "main"] = "rule"
    with pytest.raises(PermissionDenied, match=r"made through a pull request.*; allow this account to push"):
        repository.make_commit("main", head, MESSAGE, FILES)


def test_a_branch_or_repository_that_is_not_there_is_not_found(head, repository, enter):
    """With GitHub's words."""
    with pytest.raises(NotFound, match="No such branch"):
        repository.make_commit("absent", head, MESSAGE, FILES)
    with pytest.raises(NotFound, match="Could not resolve to a Repository"):
        Repository(enter(), "acme/absent").make_commit("main", head, MESSAGE, FILES)


def test_too_much_is_not_sent(hub, head, repository):
    """It would end in a time-out."""
    with pytest.raises(TooLarge, match="make the change in parts"):
        repository.make_commit("main", head, MESSAGE, {"large.yaml": b"x" * (MOST_BYTES + 1)})
    assert hub.requests == []


def test_a_wrong_token_is_refused_and_not_shown(head, enter):
    """Whatever the answer quotes."""
    with pytest.raises(AuthenticationFailed) as refusal:
        Repository(enter(token="ghp_wrong_0123456789"), "acme/net").make_commit("main", head, MESSAGE, FILES)
    assert "ghp_wrong" not in str(refusal.value)


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (200, {"type": "FORBIDDEN", "message": "Resource not accessible by integration"}, PermissionDenied),
        (200, {"type": "INSUFFICIENT_SCOPES", "message": "needs repo"}, PermissionDenied),
        (200, {"type": "RATE_LIMITED", "message": "API rate limit exceeded"}, RateLimited),
        (200, {"message": "Something went wrong while executing your query. This may be a timeout"}, RemoteUnavailable),
        (200, {"type": "UNPROCESSABLE", "message": f"a rule that quotes {TOKEN}"}, PermissionDenied),
        (403, None, RateLimited),
        (502, None, RemoteUnavailable),
    ],
)
def test_a_refusal_is_sorted_by_what_it_asks_for(
    hub, head, repository, status: int, answer: dict[str, str] | None, expected: type[HedgehogError]
):
    """The GraphQL API answers 200 to nearly everything; what it says is in the types of the errors."""
    body = {"data": {"createCommitOnBranch": None}, "errors": [answer]} if answer else {"message": "a rate limit"}
    hub.outages.append(Outage(status, body, where="graphql"))
    with pytest.raises(expected) as refusal:
        repository.make_commit("main", head, MESSAGE, FILES)
    assert type(refusal.value) is expected
    assert TOKEN not in str(refusal.value)


@pytest.mark.parametrize("body", [{"data": None}, {"data": {"createCommitOnBranch": None}}, {"hello": "world"}])
def test_an_answer_without_the_commit_is_unknown(hub, head, repository, body):
    """It may have been made: reading the head shows."""
    hub.outages.append(Outage(200, body, where="graphql"))
    with pytest.raises(RemoteUnavailable, match="check the base URL"):
        repository.make_commit("main", head, MESSAGE, FILES)
