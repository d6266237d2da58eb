"""The listener that records our tasks. Runs inside every task process, so it is light, bounded and never raises."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from hedgehog.airflow.adapters.connections import database_parameters, git_cache_directory

if TYPE_CHECKING:
    from hedgehog.store.task_runs import TaskRun

logger = logging.getLogger(__name__)

DAG_PREFIX = "hedgehog_"
PAUSE = 60.0
"""Seconds for which nothing is recorded on a machine once its fabric database did not answer."""
_LIMITS = {"connect_timeout": 2, "tcp_user_timeout": 3000, "application_name": "hedgehog listener"}
_SESSION = "-c statement_timeout=1000 -c lock_timeout=500 -c synchronous_commit=off"
"""A row of a task's history is not worth waiting for a disk, nor for anybody's lock."""
_LONGEST = 20_000
"""Characters of a failure that are searched for secrets."""


class Breaker:
    """Off for PAUSE after a failure, for all task processes of a machine: each is new, so a file remembers it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """The file whose age is the time since the last failure."""
        return self._path or git_cache_directory().parent / "task_recorder.off"

    def is_open(self) -> bool:
        """Whether the last failure is so recent that nobody should try."""
        try:
            return 0 <= time.time() - self.path.stat().st_mtime < PAUSE
        except OSError:
            return False

    def trip(self) -> None:
        """Remember a failure; where nothing can be written, the next process finds out by itself."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
        except OSError:
            logger.debug("cannot write %s", self.path, exc_info=True)


class TaskRecorder:
    """Writes one row per try of each of our tasks: its start before its work, its end after Airflow has its state.

    In the only thread of the task: a second thread, connecting while the task began its work, ended some tasks with
    SIGSEGV. Only in the process of the task. What a killed process could not record is filled in by the sweep of
    hedgehog_periodic.
    """

    def __init__(self, breaker: Breaker | None = None) -> None:
        self._breaker = breaker or Breaker()
        self._parameters: dict[str, Any] | None = None

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Called before a task's work, which waits for the database no longer than _LIMITS says, once a minute."""
        self._record(task_instance, "running")

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Called when a task succeeded."""
        self._record(task_instance, "success")

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """Called when a task skipped itself."""
        self._record(task_instance, "skipped")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException | str | None) -> None:
        """Called when a try failed, for good or to be retried."""
        state = "up_for_retry" if task_instance.state == "up_for_retry" else "failed"
        self._record(task_instance, state, error)

    def _record(self, task_instance: Any, state: str, error: BaseException | str | None = None) -> None:
        if not is_ours(task_instance):
            return
        try:
            if self._breaker.is_open():
                return
            if self._parameters is None:
                self._parameters = database_parameters()
            self._write(_task_run(task_instance, state, error))
        except Exception as failure:  # whatever it is: a task of which nothing is known is better than a failed one
            self._breaker.trip()
            logger.warning(
                "this task is not recorded (%s: %s); no task of this machine is for %g s",
                type(failure).__name__,
                _masked(str(failure)),
                PAUSE,
            )

    def _write(self, run: TaskRun) -> None:
        from hedgehog.store import database, task_runs

        given = self._parameters or {}
        options = f"{given.get('options', '')} {_SESSION}".strip()
        with closing(database.connect({**given, **_LIMITS, "options": options})) as connection:
            connection.autocommit = True  # one statement: no round trips for BEGIN and COMMIT
            with connection.cursor() as cursor:
                task_runs.keep(cursor, run)


def is_ours(task_instance: Any) -> bool:
    """One of our task instances, in its own process. Elsewhere (a person sets a state, the scheduler notices a death)
    hooks hold up everybody, and the sweep sees it anyway."""
    if not str(getattr(task_instance, "dag_id", "")).startswith(DAG_PREFIX):
        return False
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return runner is not None and isinstance(task_instance, runner.RuntimeTaskInstance)


def _task_run(task_instance: Any, state: str, error: BaseException | str | None) -> TaskRun:
    from hedgehog.store.task_runs import Attempt, TaskRun, TaskState

    task = task_instance.task
    index = task_instance.map_index
    return TaskRun(
        Attempt(
            task_instance.dag_id,
            task_instance.run_id,
            task_instance.task_id,
            -1 if index is None else index,
            task_instance.try_number,
        ),
        TaskState(state),
        started_at=task_instance.start_date,
        ended_at=None if state == "running" else _end(task_instance),
        max_tries=task_instance.max_tries,
        queue=task_instance.queue or "",
        pool=getattr(task, "pool", ""),
        hostname=task_instance.hostname or "",
        pid=os.getpid(),
        fabrics=_fabrics(getattr(task, "fabrics", ())),
        error_class=type(error).__name__[:200] if isinstance(error, BaseException) else None,
        error=_failure(error),
    )


def _end(task_instance: Any) -> Any:
    from datetime import UTC, datetime

    return task_instance.end_date or datetime.now(UTC)


def _fabrics(named: Any) -> tuple[str, ...]:
    """The fabrics that a task was given, one name or a list of them."""
    if isinstance(named, str):
        return (named,) if named else ()
    return tuple(name for name in named if isinstance(name, str)) if isinstance(named, (list, tuple)) else ()


def _failure(error: BaseException | str | None) -> str | None:
    """The beginning of a failure's text. Masked before it is cut: half a secret would not be recognized."""
    from hedgehog.store.task_runs import ERROR_LENGTH

    return None if error is None else _masked(str(error)[:_LONGEST]).replace("\0", "")[:ERROR_LENGTH]


def _masked(text: str) -> str:
    from airflow.sdk.log import redact  # type: ignore[attr-defined]  # its own, though not in its __all__

    return str(redact(text))
