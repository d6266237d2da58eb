"""Histories that the product writes and prunes, and nothing of it reads yet."""

from __future__ import annotations

from typing import Any

from hedgehog.fabric.health import Health
from hedgehog.store.database import Connection, transaction
from hedgehog.store.health import Scope
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState

_ATTEMPT = "dag_id, run_id, task_id, map_index, try_number"


def task_runs(connection: Connection) -> list[TaskRun]:
    """The tries of tasks, the newest first."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_ATTEMPT}, to_jsonb(t) - ARRAY['fabrics', 'started_at', 'ended_at', 'duration'], "
            "fabrics, started_at, ended_at "
            f"FROM hedgehog.task_run t ORDER BY started_at DESC, {_ATTEMPT}"
        )
        return [_task_run(*row) for row in cursor.fetchall()]


def _task_run(*row: Any) -> TaskRun:
    *attempt, values, fabrics, started_at, ended_at = row
    own = {name: value for name, value in values.items() if name not in _ATTEMPT.split(", ")}
    own |= {"state": TaskState(own["state"]), "fabrics": tuple(fabrics), "started_at": started_at, "ended_at": ended_at}
    return TaskRun(Attempt(*attempt), **own)


def health_events(connection: Connection, scope: Scope, name: str) -> list[tuple[Any, ...]]:
    """The changes of one thing's health, the newest first: health, reasons, when."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT health, reasons, happened_at FROM hedgehog.health_event WHERE scope = %s AND name = %s "
            "ORDER BY happened_at DESC, id DESC",
            (scope.value, name),
        )
        return [(Health(row[0]), tuple(row[1]), row[2]) for row in cursor.fetchall()]
