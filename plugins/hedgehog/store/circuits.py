"""Circuit breakers, one per fabric and service, shared by all workers: a service that keeps failing is not called for a while.

Closed: calls go through. After FAILURES in a row it opens, for RECOVERY. Then it is half-open: one call goes through,
whose success closes it and whose failure opens it again. The clock is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hedgehog.store.database import Connection, transaction

FAILURES = 5
RECOVERY = timedelta(seconds=60)


class Service(StrEnum):
    """The service that a circuit protects."""

    KUBERNETES = "kubernetes"
    GIT = "git"
    GITHUB = "github"


class CircuitState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Circuit:
    """A service that failed for a fabric; there is no circuit without a failure."""

    fabric_id: int
    failures: int
    reason: str
    """Of the last failure."""
    opened_at: datetime | None

    def state(self, now: datetime) -> CircuitState:
        """Whether calls go through at *now*."""
        if self.opened_at is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now < self.opened_at + RECOVERY else CircuitState.HALF_OPEN

    def __str__(self) -> str:
        again = f"; it is retried {RECOVERY.seconds} s after the last" if self.opened_at else ""
        return f"{self.failures} failures in a row{again}: {self.reason}"


def load_circuits(connection: Connection, service: Service, fabric_ids: Sequence[int]) -> dict[int, Circuit]:
    """The circuits of *fabric_ids*; a fabric without failures has none."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id, failures, reason, opened_at FROM hedgehog.circuit "
            "WHERE service = %s AND fabric_id = ANY(%s)",
            (service.value, list(fabric_ids)),
        )
        return {row[0]: Circuit(*row) for row in cursor.fetchall()}


def open_circuits(
    connection: Connection, service: Service, fabric_ids: Sequence[int], now: datetime
) -> dict[int, Circuit]:
    """Those of *fabric_ids* whose service must not be called at *now*, with their circuits.

    The caller calls the service for all others. Of a half-open circuit, one caller per RECOVERY may call; for any
    other it counts as open until that one has reported.
    """
    known = load_circuits(connection, service, fabric_ids)
    opened = {fabric_id: circuit for fabric_id, circuit in known.items() if circuit.opened_at is not None}
    if not opened:
        return {}
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.circuit SET probed_at = %(now)s WHERE service = %(service)s AND fabric_id = ANY(%(ids)s) "
            "AND opened_at <= %(ago)s AND (probed_at IS NULL OR probed_at <= %(ago)s) RETURNING fabric_id",
            {"now": now, "ago": now - RECOVERY, "service": service.value, "ids": sorted(opened)},
        )
        probing = {row[0] for row in cursor.fetchall()}
    return {fabric_id: circuit for fabric_id, circuit in opened.items() if fabric_id not in probing}


def close_circuits(connection: Connection, service: Service, fabric_ids: Sequence[int]) -> None:
    """Close the circuits after a success."""
    with transaction(connection) as cursor:
        cursor.execute(
            "DELETE FROM hedgehog.circuit WHERE service = %s AND fabric_id = ANY(%s)",
            (service.value, list(fabric_ids)),
        )


def count_failure(
    connection: Connection, service: Service, fabric_ids: Sequence[int], reason: str, now: datetime
) -> None:
    """Count a failure; the FAILURES-th in a row opens a circuit, as does any failure of a half-open one."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.circuit AS c (fabric_id, service, failures, reason) "
            "SELECT f.id, %(service)s, 1, %(reason)s FROM hedgehog.fabric f WHERE f.id = ANY(%(ids)s) ORDER BY f.id "
            "ON CONFLICT (fabric_id, service) DO UPDATE SET failures = c.failures + 1, reason = excluded.reason, "
            "probed_at = NULL, opened_at = CASE WHEN c.failures + 1 >= %(most)s THEN %(now)s::timestamptz END",
            {
                "service": service.value,
                "reason": reason[:1000],
                "ids": list(fabric_ids),
                "most": FAILURES,
                "now": now,
            },
        )
