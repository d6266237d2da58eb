"""What a sync keeps of what it did: inventory, drift, corrections and how it ended, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hedgehog.errors import RetryableError
from hedgehog.fabric.changes import WRITES, Action, Outcome, OutcomeStatus
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.model import Fabric, ObjectRef, PrunePolicy, Target
from hedgehog.kube import outcome as outcomes
from hedgehog.kube.outcome import Effect
from hedgehog.kube.plan import Plan
from hedgehog.kube.result import Result
from hedgehog.services.attribution import of_manager, save_as_written
from hedgehog.services.kubernetes.plan import FabricPlan
from hedgehog.services.waits import Wait
from hedgehog.store import corrections, inventory, open_drift, schedule, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction

Results = Mapping[ObjectRef, Result]


def record(
    connection: Connection,
    connection_id: str,
    planned: FabricPlan,
    results: Results,
    outcome: Outcome,
    *,
    run_id: str,
) -> None:
    """Write what came of *planned*, all or nothing, after the effect."""
    fabric, plan = planned.job.fabric, planned.plan
    effect = outcomes.effect(plan, results, orphan=fabric.prune_policy is PrunePolicy.ORPHAN)
    with transaction(connection) as cursor:
        parts = {"applied": effect.applied, "adopted": effect.adopted}
        inventory.record(cursor, connection_id, fabric.id, gone=effect.gone, **parts)
        if planned.begun:
            rest = _still_open(planned.begun, effect, results, plan)
            inventory.forget_begun(cursor, connection_id, fabric.id, open_still=rest)
        _record_adopted(connection, cursor, planned, run_id)
        _record_drift(cursor, connection_id, planned, results)
        sync_state.finish(cursor, fabric.id, outcome, run_id=run_id)
        if planned.job.wait is not None and outcome.status is not OutcomeStatus.ERROR:
            _postpone_the_rest(cursor, fabric, planned.job.wait)


def _postpone_the_rest(cursor: Any, fabric: Fabric, wait: Wait) -> None:
    """What the fabric wants newly waits; the next look for drift is not later than usual."""
    regular = datetime.now(UTC) + timedelta(seconds=fabric.resync_seconds)
    until = min(regular, wait.until) if wait.until else regular
    schedule.postpone(cursor, Target.KUBERNETES, {fabric.id: (until, wait.reason)})


def _still_open(begun: frozenset[ObjectRef], effect: Effect, results: Results, plan: Plan) -> list[ObjectRef]:
    """What was begun and may be in the cluster, and is not in the inventory now: what could not be listed, what could not
    be deleted yet, and what failed in a way that says nothing."""
    rest = begun - effect.applied.keys() - effect.adopted.keys() - effect.gone
    doubtful = {ref for ref in rest if ref in results and isinstance(results[ref].error, RetryableError)}
    return [ref for ref in rest if ref.kind in plan.live.unknown or ref in plan.desired.owned or ref in doubtful]


def _record_adopted(connection: Connection, cursor: Any, planned: FabricPlan, run_id: str) -> None:
    """Take what the fabric adopts into its objects, unless they were changed since the sync read them."""
    if not planned.drift.adopted:
        return
    fabric, rows = planned.job.fabric, planned.job.rows
    now = {row.ref: row.manifest for row in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    adopted = {ref: one for ref, one in planned.drift.adopted.items() if now.get(ref) == rows[ref]}
    found = planned.drift.found
    managers = {ref: found[ref].manager if ref in found else "" for ref in adopted}
    why = "adopted, as the drift policy says"
    written = [(ref, one, of_manager(managers[ref], why=why, run=run_id)) for ref, one in adopted.items()]
    save_as_written(connection, fabric.id, written)
    inventory.take_over(cursor, fabric.id, adopted)


def _record_drift(cursor: Any, connection_id: str, planned: FabricPlan, results: Results) -> None:
    """A drift stays until its object was written; what is unwanted and was left in the cluster is an orphan."""
    fabric, plan, drift = planned.job.fabric, planned.plan, planned.drift
    done = {
        ref for ref, result in results.items() if result.error is None and result.change.action is not Action.SKIPPED
    }
    found = [one for ref, one in drift.found.items() if ref not in done]
    found += [Drift(ref, DriftState.ORPHAN, _owner_of_orphans(fabric)) for ref in _left(drift.plan, results)]
    unknown = plan.live.failed.keys()
    open_drift.replace_rows(cursor, connection_id, fabric.id, found, unknown_kinds=unknown, reverted=drift.reverted)
    corrected = {
        str(ref): one.manager
        for ref, one in drift.found.items()
        if ref in results and results[ref].answer is not None and results[ref].change.action in WRITES
    }
    held = [str(ref) for ref in drift.flapping]
    corrections.record(cursor, Target.KUBERNETES, fabric.id, corrected=corrected, held=held)


def _left(plan: Plan, results: Results) -> list[ObjectRef]:
    """What the fabric wants no longer and what stays, for whatever reason: also what the cluster would not delete."""
    kept = {Action.SKIPPED, Action.FAILED}
    return [ref for ref in plan.to_delete if ref in results and results[ref].change.action in kept]


def _owner_of_orphans(fabric: Fabric) -> int | None:
    """With prune policy orphan they are nobody's any more."""
    return None if fabric.prune_policy is PrunePolicy.ORPHAN else fabric.id
