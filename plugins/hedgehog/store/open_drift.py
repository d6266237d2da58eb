"""Where clusters differ from what was applied: one row per object, as long as the difference lasts.

The watch writes rows as changes happen; every sync to a cluster lists the objects and corrects the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2.extras

from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.store.database import Connection, Lock, jsonb, transaction

_LOCKED = (
    "EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = %(lock)s "
    "AND l.objid = f.id AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)


@dataclass(frozen=True, slots=True)
class ListedDrift:
    """A drift as operators see it. If the object belongs to no fabric, `fabrics` are all fabrics of its cluster."""

    fabrics: tuple[str, ...]
    connection_id: str
    drift: Drift
    revert: bool
    found_at: datetime


@dataclass(frozen=True, slots=True)
class InventoryEntry:
    """An object of the inventory: the fabric that owns it, and the manifest last applied."""

    fabric_id: int
    fabric: str
    manifest: Manifest


def synced_now(connection: Connection, connection_id: str) -> set[int]:
    """The fabrics of a cluster that a run works on right now: changes of their objects may be our own."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT f.id FROM hedgehog.fabric f WHERE f.kubernetes_connection_id = %(connection)s AND {_LOCKED}",
            {"connection": connection_id, "lock": int(Lock.KUBERNETES)},
        )
        return {row[0] for row in cursor.fetchall()}


def inventory_entries(
    connection: Connection, connection_id: str, refs: Collection[ObjectRef]
) -> dict[ObjectRef, InventoryEntry]:
    """Those of *refs* that are in the inventory of the cluster."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT i.kind, i.namespace, i.name, i.fabric_id, f.name, i.manifest FROM hedgehog.inventory i "
            f"JOIN hedgehog.fabric f ON f.id = i.fabric_id WHERE i.connection_id = %(connection)s AND {_of('i')}",
            {"connection": connection_id, "refs": _texts(refs)},
        )
        return {ObjectRef(*row[:3]): InventoryEntry(*row[3:]) for row in cursor.fetchall()}


def _of(table: str, parameter: str = "refs") -> str:
    """The condition that a row is one of the objects of *parameter*."""
    return (
        f"({table}.kind, {table}.namespace, {table}.name) IN (SELECT split_part(r, '/', 1), split_part(r, '/', 2), "
        f"split_part(r, '/', 3) FROM unnest(%({parameter})s::text[]) r)"
    )


def _texts(refs: Iterable[ObjectRef]) -> list[str]:
    return sorted(str(ref) for ref in refs)


def known(connection: Connection, connection_id: str, kind: str, namespace: str) -> set[ObjectRef]:
    """The objects of a kind and namespace that are in the inventory or have a row here: what a list should contain."""
    parameters = {"connection": connection_id, "kind": kind, "namespace": namespace}
    one = "SELECT name FROM hedgehog.{} WHERE connection_id = %(connection)s AND kind = %(kind)s AND namespace = %(namespace)s"
    with transaction(connection) as cursor:
        cursor.execute(f"{one.format('inventory')} UNION {one.format('drift')}", parameters)
        return {ObjectRef(kind, namespace, row[0]) for row in cursor.fetchall()}


def wanted(connection: Connection, connection_id: str, refs: Collection[ObjectRef]) -> set[ObjectRef]:
    """Those of *refs* that a fabric of this cluster has among its objects, applied or not."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT o.kind, o.namespace, o.name FROM hedgehog.fabric_object o JOIN hedgehog.fabric f ON f.id = o.fabric_id "
            f"WHERE f.kubernetes_connection_id = %(connection)s AND {_of('o')}",
            {"connection": connection_id, "refs": _texts(refs)},
        )
        return {ObjectRef(*row) for row in cursor.fetchall()}


def recorded(connection: Connection, connection_id: str, refs: Collection[ObjectRef]) -> dict[ObjectRef, Drift]:
    """The rows of *refs*, by ref."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.drift d WHERE d.connection_id = %(connection)s AND {_of('d')}",
            {"connection": connection_id, "refs": _texts(refs)},
        )
        return {found.ref: found for found in map(_drift, cursor.fetchall())}


_COLUMNS = "d.kind, d.namespace, d.name, d.state, d.fabric_id, d.paths, d.manager, d.score, d.differences"


def _drift(row: Sequence[Any]) -> Drift:
    differences = tuple(FieldDifference.of(one) for one in row[8])
    return Drift(ObjectRef(*row[:3]), DriftState(row[3]), row[4], tuple(row[5]), row[6], row[7], differences)


def note(cursor: Any, connection_id: str, found: Iterable[Drift]) -> None:
    """Write rows, inside the caller's transaction. An existing row keeps its time and what a person decided."""
    rows = [
        (
            connection_id,
            *(one.ref.kind, one.ref.namespace, one.ref.name),
            *(one.fabric_id, one.state.value, jsonb(list(one.paths)), one.manager[:200], round(one.score, 4)),
            jsonb([difference.as_dict() for difference in one.differences]),
        )
        for one in found
    ]
    if rows:
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.drift AS d (connection_id, kind, namespace, name, fabric_id, state, paths, manager, score, "
            "differences) "
            "VALUES %s ON CONFLICT (connection_id, kind, namespace, name) DO UPDATE SET fabric_id = excluded.fabric_id, "
            "state = excluded.state, paths = excluded.paths, manager = excluded.manager, score = excluded.score, "
            "differences = excluded.differences",
            sorted(rows, key=lambda row: row[:4]),
            page_size=1000,
        )


def forget(cursor: Any, connection_id: str, refs: Collection[ObjectRef]) -> None:
    """Delete the rows of objects that are as they should be, or no longer exist."""
    if refs:
        cursor.execute(
            f"DELETE FROM hedgehog.drift d WHERE d.connection_id = %(connection)s AND {_of('d')}",
            {"connection": connection_id, "refs": _texts(refs)},
        )


def replace_rows(
    cursor: Any,
    connection_id: str,
    fabric_id: int,
    found: Sequence[Drift],
    *,
    unknown_kinds: Collection[str],
    reverted: Collection[ObjectRef] = (),
) -> None:
    """Replace the rows of a fabric in a cluster by *found*, and delete those of unowned objects that it now owns.

    About *unknown_kinds*, which could not be listed, the rows stay as they are; so do those that a person wants written
    again, except for *reverted*, of which the sync knew when it planned.
    """
    parameters = {
        "connection": connection_id,
        "fabric": fabric_id,
        "unknown": list(unknown_kinds),
        "refs": _texts(one.ref for one in found),
        "reverted": _texts(reverted),
    }
    cursor.execute(
        "DELETE FROM hedgehog.drift d WHERE d.connection_id = %(connection)s AND NOT d.kind = ANY(%(unknown)s) "
        f"AND NOT {_of('d')} AND (NOT d.revert OR {_of('d', 'reverted')}) "
        "AND (d.fabric_id = %(fabric)s OR d.fabric_id IS NULL AND EXISTS (SELECT 1 FROM hedgehog.inventory i "
        "WHERE (i.connection_id, i.kind, i.namespace, i.name) = (d.connection_id, d.kind, d.namespace, d.name) "
        "AND i.fabric_id = %(fabric)s))",
        parameters,
    )
    note(cursor, connection_id, found)


def make_due(cursor: Any, fabric_ids: Collection[int]) -> list[str]:
    """Make the fabrics due at their clusters for the next run, and return the names of those that it will sync.

    Failed and parked fabrics too: the kind that they wait for blocks no other. Their status stays until that run.
    """
    cursor.execute(
        "UPDATE hedgehog.sync_state s SET due_at = least(s.due_at, now()) FROM hedgehog.fabric f WHERE f.id = s.fabric_id "
        "AND s.target = 'kubernetes' AND f.id = ANY(%s) AND f.enable_k8s_sync "
        "AND (NOT f.suspended OR coalesce(f.suspended_until <= now(), false)) RETURNING f.name",
        (sorted(fabric_ids),),
    )
    return sorted(row[0] for row in cursor.fetchall())


def listing(connection: Connection, fabric: str | None = None) -> list[ListedDrift]:
    """All drift, or that of a fabric together with unowned objects of its cluster; objects of fabrics come first."""
    query = (
        f"SELECT {_COLUMNS}, d.revert, d.found_at, d.connection_id, CASE WHEN own.id IS NOT NULL THEN ARRAY[own.name] ELSE coalesce("
        "  (SELECT array_agg(f.name ORDER BY f.name) FROM hedgehog.fabric f WHERE f.kubernetes_connection_id = d.connection_id), '{}') END "
        "FROM hedgehog.drift d LEFT JOIN hedgehog.fabric own ON own.id = d.fabric_id "
        "WHERE %(fabric)s::text IS NULL OR own.name = %(fabric)s OR (d.fabric_id IS NULL AND d.connection_id = "
        "  (SELECT f.kubernetes_connection_id FROM hedgehog.fabric f WHERE f.name = %(fabric)s)) "
        "ORDER BY d.fabric_id IS NULL, own.name, d.connection_id, d.kind, d.namespace, d.name"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, {"fabric": fabric})
        return [ListedDrift(tuple(row[12]), row[11], _drift(row[:9]), row[9], row[10]) for row in cursor.fetchall()]


def to_revert(
    connection: Connection, connection_id: str, fabric_ids: Collection[int]
) -> dict[int, frozenset[ObjectRef]]:
    """The objects of each fabric that a person wants written again; fabrics without any are left out."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id, array_agg(ARRAY[kind, namespace, name]) FROM hedgehog.drift "
            "WHERE revert AND connection_id = %s AND fabric_id = ANY(%s) GROUP BY fabric_id",
            (connection_id, sorted(fabric_ids)),
        )
        return {fabric_id: frozenset(ObjectRef(*ref) for ref in refs) for fabric_id, refs in cursor.fetchall()}


def revert(connection: Connection, fabric_id: int, refs: Collection[ObjectRef]) -> None:
    """Note that a person wants these objects of a fabric written again."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"UPDATE hedgehog.drift d SET revert = true WHERE d.fabric_id = %(fabric)s AND {_of('d')}",
            {"fabric": fabric_id, "refs": _texts(refs)},
        )
