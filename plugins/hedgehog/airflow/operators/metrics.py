"""Operators of hedgehog_periodic and hedgehog_metrics: collect the metrics of this minute, and notify of what is wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.adapters.connections import git_cache_directory
from hedgehog.airflow.operators.tasks import fabric_database, short
from hedgehog.airflow.settings import NOTIFY_AGAIN_MINUTES
from hedgehog.errors import HedgehogError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.store.database import Connection
    from hedgehog.store.metrics import Sample

logger = logging.getLogger(__name__)

RUN_LIMIT = timedelta(minutes=5)
TASK_LIMIT = timedelta(minutes=2)
"""A run that hangs must not hold back the metrics of the next minutes for long."""
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


class CollectMetricsOperator(BaseOperator):
    """Finds killed tasks that left no record, collects all metrics, stores them, and hands them to Airflow's own metrics."""

    ui_color = "#f3e8fd"

    def execute(self, context: Context) -> dict[str, int]:
        """Return how many samples were taken and how many lost tasks were found."""
        from hedgehog.airflow.clocks import intervals
        from hedgehog.services.observe import metrics

        with fabric_database() as connection:
            lost = _sweep(connection)
            samples = metrics.record(connection, intervals(), disk=git_cache_directory())
        _emit(samples)
        return {"samples": len(samples), "lost_tasks": lost}


def _sweep(connection: Connection) -> int:
    """The number of tasks whose end was found; what the API refuses keeps nobody from the figures."""
    from hedgehog.airflow.adapters.rest import API_CONNECTION, open_api
    from hedgehog.airflow.listening.task_instances import ApiTaskInstances
    from hedgehog.services.upkeep import lost_tasks

    try:
        api = open_api()
        if api is None:
            logger.info("there is no connection %s: a killed task is noticed after a day, not at once", API_CONNECTION)
            return len(lost_tasks.sweep(connection, None, now=datetime.now(UTC)))
        with api:
            found = lost_tasks.sweep(connection, ApiTaskInstances(api), now=datetime.now(UTC))
    except Exception as error:  # what it could not find keeps nobody from the figures
        said = str(error) if isinstance(error, HedgehogError) else f"{type(error).__name__}: {error}"
        logger.warning("killed tasks could not be determined: %s", said)
        return 0
    for run in found:
        where = f"{run.attempt.dag_id}/{run.attempt.run_id}/{run.attempt.task_id}"
        logger.warning(
            "%s [%s] try %s ended unrecorded: %s", where, run.attempt.map_index, run.attempt.try_number, run.state
        )
    return len(found)


def _emit(samples: Sequence[Sample]) -> None:
    """Gauges for StatsD or OpenTelemetry, if Airflow has one of them on; without tags the labels go into the name."""
    from airflow.sdk.configuration import conf
    from airflow.sdk.observability import stats

    def is_on(key: str) -> bool:
        return bool(conf.getboolean("metrics", key, fallback=False))

    if not (is_on("statsd_on") or is_on("otel_on") or is_on("statsd_datadog_enabled")):
        return
    tagged = is_on("otel_on") or is_on("statsd_datadog_enabled") or is_on("statsd_influxdb_enabled")
    for sample in samples:
        name = sample.name.replace("_", ".", 1)
        if tagged:
            stats.gauge(name, sample.value, tags=dict(sample.labels))
        else:
            parts = [_NOT_IN_A_NAME.sub("_", value) or "none" for value in sample.labels.values()]
            stats.gauge(".".join([name, *parts]), sample.value)


class NotifyOperator(BaseOperator):
    """Tells the notifiers of `[hedgehog] notifiers` what is newly wrong, still wrong after a while, or over."""

    ui_color = "#fce8e6"

    def execute(self, context: Context) -> dict[str, int]:
        """Return the number of notifications. Fails when a notifier failed."""
        from hedgehog.airflow.clocks import intervals
        from hedgehog.airflow.listening.notifiers import senders
        from hedgehog.services.observe import metrics, notifications

        with fabric_database() as connection:
            samples = metrics.collect(connection, intervals())
            notice, failed = notifications.notify(
                connection,
                samples,
                senders(context),
                now=datetime.now(UTC),
                remind=timedelta(minutes=NOTIFY_AGAIN_MINUTES.read()),
            )
        for line in notice.message.splitlines():
            logger.warning("%s", line)
        if failed:
            raise AirflowFailException(f"these notifiers failed: {short(failed)}; the log above says why")
        return {"alerts": len(notice.alerts), "over": len(notice.over)}


def metrics_tasks() -> CollectMetricsOperator:
    """The tasks `collect`, which is returned, and `notify` of the DAG that is being defined."""
    collect = CollectMetricsOperator(
        task_id="collect",
        priority_weight=4,
        doc_md="Finds tasks that were killed, collects all metrics, and stores them.",
    )
    notify = NotifyOperator(
        task_id="notify",
        priority_weight=4,
        trigger_rule="all_done",
        doc_md="Sends the notifiers what is newly wrong, still wrong after a while, or over.",
    )
    collect >> notify
    return collect
