"""What a sync does about drift, by the fabric's policies: it is corrected, reported, adopted or left for a while. Pure.

What the watch does as things happen is `watched_drift`, what people decide `drift_decisions`. Nothing here ever deletes an
object of a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hedgehog.errors import DriftReported, Flapping
from hedgehog.fabric import defaults
from hedgehog.fabric.canonical import canonical, differs
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.corrections import Corrections
from hedgehog.fabric.drift_detection import (
    Drift,
    DriftState,
    Stored,
    adopted_manifest,
    drift_of_owned,
    is_gone,
    policy_of,
)
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.model import DriftPolicy, Fabric, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.settings import FabricSettings, release_of
from hedgehog.kube.plan import Plan
from hedgehog.kube.result import Result
from hedgehog.manifests import intake
from hedgehog.manifests.schema import schema_violations


def stored_form(settings: FabricSettings, manifest: Manifest) -> Manifest:
    """What admission makes of a manifest; one that has not the shape of its kind is compared as it is."""
    return manifest if schema_violations(manifest, settings.upstream) else defaults.stored(manifest, settings)


@dataclass(frozen=True, slots=True)
class KnownDrift:
    """What the fabric database says of a fabric that bears on its drift."""

    rows: Mapping[ObjectRef, Manifest]
    """The fabric's objects, where a drift may be adopted into them."""
    to_revert: frozenset[ObjectRef]
    """What a person wants written again."""
    corrections: Mapping[str, Corrections]
    """What was written again of late because others had changed it."""


@dataclass(frozen=True, slots=True)
class DriftPlan:
    """A plan after the fabric's drift policies, and what to record of it once it was carried out."""

    plan: Plan
    found: Mapping[ObjectRef, Drift] = field(default_factory=dict)
    adopted: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    """Objects as the fabric is to want them from now on."""
    flapping: frozenset[ObjectRef] = frozenset()
    """Objects that are held because somebody else keeps writing them back."""
    reverted: frozenset[ObjectRef] = frozenset()
    """What people wanted written again when the plan was made."""


def apply_policies(fabric: Fabric, plan: Plan, known: KnownDrift) -> DriftPlan:
    """Hold back from *plan* what the fabric's policies do not correct, or take it over.

    What the fabric changed itself, while nobody else did, is not drift. A person's `revert` goes before every policy, and
    before the owners of fields. Adopted are changed objects of a fabric that lives in the database, as long as it has not
    changed them itself; a deleted object is only reported, since to delete it from the fabric is for a person to say.
    """
    found = _drifted(fabric, plan)
    forced = known.to_revert & (found.keys() | plan.to_apply.keys())
    found |= {ref: Drift(ref, DriftState.CHANGED, fabric.id) for ref in forced - found.keys()}
    open_ = {ref: found[ref] for ref in sorted(found.keys() - forced)}
    held = _flapping(plan, open_, known.corrections)
    results: dict[ObjectRef, Result] = {}
    adopted: dict[ObjectRef, Manifest] = {}
    for ref, drift in open_.items():
        policy = policy_of(fabric, ref.kind)
        if policy is DriftPolicy.CORRECT:
            results |= {ref: held[ref]} if ref in held else {}
        elif ref in plan.to_apply:
            taking = _adopt(fabric, plan, drift, known.rows) if policy is DriftPolicy.ADOPT else ""
            if isinstance(taking, str):
                results[ref] = _reported(fabric, drift, taking)
            else:
                adopted |= taking
                results[ref] = _adopted(plan, ref, waits=not taking)
    kept = {ref: change for ref, change in plan.to_apply.items() if ref not in results}
    decided = replace(plan, settled={**plan.settled, **results}, to_apply=kept, forced=plan.forced | forced)
    flapping = frozenset(ref for ref in held if results.get(ref) is held[ref])
    return DriftPlan(decided, found, adopted, flapping, known.to_revert)


def _flapping(
    plan: Plan, open_: Mapping[ObjectRef, Drift], corrections: Mapping[str, Corrections]
) -> dict[ObjectRef, Result]:
    """What was corrected so often of late that it is left alone for a while.

    What the fabric itself wants otherwise by now is written: a person's change is not part of the fight.
    """
    results = {}
    for ref, one in open_.items():
        fight = corrections.get(str(ref))
        if fight is None or not fight.pause_left or ref not in plan.to_apply:
            continue
        if differs(plan.desired.manifests[ref], plan.desired.owned[ref]):
            continue
        advice = "have only one of the two write it, or `hedgehog drift revert` it to have it written now"
        error = Flapping(f"{one}; {fight.describe(FIELD_MANAGER)}; {advice}", retry_after=fight.pause_left)
        results[ref] = Result.failed(ref, error)
    return results


def _adopted(plan: Plan, ref: ObjectRef, *, waits: bool) -> Result:
    done = "adopted into the fabric, waits until it is published" if waits else "adopted into the fabric"
    return Result(Change(ref, Action.SKIPPED, done), live=plan.live.objects.get(ref))


def _drifted(fabric: Fabric, plan: Plan) -> dict[ObjectRef, Drift]:
    """The objects that the plan would write because they are neither as wanted nor as we applied them."""
    desired, live = plan.desired, plan.live
    found = {}
    for ref in desired.owned.keys() & desired.manifests.keys():
        stuck = ref in plan.settled and plan.settled[ref].error is not None and ref.kind not in live.failed
        if ref not in plan.to_apply and not (stuck and is_gone(live.objects.get(ref))):
            continue
        one = drift_of_owned(ref, fabric.id, desired.owned[ref], live.objects.get(ref), stored=desired.stored)
        if one is not None and not _as_wanted(plan, ref):
            found[ref] = one
    return found


def _as_wanted(plan: Plan, ref: ObjectRef) -> bool:
    """Whether somebody else did what the fabric wants now; it is written again only to own its fields."""
    there = plan.live.objects.get(ref)
    if there is None or is_gone(there):
        return False
    return not differs(plan.desired.manifests[ref], there, stored=plan.desired.stored)


def _adopt(
    fabric: Fabric, plan: Plan, drift: Drift, rows: Mapping[ObjectRef, Manifest]
) -> dict[ObjectRef, Manifest] | str:
    """What the fabric is to want (nothing when it does already), or why it cannot be adopted."""
    ref = drift.ref
    if fabric.source_of_truth is SourceOfTruth.GIT:
        return "the fabric lives in Git; change it there"
    if drift.state is not DriftState.CHANGED:
        return "a deletion is never adopted by itself"
    row = rows.get(ref)
    if row is None:
        return "it is not among the fabric's objects"
    there = plan.live.objects[ref]
    if not differs(row, there, stored=plan.desired.stored):
        return {}
    if canonical(row) != canonical(plan.desired.owned[ref]):
        return "the fabric changed it, too"
    taking = takeable(fabric, there, row, plan.desired.stored)
    return taking if isinstance(taking, str) else {ref: taking}


def takeable(fabric: Fabric, live: Manifest, row: Manifest | None, stored: Stored | None) -> Manifest | str:
    """*live* as the fabric can hold it: what people set there, valid and without secrets; or why not."""
    accepted = intake.accept_manifest(
        intake.Item(live, "the cluster"), namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings)
    )
    if isinstance(accepted, list):
        return "; ".join(accepted)
    if row is None:
        return accepted.manifest
    want = canonical(row)
    return adopted_manifest(accepted.manifest, want, stored(want) if stored is not None else want)


def _reported(fabric: Fabric, drift: Drift, why: str) -> Result:
    advice = f"`hedgehog drift adopt {fabric.name} {drift.ref}` or `hedgehog drift revert {fabric.name} {drift.ref}`"
    return Result.failed(drift.ref, DriftReported(f"{drift}; {why + '; ' if why else ''}decide with {advice}"))
