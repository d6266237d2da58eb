"""What the last dry run of a fabric at a target found: one row each, until the next one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hedgehog.fabric.changes import Outcome
from hedgehog.store.database import Connection, jsonb, transaction
from hedgehog.store.listings.keyset import Row, rows_of

MOST_CHANGES = 1000
_LINE = re.compile(
    r"(?P<subject>.+?) (?P<action>created|configured|unchanged|deleted|skipped|failed)(?: \((?P<reason>.*)\))?", re.S
)
"""How a change set prints a change."""


def record_dry_runs(connection: Connection, outcomes: Sequence[Outcome], *, run_id: str) -> None:
    """Keep *outcomes* as the last dry runs of their fabrics. A fabric that was deleted meanwhile leaves nothing."""
    with transaction(connection) as cursor:
        for one in sorted(outcomes, key=lambda outcome: outcome.fabric):
            cursor.execute(
                "INSERT INTO hedgehog.dry_run_result (fabric_id, target, run_id, at, generation, status, reason, revision, counts, "
                "changes, error_class) SELECT f.id, %s, %s, now(), f.generation, %s, %s, %s, %s, %s, %s FROM hedgehog.fabric f "
                "WHERE f.name = %s ON CONFLICT (fabric_id, target) DO UPDATE SET run_id = excluded.run_id, at = excluded.at, "
                "generation = excluded.generation, status = excluded.status, reason = excluded.reason, "
                "revision = excluded.revision, counts = excluded.counts, changes = excluded.changes, "
                "error_class = excluded.error_class",
                (
                    *(one.target.value, run_id[:300], one.status.value, one.reason, one.revision),
                    *(jsonb(dict(one.counts)), jsonb(_changes(one.details)), one.error_class, one.fabric),
                ),
            )


def _changes(lines: Sequence[str]) -> list[dict[str, str]]:
    """The lines of an outcome in their parts; one of another form is a reason alone."""
    found = []
    for line in lines[:MOST_CHANGES]:
        match = _LINE.fullmatch(line)
        parts = match.groupdict(default="") if match else {"subject": "", "action": "", "reason": line}
        found.append(parts)
    return found


def dry_run_rows(connection: Connection, fabric_id: int) -> list[Row]:
    """The last dry run of a fabric at each target."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT target, run_id, at, generation, status, reason, revision, counts, changes, error_class "
            "FROM hedgehog.dry_run_result WHERE fabric_id = %s ORDER BY target",
            (fabric_id,),
        )
        return rows_of(cursor)
