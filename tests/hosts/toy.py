"""A Git host of its own: its folder as text, and a lab where the contract of hosts judges it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devstack.git_server import GitServer, Person
from hedgehog import hosts
from hedgehog.hosts.host import Access, Host
from hedgehog.hosts.registry import host_type, host_types

SERVER = "toy.example.com"
TOKEN = "t0ken"
FOLDER = '''
"""Toy Forge keeps everything in memory, but for Git."""

import subprocess

from hedgehog.errors import AuthenticationFailed, NotFound
from hedgehog.hosts.host import Comment, Feature, HostType, PullRequest

PULLS = {}
"""Number → branch, title, body, state, draft, comments, labels, reviewers."""
STATUSES = {}
GIT = []
"""The path of the bare repository."""


def git(*arguments):
    command = ["git", "-c", "safe.directory=*", f"--git-dir={GIT[-1]}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def add_pull(branch, title, draft=False):
    number = len(PULLS) + 1
    PULLS[number] = {"branch": branch, "title": title, "body": "", "state": "open", "draft": draft, "comments": []}
    PULLS[number] |= {"labels": [], "reviewers": [], "closed_by": "", "merged": False}
    return number


class Repository:
    """One repository."""

    credential = "token"

    def __init__(self, access):
        self.type = HOST
        self.full_name = access.full_name
        self.base_url = access.web_url
        self.offers = HOST.features
        self.token = access.token

    def close(self):
        pass

    def git_token(self):
        return self.token

    def rate_limit(self):
        if self.token != "t0ken":
            raise AuthenticationFailed("toy: wrong token")

    def pull(self, number):
        if number not in PULLS:
            raise NotFound(f"toy: no pull request {number}")
        one = PULLS[number]
        head = git("rev-parse", one["branch"]).strip()
        files = git("diff", "--name-only", "main..." + one["branch"]).splitlines()
        ref, page = f"refs/heads/{one['branch']}", f"{self.base_url}/{number}"
        about = one["title"], one["state"], one["draft"], head, "main", len(files), page, ref
        return PullRequest(number, *about, merged=one["merged"])

    def open_pull(self, *, title, body, head, base):
        number = add_pull(head, title)
        PULLS[number]["body"] = body
        return self.pull(number)

    def find_pull(self, *, head, base):
        found = [number for number, one in PULLS.items() if (one["branch"], one["state"]) == (head, "open")]
        return self.pull(found[0]) if found and base == "main" else None

    def edit_pull(self, pull, *, title, body):
        PULLS[pull.number] |= {"title": title, "body": body}

    def close_pull(self, pull):
        PULLS[pull.number] |= {"state": "closed", "closed_by": "robot"}

    def closed_by(self, pull):
        return PULLS[pull.number]["closed_by"]

    def add_labels(self, pull, labels):
        PULLS[pull.number]["labels"] += labels

    def ask_reviewers(self, pull, reviewers):
        if not {"ada", "eve"} >= set(reviewers):
            raise NotFound(f"toy: nobody is called {reviewers}")
        PULLS[pull.number]["reviewers"] += reviewers

    def login(self):
        return "robot"

    def comments(self, pull):
        return list(PULLS[pull.number]["comments"])

    def add_comment(self, pull, body):
        said = PULLS[pull.number]["comments"]
        said.append(Comment(str(len(said)), body, "robot", f"{pull.url}#{len(said)}"))
        return said[-1]

    def edit_comment(self, pull, comment, body):
        edited = Comment(comment.id, body, comment.author, comment.url)
        PULLS[pull.number]["comments"][int(comment.id)] = edited

    def write_status(self, pull, result, name):
        STATUSES[pull.head_sha, name] = result.conclusion.value


HOST = HostType(
    "toyforge",
    "Toy Forge",
    frozenset({Feature.PULL_REQUESTS, Feature.STATUSES, Feature.COMMENTS}),
    open=Repository,
    servers=("toy.example.com",),
)
'''


@contextmanager
def installed(directory: Path) -> Iterator[Any]:
    """The module of the toy's folder, which lies in *directory* as in a package of its own."""
    folder = directory / "toyforge"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(FOLDER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosts, "__path__", [*hosts.__path__, str(directory)])
        host_types.cache_clear()
        try:
            host_types()
            yield sys.modules["hedgehog.hosts.toyforge"]
        finally:
            sys.modules.pop("hedgehog.hosts.toyforge", None)
            host_types.cache_clear()


class ToyLab:
    """A repository at the toy, whose Git side is real."""

    full_name = "acme/net"
    robot = "robot"
    outsider = ""

    def __init__(self, module: Any, git: GitServer, directory: Path) -> None:
        self.module, self.git, self.directory = module, git, directory
        module.GIT.append(str(git.create(self.full_name)))

    def enter(self) -> Host:
        """By the name of its server."""
        return host_type(SERVER).enter(Access("robot", SERVER, self.full_name, token=TOKEN))

    def enter_wrongly(self) -> Host:
        """With another token."""
        return host_type(SERVER).enter(Access("robot", SERVER, self.full_name, token="wrong"))

    def person(self, branch: str) -> Person:
        """Somebody who works on *branch*."""
        from tests.hosts.contract_lab import person_at

        return person_at(self.git.url(self.full_name), self.directory, branch)

    def propose(self, branch: str, *, draft: bool = False) -> int:
        """Somebody opens a pull request."""
        return int(self.module.add_pull(branch, "A change", draft))

    def pushed(self, number: int) -> None:
        """It notices at once."""

    def say(self, number: int, body: str) -> None:
        """Somebody else comments."""
        said = self.module.PULLS[number]["comments"]
        said.append(self.module.Comment(str(len(said)), body, "ada"))

    def close_pull(self, number: int) -> None:
        """Somebody closes it."""
        self.module.PULLS[number] |= {"state": "closed", "closed_by": "ada"}

    def merge(self, number: int) -> str:
        """Somebody merges it."""
        one = self.module.PULLS[number]
        one |= {"state": "closed", "merged": True}
        self.module.git("update-ref", "refs/heads/main", one["branch"])
        return str(self.module.git("rev-parse", "main").strip())

    def review(self, number: int, by: str, *, approves: bool) -> None:
        """It has no reviews."""

    def dismiss(self, number: int, by: str) -> None:
        """Nor does anything become of them."""

    def said(self, number: int) -> tuple[str, str, list[str], list[str]]:
        """As it is kept."""
        one = self.module.PULLS[number]
        return one["title"], one["body"], one["labels"], one["reviewers"]

    def protect(self) -> None:
        """It protects nothing."""

    def passed(self, number: int) -> None:
        """Nor does it merge anything."""

    def bodies(self, number: int) -> list[str]:
        """All comments."""
        return [one.body for one in self.module.PULLS[number]["comments"]]

    def verdicts(self, commit: str) -> list[tuple[str, str]]:
        """Statuses."""
        return sorted((name, state) for (one, name), state in self.module.STATUSES.items() if one == commit)

    def commented_lines(self, number: int) -> list[tuple[str, int]]:
        """It has no comments on lines."""
        return []


@contextmanager
def toy_lab(directory: Path) -> Iterator[ToyLab]:
    """The toy in a temporary package, and a repository there."""
    with GitServer(directory / "host") as git, installed(directory / "package") as module:
        lab = ToyLab(module, git, directory)
        from tests.hosts.contract_lab import START

        lab.person("main").commit(START)
        yield lab
