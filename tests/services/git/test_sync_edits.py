"""Fabrics → Git while people work on the same branch: nobody's edit is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hedgehog.errors import HedgehogError
from hedgehog.fabric import render
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import ObjectRef, SyncStatus
from hedgehog.services.git.fabric_run import read_manifest
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from tests.origins import origins
from tests.services.git.sync_lab import EDITED, Lab, edited_text, make_vpc, open_lab


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A database and a Git host with the empty repository `net`."""
    with open_lab(database, tmp_path) as lab:
        yield lab


def test_an_edit_is_held_and_named_while_the_rest_goes_on(lab: Lab) -> None:
    """The default policy: nobody's edit is lost, and nobody has to search who made it."""
    lab.add_fabric("lab")
    lab.sync("lab")
    commit = lab.person().commit({EDITED: edited_text()})
    lab.save("lab", make_vpc("vpc-0", vlan=1700))
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert (outcome.counts["skipped"], outcome.counts["configured"]) == (1, 1)
    assert f"{EDITED} was edited by Ada <ada@example.com> in {commit[:12]}" in outcome.reason
    assert lab.files()[EDITED] == edited_text()
    assert "1700" in lab.files()["fabrics/lab/vpcs/vpc-0.yaml"]
    assert lab.state("lab").status is SyncStatus.OUT_OF_SYNC
    record = git_files.files(lab.database, [lab.id("lab")])[lab.id("lab")][EDITED]
    assert record.held_reason == outcome.reason


def test_a_held_edit_stays_held_with_its_reason(lab: Lab) -> None:
    """Also when the object changes, when others commit, and under force; no empty commits meanwhile."""
    lab.add_fabric("lab")
    lab.sync("lab")
    person = lab.person()
    person.commit({EDITED: edited_text()})
    reason = lab.sync("lab").reason
    person.commit({"elsewhere": "x"})
    commits_before = lab.log()
    assert lab.sync("lab").reason == reason
    assert lab.sync("lab", force=True).status is OutcomeStatus.HELD
    lab.save("lab", make_vpc("vpc-1", vlan=1888))
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.reason) == (OutcomeStatus.HELD, reason)
    assert lab.log() == commits_before
    assert lab.files()[EDITED] == edited_text()


@pytest.mark.parametrize("way_out", ["undone", "same in the database", "policy"])
def test_a_held_edit_is_freed(way_out: str, lab: Lab) -> None:
    """By undoing it, by wanting the same, or by another policy."""
    lab.add_fabric("lab")
    lab.sync("lab")
    original = lab.files()[EDITED]
    person = lab.person()
    person.commit({EDITED: edited_text()})
    assert lab.sync("lab").status is OutcomeStatus.HELD
    if way_out == "undone":
        person.commit({EDITED: original})
    elif way_out == "policy":
        fabric_store.save_fabric(lab.database, "lab", {"git_drift_policy": "overwrite"})
    else:
        lab.save("lab", make_vpc("vpc-1", vlan=1500))
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert lab.files()[EDITED] == (edited_text() if way_out == "same in the database" else original)
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED
    assert lab.state("lab").status is SyncStatus.IN_SYNC


def test_policy_overwrite_writes_the_file_again(lab: Lab) -> None:
    """And says whose edit that was."""
    lab.add_fabric("lab", git_drift_policy="overwrite")
    lab.sync("lab")
    original = lab.files()[EDITED]
    lab.person().commit({EDITED: edited_text()})
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    assert "Ada" in outcome.details[0]
    assert lab.files()[EDITED] == original


def test_policy_adopt_takes_the_edit_into_the_database(lab: Lab) -> None:
    """The file stays as the person wrote it, comment included; clusters get the new object."""
    lab.add_fabric("lab", git_drift_policy="adopt")
    lab.sync("lab")
    lab.person().commit({EDITED: edited_text()})
    dry = lab.sync("lab", dry_run=True)
    assert "adopted" in dry.details[0]
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.SUCCESS
    stored = {
        one.ref.name: one.manifest for one in object_store.load_objects(lab.database, [lab.id("lab")])[lab.id("lab")]
    }
    assert stored["vpc-1"] == make_vpc("vpc-1", 1500)
    assert origins(lab.database)[-1] == ("Ada <ada@example.com>", "git", "Edit a file")
    assert make_vpc("vpc-1", 1500) in git_files.published(lab.database, [lab.id("lab")])[lab.id("lab")]
    for force in (False, True):
        assert lab.sync("lab", force=force).status is OutcomeStatus.SKIPPED
    assert lab.files()[EDITED] == edited_text()
    lab.save("lab", make_vpc("vpc-1", vlan=1600))
    assert lab.sync("lab").counts["configured"] == 1
    assert "1600" in lab.files()[EDITED]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: b: c\n", "cannot be adopted"),
        (yaml.safe_dump(make_vpc("vpc-9")), "is now VPC/default/vpc-9"),
        (yaml.safe_dump_all([make_vpc("vpc-1", 1500), make_vpc("vpc-2")]), "holds 2 objects"),
        (yaml.safe_dump(make_vpc("vpc-1") | {"spec": {"subnets": 7}}), "cannot be adopted"),
    ],
)
def test_an_edit_that_cannot_be_adopted_is_held_with_the_reason(text: str, why: str, lab: Lab) -> None:
    """The database never takes what a cluster would refuse."""
    lab.add_fabric("lab", git_drift_policy="adopt")
    lab.sync("lab")
    lab.person().commit({EDITED: text})
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert why in outcome.reason
    assert lab.files()[EDITED] == text


def test_changes_on_both_sides_are_never_adopted(lab: Lab) -> None:
    """A person decides which one is meant."""
    lab.add_fabric("lab", git_drift_policy="adopt")
    lab.sync("lab")
    lab.person().commit({EDITED: edited_text()})
    lab.save("lab", make_vpc("vpc-1", vlan=1600))
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert "changed in the database, too" in outcome.reason


def test_missing_files_are_restored(lab: Lab) -> None:
    """Init and repair are one routine."""
    lab.add_fabric("lab")
    lab.sync("lab")
    before = lab.files()
    lab.person().commit({"fabrics/lab/README.md": None, "fabrics/lab/fabric.yaml": None, EDITED: None})
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.counts["created"]) == (OutcomeStatus.SUCCESS, 3)
    assert lab.files() == before


def test_a_directory_that_was_removed_is_restored(lab: Lab) -> None:
    """All of it, from the database."""
    lab.add_fabric("lab")
    lab.sync("lab")
    before = lab.files()
    person = lab.person()
    person.commit({"keep": "x"})
    person.git("rm", "-r", "--quiet", "fabrics")
    person.publish()
    assert lab.sync("lab").counts["created"] == 4
    assert lab.files() == before | {"keep": "x"}


def test_foreign_files_are_left_alone(lab: Lab) -> None:
    """Beside ours, and in the very place of a new object."""
    lab.add_fabric("lab", vpcs=1)
    foreign = {"fabrics/lab/vpcs/mine.yaml": "x: 1\n", "fabrics/lab/notes.md": "n\n", EDITED: "their own\n"}
    lab.person().commit(foreign)
    lab.save("lab", make_vpc("vpc-1"))
    for force in (False, False, True):
        outcome = lab.sync("lab", force=force)
        assert outcome.status is OutcomeStatus.HELD
        assert "not written by us but by Ada" in outcome.reason
    assert foreign.items() <= lab.files().items()
    assert lab.files()["fabrics/lab/vpcs/vpc-0.yaml"]


def test_a_foreign_file_that_says_the_same_becomes_ours(lab: Lab) -> None:
    """As after an import from this very repository."""
    lab.add_fabric("lab")
    text = "# as imported\n" + yaml.safe_dump(make_vpc("vpc-1"))
    lab.person().commit({EDITED: text, "fabrics/lab/vpcs/vpc-0.yaml": render.dump(make_vpc("vpc-0")).decode()})
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.counts["created"], outcome.counts["unchanged"]) == (OutcomeStatus.SUCCESS, 2, 2)
    assert lab.files()[EDITED] == text
    lab.save("lab", make_vpc("vpc-0"), delete_missing=True)
    lab.sync("lab")
    assert EDITED not in lab.files()


@pytest.mark.parametrize("obstacle", ["link", "file for a directory"])
def test_what_is_not_a_plain_file_is_never_written_through(obstacle: str, lab: Lab) -> None:
    """A link in our place is reported, the rest is written."""
    lab.add_fabric("lab")
    person = lab.person()
    vpcs = person.directory / "fabrics" / "lab" / "vpcs"
    vpcs.parent.mkdir(parents=True)
    if obstacle == "link":
        vpcs.mkdir()
        (vpcs / "vpc-1.yaml").symlink_to("/etc/passwd")
    else:
        vpcs.write_text("in the way\n")
    person.publish()
    outcome = lab.sync("lab")
    assert outcome.status is OutcomeStatus.HELD
    assert "is in the way" in outcome.reason
    assert "fabrics/lab/fabric.yaml" in lab.files()


def test_an_edited_file_of_a_deleted_object_stays(lab: Lab) -> None:
    """Deleting it would lose the edit; policy overwrite may."""
    lab.add_fabric("lab")
    lab.sync("lab")
    lab.person().commit({EDITED: edited_text()})
    lab.save("lab", make_vpc("vpc-0"), delete_missing=True)
    assert lab.sync("lab").status is OutcomeStatus.HELD
    assert "no longer wanted" in lab.sync("lab").reason
    assert EDITED in lab.files()
    fabric_store.save_fabric(lab.database, "lab", {"git_drift_policy": "overwrite"})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert EDITED not in lab.files()


def test_a_branch_whose_history_was_replaced_is_synced(lab: Lab) -> None:
    """Same content, other commits: nothing to do. Missing content: restored."""
    lab.add_fabric("lab")
    lab.sync("lab")
    person = lab.person()
    person.pull()
    person.git("checkout", "--quiet", "--orphan", "fresh")
    person.git("commit", "--quiet", "--message", "Squash")
    person.git("push", "--quiet", "--force", "origin", "HEAD:main")
    assert lab.sync("lab").status is OutcomeStatus.SKIPPED
    person.git("rm", "--quiet", EDITED)
    person.git("commit", "--quiet", "--amend", "--message", "Squash again")
    person.git("push", "--quiet", "--force", "origin", "HEAD:main")
    assert lab.sync("lab").counts["created"] == 1
    assert EDITED in lab.files()


def test_an_edited_file_is_read_strictly(lab: Lab) -> None:
    """One document, valid, the same object."""
    lab.add_fabric("lab")
    fabric = fabric_store.load_fabric(lab.database, "lab")
    ref = ObjectRef("VPC", "default", "vpc-1")
    assert read_manifest(fabric, ref, EDITED, edited_text().encode()) == make_vpc("vpc-1", 1500)
    for text in (b"", b"a: 1\na: 2\n", b"\xff", b"x: &a 1\ny: *a\n"):
        with pytest.raises(HedgehogError):
            read_manifest(fabric, ref, EDITED, text)
