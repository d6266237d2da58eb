"""Reads the history that the database writes: changes, and the contents of objects at each of them.

Changes of one fabric are numbered in the order in which they happened, so its state after a change is the last version of
each object up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.versions import Content, ObjectVersion, RecordedChange
from hedgehog.store.database import Connection, UnreadableJSON, transaction
from hedgehog.store.listings.keyset import like

_COLUMNS = "c.id, c.fabric, c.generation, c.at, c.who, c.via, c.why, c.run_id, c.commit_id, c.role"
_WIDTH = 10
_PAGE = 100
"""Versions of one object that are read at once."""
_REFS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes are meant; nothing given: all."""

    fabric: str | None = None
    of: int | None = None
    """The id of the fabric; needed for an object."""
    ref: ObjectRef | None = None
    since: datetime | None = None
    who: str = ""
    """A part of the name, in any case."""


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A change, how many objects it touched in which way, and the first of them."""

    change: RecordedChange
    created: int
    configured: int
    deleted: int
    refs: tuple[ObjectRef, ...]


def changes(
    connection: Connection, wanted: ChangeFilter, *, before: int | None = None, limit: int
) -> list[ListedChange]:
    """At most *limit* changes, the newest first; those *before* a change."""
    conditions = ["(%s::bigint IS NULL OR c.id < %s)"]
    values: list[Any] = [before, before]
    if wanted.fabric is not None:
        conditions.append("c.fabric = %s")
        values.append(wanted.fabric)
    if wanted.since is not None:
        conditions.append("c.at >= %s")
        values.append(wanted.since)
    if wanted.who:
        conditions.append("c.who ILIKE %s")
        values.append(like(wanted.who))
    if wanted.ref is not None:
        conditions.append(
            "c.id IN (SELECT o.change_id FROM hedgehog.object_version o WHERE "
            "(o.fabric_id, o.kind, o.namespace, o.name) = (%s, %s, %s, %s))"
        )
        values += [wanted.of, wanted.ref.kind, wanted.ref.namespace, wanted.ref.name]
    query = (
        f"SELECT {_COLUMNS}, v.* FROM (SELECT * FROM hedgehog.change c WHERE {' AND '.join(conditions)} "
        "ORDER BY c.id DESC LIMIT %s) c CROSS JOIN LATERAL ("
        "SELECT count(*) FILTER (WHERE before IS NULL), count(*) FILTER (WHERE before IS NOT NULL AND after IS NOT NULL), "
        "count(*) FILTER (WHERE after IS NULL), "
        "(array_agg(ARRAY[o.kind, o.namespace, o.name] ORDER BY o.kind, o.namespace, o.name))[:%s] "
        "FROM hedgehog.object_version o WHERE o.fabric_id = c.fabric_id AND o.change_id = c.id) v ORDER BY c.id DESC"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, [*values, limit, _REFS_SHOWN])
        return [_listed(row) for row in cursor.fetchall()]


def _listed(row: Sequence[Any]) -> ListedChange:
    refs = tuple(ObjectRef(*one) for one in row[_WIDTH + 3] or ())
    created, configured, deleted = row[_WIDTH : _WIDTH + 3]
    return ListedChange(RecordedChange(*row[:_WIDTH]), created, configured, deleted, refs)


def fabric_id(connection: Connection, name: str) -> int | None:
    """The id of the fabric that has, or was the last to have, a name."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT fabric_id FROM hedgehog.change WHERE fabric = %s ORDER BY id DESC LIMIT 1", (name,))
        row = cursor.fetchone()
    return row[0] if row else None


def _one(connection: Connection, fabric: int, condition: str, *values: Any) -> RecordedChange | None:
    """The newest change of a fabric with a condition."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.change c WHERE c.fabric_id = %s AND {condition} ORDER BY c.id DESC LIMIT 1",
            (fabric, *values),
        )
        row = cursor.fetchone()
    return RecordedChange(*row) if row else None


def newest(connection: Connection, fabric: int, *, before: int | None = None) -> RecordedChange | None:
    """The newest change of a fabric, or the one *before* another."""
    return _one(connection, fabric, "(%s::bigint IS NULL OR c.id < %s)", before, before)


def of_generation(connection: Connection, fabric: int, generation: int) -> RecordedChange | None:
    """The change that made a generation; the newest of them, for generations begin again when a fabric is restored."""
    return _one(connection, fabric, "c.generation = %s", generation)


def last_until(connection: Connection, fabric: int, moment: datetime) -> RecordedChange | None:
    """The last change up to a moment."""
    return _one(connection, fabric, "c.at <= %s", moment)


def with_commit(connection: Connection, fabric: int, commit: str) -> RecordedChange | None:
    """The change that was read from a commit, or that a commit published; *commit* may be the beginning of its id."""
    pattern = f"{commit}%"
    return _one(connection, fabric, "c.commit_id LIKE %s", pattern) or _one(
        connection,
        fabric,
        "c.generation = (SELECT max(e.generation) FROM hedgehog.sync_event e "
        "WHERE e.fabric_id = c.fabric_id AND e.target = 'git' AND e.commit_id LIKE %s)",
        pattern,
    )


def fabrics_of_commit(connection: Connection, commit: str) -> list[str]:
    """The names of the fabrics that a commit changed, or was made for."""
    pattern = f"{commit}%"
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric FROM hedgehog.change WHERE commit_id LIKE %(commit)s "
            "UNION SELECT fabric FROM hedgehog.sync_event WHERE commit_id LIKE %(commit)s ORDER BY 1",
            {"commit": pattern},
        )
        return [row[0] for row in cursor.fetchall()]


def namespaces_of(connection: Connection, fabric: int, kind: str, name: str) -> list[str]:
    """The namespaces in which a fabric has or had an object of this kind and name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT DISTINCT namespace FROM hedgehog.object_version WHERE (fabric_id, kind, name) = (%s, %s, %s) ORDER BY 1",
            (fabric, kind, name),
        )
        return [row[0] for row in cursor.fetchall()]


_OF_VERSION = (
    "(SELECT v.{column} FROM hedgehog.object_version v WHERE v.fabric_id = %(fabric)s "
    "AND (v.kind, v.namespace, v.name, v.id) = (l.kind, l.namespace, l.name, l.{id})) AS {column}"
)
"""A column of the version of an object that has an id of `l`. As a subquery it is one look at an index for each object,
whatever the planner thinks of how many there are."""


def contents_at(connection: Connection, fabric: int, change: int) -> dict[ObjectRef, Content]:
    """Every object of a fabric as it was after a change; its settings are the object Fabric."""
    query = (
        f"WITH found AS MATERIALIZED (SELECT kind, namespace, name, {_OF_VERSION.format(column='after', id='last')} FROM ("
        "  SELECT kind, namespace, name, max(id) AS last FROM hedgehog.object_version "
        "  WHERE fabric_id = %(fabric)s AND change_id <= %(change)s GROUP BY 1, 2, 3) l) "
        "SELECT d.kind, d.namespace, d.name, encode(d.after, 'hex'), k.manifest FROM found d "
        "LEFT JOIN hedgehog.object_content k ON k.fabric_id = %(fabric)s AND k.digest = d.after WHERE d.after IS NOT NULL"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, {"fabric": fabric, "change": change})
        return {ObjectRef(*row[:3]): _content(row[3], row[4]) for row in cursor.fetchall()}


Sides = tuple[dict[ObjectRef, Content], dict[ObjectRef, Content]]


def differing(connection: Connection, fabric: int, first: int, second: int) -> Sides:
    """The objects that differ between two changes, as they were after the one and after the other."""
    older, newer = sorted((first, second))
    query = (
        "WITH found AS MATERIALIZED (SELECT kind, namespace, name, "
        f"{_OF_VERSION.format(column='before', id='first')}, {_OF_VERSION.format(column='after', id='last')} FROM ("
        "  SELECT kind, namespace, name, min(id) AS first, max(id) AS last FROM hedgehog.object_version "
        "  WHERE fabric_id = %(fabric)s AND change_id > %(older)s AND change_id <= %(newer)s GROUP BY 1, 2, 3) l) "
        "SELECT d.kind, d.namespace, d.name, encode(d.before, 'hex'), b.manifest, encode(d.after, 'hex'), a.manifest FROM found d "
        "LEFT JOIN hedgehog.object_content b ON b.fabric_id = %(fabric)s AND b.digest = d.before "
        "LEFT JOIN hedgehog.object_content a ON a.fabric_id = %(fabric)s AND a.digest = d.after "
        "WHERE d.before IS DISTINCT FROM d.after"
    )
    sides: Sides = ({}, {})
    with transaction(connection) as cursor:
        cursor.execute(query, {"fabric": fabric, "older": older, "newer": newer})
        for row in cursor.fetchall():
            for side, digest, manifest in ((sides[0], row[3], row[4]), (sides[1], row[5], row[6])):
                if digest is not None:
                    side[ObjectRef(*row[:3])] = _content(digest, manifest)
    return sides if first <= second else (sides[1], sides[0])


def _content(digest: str, manifest: Any) -> Content:
    return Content(digest, None if isinstance(manifest, UnreadableJSON) else manifest)


def versions(connection: Connection, fabric: int, ref: ObjectRef) -> Iterator[ObjectVersion]:
    """Every version of an object, the newest first; as many are read as are taken, a page at a time."""
    last: int | None = None
    while True:
        rows = _page(connection, fabric, ref, last)
        for row in rows:
            before, after = (_content(*one) if one[0] is not None else None for one in (row[1:3], row[3:5]))
            yield ObjectVersion(RecordedChange(*row[5:]), before, after)
        if len(rows) < _PAGE:
            return
        last = rows[-1][0]


def _page(connection: Connection, fabric: int, ref: ObjectRef, last: int | None) -> list[Any]:
    query = (
        f"SELECT v.id, encode(v.before, 'hex'), b.manifest, encode(v.after, 'hex'), a.manifest, {_COLUMNS} "
        "FROM hedgehog.object_version v JOIN hedgehog.change c ON c.id = v.change_id "
        "LEFT JOIN hedgehog.object_content b ON (b.fabric_id, b.digest) = (v.fabric_id, v.before) "
        "LEFT JOIN hedgehog.object_content a ON (a.fabric_id, a.digest) = (v.fabric_id, v.after) "
        "WHERE (v.fabric_id, v.kind, v.namespace, v.name) = (%s, %s, %s, %s) AND (%s::bigint IS NULL OR v.id < %s) "
        "ORDER BY v.id DESC LIMIT %s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, (fabric, ref.kind, ref.namespace, ref.name, last, last, _PAGE))
        return cursor.fetchall()
