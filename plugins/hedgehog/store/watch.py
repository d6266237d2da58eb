"""What to watch, and up to which version each watch has been recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2.extras

from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.store.database import Connection, transaction

WatchPlace = tuple[str, str]
"""A resource (`vpcs.vpc.githedgehog.com`) and a namespace: what one watch sees."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A cluster whose fabrics are synced."""

    connection_id: str
    namespaces: frozenset[str]
    """The namespaces of kinds that may be in any."""
    fabric_versions: frozenset[str]
    """`apiVersion`s under which our own Fabric resource was applied."""


def clusters(connection: Connection) -> dict[str, Watched]:
    """The clusters of all fabrics with Kubernetes sync, by connection id."""
    of_cluster = "FROM hedgehog.inventory i WHERE i.connection_id = f.kubernetes_connection_id AND i.kind"
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.kubernetes_connection_id, array_agg(DISTINCT f.kubernetes_namespace) "
            f"  || coalesce((SELECT array_agg(DISTINCT i.namespace) {of_cluster} = ANY(%s)), '{{}}'), "
            f"  (SELECT array_agg(DISTINCT i.manifest ->> 'apiVersion') {of_cluster} = %s) "
            "FROM hedgehog.fabric f WHERE f.enable_k8s_sync GROUP BY f.kubernetes_connection_id",
            ([kind.kind for kind in KINDS.values() if kind.namespace is None], FABRIC.kind),
        )
        return {row[0]: Watched(row[0], frozenset(row[1]), frozenset(row[2] or ())) for row in cursor.fetchall()}


def cursors(connection: Connection, connection_id: str) -> dict[WatchPlace, str]:
    """The version up to which each watch of a cluster is in the fabric database."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT resource, namespace, resource_version FROM hedgehog.watch_cursor WHERE connection_id = %s",
            (connection_id,),
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}


def save_cursors(cursor: Any, moved: Mapping[tuple[str, WatchPlace], str]) -> None:
    """Store the version that each watch (connection id, place) has reached, inside the caller's transaction."""
    psycopg2.extras.execute_values(
        cursor,
        "INSERT INTO hedgehog.watch_cursor (connection_id, resource, namespace, resource_version) VALUES %s "
        "ON CONFLICT (connection_id, resource, namespace) DO UPDATE SET resource_version = excluded.resource_version, "
        "moved_at = now()",
        sorted((connection_id, *place, version) for (connection_id, place), version in moved.items()),
        page_size=1000,
    )


def forget_others(connection: Connection, connection_ids: Iterable[str]) -> None:
    """Delete the cursors and the drift of clusters that no fabric is synced to any more.

    Orphans stay: what a deleted fabric left is reported until somebody removes it.
    """
    with transaction(connection) as cursor:
        for table in ("watch_cursor", "drift"):
            lasting = " AND state <> 'orphan'" if table == "drift" else ""
            cursor.execute(
                f"DELETE FROM hedgehog.{table} WHERE NOT connection_id = ANY(%s){lasting}",
                (sorted(set(connection_ids)),),
            )
