"""The status of our own Fabric resource, as `kubectl get fabrics` shows it: how its last sync ended, and its health. Pure.

A sync and a health check write different parts of it. Both are one field manager, which sets a status as a whole, so each
carries along what the other wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hedgehog.fabric.agents import Convergence
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.health import Health

Status = dict[str, Any]

SYNCED, PENDING, ERROR = "Synced", "Pending", "Error"
_PHASE = {
    OutcomeStatus.SUCCESS: SYNCED,
    OutcomeStatus.SKIPPED: SYNCED,
    OutcomeStatus.HELD: PENDING,
    OutcomeStatus.ERROR: ERROR,
}
_TIMES = frozenset({"last_sync_time", "lastTransitionTime"})
_HEALTH_KEYS = ("health", "spine_status", "leaf_status")
"""What `with_health` writes beside its condition."""


def next_status(
    previous: Mapping[str, Any], outcome: Outcome, *, resource_generation: int, now: datetime
) -> Status | None:
    """The status to write after *outcome*, or None when *previous* says the same already.

    *resource_generation* is the resource's metadata.generation, as Kubernetes tools expect it in observedGeneration;
    the fabric's own generation is in the message. Times alone are not a reason to write, nor are the counts of a run
    that wrote nothing, nor a branch that moved for the sake of other fabrics: they stay those of the last run that did
    more.
    """
    wrote = any(outcome.counts.get(action, 0) for action in ("created", "configured", "deleted"))
    status = _status(previous, outcome, resource_generation, _text(now))
    status |= {key: previous[key] for key in _HEALTH_KEYS if key in previous}
    status["conditions"] += [_overtaken(one, _text(now)) if wrote else one for one in _others(previous, "Synced")]
    ignored = _TIMES if wrote else _TIMES | {"counts", "revision"}
    return None if _without(status, ignored) == _without(previous, ignored) else status


def _status(previous: Mapping[str, Any], outcome: Outcome, generation: int, now: str) -> Status:
    phase = _PHASE[outcome.status]
    status: Status = {
        "phase": phase,
        "conditions": [_condition(previous, outcome, phase, generation, now)],
        "observedGeneration": generation,
        "counts": dict(outcome.counts),
        "last_sync_time": now,
    }
    if outcome.revision:
        status["revision"] = outcome.revision
    if phase != SYNCED:
        status["sync_error"] = outcome.reason
    return status


def _condition(previous: Mapping[str, Any], outcome: Outcome, phase: str, generation: int, now: str) -> Status:
    holds = "True" if phase == SYNCED else "False"
    reason = SYNCED if phase == SYNCED else outcome.error_class or "Held"
    message = f"fabric generation {outcome.generation} is applied" if phase == SYNCED else outcome.reason
    return {
        "type": "Synced",
        "status": holds,
        "reason": reason,
        "message": message,
        "lastTransitionTime": _since(previous, "Synced", holds) or now,
        "observedGeneration": generation,
    }


def with_health(
    previous: Mapping[str, Any],
    health: Health,
    convergence: Convergence,
    switches: Mapping[str, Mapping[str, str]],
    *,
    now: datetime,
) -> Status | None:
    """*previous* with the health of the fabric, or None when it says the same already or no sync has written it yet.

    *switches* are `spine_status` and `leaf_status`: the health of each switch by its name. As above, times alone are no
    reason to write.
    """
    synced = [one for one in previous.get("conditions") or [] if one.get("type") == "Synced"]
    if not synced:
        return None
    holds = {True: "True", False: "False", None: "Unknown"}[convergence.converged]
    reason = {True: "Converged", False: "Waiting", None: "Unknown"}[convergence.converged]
    condition = {
        "type": "Converged",
        "status": holds,
        "reason": reason,
        "message": convergence.reason,
        "lastTransitionTime": _since(previous, "Converged", holds) or _text(now),
        "observedGeneration": previous.get("observedGeneration", 0),
    }
    kept = {key: value for key, value in previous.items() if key not in _HEALTH_KEYS}
    status = {**kept, **switches, "health": health.value, "conditions": [*_others(previous, "Converged"), condition]}
    return None if _without(status, _TIMES) == _without(previous, _TIMES) else status


def _others(previous: Mapping[str, Any], kind: str) -> list[Status]:
    return [dict(one) for one in previous.get("conditions") or [] if one.get("type") != kind]


def _overtaken(condition: Status, now: str) -> Status:
    """Converged no longer holds once a sync wrote something; the next health check looks."""
    if condition.get("type") != "Converged" or condition.get("status") == "False":
        return condition
    waiting = {
        "status": "False",
        "reason": "Waiting",
        "message": "objects were just written; the switches take them up",
    }
    return condition | waiting | {"lastTransitionTime": now}


def _since(previous: Mapping[str, Any], kind: str, holds: str) -> str | None:
    """When the condition last changed to what it is."""
    before: Mapping[str, Any] = next((one for one in previous.get("conditions") or [] if one.get("type") == kind), {})
    return before.get("lastTransitionTime") if before.get("status") == holds else None


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _without(value: Any, keys: frozenset[str]) -> Any:
    """*value* without *keys* at any depth of maps and lists."""
    if isinstance(value, Mapping):
        return {key: _without(child, keys) for key, child in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(child, keys) for child in value]
    return value
