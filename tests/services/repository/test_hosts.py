"""The type of host of each repository is noted, and forgotten when the repository is somewhere else."""

from __future__ import annotations

import pytest

from hedgehog.errors import NotFound
from hedgehog.fabric.model import GitRepository
from hedgehog.services.repository.hosts import note_hosts
from hedgehog.store import fabrics
from hedgehog.store.database import Connection, transaction

URL = "https://git.example.com/net/a.git"


@pytest.fixture
def two(database: Connection) -> Connection:
    """A database with two repositories."""
    for name in ("a", "b"):
        fabrics.save_repository(
            database, name, {"url": f"https://git.example.com/net/{name}.git", "connection_id": "git"}
        )
    return database


def hosts(connection: Connection) -> dict[str, str | None]:
    """What is noted of each repository."""
    return {one.name: one.host for one in fabrics.load_repositories(connection)}


def test_the_host_is_noted_as_the_connection_says_it(two: Connection) -> None:
    """A fabric has it with its repository. It is no setting, so that a fabric is neither due nor changed because of it."""
    fabrics.save_fabric(two, "lab", {"git_repository": "a", "git_directory": "lab", "git_sync_enabled": True})
    with transaction(two) as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET due_at = 'infinity'")
        cursor.execute("SELECT count(*) FROM hedgehog.change")
        before = cursor.fetchone()
    note_hosts(two, ["a"], lambda _: "gitea")
    repository = fabrics.load_fabric(two, "lab").git_repository
    assert repository is not None
    assert (repository.host, hosts(two)) == ("gitea", {"a": "gitea", "b": None})
    with transaction(two) as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.change")
        assert cursor.fetchone() == before
        cursor.execute("SELECT count(*) FROM hedgehog.sync_state WHERE due_at < 'infinity'")
        assert cursor.fetchone() == (0,)
    note_hosts(two, ["a"], lambda _: "gitlab")
    assert hosts(two)["a"] == "gitlab"


@pytest.mark.parametrize("change", [{"url": "https://other.example.com/net.git"}, {"connection_id": "other"}])
def test_a_repository_that_moves_is_at_an_unknown_host(two: Connection, change: dict[str, str]) -> None:
    """Until it is asked again; other settings change nothing. What was asked of the place before is not noted."""
    before = fabrics.load_repository(two, "a")
    fabrics.note_host(two, before, "gitea")
    fabrics.save_repository(two, "a", {"branch": "next"})
    assert hosts(two)["a"] == "gitea"
    fabrics.save_repository(two, "a", change)
    assert hosts(two)["a"] is None
    fabrics.note_host(two, before, "gitea")
    assert hosts(two)["a"] is None


def test_a_connection_that_cannot_be_read_leaves_what_was_known(
    two: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """And keeps no other repository from being noted; what the error says may hold anything."""
    note_hosts(two, ["a"], lambda _: "gitea")

    def host_name(repository: GitRepository) -> str:
        if repository.name == "a":
            raise NotFound("s3cret")
        return "github"

    note_hosts(two, ["a", "b"], host_name)
    assert hosts(two) == {"a": "gitea", "b": "github"}
    assert "the host of a is not known: NotFound" in caplog.text
    assert "s3cret" not in caplog.text
