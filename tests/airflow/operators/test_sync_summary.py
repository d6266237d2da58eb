"""The summary of a sync: every fabric of the run, the worst first, and red when one failed, was lost or waits."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators import sync as operators
from hedgehog.airflow.operators.sync import OUTCOMES, SyncSummaryOperator
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from tests.airflow.operators.fakes import HELD, make_error, make_outcome


def summarise(batches: list[list[str]] | None, results: dict[int, list[Outcome]], make_ti: Any) -> tuple[Any, Any]:
    """Run the summary over what the mapped tasks left; returns its result (or error) and its task instance."""
    xcoms = {("sync", OUTCOMES, index): [one.as_dict() for one in found] for index, found in results.items()}
    ti = make_ti(xcoms)
    try:
        return SyncSummaryOperator(task_id="summary", planned=batches).execute({"ti": ti}), ti
    except AirflowFailException as error:
        return error, ti


@pytest.fixture
def make_ti(ti):
    """Makes task instances from XComs."""
    return type(ti)


def test_a_summary_counts_every_fabric(make_ti):
    """The totals have every kind of outcome, including those that did not occur."""
    outcomes = {0: [make_outcome("fabric-1")], 1: [make_outcome("fabric-2", OutcomeStatus.SKIPPED, reason="as it was")]}
    summary, ti = summarise([["fabric-1"], ["fabric-2"]], outcomes, make_ti)
    assert summary["totals"] == {"success": 1, "skipped": 1, "held": 0, "error": 0, "lost": 0}
    assert [outcome["fabric"] for outcome in summary["fabrics"]] == ["fabric-1", "fabric-2"]
    assert summary["lost"] == []
    assert ti.pushed == {}


def test_a_summary_is_red_when_a_fabric_failed_and_names_the_others(make_ti):
    """Its result is in XCom before it fails."""
    batches = [["fabric-1", "fabric-2"], ["fabric-3"]]
    outcomes = {0: [make_outcome("fabric-1"), make_error("fabric-2")], 1: [make_outcome("fabric-3")]}
    error, ti = summarise(batches, outcomes, make_ti)
    assert str(error) == "1 of 3 fabrics failed: fabric-2; 1 of them are retried automatically"
    assert ti.pushed["return_value"]["totals"] == {"success": 2, "skipped": 0, "held": 0, "error": 1, "lost": 0}


def test_retried_failures_are_distinguished_from_those_that_wait_for_a_person(make_ti):
    """An unreachable host recovers; a refused credential does not."""
    refused = make_outcome("fabric-2", OutcomeStatus.ERROR, reason="401", error_class="AuthenticationFailed")
    error, ti = summarise([["fabric-1", "fabric-2"]], {0: [make_error("fabric-1"), refused]}, make_ti)
    assert str(error) == "2 of 2 fabrics failed: fabric-1, fabric-2; 1 of them are retried automatically"
    assert ti.pushed["return_value"]["retrying"] == ["fabric-1"]


def test_a_summary_is_red_when_something_is_held(make_ti):
    """Like the task that found it."""
    error, ti = summarise([["fabric-1"]], {0: [HELD]}, make_ti)
    assert str(error) == "a person must look at fabric-1; see `hedgehog status`"
    assert ti.pushed["return_value"]["totals"]["held"] == 1


def test_a_lost_batch_is_distinguished_from_a_failed_one(make_ti, caplog):
    """A killed worker leaves no outcome; its fabrics are still due."""
    error, ti = summarise([["fabric-1"], ["fabric-2", "fabric-3"]], {0: [make_outcome("fabric-1")]}, make_ti)
    assert str(error) == "2 of 3 fabrics failed: fabric-2, fabric-3; 2 of them are retried automatically"
    assert ti.pushed["return_value"]["lost"] == ["fabric-2", "fabric-3"]
    assert ti.pushed["return_value"]["totals"]["lost"] == 2
    assert "fabric-2: its task ended without a result; it stays due" in caplog.text


def test_the_worst_outcome_comes_first_in_the_log(make_ti, caplog):
    """Nobody scrolls through a thousand lines of success."""
    caplog.set_level(logging.INFO)
    outcomes = [
        make_outcome("d", OutcomeStatus.SKIPPED, reason="suspended"),
        make_outcome("c"),
        make_outcome("b", OutcomeStatus.HELD, reason="an edit"),
        make_error("a"),
        make_outcome("a2"),
    ]
    summarise([[outcome.fabric for outcome in outcomes]], {0: outcomes}, make_ti)
    assert [(record.levelname, record.getMessage().split(" ")[0]) for record in caplog.records] == [
        *(("ERROR", "a"), ("WARNING", "b")),
        *(("INFO", name) for name in ("a2", "c", "d", "2")),
    ]


def test_a_run_whose_plan_failed_has_failed(make_ti):
    """The plan leaves nothing behind; its log has the reason, such as the name of an unknown fabric."""
    failure, _ = summarise(None, {}, make_ti)
    assert "the plan failed" in str(failure)


def test_a_summary_of_nothing_is_all_zeros(make_ti):
    """Airflow skips it when nothing was due; in a manual run it is not an error."""
    summary, _ = summarise([], {}, make_ti)
    assert summary["totals"] == {"success": 0, "skipped": 0, "held": 0, "error": 0, "lost": 0}


def test_every_status_has_a_place_in_the_order():
    """A status without one would break the summary the first time it occurs."""
    assert set(operators._ORDER) == set(OutcomeStatus)
