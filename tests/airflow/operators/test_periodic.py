"""What hedgehog_periodic finds due: tasks that are skipped otherwise, and DAGs that are triggered if they have work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped

from hedgehog.airflow.clocks import SHARED
from hedgehog.airflow.operators.periodic import TRIGGERED, FindDueWorkOperator
from hedgehog.errors import RemoteUnavailable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORK = {
    "hedgehog_metrics": ["collect", "notify"],
    "hedgehog_kubernetes_health": ["plan", "check"],
    "hedgehog_github_health": ["hosts"],
    "hedgehog_cache_refresh": ["refresh"],
    "hedgehog_cache_cleanup": ["clean_up"],
    "hedgehog_git_sync": ["git_sync"],
    "hedgehog_repository_changes": ["repository_changes"],
    "hedgehog_rollout": ["rollout"],
}


@pytest.fixture
def rollouts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rollouts that no run moves on."""
    found: list[str] = []
    monkeypatch.setattr("hedgehog.store.rollouts.undriven", lambda connection: found)
    return found


@pytest.fixture(autouse=True)
def plans(service: Any, rollouts: list[str]) -> Any:
    """The plans of the DAGs that are triggered: there is nothing to do, but what a test puts there."""
    service("git.sync.plan", [])
    service("repository.plan.plan", [])
    return service


def find_due(ti: Any, at: datetime | None, before: datetime | None) -> tuple[list[str], list[str]]:
    """A run at one moment after a run at another; what is due, and which tasks are skipped."""
    ti.get_previous_dagrun = lambda: SimpleNamespace(logical_date=before) if before else None
    context: Any = {"ti": ti, "dag_run": SimpleNamespace(logical_date=at)}
    skipped: list[str] = []
    try:
        FindDueWorkOperator(task_id="due", work=WORK).execute(context)
    except DownstreamTasksSkipped as skip:
        skipped = list(skip.tasks)
    return ti.pushed["return_value"], skipped


def test_only_what_is_due_is_done(ti):
    """Six minutes past: the two, three and one minute clocks; the rest is skipped without a process."""
    due, skipped = find_due(ti, NOON + timedelta(minutes=6), NOON + timedelta(minutes=5))
    assert due == ["hedgehog_metrics", "hedgehog_kubernetes_health", "hedgehog_github_health"]
    assert skipped == ["refresh", "clean_up", "git_sync", "repository_changes", "rollout"]


def test_most_minutes_have_metrics_only(ti, fake_database):
    """The fabric database is not even asked."""
    due, skipped = find_due(ti, NOON + timedelta(minutes=7), NOON + timedelta(minutes=6))
    assert due == ["hedgehog_metrics"]
    assert skipped == ["plan", "check", "hosts", "refresh", "clean_up", "git_sync", "repository_changes", "rollout"]
    assert not fake_database.closed


def test_what_missed_minutes_left_is_due_now(ti):
    """A run that waited for the one before it, or a scheduler that was away."""
    due, _ = find_due(ti, NOON + timedelta(minutes=7), NOON + timedelta(minutes=1))
    assert due == [name for name in SHARED if name not in ("hedgehog_cache_cleanup", *TRIGGERED)]


@pytest.mark.parametrize("at", [NOON, None])
def test_in_the_first_run_and_in_a_manual_run_everything_is_due(ti, plans, rollouts, at):
    """A person waits, or nothing is known yet."""
    rollouts.append("mtu")
    plans("git.sync.plan", [["one"]])
    plans("repository.plan.plan", [["one"]])
    assert find_due(ti, at, None) == ([*SHARED], [])


def test_a_clock_can_be_set(ti, monkeypatch):
    """Each kind of work has its own, as before."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__KUBERNETES_HEALTH_SCHEDULE", "0 * * * *")
    due, _ = find_due(ti, NOON + timedelta(minutes=6), NOON + timedelta(minutes=5))
    assert due == ["hedgehog_metrics", "hedgehog_github_health"]


def test_a_mistyped_clock_is_said_and_stops_nothing(ti, monkeypatch, caplog):
    """Its default counts until it is corrected."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__KUBERNETES_HEALTH_SCHEDULE", "often")
    due, _ = find_due(ti, NOON + timedelta(minutes=6), NOON + timedelta(minutes=5))
    assert "hedgehog_kubernetes_health" in due
    assert "kubernetes_health_schedule is 'often'" in caplog.text


@pytest.mark.parametrize(
    ("name", "dag_id"),
    [("git.sync.plan", "hedgehog_git_sync"), ("repository.plan.plan", "hedgehog_repository_changes")],
)
def test_a_dag_is_triggered_at_its_time_if_it_has_work(ti, plans, name, dag_id):
    """And only then: an idle installation has no runs of it."""
    five = NOON + timedelta(minutes=5)
    assert dag_id not in find_due(ti, five, five - timedelta(minutes=1))[0]
    plans(name, [["one"]])
    due, skipped = find_due(ti, five, five - timedelta(minutes=1))
    assert dag_id in due
    assert not set(WORK[dag_id]) & set(skipped)
    assert dag_id not in find_due(ti, five + timedelta(minutes=1), five)[0]


def test_a_rollout_that_no_run_moves_on_is_taken_up(ti, rollouts):
    """Its run was lost."""
    five = NOON + timedelta(minutes=5)
    assert "hedgehog_rollout" not in find_due(ti, five, five - timedelta(minutes=1))[0]
    rollouts.append("mtu")
    assert "hedgehog_rollout" in find_due(ti, five, five - timedelta(minutes=1))[0]


def test_a_dag_with_open_problems_is_triggered_to_report_them(ti, monkeypatch):
    """What is wrong is named by every run until it is over."""
    five = NOON + timedelta(minutes=5)
    problems = {"git_sync": [object()]}
    monkeypatch.setattr(
        "hedgehog.store.problems.open_problems", lambda connection, fabrics, *, verbs: problems.get(verbs[0], [])
    )
    due, _ = find_due(ti, five, five - timedelta(minutes=1))
    assert set(due) & set(TRIGGERED) == {"hedgehog_git_sync"}


def test_a_plan_that_fails_is_left_to_its_dag(ti, plans, caplog):
    """There it is seen; metrics and health must go on."""
    plans("git.sync.plan", RemoteUnavailable("gone"))
    five = NOON + timedelta(minutes=5)
    due, _ = find_due(ti, five, five - timedelta(minutes=1))
    assert {"hedgehog_git_sync", "hedgehog_metrics"} <= set(due)
    assert "whether hedgehog_git_sync has work is not known" in caplog.text
