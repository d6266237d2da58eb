"""Short schedules and retentions for a soak, so that every schedule runs many times and all old data is deleted."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from devstack.airflow import ROOT
from devstack.files import present
from hedgehog.airflow.clocks import SHARED
from hedgehog.airflow.settings import GROUPS, RETENTIONS

EVERY_MINUTE = "* * * * *"
DAGS = tuple(sorted(path.stem for path in (ROOT / "dags").glob("hedgehog_*.py")))
_ALL = {f"hedgehog_{clock.name.removesuffix('_schedule')}" for clock in GROUPS["Schedules"]}
_TRIGGERED = {"hedgehog_git_sync", "hedgehog_repository_changes"}
"""In a soak they have work whenever hedgehog_periodic checks their schedules."""
SCHEDULED = tuple(sorted((_ALL - (SHARED.keys() - _TRIGGERED)) | {"hedgehog_periodic"}))
KEPT_DAYS = 0.5
"""Of every history."""
LOGS_KEPT_DAYS = 0.3
LOGS_KEPT = 3
"""The newest task logs of each DAG that are kept, however old."""
RUNS_KEPT_DAYS = 0.001
"""Of Airflow's rows of our runs."""
HOURS_AT_ONCE = 6.0
"""Hours that are simulated in the fabric database, and for the logs, after each run of all cleanups."""
OUTLIVED_HOURS = KEPT_DAYS * 24 + HOURS_AT_ONCE
"""After so many hours, the cleanups have found rows and logs that were too old, even with few runs."""
CLEANING = ("hedgehog_log_rotation", "hedgehog_result_cleanup")
TOKEN = "soak-metrics-token"
SECRET = "soak-webhook-secret"


def settings() -> dict[str, str]:
    """`[hedgehog]` for a soak."""
    values = {
        **{clock.name: EVERY_MINUTE for clock in GROUPS["Schedules"]},
        **{retention.name: str(KEPT_DAYS) for retention in RETENTIONS.values()},
        "dag_run_retention_days": str(RUNS_KEPT_DAYS),
        "log_compress_days": "0.1",
        "log_retention_days": str(LOGS_KEPT_DAYS),
        "log_keep": str(LOGS_KEPT),
        "backup_keep": "2",
        "metrics_token": TOKEN,
        "github_webhook_secret": SECRET,
    }
    return {f"AIRFLOW__HEDGEHOG__{key.upper()}": value for key, value in values.items()}


def age_logs(logs: Path, hours: float) -> None:
    """Make every closed task log older."""
    now = time.time()
    for path, status in present(logs):
        if "dag_id=hedgehog_" in str(path) and now - status.st_mtime > 60:
            with contextlib.suppress(FileNotFoundError):  # it was rotated at this moment
                os.utime(path, (status.st_mtime - hours * 3600,) * 2)
