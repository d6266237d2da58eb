"""What was given up, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedgehog.fabric.model import Target
from hedgehog.store.database import Connection, transaction
from hedgehog.store.listings.keyset import Row, falling, rows_of

_NEWEST_FIRST = falling("d.last_failed_at", "d.id")
_SELECT = (
    "SELECT d.id, coalesce(f.name, i.repository) AS fabric, d.target, d.status, d.verb, d.conf, d.attempts, d.error_class, "
    "d.message, d.run_id, d.first_failed_at, d.last_failed_at, d.closed_at, d.closed_by, d.note FROM hedgehog.dead_letter d "
    "LEFT JOIN hedgehog.fabric f ON f.id = d.fabric_id LEFT JOIN hedgehog.inbox i ON i.id = d.inbox_id"
)


def letter_rows(
    connection: Connection,
    *,
    fabric: str | None,
    target: Target | None,
    closed: bool,
    after: Sequence[Any] | None,
    limit: int,
) -> list[Row]:
    """At most *limit* parked letters, with *closed* the others too; the newest failure first."""
    condition, values = _NEWEST_FIRST.after(after)
    where = (
        "(%s::text IS NULL OR f.name = %s) AND (%s::text IS NULL OR d.target = %s) AND (d.status = 'parked' OR %s) "
        f"AND {condition}"
    )
    at = target.value if target else None
    with transaction(connection) as cursor:
        cursor.execute(
            f"{_SELECT} WHERE {where} ORDER BY {_NEWEST_FIRST.order()} LIMIT %s",
            (fabric, fabric, at, at, closed, *values, limit),
        )
        return rows_of(cursor)
