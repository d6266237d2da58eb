"""How long histories are kept. Older rows are deleted in small transactions, but never the last successful state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.store.database import Connection, jsonb, transaction

BATCH = 5000
"""Rows per transaction."""
MOST = 500_000
"""Rows per table and run; the next run deletes the rest."""


@dataclass(frozen=True, slots=True)
class History:
    """A table that grows. A row is deleted when the time in the column `age` is long enough ago and it is `ended`, unless it
    is `kept`; both are SQL about the row `t`."""

    name: str
    age: str
    ended: str = "true"
    kept: str = "false"


def _newest(table: str, *same: str, age: str, key: str = "id", where: str = "true") -> str:
    """SQL for: no newer row of *table* that matches *where* has the *same* columns."""
    alike = " AND ".join(f"n.{column} = t.{column}" for column in same)
    return (
        f"NOT EXISTS (SELECT 1 FROM hedgehog.{table} n WHERE {alike} AND {where} "
        f"AND (n.{age}, n.{key}) > (t.{age}, t.{key}))"
    )


HISTORIES = (
    History(
        "sync_event",
        "finished_at",
        kept="t.status = 'success' AND EXISTS (SELECT 1 FROM hedgehog.fabric f WHERE f.id = t.fabric_id) AND "
        + _newest("sync_event", "fabric_id", "target", age="finished_at", where="n.status = 'success'"),
    ),
    History(
        "inbox",
        "received_at",
        ended="(t.status IN ('done', 'ignored') OR (t.status = 'failed' AND t.next_attempt_at = 'infinity')) "
        "AND NOT EXISTS (SELECT 1 FROM hedgehog.dead_letter d WHERE d.inbox_id = t.id AND d.status = 'parked')",
    ),
    History("dead_letter", "closed_at", ended="t.status <> 'parked'"),
    History("health_event", "happened_at", kept=_newest("health_event", "scope", "name", age="happened_at")),
    History("convergence", "applied_at", kept=_newest("convergence", "fabric_id", age="applied_at", key="event_id")),
    History(
        "task_run",
        "ended_at",
        ended="t.state <> 'running'",
        kept="t.state = 'success' AND "
        + _newest("task_run", "dag_id", "task_id", age="ended_at", key="run_id", where="n.state = 'success'"),
    ),
    History("metric_sample", "at"),
    History("action", "at"),
    History("rollout", "ended_at", ended="t.ended_at IS NOT NULL"),
    History("proposal", "created_at", ended="t.status NOT IN ('waiting', 'approved')"),
    History("plan", "at", kept="EXISTS (SELECT 1 FROM hedgehog.proposal p WHERE p.plan_id = t.id)"),
)
"""Every table that only grows; its setting is `<name>_retention_days`."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What was deleted from one table, or in a dry run would be. `more`: the limit of one run left some behind."""

    days: float
    rows: int
    more: bool = False


def _expired(history: History) -> str:
    old = f"t.{history.age} < now() - make_interval(secs => %(seconds)s)"
    return f"hedgehog.{history.name} t WHERE {old} AND {history.ended} AND NOT ({history.kept})"


def sweep(
    connection: Connection, history: History, days: float, *, most: int = MOST, batch: int = BATCH
) -> SweepResult:
    """Delete at most *most* rows older than *days*, the oldest first, *batch* rows per transaction."""
    gone = 0
    while gone < most:
        size = min(batch, most - gone)
        with transaction(connection) as cursor:
            cursor.execute(
                f"DELETE FROM hedgehog.{history.name} WHERE ctid = ANY(ARRAY("
                f"SELECT t.ctid FROM {_expired(history)} ORDER BY t.{history.age} LIMIT %(limit)s FOR UPDATE SKIP LOCKED))",
                {"seconds": days * 86400, "limit": size},
            )
            count = cursor.rowcount
        gone += count
        if count < size:
            return SweepResult(days, gone)
    return SweepResult(days, gone, more=count_expired(connection, history, days) > 0)


def count_expired(connection: Connection, history: History, days: float) -> int:
    """How many rows `sweep` would delete without its limit."""
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT count(*) FROM {_expired(history)}", {"seconds": days * 86400})
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def prune_history(connection: Connection, days: float, *, most: int = MOST, dry_run: bool = False) -> SweepResult:
    """Delete at most *most* contents that no object has had for *days*, but never an object's last one."""
    counted = "SELECT count(*) FROM hedgehog.expired_contents(now() - make_interval(secs => %s))"
    with transaction(connection) as cursor:
        if dry_run:
            cursor.execute(counted, (days * 86400,))
        else:
            cursor.execute("SELECT hedgehog.prune_history(now() - make_interval(secs => %s), %s)", (days * 86400, most))
        row = cursor.fetchone()
    pruned = int(row[0]) if row else 0
    return SweepResult(days, pruned, more=not dry_run and pruned == most)


def note_run(connection: Connection, job: str, report: Mapping[str, Any]) -> None:
    """Store the report of the last successful run of *job*; alerts check how long ago that was."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.maintenance (job, report) VALUES (%s, %s) "
            "ON CONFLICT (job) DO UPDATE SET report = excluded.report, finished_at = now()",
            (job, jsonb(dict(report))),
        )
