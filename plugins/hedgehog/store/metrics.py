"""Our metrics: the samples that the database yields now, and those recorded every minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hedgehog.errors import HedgehogError, InvalidInput
from hedgehog.store.database import Connection, jsonb, transaction
from hedgehog.store.metric import Metric
from hedgehog.store.metric_table import FAILED, METRICS

logger = logging.getLogger(__name__)

TIME_LIMIT = 30.0
"""Seconds after which no further query is started."""
_FRESH = "10 minutes"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {"name": self.name, "value": self.value, "labels": dict(self.labels)}


def current_samples(connection: Connection) -> list[Sample]:
    """The samples of all metrics that have SQL.

    A failing query affects only its own metric. Raises RemoteUnavailable when the database is lost.
    """
    until = time.monotonic() + TIME_LIMIT
    found: list[Sample] = []
    for metric in METRICS.values():
        if metric.sql is not None:
            found += samples_or_failed([metric.name], partial(_take, connection, metric, until))
            if connection.closed:
                ping(connection)
    return found


def _take(connection: Connection, metric: Metric, until: float) -> list[Sample]:
    if time.monotonic() > until:
        raise InvalidInput(f"no time was left for it: the others took {TIME_LIMIT:g} s")
    with transaction(connection) as cursor:
        cursor.execute(metric.sql or "")
        return [_sample(metric, row) for row in cursor.fetchall()]


def samples_or_failed(names: Iterable[str], take: Callable[[], list[Sample]]) -> list[Sample]:
    """The samples that *take* returns; if it fails, samples that report *names* as failed. The log says why."""
    try:
        return take()
    except Exception as error:  # no error of one metric, foreseen or not, may affect the others
        reason = str(error) if isinstance(error, HedgehogError) else f"{type(error).__name__}: {error}"
        logger.warning("no samples for %s: %s", ", ".join(names), " ".join(reason.split()))
        return failed_samples(names)


def failed_samples(names: Iterable[str]) -> list[Sample]:
    """Samples that report the metrics *names* as failed."""
    return [Sample(FAILED, 1.0, {"metric": name}) for name in names]


def _sample(metric: Metric, row: Sequence[Any]) -> Sample:
    if None in row:
        raise InvalidInput(f"its query gave NULL: {row!r}")
    return Sample(metric.name, float(row[-1]), dict(zip(metric.labels, row[:-1], strict=True)))


def ping(connection: Connection) -> None:
    """Run a trivial query."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT 1")


def record(connection: Connection, host: str, samples: Sequence[Sample]) -> None:
    """Store the samples of this minute; hedgehog_result_cleanup deletes them after some days."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.metric_sample (at, host, samples) VALUES (now(), %s, %s)",
            (host, jsonb([sample.as_dict() for sample in samples])),
        )


def latest(connection: Connection, names: Sequence[str]) -> list[Sample]:
    """The newest samples of *names*, of each machine that recorded any in the last minutes."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT one ->> 'name', (one ->> 'value')::float, one -> 'labels' FROM (SELECT DISTINCT ON (host) host, samples "
            f"FROM hedgehog.metric_sample WHERE at > now() - interval '{_FRESH}' ORDER BY host, at DESC) m, "
            "jsonb_array_elements(m.samples) WITH ORDINALITY e (one, place) "
            "WHERE one ->> 'name' = ANY(%s) AND jsonb_typeof(one -> 'value') = 'number' ORDER BY m.host, e.place",
            (list(names),),
        )
        return [Sample(*row) for row in cursor.fetchall()]
