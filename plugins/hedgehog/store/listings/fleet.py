"""The fleet in one statement: how every fabric stands, filtered, sorted and counted by the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import psycopg2.extensions

from hedgehog.fabric.health import SEVERITY
from hedgehog.fabric.model import SyncStatus
from hedgehog.fabric.problems import HELD_KINDS, ProblemKind
from hedgehog.fabric.selectors import Selector
from hedgehog.store.database import Connection, jsonb, transaction
from hedgehog.store.freezes import FREEZE_OF
from hedgehog.store.listings.keyset import Keyset, Row, like, rows_of
from hedgehog.store.listings.whole_fleet import fleet_transaction


@dataclass(frozen=True, slots=True)
class FleetFilter:
    """Which fabrics: those that fit everything that is given."""

    search: str = ""
    states: tuple[str, ...] = ()
    """Any of these; keys of STATES."""
    repository: str | None = None
    cluster: str | None = None
    names: tuple[str, ...] = ()
    selector: Selector = field(default_factory=Selector)


_SEVERITY = "CASE health {} END".format(" ".join(f"WHEN '{word}' THEN {rank}" for word, rank in SEVERITY.items()))
_WORST_FIRST = (
    SyncStatus.PARKED,
    SyncStatus.ERROR,
    SyncStatus.OUT_OF_SYNC,
    SyncStatus.SUSPENDED,
    SyncStatus.WAITING,
    SyncStatus.NEVER_SYNCED,
    SyncStatus.SYNCING,
    SyncStatus.IN_SYNC,
)


def _rank(column: str) -> str:
    ranks = " ".join(f"WHEN '{status}' THEN {rank}" for rank, status in enumerate(reversed(_WORST_FIRST), 1))
    return f"CASE coalesce({column}, '') {ranks} ELSE 0 END"


_CHANGED = "coalesce((extract(epoch FROM changed_at) * 1000000)::bigint, 0)"
ORDERS = {
    "name": "name",
    "health": _SEVERITY,
    "git": _rank("git_status"),
    "cluster": _rank("cluster_status"),
    "changed": _CHANGED,
    "drift": "drift",
    "problems": "problems",
}
"""What a list can be sorted by."""

_NOT_IN_SYNC = "(coalesce(git_status <> 'in_sync', false) OR coalesce(cluster_status <> 'in_sync', false))"
STATES = {
    "healthy": "health = 'Healthy'",
    "progressing": "health = 'Progressing'",
    "degraded": "health = 'Degraded'",
    "missing": "health = 'Missing'",
    "unknown": "health = 'Unknown'",
    "in_sync": f"(NOT {_NOT_IN_SYNC} AND coalesce(git_status, cluster_status) IS NOT NULL)",
    "not_in_sync": _NOT_IN_SYNC,
    "syncing": "'syncing' IN (git_status, cluster_status)",
    "waiting": "'waiting' IN (git_status, cluster_status)",
    "failing": "'error' IN (git_status, cluster_status)",
    "parked": "parked > 0",
    "suspended": "suspended",
    "frozen": "frozen_reason IS NOT NULL",
    "drifted": "drift > 0",
    "held": "held > 0",
    "refused": "refused > 0",
    "needs_somebody": "needs_somebody",
}
"""What can be counted and filtered by, as conditions on `_STANDING`."""

_SUSPENDED = "(f.suspended AND coalesce(f.suspended_until > now(), true))"


def _status(row: str) -> str:
    return (
        f"CASE WHEN {row}.fabric_id IS NULL THEN NULL WHEN {_SUSPENDED} THEN 'suspended' "
        f"WHEN {row}.waits_for IS NOT NULL AND {row}.due_at > now() AND ({row}.status IN ('never_synced', 'error') "
        f"OR {row}.observed_generation < f.generation AND {row}.status <> 'parked') THEN 'waiting' "
        f"WHEN {row}.status = 'in_sync' AND {row}.observed_generation < f.generation THEN 'out_of_sync' ELSE {row}.status END"
    )


# What a cluster waits for that Git does not have yet, as hedgehog.services.observe.status says it.
_WAITS = (
    "g.fabric_id IS NOT NULL AND k.status IN ('in_sync', 'out_of_sync', 'never_synced') AND coalesce(p.in_cluster, 0) = 0 "
    "AND (g.observed_generation = 0 OR k.observed_generation >= g.observed_generation "
    "AND (g.observed_generation < f.generation OR g.status <> 'in_sync' AND coalesce(p.not_published, 0) > 0))"
)
_PROBLEMS = (
    "SELECT fabric_id, count(*) AS n, count(*) FILTER (WHERE kind = ANY(%(held)s)) AS held, "
    "count(*) FILTER (WHERE kind = %(refused)s) AS refused, count(*) FILTER (WHERE kind = %(parked)s) AS parked, "
    "count(*) FILTER (WHERE target = 'kubernetes') AS in_cluster, "
    "count(*) FILTER (WHERE target = 'git' AND kind IN (%(refused)s, %(edit)s)) AS not_published, "
    "bool_or(needs_somebody) AS needs_somebody FROM hedgehog.problem WHERE {theirs} GROUP BY fabric_id"
)
_STANDING = (
    "SELECT f.id, f.name, f.description, f.source_of_truth, f.generation, coalesce(h.health, 'Unknown') AS health, "
    f"{_SUSPENDED} AS suspended, f.suspended_reason, f.suspended_until, "
    "{frozen}, g.waits_for AS git_waits_for, k.waits_for AS cluster_waits_for, "
    "f.labels, "
    f"{_status('g')} AS git_status, "
    f"CASE WHEN k.fabric_id IS NOT NULL AND NOT {_SUSPENDED} AND {_WAITS} THEN 'waiting' ELSE {_status('k')} END "
    "AS cluster_status, greatest(g.last_change_at, k.last_change_at) AS changed_at, coalesce(d.n, 0) AS drift, "
    "coalesce(p.held, 0) AS held, coalesce(p.refused, 0) AS refused, coalesce(p.parked, 0) AS parked, "
    "coalesce(p.n, 0) AS problems, coalesce(p.needs_somebody, false) AS needs_somebody, "
    "f.git_repository_id, f.kubernetes_connection_id "
    "FROM hedgehog.fabric f "
    "LEFT JOIN hedgehog.sync_state g ON g.fabric_id = f.id AND g.target = 'git' AND f.git_sync_enabled AND {theirs of g} "
    "LEFT JOIN hedgehog.sync_state k ON k.fabric_id = f.id AND k.target = 'kubernetes' AND f.enable_k8s_sync "
    "AND {theirs of k} LEFT JOIN hedgehog.health h ON h.fabric_id = f.id AND {theirs of h} "
    "LEFT JOIN (SELECT fabric_id, count(*) AS n FROM hedgehog.drift WHERE state IN ('changed', 'missing') "
    "AND {theirs} GROUP BY fabric_id) d "
    "ON d.fabric_id = f.id "
    f"LEFT JOIN ({_PROBLEMS}) p ON p.fabric_id = f.id "
)
_FREEZES = f"LEFT JOIN LATERAL {FREEZE_OF} z ON true "
_AGENTS = (
    "SELECT count(*) AS total, count(*) FILTER (WHERE a.value -> 'generation' = a.value -> 'applied') AS current "
    "FROM jsonb_each(CASE jsonb_typeof(h.facts -> 'agents') WHEN 'object' THEN h.facts -> 'agents' ELSE '{}' END) a"
)


def _theirs(statement: str, fabrics: str) -> str:
    """*statement* for the parameter *fabrics*, the ids of a few, or empty: for all.

    Each table gets the condition of its own: before the tables have statistics, the planner would else read all states for
    each fabric.
    """
    for alias in ("", "g", "k", "h"):
        column = f"{alias}.fabric_id" if alias else "fabric_id"
        place = f"{{theirs of {alias}}}" if alias else "{theirs}"
        statement = statement.replace(place, f"{column} = ANY({fabrics})" if fabrics else "true")
    return statement


def _standing(fabrics: str, where: str, *, freezes: bool = True) -> str:
    """How those of *fabrics* stand, as `_theirs` has them, that fit the conditions *where* on the row `f`, with or without
    the freezes that they are under.

    What the statement around this does not ask for is not computed, but for the freezes.
    """
    frozen = "z.reason AS frozen_reason, z.until AS frozen_until" if freezes else "NULL AS frozen_reason"
    columns = _theirs(_STANDING, fabrics).replace("{frozen}", frozen)
    return f"{columns} {_FREEZES if freezes else ''} WHERE {where}"


_DETAILS = (
    "SELECT s.*, r.name AS repository, h.reasons ->> 0 AS health_reason, h.facts -> 'converged' AS converged, "
    "h.facts ->> 'convergence' AS convergence, a.total AS switches, a.current AS current_switches, c.converged_at, "
    "g.observed_generation AS git_generation, g.revision AS git_revision, g.reason AS git_reason, g.last_change_at AS git_changed_at, "
    "k.observed_generation AS cluster_generation, k.revision AS cluster_revision, k.reason AS cluster_reason, "
    "k.last_change_at AS cluster_changed_at, w.at AS last_change_at, w.who AS last_change_who, w.why AS last_change_why, "
    "o.number AS rollout_number, o.name AS rollout_name, o.state AS rollout_state, o.fabric_state AS rollout_fabric_state "
    f"FROM ({_standing('%(shown)s', 'f.id = ANY(%(shown)s)')}) s "
    + _theirs(
        "LEFT JOIN hedgehog.health h ON h.fabric_id = s.id AND {theirs of h} "
        "LEFT JOIN hedgehog.git_repository r ON r.id = s.git_repository_id "
        "JOIN hedgehog.sync_state g ON g.fabric_id = s.id AND g.target = 'git' AND {theirs of g} "
        "JOIN hedgehog.sync_state k ON k.fabric_id = s.id AND k.target = 'kubernetes' AND {theirs of k} ",
        "%(shown)s",
    )
    + f"CROSS JOIN LATERAL ({_AGENTS}) a "
    "LEFT JOIN LATERAL (SELECT converged_at FROM hedgehog.convergence c WHERE c.fabric_id = s.id "
    "ORDER BY c.applied_at DESC LIMIT 1) c ON true "
    "LEFT JOIN LATERAL (SELECT at, who, why FROM hedgehog.change w WHERE w.fabric_id = s.id ORDER BY w.id DESC LIMIT 1) w "
    "ON true "
    "LEFT JOIN LATERAL (SELECT r.id AS number, r.name, r.state, m.state AS fabric_state FROM hedgehog.rollout_fabric m "
    "JOIN hedgehog.rollout r ON r.id = m.rollout_id WHERE m.open AND m.fabric_id = s.id) o ON true"
)


def _parameters(wanted: FleetFilter) -> dict[str, Any]:
    return {
        "held": [kind.value for kind in HELD_KINDS],
        "refused": ProblemKind.REFUSED.value,
        "parked": ProblemKind.PARKED.value,
        "edit": ProblemKind.HELD_EDIT.value,
        "search": like(wanted.search),
        "repository": wanted.repository,
        "cluster": wanted.cluster,
        "selector": jsonb(wanted.selector.as_data()),
    }


def _found(wanted: FleetFilter, *, freezes: bool = True) -> str:
    """How the fabrics stand that fit *wanted*. Of a few named ones only their own trouble is read, not that of the fleet."""
    return _standing("%(ids)s" if wanted.names else "", _where(wanted), freezes=freezes)


def _where(wanted: FleetFilter) -> str:
    """The conditions on the rows of fabrics themselves."""
    conditions = ["true"]
    if wanted.search:
        conditions.append("(f.name ILIKE %(search)s OR f.description ILIKE %(search)s)")
    if wanted.repository is not None:
        conditions.append("f.git_repository_id = (SELECT id FROM hedgehog.git_repository WHERE name = %(repository)s)")
    if wanted.cluster is not None:
        conditions.append("f.kubernetes_connection_id = %(cluster)s")
    if wanted.names:
        conditions.append("f.id = ANY(%(ids)s)")
    if wanted.selector.requirements:
        conditions.append("hedgehog.selects(%(selector)s, f)")
    return " AND ".join(conditions)


def _transaction_for(connection: Connection, wanted: FleetFilter) -> AbstractContextManager[psycopg2.extensions.cursor]:
    """For a few named fabrics, nested loops find by index what is theirs; without them, all states would be read."""
    return transaction(connection) if wanted.names else fleet_transaction(connection)


def _ids(cursor: psycopg2.extensions.cursor, wanted: FleetFilter) -> dict[str, list[int]]:
    """The ids of the named fabrics: by them, each table is read by index, even without statistics."""
    if not wanted.names:
        return {}
    cursor.execute("SELECT id FROM hedgehog.fabric WHERE name = ANY(%s)", (list(wanted.names),))
    return {"ids": [fabric for (fabric,) in cursor.fetchall()]}


def fleet_order(sort: str) -> Keyset:
    """The order of a list: a key of ORDERS, with `-` in front the other way round."""
    falls, column = sort.startswith("-"), ORDERS[sort.removeprefix("-")]
    return Keyset(((column, falls),) if column == "name" else ((column, falls), ("name", False)))


def fleet_rows(
    connection: Connection, wanted: FleetFilter, *, sort: str, after: Sequence[Any] | None, limit: int
) -> list[Row]:
    """At most *limit* fabrics behind the one at *after*, each with `place`, where it is in this order, and `total`, how
    many there are from there on. Of all others only what they are chosen and sorted by is computed. One that is deleted
    meanwhile is left out."""
    keyset = fleet_order(sort)
    condition, values = keyset.after(after)
    named = {f"after{number}": value for number, value in enumerate(values)}
    for name in named:
        condition = condition.replace("%s", f"%({name})s", 1)
    states = " OR ".join(STATES[state] for state in wanted.states) or "true"
    place = ", ".join(column for column, _ in keyset.columns)
    found = _found(wanted, freezes="frozen" in wanted.states)
    chosen = (
        f"SELECT id, jsonb_build_array({place}), count(*) OVER () FROM ({found}) standing "
        f"WHERE ({states}) AND {condition} ORDER BY {keyset.order()} LIMIT %(limit)s"
    )
    parameters = _parameters(wanted)
    with _transaction_for(connection, wanted) as cursor:
        cursor.execute(chosen, parameters | _ids(cursor, wanted) | named | {"limit": limit})
        places = {fabric: {"place": place, "total": total} for fabric, place, total in cursor.fetchall()}
    with transaction(connection) as cursor:
        cursor.execute(_DETAILS, parameters | {"shown": list(places)})
        rows = {row["id"]: row for row in rows_of(cursor)}
    return [rows[fabric] | places[fabric] for fabric in places if fabric in rows]


def fleet_counts(connection: Connection, wanted: FleetFilter) -> tuple[int, dict[str, int]]:
    """How many fabrics there are, and how many in each of STATES."""
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in STATES.values())
    query = f"SELECT count(*), {counts} FROM ({_found(wanted)}) standing"
    with _transaction_for(connection, wanted) as cursor:
        cursor.execute(query, _parameters(wanted) | _ids(cursor, wanted))
        rows = cursor.fetchall()
    total, *found = rows[0]
    return total, dict(zip(STATES, found, strict=True))
