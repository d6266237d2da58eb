"""Every try of our tasks: when and where it ran, on which fabrics, and how it ended.

The listener writes it inside the task process; a sweep fills in what a killed process could not write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hedgehog.store.database import Connection, transaction

ERROR_LENGTH = 1000
"""How many characters of the text of a failure are kept."""


class TaskState(StrEnum):
    """The state of a try."""

    RUNNING = "running"
    SUCCESS = "success"
    SKIPPED = "skipped"
    UP_FOR_RETRY = "up_for_retry"
    """It failed, and Airflow tries it again."""
    FAILED = "failed"
    """It failed for good."""


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """Which try of which task instance; `map_index` is -1 for a task that is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One try, as far as it is known."""

    attempt: Attempt
    state: TaskState
    started_at: datetime
    ended_at: datetime | None = None
    max_tries: int = 0
    queue: str = ""
    pool: str = ""
    hostname: str = ""
    pid: int | None = None
    fabrics: tuple[str, ...] = ()
    error_class: str | None = None
    error: str | None = None


_KEY = ("dag_id", "run_id", "task_id", "map_index", "try_number")
_OWN = (
    "state",
    "started_at",
    "ended_at",
    "max_tries",
    "queue",
    "pool",
    "hostname",
    "pid",
    "fabrics",
    "error_class",
    "error",
)
_COLUMNS = ", ".join(_KEY + _OWN)
_INSERT = (
    f"INSERT INTO hedgehog.task_run AS t ({_COLUMNS}) VALUES ({', '.join(f'%({name})s' for name in _KEY + _OWN)}) "
    f"ON CONFLICT ({', '.join(_KEY)}) DO "
)
_ENDED = (
    "UPDATE SET state = excluded.state, ended_at = excluded.ended_at, fabrics = excluded.fabrics, "
    "error_class = excluded.error_class, error = excluded.error"
)
_FILLED_IN = (
    "UPDATE SET state = excluded.state, ended_at = excluded.ended_at, error_class = excluded.error_class, "
    "error = excluded.error WHERE t.state = 'running'"
)


def keep(cursor: Any, run: TaskRun) -> None:
    """Write *run* with one statement, whether it has a row or not. A start never overwrites an end."""
    cursor.execute(_INSERT + ("NOTHING" if run.state is TaskState.RUNNING else _ENDED), _values(run))


def fill_in(connection: Connection, run: TaskRun) -> bool:
    """Write the end of a try whose process could not; False if it has an end already."""
    with transaction(connection) as cursor:
        cursor.execute(_INSERT + _FILLED_IN, _values(run))
        return bool(cursor.rowcount)


def _values(run: TaskRun) -> dict[str, Any]:
    own = {name: getattr(run, name) for name in _OWN}
    return {**asdict(run.attempt), **own, "state": run.state.value, "fabrics": list(run.fabrics)}


def unended(connection: Connection, *, older_than: timedelta, limit: int) -> list[TaskRun]:
    """Tries without an end that began more than *older_than* ago, the oldest first."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.task_run WHERE state = 'running' AND started_at < now() - %s "
            "ORDER BY started_at LIMIT %s",
            (older_than, limit),
        )
        return [_run(row) for row in cursor.fetchall()]


def unknown(connection: Connection, attempts: Sequence[Attempt]) -> set[Attempt]:
    """Those of *attempts* that have no row."""
    if not attempts:
        return set()
    key = ", ".join(_KEY)
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {key} FROM hedgehog.task_run WHERE ({key}) IN "
            "(SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::integer[]))",
            [[getattr(one, name) for one in attempts] for name in _KEY],
        )
        return set(attempts) - {Attempt(*row) for row in cursor.fetchall()}


def _run(row: Sequence[Any]) -> TaskRun:
    own = dict(zip(_OWN, row[len(_KEY) :], strict=True))
    own |= {"state": TaskState(own["state"]), "fabrics": tuple(own["fabrics"])}
    return TaskRun(Attempt(*row[: len(_KEY)]), **own)
