"""Fabrics → Git: one repository's trouble, foreseen or not, is never that of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import git_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import GitRepository, SyncStatus
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from hedgehog.services.git import sync as git_sync
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from tests.services.git.sync_lab import Lab, make_vpc, open_lab


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """Two repositories: `net`, which is well, and `bad`, with a fabric `lab` in one and `sick` in the other."""
    with open_lab(database, tmp_path) as lab:
        lab.host.create("bad")
        lab.add_repository("bad")
        lab.add_fabric("lab")
        lab.add_fabric("sick", git_repository="bad", git_directory="sick")
        yield lab


def sync_both(lab: Lab, **options: Any) -> tuple[str | None, str]:
    """Sync both; the error and the reason of `sick`, while `lab` proceeds."""
    sick, well = lab.sync_all("sick", "lab", **options)
    assert (well.status, lab.state("lab").status) == (OutcomeStatus.SUCCESS, SyncStatus.IN_SYNC)
    assert (sick.status, lab.state("sick").reason) == (OutcomeStatus.ERROR, sick.reason)
    return sick.error_class, sick.reason


def test_a_url_that_cannot_be_parsed_is_an_error_of_its_fabrics(lab: Lab) -> None:
    """Told as invalid input, with the URL."""
    fabric_store.save_repository(lab.database, "bad", {"url": "https://[::1/x"})
    error, reason = sync_both(lab)
    assert error == "InvalidInput"
    assert "https://[::1/x" in reason


def test_an_unforeseen_error_while_a_mirror_is_opened_is_an_error_of_its_fabrics(lab: Lab) -> None:
    """A secrets backend may raise anything."""

    def open_mirror(repository: GitRepository) -> Mirror:
        if repository.name == "bad":
            raise RuntimeError("vault token canary-4711 expired")
        return lab.open_mirror(repository)

    error, reason = sync_both(lab, open_mirror=open_mirror)
    assert error == "RuntimeError"
    assert "canary" not in reason


def test_a_cache_directory_that_cannot_be_used_is_an_error_that_names_it(lab: Lab) -> None:
    """Here a file lies in its place."""
    place = lab.directory / "occupied"
    place.write_text("")

    def open_mirror(repository: GitRepository) -> Mirror:
        mirror = lab.open_mirror(repository)
        return Mirror(place, mirror.remote) if repository.name == "bad" else mirror

    error, reason = sync_both(lab, open_mirror=open_mirror)
    assert error == "DiskUnavailable"
    assert str(place) in reason


def test_an_unforeseen_error_of_a_push_is_an_error_of_its_fabrics(lab: Lab) -> None:
    """Whatever it is."""

    class Strange(Mirror):
        def is_ancestor(self, old: str, new: str) -> bool:
            raise MemoryError

    lab.person("bad").commit({"begin": "x"})

    def open_mirror(repository: GitRepository) -> Mirror:
        mirror = lab.open_mirror(repository)
        if repository.name == "bad":
            return Strange(lab.directory / "cache", Remote(repository.url, repository.branch))
        return mirror

    assert sync_both(lab, open_mirror=open_mirror)[0] == "MemoryError"


def test_a_lock_left_in_the_clone_does_not_keep_a_push_from_being_recorded(lab: Lab) -> None:
    """The effect has happened; who does not record it takes it for another's edit, or repeats it."""
    lab.sync_all("sick", "lab")
    mirror = lab.open_mirror(fabric_store.load_fabric(lab.database, "sick").git_repository)  # type: ignore[arg-type]
    lab.save("sick", delete_missing=True)
    (mirror.path / "refs" / "remotes" / "origin" / "main.lock").write_text("")
    outcome = lab.sync("sick")
    assert (outcome.status, outcome.counts["deleted"]) == (OutcomeStatus.SUCCESS, 2)
    assert lab.state("sick").status is SyncStatus.IN_SYNC
    assert lab.sync("sick").status is OutcomeStatus.SKIPPED
    assert len(lab.log("bad")) == 2


def test_a_record_that_fails_is_an_error_of_its_fabric(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of the same push are recorded."""
    lab.add_fabric("other")
    record = git_files.record
    refused = lab.id("lab")

    def record_or_not(cursor: Any, fabric_id: int, **parts: Any) -> None:
        if fabric_id == refused:
            raise ValueError("a value that the database does not take")
        record(cursor, fabric_id, **parts)

    monkeypatch.setattr(git_files, "record", record_or_not)
    outcomes = lab.sync_all("lab", "other")
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.ERROR, OutcomeStatus.SUCCESS]
    assert lab.state("other").status is SyncStatus.IN_SYNC
    monkeypatch.undo()
    assert lab.sync("lab").commit is None
    assert len(lab.log()) == 2
    assert git_sync.plan(lab.database, fabrics=["lab"]) == [["lab"]]


def test_a_push_that_is_too_large_with_all_goes_without_the_largest(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's limit for the size of a request stops the fabric that is above it, parked with advice."""
    lab.add_fabric("large", vpcs=200)
    serve = git_server._Handler._serve

    def limited(handler: git_server._Handler, body: bytes) -> None:
        if len(body) > 8000:
            handler._answer(413, {}, b"Request Entity Too Large\n")
        else:
            serve(handler, body)

    monkeypatch.setattr(git_server._Handler, "_serve", limited)
    large, small = lab.sync_all("large", "lab")
    assert (small.status, lab.state("lab").status) == (OutcomeStatus.SUCCESS, SyncStatus.IN_SYNC)
    assert (large.error_class, lab.state("large").status) == ("TooLarge", SyncStatus.PARKED)
    assert lab.state("large").due_at is not None  # whoever raises the limit need not tell us
    assert "raise its limit for request bodies" in large.reason


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE hedgehog.fabric SET spine_leaf_links = '{\"a\": 1e400}' WHERE name = 'sick'",
        "UPDATE hedgehog.fabric_object SET manifest = '{\"a\": 1e400}' WHERE name = 'only-sick'",
    ],
)
def test_a_row_that_nobody_can_read_is_an_error_of_its_fabric(lab: Lab, harm: str) -> None:
    """PostgreSQL takes numbers that no client reads; both fabrics are in one repository."""
    fabric_store.save_fabric(lab.database, "sick", {"git_repository": "net", "git_directory": "sick"})
    object_store.save_objects(lab.database, lab.id("sick"), [make_vpc("only-sick")])
    with transaction(lab.database) as cursor:
        cursor.execute(harm)
    error, reason = sync_both(lab)
    assert error == "InvalidInput"
    assert "cannot be read from the fabric database" in reason
