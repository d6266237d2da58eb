"""Carrying a plan out as the fabric's policies allow: apply in waves, then delete in reverse."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from hedgehog.errors import AlreadyExists, PruneRefused
from hedgehog.fabric import tools
from hedgehog.fabric.canonical import owned_fields
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.drift_detection import is_gone
from hedgehog.fabric.kinds import FABRIC, FIELD_MANAGER
from hedgehog.fabric.model import ConflictPolicy, Fabric, Manifest, ObjectRef, PrunePolicy
from hedgehog.fabric.references import waves
from hedgehog.kube.adopt import clear_emptied, shared, take_over
from hedgehog.kube.apply import Result, apply
from hedgehog.kube.client import Cluster
from hedgehog.kube.definitions import ensure_namespace
from hedgehog.kube.live import Live
from hedgehog.kube.plan import Desired, Plan
from hedgehog.kube.prune import guard, prune
from hedgehog.kube.readback import compared
from hedgehog.kube.throttle import Halt


@dataclass(frozen=True, slots=True)
class Execution:
    """One fabric's part of a sync: whose policies count, what was wanted and seen, what is to be done."""

    fabric: Fabric
    desired: Desired
    live: Live
    plan: Plan
    allow_large_prune: bool = False
    forced: frozenset[ObjectRef] = frozenset()
    """Objects that are written regardless of the owners of their fields: a person decided so."""
    halt: Halt = field(default_factory=Halt)


def execute(cluster: Cluster, execution: Execution) -> dict[ObjectRef, Result]:
    """Write and delete, and say for every object what happened to it; nothing raised stops the rest.

    Deletions follow even where writes failed: what is unwanted may be what stands in their way. What was to be written
    after a deletion that is spared waits with it.
    """
    spared = _spared(execution)
    results: dict[ObjectRef, Result] = {}
    held_up = False
    for writes, deletes in _rounds(execution.plan):
        if held_up:
            results |= {ref: _waits(ref) for ref in writes}
            continue
        results |= _apply(cluster, execution, writes, results)
        held_up = any(ref in spared for ref in deletes)
        doomed = [execution.plan.to_delete[ref] for ref in deletes if ref not in spared]
        results |= prune(cluster, doomed, halt=execution.halt)
    return {**execution.plan.settled, **results, **spared}


def _rounds(plan: Plan) -> Iterator[tuple[list[ObjectRef], list[ObjectRef]]]:
    """What to write and what to delete, round by round; what no round names belongs to the first."""
    late = {ref for one in plan.rounds[1:] for ref in (*one.writes, *one.deletes)}
    yield [ref for ref in plan.to_apply if ref not in late], [ref for ref in plan.to_delete if ref not in late]
    for one in plan.rounds[1:]:
        yield [ref for ref in plan.to_apply if ref in one.writes], [ref for ref in plan.to_delete if ref in one.deletes]


def _waits(ref: ObjectRef) -> Result:
    return Result(Change(ref, Action.SKIPPED, "can only be written after what is no longer wanted was deleted"))


def rehearse(execution: Execution) -> dict[ObjectRef, Result]:
    """What `execute` would do if nothing failed. Touches nothing."""
    written = {ref: Result(change) for ref, change in execution.plan.to_apply.items()}
    deleted = {ref: Result(Change(ref, Action.DELETED)) for ref in execution.plan.to_delete}
    return {**execution.plan.settled, **written, **deleted, **_spared(execution)}


def _apply(
    cluster: Cluster, execution: Execution, refs: Collection[ObjectRef], earlier: Mapping[ObjectRef, Result]
) -> dict[ObjectRef, Result]:
    plan, desired, live = execution.plan, execution.desired, execution.live

    def prepare(manifest: Manifest) -> None:
        ref = ObjectRef.of(manifest)
        if ref.kind == FABRIC.kind and plan.to_apply[ref].action is Action.CREATED:
            ensure_namespace(cluster, ref.namespace)
        elif ref in live.objects:
            found = take_over(cluster, live.objects[ref], _to_take_over(execution, ref))
            clear_emptied(cluster, found, manifest)

    results = apply(
        cluster,
        waves(desired.manifests[ref] for ref in refs),
        earlier=earlier,
        force_conflicts=execution.fabric.conflict_policy is ConflictPolicy.FORCE,
        forced=execution.forced,
        before=prepare,
        halt=execution.halt,
        installation=desired.installation.id,
    )
    for ref, result in results.items():
        if result.error is None and result.answer is not None:
            results[ref] = _told(execution, ref, result)
    return results


def _to_take_over(execution: Execution, ref: ObjectRef) -> list[Manifest]:
    """What to own in a live object before it is written: what is as wanted there, or as it was when it was adopted.

    An object that we wrote before and still own fields of is left as it is, unless the owners of its fields are
    overruled.
    """
    desired, found = execution.desired, execution.live.objects[ref]
    last = desired.owned.get(ref)
    any_value = execution.fabric.conflict_policy is ConflictPolicy.FORCE or ref in execution.forced
    if not any_value and last is not None and ref not in desired.adopted and owned_fields(found, FIELD_MANAGER):
        return []
    known = [desired.manifests[ref], *([last] if last is not None else [])]
    return [shared(manifest, found, stored=desired.stored, any_value=any_value) for manifest in known]


def _told(execution: Execution, ref: ObjectRef, result: Result) -> Result:
    """What a write was, with the plan's reason; nothing new if the server found the object to be so already."""
    desired, before, found = execution.desired, execution.live.objects.get(ref), result.stored
    if found is None or found.get("kind") != ref.kind:
        return result
    changed = before is None or _version(before) != _version(found)
    if result.change.action is Action.CONFIGURED:
        planned = execution.plan.to_apply[ref]
        change = replace(planned, action=Action.CONFIGURED) if changed else Change(ref, Action.UNCHANGED)
        result = replace(result, change=change)
    last = desired.owned.get(ref)
    return compared(result, found, desired.manifests[ref], last, changed=changed, stored=desired.stored)


def _version(live: Manifest) -> str:
    return str(live["metadata"]["resourceVersion"])


def _spared(execution: Execution) -> dict[ObjectRef, Result]:
    """The unwanted objects that are not to be deleted: those of other tools, and all that policy or threshold keep."""
    fabric, doomed = execution.fabric, execution.plan.to_delete
    if fabric.prune_policy is PrunePolicy.ORPHAN:
        reason = "no longer in the fabric, left in the cluster (prune policy orphan)"
        return {ref: Result(Change(ref, Action.SKIPPED, reason)) for ref in doomed}
    claimed = {ref: result for ref, live in doomed.items() if (result := _claimed(ref, live, execution.desired))}
    try:
        if not execution.allow_large_prune:
            limits = {"max_objects": fabric.prune_max_objects, "max_percent": fabric.prune_max_percent}
            guard(len(doomed) - len(claimed), _staying(execution), **limits)
    except PruneRefused as error:
        reason = "no longer in the fabric, prune refused"
        rest = {ref: Result(Change(ref, Action.SKIPPED, reason), error=error) for ref in doomed}
        return {**rest, **claimed}
    return claimed


def _staying(execution: Execution) -> int:
    """How many objects the fabric owns, without those that are being deleted already."""
    live = execution.live.objects
    return sum(not (ref in live and is_gone(live[ref])) for ref in execution.desired.owned)


def _claimed(ref: ObjectRef, live: Manifest, desired: Desired) -> Result | None:
    """An unwanted object that another tool owns by now, unless somebody had the fabric take it over."""
    last = desired.owned.get(ref)
    owner = tools.owner(live, desired.installation, last)
    if owner is None or tools.is_adopted(owner, live, last):
        return None
    reason = (
        f"no longer in the fabric, not deleted: it belongs to {owner}; delete it there, remove the mark, or give it the "
        f'annotation {tools.ADOPT}: "{owner.consent}" in the cluster'
    )
    return Result(Change(ref, Action.SKIPPED, reason), live=live, error=AlreadyExists(f"{ref}: {reason}"))
