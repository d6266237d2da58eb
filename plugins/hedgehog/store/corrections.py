"""How often an object or file was written again because others keep changing it. Rows are deleted when that stops."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import psycopg2.extras

from hedgehog.fabric.corrections import FIRST_PAUSE, FREE_CORRECTIONS, LONGEST_PAUSE, SHORTEST_MEMORY, Corrections
from hedgehog.fabric.model import Target
from hedgehog.store.database import Connection, transaction

_MEMORY = (
    f"make_interval(secs => greatest({SHORTEST_MEMORY}, CASE WHEN c.count < {FREE_CORRECTIONS} THEN 0 ELSE "
    f"2 * least({FIRST_PAUSE} * 2 ^ least(c.count - {FREE_CORRECTIONS}, 20), {LONGEST_PAUSE}) END))"
)
"""How long after a correction another one counts as the next in the series: twice the pause, see `pause`."""


def known(connection: Connection, target: Target, fabric_ids: Collection[int]) -> dict[int, dict[str, Corrections]]:
    """The rows of corrections that go on, by fabric and by object or path; of several rivals the sum and all names."""
    found: dict[int, dict[str, Corrections]] = {}
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT c.fabric_id, c.subject, sum(c.count)::integer, array_agg(c.rival ORDER BY c.last_at DESC, c.rival), "
            "extract(epoch FROM now() - max(c.last_at))::float FROM hedgehog.correction c "
            f"WHERE c.fabric_id = ANY(%s) AND c.target = %s AND c.last_at + {_MEMORY} > now() GROUP BY 1, 2",
            (sorted(fabric_ids), target.value),
        )
        for fabric_id, subject, count, rivals, seconds in cursor.fetchall():
            row = Corrections(count, tuple(rival for rival in rivals if rival), seconds)
            found.setdefault(fabric_id, {})[subject] = row
    return found


def record(cursor: Any, target: Target, fabric_id: int, *, corrected: Mapping[str, str], held: Collection[str]) -> None:
    """Count what a sync *corrected* (subject → rival) and note what it *held*, inside the caller's transaction.

    A subject that was held and is now neither has come right without us; its row is deleted, as is that of a subject
    whose last correction is long ago.
    """
    cursor.execute(
        "DELETE FROM hedgehog.correction c WHERE c.fabric_id = %s AND c.target = %s "
        f"AND (c.last_at + {_MEMORY} <= now() OR c.held AND NOT c.subject = ANY(%s))",
        (fabric_id, target.value, [*corrected, *held]),
    )
    if held:
        cursor.execute(
            "UPDATE hedgehog.correction SET held = true WHERE fabric_id = %s AND target = %s AND subject = ANY(%s)",
            (fabric_id, target.value, list(held)),
        )
    if corrected:
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.correction AS c (fabric_id, target, subject, rival, count) VALUES %s "
            "ON CONFLICT (fabric_id, target, subject, rival) DO UPDATE SET count = c.count + 1, last_at = now(), held = false",
            [(fabric_id, target.value, subject[:1000], rival[:200], 1) for subject, rival in sorted(corrected.items())],
        )


def forget(cursor: Any, target: Target, fabric_id: int, subjects: Collection[str]) -> None:
    """Start counting from zero: a person wants these written, no matter who else writes them."""
    cursor.execute(
        "DELETE FROM hedgehog.correction WHERE fabric_id = %s AND target = %s AND subject = ANY(%s)",
        (fabric_id, target.value, list(subjects)),
    )
