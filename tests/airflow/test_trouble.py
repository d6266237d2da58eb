"""Every later run names the problems that an earlier one found, and is red until they are resolved."""

from __future__ import annotations

import logging

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.repository import PlanRepositoryChangesOperator, RepositoryChangesSummaryOperator
from hedgehog.airflow.operators.sync import PlanSyncOperator, SyncSummaryOperator
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.store import database as store_database
from tests.store.benches import Bench

EDIT = SyncProblem(ProblemKind.HELD_EDIT, "lab/vpcs/a.yaml", "lab/vpcs/a.yaml was edited by Ann")


@pytest.fixture
def bench(fabric_database):
    """The fabric database behind the operators, with nothing due."""
    connection = store_database.connect(fabric_database)
    bench = Bench(connection)
    yield bench
    connection.close()


def ended(bench, fabric, status, target=Target.GIT, **parts):
    """A run ends; nothing is due after it."""
    outcome = Outcome(fabric.name, target, status, generation=bench.generation(fabric.name), **parts)
    bench.finish(fabric, outcome)
    bench.execute("UPDATE hedgehog.sync_state SET due_at = now() + interval '1 h' WHERE due_at <= now()")


def parked(bench, **settings):
    """Fabric `lab`, given up at Git."""
    fabric = bench.synced_fabric(**settings)
    parts = {"reason": "401 from the host", "error_class": "AuthenticationFailed"}
    ended(bench, fabric, OutcomeStatus.ERROR, **parts)
    return fabric


def summary(context, verb="git_sync", **options):
    """A later run that has nothing to do."""
    return SyncSummaryOperator(task_id="summary", planned=[[]], verb=verb, **options).execute(context)


def test_a_parked_fabric_makes_every_later_run_red_and_is_named(bench, context, caplog):
    """Until it is resolved, with the reason, its age and the command."""
    fabric = parked(bench)
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == [[]]
    with pytest.raises(AirflowFailException) as caught:
        summary(context)
    assert str(caught.value) == "a person must look at lab (401 from the host); see `hedgehog status`"
    line = next(message for message in caplog.messages if "lab → git" in message)
    assert "parked: 401 from the host; correct the cause, then replay it" in line
    assert "`hedgehog dead-letters replay" in line
    assert "since 20" in line
    assert [one["fabric"] for one in context["ti"].pushed["return_value"]["open"]] == ["lab"]

    ended(bench, fabric, OutcomeStatus.SUCCESS)
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
    assert summary(context)["open"] == []


def test_a_held_edit_is_named_even_if_its_fabric_is_not_due(bench, context):
    """The run that found it has long ended."""
    ended(bench, bench.synced_fabric(), OutcomeStatus.HELD, problems=(EDIT,))
    with pytest.raises(AirflowFailException, match=r"lab \(lab/vpcs/a.yaml was edited by Ann\)"):
        summary(context)


def test_several_problems_are_counted_and_each_is_logged(bench, context, caplog):
    """Not one of them for all."""
    other = SyncProblem(ProblemKind.REFUSED, "VPC/default/b", "VPC/default/b is refused")
    ended(bench, bench.synced_fabric(), OutcomeStatus.HELD, problems=(EDIT, other))
    with pytest.raises(AirflowFailException, match=r"^a person must look at lab \(2 problems\); see"):
        summary(context)
    assert all(any(cause in line for line in caplog.messages) for cause in (EDIT.cause, other.cause))


def test_a_problem_at_one_target_leaves_the_other_green(bench, context):
    """Each DAG names its own problems."""
    parked(bench)
    assert PlanSyncOperator(task_id="plan", target="kubernetes").execute(context) == []
    assert summary(context, "kubernetes_sync")["open"] == []


def test_a_run_that_applies_what_it_published_names_what_is_open_at_those_clusters(bench, context, ti):
    """Of a fabric that it did not apply, the DAG of the clusters names it."""
    fabric = bench.synced_fabric()
    finding = SyncProblem(ProblemKind.REFUSED, "VPC/default/a", "would be refused")
    parts = {"reason": "1 object is held", "problems": (finding,)}
    ended(bench, fabric, OutcomeStatus.HELD, Target.KUBERNETES, **parts)
    assert summary(context, applied_by="apply")["open"] == []

    outcome = Outcome("lab", Target.KUBERNETES, OutcomeStatus.HELD, **parts)
    ti._xcoms[("apply", "outcomes", 0)] = [outcome.as_dict()]
    with pytest.raises(AirflowFailException, match=r"a person must look at lab \(would be refused\)"):
        summary(context, applied_by="apply")
    assert [one["verb"] for one in ti.pushed["return_value"]["open"]] == ["kubernetes_sync"]


def test_a_run_for_one_fabric_is_not_red_because_of_another(bench, context):
    """Somebody who syncs one fabric manually asks only about that one."""
    parked(bench)
    assert summary(context, fabrics=["other"])["open"] == []
    with pytest.raises(AirflowFailException):
        summary(context, fabrics=["lab"])


def test_a_failure_that_is_retried_automatically_is_named_and_green(bench, context, caplog):
    """Its own runs are red; between them nobody has to do anything."""
    parts = {"reason": "the host is unreachable", "error_class": "RemoteUnavailable", "retryable": True}
    ended(bench, bench.synced_fabric(), OutcomeStatus.ERROR, **parts)
    assert [one["kind"] for one in summary(context)["open"]] == ["failing"]
    assert "open problems: 1; for somebody: 0" in caplog.messages


def test_a_pending_finalizer_is_red_only_after_an_hour(bench, context):
    """Then a person must look at it."""
    passing = SyncProblem(ProblemKind.FINALIZER, "VPC/default/a", "waits for its finalizer x")
    ended(bench, bench.synced_fabric(), OutcomeStatus.HELD, Target.KUBERNETES, problems=(passing,))
    assert len(summary(context, "kubernetes_sync")["open"]) == 1
    bench.execute("UPDATE hedgehog.finding SET since = now() - interval '61 min'")
    with pytest.raises(AirflowFailException, match="waits for its finalizer x"):
        summary(context, "kubernetes_sync")


def test_with_a_setting_open_problems_are_only_a_warning(bench, context, monkeypatch, caplog):
    """They are still named."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__OPEN_PROBLEMS", "warn")
    parked(bench)
    assert len(summary(context)["open"]) == 1
    assert {record.levelno for record in caplog.records if "401" in record.getMessage()} == {logging.WARNING}


def test_problems_of_a_git_owned_fabric_are_named_in_repository_changes(bench, context):
    """No sync to Git will ever resolve them."""
    parked(bench, source_of_truth="git")
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
    bench.execute("INSERT INTO hedgehog.repository_head (git_repository_id) SELECT id FROM hedgehog.git_repository")
    assert PlanRepositoryChangesOperator(task_id="plan").execute(context) == [[]]
    operator = RepositoryChangesSummaryOperator(task_id="summary", planned=[[]], verb="repository_changes")
    with pytest.raises(AirflowFailException, match=r"a person must look at lab \(401 from the host\)"):
        operator.execute(context)


def test_a_healthy_installation_plans_nothing(bench, context):
    """And its runs are green."""
    ended(bench, bench.synced_fabric(), OutcomeStatus.SUCCESS)
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
