"""Where changes come from: told to the database, whose triggers write it into the history, and read from there."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from hedgehog.fabric.origin import Origin, Via
from hedgehog.store.database import Connection, transaction

MOST_ORIGINS = 100


def set_origin(cursor: Any, origin: Origin) -> None:
    """Record what the transaction changes from here on as *origin*'s; without it, as that of the database role."""
    values = {name: _storable(value) for name, value in asdict(origin).items() if value is not None}
    cursor.execute("SELECT set_config('hedgehog.origin', %s, true)", (orjson.dumps(values).decode(),))


def origins_since(connection: Connection, fabric_id: int, generation: int) -> list[Origin]:
    """The origins of what changed a fabric after *generation*, the oldest first; of many the newest MOST_ORIGINS."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT who, via, why, run_id, commit_id FROM hedgehog.change WHERE fabric_id = %s AND id > coalesce("
            "(SELECT id FROM hedgehog.change WHERE fabric_id = %s AND generation <= %s ORDER BY id DESC LIMIT 1), 0) "
            "ORDER BY id DESC LIMIT %s",
            (fabric_id, fabric_id, generation, MOST_ORIGINS),
        )
        rows = cursor.fetchall()
    return [Origin(who=row[0], via=Via(row[1]), why=row[2], run=row[3], commit=row[4]) for row in reversed(rows)]


def _storable(text: str) -> str:
    """*text* without what PostgreSQL cannot hold: a commit may have anything in it."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
