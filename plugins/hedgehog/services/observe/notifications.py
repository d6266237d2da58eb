"""Notifications about conditions of the metrics: once when a condition begins, again after a while, and when it is over.

The conditions are those of `deploy/alerts/hedgehog.yaml`, for installations without a Prometheus.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hedgehog.errors import HedgehogError
from hedgehog.fabric.shown import first_lines
from hedgehog.store import alerts as store
from hedgehog.store.alerts import Alert, KnownAlert
from hedgehog.store.database import Connection
from hedgehog.store.metric_table import FAILED
from hedgehog.store.metrics import Sample

logger = logging.getLogger(__name__)

QUIET = timedelta(minutes=5)
"""How long a condition must not hold before it is over, so that one that comes and goes is notified only once."""
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Condition:
    """Something is wrong where a sample of `metric` is `limit` or more. `text` is about its labels and value."""

    name: str
    metric: str
    limit: float
    text: str

    def alert(self, sample: Sample) -> Alert:
        """The message for *sample*."""
        labels = sample.labels
        # The error class of a fabric may change while it keeps failing: that is the same alert.
        unsteady = {"error_class"} if "fabric" in labels else set()
        subject = " ".join(f"{name}={labels[name]}" for name in sorted(labels.keys() - unsteady))
        return Alert(self.name, subject, self.text.format(value=sample.value, hours=sample.value / 3600, **labels))


CONDITIONS = (
    Condition(
        "HedgehogSyncFailing",
        "hedgehog_sync_failures_in_a_row",
        3,
        "{fabric}: {value:g} syncs to {target} failed in a row ({error_class}); see `hedgehog status {fabric}`",
    ),
    Condition(
        "HedgehogTaskFailing",
        "hedgehog_task_failures_in_a_row",
        3,
        "{dag_id}: the task {task_id} failed for good in {value:g} runs in a row; its log in Airflow says why",
    ),
    Condition(
        "HedgehogAuthenticationFailed",
        "hedgehog_sync_authentication_failed",
        1,
        "{fabric}: its credential for {target} is refused; correct the connection, then `hedgehog sync {target} {fabric}`",
    ),
    Condition(
        "HedgehogRemoteAway",
        "hedgehog_sync_remote_away_seconds",
        15 * 60,
        "{fabric}: its {target} has not been reached for {hours:.1f} h; see `hedgehog status {fabric}`",
    ),
    Condition(
        "HedgehogSyncLate",
        "hedgehog_sync_oldest_due_intervals",
        3,
        "a fabric has waited {value:.1f} intervals for its sync to {target}; do scheduler, workers and pool have room?",
    ),
    Condition(
        "HedgehogDriftOld",
        "hedgehog_drift_oldest_seconds",
        24 * 3600,
        "{fabric}: its cluster has not been as it was applied for {hours:.0f} h; see `hedgehog drift list {fabric}`",
    ),
    Condition(
        "HedgehogProblemOpen",
        "hedgehog_problems",
        1,
        "{fabric}: {value:g} × {kind} waits for somebody; see `hedgehog status {fabric}`",
    ),
    Condition(
        "HedgehogRolloutWaiting",
        "hedgehog_rollout_waiting_seconds",
        60,
        "rollout {rollout} waits for somebody ({state}); see `hedgehog rollout show {rollout}`",
    ),
    Condition(
        "HedgehogFinalizerStuck",
        "hedgehog_finalizer_oldest_seconds",
        3600,
        "{fabric}: an object that is no longer wanted has waited {hours:.0f} h for its finalizer; see `hedgehog status {fabric}`",
    ),
    Condition(
        "HedgehogMaintenanceLate",
        "hedgehog_maintenance_age_intervals",
        3,
        "{job} has not ended well for {value:.1f} of its intervals; see hedgehog_{job} in Airflow",
    ),
    Condition(
        "HedgehogMetricFailed",
        FAILED,
        1,
        "the metric {metric} cannot be collected, so its alerts cannot fire; the log of hedgehog_periodic says why",
    ),
)
"""All conditions; each has the name of a Prometheus rule."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of one notification: everything of one minute."""

    alerts: tuple[Alert, ...]
    over: tuple[Alert, ...]

    @property
    def subject(self) -> str:
        """One line."""
        parts = [f"{len(self.alerts)} open" if self.alerts else "", f"{len(self.over)} over" if self.over else ""]
        return f"Hedgehog: {', '.join(part for part in parts if part)}"

    @property
    def message(self) -> str:
        """One line for each alert; only the first ones if there are many."""
        lines = [f"{one.name}: {one.message}" for one in self.alerts]
        lines += [f"{one.name} is over" + (f" ({one.subject})" if one.subject else "") for one in self.over]
        return "\n".join(first_lines(lines, _MOST_LINES, where="see `hedgehog metrics`"))


Send = Callable[[Notice], None]
"""Sends a notification; may raise any exception."""


def active_alerts(samples: Sequence[Sample]) -> list[Alert]:
    """The alerts of all conditions that hold for *samples*."""
    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.name, []).append(sample)
    return [
        condition.alert(sample)
        for condition in CONDITIONS
        for sample in by_metric.get(condition.metric, [])
        if sample.value >= condition.limit
    ]


def notify(
    connection: Connection,
    samples: Sequence[Sample],
    senders: Mapping[str, Send],
    *,
    now: datetime,
    remind: timedelta,
) -> tuple[Notice, list[str]]:
    """Notify all *senders* of what is new, still wrong after *remind*, or over; returns the notice and the failed senders.

    It counts as sent if one of them accepted it; otherwise it is sent with the next call. An alert that was never sent is
    not reported as over, and one that cannot be checked now stays as it was.
    """
    known = store.record(connection, active_alerts(samples), now, unseen=_unseen(samples))
    notice = _due(known, now, remind)
    failed = [name for name, send in senders.items() if not _sent(name, send, notice)] if _has_content(notice) else []
    if len(failed) < len(senders):
        store.mark_notified(connection, notice.alerts, now)
        store.forget(connection, notice.over)
    store.forget(connection, [one.alert for one in known if one.notified_at is None and now - one.seen_at >= QUIET])
    return notice, failed


def _unseen(samples: Sequence[Sample]) -> list[str]:
    """The conditions whose metric could not be collected: it is unknown whether they still hold."""
    failed = {sample.labels["metric"] for sample in samples if sample.name == FAILED}
    return [condition.name for condition in CONDITIONS if condition.metric in failed]


def _due(known: Sequence[KnownAlert], now: datetime, remind: timedelta) -> Notice:
    at_work = [one for one in known if one.seen_at == now]
    alerts = [one.alert for one in at_work if one.notified_at is None or now - one.notified_at >= remind]
    over = [one.alert for one in known if one.notified_at is not None and now - one.seen_at >= QUIET]
    return Notice(tuple(alerts), tuple(over))


def _has_content(notice: Notice) -> bool:
    return bool(notice.alerts or notice.over)


def _sent(name: str, send: Send, notice: Notice) -> bool:
    try:
        send(notice)
    except Exception as error:  # a notifier may be any code, and its message may contain a URL with a token
        said = str(error) if isinstance(error, HedgehogError) else type(error).__name__
        logger.error("%s could not send: %s", name, said)
        return False
    return True
