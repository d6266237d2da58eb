"""One of our metrics."""

from __future__ import annotations

from dataclasses import dataclass

MOST_SERIES = 200
"""The most series of one metric about single fabrics; the worst are kept."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One of our metrics. `sql` gives the labels, in their order, and then the value; None: it comes from elsewhere."""

    name: str
    kind: str
    """`gauge`, `counter` (never falls), or `summary` (quantiles of the last hour)."""
    help: str
    labels: tuple[str, ...] = ()
    sql: str | None = None
