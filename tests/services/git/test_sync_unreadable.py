"""What stands in our place in Git and cannot be read is held and told; nothing goes through it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hedgehog.fabric.changes import OutcomeStatus
from tests.gitops.bombs import plant_bomb
from tests.services.git.sync_lab import Lab, make_vpc, open_lab


@pytest.fixture
def lab(database, tmp_path: Path):
    """A fabric of the database with two VPCs, published."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab")
        assert lab.sync("lab").status is OutcomeStatus.SUCCESS
        yield lab


@pytest.mark.parametrize(
    "path",
    ["fabrics/lab/vpcs/vpc-1.yaml", "fabrics/lab/vpcs", "fabrics/lab", "fabrics"],
    ids=lambda path: path.count("/"),
)
def test_a_link_in_our_place_is_held_and_never_followed(lab: Lab, path: str):
    """A change of an object behind it waits, and so does its removal; nothing is written where the link leads."""
    ada = lab.person()
    ada.pull()
    (ada.directory / "elsewhere").mkdir()
    ada.git("mv", path, "elsewhere/moved")
    (ada.directory / path).symlink_to(os.path.relpath("elsewhere/moved", Path(path).parent))
    ada.publish()
    before = lab.files()
    lab.save("lab", make_vpc("vpc-1", 1500))
    outcome = lab.sync("lab")
    assert outcome.status in (OutcomeStatus.HELD, OutcomeStatus.ERROR)
    assert path in "\n".join((outcome.reason, *outcome.details))
    written = {name for name, content in lab.files().items() if before.get(name) != content}
    assert not any(name.startswith("elsewhere") for name in written)
    assert before.keys() <= lab.files().keys()


def test_foreign_files_may_be_called_anything(lab: Lab):
    """They are none of ours."""
    ada = lab.person()
    ada.pull()
    Path(os.fsdecode(os.fsencode(ada.directory) + b"/fabrics/lab/\xff\n.yaml")).write_text("x\n")
    ada.publish()
    lab.save("lab", make_vpc("vpc-1", 1500))
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS


def test_a_tree_bomb_stops_only_its_fabric(lab: Lab):
    """Its neighbour is published."""
    lab.add_fabric("other")
    plant_bomb_at_head(lab)
    first, second = lab.sync_all("lab", "other")
    assert (first.status, second.status) == (OutcomeStatus.ERROR, OutcomeStatus.SUCCESS)
    assert "too large: there are more than 20000 files and directories" in first.reason


def plant_bomb_at_head(lab: Lab) -> None:
    """Somebody pushes a million files into the fabric's directory."""
    ada = lab.person()
    ada.pull()
    plant_bomb(ada, "fabrics/lab/bomb")
