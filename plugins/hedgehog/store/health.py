"""The latest health of everything that is checked, and the history of its changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.errors import PermissionDenied
from hedgehog.fabric.health import Health, HealthSummary
from hedgehog.fabric.model import ObjectRef
from hedgehog.store.database import Connection, jsonb, transaction


class Scope(StrEnum):
    """What has a health."""

    FABRIC = "fabric"
    REPOSITORY = "repository"
    """Whether a Git host answers for a repository."""
    GITHUB = "github"
    """One credential at one GitHub host."""
    SERVICE = "service"
    """The fabric database and the parts of Airflow."""


@dataclass(frozen=True, slots=True)
class HealthResult:
    """What one check of one thing found."""

    scope: Scope
    name: str
    summary: HealthSummary
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Names, counts and times that are of use later; never a whole object."""
    fabric_id: int | None = None


@dataclass(frozen=True, slots=True)
class HealthRow:
    """The latest health of one thing."""

    scope: Scope
    name: str
    health: Health
    reasons: tuple[str, ...]
    facts: Mapping[str, Any]
    since: datetime
    """When `health` became what it is."""
    checked_at: datetime
    run_id: str | None


def record(cursor: Any, result: HealthResult, *, run_id: str, now: datetime) -> None:
    """Keep *look* as the latest, and in the history if health or reasons have changed.

    Inside the caller's transaction. Nothing is kept for a fabric that was deleted meanwhile.
    """
    values = {
        "scope": result.scope.value,
        "name": result.name,
        "fabric_id": result.fabric_id,
        "health": result.summary.health.value,
        "reasons": jsonb(list(result.summary.reasons)),
        "facts": jsonb(dict(result.facts)),
        "now": now,
        "run_id": run_id,
    }
    cursor.execute(
        "WITH before AS (SELECT health, reasons FROM hedgehog.health WHERE scope = %(scope)s AND name = %(name)s), "
        "kept AS (INSERT INTO hedgehog.health AS h (scope, name, fabric_id, health, reasons, facts, since, checked_at, run_id) "
        "  SELECT %(scope)s, %(name)s, %(fabric_id)s::bigint, %(health)s, %(reasons)s, %(facts)s, %(now)s, %(now)s, %(run_id)s "
        "  WHERE %(fabric_id)s::bigint IS NULL OR EXISTS "
        "    (SELECT 1 FROM hedgehog.fabric f WHERE f.id = %(fabric_id)s::bigint FOR KEY SHARE) "
        "  ON CONFLICT (scope, name) DO UPDATE SET fabric_id = excluded.fabric_id, health = excluded.health, "
        "    reasons = excluded.reasons, facts = excluded.facts, checked_at = excluded.checked_at, run_id = excluded.run_id, "
        "    since = CASE WHEN h.health = excluded.health THEN h.since ELSE excluded.since END "
        "  RETURNING scope, name, health, reasons, run_id) "
        "INSERT INTO hedgehog.health_event (scope, name, health, reasons, run_id, happened_at) "
        "SELECT kept.*, %(now)s FROM kept WHERE NOT EXISTS "
        "(SELECT 1 FROM before b WHERE b.health = kept.health AND b.reasons = kept.reasons)",
        values,
    )


_COLUMNS = "scope, name, health, reasons, facts, since, checked_at, run_id"


def latest(connection: Connection, scope: Scope | None = None, names: Sequence[str] | None = None) -> list[HealthRow]:
    """The latest health, of all scopes and names or of those given, in a fixed order."""
    query = (
        f"SELECT {_COLUMNS} FROM hedgehog.health WHERE (%(scope)s IS NULL OR scope = %(scope)s) "
        "AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s)) ORDER BY scope, name"
    )
    parameters = {"scope": scope.value if scope else None, "names": list(names) if names is not None else None}
    with transaction(connection) as cursor:
        cursor.execute(query, parameters)
        return [HealthRow(Scope(row[0]), row[1], Health(row[2]), tuple(row[3]), *row[4:]) for row in cursor.fetchall()]


def forget(connection: Connection, scope: Scope, *, keep: Sequence[str]) -> None:
    """Delete the latest health of everything in *scope* that is not in *keep*: it no longer exists. Its history stays."""
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM hedgehog.health WHERE scope = %s AND NOT name = ANY(%s)", (scope.value, list(keep)))


def holders(
    connection: Connection, connection_ids: Sequence[str], kinds: Sequence[str]
) -> dict[int, dict[ObjectRef, datetime]]:
    """Objects of *kinds* in clusters, by the fabric that owns them: ref → when it was last written."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id, kind, namespace, name, applied_at FROM hedgehog.inventory "
            "WHERE connection_id = ANY(%s) AND kind = ANY(%s)",
            (list(connection_ids), list(kinds)),
        )
        found: dict[int, dict[ObjectRef, datetime]] = {}
        for fabric_id, kind, namespace, name, applied_at in cursor.fetchall():
            found.setdefault(fabric_id, {})[ObjectRef(kind, namespace, name)] = applied_at
        return found


def kinds_held(connection: Connection, fabric_ids: Sequence[int], kinds: Sequence[str]) -> Mapping[int, frozenset[str]]:
    """Which of *kinds* each fabric has objects of: one index look-up per fabric and kind."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.id, array_agg(k.kind) FROM unnest(%s::bigint[]) f (id) CROSS JOIN unnest(%s::text[]) k (kind) "
            "WHERE EXISTS (SELECT 1 FROM hedgehog.fabric_object o WHERE o.fabric_id = f.id AND o.kind = k.kind) GROUP BY f.id",
            (list(fabric_ids), list(kinds)),
        )
        held = {row[0]: frozenset(row[1]) for row in cursor.fetchall()}
    return {fabric_id: held.get(fabric_id, frozenset()) for fabric_id in fabric_ids}


def write_and_roll_back(connection: Connection) -> None:
    """Verify that rows can be written, read and rolled back. Raises PermissionDenied when they cannot."""
    with transaction(connection, keep=False) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.health_event (scope, name, health, reasons, happened_at) "
            "VALUES ('service', 'self-test', 'Unknown', '[]', now()) RETURNING id"
        )
        cursor.execute("SELECT 1 FROM hedgehog.health_event WHERE id = %s", cursor.fetchone())
        if cursor.fetchone() is None:
            raise PermissionDenied("the fabric database does not show a row that was just written")
