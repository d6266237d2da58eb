"""A GitHub with one repository of real commits, and clients that enter it as a user or as an app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack.git_server import GitServer, Person
from devstack.github import GitHub, Pull
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository

TOKEN = "ghp_0123456789abcdef0123456789abcdef0123"
Enter = Callable[..., Client]


@pytest.fixture(scope="session")
def private_key() -> str:
    """A key of an app, as GitHub hands it out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()).decode()


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    """A Git host with the repository `acme/net`, which has one commit."""
    with GitServer(tmp_path / "host") as server:
        server.create("acme/net")
        Person(tmp_path / "founder", server.url("acme/net")).commit(
            {"README.md": "# net\n", "old.yaml": "a: 1\nb: 2\n"}
        )
        yield server


@pytest.fixture
def hub(git: GitServer) -> Iterator[GitHub]:
    """GitHub over that Git host. Nothing that GitHub does not describe may pass between it and us."""
    with GitHub(git, token=TOKEN) as server:
        yield server
    assert server.undescribed == []


@pytest.fixture
def person(git: GitServer, tmp_path: Path) -> Person:
    """Somebody who works on branch `change`."""
    return branch_of(git, tmp_path, "change")


@pytest.fixture
def pull(hub: GitHub, person: Person) -> Pull:
    """A pull request that changes `old.yaml` and adds `new.yaml`."""
    person.commit({"old.yaml": "a: 1\nb: 3\n", "new.yaml": "c: 4\n"})
    return hub.open_pull("acme/net", "change")


@pytest.fixture
def enter(hub: GitHub, private_key: str) -> Iterator[Enter]:
    """Clients of that GitHub: with the token, or `as_app=True`."""
    opened: list[Client] = []

    def open_(*, as_app: bool = False, token: str = TOKEN) -> Client:
        app = Credentials(app_id=str(hub.app_id), installation_id=hub.installation, private_key=private_key)
        credentials = app if as_app else Credentials(token=token)
        opened.append(Client(credentials, base_url=hub.url, write_pause=0))
        return opened[-1]

    yield open_
    for client in opened:
        client.close()


@pytest.fixture
def repository(enter: Enter) -> Repository:
    """`acme/net`, entered with the token."""
    return Repository(enter(), "acme/net")


def branch_of(git: GitServer, directory: Path, branch: str, repository: str = "acme/net") -> Person:
    """Somebody who works on a new branch from main."""
    person = Person(directory / f"person-{branch}", git.url(repository), branch=branch)
    person.git("fetch", "--quiet", "origin", "main")
    person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    person.git("push", "--quiet", "origin", f"HEAD:{branch}")
    return person
