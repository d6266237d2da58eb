"""Operators of maintenance: replay, cleaning, log rotation, backup. Each returns its report, which XCom keeps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from hedgehog.airflow import settings
from hedgehog.airflow.operators.tasks import fabric_database, run_id_of
from hedgehog.airflow.trouble import FabricTrouble
from hedgehog.errors import PermanentError

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from hedgehog.services.upkeep.log_rotation import RotationPolicy

logger = logging.getLogger(__name__)

RESULT_CLEANUP = "result_cleanup"
LOG_ROTATION = "log_rotation"
BACKUP = "backup"
"""Jobs of the table `maintenance`."""


def _note(job: str, report: dict[str, Any]) -> None:
    from hedgehog.store.retention import note_run

    with fabric_database() as connection:
        note_run(connection, job, report)


class ReplayDeadLettersOperator(BaseOperator):
    """Makes parked work due again.

    :param fabrics: fabric names. (templated)
    :param target: `git`, `kubernetes` or `both`, as nothing is. (templated)
    :param every: all that is parked, whatever the fabric. (templated)
    :param dry_run: a dry run. (templated)
    """

    template_fields: Sequence[str] = ("fabrics", "target", "every", "is_dry_run")
    ui_color = "#fef7e0"

    def __init__(
        self, *, fabrics: Any = (), target: Any = "both", every: Any = False, dry_run: Any = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics
        self.target = target
        self.every = every
        self.is_dry_run = dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was replayed and what had to stay parked."""
        from hedgehog.fabric.model import Target
        from hedgehog.services.upkeep import dead_letters

        target = None if self.target in ("both", None) else Target(self.target)
        with fabric_database() as connection:
            selection = dead_letters.select(
                connection, fabrics=list(self.fabrics), target=target, every=bool(self.every)
            )
            done = dead_letters.replay(connection, selection, by=run_id_of(context), dry_run=bool(self.is_dry_run))
        for line in done.lines() or ["no such work is parked"]:
            logger.info("%s", line)
        return done.as_dict()


class _CleaningOperator(BaseOperator):
    """What the operators share that delete: a dry run says what would go."""

    template_fields: Sequence[str] = ("is_dry_run",)
    ui_color = "#f1f3f4"

    def __init__(self, *, dry_run: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.is_dry_run = dry_run


class RepairLostRunsOperator(_CleaningOperator):
    """Gives the fabrics whose run was killed an outcome, so that they no longer show `syncing`.

    :param dry_run: a dry run. (templated)
    """

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Return fabric, target and run of each."""
        from hedgehog.services.upkeep import maintenance

        with fabric_database() as connection:
            lost = maintenance.repair_lost_runs(connection, dry_run=bool(self.is_dry_run))
        for one in lost:
            logger.warning("%s → %s: the run %s ended without an outcome", one["fabric"], one["target"], one["run_id"])
        return lost


class SweepHistoriesOperator(_CleaningOperator):
    """Deletes rows of our own tables that are older than `[hedgehog] <table>_retention_days`.

    :param dry_run: a dry run. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what went of each table."""
        from hedgehog.services.upkeep import maintenance
        from hedgehog.store.retention import note_run

        with fabric_database() as connection:
            days = {table: retention.read() for table, retention in settings.RETENTIONS.items()}
            report = maintenance.sweep_histories(connection, days, dry_run=bool(self.is_dry_run))
            kept = settings.HISTORY_RETENTION_DAYS.read()
            report |= maintenance.sweep_contents(connection, kept, dry_run=bool(self.is_dry_run))
            if not self.is_dry_run:
                note_run(connection, RESULT_CLEANUP, report)
        for name, swept in report.items():
            logger.info(
                "%s: %s rows older than %g days %s%s",
                name,
                swept["rows"],
                swept["days"],
                "would go" if self.is_dry_run else "are gone",
                "; more are left for the next run" if swept["more"] else "",
            )
        return report


class SweepDagRunsOperator(_CleaningOperator):
    """Deletes Airflow's rows of old runs of our DAGs, through its REST API; skipped where there is no connection to it.

    :param dry_run: a dry run. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many runs went, by DAG."""
        from dataclasses import asdict
        from datetime import UTC, datetime, timedelta

        from hedgehog.airflow.adapters.rest import API_CONNECTION, open_api
        from hedgehog.services.upkeep import maintenance

        try:
            api = open_api()
            if api is None:
                raise AirflowSkipException(
                    f"there is no connection {API_CONNECTION}, so Airflow's own old runs are not deleted; create it, or "
                    "delete them with `airflow db clean`"
                )
            days = settings.DAG_RUN_RETENTION_DAYS.read()
            with api:
                before = datetime.now(UTC) - timedelta(days=days)
                report = maintenance.sweep_runs(api, before, dry_run=bool(self.is_dry_run))
        except PermanentError as error:
            raise AirflowFailException(str(error)) from error
        verb = "would go" if self.is_dry_run else "are gone"
        logger.info("%s runs older than %g days %s", sum(report.deleted.values()), days, verb)
        return asdict(report) | {"days": days}


class RotateLogsOperator(_CleaningOperator):
    """Compresses and deletes task logs of our DAGs on the machine that it runs on.

    :param dry_run: a dry run. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return counts and sizes."""
        import time
        from pathlib import Path

        from airflow.sdk.configuration import conf

        from hedgehog.services.upkeep.log_rotation import rotate

        folder = Path(conf.get("logging", "base_log_folder")).expanduser()
        try:
            report = rotate(folder, _our_dags(folder), _policy(), now=time.time(), dry_run=bool(self.is_dry_run))
        except PermanentError as error:
            raise AirflowFailException(str(error)) from error
        verb = "would be " if self.is_dry_run else ""
        for action, paths in (("compressed", report.compressed), ("deleted", report.deleted)):
            for path in paths:
                logger.info("%s%s: %s", verb, action, path)
        logger.info("%s", report.as_dict())
        if not self.is_dry_run:
            _note(LOG_ROTATION, report.as_dict())
        return report.as_dict()


def _our_dags(folder: Path) -> list[str]:
    """The DAGs with logs here that carry our prefix."""
    return sorted(path.name.removeprefix("dag_id=") for path in folder.glob("dag_id=hedgehog_*"))


def _policy() -> RotationPolicy:
    from hedgehog.services.upkeep.log_rotation import RotationPolicy

    return RotationPolicy(
        compress_days=settings.LOG_COMPRESS_DAYS.read(),
        delete_days=settings.LOG_RETENTION_DAYS.read(),
        total_size=int(settings.LOG_TOTAL_MEGABYTES.read() * 1e6),
        keep=settings.LOG_KEEP.read(),
    )


class BackUpOperator(_CleaningOperator):
    """Writes a backup of the fabric database to `[hedgehog] backup_directory` and lets the oldest there go.

    :param dry_run: a dry run. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was written and what went; red when something is missing from the backup."""
        from datetime import UTC, datetime

        from hedgehog.airflow.adapters import backup_storage
        from hedgehog.store.retention import note_run

        with fabric_database() as connection:
            done = backup_storage.back_up(
                connection,
                backup_storage.backup_place(),
                keep=settings.BACKUP_KEEP.read(),
                now=datetime.now(UTC),
                dry_run=bool(self.is_dry_run),
            )
            report = done.as_dict()
            if not self.is_dry_run and not done.missing:
                note_run(connection, BACKUP, report)
        verb = "would be " if self.is_dry_run else ""
        logger.info("%s fabrics, %s objects %swritten to %s", done.fabrics, done.objects, verb, done.place)
        for name in done.removed:
            logger.info("%sdeleted, one of the oldest: %s", verb, name)
        if done.missing:
            for line in report["missing"]:
                logger.error("%s", line)
            raise FabricTrouble(f"{done.place} is incomplete; missing: " + "; ".join(report["missing"]))
        return report
