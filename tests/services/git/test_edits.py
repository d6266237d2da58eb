"""What a person decides about a file that was changed in Git: it joins the fabric, or it is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import ChangeSet, OutcomeStatus
from hedgehog.fabric.model import Manifest, SyncStatus
from hedgehog.services.git import edits as git_edits
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_edits as store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from hedgehog.store.git_edits import EditState, GitEdit
from tests.origins import SOMEBODY, origins
from tests.services.git.sync_lab import EDITED, Lab, edited_text, make_vpc, open_lab, trust

FABRIC_FILE = "fabrics/lab/fabric.yaml"
README = "fabrics/lab/README.md"


@pytest.fixture
def lab(database: Connection, tmp_path: Path) -> Iterator[Lab]:
    """A fabric in Git, in sync."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab")
        lab.sync("lab")
        yield lab


def held(lab: Lab) -> list[GitEdit]:
    """What waits for a person."""
    return [one.edit for one in store.listing(lab.database, "lab")]


def adopt(lab: Lab, *words: str) -> ChangeSet:
    """Take the named files over, as the command does."""
    edits, unknown = git_edits.named(lab.database, "lab", words)
    assert unknown == []
    repository = fabric_store.load_repositories(lab.database)[0]
    return git_edits.adopt(
        lab.database, lab.open_mirror(repository), "lab", edits, origin=SOMEBODY, find_refusals=trust
    )


def revert(lab: Lab, *words: str) -> None:
    """Have the named files overwritten, as the command does."""
    git_edits.revert(lab.database, "lab", git_edits.named(lab.database, "lab", words)[0])


def objects(lab: Lab) -> dict[str, Manifest]:
    """What the fabric wants, by name."""
    row_id = lab.id("lab")
    return {row.ref.name: row.manifest for row in object_store.load_objects(lab.database, [row_id])[row_id]}


def test_a_held_edit_is_listed_with_both_values_and_its_author(lab: Lab) -> None:
    """Nobody has to compare files by hand to decide."""
    commit = lab.person().commit({EDITED: edited_text(1500)})
    lab.sync("lab")
    (edit,) = held(lab)
    assert (edit.path, str(edit.ref), edit.state) == (EDITED, "VPC/default/vpc-1", EditState.CHANGED)
    assert edit.author == f"Ada <ada@example.com> in {commit[:12]}"
    assert list(map(str, edit.differences)) == [".spec.subnets.default.vlan: 1001 → 1500"]
    lab.sync("lab")
    assert held(lab) == [edit]


def test_an_adopted_file_stays_as_the_person_wrote_it_and_the_fabric_wants_it(lab: Lab) -> None:
    """One file only; the other edit stays held."""
    other = "fabrics/lab/vpcs/vpc-0.yaml"
    lab.person().commit({EDITED: edited_text(1500), other: "# not ours\n" + yaml.safe_dump(make_vpc("vpc-0", 1600))})
    lab.sync("lab")
    changes = adopt(lab, "VPC/default/vpc-1")
    assert origins(lab.database)[-1] == ("Ada <ada@example.com>", "git", "adopted by somebody")
    assert [str(change) for change in changes.changes] == ["VPC/default/vpc-1 configured"]
    assert objects(lab) == {"vpc-0": make_vpc("vpc-0"), "vpc-1": make_vpc("vpc-1", 1500)}
    lab.sync("lab")
    assert [edit.path for edit in held(lab)] == [other]
    assert lab.files()[EDITED] == edited_text(1500)
    adopt(lab, other)
    assert lab.sync("lab").status is not OutcomeStatus.HELD
    assert lab.state("lab").status is SyncStatus.IN_SYNC


@pytest.mark.parametrize("policy", ["hold", "adopt"])
def test_a_reverted_file_is_overwritten_whatever_the_policy_and_nothing_else_is(lab: Lab, policy: str) -> None:
    """The decision is about one file."""
    before = lab.files()
    lab.person().commit({EDITED: "no: manifest\n", README: "hello\n"})
    fabric_store.save_fabric(lab.database, "lab", {"git_drift_policy": policy})
    lab.sync("lab")
    revert(lab, EDITED)
    outcome = lab.sync("lab")
    assert lab.files()[EDITED] == before[EDITED]
    assert lab.files()[README] == "hello\n"
    assert any("edited by Ada" in line and "overwritten" in line for line in outcome.details)
    assert [edit.path for edit in held(lab)] == [README]
    revert(lab, README)
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert held(lab) == []


def test_a_file_that_is_changed_again_is_held_again(lab: Lab) -> None:
    """Only what a person has seen is overwritten or taken over."""
    person = lab.person()
    person.commit({EDITED: edited_text(1500)})
    lab.sync("lab")
    revert(lab, EDITED)
    person.commit({EDITED: edited_text(1501)})
    with pytest.raises(InvalidInput, match="changed again since it was listed"):
        adopt(lab, EDITED)
    assert lab.sync("lab").status is OutcomeStatus.HELD
    assert lab.files()[EDITED] == edited_text(1501)
    assert [one.revert for one in store.listing(lab.database, "lab")] == [False]


def test_an_edited_file_of_a_removed_object_is_kept_or_deleted(lab: Lab) -> None:
    """Adopting brings the object back, reverting removes the file."""
    other = "fabrics/lab/vpcs/vpc-0.yaml"
    lab.person().commit({EDITED: edited_text(), other: "# mine\n"})
    lab.save("lab", delete_missing=True)
    lab.sync("lab")
    assert {edit.path: edit.state for edit in held(lab)} == dict.fromkeys((EDITED, other), EditState.UNWANTED)
    adopt(lab, EDITED)
    revert(lab, other)
    lab.sync("lab")
    assert held(lab) == []
    assert objects(lab) == {"vpc-1": make_vpc("vpc-1", 1500)}
    assert other not in lab.files()


def test_a_foreign_file_at_our_path_can_be_adopted(lab: Lab) -> None:
    """It was never written by us, so nothing but a person's word lets us."""
    lab.person().commit({"fabrics/lab/vpcs/new.yaml": yaml.safe_dump(make_vpc("new", 1700))})
    lab.save("lab", make_vpc("new", 1800))
    lab.sync("lab")
    (edit,) = held(lab)
    assert (edit.state, list(map(str, edit.differences))) == (
        EditState.FOREIGN,
        [".spec.subnets.default.vlan: 1800 → 1700"],
    )
    revert(lab)
    lab.sync("lab")
    assert (held(lab), "1800" in lab.files()[edit.path]) == ([], True)


def test_an_edited_fabric_file_sets_the_fabric(lab: Lab) -> None:
    """Its wording is ours again afterwards."""
    text = lab.files()[FABRIC_FILE].replace("asn: 65000", "asn: 65001 # by Ada")
    lab.person().commit({FABRIC_FILE: text})
    lab.sync("lab")
    assert [str(one) for edit in held(lab) for one in edit.differences] == [".spec.asn: 65000 → 65001"]
    adopt(lab, FABRIC_FILE)
    assert fabric_store.load_fabric(lab.database, "lab").asn == 65001
    lab.sync("lab")
    assert (held(lab), lab.state("lab").status) == ([], SyncStatus.IN_SYNC)
    assert "asn: 65001\n" in lab.files()[FABRIC_FILE]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({EDITED: "kind: [\n"}, EDITED),
        ({README: "hello\n"}, "its text comes from the product"),
        ({FABRIC_FILE: "apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {name: lab}\n"
          "spec: {settings: {enforced: false}, prune_max_objects: 9}\n"}, ".spec.prune_max_objects"),
    ],
)  # fmt: skip
def test_what_cannot_be_adopted_is_refused_with_the_reason(lab: Lab, files: dict[str, str], said: str) -> None:
    """And nothing is written."""
    lab.person().commit(files)
    lab.sync("lab")
    before = fabric_store.load_fabric(lab.database, "lab")
    with pytest.raises(InvalidInput, match=said):
        adopt(lab)
    assert fabric_store.load_fabric(lab.database, "lab") == before


def test_what_a_cluster_would_refuse_is_not_adopted(lab: Lab) -> None:
    """Else the fabric would hold what nobody can apply."""
    lab.person().commit({EDITED: edited_text()})
    lab.sync("lab")
    mirror = lab.open_mirror(fabric_store.load_repositories(lab.database)[0])

    def refuse(_: object, wanted: object, before: object) -> Refusals:
        return Refusals({edit.ref: "VLAN 1500 is taken" for edit in held(lab) if edit.ref})

    with pytest.raises(InvalidInput, match="VPC/default/vpc-1: VLAN 1500 is taken"):
        git_edits.adopt(lab.database, mirror, "lab", held(lab), origin=SOMEBODY, find_refusals=refuse)
    assert objects(lab)["vpc-1"] == make_vpc("vpc-1")


def test_an_obstacle_is_never_removed_by_us(lab: Lab) -> None:
    """A directory in the place of a file: only a person can say what it holds."""
    lab.person().commit({"fabrics/lab/vpcs/new.yaml/inner": "x\n"})
    lab.save("lab", make_vpc("new"))
    lab.sync("lab")
    assert [edit.state for edit in held(lab)] == [EditState.OBSTACLE]
    with pytest.raises(InvalidInput, match="is in the way"):
        revert(lab, "VPC/default/new")
