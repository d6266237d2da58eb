"""What changed since somebody last looked: one range of one index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.store.database import Connection, transaction

KEPT = 3600
"""Seconds for which marks are kept."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A transaction that changed something: a fabric, or another topic."""

    transaction: int
    topic: str
    fabric: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was there at one moment. Every transaction before `beginning` had ended by then."""

    beginning: int
    at: datetime
    marks: tuple[Mark, ...]


def marks_since(connection: Connection, beginning: int | None, *, limit: int) -> Look:
    """The marks of the transactions from *beginning* on (of none without one), at most *limit*, and the next beginning."""
    query = (
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, now(), m.transaction::text::bigint, m.topic, m.fabric "
        "FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT * FROM hedgehog.change_mark WHERE transaction >= %s::text::xid8 "
        "ORDER BY transaction LIMIT %s) m ON true"
    )
    with transaction(connection) as cursor:
        # A beginning that no transaction has reached finds nothing.
        cursor.execute(query, (str(beginning if beginning is not None else 2**63), limit))
        rows: list[Any] = cursor.fetchall()
    marks = tuple(Mark(*row[2:]) for row in rows if row[2] is not None)
    return Look(rows[0][0], rows[0][1], marks)


def forget_marks(connection: Connection, *, count_only: bool = False) -> int:
    """Drop the marks that are older than KEPT; how many."""
    condition = "FROM hedgehog.change_mark WHERE at < now() - make_interval(secs => %s)"
    with transaction(connection) as cursor:
        cursor.execute(f"{'SELECT 1' if count_only else 'DELETE'} {condition}", (KEPT,))
        return cursor.rowcount
