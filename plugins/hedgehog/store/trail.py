"""What became of a change: its commit, the first sync that applied it, and when all switches had it. A join, no records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hedgehog.fabric.versions import RecordedChange
from hedgehog.store.database import Connection, transaction

Reached = tuple[datetime | None, str | None]
"""When a stage was reached, and by which commit or run."""

_WRITES = (
    "coalesce((e.counts ->> 'created')::int, 0) + coalesce((e.counts ->> 'configured')::int, 0) "
    "+ coalesce((e.counts ->> 'deleted')::int, 0)"
)
_SINCE = "e.fabric_id = c.fabric_id AND e.generation >= c.generation AND e.finished_at >= c.at"


@dataclass(frozen=True, slots=True)
class Trail:
    """The stages that a change has reached."""

    generation: int | None
    committed: Reached
    applied: Reached
    converged: Reached
    wrote_nothing: bool
    """Whether the sync that applied it had nothing to write to the cluster."""


def of_change(connection: Connection, change: RecordedChange) -> Trail:
    """How far a change has come, alone or with later ones. Syncs whose record has expired are not found."""
    query = (
        "SELECT coalesce(g.finished_at, CASE WHEN c.commit_id IS NOT NULL THEN c.at END), coalesce(g.commit_id, c.commit_id), "
        "k.finished_at, k.run_id, v.converged_at, coalesce(k.writes, 0) = 0 FROM hedgehog.change c "
        f"LEFT JOIN LATERAL (SELECT e.* FROM hedgehog.sync_event e WHERE {_SINCE} AND e.target = 'git' "
        "  AND e.commit_id IS NOT NULL AND c.commit_id IS NULL ORDER BY e.id LIMIT 1) g ON true "
        f"LEFT JOIN LATERAL (SELECT e.*, {_WRITES} AS writes FROM hedgehog.sync_event e WHERE {_SINCE} "
        "  AND e.target = 'kubernetes' AND e.status IN ('success', 'held') ORDER BY e.id LIMIT 1) k ON true "
        "LEFT JOIN LATERAL (SELECT n.converged_at FROM hedgehog.convergence n WHERE n.fabric_id = c.fabric_id "
        "  AND n.generation >= c.generation AND n.applied_at >= k.finished_at ORDER BY n.applied_at LIMIT 1) v ON true "
        "WHERE c.id = %s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, (change.id,))
        at, commit, applied_at, run, converged_at, wrote_nothing = cursor.fetchone() or [None] * 6
    return Trail(change.generation, (at, commit), (applied_at, run), (converged_at, None), bool(wrote_nothing))
