"""What hedgehog_periodic finds due: tasks that are skipped otherwise, and DAGs that are triggered if they have work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped

from hedgehog.airflow.assets import GIT_SYNC_DUE, REPOSITORIES_DUE, SCHEDULES
from hedgehog.airflow.clocks import SHARED
from hedgehog.airflow.operators.periodic import FindDueWorkOperator
from hedgehog.errors import RemoteUnavailable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORK = {
    "hedgehog_metrics": ["collect", "notify"],
    "hedgehog_kubernetes_health": ["plan", "check"],
    "hedgehog_github_health": ["hosts"],
    "hedgehog_cache_refresh": ["refresh"],
    "hedgehog_cache_cleanup": ["clean_up"],
}
EVENTS = {"hedgehog_git_sync": GIT_SYNC_DUE, "hedgehog_repository_changes": REPOSITORIES_DUE}


@pytest.fixture(autouse=True)
def plans(service: Any) -> Any:
    """The plans of the DAGs that are triggered: there is nothing to do, but what a test puts there."""
    service("git.sync.plan", [])
    service("repository.plan.plan", [])
    return service


class Events:
    """The events of an outlet."""

    def __init__(self) -> None:
        self.added: list[Any] = []

    def add(self, asset: Any) -> None:
        """Emit one."""
        self.added.append(asset)


def find_due(ti: Any, at: datetime | None, before: datetime | None) -> tuple[list[str], list[str], list[Any]]:
    """A run at one moment after a run at another; what is due, which tasks are skipped, and the events."""
    ti.get_previous_dagrun = lambda: SimpleNamespace(logical_date=before) if before else None
    events = Events()
    context: Any = {"ti": ti, "dag_run": SimpleNamespace(logical_date=at), "outlet_events": {SCHEDULES: events}}
    skipped: list[str] = []
    try:
        FindDueWorkOperator(task_id="due", work=WORK, events=EVENTS, outlet=SCHEDULES).execute(context)
    except DownstreamTasksSkipped as skip:
        skipped = list(skip.tasks)
    return ti.pushed["return_value"], skipped, events.added


def test_only_what_is_due_is_done(ti):
    """Six minutes past: the two, three and one minute clocks; the rest is skipped without a process."""
    due, skipped, _ = find_due(ti, NOON + timedelta(minutes=6), NOON + timedelta(minutes=5))
    assert due == ["hedgehog_metrics", "hedgehog_kubernetes_health", "hedgehog_github_health"]
    assert skipped == ["refresh", "clean_up"]


def test_most_minutes_have_metrics_only(ti, fake_database):
    """The fabric database is not even asked."""
    due, skipped, _ = find_due(ti, NOON + timedelta(minutes=7), NOON + timedelta(minutes=6))
    assert due == ["hedgehog_metrics"]
    assert skipped == ["plan", "check", "hosts", "refresh", "clean_up"]
    assert not fake_database.closed


def test_what_missed_minutes_left_is_due_now(ti):
    """A run that waited for the one before it, or a scheduler that was away."""
    due, _, _ = find_due(ti, NOON + timedelta(minutes=7), NOON + timedelta(minutes=1))
    assert due == [name for name in SHARED if name != "hedgehog_cache_cleanup"]


@pytest.mark.parametrize("at", [NOON, None])
def test_in_the_first_run_and_in_one_by_hand_everything_is_due(ti, at):
    """A person waits, or nothing is known yet."""
    due, skipped, _ = find_due(ti, at, None)
    assert (due, skipped) == ([*SHARED], [])


def test_a_clock_can_be_set(ti, monkeypatch):
    """Each kind of work has its own, as before."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__KUBERNETES_HEALTH_SCHEDULE", "0 * * * *")
    due, _, _ = find_due(ti, NOON + timedelta(minutes=6), NOON + timedelta(minutes=5))
    assert due == ["hedgehog_metrics", "hedgehog_github_health"]


def test_a_mistyped_clock_is_said_and_stops_nothing(ti, monkeypatch, caplog):
    """Its default counts until it is corrected."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__KUBERNETES_HEALTH_SCHEDULE", "often")
    due, _, _ = find_due(ti, NOON + timedelta(minutes=6), NOON + timedelta(minutes=5))
    assert "hedgehog_kubernetes_health" in due
    assert "kubernetes_health_schedule is 'often'" in caplog.text


@pytest.mark.parametrize(
    ("name", "event"), [("git.sync.plan", GIT_SYNC_DUE), ("repository.plan.plan", REPOSITORIES_DUE)]
)
def test_a_dag_is_triggered_at_its_time_if_it_has_work(ti, plans, name, event):
    """And only then: an idle installation has no runs of it."""
    five = NOON + timedelta(minutes=5)
    assert find_due(ti, five, five - timedelta(minutes=1))[2] == []
    plans(name, [["one"]])
    assert find_due(ti, five, five - timedelta(minutes=1))[2] == [event]
    assert find_due(ti, five + timedelta(minutes=1), five)[2] == []


def test_a_dag_with_open_problems_is_triggered_to_report_them(ti, monkeypatch):
    """What is wrong is named by every run until it is over."""
    five = NOON + timedelta(minutes=5)
    problems = {"git_sync": [object()]}
    monkeypatch.setattr(
        "hedgehog.store.problems.open_problems", lambda connection, fabrics, *, verbs: problems.get(verbs[0], [])
    )
    assert find_due(ti, five, five - timedelta(minutes=1))[2] == [GIT_SYNC_DUE]


def test_a_plan_that_fails_is_left_to_its_dag(ti, plans, caplog):
    """There it is seen; metrics and health must go on."""
    plans("git.sync.plan", RemoteUnavailable("gone"))
    five = NOON + timedelta(minutes=5)
    due, _, events = find_due(ti, five, five - timedelta(minutes=1))
    assert events == [GIT_SYNC_DUE]
    assert "hedgehog_metrics" in due
    assert "whether hedgehog_git_sync has work is not known" in caplog.text
