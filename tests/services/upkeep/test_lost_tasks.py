"""A killed task leaves a start without an end, or nothing at all: Airflow knows how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.services.upkeep.lost_tasks import PROCESS_LOST, Tries, sweep
from hedgehog.store.database import transaction
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState, keep
from tests.store.histories import task_runs

NOW = datetime.now(UTC)
START = NOW - timedelta(minutes=5)
END = NOW - timedelta(minutes=1)
RUN = TaskRun(Attempt("hedgehog_git_sync", "r1", "sync", 3, 1), TaskState.RUNNING, START, fabrics=("a", "b"))


@dataclass
class Airflow:
    """What Airflow's REST API says."""

    at_work: set[Attempt] = field(default_factory=set)
    known: Mapping[Attempt, Tries] = field(default_factory=dict)
    failed: list[TaskRun] = field(default_factory=list)

    def unfinished(self):
        """The tries that are at work."""
        return self.at_work

    def tries(self, attempt):
        """What happened to a try."""
        return self.known.get(attempt)

    def failed_since(self, moment):
        """Failures since then."""
        return [run for run in self.failed if run.ended_at >= moment]


def lost(run, state, ended_at=END):
    """As it is recorded."""
    told = "its process was killed, or could not reach the fabric database; the log of the task says which"
    return replace(run, state=state, ended_at=ended_at, error_class=PROCESS_LOST, error=told)


@pytest.fixture
def started(database):
    """Tries whose start is on record."""

    def start(*found):
        for run in found:
            with transaction(database) as cursor:
                keep(cursor, run)

    return start


@pytest.mark.parametrize(
    ("tries", "state"),
    [
        (Tries("failed", END, tried_again=False), TaskState.FAILED),
        (Tries("failed", END, tried_again=True), TaskState.UP_FOR_RETRY),
        (Tries("up_for_retry", END, tried_again=False), TaskState.UP_FOR_RETRY),
    ],
)
def test_a_killed_task_is_recorded_as_airflow_took_it(database, started, tries, state):
    """With the fabrics that it worked on: its listener had time to write those."""
    started(RUN)
    assert sweep(database, Airflow(known={RUN.attempt: tries}), now=NOW) == [lost(RUN, state)]
    assert task_runs(database) == [lost(RUN, state)]
    assert sweep(database, Airflow(), now=NOW) == []


def test_a_success_that_could_not_be_recorded_is_not_a_loss(database, started):
    """The fabric database was unreachable when it ended."""
    started(RUN)
    airflow = Airflow(known={RUN.attempt: Tries("success", END, tried_again=False)})
    assert sweep(database, airflow, now=NOW) == [replace(RUN, state=TaskState.SUCCESS, ended_at=END)]


@pytest.mark.parametrize("tries", [Tries("running", None, tried_again=False), Tries("queued", None, tried_again=False)])
def test_a_task_at_work_is_left_alone(database, started, tries):
    """Whatever of the two answers says so."""
    started(RUN)
    assert sweep(database, Airflow(known={RUN.attempt: tries}), now=NOW) == []
    assert sweep(database, Airflow(at_work={RUN.attempt}), now=NOW) == []
    assert task_runs(database) == [RUN]


def test_a_task_that_airflow_knows_no_more_has_failed(database, started):
    """Its run was deleted."""
    started(RUN)
    assert sweep(database, Airflow(), now=NOW) == [lost(RUN, TaskState.FAILED, NOW)]


def test_a_task_that_died_before_its_listener_is_recorded_too(database, started):
    """Killed while it loaded its DAG: nothing of it is on record."""
    dead = replace(RUN, state=TaskState.FAILED, ended_at=END, fabrics=())
    told = replace(dead, attempt=replace(RUN.attempt, run_id="r2"), error_class="InvalidInput", error="no")
    started(told)
    airflow = Airflow(failed=[dead, replace(told, error=None), replace(dead, ended_at=NOW - timedelta(hours=1))])
    airflow.failed[2] = replace(airflow.failed[2], attempt=replace(RUN.attempt, run_id="r0"))
    assert sweep(database, airflow, now=NOW) == [lost(dead, TaskState.FAILED)]
    assert set(task_runs(database)) == {told, lost(dead, TaskState.FAILED)}


def test_without_airflows_api_only_what_is_long_past_is_taken_for_failed(database, started):
    """No task of ours takes a day."""
    old = replace(RUN, attempt=replace(RUN.attempt, run_id="r0"), started_at=NOW - timedelta(days=2))
    started(RUN, old)
    assert sweep(database, None, now=NOW) == [lost(old, TaskState.FAILED, NOW)]
