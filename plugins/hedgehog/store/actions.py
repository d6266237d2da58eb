"""Who did what with the API: append-only, one row for each fabric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.origin import Origin
from hedgehog.store.database import Connection, jsonb, transaction
from hedgehog.store.listings.keyset import Row, falling, rows_of

MOST_SUBJECTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did."""

    actor: str
    action: str
    fabrics: Sequence[str] = ()
    """A row for each; without any, one row."""
    subjects: Sequence[str] = ()
    reason: str = ""
    dag_id: str | None = None
    run_id: str | None = None

    @classmethod
    def of(cls, origin: Origin, *, action: str, fabrics: Sequence[str], subjects: Sequence[str]) -> Deed:
        """What the *origin* of a change did."""
        return cls(
            actor=origin.who, action=action, fabrics=fabrics, subjects=subjects, reason=origin.why, run_id=origin.run
        )


def record_action(cursor: Any, deed: Deed) -> None:
    """Keep *deed*, inside the caller's transaction: it is recorded if, and only if, it was done."""
    for fabric in deed.fabrics or (None,):
        cursor.execute(
            "INSERT INTO hedgehog.action (actor, action, fabric, subjects, reason, dag_id, run_id) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                deed.actor[:300],
                deed.action,
                fabric,
                jsonb(list(deed.subjects[:MOST_SUBJECTS])),
                deed.reason[:1000],
                deed.dag_id,
                deed.run_id,
            ),
        )


_NEWEST_FIRST = falling("id")


def action_rows(connection: Connection, fabric: str | None, *, after: Sequence[Any] | None, limit: int) -> list[Row]:
    """What was done, to all fabrics or to one; the newest first."""
    condition, values = _NEWEST_FIRST.after(after)
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT id, at, actor, action, fabric, subjects, reason, dag_id, run_id FROM hedgehog.action "
            f"WHERE (%s::text IS NULL OR fabric = %s) AND {condition} ORDER BY {_NEWEST_FIRST.order()} LIMIT %s",
            (fabric, fabric, *values, limit),
        )
        return rows_of(cursor)
