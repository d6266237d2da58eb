"""The fleet, page by page, and how many fabrics are in each state."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

from hedgehog.fabric.model import SyncStatus
from hedgehog.services.browse.paging import Paged, decoded, page_of
from hedgehog.store.database import Connection
from hedgehog.store.listings import fleet as listing
from hedgehog.store.listings.fleet import FleetFilter
from hedgehog.store.listings.keyset import Row

_COUNTED_FOR = 2.0
"""Seconds for which counters count as those of now, however many pages show them."""
_MOST_COUNTED = 100


def fleet_page(
    connection: Connection, wanted: FleetFilter, *, sort: str = "name", limit: int, cursor: str | None = None
) -> Paged:
    """At most *limit* fabrics, in the order *sort*; the first page says how many there are.

    Raises InvalidInput for a cursor of another list or order.
    """
    types = (str,) if sort.removeprefix("-") == "name" else (int, str)
    after = decoded(cursor, types, sort)
    rows = listing.fleet_rows(connection, wanted, sort=sort, after=after, limit=limit + 1)
    paged = page_of(rows, limit, lambda row: row["place"], sort)
    total = None if after else rows[0]["total"] if rows else 0
    return Paged([_row(row) for row in paged.items], paged.next_cursor, total)


def fleet_counters(connection: Connection, wanted: FleetFilter) -> dict[str, Any]:
    """How many fabrics there are, and how many in each state."""
    total, states = listing.fleet_counts(connection, wanted)
    return {"total": total, "states": states}


class KeptCounters:
    """Counters at most _COUNTED_FOR old: fifty open pages that ask for the same cost one count."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[FleetFilter, tuple[float, dict[str, Any]]] = {}

    def get(self, connection: Connection, wanted: FleetFilter) -> dict[str, Any]:
        """As `fleet_counters`."""
        with self._lock:
            until, found = self._kept.get(wanted, (0.0, {}))
            if time.monotonic() >= until:
                found = fleet_counters(connection, wanted)
                if len(self._kept) >= _MOST_COUNTED:
                    self._kept.clear()
                self._kept[wanted] = (time.monotonic() + _COUNTED_FOR, found)
            return found


def _row(row: Row) -> Row:
    return {
        **{name: row[name] for name in _SAME},
        "health_reason": row["health_reason"] or "",
        "git": _summary(row, "git"),
        "cluster": _summary(row, "cluster"),
        "cluster_connection": row["kubernetes_connection_id"],
        "switches": switches(row),
        "suspended": suspended(row),
        "frozen": frozen(row),
        "rollout": rollout_of(row),
        "last_change": _last_change(row),
    }


_SAME = (
    "name",
    "description",
    "source_of_truth",
    "generation",
    "health",
    "repository",
    "changed_at",
    "drift",
    "held",
    "refused",
    "parked",
    "problems",
    "needs_somebody",
    "labels",
)


def _summary(row: Row, place: str) -> Row | None:
    if row[f"{place}_status"] is None:
        return None
    return {
        "status": row[f"{place}_status"],
        "generation": row[f"{place}_generation"],
        "revision": row[f"{place}_revision"],
        "reason": _reason(row, place),
        "changed_at": row[f"{place}_changed_at"],
    }


def _reason(row: Row, place: str) -> str:
    """Why the last sync did not do all, or what the next one waits for."""
    waits = row[f"{place}_status"] == SyncStatus.WAITING and row[f"{place}_waits_for"]
    return str(waits or row[f"{place}_reason"])


def switches(row: Row) -> Row:
    """How many switches of a fabric are current, as its row in the fleet says."""
    return {
        "total": row["switches"],
        "current": row["current_switches"],
        "converged": row["converged"],
        "converged_at": row["converged_at"] if row["converged"] else None,
        "reason": row["convergence"] or "",
    }


def _last_change(row: Row) -> Row | None:
    if row["last_change_at"] is None:
        return None
    return {name: row[f"last_change_{name}"] for name in ("at", "who", "why")}


def rollout_of(row: Row) -> Row | None:
    """The open rollout that a fabric is in, and how far it is with it; None for none."""
    if row["rollout_number"] is None:
        return None
    return {name: row[f"rollout_{name}"] for name in ("number", "name", "state", "fabric_state")}


def suspended(row: Row) -> Row | None:
    """Why a fabric is left alone, and until when; None for one that is not."""
    if not row["suspended"]:
        return None
    return {"reason": row["suspended_reason"] or "", "until": row["suspended_until"]}


def frozen(row: Row) -> Row | None:
    """Why nothing is written of a fabric for a while, and until when; None for one that is not frozen."""
    return None if row["frozen_reason"] is None else {"reason": row["frozen_reason"], "until": row["frozen_until"]}
