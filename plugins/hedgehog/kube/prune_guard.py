"""Which of the unwanted objects stay: what policy keeps, what another tool owns, and more than may go at once. Pure."""

from __future__ import annotations

from dataclasses import replace

from hedgehog.errors import AlreadyExists, PruneRefused
from hedgehog.fabric import tools
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.drift_detection import is_gone
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, PrunePolicy
from hedgehog.kube.plan import Desired, Plan
from hedgehog.kube.result import Result


def spare(plan: Plan, fabric: Fabric, *, allow_large_prune: bool = False) -> Plan:
    """*plan*, which says of each object that it would delete and that is to stay why it stays (`Plan.spared`)."""
    return replace(plan, spared=_spared(plan, fabric, allow_large_prune))


def guard(to_delete: int, inventory_size: int, *, max_objects: int, max_percent: int) -> None:
    """Raise PruneRefused when a run would delete more than *max_objects* and more than *max_percent* of the inventory.

    Both, so that small fabrics may lose a large share and large ones many objects without somebody's consent.
    """
    if to_delete > max_objects and to_delete * 100 > max_percent * inventory_size:
        raise PruneRefused(
            f"{to_delete} of {inventory_size} objects would be deleted, more than {max_objects} objects and "
            f"{max_percent} %; nothing was deleted. If that is meant, sync once with allow_large_prune"
        )


def _spared(plan: Plan, fabric: Fabric, allow_large_prune: bool) -> dict[ObjectRef, Result]:
    if fabric.prune_policy is PrunePolicy.ORPHAN:
        reason = "no longer in the fabric, left in the cluster (prune policy orphan)"
        return {ref: Result(Change(ref, Action.SKIPPED, reason)) for ref in plan.to_delete}
    theirs = {ref: found for ref, live in plan.to_delete.items() if (found := _of_others(ref, live, plan.desired))}
    try:
        if not allow_large_prune:
            limits = {"max_objects": fabric.prune_max_objects, "max_percent": fabric.prune_max_percent}
            guard(len(plan.to_delete) - len(theirs), _staying(plan), **limits)
    except PruneRefused as error:
        reason = "no longer in the fabric, prune refused"
        rest = {ref: Result(Change(ref, Action.SKIPPED, reason), error=error) for ref in plan.to_delete}
        return {**rest, **theirs}
    return theirs


def _staying(plan: Plan) -> int:
    """How many objects the fabric owns, without those that are being deleted already."""
    live = plan.live.objects
    return sum(not (ref in live and is_gone(live[ref])) for ref in plan.desired.owned)


def _of_others(ref: ObjectRef, live: Manifest, desired: Desired) -> Result | None:
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
