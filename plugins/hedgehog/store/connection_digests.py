"""Short keyed digests of the Airflow connections that failing fabrics use, as of the last plan; never their content."""

from __future__ import annotations

from dataclasses import dataclass

from hedgehog.fabric.model import Target
from hedgehog.store.database import Connection, transaction
from hedgehog.store.schedule import ENABLED, NOT_SUSPENDED

_USED = {Target.GIT: "r.connection_id", Target.KUBERNETES: "f.kubernetes_connection_id"}
_STATES = (
    "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
    "LEFT JOIN hedgehog.git_repository r ON r.id = f.git_repository_id"
)


@dataclass(frozen=True, slots=True)
class NotedDigest:
    """A connection that failing fabrics use, as of the last plan; `salt` and `digest` are None before the first plan."""

    connection_id: str
    parked: bool
    """Whether one of the fabrics is parked."""
    salt: bytes | None
    digest: bytes | None


def of_failing_fabrics(connection: Connection, target: Target) -> list[NotedDigest]:
    """The connections, by id, of fabrics that are failing or parked at *target* and not due now."""
    used = _USED[target]
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT w.connection_id, w.parked, d.salt, d.digest FROM ("
            f"SELECT {used} AS connection_id, bool_or(s.status = 'parked') AS parked {_STATES} "
            f"WHERE s.status IN ('error', 'parked') AND s.target = %s AND s.due_at > now() AND {used} IS NOT NULL "
            f"AND {ENABLED[target]} AND {NOT_SUSPENDED} GROUP BY 1"
            ") w LEFT JOIN hedgehog.connection_digest d USING (connection_id) ORDER BY 1",
            (target.value,),
        )
        return [NotedDigest(row[0], row[1], *(part and bytes(part) for part in row[2:])) for row in cursor.fetchall()]


def note(connection: Connection, connection_id: str, salt: bytes, digest: bytes) -> None:
    """Store the digest of a connection in place of the previous one."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.connection_digest (connection_id, salt, digest) VALUES (%s, %s, %s) "
            "ON CONFLICT (connection_id) DO UPDATE SET salt = excluded.salt, digest = excluded.digest, noted_at = now()",
            (connection_id, salt, digest),
        )


def forget_unused(connection: Connection) -> None:
    """Delete the digests of connections that no failing fabric uses; a sync that is running may still fail."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"DELETE FROM hedgehog.connection_digest d WHERE NOT EXISTS (SELECT 1 {_STATES} "
            "WHERE s.status IN ('error', 'parked', 'syncing') AND d.connection_id = "
            f"CASE s.target WHEN 'git' THEN {_USED[Target.GIT]} ELSE {_USED[Target.KUBERNETES]} END)"
        )
