"""Backup and restore: the drill, and everything that must not be restored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.objects import small_fabric
from hedgehog.errors import AlreadyExists, InvalidInput, NotFound, SchemaMismatch
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import GitRepository, Target
from hedgehog.services.transfer import backup
from hedgehog.services.transfer.backup import MANIFEST_FILE, back_up, write_backup
from hedgehog.services.transfer.load import import_documents, read_documents
from hedgehog.services.transfer.local_files import read_paths
from hedgehog.services.transfer.restore import INSTALLATION_IS_NEW, SYNCS_ARE_OFF, restore, restore_from_git
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from tests.origins import SOMEBODY
from tests.services.git.sync_lab import Lab, make_vpc, open_lab

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 5, 1, 3, 40, tzinfo=UTC)
NAME = "hedgehog-20260501T034000Z"


@pytest.fixture
def empty(postgres: Any) -> Iterator[Connection]:
    """Another fabric database, migrated and empty."""
    connection = store_database.connect(postgres.database("restored", template="hedgehog_template"))
    yield connection
    connection.close()
    postgres.drop("restored")


def fill(database: Connection) -> None:
    """Fabrics of all sorts: the example, one that is suspended, one with a deleted one's id before it."""
    fabrics.save_repository(database, "demo", {"url": "https://git.example.com/demo.git", "connection_id": "demo_git"})
    fabrics.save_repository(database, "unused", {"url": "ssh://git@git.example.com/unused.git", "branch": "live"})
    fabrics.save_fabric(database, "gone", {})
    import_documents(database, read_documents(read_paths([ROOT / "examples" / "gen"])), origin=SOMEBODY)
    fabrics.delete_fabric(database, "gone")
    settings = {"asn": 0x1_0000, "description": "über\n- all: #1", "spine_leaf_links": {"s1": ["l1", 1.5, None, True]}}
    fabrics.save_fabric(database, "Site.B", {**settings, "git_repository": "demo", "git_directory": "b"})
    object_store.save_objects(database, fabrics.load_fabric(database, "Site.B").id, small_fabric("b", 3))
    fabrics.suspend(database, "Site.B", reason="CHG-17", until=NOW + timedelta(days=9999))


def rows(database: Connection) -> dict[str, Any]:
    """Everything that is wanted: fabrics with their ids and settings, repositories, objects with their digests."""
    with transaction(database) as cursor:
        cursor.execute(
            "SELECT to_jsonb(f) - ARRAY['generation', 'last_updated', 'created_at', 'git_repository_id'] || "
            "jsonb_build_object('repository', r.name) FROM hedgehog.fabric f "
            "LEFT JOIN hedgehog.git_repository r ON r.id = f.git_repository_id ORDER BY f.name"
        )
        found = cursor.fetchall()
        cursor.execute("SELECT to_jsonb(r) - ARRAY['id', 'created_at'] FROM hedgehog.git_repository r ORDER BY name")
        repositories = cursor.fetchall()
        cursor.execute(
            "SELECT fabric_id, kind, namespace, name, digest FROM hedgehog.fabric_object ORDER BY 1, 2, 3, 4"
        )
        return {"fabrics": found, "repositories": repositories, "objects": cursor.fetchall()}


@pytest.fixture
def backed_up(database: Connection, tmp_path: Path) -> Path:
    """The backup of a filled database."""
    fill(database)
    return Path(write_backup(database, tmp_path / "backups", now=NOW).place)


# The drill


def test_a_backup_restores_into_an_empty_database_to_the_same_hashes(
    database: Connection, empty: Connection, backed_up: Path
) -> None:
    """Ids, settings, suspensions, repositories nobody uses, and every object."""
    report = restore(empty, backed_up, origin=SOMEBODY)
    wanted = rows(database)
    assert rows(empty) == wanted
    assert len(wanted["objects"]) == sum(report.objects.values()) > 50
    assert report.fabrics == {"Site.B": "created", "gen": "created"}
    assert report.repositories == {"demo": "created", "unused": "created"}
    assert (report.deleted, report.notes) == ([], [])
    again = write_backup(empty, backed_up.parent / "again", now=NOW)
    assert manifest_of(Path(again.place))["fabrics"] == manifest_of(backed_up)["fabrics"]
    fabrics.save_fabric(empty, "next", {})
    assert fabrics.load_fabric(empty, "next").id > fabrics.load_fabric(empty, "gen").id


def test_a_second_restore_changes_nothing(database: Connection, empty: Connection, backed_up: Path) -> None:
    """No new generation, so nothing is due for it."""
    restore(empty, backed_up, origin=SOMEBODY)
    before = {fabric.name: fabric.generation for fabric in fabrics.load_fabrics(empty)}
    report = restore(empty, backed_up, replace=True, origin=SOMEBODY)
    assert report.fabrics == {"Site.B": "unchanged", "gen": "unchanged"}
    assert {fabric.name: fabric.generation for fabric in fabrics.load_fabrics(empty)} == before


def test_the_files_of_a_fabric_are_what_an_import_reads(
    empty: Connection, database: Connection, backed_up: Path
) -> None:
    """A backup is of use without the command that restores it."""
    report = import_documents(empty, read_documents(read_paths([backed_up / "fabrics" / "gen"])), origin=SOMEBODY)
    assert report.fabrics == {"gen": "created"}
    ids = [fabrics.load_fabric(one, "gen").id for one in (database, empty)]
    stored = [object_store.load_objects(one, [row])[row] for one, row in zip((database, empty), ids, strict=True)]
    assert stored[0] == stored[1]


def test_the_last_revisions_are_in_the_backup_and_reported(
    database: Connection, empty: Connection, tmp_path: Path
) -> None:
    """So that somebody can look at Git as it was."""
    fill(database)
    revision = "main@sha1:" + "5394cb7f" * 5
    with transaction(database) as cursor:
        outcome = Outcome("gen", Target.GIT, OutcomeStatus.SUCCESS, generation=2, revision=revision)
        from hedgehog.store import sync_state

        sync_state.finish(cursor, fabrics.load_fabric(database, "gen").id, outcome, run_id="r")
    place = Path(write_backup(database, tmp_path, now=NOW).place)
    kept = json.loads((place / "state.json").read_text())["fabrics"]["gen"]["sync"]["git"]
    assert (kept["revision"], kept["status"], kept["observed_generation"]) == (revision, "in_sync", 2)
    assert restore(empty, place, origin=SOMEBODY).revisions == {"gen": revision}


def test_what_was_published_is_restored_from_git_alone(lab: Lab, empty: Connection, tmp_path: Path) -> None:
    """The same objects, the eight fields and the ids; turned on again, the sync finds nothing to write."""
    lab.add_fabric("other", vpcs=1)
    lab.add_fabric("Lab", vpcs=30, description="über", asn=65123, spine_leaf_links={"s": [1]})
    assert [one.status for one in lab.sync_all("other", "Lab")] == [OutcomeStatus.SUCCESS] * 2
    log = lab.log()
    repository = GitRepository(0, "net", lab.host.url("net"))
    report = restore_from_git(empty, lab.open_mirror(repository), repository, origin=SOMEBODY)
    assert (report.fabrics, report.objects) == ({"Lab": "created", "other": "created"}, {"Lab": 30, "other": 1})
    assert report.notes == [SYNCS_ARE_OFF, INSTALLATION_IS_NEW]
    for name in ("Lab", "other"):
        was, now = (fabrics.load_fabric(one, name) for one in (lab.database, empty))
        fields = ("id", "name", "description", "asn", "spine_count", "leaf_count", "spine_leaf_links", "git_directory")
        assert [getattr(now, key) for key in fields] == [getattr(was, key) for key in fields]
        assert now.git_sync_enabled is False
        assert hashes(empty, now.id) == hashes(lab.database, was.id)
        fabrics.save_fabric(empty, name, {"git_sync_enabled": True})
    restored = Lab(empty, lab.host, tmp_path)
    outcomes = restored.sync_all("Lab", "other")
    assert [(one.counts["created"], one.counts["configured"], one.counts["skipped"]) for one in outcomes] == [
        (0, 0, 0)
    ] * 2
    assert lab.log() == log


def test_a_backup_meets_git_without_a_commit(lab: Lab, empty: Connection, tmp_path: Path) -> None:
    """After a restore every fabric is due, and everything is found in its place."""
    lab.add_fabric("lab", vpcs=5)
    lab.sync("lab")
    log = lab.log()
    restore(empty, Path(write_backup(lab.database, tmp_path / "backups", now=NOW).place), origin=SOMEBODY)
    outcome = Lab(empty, lab.host, tmp_path).sync("lab")
    assert (outcome.status, outcome.commit, outcome.counts["skipped"]) == (OutcomeStatus.SUCCESS, None, 0)
    assert lab.log() == log


def hashes(database: Connection, fabric_id: int) -> list[tuple[str, Any]]:
    """The objects of a fabric in the form in which they are compared."""
    return [
        (str(one.ref), canonical(one.manifest)) for one in object_store.load_objects(database, [fabric_id])[fabric_id]
    ]


def manifest_of(place: Path) -> dict[str, Any]:
    """What the backup says of itself."""
    return dict(json.loads((place / MANIFEST_FILE).read_text()))


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A database and a Git host."""
    with open_lab(database, tmp_path / "lab") as opened:
        yield opened


# What must not be restored


def test_a_database_that_is_not_empty_is_refused(empty: Connection, backed_up: Path) -> None:
    """One repository is enough to ask."""
    fabrics.save_repository(empty, "mine", {"url": "https://git.example.com/mine.git"})
    with pytest.raises(AlreadyExists, match="has 0 fabrics and 1 repository; say --replace"):
        restore(empty, backed_up, origin=SOMEBODY)
    assert fabrics.load_fabrics(empty) == []


def test_replacing_makes_exactly_what_the_backup_has(database: Connection, backed_up: Path) -> None:
    """What came after it is forgotten; a suspension that is in force stays, for somebody has a reason."""
    wanted = rows(database)
    fabrics.save_fabric(database, "later", {})
    fabrics.save_repository(database, "later", {"url": "https://git.example.com/later.git"})
    gen = fabrics.load_fabric(database, "gen")
    object_store.save_objects(database, gen.id, [make_vpc("new")], delete_missing=True)
    fabrics.save_fabric(database, "Site.B", {"asn": 5})
    report = restore(database, backed_up, replace=True, origin=SOMEBODY)
    assert report.deleted == ["later", "later"]
    assert report.fabrics == {"Site.B": "configured", "gen": "configured"}
    assert rows(database) == wanted
    fabrics.suspend(database, "gen", reason="drill", until=None)
    restore(database, backed_up, replace=True, origin=SOMEBODY)
    assert fabrics.load_fabric(database, "gen").suspended_reason == "drill"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda place: (place / "fabrics/gen/objects-0001.yaml").write_text("{}"), "objects-0001.yaml: was changed"),
        (lambda place: (place / "repositories.yaml").unlink(), "repositories.yaml: cannot be read"),
        (lambda place: (place / MANIFEST_FILE).unlink(), "was not written to its end"),
        (lambda place: (place / MANIFEST_FILE).write_text("{}"), "cannot be read"),
        (lambda place: (place / MANIFEST_FILE).write_text("[" * 5000), "cannot be read"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_written(
    empty: Connection, backed_up: Path, damage: Any, said: str
) -> None:
    """Every file is named."""
    damage(backed_up)
    with pytest.raises(InvalidInput, match=said):
        restore(empty, backed_up, origin=SOMEBODY)
    assert rows(empty) == {"fabrics": [], "repositories": [], "objects": []}


@pytest.mark.parametrize("changed", [{"format": 99}, {"schema_version": 9999}])
def test_a_backup_of_a_newer_version_is_refused(empty: Connection, backed_up: Path, changed: dict[str, int]) -> None:
    """We would not know what we leave out."""
    (backed_up / MANIFEST_FILE).write_text(json.dumps(manifest_of(backed_up) | changed))
    with pytest.raises(SchemaMismatch):
        restore(empty, backed_up, origin=SOMEBODY)


def test_a_fabric_that_would_differ_rolls_everything_back(empty: Connection, backed_up: Path) -> None:
    """Checksums of files say that they were not changed, not that they were understood."""
    manifest = manifest_of(backed_up)
    manifest["fabrics"]["gen"]["sha256"] = "0" * 64
    (backed_up / MANIFEST_FILE).write_text(json.dumps(manifest))
    with pytest.raises(InvalidInput, match="gen would not be what it was"):
        restore(empty, backed_up, origin=SOMEBODY)
    assert rows(empty) == {"fabrics": [], "repositories": [], "objects": []}


def test_a_branch_without_fabrics_restores_nothing(lab: Lab, empty: Connection) -> None:
    """A wrong URL must not look like an empty fleet."""
    repository = GitRepository(0, "net", lab.host.url("net"))
    with pytest.raises(NotFound, match="has no branch main"):
        restore_from_git(empty, lab.open_mirror(repository), repository, origin=SOMEBODY)
    lab.person().commit({"README.md": "hello"}, "Begin")
    with pytest.raises(NotFound, match=r"has none of our fabric\.yaml files"):
        restore_from_git(empty, lab.open_mirror(repository), repository, origin=SOMEBODY)


def test_a_fabric_whose_id_is_taken_gets_another_one_and_says_what_follows(
    database: Connection, empty: Connection, backed_up: Path
) -> None:
    """Its published fabric.yaml has the old one."""
    fabrics.save_fabric(empty, "zzz", {})
    fabrics.save_fabric(empty, "Site.B", {})
    report = restore(empty, backed_up, replace=True, origin=SOMEBODY)
    assert [note.partition(" in Git ")[0] for note in report.notes] == [
        "gen has another id than it had (2): its fabric.yaml"
    ]
    assert report.fabrics == {"Site.B": "configured", "gen": "created"}


# Writing


def test_a_backup_is_of_one_moment(database: Connection, database_parameters: Any, tmp_path: Path, monkeypatch) -> None:
    """A change that comes while it is written is not in it, not even in part."""
    fill(database)
    other = store_database.connect(database_parameters)
    load = fabrics.load_repositories

    def load_and_change(connection: Connection) -> Any:
        found = load(connection)
        fabrics.save_fabric(other, "late", {})
        fabrics.delete_fabric(other, "gen")
        return found

    monkeypatch.setattr(fabrics, "load_repositories", load_and_change)
    place = Path(write_backup(database, tmp_path, now=NOW).place)
    other.close()
    assert sorted(manifest_of(place)["fabrics"]) == ["Site.B", "gen"]
    assert fabrics.fabric_names(database) == ["Site.B", "late"]


def test_no_secret_is_in_a_backup(database: Connection, backed_up: Path, tmp_path: Path) -> None:
    """Connections are named; a URL with a token, which only SQL can have stored, is missing, and told with its place."""
    everything = b"".join(path.read_bytes() for path in backed_up.rglob("*") if path.is_file())
    assert b"demo_git" in everything
    with transaction(database) as cursor:
        cursor.execute(
            "UPDATE hedgehog.git_repository SET url = 'https://ghp_canary@git.example.com/x.git' WHERE name = 'demo'"
        )
    done = write_backup(database, tmp_path / "other", now=NOW)
    assert (list(done.missing.repositories), list(done.missing.fabrics)) == (["demo"], ["Site.B", "gen"])
    assert "put it into an Airflow connection" in done.missing.repositories["demo"]
    written = [path.read_bytes() for path in Path(done.place).rglob("*") if path.is_file()]
    assert not [content for content in written if b"canary" in content]


def test_a_partial_backup_has_no_name_yet(database: Connection, tmp_path: Path, monkeypatch) -> None:
    """Killed, it is swept away later; failed, at once."""
    fill(database)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_sync", full)
    with pytest.raises(OSError, match="No space"):
        write_backup(database, tmp_path, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_backups_are_deleted_and_nothing_else(database: Connection, tmp_path: Path) -> None:
    """Whatever else lies there is somebody else's."""
    for name in ("notes", "hedgehog-old", "hedgehog-20200101T000000Z"):
        (tmp_path / name).mkdir()
    days = [back_up(database, tmp_path, keep=2, now=NOW + timedelta(days=day)) for day in range(4)]
    assert [one.removed for one in days] == [(), (), (days[0].name,), (days[1].name,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["notes", "hedgehog-old", "hedgehog-20200101T000000Z", days[2].name, days[3].name]
    )


def test_a_dry_run_says_the_same_and_writes_nothing(database: Connection, tmp_path: Path) -> None:
    """Not even the directory."""
    fill(database)
    dry = back_up(database, tmp_path / "new", keep=1, now=NOW, dry_run=True)
    assert not (tmp_path / "new").exists()
    wet = back_up(database, tmp_path / "new", keep=1, now=NOW)
    assert (dry.name, dry.place, dry.fabrics, dry.objects, dry.removed) == (
        NAME,
        wet.place,
        wet.fabrics,
        wet.objects,
        wet.removed,
    )
    assert back_up(database, tmp_path / "new", keep=1, now=NOW + timedelta(1), dry_run=True).removed == (NAME,)


def test_two_backups_of_one_second_and_a_keep_of_none_are_refused(database: Connection, backed_up: Path) -> None:
    """The first one stays as it is."""
    with pytest.raises(AlreadyExists):
        write_backup(database, backed_up.parent, now=NOW)
    with pytest.raises(InvalidInput, match="at least 1"):
        back_up(database, backed_up.parent, keep=0, now=NOW + timedelta(1))


def test_a_large_fabric_is_cut_into_files_that_can_be_read(
    database: Connection, empty: Connection, tmp_path: Path, monkeypatch
) -> None:
    """A file has a largest size for the reader, too."""
    monkeypatch.setattr(backup, "_LARGEST_FILE", 1000)
    fill(database)
    place = Path(write_backup(database, tmp_path, now=NOW).place)
    assert len(list((place / "fabrics" / "gen").glob("objects-*.yaml"))) > 10
    restore(empty, place, origin=SOMEBODY)
    assert rows(empty) == rows(database)
