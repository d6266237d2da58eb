"""Freezes: of which fabrics nothing is written to Git and clusters, since when and why. The rows are their history, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.fabric.changes import Action
from hedgehog.fabric.selectors import Selector
from hedgehog.store.database import Connection, jsonb, transaction

ACTIVE = "(z.lifted_at IS NULL AND coalesce(z.until > now(), true))"
"""SQL for: the freeze *z* is in force."""
LONGEST_FIRST = "z.until DESC NULLS FIRST, z.id"
"""SQL for the order in which freezes of one fabric are shown."""
FREEZE_OF = (
    f"(SELECT z.reason, z.until FROM hedgehog.freeze z WHERE {ACTIVE} AND hedgehog.selects(z.selector, f) "
    f"ORDER BY {LONGEST_FIRST} LIMIT 1)"
)
"""SQL for the freeze in force that ends last, of the fabric *f*."""
FROZEN = f"EXISTS {FREEZE_OF}"
"""SQL for: the fabric *f* is frozen."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing is written of the fabrics that `selector` fits, until `until` or until it is lifted."""

    selector: Selector
    reason: str
    until: datetime | None
    frozen_by: str
    frozen_at: datetime


_FIELDS = "z.selector, z.reason, z.until, z.frozen_by, z.frozen_at"


def _freeze(row: Sequence[Any]) -> Freeze:
    return Freeze(Selector.of(row[0]), *row[1:])


def active_freezes(connection: Connection) -> list[Freeze]:
    """The freezes that are in force, the oldest first."""
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT {_FIELDS} FROM hedgehog.freeze z WHERE {ACTIVE} ORDER BY z.id")
        return [_freeze(row) for row in cursor.fetchall()]


def freezes_of(connection: Connection, names: Sequence[str]) -> dict[str, Freeze]:
    """Of each of the fabrics that is frozen, the freeze that ends last."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT DISTINCT ON (f.name) f.name, {_FIELDS} FROM hedgehog.freeze z JOIN hedgehog.fabric f "
            f"ON f.name = ANY(%s) AND hedgehog.selects(z.selector, f) WHERE {ACTIVE} ORDER BY f.name, {LONGEST_FIRST}",
            (list(names),),
        )
        return {row[0]: _freeze(row[1:]) for row in cursor.fetchall()}


def save_freeze(cursor: Any, selector: Selector, *, reason: str, until: datetime | None, actor: str) -> Action:
    """Freeze, or give the freeze of this selector another reason and end, inside the caller's transaction."""
    data = jsonb(selector.as_data())
    cursor.execute(
        f"UPDATE hedgehog.freeze z SET lifted_at = z.until, lifted_by = 'its end' "
        f"WHERE z.selector = %s AND z.lifted_at IS NULL AND NOT {ACTIVE}",
        (data,),
    )
    cursor.execute(
        "INSERT INTO hedgehog.freeze AS z (selector, reason, until, frozen_by) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (selector) WHERE lifted_at IS NULL DO UPDATE SET reason = excluded.reason, until = excluded.until, "
        "frozen_by = excluded.frozen_by WHERE (z.reason, z.until) IS DISTINCT FROM (excluded.reason, excluded.until) "
        "RETURNING xmax = 0",
        (data, reason, until, actor),
    )
    row = cursor.fetchone()
    return Action.UNCHANGED if row is None else Action.CREATED if row[0] else Action.CONFIGURED


def lift_freeze(cursor: Any, selector: Selector, *, actor: str) -> bool:
    """End the freeze of this selector, inside the caller's transaction; False when there is none."""
    cursor.execute(
        f"UPDATE hedgehog.freeze z SET lifted_at = now(), lifted_by = %s WHERE z.selector = %s AND {ACTIVE}",
        (actor, jsonb(selector.as_data())),
    )
    return bool(cursor.rowcount)
