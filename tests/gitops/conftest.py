"""A Git host, a mirror of one of its repositories, and a person who works on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack.git_server import GitServer, Person
from hedgehog.gitops.commit import Author
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote

AUTHOR = Author("Hedgehog", "hedgehog@example.com", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

OpenMirror = Callable[..., Mirror]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    """A Git host with the empty repository `net`."""
    with GitServer(tmp_path / "host") as server:
        server.create("net")
        yield server


@pytest.fixture
def open_mirror(host: GitServer, tmp_path: Path) -> OpenMirror:
    """Opens the mirror of a repository of the host; all share one cache directory."""

    def open_(name: str = "net", branch: str = "main", credentials: GitCredentials | None = None) -> Mirror:
        remote = Remote(host.url(name), branch, credentials or GitCredentials(), timeout=300)
        return Mirror(tmp_path / "cache", remote)

    return open_


@pytest.fixture
def mirror(open_mirror: OpenMirror) -> Mirror:
    """The mirror of `net`."""
    return open_mirror()


@pytest.fixture
def person(host: GitServer, tmp_path: Path) -> Person:
    """Somebody with a clone of `net`."""
    return Person(tmp_path / "ada", host.url("net"))
