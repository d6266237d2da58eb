"""The objects of a fabric at its three places: what the database wants, what was published, what was last applied."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_edits import EditState
from hedgehog.store.listings.keyset import Row, like, rising, rows_of

_ORDER = rising("kind", "namespace", "name")
_SOURCES = (
    "SELECT kind, namespace, name FROM hedgehog.fabric_object WHERE fabric_id = %(fabric)s",
    "SELECT kind, namespace, name FROM hedgehog.git_file WHERE fabric_id = %(fabric)s AND object_digest IS NOT NULL",
    "SELECT kind, namespace, name FROM hedgehog.inventory WHERE fabric_id = %(fabric)s AND connection_id = %(cluster)s "
    "AND kind <> 'Fabric'",
)
_AT_ITS_PLACES = (
    "SELECT u.kind, u.namespace, u.name, o.digest, o.updated_at, o.manifest, g.path, g.object_digest, g.written_at, "
    "g.held_reason, i.applied_at, i.kind IS NOT NULL AS applied, "
    # Mostly the two are the same to the letter; only where they are not must somebody compare what they mean.
    "CASE WHEN i.manifest <> w.manifest THEN i.manifest END AS applied_manifest, "
    "CASE WHEN i.manifest <> w.manifest THEN w.manifest END AS wanted_manifest "
    "FROM u LEFT JOIN hedgehog.fabric_object o ON (o.fabric_id, o.kind, o.namespace, o.name) = (%(fabric)s, u.kind, u.namespace, u.name) "
    "LEFT JOIN hedgehog.git_file g ON (g.fabric_id, g.kind, g.namespace, g.name) = (%(fabric)s, u.kind, u.namespace, u.name) "
    "LEFT JOIN hedgehog.inventory i ON (i.connection_id, i.kind, i.namespace, i.name) = (%(cluster)s, u.kind, u.namespace, u.name) "
    "AND i.fabric_id = %(fabric)s "
    "CROSS JOIN LATERAL (SELECT CASE WHEN %(in_git)s THEN g.manifest ELSE o.manifest END AS manifest) w"
)


def _parameters(fabric: Fabric) -> dict[str, Any]:
    return {
        "fabric": fabric.id,
        "cluster": fabric.kubernetes_connection_id or "",
        "in_git": fabric.git_sync_enabled,
    }


def object_rows(
    connection: Connection, fabric: Fabric, *, kind: str | None, search: str, after: Sequence[Any] | None, limit: int
) -> list[Row]:
    """At most *limit* objects that are at any of the three places, by kind, namespace and name."""
    condition, values = _ORDER.after(after)
    named = {f"after{number}": value for number, value in enumerate(values)}
    for name in named:
        condition = condition.replace("%s", f"%({name})s", 1)
    if kind is not None:
        condition += " AND kind = %(kind)s"
    if search:
        condition += " AND name ILIKE %(search)s"
    parts = " UNION ".join(
        f"({source} AND {condition} ORDER BY {_ORDER.order()} LIMIT %(limit)s)" for source in _SOURCES
    )
    query = (
        f"WITH u AS MATERIALIZED (SELECT * FROM ({parts}) found ORDER BY {_ORDER.order()} LIMIT %(limit)s) "
        f"{_AT_ITS_PLACES} ORDER BY u.kind, u.namespace, u.name"
    )
    values_of = _parameters(fabric) | named | {"kind": kind, "search": like(search), "limit": limit}
    with transaction(connection) as cursor:
        cursor.execute(query, values_of)
        return rows_of(cursor)


def objects_named(connection: Connection, fabric: Fabric, refs: Collection[ObjectRef]) -> list[Row]:
    """The rows of *refs*, whether they are anywhere or not."""
    query = (
        "WITH u AS (SELECT split_part(r, '/', 1) AS kind, split_part(r, '/', 2) AS namespace, split_part(r, '/', 3) AS name "
        f"FROM unnest(%(refs)s::text[]) r) {_AT_ITS_PLACES} ORDER BY u.kind, u.namespace, u.name"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, _parameters(fabric) | {"refs": sorted(map(str, refs))})
        return rows_of(cursor)


def manifests_at_places(connection: Connection, fabric: Fabric, ref: ObjectRef) -> Row:
    """The manifests of one object: `published` and `applied`; None where there is none."""
    query = (
        "SELECT (SELECT manifest FROM hedgehog.git_file WHERE (fabric_id, kind, namespace, name) = (%(fabric)s, %(kind)s, "
        "%(namespace)s, %(name)s)) AS published, (SELECT manifest FROM hedgehog.inventory WHERE (connection_id, kind, namespace, "
        "name) = (%(cluster)s, %(kind)s, %(namespace)s, %(name)s) AND fabric_id = %(fabric)s) AS applied"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, _parameters(fabric) | {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name})
        return rows_of(cursor)[0]


def mentioning(connection: Connection, fabric_id: int, text: str) -> list[Manifest]:
    """The objects of a fabric in which *text* stands anywhere: what may refer to an object of that name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT manifest FROM hedgehog.fabric_object WHERE fabric_id = %s AND manifest::text LIKE %s "
            "ORDER BY kind, namespace, name",
            (fabric_id, like(text)),
        )
        return [row[0] for row in cursor.fetchall()]


def kind_counts(connection: Connection, fabric_id: int) -> dict[str, int]:
    """How many objects of each kind a fabric has."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT kind, count(*) FROM hedgehog.fabric_object WHERE fabric_id = %s GROUP BY kind ORDER BY kind",
            (fabric_id,),
        )
        return dict(cursor.fetchall())


def troubled_subjects(connection: Connection, fabric: Fabric) -> list[tuple[str, str, str, str, datetime]]:
    """What is wrong with single objects and files of a fabric: target, kind of the problem, subject, cause, since when.

    Drift and edits are among them, with their state as the kind.
    """
    query = (
        "SELECT target, kind, subject, cause, since FROM hedgehog.finding WHERE fabric_id = %(fabric)s "
        "UNION ALL SELECT 'kubernetes', 'drift-' || state, kind || '/' || namespace || '/' || name, manager, found_at "
        "FROM hedgehog.drift WHERE fabric_id = %(fabric)s AND connection_id = %(cluster)s "
        "UNION ALL SELECT 'git', 'edit-' || state, CASE WHEN kind IS NULL THEN path ELSE kind || '/' || namespace || '/' || name END, "
        "CASE WHEN state = %(obstacle)s THEN problem ELSE author END, found_at FROM hedgehog.git_edit "
        "WHERE fabric_id = %(fabric)s AND %(in_git)s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, _parameters(fabric) | {"obstacle": EditState.OBSTACLE.value})
        return [tuple(row) for row in cursor.fetchall()]
