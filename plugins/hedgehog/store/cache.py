"""Read models of fabrics. One statement per model makes it for all fabrics. No decision may be based on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.store.database import Connection, transaction

MOST_CHANGES = 50
"""How many of the newest objects, and of the newest syncs, of a fabric are kept."""


class ReadModel(StrEnum):
    """The subject of a read model of a fabric."""

    BASICS = "basics"
    """Names, policies and the latest state of each sync."""
    OBJECTS = "objects"
    """How many objects of each kind, and how many drifted."""
    CHANGES = "changes"
    """The newest objects and the newest syncs."""
    HEALTH = "health"
    """The latest health, with its reasons."""
    CONNECTION = "connection"
    """Its repository and cluster, and whether they answered."""


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One read model of one fabric, and how old it is."""

    value: dict[str, Any]
    refreshed_at: datetime
    expires_at: datetime


_SYNC = (
    "(SELECT jsonb_object_agg(s.target, jsonb_build_object('status', s.status, 'observed_generation', s.observed_generation, "
    "'revision', s.revision, 'reason', s.reason, 'error_class', s.error_class, 'last_attempt_at', s.last_attempt_at, "
    "'last_success_at', s.last_success_at, 'last_change_at', s.last_change_at)) "
    "FROM hedgehog.sync_state s WHERE s.fabric_id = f.id "
    "AND (CASE s.target WHEN 'git' THEN f.git_sync_enabled ELSE f.enable_k8s_sync END))"
)
_VALUES = {
    ReadModel.BASICS: (
        "SELECT f.id, jsonb_build_object('name', f.name, 'description', f.description, 'generation', f.generation, "
        "'source_of_truth', f.source_of_truth, 'drift_policy', f.drift_policy, 'suspended', f.suspended, "
        "'suspended_reason', f.suspended_reason, 'suspended_until', f.suspended_until, 'last_updated', f.last_updated, "
        f"'sync', coalesce({_SYNC}, '{{}}')) FROM due JOIN hedgehog.fabric f ON f.id = due.id"
    ),
    ReadModel.OBJECTS: (
        "SELECT due.id, jsonb_build_object('total', coalesce(sum(k.n), 0), "
        "'kinds', coalesce(jsonb_object_agg(k.kind, k.n) FILTER (WHERE k.kind IS NOT NULL), '{}'), "
        "'drift', (SELECT coalesce(jsonb_object_agg(d.state, d.n), '{}') FROM "
        "(SELECT state, count(*) AS n FROM hedgehog.drift WHERE fabric_id = due.id GROUP BY state) d)) "
        "FROM due LEFT JOIN (SELECT o.fabric_id, o.kind, count(*) AS n FROM hedgehog.fabric_object o "
        "JOIN due USING (fabric_id) GROUP BY o.fabric_id, o.kind) k ON k.fabric_id = due.id GROUP BY due.id"
    ),
    ReadModel.CHANGES: (
        "SELECT due.id, jsonb_build_object('objects', coalesce((SELECT jsonb_agg(o) FROM "
        "(SELECT kind, namespace, name, updated_at FROM hedgehog.fabric_object WHERE fabric_id = due.id "
        "ORDER BY updated_at DESC LIMIT %(most)s) o), '[]'), 'syncs', coalesce((SELECT jsonb_agg(e) FROM "
        "(SELECT target, status, revision, commit_id, counts, reason, error_class, duration, finished_at FROM ("
        "(SELECT * FROM hedgehog.sync_event WHERE fabric_id = due.id AND target = 'git' ORDER BY finished_at DESC LIMIT %(most)s) "
        "UNION ALL (SELECT * FROM hedgehog.sync_event WHERE fabric_id = due.id AND target = 'kubernetes' "
        "ORDER BY finished_at DESC LIMIT %(most)s)) b ORDER BY finished_at DESC LIMIT %(most)s) e), '[]')) FROM due"
    ),
    ReadModel.HEALTH: (
        "SELECT due.id, CASE WHEN h.fabric_id IS NULL THEN "
        "jsonb_build_object('health', 'Unknown', 'reasons', jsonb_build_array('not checked yet'), 'since', NULL, 'checked_at', NULL) "
        "ELSE jsonb_build_object('health', h.health, 'reasons', h.reasons, 'since', h.since, 'checked_at', h.checked_at) END "
        "FROM due LEFT JOIN hedgehog.health h ON h.fabric_id = due.id"
    ),
    ReadModel.CONNECTION: (
        "SELECT f.id, jsonb_build_object("
        "'git', CASE WHEN r.id IS NOT NULL THEN jsonb_build_object('repository', r.name, 'url', r.url, 'branch', r.branch, "
        "'directory', f.git_directory, 'enabled', f.git_sync_enabled, 'health', coalesce(h.health, 'Unknown'), "
        "'reasons', coalesce(h.reasons, '[]'), 'checked_at', h.checked_at) END, "
        "'kubernetes', CASE WHEN f.kubernetes_connection_id IS NOT NULL THEN jsonb_build_object("
        "'connection_id', f.kubernetes_connection_id, 'namespace', f.kubernetes_namespace, 'enabled', f.enable_k8s_sync) END, "
        "'open_circuits', (SELECT coalesce(jsonb_object_agg(c.service, jsonb_build_object('failures', c.failures, "
        "'reason', c.reason, 'opened_at', c.opened_at)), '{}') FROM hedgehog.circuit c "
        "WHERE c.fabric_id = f.id AND c.opened_at IS NOT NULL)) "
        "FROM due JOIN hedgehog.fabric f ON f.id = due.id LEFT JOIN hedgehog.git_repository r ON r.id = f.git_repository_id "
        "LEFT JOIN hedgehog.health h ON h.scope = 'repository' AND h.name = r.name"
    ),
}
"""The query of each model: from `due` (the ids of the fabrics) to their id and value."""

_ENDING = (
    "SELECT f.id, f.id AS fabric_id FROM hedgehog.fabric f LEFT JOIN hedgehog.cache_entry c ON c.fabric_id = f.id "
    "AND c.model = %(model)s WHERE c.expires_at IS NULL OR c.expires_at < now() + make_interval(secs => %(ahead)s)"
)
_NAMED = "SELECT f.id, f.id AS fabric_id FROM hedgehog.fabric f WHERE f.name = ANY(%(names)s)"
_REFRESH = (
    "WITH due AS MATERIALIZED ({due} ORDER BY f.id FOR KEY SHARE OF f{wait}), found (id, value) AS ({value}) "
    "INSERT INTO hedgehog.cache_entry AS e (fabric_id, model, value, refreshed_at, expires_at) "
    "SELECT id, %(model)s, value, now(), now() + make_interval(secs => %(ttl)s) FROM found ORDER BY id "
    "ON CONFLICT (fabric_id, model) DO UPDATE SET value = excluded.value, refreshed_at = excluded.refreshed_at, "
    "expires_at = excluded.expires_at"
)


def refresh(
    connection: Connection, model: ReadModel, *, ttl: float, names: Sequence[str] | None = None, ahead: float = 0.0
) -> int:
    """Renew a model of the named fabrics, or of all that lack it or whose entry expires within *ahead* seconds.

    Returns the number of fabrics. One statement, however many they are.
    """
    values = {
        "model": model.value,
        "names": list(names) if names is not None else None,
        "ahead": ahead,
        "ttl": ttl,
        "most": MOST_CHANGES,
    }
    with transaction(connection) as cursor:
        # A fabric that another transaction is deleting must not block the others.
        due, wait = (_ENDING, " SKIP LOCKED") if names is None else (_NAMED, "")
        cursor.execute(
            _REFRESH.replace("{due}", due).replace("{wait}", wait).replace("{value}", _VALUES[model]), values
        )
        return cursor.rowcount


def load(connection: Connection, names: Sequence[str]) -> dict[str, dict[ReadModel, CachedModel]]:
    """The entries of the named fabrics that have not expired."""
    found: dict[str, dict[ReadModel, CachedModel]] = {name: {} for name in names}
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name, e.model, e.value, e.refreshed_at, e.expires_at FROM hedgehog.cache_entry e "
            "JOIN hedgehog.fabric f ON f.id = e.fabric_id WHERE f.name = ANY(%s) AND e.expires_at > now()",
            (list(names),),
        )
        for name, model, *entry in cursor.fetchall():
            found[name][ReadModel(model)] = CachedModel(*entry)
    return found


def invalidate(connection: Connection, names: Sequence[str], *, dry_run: bool = False) -> int:
    """Delete all entries of the named fabrics, and return how many there were."""
    return _drop(connection, "fabric_id IN (SELECT id FROM hedgehog.fabric WHERE name = ANY(%s))", list(names), dry_run)


def expire(connection: Connection, *, dry_run: bool = False) -> int:
    """Delete the entries that have expired, and return how many there were."""
    return _drop(connection, "expires_at <= now() AND %s IS NULL", None, dry_run)


def _drop(connection: Connection, where: str, value: Any, dry_run: bool) -> int:
    with transaction(connection) as cursor:
        if dry_run:
            cursor.execute(f"SELECT 1 FROM hedgehog.cache_entry WHERE {where}", (value,))
        else:
            cursor.execute(f"DELETE FROM hedgehog.cache_entry WHERE {where}", (value,))
        return cursor.rowcount
