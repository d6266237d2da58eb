"""The summary of a sync: every fabric of the run, the worst first, and red when one failed, was lost or waits."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators import sync as operators
from hedgehog.airflow.operators.sync import OUTCOMES, SyncSummaryOperator
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from tests.airflow.operators.fakes import HELD, make_error, make_outcome


def summarise(batches: list[list[str]] | None, results: dict[int, list[Outcome]], make_ti: Any) -> tuple[Any, Any]:
    """Run the summary over the results of the mapped tasks; returns its result (or error) and its task instance."""
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


def applied(fabric: str = "fabric-1", status: OutcomeStatus = OutcomeStatus.SUCCESS, **parts: Any) -> Outcome:
    """The outcome of the second half of a run."""
    return make_outcome(fabric, status, target=Target.KUBERNETES, **parts)


def summarise_both(
    batches: list[list[str]], git: dict[int, list[Outcome]], clusters: dict[int, list[Outcome]], make_ti: Any
) -> tuple[Any, Any]:
    """Run the summary of a run with two halves."""
    halves = {"sync": git, "apply": clusters}
    ti = make_ti(
        {
            (task_id, OUTCOMES, index): [one.as_dict() for one in found]
            for task_id, half in halves.items()
            for index, found in half.items()
        }
    )
    try:
        return SyncSummaryOperator(task_id="summary", planned=batches, applied_by="apply").execute({"ti": ti}), ti
    except AirflowFailException as error:
        return error, ti


def test_a_summary_names_both_halves_and_counts_a_fabric_once(make_ti, caplog):
    """What scripts read of the first half is where it was; a fabric counts with the worse of its halves."""
    caplog.set_level(logging.INFO)
    clusters = {
        0: [applied("fabric-1"), applied("fabric-2", OutcomeStatus.SKIPPED, reason="Kubernetes sync is not enabled")]
    }
    git = {0: [make_outcome("fabric-1"), make_outcome("fabric-2")]}
    summary, _ = summarise_both([["fabric-1", "fabric-2"]], git, clusters, make_ti)
    assert summary["totals"] == {"success": 2, "skipped": 0, "held": 0, "error": 0, "lost": 0}
    assert [(one["fabric"], one["target"]) for one in summary["fabrics"]] == [("fabric-1", "git"), ("fabric-2", "git")]
    assert [one["target"] for one in summary["applied"]] == ["kubernetes", "kubernetes"]
    assert [record.getMessage() for record in caplog.records] == [
        "fabric-1 → git: success",
        "fabric-1 → kubernetes: success",
        "fabric-2 → git: success",
        "fabric-2 → kubernetes: skipped; Kubernetes sync is not enabled",
        "2 success, 0 skipped, 0 held, 0 error",
    ]


def test_a_fabric_that_failed_at_its_cluster_only_makes_the_run_red(make_ti):
    """It is published, and retried there."""
    git = {0: [make_outcome("fabric-1"), make_outcome("fabric-2")]}
    failed = applied("fabric-2", OutcomeStatus.ERROR, reason="away", error_class="RemoteUnavailable", retryable=True)
    error, ti = summarise_both([["fabric-1", "fabric-2"]], git, {0: [applied(), failed]}, make_ti)
    assert str(error) == "1 of 2 fabrics failed: fabric-2; 1 of them are retried automatically"
    assert ti.pushed["return_value"]["retrying"] == ["fabric-2"]


def test_a_fabric_with_one_final_failure_is_not_said_to_be_retried(make_ti):
    """Both halves failed, and one of them needs somebody."""
    refused = applied(status=OutcomeStatus.ERROR, reason="403", error_class="PermissionDenied")
    error, ti = summarise_both([["fabric-1"]], {0: [make_error("fabric-1")]}, {0: [refused]}, make_ti)
    assert str(error) == "1 of 1 fabric failed: fabric-1"
    assert ti.pushed["return_value"]["retrying"] == []


def test_what_was_published_by_a_run_whose_second_half_was_killed_is_handed_over(make_ti, service):
    """Else it would wait for a clock; its fabrics are named as lost."""
    handed = service("kubernetes.published.hand_over", ["fabric-1"])
    git = {0: [make_outcome("fabric-1")], 1: [make_outcome("fabric-2")]}
    error, ti = summarise_both([["fabric-1"], ["fabric-2"]], git, {1: [applied("fabric-2")]}, make_ti)
    assert str(error) == "1 of 2 fabrics failed: fabric-1; 1 of them are retried automatically"
    assert ti.pushed["return_value"]["lost"] == ["fabric-1"]
    assert [names for (_, names), _ in handed.calls] == [["fabric-1"]]
