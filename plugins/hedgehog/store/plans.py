"""Plans that somebody was shown, by their id: what was asked, and what would happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.change_plan import ChangePlan
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.store.database import Connection, jsonb, transaction


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan, who asked for it, and the change that it is about (None: no change of the database)."""

    plan: ChangePlan
    actor: str
    at: datetime
    change: DesiredChange | None


def save_plan(cursor: Any, fabric_id: int, plan: ChangePlan, change: DesiredChange | None, *, actor: str) -> None:
    """Keep a plan, inside the caller's transaction; one that is there already is as of now, and its first author stays."""
    cursor.execute(
        "INSERT INTO hedgehog.plan (id, fabric_id, kind, generation, revision, actor, request, document) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (id) DO UPDATE SET at = now(), revision = excluded.revision, document = excluded.document",
        (
            *(plan.id, fabric_id, plan.kind.value, plan.generation, plan.revision, actor[:300]),
            jsonb(change.as_dict()) if change is not None else None,
            jsonb(plan.as_dict()),
        ),
    )


def load_plan(connection: Connection, plan_id: str) -> StoredPlan:
    """The plan with this id. Raises NotFound."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT document, actor, at, request FROM hedgehog.plan WHERE id = %s", (plan_id,))
        row = cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no plan {plan_id}; it may be too old: make it again with `hedgehog plan`")
    return StoredPlan(ChangePlan.of(row[0]), row[1], row[2], DesiredChange.of(row[3]) if row[3] is not None else None)
