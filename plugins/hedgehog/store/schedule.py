"""Which fabrics are due for a sync, and how they are made due.

`due_at` is the whole schedule: a trigger sets it to now when the fabric changes, `sync_state.finish` sets the next run. A
killed run leaves it in the past, so the fabric is due again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.model import Target
from hedgehog.fabric.selectors import Selector
from hedgehog.store.database import TARGET_LOCK, Connection, jsonb, transaction
from hedgehog.store.fabrics import unknown_fabric

DUE_LIMIT = 5000
"""The most fabrics of one plan; the others stay due for the next run."""


@dataclass(frozen=True, slots=True)
class Due:
    """A fabric that a run must sync. `group` is its repository id or its cluster connection, which batches share."""

    fabric_id: int
    name: str
    group: str
    routine: bool = False
    """Whether it was in sync and has not changed: its regular check is due, which mostly finds nothing to do."""
    suspect: bool = False
    """Whether the process of its last run died: it comes last, in a batch of its own."""


# Fabrics whose source of truth is Git are ingested by the services in `repository/`, never written to Git.
_WRITTEN = {Target.GIT: "f.source_of_truth = 'database'", Target.KUBERNETES: "true"}
_GROUP = {
    Target.GIT: "coalesce(f.git_repository_id::text, '')",
    Target.KUBERNETES: "coalesce(f.kubernetes_connection_id, '')",
}
_CONNECTION = {
    Target.GIT: "(SELECT r.connection_id FROM hedgehog.git_repository r WHERE r.id = f.git_repository_id)",
    Target.KUBERNETES: "f.kubernetes_connection_id",
}
ENABLED = {Target.GIT: "f.git_sync_enabled", Target.KUBERNETES: "f.enable_k8s_sync"}
_NOT_LOCKED = (
    "NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = %(lock)s "
    "AND l.objid = f.id AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
WAITS = "(s.waits_for IS NOT NULL AND s.due_at > now())"
"""SQL for: a freeze or closed windows have postponed what was due."""
NOT_SUSPENDED = "(NOT f.suspended OR coalesce(f.suspended_until <= now(), false))"


def due(connection: Connection, target: Target, *, force: bool = False) -> list[Due]:
    """The fabrics that are due at *target*, longest due first, *suspect* ones last; with *force* every enabled one.

    Leaves out suspended fabrics, those that another run works on, and for Git those whose source of truth is Git. One
    indexed query: its cost grows with the number of fabrics due, not of all fabrics.
    """
    when = "true" if force else "s.due_at <= now()"
    query = (
        f"SELECT f.id, f.name, {_GROUP[target]}, "
        "NOT %(force)s AND s.status = 'in_sync' AND s.observed_generation = f.generation, s.status = 'syncing' "
        "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        f"WHERE s.target = %(target)s AND {when} AND {ENABLED[target]} AND {_WRITTEN[target]} "
        f"AND {NOT_SUSPENDED} AND {_NOT_LOCKED} "
        "ORDER BY s.status = 'syncing', s.due_at, f.id LIMIT %(limit)s"
    )
    parameters = {"target": target.value, "lock": int(TARGET_LOCK[target]), "limit": DUE_LIMIT, "force": force}
    with transaction(connection) as cursor:
        cursor.execute(query, parameters)
        return [Due(*row) for row in cursor.fetchall()]


def make_due(connection: Connection, target: Target, fabric_ids: Sequence[int]) -> list[str]:
    """Make fabrics due now and wake the DAG; returns the names of those that are enabled and not suspended."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.sync_state s SET due_at = now(), attempts = 0 FROM hedgehog.fabric f WHERE f.id = s.fabric_id "
            f"AND s.target = %s AND f.id = ANY(%s) AND {ENABLED[target]} AND {NOT_SUSPENDED} RETURNING f.name",
            (target.value, list(fabric_ids)),
        )
        names = sorted(row[0] for row in cursor.fetchall())
        wake_dag(cursor, target, names)
    return names


def wake_dag(cursor: Any, target: Target, names: Sequence[str]) -> None:
    """Wake the DAG that syncs the fabrics *names* to *target*, or reads them from Git; inside the caller's transaction."""
    cursor.execute(
        "SELECT hedgehog.wake(%s, f) FROM hedgehog.fabric f WHERE f.name = ANY(%s)", (target.value, list(names))
    )


def postpone(cursor: Any, target: Target, waits: Mapping[int, tuple[datetime | None, str]]) -> None:
    """Let fabrics that are due wait until a moment, None for no end, and keep the reason; inside the caller's
    transaction."""
    rows = sorted((fabric_id, until, reason) for fabric_id, (until, reason) in waits.items())
    ids, ends, reasons = zip(*rows, strict=True)
    cursor.execute(
        "UPDATE hedgehog.sync_state s SET due_at = coalesce(w.until, 'infinity'), waits_for = left(w.reason, 2000) "
        "FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS w (fabric_id, until, reason) "
        "WHERE s.fabric_id = w.fabric_id AND s.target = %s AND s.due_at <= now()",
        (list(ids), list(ends), list(reasons), target.value),
    )


def end_waits(cursor: Any, selector: Selector) -> None:
    """Have what waits of the fabrics that *selector* fits planned again now; inside the caller's transaction."""
    cursor.execute(
        "SELECT s.fabric_id, s.target FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        f"WHERE {WAITS} AND hedgehog.selects(%s, f) ORDER BY s.fabric_id, s.target FOR UPDATE OF s",
        (jsonb(selector.as_data()),),
    )
    rows = cursor.fetchall()
    for target in Target:
        cursor.execute(
            "UPDATE hedgehog.sync_state s SET due_at = now(), waits_for = NULL FROM hedgehog.fabric f "
            "WHERE f.id = s.fabric_id AND s.target = %s AND s.fabric_id = ANY(%s) RETURNING f.name",
            (target.value, [fabric_id for fabric_id, place in rows if place == target]),
        )
        wake_dag(cursor, target, sorted(name for (name,) in cursor.fetchall()))


def make_failed_due(
    cursor: Any,
    target: Target,
    *,
    connection_id: str | None = None,
    repository_id: int | None = None,
    parked_only: bool = False,
) -> list[str]:
    """Make fabrics due that failed because of a connection or repository which may work again; returns their names.

    Their status stays `error` or `parked` until the next run, which is one more attempt. The caller has the cursor of a
    transaction, and wakes the DAG of clusters; that of Git is woken here.
    """
    cursor.execute(
        "UPDATE hedgehog.sync_state s SET due_at = now() FROM hedgehog.fabric f WHERE f.id = s.fabric_id "
        "AND s.target = %(target)s AND s.due_at > now() AND s.status = ANY(%(statuses)s) "
        f"AND ({_CONNECTION[target]} = %(connection)s OR f.git_repository_id = %(repository)s) "
        f"AND {ENABLED[target]} AND {NOT_SUSPENDED} RETURNING f.name",
        {
            "target": target.value,
            "statuses": ["parked"] if parked_only else ["parked", "error"],
            "connection": connection_id,
            "repository": repository_id,
        },
    )
    names = sorted(row[0] for row in cursor.fetchall())
    if target is Target.GIT:
        wake_dag(cursor, target, names)
    return names


def still_due(connection: Connection, target: Target, names: Sequence[str]) -> set[str]:
    """Those of *names* that are due now."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
            "WHERE s.target = %s AND f.name = ANY(%s) AND s.due_at <= now()",
            (target.value, list(names)),
        )
        return {row[0] for row in cursor.fetchall()}


def named(connection: Connection, target: Target, names: Sequence[str]) -> list[Due]:
    """The named fabrics, whether they are due or not; the sync reports and skips suspended ones.

    Raises NotFound, with near names, for a name that no fabric has, or that is not enabled for *target*.
    """
    query = f"SELECT f.id, f.name, {_GROUP[target]}, {ENABLED[target]} FROM hedgehog.fabric f WHERE f.name = ANY(%s) ORDER BY f.name"
    with transaction(connection) as cursor:
        cursor.execute(query, (list(names),))
        rows = cursor.fetchall()
        missing = sorted(set(names) - {row[1] for row in rows})
        if missing:
            cursor.execute("SELECT name FROM hedgehog.fabric ORDER BY name LIMIT 10000")
            known = [row[0] for row in cursor.fetchall()]
            raise NotFound("; ".join(unknown_fabric(name, known) for name in missing))
    disabled = [row[1] for row in rows if not row[3]]
    if disabled:
        flag = "git_sync_enabled" if target is Target.GIT else "enable_k8s_sync"
        raise NotFound(f"{', '.join(disabled)}: {target} sync is not enabled; set {flag} with `hedgehog fabric import`")
    return [Due(*row[:3]) for row in rows]
