"""One fabric: how far its data has come on its way from the database to the switches, and what is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.model import Fabric, SyncStatus, Target
from hedgehog.fabric.shown import counted
from hedgehog.services.browse.fleet import frozen, rollout_of, suspended, switches
from hedgehog.services.browse.runs import run_of
from hedgehog.services.observe.status import TargetStatus, target_statuses
from hedgehog.services.transfer.export import settings_of
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.health import HealthRow, Scope, latest
from hedgehog.store.listings.fleet import FleetFilter, fleet_rows
from hedgehog.store.listings.keyset import Row
from hedgehog.store.listings.objects import kind_counts

_PLACES = {Target.GIT: "git", Target.KUBERNETES: "cluster"}
_WAITING = {
    "git": "Git waits for",
    "cluster": "The cluster waits for",
    "switches": "The fabric waits for",
}


def fabric_overview(connection: Connection, name: str, *, now: datetime) -> Row:
    """Everything about one fabric at a glance. Raises NotFound."""
    fabric = load_fabric(connection, name)
    rows = fleet_rows(connection, FleetFilter(names=(name,)), sort="name", after=None, limit=1)
    if not rows:
        raise NotFound(f"fabric {name} was deleted at this moment")
    (row,) = rows
    health = next(iter(latest(connection, Scope.FABRIC, [name])), None)
    standing = {one.state.target: one for one in target_statuses(connection, [name], now=now)}
    steps = [
        _database(fabric),
        *(_step(target, standing.get(target)) for target in Target),
        _switches(row, health),
    ]
    facts = health.facts if health else {}
    return {
        "name": name,
        "description": fabric.description,
        "generation": fabric.generation,
        "changed_at": fabric.last_updated,
        "source_of_truth": fabric.source_of_truth,
        "health": _health(health),
        "steps": steps,
        "waits_for": next((_sentence(one) for one in steps if one["waits_for"]), ""),
        "needs_somebody": row["needs_somebody"],
        "switches": switches(row),
        "agents": agents(facts),
        "repository": fabric.git_repository,
        "directory": fabric.git_directory,
        "cluster_connection": fabric.kubernetes_connection_id,
        "cluster_namespace": fabric.kubernetes_namespace,
        "kinds": [{"kind": kind, "objects": count} for kind, count in kind_counts(connection, fabric.id).items()],
        **{word: row[word] for word in ("drift", "held", "refused", "parked")},
        "suspended": suspended(row),
        "frozen": frozen(row),
        "rollout": rollout_of(row),
        "labels": fabric.labels,
        "settings": settings_of(fabric),
    }


def _sentence(step: Row) -> str:
    """What a step waits for, in words for people."""
    return f"{_WAITING[step['place']]} {step['waits_for']}"


def _health(row: HealthRow | None) -> Row:
    if row is None:
        return {"health": "Unknown", "reasons": ["not checked yet"], "since": None, "checked_at": None}
    return {"health": row.health, "reasons": list(row.reasons), "since": row.since, "checked_at": row.checked_at}


def agents(facts: Mapping[str, Any]) -> list[Row]:
    """The switches and gateways as they were last checked, by name."""
    found = []
    for key, one in sorted(facts.get("agents", {}).items()):
        kind, _, name = key.partition("/")
        found.append(
            {
                "kind": kind,
                "name": name,
                "role": one.get("role", ""),
                "health": one["health"],
                "generation": one["generation"],
                "applied_generation": one["applied"],
                "behind_since": one.get("since"),
            }
        )
    return found


_EMPTY: Row = {
    "revision": None,
    "reason": "",
    "waits_for": "",
    "next_look_at": None,
    "attempts": 0,
    "needs_somebody": False,
    "run_id": None,
    "dag_id": None,
}


def _database(fabric: Fabric) -> Row:
    return {
        **_EMPTY,
        "place": "database",
        "enabled": True,
        "status": SyncStatus.IN_SYNC.value,
        "is_in_step": True,
        "generation": fabric.generation,
        "at": fabric.last_updated,
    }


def _step(target: Target, standing: TargetStatus | None) -> Row:
    """A target of the syncs."""
    if standing is None:
        off = {"enabled": False, "status": "off", "is_in_step": True, "generation": None, "at": None}
        return {**_EMPTY, "place": _PLACES[target], **off}
    state = standing.state
    return {
        "place": _PLACES[target],
        "enabled": True,
        "status": state.status.value,
        "is_in_step": standing.is_in_step,
        "generation": state.observed_generation,
        "revision": state.revision,
        "at": state.last_change_at or state.last_success_at,
        "reason": "; ".join(standing.lines()),
        "waits_for": _waits_for(standing),
        "next_look_at": state.due_at,
        "attempts": state.attempts,
        "needs_somebody": standing.needs_somebody,
        **run_of(state.run_id),
    }


def _waits_for(standing: TargetStatus) -> str:
    """What must happen next; empty for what has all that is wanted."""
    state = standing.state
    if standing.is_in_step:
        return ""
    if standing.needs_somebody:
        count = sum(problem.needs_somebody for problem in standing.problems)
        return f"somebody to look at {counted(count, 'problem')}"
    waiting: dict[SyncStatus, str] = {
        SyncStatus.WAITING: standing.wait.reason if standing.wait else "Git",
        SyncStatus.SUSPENDED: "the end of the suspension",
        SyncStatus.SYNCING: "the run that works on it",
        SyncStatus.PARKED: "somebody, or a slow retry",
        SyncStatus.ERROR: "the next attempt",
    }
    return waiting.get(state.status, "the next run")


def _switches(row: Row, health: HealthRow | None) -> Row:
    """The last step: whether the switches have what the cluster has."""
    known = row["converged"]
    enabled = row["cluster_status"] is not None
    status = "off" if not enabled else "unknown" if known is None else "converged" if known else "converging"
    return {
        **_EMPTY,
        "place": "switches",
        "enabled": enabled,
        "status": status,
        "is_in_step": known is True or not enabled,
        "generation": row["cluster_generation"] if known and enabled else None,
        "at": row["converged_at"] if known else None,
        "reason": row["convergence"] or "",
        "waits_for": "" if known or not enabled else _switches_wait(row, health),
        **run_of(health.run_id if health else None),
    }


def _switches_wait(row: Row, health: HealthRow | None) -> str:
    if health is None or row["converged"] is None:
        return "the next look at the cluster"
    if row["switches"] == row["current_switches"]:
        return "the cluster"
    return f"{row['switches'] - row['current_switches']} of {row['switches']} switches and gateways"
