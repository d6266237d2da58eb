"""What a sync will do, decided before anything is done: desired, live and owned objects in, a plan out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from hedgehog.errors import (
    AdmissionRefused,
    AlreadyExists,
    FinalizerPending,
    HedgehogError,
    PruneRefused,
)
from hedgehog.fabric import tools
from hedgehog.fabric.canonical import canonical, differs, owned_fields
from hedgehog.fabric.changes import Action, Change, Round
from hedgehog.fabric.drift_detection import is_gone
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.labels import INSTALLATION
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, PrunePolicy
from hedgehog.fabric.references import references
from hedgehog.fabric.shown import listed
from hedgehog.kube.adopt import moved_to_us, shared
from hedgehog.kube.live import Live
from hedgehog.kube.result import Result, terminating

_PATHS_SHOWN = 3
_LOOK_FOR_END = 300.0
"""Seconds until a wanted object that is being deleted is checked again; the watch is quicker where it sees the end."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What one fabric wants in one cluster (in canonical form) and what stands in the way.

    `owned` are the manifests last applied or adopted, by the fabric's inventory, `adopted` those never applied by us;
    `owners` names the other fabrics that own an object; `left_alone` are further objects that are neither written nor
    deleted, each with the reason.
    """

    manifests: Mapping[ObjectRef, Manifest]
    owned: Mapping[ObjectRef, Manifest]
    adopted: frozenset[ObjectRef]
    owners: Mapping[ObjectRef, str]
    left_alone: Mapping[ObjectRef, str]
    installation: tools.Installation
    stored: Callable[[Manifest], Manifest] | None = None
    """What admission makes of an object, for the comparison; None: it leaves objects as they are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The decided part (`settled`: nothing to write), what to write, what to delete, what to note in the inventory.

    And what it was made from: `desired` and `live`.
    """

    desired: Desired
    live: Live
    settled: Mapping[ObjectRef, Result]
    to_apply: Mapping[ObjectRef, Change]
    """Created and configured, with the fields that differ as the reason."""
    to_delete: Mapping[ObjectRef, Manifest]
    """Live objects that the fabric owns and no longer wants, and that nobody deletes already."""
    adopted: Mapping[ObjectRef, Manifest]
    """Found as wanted, new to the inventory, with fields that others own."""
    recognised: Mapping[ObjectRef, Manifest]
    """Found as wanted, new to the inventory, all ours: a run died before it could note them."""
    gone: frozenset[ObjectRef]
    """Owned, not wanted, and not in the cluster any more."""
    rounds: tuple[Round, ...] = ()
    """The order of writes and deletes; what no round names comes first. Empty: all writes, then all deletes."""
    spared: Mapping[ObjectRef, Result] = field(default_factory=dict)
    """Those of `to_delete` that stay, and why."""
    forced: frozenset[ObjectRef] = frozenset()
    """Objects that are written regardless of the owners of their fields."""

    @property
    def created(self) -> frozenset[ObjectRef]:
        """What is written and is not in the cluster yet."""
        return frozenset(ref for ref, change in self.to_apply.items() if change.action is Action.CREATED)

    def expected(self) -> dict[ObjectRef, Result]:
        """What carrying it out gives if nothing fails: the end of a dry run."""
        written = {ref: Result(change) for ref, change in self.to_apply.items()}
        deleted = {ref: Result(Change(ref, Action.DELETED)) for ref in self.to_delete}
        return {**self.settled, **written, **deleted, **self.spared}


def plan(desired: Desired, live: Live) -> Plan:
    """Say what would make *live* what *desired* wants.

    Written is what is absent, what differs, and what the fabric changed since it was last applied (a field dropped
    inside a list item shows only there). Never planned: a write to an object that another fabric owns, or another tool
    or installation before somebody has the fabric take it over, and anything about a kind that could not be listed.
    """
    settled = {ref: Result(Change(ref, Action.SKIPPED, reason)) for ref, reason in desired.left_alone.items()}
    to_apply: dict[ObjectRef, Change] = {}
    adopted: dict[ObjectRef, Manifest] = {}
    recognised: dict[ObjectRef, Manifest] = {}
    for ref, manifest in desired.manifests.items():
        found = live.objects.get(ref)
        error = _obstacle(ref, found, desired, live)
        if error is not None:
            settled[ref] = Result.failed(ref, error)
        elif found is None:
            to_apply[ref] = Change(ref, Action.CREATED)
        elif paths := _to_configure(manifest, found, desired, ref):
            to_apply[ref] = Change(ref, Action.CONFIGURED, listed(paths, _PATHS_SHOWN))
        else:
            settled[ref] = Result(Change(ref, Action.UNCHANGED), live=found)
            if ref not in desired.owned:
                theirs = moved_to_us(found, [shared(manifest, found, stored=desired.stored)]) is not None
                (adopted if theirs else recognised)[ref] = manifest
    to_delete, unlisted, gone = _unwanted(desired, live)
    return Plan(desired, live, settled | unlisted, to_apply, to_delete, adopted, recognised, gone)


def withhold(
    plan: Plan, writes: Mapping[ObjectRef, str], deletes: Mapping[ObjectRef, str], rounds: tuple[Round, ...] = ()
) -> Plan:
    """The plan without what the cluster would refuse, to be done in *rounds*.

    Each object of *writes* and *deletes* is settled with the reason given for it.
    """
    unwritten = {
        ref: Result.failed(ref, AdmissionRefused(f"{ref}: {why}"))
        for ref, why in writes.items()
        if ref in plan.to_apply
    }
    undeleted = {
        ref: Result(Change(ref, Action.SKIPPED, f"not deleted: {why}"), error=AdmissionRefused(f"{ref}: {why}"))
        for ref, why in deletes.items()
        if ref in plan.to_delete
    }
    return replace(
        plan,
        settled={**plan.settled, **unwritten, **undeleted},
        to_apply={ref: change for ref, change in plan.to_apply.items() if ref not in unwritten},
        to_delete={ref: manifest for ref, manifest in plan.to_delete.items() if ref not in undeleted},
        rounds=rounds,
    )


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


def _unwanted(
    desired: Desired, live: Live
) -> tuple[dict[ObjectRef, Manifest], dict[ObjectRef, Result], frozenset[ObjectRef]]:
    """What is owned and no longer wanted: to be deleted, to be left for now, and vanished.

    Left is what is being deleted already, and that about which too little is known: whatever is of a kind that could
    not be listed, and what our own objects of such a kind may refer to. What another installation has taken over is left
    to it, and as vanished for us.
    """
    unwanted = sorted(desired.owned.keys() - desired.manifests.keys() - desired.left_alone.keys())
    unknown = live.unknown
    errors = {ref: unknown[ref.kind] for ref in unwanted if ref.kind in unknown}
    for user, manifest in desired.owned.items():
        error = unknown.get(user.kind)
        if error is not None:
            errors |= {ref: error for ref in references(manifest) if ref in unwanted and ref not in errors}
    there = {ref: live.objects[ref] for ref in unwanted if ref in live.objects and ref not in errors}
    taken = {ref for ref, found in there.items() if tools.other_installation(found, desired.installation)}
    there = {ref: found for ref, found in there.items() if ref not in taken}
    to_delete = {ref: found for ref, found in there.items() if not found["metadata"].get("deletionTimestamp")}
    left = {
        ref: Result(Change(ref, Action.SKIPPED, f"not deleted: {error}"), live=live.objects.get(ref), error=error)
        for ref, error in errors.items()
    }
    left |= {ref: _going(ref, found) for ref, found in there.items() if ref not in to_delete}
    gone = frozenset(ref for ref in unwanted if ref not in to_delete and ref not in left)
    left |= {ref: _taken(ref, live.objects[ref], desired) for ref in taken}
    return to_delete, left, gone


def _taken(ref: ObjectRef, found: Manifest, desired: Desired) -> Result:
    """An unwanted object that another installation has taken over since: it is theirs."""
    reason = f"no longer in the fabric, left in the cluster: it belongs to {tools.owner(found, desired.installation)}"
    return Result(Change(ref, Action.SKIPPED, reason), live=found)


def _going(ref: ObjectRef, found: Manifest) -> Result:
    """An unwanted object that is being deleted already; what it waits for is another's to do."""
    reason = terminating(found["metadata"])
    return Result(Change(ref, Action.SKIPPED, reason), live=found, error=FinalizerPending(f"{ref}: {reason}"))


def _obstacle(ref: ObjectRef, found: Manifest | None, desired: Desired, live: Live) -> HedgehogError | None:
    owner = desired.owners.get(ref)
    if owner is not None:
        return AlreadyExists(f"{ref}: belongs to fabric {owner} in this cluster; drop it from one of the two fabrics")
    if ref.kind in live.failed:
        return live.failed[ref.kind]
    if found is not None and found["metadata"].get("deletionTimestamp"):
        reason = f"{terminating(found['metadata'])}; it is created again once it is gone"
        return FinalizerPending(f"{ref}: {reason}", retry_after=_LOOK_FOR_END)
    if found is not None and (
        ref not in desired.owned
        or ref in desired.adopted
        or not owned_fields(found, FIELD_MANAGER)
        or tools.other_installation(found, desired.installation)
    ):
        return _foreign(ref, found, desired)
    return None


def _foreign(ref: ObjectRef, found: Manifest, desired: Desired) -> AlreadyExists | None:
    """Whose an object is of which nothing is ours; None when somebody has the fabric take it over."""
    wanted = desired.manifests[ref]
    owner = tools.owner(found, desired.installation, wanted)
    if owner is None or tools.is_adopted(owner, wanted):
        return None
    other = tools.other_installation(found, desired.installation)
    gone = f". If that installation is no more: `hedgehog installation take-over {other}`" if other else ""
    return AlreadyExists(
        f"{ref}: belongs to {owner}; nothing is written. Drop it from one of the two, or have the fabric take it over: "
        f'remove it there without deleting it, and give it the annotation {tools.ADOPT}: "{owner.consent}" in the fabric'
        f"{gone}"
    )


def _to_configure(manifest: Manifest, found: Manifest, desired: Desired, ref: ObjectRef) -> list[str]:
    """The paths to write; empty when *found* is as wanted and *manifest* is what was last applied."""
    paths = differs(manifest, found, stored=desired.stored)
    last = desired.owned.get(ref)
    if not paths and last is not None and last != manifest and canonical(last) != manifest:
        return _changed_paths(manifest, last)
    if not paths and tools.other_installation(found, desired.installation):
        return [f".metadata.annotations.{INSTALLATION}"]  # it is ours from now on, and the other one must see that
    return paths


def _changed_paths(manifest: Manifest, last: Manifest) -> list[str]:
    return differs(manifest, last) or differs(last, manifest) or ["changed since it was last applied"]
