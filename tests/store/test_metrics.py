"""Every figure is what it says, from rows as they come to be; and what nothing is wrong with has no series."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.airflow.trouble import FabricTrouble
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.fabric.selectors import Selector
from hedgehog.store import metrics
from hedgehog.store.database import transaction
from hedgehog.store.freezes import save_freeze
from hedgehog.store.metric import Metric
from hedgehog.store.metric_table import FAILED, METRICS
from hedgehog.store.metrics import Sample
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState, fill_in

NOW = datetime.now(UTC)


class Figures:
    """What the database says now, by metric: label values → value."""

    def __init__(self, connection):
        self._samples = metrics.current_samples(connection)

    def __getitem__(self, name):
        assert name in METRICS
        return {" ".join(one.labels.values()): one.value for one in self._samples if one.name == name}


def make_run(number=0, state=TaskState.SUCCESS, *, ago=60.0, took=2.0, dag="hedgehog_git_sync", task="sync"):
    """A try that began *ago* seconds ago."""
    began = NOW - timedelta(seconds=ago)
    ended = None if state is TaskState.RUNNING else began + timedelta(seconds=took)
    return TaskRun(Attempt(dag, f"run-{number}", task, -1, 1), state, began, ended)


def suspend(bench, name):
    """Leave it alone until further notice."""
    bench.execute("UPDATE hedgehog.fabric SET suspended = true WHERE name = %s", name)


@pytest.fixture
def failing(bench):
    """Fabric `lab`, whose sync to Git has failed with whatever error is given."""
    fabric = bench.synced_fabric()

    def fail(error_class, *, retryable=True, times=1):
        for _ in range(times):
            outcome = Outcome(
                "lab", Target.GIT, OutcomeStatus.ERROR, reason="no", error_class=error_class, retryable=retryable
            )
            bench.finish(fabric, outcome, jitter=random.Random(1))
        return Figures(bench.connection)

    return fail


def test_an_empty_database_has_its_zeros(bench):
    """A series that appears only with trouble could not be told from one that is not collected."""
    found = Figures(bench.connection)
    counts = dict.fromkeys(("all", "git_enabled", "kubernetes_enabled", "suspended", "frozen"), 0)
    assert found["hedgehog_fabrics"] == counts
    assert found["hedgehog_sync_due"] == {"git": 0, "kubernetes": 0}
    assert found["hedgehog_sync_oldest_due_seconds"] == {"git": 0, "kubernetes": 0}
    assert set(found["hedgehog_sync_fabrics"].values()) == {0}
    assert found["hedgehog_inbox_waiting"] == {"branch": 0, "pull_request": 0}
    assert found["hedgehog_drift_objects"] == {"changed": 0, "missing": 0, "orphan": 0, "unowned": 0}
    assert found["hedgehog_circuits_open"] == {"git": 0, "github": 0, "kubernetes": 0}


def test_fabrics_are_counted_by_what_is_switched_on(bench):
    """One may be in several counts."""
    bench.synced_fabric("a")
    bench.synced_fabric("b", enable_k8s_sync=False)
    suspend(bench, "b")
    bench.fabric("c")
    with transaction(bench.connection) as cursor:
        save_freeze(cursor, Selector.named(["a", "c"]), reason="audit", until=None, actor="ann")
    found = Figures(bench.connection)
    assert found["hedgehog_fabrics"] == {
        "all": 3,
        "git_enabled": 2,
        "kubernetes_enabled": 1,
        "suspended": 1,
        "frozen": 2,
    }


def test_the_rate_of_success_is_over_enabled_fabrics_that_are_not_suspended(bench):
    """Not over all of them: what is switched off succeeds at nothing."""
    good = bench.synced_fabric("good")
    bench.synced_fabric("new")
    bench.synced_fabric("resting")
    suspend(bench, "resting")
    bench.fabric("off")
    bench.finish(good, Outcome("good", Target.GIT, OutcomeStatus.SUCCESS, generation=good.generation))
    found = Figures(bench.connection)
    assert found["hedgehog_sync_success_ratio"] == {"git": 0.5, "kubernetes": 0}
    by_status = {key: value for key, value in found["hedgehog_sync_fabrics"].items() if value}
    assert by_status == {
        "git in_sync": 1,
        "git never_synced": 1,
        "git suspended": 1,
        "kubernetes never_synced": 2,
        "kubernetes suspended": 1,
    }


def test_the_depth_of_the_queue_is_what_a_plan_would_take(bench):
    """And the oldest tells whether anybody takes it."""
    bench.synced_fabric("a")
    bench.synced_fabric("b")
    bench.synced_fabric("git-first", source_of_truth="git")
    bench.execute(
        "UPDATE hedgehog.sync_state SET due_at = now() - interval '1 h' WHERE target = 'git' AND due_at < 'infinity'"
    )
    found = Figures(bench.connection)
    assert found["hedgehog_sync_due"] == {
        "git": len(bench.due(Target.GIT)),
        "kubernetes": len(bench.due(Target.KUBERNETES)),
    }
    assert found["hedgehog_sync_due"]["git"] == 2
    assert found["hedgehog_sync_oldest_due_seconds"]["git"] == pytest.approx(3600, abs=600)


def test_failures_in_a_row_name_fabric_and_error(failing):
    """Only of fabrics that fail."""
    found = failing("RemoteUnavailable", times=2)
    assert found["hedgehog_sync_failures_in_a_row"] == {"lab git RemoteUnavailable": 2}
    assert found["hedgehog_sync_remote_away_seconds"].keys() == {"lab git"}
    assert found["hedgehog_sync_authentication_failed"] == {}
    assert found["hedgehog_dead_letters"] == {}


def test_a_refused_credential_is_seen_at_once_and_parked(failing):
    """Trying again would not help."""
    found = failing("AuthenticationFailed", retryable=False)
    assert found["hedgehog_sync_authentication_failed"] == {"lab git": 1}
    assert found["hedgehog_dead_letters"] == {"git AuthenticationFailed": 1}
    assert found["hedgehog_sync_remote_away_seconds"] == {}


def test_a_success_ends_the_series(failing, bench):
    """And every series of it."""
    failing("AuthenticationFailed", times=3)
    bench.finish(bench.fabric("lab"), Outcome("lab", Target.GIT, OutcomeStatus.SUCCESS, generation=1))
    found = Figures(bench.connection)
    assert found["hedgehog_sync_failures_in_a_row"] == {}
    assert found["hedgehog_sync_authentication_failed"] == {}


def test_open_problems_are_counted_while_they_wait_for_somebody(failing, bench):
    """What is retried automatically is none of them."""
    assert failing("RemoteUnavailable")["hedgehog_problems"] == {}
    found = failing("AuthenticationFailed", retryable=False)
    assert found["hedgehog_problems"] == {"lab parked": 1}
    assert 0 <= found["hedgehog_problem_oldest_seconds"]["lab"] < 3600
    suspend(bench, "lab")
    assert Figures(bench.connection)["hedgehog_problems"] == {}


def test_a_finalizer_is_as_old_as_its_oldest_object(bench):
    """The rule waits for an hour of it."""
    fabric = bench.synced_fabric()
    error = SyncProblem(ProblemKind.FINALIZER, "Server/default/a", "waits for example.com/keep")
    held = Outcome("lab", Target.KUBERNETES, OutcomeStatus.HELD, reason="no", problems=(error,))
    bench.finish(fabric, held)
    bench.execute("UPDATE hedgehog.finding SET since = now() - interval '2 hours'")
    found = Figures(bench.connection)
    assert found["hedgehog_finalizer_oldest_seconds"]["lab"] == pytest.approx(7200, abs=600)


def test_drift_is_as_old_as_its_oldest_object_that_a_fabric_wants(bench):
    """Orphans are reported for as long as somebody leaves them: they are counted, and no alert."""
    fabric = bench.fabric("lab")
    bench.execute(
        "INSERT INTO hedgehog.drift (connection_id, kind, namespace, name, fabric_id, state, score, found_at) VALUES "
        "('c', 'VPC', 'default', 'a', %(id)s, 'changed', 0.5, now() - interval '1 h'), "
        "('c', 'VPC', 'default', 'b', %(id)s, 'missing', 1, now()), "
        "('c', 'VPC', 'default', 'c', %(id)s, 'orphan', 1, now() - interval '9 d')".replace("%(id)s", str(fabric.id))
    )
    found = Figures(bench.connection)
    assert found["hedgehog_drift_objects"] == {"changed": 1, "missing": 1, "orphan": 1, "unowned": 0}
    assert found["hedgehog_drift_oldest_seconds"] == {"lab": pytest.approx(3600, abs=600)}


def test_tasks_are_counted_by_how_their_tries_ended(bench):
    """For ever, so that rates can be taken; a retry is not a final failure; cleaning away rows takes nothing back."""
    fill_in(bench.connection, make_run(1, TaskState.UP_FOR_RETRY))
    fill_in(bench.connection, make_run(2, TaskState.FAILED))
    fill_in(bench.connection, make_run(3, TaskState.RUNNING))
    fill_in(bench.connection, make_run(3, took=4))
    bench.execute("DELETE FROM hedgehog.task_run WHERE state <> 'success'")
    found = Figures(bench.connection)
    runs = {"hedgehog_git_sync up_for_retry": 1, "hedgehog_git_sync failed": 1, "hedgehog_git_sync success": 1}
    assert found["hedgehog_task_runs_total"] == runs
    assert found["hedgehog_task_seconds_total"]["hedgehog_git_sync success"] == 4


def test_durations_are_quantiles_of_the_last_hour(bench):
    """What ran before is past."""
    for number in range(1, 101):
        fill_in(bench.connection, make_run(number, took=number))
    fill_in(bench.connection, make_run(0, ago=7200, took=3000))
    found = Figures(bench.connection)
    name = "hedgehog_git_sync"
    assert found["hedgehog_task_duration_seconds"] == {
        f"{name} 0.5": pytest.approx(50.5),
        f"{name} 0.95": pytest.approx(95.05),
        f"{name} 0.99": pytest.approx(99.01),
    }


def test_failures_in_a_row_are_runs_since_the_last_success(bench):
    """The mapped tasks of one run are one failure; what succeeded since is none."""
    states = [TaskState.FAILED, TaskState.SUCCESS, TaskState.FAILED, TaskState.UP_FOR_RETRY, TaskState.FAILED]
    for number, state in enumerate(states):
        fill_in(bench.connection, make_run(number, state, ago=600 - 60 * number))
        fill_in(bench.connection, make_run(number, TaskState.SUCCESS, ago=600 - 60 * number, task="plan"))
    fill_in(bench.connection, make_run(9, TaskState.RUNNING, task="summary"))
    found = Figures(bench.connection)
    assert found["hedgehog_task_failures_in_a_row"] == {"hedgehog_git_sync sync": 2}
    assert found["hedgehog_task_success_ratio"] == {"hedgehog_git_sync": pytest.approx(6 / 9)}
    assert found["hedgehog_tasks_running"] == {"hedgehog_git_sync": 1}


def test_a_task_that_failed_only_to_report_trouble_with_fabrics_does_not_count(bench):
    """A held edit is one alert, not one for each task that tells of it."""
    for number in range(3):
        run = replace(make_run(number, TaskState.FAILED, task="summary"), error_class=FabricTrouble.__name__)
        fill_in(bench.connection, run)
    assert Figures(bench.connection)["hedgehog_task_failures_in_a_row"] == {}


def test_a_cleanup_that_never_ran_is_as_old_as_the_installation(bench):
    """Other jobs are watched once they ran: not everybody backs up."""
    bench.execute("UPDATE hedgehog.migration SET applied_at = now() - interval '5 h' WHERE version = 1")
    bench.execute(
        "INSERT INTO hedgehog.maintenance (job, report, finished_at) VALUES ('backup', '{}', now() - interval '2 d')"
    )
    found = Figures(bench.connection)
    hours = {job: round(age / 3600) for job, age in found["hedgehog_maintenance_age_seconds"].items()}
    assert hours == {"backup": 48, "result_cleanup": 5}


def test_a_cleanup_that_ran_is_as_old_as_its_last_good_end(bench):
    """An aggregate over no rows is a row of NULL, which is not a figure."""
    bench.execute("INSERT INTO hedgehog.maintenance (job, report) VALUES ('result_cleanup', '{}')")
    found = Figures(bench.connection)
    assert found["hedgehog_maintenance_age_seconds"].keys() == {"result_cleanup"}
    assert found[FAILED] == {}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT min(1) WHERE false", "its query gave NULL: (None,)"),
        ("SELECT 'many'", "could not convert string to float"),
        ("SELECT 1 / 0", "division by zero"),
        ("SELECT count(*) FROM hedgehog.gone", 'relation "hedgehog.gone" does not exist'),
        ("SELECT pg_sleep(600)", "statement timeout"),
    ],
)
def test_a_failing_query_affects_only_its_own_metric_and_is_reported(bench, monkeypatch, caplog, sql, why):
    """Whatever is wrong with it."""
    good = metrics.current_samples(bench.connection)
    bench.execute("SET statement_timeout = '5s'")
    broken = Metric("hedgehog_circuits_open", "gauge", "…", (), sql)
    monkeypatch.setattr(metrics, "METRICS", {**METRICS, broken.name: broken})
    found = metrics.current_samples(bench.connection)
    assert {one.name for one in good} - {one.name for one in found} == {broken.name}
    assert [one.labels for one in found if one.name == FAILED] == [{"metric": broken.name}]
    assert f"no samples for {broken.name}: " in caplog.text
    assert why in caplog.text


def test_a_database_that_is_lost_in_the_middle_is_not_a_failed_metric(bench, monkeypatch):
    """Else a hundred would be told of, and none would be to blame."""
    killer = Metric("hedgehog_circuits_open", "gauge", "…", (), "SELECT pg_terminate_backend(pg_backend_pid())")
    monkeypatch.setattr(metrics, "METRICS", {**METRICS, killer.name: killer})
    with pytest.raises(RemoteUnavailable):
        metrics.current_samples(bench.connection)


def test_no_query_is_started_after_the_time_limit(bench, monkeypatch, caplog):
    """A scraper must not wait for sixty statements that all hang."""
    monkeypatch.setattr(metrics, "TIME_LIMIT", -1.0)
    found = metrics.current_samples(bench.connection)
    assert {one.name for one in found} == {FAILED}
    assert "no time was left" in caplog.text


def test_the_newest_samples_of_every_machine_are_read(bench):
    """A machine that has not been heard of for long is gone."""
    for minutes, host, value in ((1, "a", 0.5), (2, "a", 0.4), (2, "b", 0.3), (30, "c", 0.9)):
        metrics.record(bench.connection, host, [Sample("m", value, {"host": host}), Sample("other", 1.0)])
        bench.execute(
            "UPDATE hedgehog.metric_sample SET at = now() - make_interval(mins => %s) WHERE at > now() - interval '50 s'",
            minutes,
        )
    assert metrics.latest(bench.connection, ["m"]) == [Sample("m", 0.5, {"host": "a"}), Sample("m", 0.3, {"host": "b"})]
