"""Carrying a plan out: apply in waves, then delete in reverse. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from hedgehog.fabric.canonical import owned_fields
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.kinds import FABRIC, FIELD_MANAGER
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import waves
from hedgehog.kube.adopt import clear_emptied, shared, take_over
from hedgehog.kube.apply import apply
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import ensure_namespace
from hedgehog.kube.plan import Plan
from hedgehog.kube.prune import prune
from hedgehog.kube.readback import compared
from hedgehog.kube.result import Result
from hedgehog.kube.throttle import Halt


def execute(cluster: Cluster, plan: Plan, *, halt: Halt | None = None) -> dict[ObjectRef, Result]:
    """Write and delete, and say for every object what happened to it; nothing raised stops the rest.

    Deletions follow even where writes failed: what is unwanted may be what stands in their way. What was to be written
    after a deletion that is spared waits with it. What *halt* says must not be touched any more is skipped.
    """
    halt = halt or Halt()
    results: dict[ObjectRef, Result] = {}
    held_up = False
    for writes, deletes in _rounds(plan):
        if held_up:
            results |= {ref: _waits(ref) for ref in writes}
            continue
        results |= _apply(cluster, plan, writes, results, halt)
        held_up = any(ref in plan.spared for ref in deletes)
        to_delete = [plan.to_delete[ref] for ref in deletes if ref not in plan.spared]
        results |= prune(cluster, to_delete, halt=halt)
    return {**plan.settled, **results, **plan.spared}


def _rounds(plan: Plan) -> Iterator[tuple[list[ObjectRef], list[ObjectRef]]]:
    """What to write and what to delete, round by round; what no round names belongs to the first."""
    late = {ref for one in plan.rounds[1:] for ref in (*one.writes, *one.deletes)}
    yield [ref for ref in plan.to_apply if ref not in late], [ref for ref in plan.to_delete if ref not in late]
    for one in plan.rounds[1:]:
        yield [ref for ref in plan.to_apply if ref in one.writes], [ref for ref in plan.to_delete if ref in one.deletes]


def _waits(ref: ObjectRef) -> Result:
    return Result(Change(ref, Action.SKIPPED, "can only be written after what is no longer wanted was deleted"))


def _apply(
    cluster: Cluster, plan: Plan, refs: Collection[ObjectRef], earlier: Mapping[ObjectRef, Result], halt: Halt
) -> dict[ObjectRef, Result]:
    desired, live = plan.desired, plan.live

    def prepare(manifest: Manifest) -> None:
        ref = ObjectRef.of(manifest)
        if ref.kind == FABRIC.kind and plan.to_apply[ref].action is Action.CREATED:
            ensure_namespace(cluster, ref.namespace)
        elif ref in live.objects:
            found = take_over(cluster, live.objects[ref], _to_take_over(plan, ref))
            clear_emptied(cluster, found, manifest)

    results = apply(
        cluster,
        waves(desired.manifests[ref] for ref in refs),
        earlier=earlier,
        forced=plan.forced,
        before=prepare,
        halt=halt,
        installation=desired.installation.id,
    )
    for ref, result in results.items():
        if result.error is None and result.answer is not None:
            results[ref] = _checked(plan, ref, result)
    return results


def _to_take_over(plan: Plan, ref: ObjectRef) -> list[Manifest]:
    """What to own in a live object before it is written: what is as wanted there, or as it was when it was adopted.

    An object that we wrote before and still own fields of is left as it is, unless the owners of its fields are
    overruled.
    """
    desired, found = plan.desired, plan.live.objects[ref]
    last = desired.owned.get(ref)
    any_value = ref in plan.forced
    if not any_value and last is not None and ref not in desired.adopted and owned_fields(found, FIELD_MANAGER):
        return []
    contents = [desired.manifests[ref], *([last] if last is not None else [])]
    return [shared(manifest, found, stored=desired.stored, any_value=any_value) for manifest in contents]


def _checked(plan: Plan, ref: ObjectRef, result: Result) -> Result:
    """What a write was, with the plan's reason; nothing new if the server found the object to be so already."""
    desired, before, found = plan.desired, plan.live.objects.get(ref), result.stored
    if found is None or found.get("kind") != ref.kind:
        return result
    changed = before is None or _version(before) != _version(found)
    if result.change.action is Action.CONFIGURED:
        change = replace(plan.to_apply[ref], action=Action.CONFIGURED) if changed else Change(ref, Action.UNCHANGED)
        result = replace(result, change=change)
    last = desired.owned.get(ref)
    return compared(result, found, desired.manifests[ref], last, changed=changed, stored=desired.stored)


def _version(live: Manifest) -> str:
    return str(live["metadata"]["resourceVersion"])
