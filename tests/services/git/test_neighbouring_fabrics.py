"""A fabric in another fabric's directory stays its own, whoever looks after it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.store import fabrics as fabric_store
from tests.services.git.sync_lab import Lab, open_lab
from tests.services.repository.follow_lab import follow, objects, text

INNER = "fabrics/lab/inner"


@pytest.fixture
def lab(database, tmp_path: Path):
    """Git is the source of truth of fabric `lab`, in whose directory another one lies."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 0, source_of_truth="git")
        yield lab


@pytest.mark.parametrize("spelt", ["", "/"], ids=["the same row", "a row that spells the URL in another way"])
@pytest.mark.parametrize("settings", [{}, {"git_sync_enabled": False}, {"suspended": True}], ids=str)
def test_the_objects_of_a_neighbour_are_not_taken_over(lab: Lab, spelt: str, settings: dict):
    """Its sync may be off, or suspended: they would go to another cluster."""
    repository = "net"
    if spelt:
        repository = "again"
        with lab.database.cursor() as cursor:  # no import makes such a row any more
            cursor.execute(
                "INSERT INTO hedgehog.git_repository (name, url, branch) VALUES ('again', %s, 'main')",
                (lab.host.url("net") + spelt,),
            )
    enabled = {key: value for key, value in settings.items() if key != "suspended"}
    lab.add_fabric("inner", 0, git_repository=repository, git_directory=INNER, **enabled)
    if "suspended" in settings:
        with lab.database.cursor() as cursor:
            cursor.execute("UPDATE hedgehog.fabric SET suspended = true, suspended_reason = 'x' WHERE name = 'inner'")
    lab.person().commit({"fabrics/lab/a.yaml": text("a"), f"{INNER}/v.yaml": text("v")})
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == ["a"]


def test_a_directory_that_says_whose_it_is_is_that_fabrics(lab: Lab):
    """Also when it is not known here, or not any more; an object that was there before stays."""
    document = {"apiVersion": "hedgehog-airflow/v1", "kind": "Fabric", "metadata": {"name": "inner"}, "spec": {}}
    ada = lab.person()
    ada.commit(
        {"fabrics/lab/a.yaml": text("a"), f"{INNER}/v.yaml": text("v"), f"{INNER}/f.yaml": yaml.safe_dump(document)}
    )
    outcome = follow(lab)
    assert outcome.status is OutcomeStatus.HELD
    assert f"{INNER}: is the directory of fabric inner; what it holds (1 object) is not taken into lab" in "\n".join(
        outcome.details
    )
    assert objects(lab) == ["a"]


def test_two_fabrics_of_one_directory_take_nothing(lab: Lab):
    """Nobody can say whose the objects are."""
    with lab.database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.git_repository (name, url, branch) VALUES ('again', %s, 'main')",
            (lab.host.url("net") + "/",),
        )
    lab.add_fabric("twin", 0, git_repository="again", git_directory="fabrics/lab")
    lab.person().commit({"fabrics/lab/a.yaml": text("a")})
    outcome = follow(lab)
    assert (outcome.status, "fabric twin has the same directory fabrics/lab" in outcome.reason) == (
        OutcomeStatus.ERROR,
        True,
    )
    assert objects(lab) == []


def test_nothing_is_written_into_a_neighbours_directory(lab: Lab):
    """It would take the files for its own."""
    lab.add_fabric("outer", 1, git_directory="net")
    lab.add_fabric("inner", 0, git_directory="net/vpcs", source_of_truth="git")
    lab.person().commit({"net/vpcs/v.yaml": text("v"), "fabrics/lab/a.yaml": text("a")})
    follow(lab)
    outcome = lab.sync("outer")
    assert outcome.status is OutcomeStatus.HELD
    assert "net/vpcs/vpc-0.yaml is in the directory of fabric inner; give one of the two another" in outcome.reason
    assert "net/fabric.yaml" in lab.files()
    lab.add_fabric("lab", 0, source_of_truth="git", description="to be looked at again")
    follow(lab)
    assert objects(lab, "inner") == ["v"]


def test_two_documents_that_say_different_things_of_a_fabric_are_reported(lab: Lab):
    """Nobody can say which one is meant; what only one of them says is taken over."""
    document = "apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {name: lab}\nspec: "
    files = {
        "fabrics/lab/1.yaml": f"{document}{{asn: 1}}\n",
        "fabrics/lab/2.yaml": f"{document}{{asn: 2, spine_count: 3}}",
    }
    lab.person().commit(files)
    outcome = follow(lab)
    assert outcome.status is OutcomeStatus.HELD
    assert (
        "fabrics/lab/2.yaml:4:8: Fabric/lab: .spec.asn: has another value in fabrics/lab/1.yaml:4:8" in outcome.reason
    )
    found = fabric_store.load_fabric(lab.database, "lab")
    assert (found.asn, found.spine_count) == (1, 3)


@pytest.mark.parametrize("end", ["deleted", "moved"])
def test_files_that_a_fabric_leaves_in_anothers_directory_belong_to_no_fabric(lab: Lab, end: str):
    """Its objects would go to another cluster. It is told, and whoever moves the files takes them in."""
    lab.add_fabric("inner", 0, git_directory=INNER, source_of_truth="git")
    ada = lab.person()
    ada.commit({"fabrics/lab/a.yaml": text("a"), "fabrics/lab/b.yaml": text("b"), f"{INNER}/v.yaml": text("v")})
    follow(lab)
    if end == "deleted":
        fabric_store.delete_fabric(lab.database, "inner")
    else:
        lab.add_fabric("inner", 0, git_directory="fabrics/inner")
    ada.git("mv", "fabrics/lab/b.yaml", f"{INNER}/b.yaml")
    (ada.directory / "fabrics/lab/c.yaml").write_text(text("c"))
    ada.publish()
    outcome = follow(lab)
    assert outcome.status is OutcomeStatus.HELD
    assert f"{INNER}: was the directory of fabric inner, and its 2 files belong to no fabric now" in outcome.reason
    assert f"move that file out of {INNER}, which belongs to no fabric" in "\n".join(outcome.details)
    assert objects(lab) == ["a", "b", "c"]
    ada.git("mv", INNER, "fabrics/lab/more")
    ada.publish()
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == ["a", "b", "c", "v"]
    ada.git("mv", "fabrics/lab/more", INNER)  # by now an ordinary directory
    ada.publish()
    assert follow(lab).status is not OutcomeStatus.HELD


def test_a_fabric_that_has_the_directory_again_takes_its_files(lab: Lab):
    """By whatever name, and however its row spells the URL."""
    lab.add_fabric("inner", 0, git_directory=INNER, source_of_truth="git")
    lab.person().commit({"fabrics/lab/a.yaml": text("a"), f"{INNER}/v.yaml": text("v")})
    fabric_store.delete_fabric(lab.database, "inner")
    assert follow(lab).status is OutcomeStatus.HELD
    with lab.database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.git_repository (name, url, branch) VALUES ('again', %s, 'main')",
            (lab.host.url("net") + "/",),
        )
    lab.add_fabric("heir", 0, git_repository="again", git_directory=INNER, source_of_truth="git")
    assert follow(lab, at_once=True).status is not OutcomeStatus.HELD
    assert objects(lab) == ["a"]


def test_a_fabric_that_moves_to_the_directory_around_keeps_its_own(lab: Lab):
    """What it left is below it."""
    lab.add_fabric("lab", 0, git_directory="fabrics/lab/deep")
    lab.person().commit({"fabrics/lab/deep/a.yaml": text("a")})
    follow(lab)
    lab.add_fabric("lab", 0, git_directory="fabrics/lab")
    assert follow(lab).status is not OutcomeStatus.HELD
    assert objects(lab) == ["a"]
