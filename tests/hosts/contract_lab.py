"""What the contract of Git hosts needs of each: a repository, us, and people who work there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack.git_server import GitServer, Person
from devstack.gitea.server import Gitea
from devstack.github import GitHub
from hedgehog.hosts.gitea import HOST as GITEA
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.hosts.host import Access, Host
from tests.hosts.gitlab_lab import gitlab_lab
from tests.hosts.toy import toy_lab
from tests.waiting import until

START = {"README.md": "# net\n", "old.yaml": "a: 1\nb: 2\n"}
_numbers = itertools.count(1)
Files = Mapping[str, str | None]


class HostLab(Protocol):
    """A repository with one commit of START on `main`, which we enter, and what people do there."""

    full_name: str
    robot: str
    """The login that people see of us."""
    outsider: str
    """Somebody who may approve and not write; empty where the host lets nobody do so."""

    def enter(self) -> Host:
        """Open the API as the product does; it is closed with the lab."""
        ...

    def enter_wrongly(self) -> Host:
        """Open it with a credential that the host does not know."""
        ...

    def person(self, branch: str) -> Person:
        """Somebody who works on *branch*, which begins at `main`."""
        ...

    def propose(self, branch: str, *, draft: bool = False) -> int:
        """Somebody opens a pull request for *branch*; its number."""
        ...

    def pushed(self, number: int) -> None:
        """Give the host time to notice a push to the branch of a pull request."""
        ...

    def say(self, number: int, body: str) -> None:
        """Somebody else comments on a pull request."""
        ...

    def close_pull(self, number: int) -> None:
        """Somebody closes a pull request without merging."""
        ...

    def merge(self, number: int) -> str:
        """Somebody merges a pull request; the commit that `main` has then."""
        ...

    def review(self, number: int, by: str, *, approves: bool) -> None:
        """Somebody approves a pull request as it is now, or asks for changes."""
        ...

    def dismiss(self, number: int, by: str) -> None:
        """The last review of somebody no longer stands."""
        ...

    def said(self, number: int) -> tuple[str, str, list[str], list[str]]:
        """Title, description, labels and reviewers of a pull request, as the host has them."""
        ...

    def protect(self) -> None:
        """Protect `main`: it takes nothing that a check has not passed."""
        ...

    def passed(self, number: int) -> None:
        """Let a stand-in do what a host does once the check of a pull request has passed."""
        ...

    def bodies(self, number: int) -> list[str]:
        """All comments on a pull request, as the host has them."""
        ...

    def verdicts(self, commit: str) -> list[tuple[str, str]]:
        """Name and conclusion of the newest check or status of each name on a commit."""
        ...

    def commented_lines(self, number: int) -> list[tuple[str, int]]:
        """Path and line of each comment on a line."""
        ...


def app_key() -> str:
    """A key of a GitHub App."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()).decode()


class GitHubLab:
    """GitHub's stand-in, entered with a token or as an app."""

    robot = "hedgehog-robot"
    outsider = "mallory"
    token = "ghp_0123456789abcdef0123456789abcdef0123"
    full_name = "acme/net"

    def __init__(self, git: GitServer, hub: GitHub, directory: Path, key: str | None) -> None:
        self.git, self.hub, self.directory, self.key = git, hub, directory, key
        git.create("acme/net")
        Person(directory / "founder", git.url("acme/net")).commit(START)

    def enter(self) -> Host:
        """With the key of the app, or else with the token."""
        hub = self.hub
        if self.key is None:
            return self._open(Credentials(token=self.token))
        app = Credentials(app_id=str(hub.app_id), installation_id=hub.installation, private_key=self.key)
        return self._open(app)

    def enter_wrongly(self) -> Host:
        """With another token."""
        return self._open(Credentials(token="wrong"))

    def _open(self, credentials: Credentials) -> Host:
        return Repository(Client(credentials, base_url=self.hub.url, write_pause=0), "acme/net")

    def person(self, branch: str) -> Person:
        """Somebody who works on *branch*, which begins at `main`."""
        return person_at(self.git.url("acme/net"), self.directory, branch)

    def propose(self, branch: str, *, draft: bool = False) -> int:
        """Somebody opens a pull request."""
        return self.hub.open_pull("acme/net", branch, draft=draft).number

    def pushed(self, number: int) -> None:
        """GitHub notices at once."""
        self.hub.synchronize(self.hub.pulls["acme/net", number])

    def say(self, number: int, body: str) -> None:
        """Somebody else comments."""
        self.hub.comment(self.hub.pulls["acme/net", number], body)

    def close_pull(self, number: int) -> None:
        """Ada closes it."""
        pull = self.hub.pulls["acme/net", number]
        pull.state, pull.closed_by = "closed", "ada"

    def merge(self, number: int) -> str:
        """Somebody merges it."""
        return self.hub.merging.merge(self.hub.pulls["acme/net", number])

    def review(self, number: int, by: str, *, approves: bool) -> None:
        """On its page."""
        state = "APPROVED" if approves else "CHANGES_REQUESTED"
        self.hub.merging.review(self.hub.pulls["acme/net", number], by, state)

    def dismiss(self, number: int, by: str) -> None:
        """With a reason, which nobody needs."""
        reviews = self.hub.pulls["acme/net", number].reviews
        next(one for one in reversed(reviews) if one["user"]["login"] == by)["state"] = "DISMISSED"

    def said(self, number: int) -> tuple[str, str, list[str], list[str]]:
        """As the stand-in keeps it."""
        pull = self.hub.pulls["acme/net", number]
        return pull.title, pull.body, pull.labels, pull.reviewers

    def protect(self) -> None:
        """With a required check."""
        self.hub.merging.protected["acme/net", "main"] = "check"

    def passed(self, number: int) -> None:
        """An auto-merge ends."""
        pull = self.hub.pulls["acme/net", number]
        if pull.merges_at:
            self.hub.merging.merge(pull)

    def bodies(self, number: int) -> list[str]:
        """All comments."""
        return [one["body"] for one in self.hub.pulls["acme/net", number].comments]

    def verdicts(self, commit: str) -> list[tuple[str, str]]:
        """Checks and statuses."""
        checks = {one["name"]: one["conclusion"] for one in self.hub.checks if one["head_sha"] == commit}
        statuses = {one["context"]: one["state"] for one in self.hub.statuses if one["sha"] == commit}
        return sorted({**checks, **statuses}.items())

    def commented_lines(self, number: int) -> list[tuple[str, int]]:
        """Comments of reviews."""
        return [(one["path"], one["line"]) for one in self.hub.pulls["acme/net", number].review_comments]


def person_at(url: str, directory: Path, branch: str) -> Person:
    """Somebody with a clone of *url* who works on *branch*, which begins at `main` where it is new."""
    person = Person(directory / f"person-{branch}-{len(list(directory.iterdir()))}", url, branch=branch)
    if branch != "main" and not person.git("ls-remote", "origin", f"refs/heads/{branch}"):
        person.git("fetch", "--quiet", "origin", "main")
        person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        person.git("push", "--quiet", "origin", f"HEAD:{branch}")
    return person


@contextmanager
def github_lab(directory: Path, *, as_app: bool) -> Iterator[HostLab]:
    """Nothing that GitHub does not describe may pass between it and us."""
    with GitServer(directory / "host") as git, GitHub(git, token=GitHubLab.token) as hub:
        yield GitHubLab(git, hub, directory, app_key() if as_app else None)
    assert hub.undescribed == []


class GiteaLab:
    """A repository of a real Gitea, where we are `robot`, and `ada` and `eve` work."""

    robot = "robot"
    outsider = "mallory"

    def __init__(self, gitea: Gitea, directory: Path) -> None:
        self.gitea, self.directory = gitea, directory
        self.full_name = f"acme/net-{next(_numbers)}"
        gitea.create(self.full_name, "ada", "eve")
        for other in ("robot", "eve", "mallory"):
            gitea.user(other)
        self._call("PUT", "/collaborators/robot", {"permission": "admin"})  # webhooks need that
        self.person("main").commit(START)

    def enter(self) -> Host:
        """With our token."""
        return self._open(self.gitea.user("robot"))

    def enter_wrongly(self) -> Host:
        """With a token that nobody has."""
        return self._open("0" * 40)

    def _open(self, token: str) -> Host:
        server = f"127.0.0.1:{self.gitea.port}"
        return GITEA.enter(Access("robot", server, self.full_name, over_https=False, token=token))

    def person(self, branch: str) -> Person:
        """Ada on *branch*."""
        return person_at(self.gitea.clone_url(self.full_name, "ada"), self.directory, branch)

    def propose(self, branch: str, *, draft: bool = False) -> int:
        """Ada opens a pull request; a draft is one whose title says so."""
        values = {"title": f"{'WIP: ' if draft else ''}A change", "head": branch, "base": "main"}
        return int(self._call("POST", "/pulls", values, by="ada")["number"])

    def pushed(self, number: int) -> None:
        """Gitea notices soon."""
        branch = self._call("GET", f"/pulls/{number}")["head"]["ref"]
        head = self.person("main").git("ls-remote", "origin", f"refs/heads/{branch}").split()[0]
        until(lambda: self._call("GET", f"/pulls/{number}")["head"]["sha"] == head, "Gitea to notice the push")
        until(lambda: self._call("GET", f"/pulls/{number}")["mergeable"], "Gitea to find that it can be merged")

    def say(self, number: int, body: str) -> None:
        """Eve comments."""
        self._call("POST", f"/issues/{number}/comments", {"body": body}, by="eve")

    def close_pull(self, number: int) -> None:
        """Ada closes it."""
        self._call("PATCH", f"/pulls/{number}", {"state": "closed"}, by="ada")

    def merge(self, number: int) -> str:
        """Ada merges it."""
        self.pushed(number)
        self._call("POST", f"/pulls/{number}/merge", {"Do": "merge"}, by="ada")
        return str(self._call("GET", "/branches/main")["commit"]["id"])

    def review(self, number: int, by: str, *, approves: bool) -> None:
        """On its page."""
        self.pushed(number)
        review = {"event": "APPROVED" if approves else "REQUEST_CHANGES", "body": "I have read it"}
        self._call("POST", f"/pulls/{number}/reviews", review, by=by)

    def dismiss(self, number: int, by: str) -> None:
        """By who administers the repository."""
        reviews = self._call("GET", f"/pulls/{number}/reviews")
        last = [one["id"] for one in reviews if one["user"]["login"] == by][-1]
        self._call("POST", f"/pulls/{number}/reviews/{last}/dismissals", {"message": "not any more"})

    def said(self, number: int) -> tuple[str, str, list[str], list[str]]:
        """As Gitea shows it."""
        pull = self._call("GET", f"/pulls/{number}")
        labels, reviewers = pull["labels"], pull["requested_reviewers"] or []
        return pull["title"], pull["body"], [one["name"] for one in labels], [one["login"] for one in reviewers]

    def protect(self) -> None:
        """With a required status."""
        rule = {"rule_name": "main", "enable_status_check": True, "status_check_contexts": ["Hedgehog fabrics"]}
        self._call("POST", "/branch_protections", rule)

    def passed(self, number: int) -> None:
        """Gitea does it."""

    def bodies(self, number: int) -> list[str]:
        """All comments."""
        return [one["body"] for one in self._call("GET", f"/issues/{number}/comments")]

    def verdicts(self, commit: str) -> list[tuple[str, str]]:
        """The newest status of each context."""
        found = self._call("GET", f"/commits/{commit}/status")["statuses"]
        return sorted((one["context"], one["status"]) for one in found)

    def commented_lines(self, number: int) -> list[tuple[str, int]]:
        """Comments of all reviews."""
        reviews = [one["id"] for one in self._call("GET", f"/pulls/{number}/reviews")]
        comments = [
            one for review in reviews for one in self._call("GET", f"/pulls/{number}/reviews/{review}/comments")
        ]
        return [(one["path"], one["position"]) for one in comments]

    def _call(self, method: str, path: str, body: Any = None, *, by: str = "acme") -> Any:
        return self.gitea.call(method, f"/repos/{self.full_name}{path}", body, by=by)


@contextmanager
def gitea_lab(request: pytest.FixtureRequest, directory: Path) -> Iterator[HostLab]:
    """On the Gitea of the test process."""
    yield GiteaLab(request.getfixturevalue("gitea"), directory)


OpenLab = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[HostLab]]
LABS: dict[str, OpenLab] = {
    "github-token": lambda _, directory: github_lab(directory, as_app=False),
    "github-app": lambda _, directory: github_lab(directory, as_app=True),
    "gitea": gitea_lab,
    "gitlab": lambda _, directory: gitlab_lab(directory),
    "toy": lambda _, directory: toy_lab(directory),
}
"""A lab of every host that is implemented, by each kind of credential, and of one in a temporary package."""
REAL = frozenset({"gitea"})
"""Those of them that start a server."""
