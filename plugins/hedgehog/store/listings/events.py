"""The history of syncs, page by page, and what it says of one object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.store.database import Connection, transaction
from hedgehog.store.listings.keyset import Row, falling, rows_of

_NEWEST_FIRST = falling("finished_at", "id")
_COLUMNS = "id, finished_at, target, status, generation, revision, commit_id, counts, reason, error_class, details, run_id, duration"
_LOOKED_AT = 200
"""Syncs to each target in which an object is looked for."""
_SHOWN = 20


def event_rows(
    connection: Connection, fabric_id: int, target: Target | None, *, after: Sequence[Any] | None, limit: int
) -> list[Row]:
    """At most *limit* syncs of a fabric, the newest first: a part of an index for each target."""
    condition, values = _NEWEST_FIRST.after(after)
    targets = [target] if target else list(Target)
    part = (
        f"(SELECT {_COLUMNS} FROM hedgehog.sync_event WHERE fabric_id = %s AND target = %s AND {condition} "
        f"ORDER BY {_NEWEST_FIRST.order()} LIMIT %s)"
    )
    parameters: list[Any] = []
    for one in targets:
        parameters += [fabric_id, one.value, *values, limit]
    query = (
        f"SELECT * FROM ({' UNION ALL '.join([part] * len(targets))}) found ORDER BY {_NEWEST_FIRST.order()} LIMIT %s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, [*parameters, limit])
        return rows_of(cursor)


def object_events(connection: Connection, fabric_id: int, ref: ObjectRef) -> list[Row]:
    """What the last syncs did to an object, the newest first."""
    part = (
        f"(SELECT {_COLUMNS} FROM hedgehog.sync_event WHERE fabric_id = %(fabric)s AND target = '{{target}}' "
        "ORDER BY finished_at DESC LIMIT %(looked_at)s)"
    )
    query = (
        f"SELECT e.finished_at AS at, e.target, d.line AS what, e.revision, e.run_id FROM ("
        f"{' UNION ALL '.join(part.format(target=target.value) for target in Target)}) e "
        "CROSS JOIN LATERAL jsonb_array_elements_text(e.details) AS d (line) "
        "WHERE starts_with(d.line, %(ref)s || ' ') OR starts_with(d.line, %(ref)s || ':') "
        "ORDER BY e.finished_at DESC, e.id DESC LIMIT %(shown)s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, {"fabric": fabric_id, "ref": str(ref), "looked_at": _LOOKED_AT, "shown": _SHOWN})
        return rows_of(cursor)
