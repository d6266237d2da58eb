"""Finds the ends of tasks that did not record them: their process was killed, or never reached our listener."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from hedgehog.store import task_runs
from hedgehog.store.database import Connection
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState

PROCESS_LOST = "ProcessLost"
"""Error class of a try that failed without recording it."""
SILENCE = timedelta(minutes=1)
"""A task that began more recently is not looked up."""
LOOK_BACK = timedelta(minutes=15)
"""Failures that ended longer ago are not searched, even if runs of the sweep were missed."""
FORGOTTEN = timedelta(days=1)
"""No task of ours takes this long: one whose end is unknown by then counts as failed."""
_MOST = 100
_LOST = "its process was killed, or could not reach the fabric database; the log of the task says which"


@dataclass(frozen=True, slots=True)
class Tries:
    """The state of the tries of a task instance, as Airflow's REST API returns it."""

    state: str
    """The state of the requested try."""
    ended_at: datetime | None
    tried_again: bool
    """Whether there is a later try."""


class TaskInstances(Protocol):
    """The part of Airflow's REST API that is needed here, for our DAGs only."""

    def unfinished(self) -> set[Attempt]:
        """The tries that are running or deferred."""

    def tries(self, attempt: Attempt) -> Tries | None:
        """What happened to a try; None when Airflow does not know it any more."""

    def failed_since(self, moment: datetime) -> Sequence[TaskRun]:
        """Tries that began, and ended since *moment* in failure, whether they are retried or not."""


def sweep(connection: Connection, api: TaskInstances | None, *, now: datetime) -> list[TaskRun]:
    """Record the ends that were not recorded, and return those tries; without Airflow's API, only those older than
    FORGOTTEN."""
    ended = [] if api is None else [*_of_known(connection, api, now), *_of_unknown(connection, api, now)]
    forgotten = task_runs.unended(connection, older_than=FORGOTTEN, limit=_MOST)
    ended += [_lost(run, TaskState.FAILED, now) for run in forgotten]
    return [run for run in ended if task_runs.fill_in(connection, run)]


def _of_known(connection: Connection, api: TaskInstances, now: datetime) -> list[TaskRun]:
    """The ends of tries whose start was recorded."""
    silent = task_runs.unended(connection, older_than=SILENCE, limit=_MOST)
    unfinished = api.unfinished() if silent else set()
    found = []
    for run in silent:
        if run.attempt not in unfinished:
            found += _ended(run, api.tries(run.attempt), now)
    return found


def _ended(run: TaskRun, tries: Tries | None, now: datetime) -> list[TaskRun]:
    if tries is None:
        return [_lost(run, TaskState.FAILED, now)]
    ended_at = tries.ended_at or now
    if tries.state in (TaskState.SUCCESS, TaskState.SKIPPED):
        return [replace(run, state=TaskState(tries.state), ended_at=ended_at)]
    if tries.tried_again or tries.state == TaskState.UP_FOR_RETRY:
        return [_lost(run, TaskState.UP_FOR_RETRY, ended_at)]
    return [_lost(run, TaskState.FAILED, ended_at)] if tries.state == TaskState.FAILED else []


def _of_unknown(connection: Connection, api: TaskInstances, now: datetime) -> list[TaskRun]:
    """Failures whose start was not recorded either."""
    failed = {run.attempt: run for run in api.failed_since(now - LOOK_BACK)}
    unknown = task_runs.unknown(connection, list(failed))
    return [_lost(run, run.state, run.ended_at or now) for attempt, run in failed.items() if attempt in unknown]


def _lost(run: TaskRun, state: TaskState, ended_at: datetime) -> TaskRun:
    ended_at = max(ended_at, run.started_at)
    return replace(run, state=state, ended_at=ended_at, error_class=PROCESS_LOST, error=_LOST)
