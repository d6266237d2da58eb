"""Fabrics whose cluster gets a change before Git has it, because somebody decided not to wait for the Git host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedgehog.fabric.versions import RecordedChange
from hedgehog.store.database import Connection, transaction

_OPEN = (
    "FROM hedgehog.ahead_of_git a JOIN hedgehog.sync_state g ON g.fabric_id = a.fabric_id AND g.target = 'git' "
    "WHERE g.observed_generation < a.generation"
)


def go_ahead(cursor: Any, fabric_id: int, change: RecordedChange) -> None:
    """Give the cluster of a fabric what it was after *change*, until Git has that; inside the caller's transaction."""
    cursor.execute(
        "INSERT INTO hedgehog.ahead_of_git (fabric_id, change_id, generation) VALUES (%s, %s, %s) ON CONFLICT (fabric_id) "
        "DO UPDATE SET change_id = excluded.change_id, generation = excluded.generation, at = now()",
        (fabric_id, change.id, change.generation),
    )


def ahead(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Change and generation that the clusters of these fabrics get and Git does not have yet, by the id of the fabric."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT a.fabric_id, a.change_id, a.generation {_OPEN} AND a.fabric_id = ANY(%s)", (list(fabric_ids),)
        )
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
