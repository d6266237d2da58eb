"""Figures of ours: what the database knows at one moment, and the samples of every minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hedgehog.store.database import Connection, as_json, transaction
from hedgehog.store.metric_table import METRICS, Metric

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


def figures(connection: Connection) -> list[Sample]:
    """What the database knows, as of one moment."""
    found = []
    with transaction(connection) as cursor:
        for metric in METRICS.values():
            if metric.sql is not None:
                cursor.execute(metric.sql)
                found += [_sample(metric, row) for row in cursor.fetchall()]
    return found


def _sample(metric: Metric, row: Sequence[Any]) -> Sample:
    return Sample(metric.name, float(row[-1]), dict(zip(metric.labels, row[:-1], strict=True)))


def answer(connection: Connection) -> None:
    """The least query."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT 1")


def record(connection: Connection, host: str, samples: Sequence[Sample]) -> None:
    """Keep the figures of this minute; hedgehog_result_cleanup drops them after some days."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.metric_sample (at, host, samples) VALUES (now(), %s, %s)",
            (host, as_json([sample.as_dict() for sample in samples])),
        )


def latest(connection: Connection, names: Sequence[str]) -> list[Sample]:
    """The newest samples of *names*, of each machine that took any in the last minutes."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT one ->> 'name', (one ->> 'value')::float, one -> 'labels' FROM (SELECT DISTINCT ON (host) host, samples "
            f"FROM hedgehog.metric_sample WHERE at > now() - interval '{_FRESH}' ORDER BY host, at DESC) m, "
            "jsonb_array_elements(m.samples) WITH ORDINALITY e (one, place) "
            "WHERE one ->> 'name' = ANY(%s) ORDER BY m.host, e.place",
            (list(names),),
        )
        return [Sample(*row) for row in cursor.fetchall()]
