"""What became of every run, task, table, file and log while nobody touched anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from devstack.soak.clocks import HOURS_A_LOOK, KEPT_DAYS, SCHEDULED
from devstack.stack import Stack
from hedgehog.store.database import transaction
from hedgehog.store.retention import HISTORIES

_RED = frozenset({"failed", "upstream_failed", "up_for_retry"})
_GROWTH = 1.5
"""By how much a table without a retention, or a directory, may be larger at the end than when it was first full."""
_SPARE = 200


@dataclass
class Watching:
    """Looks, and remembers."""

    stack: Stack
    runs: dict[tuple[str, str], str] = field(default_factory=dict)
    red: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def look(self) -> None:
        """Once: newest runs, tasks that are red, sizes."""
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

    def _list(self, path: str, key: str) -> list[dict[str, str]]:
        return list(self.stack.airflow.call("GET", path)[key])

    def ended(self) -> Counter[str]:
        """How many runs by the clock, or by an event, ended well, by DAG."""
        return Counter(dag for (dag, _), state in self.runs.items() if state == "success")

    def too_old(self) -> list[str]:
        """Rows beyond their retention that the cleanup of the last hours should have taken."""
        found = []
        hours = KEPT_DAYS * 24 + 2 * HOURS_A_LOOK
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
        return found

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

    def tracebacks(self) -> list[str]:
        """The first traceback of each log of Airflow's parts and tasks."""
        found = []
        for path in sorted(self.stack.airflow.home.rglob("*")):
            if path.suffix in (".log", ".err") and path.is_file():
                text = path.read_text(errors="replace")
                if "Traceback (most recent call last)" in text or '"error_detail"' in text:
                    place = max(0, text.find("Traceback"))
                    found.append(f"{path.relative_to(self.stack.airflow.home)}: {text[place : place + 1500]}")
        return found

    def waiting_for(self, wanted: int) -> list[str]:
        """The DAGs that have not run so often yet."""
        ended = self.ended()
        return [dag for dag in SCHEDULED if ended[dag] < wanted]


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) if directory.exists() else 0
