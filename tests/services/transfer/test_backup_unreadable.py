"""A backup has all that can be read: one fabric's unreadable row is its own trouble, and is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.services.transfer.backup import back_up, write_backup
from hedgehog.services.transfer.backup_manifest import MANIFEST_FILE, STATE_FILE, verify
from hedgehog.services.transfer.restore import restore
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, repository_heads
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from tests.origins import SOMEBODY
from tests.services.git.sync_lab import Lab, make_vpc, open_lab

NOW = datetime(2026, 5, 1, 3, 40, tzinfo=UTC)
HARMS = {
    "settings": ("UPDATE hedgehog.fabric SET settings = '{\"nonsense\": 1}' WHERE name = 'bad'", "settings.nonsense"),
    "a number": (
        "UPDATE hedgehog.fabric SET switch_config = '{\"a\": 1e400}' WHERE name = 'bad'",
        "fabric bad: switch_config cannot be read",
    ),
    "an object": (
        "UPDATE hedgehog.fabric_object SET manifest = '{\"a\": 1e400}' WHERE fabric_id = (SELECT id FROM hedgehog.fabric "
        "WHERE name = 'bad')",
        "VPC/default/v cannot be read",
    ),
    "a repository": (
        "INSERT INTO hedgehog.git_repository (name, url) VALUES ('odd', 'https://canary@git.example.com/x.git'); "
        "UPDATE hedgehog.fabric SET git_repository_id = (SELECT id FROM hedgehog.git_repository WHERE name = 'odd') "
        "WHERE name = 'bad'",
        "put it into an Airflow connection",
    ),
}


@pytest.fixture
def other(postgres: Any) -> Iterator[Connection]:
    """Another fabric database, migrated and empty."""
    connection = store_database.connect(postgres.database("restored_part", template="hedgehog_template"))
    yield connection
    connection.close()
    postgres.drop("restored_part")


@pytest.fixture
def fleet(database: Connection) -> Connection:
    """Three fabrics with an object each; `bad` is between the others."""
    for name in ("a", "bad", "c"):
        fabrics.save_fabric(database, name, {})
        object_store.save_objects(database, fabrics.load_fabric(database, name).id, [make_vpc("v")])
    return database


def harm(connection: Connection, what: str) -> None:
    """Make the row of `bad` unreadable, as only SQL can."""
    with transaction(connection) as cursor:
        cursor.execute(HARMS[what][0])


@pytest.mark.parametrize("what", HARMS)
def test_what_cannot_be_read_is_missing_and_named_and_the_rest_is_backed_up(
    fleet: Connection, other: Connection, tmp_path: Path, what: str
) -> None:
    """A restore tells it again."""
    harm(fleet, what)
    dry = back_up(fleet, tmp_path, keep=14, now=NOW, dry_run=True)
    done = back_up(fleet, tmp_path, keep=14, now=NOW)
    assert (dry.fabrics, dry.objects, dry.bytes, dry.missing) == (done.fabrics, done.objects, done.bytes, done.missing)
    assert (done.fabrics, done.objects, list(done.missing.fabrics)) == (2, 2, ["bad"])
    assert HARMS[what][1] in done.missing.fabrics["bad"]
    assert "canary" not in str(done.as_dict())
    assert all(b"canary" not in path.read_bytes() for path in Path(done.place).rglob("*") if path.is_file())
    assert list(verify(Path(done.place)).fabrics) == ["a", "c"]
    report = restore(other, Path(done.place), origin=SOMEBODY)
    assert fabrics.fabric_names(other) == ["a", "c"]
    assert report.notes[0].startswith("fabric bad is not in the backup: ")


def test_a_restore_leaves_alone_what_the_backup_could_not_have(fleet: Connection, tmp_path: Path) -> None:
    """To forget it would be to delete what nobody has a copy of."""
    harm(fleet, "a repository")
    place = Path(write_backup(fleet, tmp_path, now=NOW).place)
    fabrics.save_fabric(fleet, "later", {})
    assert restore(fleet, place, replace=True, origin=SOMEBODY).deleted == ["later"]
    assert fabrics.fabric_names(fleet) == ["a", "bad", "c"]
    assert [one.name for one in fabrics.load_repositories(fleet)] == ["odd"]


def test_the_last_backup_that_has_a_fabric_stays_while_newer_ones_lack_it(fleet: Connection, tmp_path: Path) -> None:
    """And goes as soon as a newer one has it again, or nobody wants it any more."""

    def day(number: int, *, dry_run: bool = False) -> tuple[str, ...]:
        done = back_up(fleet, tmp_path, keep=1, now=NOW + timedelta(days=number), dry_run=dry_run)
        return tuple(name[9:17] for name in done.removed)

    assert day(0) == ()
    harm(fleet, "settings")
    assert [day(number) for number in (1, 2, 3)] == [(), ("20260502",), ("20260503",)]
    assert day(4, dry_run=True) == ("20260504",)
    (tmp_path / "hedgehog-20260504T034000Z" / MANIFEST_FILE).write_text("[")
    fabrics.save_fabric(fleet, "bad", {"settings": {}})
    assert day(4) == ("20260501", "20260504")


def test_a_branch_that_was_known_is_known_after_a_restore(
    database: Connection, other: Connection, tmp_path: Path
) -> None:
    """Renamed meanwhile, it is not created again beside its new name; a URL with a login does not go along."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab")
        assert lab.sync("lab").status is OutcomeStatus.SUCCESS
        repository_heads.remember(database, "https://canary@git.example.com/x.git", "main")
        place = Path(write_backup(database, tmp_path / "backups", now=NOW).place)
        assert json.loads((place / STATE_FILE).read_text())["known_branches"] == [[lab.host.url("net"), "main"]]
        ada = lab.person()
        ada.pull()
        ada.git("push", "origin", "main:trunk", ":main")
        restore(other, place, origin=SOMEBODY)
        outcome = Lab(other, lab.host, tmp_path / "new").sync("lab")
        assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "NotFound")
        assert "trunk" in outcome.reason
