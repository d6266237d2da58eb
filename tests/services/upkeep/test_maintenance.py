"""Maintenance: histories by their settings, runs that died, and Airflow's own old runs of our DAGs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hedgehog.airflow.settings import RETENTIONS
from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services.upkeep import maintenance
from hedgehog.services.upkeep.maintenance import KEPT_RUNS, DagRun, RunsReport
from hedgehog.store import fabrics, schedule, sync_state
from hedgehog.store.database import Connection, Lock, connect, transaction, try_locks
from hedgehog.store.retention import HISTORIES
from tests.waiting import until_alone

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAYS = {table: setting.default for table, setting in RETENTIONS.items()}


@pytest.fixture
def lab(database: Connection) -> int:
    """A fabric that is due at its cluster; its id."""
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "c"})
    return fabrics.load_fabric(database, "lab").id


def state(database: Connection) -> sync_state.SyncState:
    """The fabric at its cluster."""
    return sync_state.states(database, ["lab"])[0]


# Histories


def test_each_history_goes_by_its_own_setting(database: Connection) -> None:
    """And by its default where nothing is set; a dry run counts what the real one deletes."""
    with transaction(database) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.sync_event (fabric_id, fabric, target, status, generation, counts, reason, duration, "
            "finished_at) VALUES (0, 'gone', 'git', 'error', 1, '{}', '', 0, now() - interval '3 days')"
        )
    kept = maintenance.sweep_histories(database, DAYS)
    assert kept == {table: {"days": days, "rows": 0, "more": False} for table, days in DAYS.items()}
    for dry_run in (True, False):
        report = maintenance.sweep_histories(database, DAYS | {"sync_event": 2.0}, dry_run=dry_run)
        assert report["sync_event"] == {"days": 2.0, "rows": 1, "more": False}
    assert maintenance.sweep_histories(database, DAYS | {"sync_event": 2.0})["sync_event"]["rows"] == 0


def test_a_retention_that_would_delete_everything_is_refused(database: Connection) -> None:
    """A typing error must not empty the history."""
    with pytest.raises(InvalidInput, match="sync_event_retention_days is 0; it must be more than 0"):
        maintenance.sweep_histories(database, DAYS | {"sync_event": 0.0})


def test_the_page_has_every_history_with_its_setting_and_its_default() -> None:
    """Operators plan disks by it."""
    page = (ROOT / "docs" / "maintenance.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([0-9]+) \|", page, re.MULTILINE)
    assert told == [(table, one.name, one.default_text) for table, one in RETENTIONS.items()]
    assert list(RETENTIONS) == [history.name for history in HISTORIES]


# Runs that died

_WORKER = """
import os, signal, sys
from hedgehog.fabric.model import Target
from hedgehog.store import database, sync_state
connection = database.connect(eval(sys.argv[1]))
database.try_locks(connection, database.Lock.KUBERNETES, [int(sys.argv[2])])
sync_state.begin(connection, Target.KUBERNETES, [int(sys.argv[2])], run_id="dag/killed")
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_run(database: Connection, parameters, fabric_id: int) -> None:
    """A process claims the fabric, says that it works on it, and is killed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "plugins")}
    command = [sys.executable, "-c", _WORKER, repr(parameters), str(fabric_id)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    until_alone(database)


def test_a_killed_run_is_reported_and_the_fabric_is_tried_again(
    database: Connection, lab: int, database_parameters
) -> None:
    """It shows `syncing` for ever otherwise, although it is due all the while."""
    kill_a_run(database, database_parameters, lab)
    assert (state(database).status, len(schedule.due(database, Target.KUBERNETES))) == (SyncStatus.SYNCING, 1)
    lost = [{"fabric": "lab", "target": "kubernetes", "run_id": "dag/killed"}]
    assert maintenance.repair_lost_runs(database, dry_run=True) == lost
    assert state(database).status is SyncStatus.SYNCING
    assert maintenance.repair_lost_runs(database) == lost
    repaired = state(database)
    assert (repaired.status, repaired.attempts, repaired.error_class) == (SyncStatus.ERROR, 1, "RunLost")
    assert repaired.reason.startswith("the run dag/killed ended without an outcome")
    assert repaired.due_at is not None
    assert maintenance.repair_lost_runs(database) == []


def test_a_run_that_lives_is_left_alone(database: Connection, lab: int, database_parameters) -> None:
    """Its lock says so."""
    worker = connect(database_parameters)
    try_locks(worker, Lock.KUBERNETES, [lab])
    sync_state.begin(worker, Target.KUBERNETES, [lab], run_id="dag/alive")
    assert maintenance.repair_lost_runs(database) == []
    assert state(database).status is SyncStatus.SYNCING
    worker.close()
    until_alone(database)
    assert len(maintenance.repair_lost_runs(database)) == 1


def test_no_lock_is_left_behind(database: Connection, lab: int, database_parameters) -> None:
    """Repaired, the fabric can be worked on at once."""
    kill_a_run(database, database_parameters, lab)
    maintenance.repair_lost_runs(database)
    other = connect(database_parameters)
    assert try_locks(other, Lock.KUBERNETES, [lab]) == {lab}
    other.close()


def test_a_fabric_whose_runs_keep_dying_is_parked(database: Connection, lab: int) -> None:
    """It would kill every worker, one after the other, for ever."""
    for number in range(sync_state.MAX_ATTEMPTS):
        sync_state.begin(database, Target.KUBERNETES, [lab], run_id=f"dag/{number}")
    maintenance.repair_lost_runs(database)
    assert (state(database).status, state(database).attempts) == (SyncStatus.PARKED, sync_state.MAX_ATTEMPTS)


# Airflow's own rows


@dataclass
class Metadata:
    """Airflow's REST API with runs in memory: DAG → (run id, state, ended), in any order."""

    runs: dict[str, list[tuple[str, str, datetime]]]
    stubborn: set[str] = field(default_factory=set)

    def our_dags(self) -> list[str]:
        """The ids of our DAGs."""
        return sorted(self.runs)

    def newest(self, dag_id: str, limit: int, *, state: str | None = None) -> list[DagRun]:
        """Ended runs, the newest first."""
        found = sorted(self.runs[dag_id], key=lambda run: run[2], reverse=True)
        return [DagRun(*run[:2]) for run in found if state in (None, run[1])][:limit]

    def ended_before(self, dag_id: str, moment: datetime, *, offset: int, limit: int) -> list[DagRun]:
        """Runs that ended before *moment*, the oldest first."""
        found = sorted((run for run in self.runs[dag_id] if run[2] < moment), key=lambda run: run[2])
        return [DagRun(*run[:2]) for run in found][offset : offset + limit]

    def delete(self, dag_id: str, run_id: str) -> bool:
        """Forget a run."""
        if run_id in self.stubborn:
            return False
        self.runs[dag_id] = [run for run in self.runs[dag_id] if run[0] != run_id]
        return True


def metadata(count: int, *, success: int = 0, dag_id: str = "hedgehog_a") -> Metadata:
    """Runs 1 to *count*, an hour apart, the last one now; only number *success* went well."""
    return Metadata(
        {
            dag_id: [
                (f"r{number}", "success" if number == success else "failed", NOW - timedelta(hours=count - number))
                for number in range(1, count + 1)
            ]
        }
    )


def left(api: Metadata, dag_id: str = "hedgehog_a") -> set[str]:
    """The ids of the runs that are left."""
    return {run[0] for run in api.runs[dag_id]}


def test_old_runs_go_but_not_the_newest_success_and_not_the_newest_runs() -> None:
    """A DAG that failed for weeks still shows when it last worked."""
    api = metadata(500, success=3)
    report = maintenance.sweep_runs(api, NOW - timedelta(hours=100))
    assert report == RunsReport({"hedgehog_a": 398})
    assert left(api) == {"r3", *(f"r{number}" for number in range(400, 501))}
    api = metadata(30)
    assert maintenance.sweep_runs(api, NOW + timedelta(hours=1)) == RunsReport({"hedgehog_a": 30 - KEPT_RUNS})


def test_a_dry_run_counts_the_same_and_deletes_nothing() -> None:
    """Page by page, too."""
    api = metadata(500, success=3)
    assert maintenance.sweep_runs(api, NOW - timedelta(hours=100), dry_run=True).deleted == {"hedgehog_a": 398}
    assert len(left(api)) == 500


def test_a_run_that_airflow_keeps_does_not_hold_up_the_others() -> None:
    """Somebody has cleared it, and it runs again."""
    api = metadata(300)
    api.stubborn = {"r1", "r2", "r120"}
    assert maintenance.sweep_runs(api, NOW - timedelta(hours=100)).deleted == {"hedgehog_a": 196}
    assert left(api) >= api.stubborn


def test_one_run_deletes_no_more_than_its_limit() -> None:
    """What is left goes in the next hour."""
    api = metadata(300)
    api.runs["hedgehog_b"] = list(api.runs["hedgehog_a"])
    report = maintenance.sweep_runs(api, NOW - timedelta(hours=100), most=250)
    assert report == RunsReport({"hedgehog_a": 199, "hedgehog_b": 51}, more=True)
