"""The objects that each fabric owns in each cluster. Nothing outside the inventory is ever deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2.extras

from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.store.database import Connection, jsonb, transaction


@dataclass(frozen=True, slots=True)
class Owned:
    """An object in a cluster, its fabric, and the manifest that was last applied or found to be as wanted."""

    ref: ObjectRef
    fabric_id: int
    fabric: str
    manifest: Manifest
    adopted: bool
    """It was found to be as wanted, with fields that others own, and we have not written it since."""


def owned(
    connection: Connection, connection_id: str, fabric_ids: Sequence[int], refs: Iterable[ObjectRef]
) -> dict[ObjectRef, Owned]:
    """All objects that *fabric_ids* own in the cluster, and those of *refs* that any fabric owns."""
    wanted = sorted({str(ref) for ref in refs})
    query = (
        "SELECT i.kind, i.namespace, i.name, i.fabric_id, f.name, i.manifest, i.adopted FROM hedgehog.inventory i "
        "JOIN hedgehog.fabric f ON f.id = i.fabric_id WHERE i.connection_id = %(connection)s AND (i.fabric_id = ANY(%(ids)s) "
        "OR (i.kind, i.namespace, i.name) IN (SELECT split_part(r, '/', 1), split_part(r, '/', 2), split_part(r, '/', 3) "
        "FROM unnest(%(refs)s::text[]) r))"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, {"connection": connection_id, "ids": list(fabric_ids), "refs": wanted})
        return {(ref := ObjectRef(*row[:3])): Owned(ref, *row[3:]) for row in cursor.fetchall()}


def of_fabric(connection: Connection, fabric_id: int) -> dict[str, dict[ObjectRef, Manifest]]:
    """All objects that a fabric owns, by the connection of the cluster, including clusters that it has left."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT connection_id, kind, namespace, name, manifest FROM hedgehog.inventory WHERE fabric_id = %s",
            (fabric_id,),
        )
        found: dict[str, dict[ObjectRef, Manifest]] = {}
        for connection_id, kind, namespace, name, manifest in cursor.fetchall():
            found.setdefault(connection_id, {})[ObjectRef(kind, namespace, name)] = manifest
        return found


def record(
    cursor: Any,
    connection_id: str,
    fabric_id: int,
    *,
    applied: Mapping[ObjectRef, Manifest],
    adopted: Mapping[ObjectRef, Manifest],
    gone: Iterable[ObjectRef],
) -> None:
    """Record what a sync did, inside the caller's transaction.

    *applied* were written by us; *adopted* were found to be as wanted (an entry that was applied before stays applied);
    *gone* were deleted, or are left behind on purpose.
    """
    rows = [
        (fabric_id, connection_id, ref.kind, ref.namespace, ref.name, jsonb(manifest), is_adopted)
        for part, is_adopted in ((applied, False), (adopted, True))
        for ref, manifest in sorted(part.items())
    ]
    if rows:
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.inventory AS i (fabric_id, connection_id, kind, namespace, name, manifest, adopted) VALUES %s "
            "ON CONFLICT (connection_id, kind, namespace, name) DO UPDATE SET manifest = excluded.manifest, "
            "adopted = i.adopted AND excluded.adopted, applied_at = now() WHERE i.fabric_id = excluded.fabric_id",
            rows,
            page_size=1000,
        )
    names = [(ref.kind, ref.namespace, ref.name) for ref in gone]
    if names:
        psycopg2.extras.execute_values(
            cursor,
            "DELETE FROM hedgehog.inventory i USING (VALUES %s) AS g (kind, namespace, name, fabric_id, connection_id) "
            "WHERE (i.kind, i.namespace, i.name, i.fabric_id, i.connection_id) = "
            "(g.kind, g.namespace, g.name, g.fabric_id, g.connection_id)",
            [(*name, fabric_id, connection_id) for name in names],
            template="(%s, %s, %s, %s::bigint, %s)",
            page_size=1000,
        )


def begin(connection: Connection, connection_id: str, fabric_id: int, refs: Iterable[ObjectRef]) -> None:
    """Note objects before they are created, so that a run that is killed leaves no unknown objects behind."""
    rows = [(fabric_id, connection_id, ref.kind, ref.namespace, ref.name) for ref in sorted(refs)]
    if rows:
        with transaction(connection) as cursor:
            psycopg2.extras.execute_values(
                cursor,
                "INSERT INTO hedgehog.begun_object (fabric_id, connection_id, kind, namespace, name) VALUES %s "
                "ON CONFLICT DO NOTHING",
                rows,
                page_size=1000,
            )


def begun(connection: Connection, connection_id: str, fabric_ids: Sequence[int]) -> dict[int, frozenset[ObjectRef]]:
    """The objects that killed runs may have created for each of *fabric_ids*."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id, array_agg(ARRAY[kind, namespace, name]) FROM hedgehog.begun_object "
            "WHERE connection_id = %s AND fabric_id = ANY(%s) GROUP BY fabric_id",
            (connection_id, list(fabric_ids)),
        )
        return {fabric_id: frozenset(ObjectRef(*ref) for ref in refs) for fabric_id, refs in cursor.fetchall()}


def forget_begun(cursor: Any, connection_id: str, fabric_id: int, *, open_still: Iterable[ObjectRef]) -> None:
    """Delete the notes of what was about to be created, except *open_still*, inside the caller's transaction."""
    cursor.execute(
        "DELETE FROM hedgehog.begun_object WHERE connection_id = %s AND fabric_id = %s "
        "AND NOT kind || '/' || namespace || '/' || name = ANY(%s)",
        (connection_id, fabric_id, [str(ref) for ref in open_still]),
    )


def take_over(cursor: Any, fabric_id: int, refs: Iterable[ObjectRef]) -> None:
    """Note, inside the caller's transaction, that the fields which others set in these objects become ours with the next
    write: a person, or the fabric's policy, has taken them into the fabric."""
    cursor.execute(
        "UPDATE hedgehog.inventory SET adopted = true WHERE fabric_id = %s AND (kind, namespace, name) IN "
        "(SELECT split_part(r, '/', 1), split_part(r, '/', 2), split_part(r, '/', 3) FROM unnest(%s::text[]) r)",
        (fabric_id, sorted(str(ref) for ref in refs)),
    )
