"""What happened to every run, task, table, file and log while nothing was changed."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from devstack.files import content, present
from devstack.soak.clocks import DAGS, HOURS_AT_ONCE, KEPT_DAYS, LOGS_KEPT, LOGS_KEPT_DAYS, RUNS_KEPT_DAYS, SCHEDULED
from devstack.stack import Stack
from hedgehog.services.upkeep.maintenance import KEPT_RUNS
from hedgehog.store import database
from hedgehog.store.database import transaction
from hedgehog.store.retention import HISTORIES

_RED = frozenset({"failed", "upstream_failed", "up_for_retry"})
_GROWTH = 1.5
"""By how much a table without a retention, or a directory, may grow after it was first full."""
_SPARE = 200
_CLEANED_HOURS = 2 * HOURS_AT_ONCE
"""By how much something may be older than its retention: a cleanup may have begun before the last move but one."""
_CLEANED_SECONDS = 300.0
"""The same for Airflow's rows, whose times are not moved."""
_BAD = {
    "a traceback": "Traceback (most recent call last)",
    "details of an error": '"error_detail"',
    "an error": '"level":"error"',
    "a deprecation": "DeprecationWarning",
}
"""Texts that no task log may have; in other logs only a traceback counts, because Airflow's components log warnings."""


@dataclass
class Watching:
    """Checks, and remembers the results."""

    stack: Stack
    runs: dict[tuple[str, str], str] = field(default_factory=dict)
    red: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    logged: dict[str, str] = field(default_factory=dict)
    """Unwanted texts of a log, by its path; searched for before the log is rotated."""
    _read: dict[Path, int] = field(default_factory=dict)

    def look(self) -> None:
        """Check once: newest runs, tasks that are red or were retried, logs, sizes."""
        self._read_logs()
        for run in self._list("/dags/~/dagRuns?limit=100&order_by=-run_after", "dag_runs"):
            if run["dag_id"] in SCHEDULED and run["run_type"] != "manual":
                self.runs[run["dag_id"], run["dag_run_id"]] = run["state"]
            if run["state"] == "failed":
                self.red[f"{run['dag_id']} {run['dag_run_id']}"] = "failed"
        for state in sorted(_RED):
            path = f"/dags/~/dagRuns/~/taskInstances?limit=100&state={state}"
            for task in self._list(path, "task_instances"):
                name = f"{task['dag_id']} {task['dag_run_id']} {task['task_id']}[{task['map_index']}]"
                self.red[name] = state
        with transaction(self.stack.database) as cursor:
            cursor.execute(
                "SELECT dag_id, run_id, task_id, map_index, try_number, state FROM hedgehog.task_run "
                "WHERE try_number > 1 OR state IN ('failed', 'up_for_retry')"
            )
            for dag, run, task, index, attempt, state in cursor.fetchall():
                self.red.setdefault(f"{dag} {run} {task}[{index}]", f"{state} in its attempt {attempt}")
            cursor.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'hedgehog' AND table_type = 'BASE TABLE'"
            )
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT count(*) FROM hedgehog."{table}"')
                row = cursor.fetchone()
                self.rows[table].append(row[0] if row else 0)
        for name, directory in self._directories().items():
            self.sizes[name].append(_size(directory))

    def _directories(self) -> dict[str, Path]:
        return {"clones": self.stack.directory / "mirrors", "backups": self.stack.airflow.home / "hedgehog" / "backups"}

    def _read_logs(self) -> None:
        for path, status in sorted(present(self.stack.airflow.home)):
            if path.suffix not in (".log", ".err") or status.st_size == self._read.get(path):
                continue
            text = content(path).decode(errors="replace")
            self._read[path] = status.st_size
            bad = _BAD if "dag_id=" in str(path) else {"a traceback": _BAD["a traceback"]}
            for what, mark in bad.items():
                if (place := text.find(mark)) >= 0:
                    name = str(path.relative_to(self.stack.airflow.home))
                    self.logged.setdefault(
                        name, f"{name} has {what}: {text[place - 300 if place > 300 else 0 : place + 1500]}"
                    )

    def _list(self, path: str, key: str) -> list[dict[str, str]]:
        return list(self.stack.airflow.call("GET", path)[key])

    def ended(self) -> Counter[str]:
        """How many runs by the clock, or by an event, ended well, by DAG."""
        return Counter(dag for (dag, _), state in self.runs.items() if state == "success")

    def too_old(self) -> list[str]:
        """Rows beyond their retention that the cleanup of the last hours should have taken."""
        found = []
        hours = KEPT_DAYS * 24 + _CLEANED_HOURS
        for history in HISTORIES:
            with transaction(self.stack.database) as cursor:
                cursor.execute(
                    f"SELECT count(*) FROM hedgehog.{history.name} t WHERE t.{history.age} < now() - make_interval(secs => %s) "
                    f"AND {history.ended} AND NOT ({history.kept})",
                    (hours * 3600,),
                )
                row = cursor.fetchone()
            if row and row[0]:
                found.append(
                    f"{row[0]} rows of {history.name} are older than {hours:.0f} h; its retention is {KEPT_DAYS * 24:.0f} h"
                )
        return [*found, *self._old_logs(), *self._old_runs()]

    def _old_logs(self) -> list[str]:
        oldest = time.time() - (LOGS_KEPT_DAYS * 24 + _CLEANED_HOURS) * 3600
        found = []
        for directory in sorted((self.stack.airflow.home / "logs").glob("dag_id=hedgehog_*")):
            attempts = [status for path, status in present(directory) if path.name.startswith("attempt=")]
            written = sorted(status.st_mtime for status in attempts)
            if late := sum(1 for one in written[:-LOGS_KEPT] if one < oldest):
                found.append(f"{late} logs of {directory.name} are older than their retention")
        return found

    def _old_runs(self) -> list[str]:
        """Airflow's rows of our runs: except for the newest of each DAG, and its newest success, the old ones are deleted."""
        connection = database.connect({**self.stack.parameters, "dbname": "airflow"})
        try:
            with transaction(connection) as cursor:
                cursor.execute(
                    "SELECT dag_id, count(*) FROM dag_run WHERE dag_id = ANY(%s) AND state IN ('success', 'failed') "
                    "AND end_date < now() - make_interval(secs => %s) GROUP BY dag_id HAVING count(*) > %s ORDER BY dag_id",
                    (list(DAGS), RUNS_KEPT_DAYS * 86400 + _CLEANED_SECONDS, KEPT_RUNS + 1),
                )
                return [f"Airflow has {count} old runs of {dag}; {KEPT_RUNS} are kept" for dag, count in cursor]
        finally:
            connection.close()

    def grown(self) -> list[str]:
        """Tables without a retention and directories that are much larger than at the middle of the soak."""
        kept = {history.name for history in HISTORIES}
        found = [
            f"{name} grew from {counts[len(counts) // 2]} to {counts[-1]}"
            for name, counts in {**{n: c for n, c in self.rows.items() if n not in kept}, **self.sizes}.items()
            if len(counts) > 3 and counts[-1] > counts[len(counts) // 2] * _GROWTH + _SPARE
        ]
        backups = [path for path in self._directories()["backups"].glob("*") if not path.name.startswith(".")]
        if len(backups) > 2:
            found.append(f"{len(backups)} backups are kept; [hedgehog] backup_keep is 2")
        return found

    def waiting_for(self, wanted: int) -> list[str]:
        """The DAGs that have not run so often yet."""
        ended = self.ended()
        return [dag for dag in SCHEDULED if ended[dag] < wanted]


def _size(directory: Path) -> int:
    return sum(status.st_size for _, status in present(directory))
