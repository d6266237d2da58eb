"""The status of our own Fabric resource: a sync's outcome as `kubectl get fabrics` and health checks see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hedgehog.fabric.changes import Outcome, OutcomeStatus

Status = dict[str, Any]

SYNCED, PENDING, ERROR = "Synced", "Pending", "Error"
_PHASE = {
    OutcomeStatus.SUCCESS: SYNCED,
    OutcomeStatus.SKIPPED: SYNCED,
    OutcomeStatus.HELD: PENDING,
    OutcomeStatus.ERROR: ERROR,
}
_TIMES = frozenset({"last_sync_time", "lastTransitionTime"})


def next_status(
    previous: Mapping[str, Any], outcome: Outcome, *, resource_generation: int, now: datetime
) -> Status | None:
    """The status to write after *outcome*, or None when *previous* says the same already.

    *resource_generation* is the resource's metadata.generation, as Kubernetes tools expect it in observedGeneration;
    the fabric's own generation is in the message. Times alone are no reason to write, nor are the counts of a run that
    wrote nothing, nor a branch that moved for the sake of other fabrics: they stay those of the last run that did more.
    """
    status = _status(previous, outcome, resource_generation, now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    wrote = any(outcome.counts.get(action, 0) for action in ("created", "configured", "deleted"))
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
    conditions: list[Status] = previous.get("conditions") or []
    before = next((one for one in conditions if one.get("type") == "Synced"), {})
    since = before.get("lastTransitionTime") if before.get("status") == holds else None
    reason = SYNCED if phase == SYNCED else outcome.error_class or "Held"
    message = f"fabric generation {outcome.generation} is applied" if phase == SYNCED else outcome.reason
    return {
        "type": "Synced",
        "status": holds,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or now,
        "observedGeneration": generation,
    }


def _without(value: Any, keys: frozenset[str]) -> Any:
    """*value* without *keys* at any depth of maps and lists, and without what only others set."""
    if isinstance(value, Mapping):
        return {key: _without(child, keys) for key, child in value.items() if key not in keys and key not in _OTHERS}
    if isinstance(value, list):
        return [_without(child, keys) for child in value]
    return value


_OTHERS = frozenset({"spine_status", "leaf_status"})
"""Parts of the status that this module does not write."""
