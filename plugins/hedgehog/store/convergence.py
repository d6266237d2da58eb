"""When a committed change was applied, and when all switches had it. Derived from the history of syncs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.store.database import Connection, transaction

_WRITES = (
    "coalesce((counts ->> 'created')::int, 0) + coalesce((counts ->> 'configured')::int, 0) "
    "+ coalesce((counts ->> 'deleted')::int, 0) > 0"
)
# A later sync of the same generation corrects drift: its commit is old and says nothing about the latency.
_COMMITTED = (
    "CASE WHEN EXISTS (SELECT 1 FROM hedgehog.convergence c WHERE c.fabric_id = e.fabric_id AND c.generation = e.generation) THEN NULL "
    "WHEN f.git_sync_enabled THEN (SELECT max(g.finished_at) FROM hedgehog.sync_event g WHERE g.fabric_id = e.fabric_id "
    "  AND g.target = 'git' AND g.status = 'success' AND g.generation = e.generation AND g.finished_at <= e.finished_at) "
    "WHEN f.generation = e.generation AND f.last_updated <= e.finished_at THEN f.last_updated END"
)


def record_syncs(connection: Connection, fabric_ids: Sequence[int]) -> None:
    """Add a row for each successful sync that wrote something to a cluster and has no row yet.

    The commit time is that of the publication of the generation to Git, or of the last change of a fabric without Git.
    """
    query = (
        "INSERT INTO hedgehog.convergence (event_id, fabric_id, generation, revision, committed_at, applied_at) "
        f"SELECT e.id, e.fabric_id, e.generation, e.revision, {_COMMITTED}, e.finished_at "
        "FROM hedgehog.fabric f CROSS JOIN LATERAL (SELECT * FROM hedgehog.sync_event e WHERE e.fabric_id = f.id "
        f"  AND e.target = 'kubernetes' AND e.status = 'success' AND {_WRITES} "
        "  AND e.finished_at > coalesce((SELECT max(c.applied_at) FROM hedgehog.convergence c WHERE c.fabric_id = f.id), '-infinity')) e "
        "WHERE f.id = ANY(%s) ORDER BY e.id ON CONFLICT (event_id) DO NOTHING"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, (list(fabric_ids),))


def converged(cursor: Any, fabric_id: int, applied_at: datetime, at: datetime) -> None:
    """Record that all switches have what was applied up to *applied_at*, the last of them since *at*.

    An older sync that was never seen to converge was overtaken by this one: it counts as converged at the same time.
    """
    cursor.execute(
        "UPDATE hedgehog.convergence SET converged_at = greatest(%s, applied_at) "
        "WHERE fabric_id = %s AND converged_at IS NULL AND applied_at <= %s",
        (at, fabric_id, applied_at),
    )


@dataclass(frozen=True, slots=True)
class LastWrite:
    """When a fabric was last written to its cluster, and whether the cluster is in sync."""

    in_sync: bool
    applied_at: datetime | None
    """None if nothing was ever written."""
    generation: int


def last_writes(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, LastWrite]:
    """The last write of each fabric, by its id."""
    query = (
        "SELECT s.fabric_id, s.status IN ('in_sync', 'syncing') AND s.observed_generation >= CASE WHEN f.git_sync_enabled "
        "  THEN (SELECT g.observed_generation FROM hedgehog.sync_state g WHERE g.fabric_id = f.id AND g.target = 'git') "
        "  ELSE f.generation END, s.last_change_at, s.observed_generation "
        "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        "WHERE s.target = 'kubernetes' AND s.fabric_id = ANY(%s)"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, (list(fabric_ids),))
        return {row[0]: LastWrite(*row[1:]) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Latency:
    """One sync to a cluster: seconds from the commit to the cluster, and to all switches."""

    fabric: str
    generation: int
    revision: str | None
    committed_at: datetime | None
    applied_at: datetime
    converged_at: datetime | None
    commit_to_applied: float | None
    commit_to_converged: float | None


def latencies(connection: Connection, names: Sequence[str] | None = None, *, limit: int = 100) -> list[Latency]:
    """The latest syncs that wrote to clusters, the newest first."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name, c.generation, c.revision, c.committed_at, c.applied_at, c.converged_at, c.commit_to_applied, "
            "c.commit_to_converged FROM hedgehog.convergence c JOIN hedgehog.fabric f ON f.id = c.fabric_id "
            "WHERE %(names)s::text[] IS NULL OR f.name = ANY(%(names)s) ORDER BY c.applied_at DESC, c.event_id DESC LIMIT %(limit)s",
            {"names": list(names) if names is not None else None, "limit": limit},
        )
        return [Latency(*row) for row in cursor.fetchall()]
