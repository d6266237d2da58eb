"""Everything around fabrics: clusters, queues, and what Git hosts sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedgehog.store.database import Connection, transaction
from hedgehog.store.inbox import PULL_REQUEST
from hedgehog.store.listings.keyset import Row, falling, rows_of
from hedgehog.store.listings.whole_fleet import fleet_transaction
from hedgehog.store.schedule import ENABLED, NOT_SUSPENDED

_NEWEST_FIRST = falling("i.id")
_DELIVERY = (
    "i.id, i.delivery_id, i.kind, i.event, i.action, i.repository, i.url, i.number, i.branch, i.base, i.before, i.after, i.head, "
    "i.status, i.reason, i.attempts, i.received_at, i.finished_at, "
    "CASE WHEN i.status = 'failed' THEN nullif(i.next_attempt_at, 'infinity') END AS next_attempt_at"
)


def cluster_rows(connection: Connection) -> list[Row]:
    """Each cluster with the health of its fabrics, and those for which it is left alone."""
    query = (
        "SELECT f.kubernetes_connection_id AS connection_id, count(*) AS fabrics, "
        "array_agg(coalesce(h.health, 'Unknown')) AS healths, "
        "coalesce(array_agg(f.name || ': ' || c.reason ORDER BY f.name) FILTER (WHERE c.opened_at IS NOT NULL), '{}') AS left_in_peace "
        "FROM hedgehog.fabric f LEFT JOIN hedgehog.health h ON h.fabric_id = f.id "
        "LEFT JOIN hedgehog.circuit c ON c.fabric_id = f.id AND c.service = 'kubernetes' "
        "WHERE f.enable_k8s_sync GROUP BY f.kubernetes_connection_id ORDER BY f.kubernetes_connection_id"
    )
    with fleet_transaction(connection) as cursor:
        cursor.execute(query)
        return rows_of(cursor)


def queue_rows(connection: Connection) -> list[Row]:
    """How much work waits: of each sync, and of each kind of delivery."""
    enabled = " OR ".join(f"(s.target = '{target}' AND {condition})" for target, condition in ENABLED.items())
    query = (
        "SELECT s.target AS name, count(*) FILTER (WHERE s.due_at <= now() AND s.status <> 'syncing') AS due, "
        "count(*) FILTER (WHERE s.status = 'syncing') AS running, count(*) FILTER (WHERE s.status = 'parked') AS parked, "
        "min(s.due_at) FILTER (WHERE s.due_at <= now()) AS oldest_due_at "
        "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        f"WHERE ({enabled}) AND {NOT_SUSPENDED} GROUP BY s.target "
        "UNION ALL SELECT i.kind, count(*) FILTER (WHERE i.status <> 'processing' AND i.next_attempt_at <= now()), "
        "count(*) FILTER (WHERE i.status = 'processing'), count(*) FILTER (WHERE i.next_attempt_at = 'infinity'), "
        "min(i.received_at) FILTER (WHERE i.next_attempt_at <= now()) FROM hedgehog.inbox i "
        "WHERE i.status IN ('received', 'processing', 'failed') GROUP BY i.kind ORDER BY 1"
    )
    with fleet_transaction(connection) as cursor:
        cursor.execute(query)
        return rows_of(cursor)


def delivery_rows(
    connection: Connection,
    *,
    repository: str | None,
    statuses: Sequence[str],
    after: Sequence[Any] | None,
    limit: int,
) -> list[Row]:
    """At most *limit* deliveries, the newest first."""
    condition, values = _NEWEST_FIRST.after(after)
    query = (
        f"SELECT {_DELIVERY} FROM hedgehog.inbox i WHERE (%s::text IS NULL OR i.repository = %s) "
        f"AND (%s OR i.status = ANY(%s)) AND {condition} ORDER BY {_NEWEST_FIRST.order()} LIMIT %s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, (repository, repository, not statuses, list(statuses), *values, limit))
        return rows_of(cursor)


def pull_request_rows(
    connection: Connection, *, repository: str | None, after: Sequence[Any] | None, limit: int
) -> list[Row]:
    """At most *limit* pull requests, each by its last delivery, the newest first, with the fabrics of its branch."""
    condition, values = _NEWEST_FIRST.after(after)
    query = (
        "WITH newest AS (SELECT max(id) AS id, max(finished_at) AS checked_at FROM hedgehog.inbox WHERE kind = %s AND number IS NOT NULL "
        "AND (%s::text IS NULL OR repository = %s) GROUP BY url, repository, number) "
        f"SELECT {_DELIVERY}, i.summary ->> 'sender' AS sender, n.checked_at, "
        "(SELECT coalesce(array_agg(f.name ORDER BY f.name), '{}') FROM hedgehog.git_repository r "
        "JOIN hedgehog.fabric f ON f.git_repository_id = r.id AND f.git_sync_enabled "
        "WHERE hedgehog.repository_place(r.url) = hedgehog.repository_place(i.url) AND r.branch = i.base) AS fabrics, "
        "(SELECT max(r.host) FROM hedgehog.git_repository r "
        "WHERE hedgehog.repository_place(r.url) = hedgehog.repository_place(i.url)) AS host "
        "FROM newest n JOIN hedgehog.inbox i ON i.id = n.id "
        f"WHERE {condition} ORDER BY {_NEWEST_FIRST.order()} LIMIT %s"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, (PULL_REQUEST, repository, repository, *values, limit))
        return rows_of(cursor)
