"""Freezes and windows: what is due waits, what is claimed is not written, and everything goes on when that ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, SyncStatus, Target
from hedgehog.fabric.selectors import Selector, parse_selector
from hedgehog.services import claims
from hedgehog.services.observe.status import TargetStatus, target_statuses
from hedgehog.services.steer import freezing
from hedgehog.services.waits import WindowOverride, refuse_frozen
from hedgehog.store import fabrics, sync_state
from hedgehog.store.actions import action_rows
from hedgehog.store.database import Connection, transaction
from hedgehog.store.freezes import active_freezes
from tests.services.windows_lab import freeze, set_window, unfreeze
from tests.store.benches import CHANGED, Ear

ALL = Selector()
LAB = Selector.named(["lab"])


def make_fabric(database: Connection, name: str, **settings: object) -> Fabric:
    """A fabric that is due at Git."""
    fabrics.save_repository(database, "network", {"url": "file:///network"})
    defaults = {"git_repository": "network", "git_directory": name, "git_sync_enabled": True}
    fabrics.save_fabric(database, name, defaults | settings)
    return fabrics.load_fabric(database, name)


@pytest.fixture
def lab(database: Connection) -> Fabric:
    """The fabric `lab`, due at Git."""
    return make_fabric(database, "lab", labels={"site": "fra"})


def planned(database: Connection, **options: object) -> list[list[str]]:
    """The batches of a plan made now."""
    return claims.plan(database, Target.GIT, now=datetime.now(UTC), **options)


def claimed(database: Connection, name: str = "lab", **options: object) -> str:
    """Why the fabric is not claimed; empty if it is."""
    settings = {"skip_reason": lambda fabric: "", "now": datetime.now(UTC), "dry_run": False, "due_only": False}
    with claims.claim(database, Target.GIT, [name], **(settings | options)) as (taken, skipped):
        assert len(taken) + len(skipped) == 1
        return skipped[0].reason if skipped else ""


def standing(database: Connection, name: str = "lab") -> TargetStatus:
    """What operators see."""
    (row,) = target_statuses(database, [name], now=datetime.now(UTC))
    return row


@pytest.mark.parametrize("selector", [ALL, LAB, parse_selector("site=fra"), parse_selector("repository=net*")])
def test_a_frozen_fabric_is_neither_planned_nor_claimed(database: Connection, lab: Fabric, selector: Selector) -> None:
    """However it was chosen; it waits with who froze it and why."""
    freeze(database, selector)
    assert planned(database) == []
    assert claimed(database) == "frozen by ann: CHG-17"
    row = standing(database)
    assert (row.state.status, row.reason, row.state.due_at) == (SyncStatus.WAITING, "frozen by ann: CHG-17", None)
    assert not row.needs_somebody


@pytest.mark.parametrize("selector", [Selector.named(["other"]), parse_selector("site!=fra")])
def test_other_fabrics_are_not_frozen(database: Connection, lab: Fabric, selector: Selector) -> None:
    """A freeze is as wide as it says."""
    freeze(database, selector)
    assert planned(database) == [["lab"]]
    assert claimed(database) == ""


def test_a_fabric_that_is_added_later_is_frozen_with_the_others(database: Connection) -> None:
    """A freeze is of what its selector fits, whenever it comes."""
    freeze(database, ALL)
    make_fabric(database, "new")
    assert planned(database) == []


def test_what_was_frozen_after_it_was_planned_is_not_written(database: Connection, lab: Fabric) -> None:
    """The claim is what counts."""
    assert planned(database) == [["lab"]]
    freeze(database, LAB)
    assert claimed(database, due_only=True) == "frozen by ann: CHG-17"


def test_what_waited_is_due_at_once_and_wakes_the_dag(
    database: Connection, lab: Fabric, database_parameters: dict[str, object]
) -> None:
    """When the freeze is lifted; a change meanwhile waited, too."""
    freeze(database, LAB)
    assert planned(database) == []
    fabrics.save_fabric(database, "lab", {"description": "changed"})
    assert planned(database) == []
    ear = Ear(database_parameters)
    unfreeze(database, LAB)
    assert (CHANGED, "lab") in ear.heard()
    ear.connection.close()
    assert planned(database) == [["lab"]]


def test_a_freeze_ends_by_itself(database: Connection, lab: Fabric) -> None:
    """What waits is due at its end, without anybody lifting it."""
    end = datetime.now(UTC) + timedelta(hours=2)
    freeze(database, LAB, until=end)
    assert planned(database) == []
    assert standing(database).state.due_at == end
    with transaction(database) as cursor:
        cursor.execute("UPDATE hedgehog.freeze SET until = now() - interval '1 second'")
        cursor.execute(
            "UPDATE hedgehog.sync_state SET due_at = now() - interval '1 second' WHERE waits_for IS NOT NULL"
        )
    assert active_freezes(database) == []
    assert planned(database) == [["lab"]]
    assert claimed(database) == ""


def test_of_two_freezes_the_longer_counts(database: Connection, lab: Fabric) -> None:
    """One without an end is the longest."""
    freeze(database, parse_selector("site=fra"), reason="short", until=datetime.now(UTC) + timedelta(hours=1))
    freeze(database, ALL, reason="long")
    assert claimed(database) == "frozen by ann: long"
    unfreeze(database, ALL)
    assert "short" in claimed(database)


def test_a_dry_run_and_what_comes_in_go_on(database: Connection, lab: Fabric) -> None:
    """Nothing is written by them to Git or a cluster."""
    freeze(database, LAB)
    assert claimed(database, dry_run=True) == ""
    assert claimed(database, writes=False) == ""


def test_freezing_again_changes_the_reason_only(database: Connection, lab: Fabric) -> None:
    """One freeze for each selector, and an equal one changes nothing."""
    values = {"until": None, "now": datetime.now(UTC), "actor": "ann"}
    actions = [
        freezing.freeze_fabrics(database, [LAB], reason=reason, **values)[0].action.value
        for reason in ("one", "one", "two")
    ]
    assert actions == ["created", "unchanged", "configured"]
    assert [one.reason for one in active_freezes(database)] == ["two"]
    lifted = [freezing.unfreeze_fabrics(database, [LAB], actor="ann")[0].action.value for _ in range(2)]
    assert lifted == ["deleted", "unchanged"]
    assert [row["action"] for row in action_rows(database, "lab", after=None, limit=9)] == [
        "unfreeze",
        "freeze",
        "freeze",
    ]


def test_a_freeze_that_is_over_is_history(database: Connection, lab: Fabric) -> None:
    """A new one does not take its place, and says when the old one ended."""
    freeze(database, LAB, until=datetime.now(UTC) + timedelta(hours=1))
    with transaction(database) as cursor:
        cursor.execute("UPDATE hedgehog.freeze SET until = now() - interval '1 hour'")
    freeze(database, LAB, reason="again")
    with transaction(database) as cursor:
        cursor.execute("SELECT reason, lifted_by, lifted_at = until FROM hedgehog.freeze ORDER BY id")
        assert cursor.fetchall() == [("CHG-17", "its end", True), ("again", None, None)]


@pytest.mark.parametrize(("reason", "hours"), [(" ", 1), ("x" * 1001, 1), ("late", -1)])
def test_a_freeze_without_a_reason_or_in_the_past_is_refused(
    database: Connection, lab: Fabric, reason: str, hours: int
) -> None:
    """Nobody would know why, or until when."""
    now = datetime.now(UTC)
    with pytest.raises(InvalidInput):
        freezing.freeze_fabrics(
            database, [LAB], reason=reason, until=now + timedelta(hours=hours), now=now, actor="ann"
        )
    assert active_freezes(database) == []


def test_work_that_cannot_wait_is_refused(database: Connection, lab: Fabric) -> None:
    """A purge, for one: with the way out."""
    refuse_frozen(database, ["lab"])
    freeze(database, LAB)
    with pytest.raises(InvalidInput, match="lab is frozen by ann: CHG-17; lift the freeze first"):
        refuse_frozen(database, ["lab"])


def test_a_fabric_waits_for_its_window(database: Connection, lab: Fabric) -> None:
    """With the next opening, at which it is due by itself."""
    window = set_window(database, LAB, open=False)
    opens = window.next_opening(datetime.now(UTC))
    assert opens is not None
    assert planned(database) == []
    reason = f"its window is closed (nights); the next opens {opens:%Y-%m-%d %H:%M} UTC"
    assert claimed(database) == reason
    row = standing(database)
    assert (row.state.status, row.reason, row.state.due_at) == (SyncStatus.WAITING, reason, opens)


def test_one_open_window_is_enough(database: Connection, lab: Fabric) -> None:
    """And a fabric without any may always be written."""
    set_window(database, Selector.named(["other"]), open=False, name="other")
    assert planned(database) == [["lab"]]
    set_window(database, LAB, open=False)
    set_window(database, parse_selector("site=fra"), open=True, name="days")
    assert planned(database) == [["lab"]]
    assert claimed(database) == ""


@pytest.mark.parametrize("end", ["delete", "open", "elsewhere"])
def test_another_window_is_noticed_at_once(database: Connection, lab: Fabric, end: str) -> None:
    """Deleted, changed, or for other fabrics now: what waited for it is planned again."""
    set_window(database, LAB, open=False)
    assert planned(database) == []
    if end == "delete":
        freezing.delete_window(database, "nights", actor="ann")
    else:
        selector = LAB if end == "open" else Selector.named(["other"])
        set_window(database, selector, open=end == "open")
    assert planned(database) == [["lab"]]


def test_a_window_that_is_not_there_cannot_be_deleted(database: Connection, lab: Fabric) -> None:
    """A similar name is proposed."""
    set_window(database, LAB, open=False)
    with pytest.raises(NotFound, match="there is no window 'night'; did you mean nights"):
        freezing.delete_window(database, "night", actor="ann")


def test_an_override_is_recorded_and_ends_no_freeze(database: Connection, lab: Fabric) -> None:
    """With who and why, for the fabrics that were outside of their windows; of others nothing is recorded."""
    override = WindowOverride("outage 42", "bob")
    assert claimed(database, override=override) == ""
    assert action_rows(database, "lab", after=None, limit=9) == []
    set_window(database, LAB, open=False)
    assert claimed(database, override=override) == ""
    (row, *_) = action_rows(database, "lab", after=None, limit=1)
    assert (row["action"], row["actor"], row["reason"]) == ("override-window", "bob", "outage 42")
    freeze(database, LAB)
    assert claimed(database, override=override) == "frozen by ann: CHG-17"


def test_a_named_fabric_is_planned_and_says_why_it_is_skipped(database: Connection, lab: Fabric) -> None:
    """Who names it wants to know."""
    freeze(database, LAB)
    assert planned(database, fabrics=["lab"]) == [["lab"]]
    assert planned(database, force=True) == []


def test_a_frozen_fabric_in_sync_shows_it(database: Connection, lab: Fabric) -> None:
    """Its status stays, with the freeze as a remark."""
    with transaction(database) as cursor:
        outcome = Outcome("lab", Target.GIT, OutcomeStatus.SUCCESS, generation=lab.generation)
        sync_state.finish(cursor, lab.id, outcome, run_id="r")
    freeze(database, LAB)
    row = standing(database)
    assert (row.state.status, row.is_in_step, row.reason) == (SyncStatus.IN_SYNC, True, "frozen by ann: CHG-17")
