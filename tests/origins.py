"""Whose changes tests make."""

from __future__ import annotations

from hedgehog.fabric.origin import Origin, Via
from hedgehog.store.database import Connection, transaction

SOMEBODY = Origin(who="somebody", via=Via.CLI)


def origins(connection: Connection, fabric: str = "lab") -> list[tuple[str, str, str]]:
    """Who changed a fabric, through what, and why; the oldest first."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT who, via, why FROM hedgehog.change WHERE fabric = %s ORDER BY id", (fabric,))
        return [tuple(row) for row in cursor.fetchall()]
