"""Gitea for tests and the demo: built once, started in a directory, and the same after a restart."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.git_server import Person
from devstack.gitea.server import Gitea, GiteaRefused

pytestmark = pytest.mark.real


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a Gitea lives."""
    made = Path(tempfile.mkdtemp(prefix="hedgehog-gitea-"))
    yield made
    shutil.rmtree(made)


def test_a_restart_finds_users_and_repositories_at_the_same_address(directory: Path) -> None:
    """The demo may be stopped and started."""
    with Gitea(directory / "gitea") as first:
        address = first.create("acme/net", "ada")
        commit = Person(directory / "ada", first.clone_url("acme/net", "ada")).commit({"README.md": "# net\n"})
    with Gitea(directory / "gitea") as second:
        assert second.clone_url("acme/net") == address
        assert second.call("GET", "/repos/acme/net/branches/main", by="ada")["commit"]["id"] == commit


def test_a_refusal_says_what_was_asked(gitea: Gitea) -> None:
    """With the number of the answer, for tests that want one."""
    with pytest.raises(GiteaRefused, match="GET /repos/acme/nowhere: 404") as refused:
        gitea.call("GET", "/repos/acme/nowhere")
    assert refused.value.status == 404
