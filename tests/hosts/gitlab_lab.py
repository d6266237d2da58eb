"""GitLab's stand-in as a lab of the contract of hosts: a project in nested groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.git_server import GitServer, Person
from devstack.gitlab import GitLab, MergeRequest
from hedgehog.hosts.gitlab import HOST
from hedgehog.hosts.host import Access, Host

TOKEN = "glpat-0123456789abcdef0123"
PROJECT = "acme/fabrics/net"
_WORDS = {"failed": "failure"}


class GitLabLab:
    """A project at GitLab's stand-in, entered with a token."""

    full_name = PROJECT
    robot = "hedgehog-robot"
    outsider = ""

    def __init__(self, git: GitServer, lab: GitLab, directory: Path) -> None:
        from tests.hosts.contract_lab import START

        self.git, self.lab, self.directory = git, lab, directory
        git.create(PROJECT)
        Person(directory / "founder", git.url(PROJECT)).commit(START)

    def enter(self) -> Host:
        """With our token."""
        return self._open(TOKEN)

    def enter_wrongly(self) -> Host:
        """With another token."""
        return self._open("wrong")

    def _open(self, token: str) -> Host:
        return HOST.enter(Access("robot", self.lab.server, PROJECT, over_https=False, token=token))

    def request(self, number: int) -> MergeRequest:
        """A merge request, as the stand-in keeps it."""
        return self.lab.requests_by_number[PROJECT, number]

    def person(self, branch: str) -> Person:
        """Somebody who works on *branch*, which begins at `main`."""
        from tests.hosts.contract_lab import person_at

        return person_at(self.git.url(PROJECT), self.directory, branch)

    def propose(self, branch: str, *, draft: bool = False) -> int:
        """Somebody opens a merge request."""
        return self.lab.open_request(PROJECT, branch, draft=draft).iid

    def pushed(self, number: int) -> None:
        """The stand-in notices at once."""
        self.lab.synchronize(self.request(number))

    def say(self, number: int, body: str) -> None:
        """Somebody else comments."""
        self.lab.comment(self.request(number), body)

    def close_pull(self, number: int) -> None:
        """Ada closes it."""
        request = self.request(number)
        request.state, request.closed_by = "closed", "ada"

    def merge(self, number: int) -> str:
        """Somebody merges it."""
        return self.lab.merge(self.request(number))

    def review(self, number: int, by: str, *, approves: bool) -> None:
        """On its page."""
        decide = self.lab.approve if approves else self.lab.ask_for_changes
        decide(self.request(number), by)

    def dismiss(self, number: int, by: str) -> None:
        """The person takes it back."""
        self.request(number).approved.pop(by, None)
        self.request(number).refused.discard(by)

    def said(self, number: int) -> tuple[str, str, list[str], list[str]]:
        """As the stand-in keeps it."""
        request = self.request(number)
        names = {one: name for name, one in self.lab.people.items()}
        return request.title, request.description, request.labels, [names[one] for one in request.reviewers]

    def protect(self) -> None:
        """With pipelines that must succeed."""
        self.lab.protected.add((PROJECT, "main"))

    def passed(self, number: int) -> None:
        """An auto-merge ends."""
        if self.request(number).merges_at:
            self.lab.merge(self.request(number))

    def bodies(self, number: int) -> list[str]:
        """All comments that are not on a line."""
        return [note["body"] for note in self.request(number).notes if note["type"] is None]

    def verdicts(self, commit: str) -> list[tuple[str, str]]:
        """The newest status of each name."""
        found = {one["name"]: one["status"] for one in self.lab.statuses if one["sha"] == commit}
        return sorted((name, _WORDS.get(state, state)) for name, state in found.items())

    def commented_lines(self, number: int) -> list[tuple[str, int]]:
        """Threads on lines."""
        places = [note["position"] for note in self.request(number).notes if note["type"] == "DiffNote"]
        return [(place["new_path"], place["new_line"]) for place in places]


@contextmanager
def gitlab_lab(directory: Path) -> Iterator[GitLabLab]:
    """Nothing that GitLab does not describe may pass between it and us."""
    with GitServer(directory / "host") as git, GitLab(git, token=TOKEN) as lab:
        yield GitLabLab(git, lab, directory)
    assert lab.undescribed == []
