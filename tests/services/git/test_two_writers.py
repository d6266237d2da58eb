"""A bot that writes back in Git what we overwrite or restore there: corrected a few times, then held, until it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.corrections import FREE_CORRECTIONS, pause
from hedgehog.services.git import edits as git_edits
from hedgehog.store import fabrics
from hedgehog.store import git_edits as edit_store
from hedgehog.store.database import transaction
from tests.services.git.sync_lab import EDITED, Lab, edited_text, make_vpc, open_lab

HELD, SUCCESS = OutcomeStatus.HELD, OutcomeStatus.SUCCESS


@pytest.fixture
def lab(database, tmp_path) -> Iterator[Lab]:
    """A fabric whose edits in Git are overwritten, in sync."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", git_drift_policy="overwrite")
        lab.sync("lab")
        yield lab


def bot(lab: Lab, content: str | None) -> Callable[[], object]:
    """A bot that makes the file what it wants (gone, if None) each time."""
    person = lab.person()

    def act() -> object:
        return person.commit({EDITED: content})

    return act


def fight(lab: Lab, act: Callable[[], object]) -> None:
    """As many rounds as are corrected at once, and the answer to the last."""
    for _ in range(FREE_CORRECTIONS):
        act()
        assert lab.sync("lab").status is SUCCESS
    act()


@pytest.mark.parametrize("content", [edited_text(), None])
def test_a_file_that_others_keep_changing_is_held_after_a_few_corrections(lab, content):
    """An edit that comes back, a file that goes again; both are named, no commit is made, and the rest goes on."""
    fight(lab, bot(lab, content))
    commits = lab.log()
    for _ in range(3):
        outcome = lab.sync("lab")
        assert (outcome.status, outcome.error_class, lab.log()) == (HELD, "Flapping", commits)
    assert "flapping: 'Hedgehog on Airflow' and 'Ada" in outcome.reason
    assert "keep overwriting each other, 3 times" in outcome.reason
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT kind, subject FROM hedgehog.problem")
        assert cursor.fetchall() == [("flapping", EDITED)]
    lab.save("lab", make_vpc("vpc-0", vlan=1700))
    assert lab.sync("lab").counts["configured"] == 1
    with transaction(lab.database) as cursor:
        cursor.execute("UPDATE hedgehog.correction SET last_at = last_at - make_interval(secs => %s)", (pause(3),))
    assert lab.sync("lab").status is SUCCESS


def test_a_decision_another_policy_or_a_change_of_the_fabric_ends_the_hold(lab):
    """Each of them is a decision."""
    act = bot(lab, edited_text())
    fight(lab, act)
    assert lab.sync("lab").error_class == "Flapping"
    (edit,) = [one.edit for one in edit_store.listing(lab.database, "lab")]
    git_edits.revert(lab.database, "lab", [edit])
    assert lab.sync("lab").status is SUCCESS
    fight(lab, act)
    assert lab.sync("lab").error_class == "Flapping"
    fabrics.save_fabric(lab.database, "lab", {"git_drift_policy": "hold"})
    assert lab.sync("lab").error_class is None
    fabrics.save_fabric(lab.database, "lab", {"git_drift_policy": "overwrite"})
    assert lab.sync("lab").status is SUCCESS
    act()
    for _ in range(FREE_CORRECTIONS - 1):
        assert lab.sync("lab").status is SUCCESS
        act()
    assert lab.sync("lab").error_class == "Flapping"
    lab.save("lab", make_vpc("vpc-1", vlan=1800))
    assert lab.sync("lab").status is SUCCESS
