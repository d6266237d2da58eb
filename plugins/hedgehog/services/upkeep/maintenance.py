"""Maintenance of stored data: histories by age, killed runs without a record, and Airflow's own old runs of our DAGs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import retention, sync_state
from hedgehog.store.database import TARGET_LOCK, Connection, transaction, try_locks, unlock
from hedgehog.store.retention import HISTORIES, History, SweepResult

RUN_LOST = "RunLost"
"""Error class of a run that ended without an outcome."""
KEPT_RUNS = 20
"""How many of the newest ended runs of a DAG stay, however old."""
MOST_RUNS = 2000
"""The most runs of Airflow that one of our runs deletes."""
_PAGE = 100


# Histories


def sweep_histories(
    connection: Connection, days: Mapping[str, float], *, dry_run: bool = False
) -> dict[str, dict[str, Any]]:
    """Delete rows that are older than *days* (by table), and report what was deleted from each table.

    Never an open delivery, a parked letter, or the newest success of a fabric at a target.
    """
    report = {}
    for history in HISTORIES:
        kept = days[history.name]
        if kept <= 0:
            raise InvalidInput(f"{history.name}_retention_days is {kept:g}; it must be more than 0")
        sweep = _count if dry_run else retention.sweep
        report[history.name] = asdict(sweep(connection, history, kept))
    return report


def sweep_contents(connection: Connection, days: float, *, dry_run: bool = False) -> dict[str, dict[str, Any]]:
    """Delete what objects were more than *days* ago, and report it as `sweep_histories` does; 0 keeps everything."""
    return {"object_content": asdict(retention.prune_history(connection, days, dry_run=dry_run))} if days else {}


def _count(connection: Connection, history: History, days: float) -> SweepResult:
    return SweepResult(days, retention.count_expired(connection, history, days))


# Runs that died


def repair_lost_runs(connection: Connection, *, dry_run: bool = False) -> list[dict[str, str]]:
    """Record an outcome for every fabric whose status is `syncing` although no run holds its lock: its run was killed.

    The fabric is due anyway, and the next run would sync it; this records what happened, counts the attempt, and parks a
    fabric whose runs keep dying. Returns fabric, target and run of each.
    """
    return [one for target in Target for one in _repair(connection, target, dry_run=dry_run)]


def _repair(connection: Connection, target: Target, *, dry_run: bool) -> list[dict[str, str]]:
    candidates = [work.fabric_id for work in sync_state.running(connection, target)]
    locked = try_locks(connection, TARGET_LOCK[target], candidates)
    try:
        # Read again under the lock: the run may have ended in between.
        lost = sync_state.running(connection, target, sorted(locked))
        for work in lost if not dry_run else ():
            with transaction(connection) as cursor:
                sync_state.finish(cursor, work.fabric_id, _outcome(work, target), run_id=work.run_id or "")
    finally:
        unlock(connection, TARGET_LOCK[target], locked)
    return [{"fabric": work.name, "target": target.value, "run_id": work.run_id or ""} for work in lost]


def _outcome(work: sync_state.RunningSync, target: Target) -> Outcome:
    return Outcome(
        work.name,
        target,
        OutcomeStatus.ERROR,
        generation=work.generation,
        reason=f"the run {work.run_id} ended without an outcome: its process was killed or lost; it is retried",
        error_class=RUN_LOST,
        retryable=True,
    )


# Airflow's own rows


@dataclass(frozen=True, slots=True)
class DagRun:
    """An ended run of a DAG, as Airflow's REST API returns it."""

    run_id: str
    state: str


class DagRuns(Protocol):
    """The part of Airflow's REST API that is needed here."""

    def our_dags(self) -> list[str]:
        """The ids of our DAGs."""

    def newest(self, dag_id: str, limit: int, *, state: str | None = None) -> list[DagRun]:
        """Ended runs, the newest first."""

    def ended_before(self, dag_id: str, moment: datetime, *, offset: int, limit: int) -> list[DagRun]:
        """Runs that ended before *moment*, the oldest first."""

    def delete(self, dag_id: str, run_id: str) -> bool:
        """Delete a run with its task instances and XComs; False when Airflow keeps it, because it runs again."""


@dataclass(frozen=True, slots=True)
class RunsReport:
    """The number of deleted runs by DAG; in a dry run, of those that would be. `more`: the limit left some behind."""

    deleted: dict[str, int] = field(default_factory=dict)
    more: bool = False


def sweep_runs(api: DagRuns, before: datetime, *, dry_run: bool = False, most: int = MOST_RUNS) -> RunsReport:
    """Delete Airflow's rows of runs of our DAGs that ended before *before*; at most *most* of them.

    The KEPT_RUNS newest of each DAG stay, and its newest success.
    """
    deleted: dict[str, int] = {}
    for dag_id in api.our_dags():
        left = most - sum(deleted.values())
        if left <= 0:
            return RunsReport(deleted, more=True)
        count = _sweep_dag(api, dag_id, before, dry_run=dry_run, most=left)
        if count:
            deleted[dag_id] = count
    return RunsReport(deleted, more=sum(deleted.values()) >= most)


def _sweep_dag(api: DagRuns, dag_id: str, before: datetime, *, dry_run: bool, most: int) -> int:
    newest = api.newest(dag_id, KEPT_RUNS) + api.newest(dag_id, 1, state="success")
    kept = {run.run_id for run in newest}
    gone, passed = 0, 0
    while gone < most:
        page = api.ended_before(dag_id, before, offset=passed, limit=_PAGE)
        to_delete = [run.run_id for run in page if run.run_id not in kept][: most - gone]
        removed = 0 if dry_run else sum(api.delete(dag_id, run_id) for run_id in to_delete)
        gone += len(to_delete) if dry_run else removed
        passed += len(page) - removed
        if len(page) < _PAGE:
            break
    return gone
