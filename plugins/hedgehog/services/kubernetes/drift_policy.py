"""Drift in a sync to a cluster: what others did to our objects is reported, corrected or adopted.

Every sync calls `settle` between its plan and its writes, and `record` after them. What the watch does as things happen
is `watched_drift`, what people decide `drift_decisions`. Nothing here ever deletes an object of a cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from hedgehog.errors import DriftReported, Flapping
from hedgehog.fabric import defaults
from hedgehog.fabric.canonical import canonical, differs
from hedgehog.fabric.changes import WRITES, Action, Change
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
from hedgehog.fabric.model import DriftPolicy, Fabric, Manifest, ObjectRef, PrunePolicy, SourceOfTruth, Target
from hedgehog.fabric.settings import FabricSettings
from hedgehog.kube.apply import Result
from hedgehog.kube.live import Live
from hedgehog.kube.plan import Desired, Plan
from hedgehog.manifests import intake
from hedgehog.manifests.schema import schema_violations
from hedgehog.store import corrections, inventory, open_drift
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction


def stored_form(settings: FabricSettings, manifest: Manifest) -> Manifest:
    """What admission makes of a manifest; one that has not the shape of its kind is compared as it is."""
    return manifest if schema_violations(manifest) else defaults.stored(manifest, settings)


# During a sync ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settlement:
    """A plan after the fabric's drift policies, and what to record of it once it was carried out."""

    connection_id: str
    plan: Plan
    found: Mapping[ObjectRef, Drift] = field(default_factory=dict)
    adopted: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    """Objects as the fabric is to want them from now on."""
    forced: frozenset[ObjectRef] = frozenset()
    """Objects that a person wants written regardless of the owners of their fields."""
    flapping: frozenset[ObjectRef] = frozenset()
    """Objects that are held because somebody else keeps writing them back."""


def settle(
    connection: Connection, connection_id: str, fabric: Fabric, *, desired: Desired, live: Live, plan: Plan
) -> Settlement:
    """Hold back from *plan* what the fabric's policies do not correct, or take it over.

    What the fabric changed itself, while nobody else did, is not drift. A person's `revert` goes before every policy.
    Adopted are changed objects of a fabric that lives in the database, as long as it has not changed them itself; a
    deleted object is only reported, since to delete it from the fabric is for a person to say. Reads, writes nothing.
    """
    found = _drifted(fabric, desired, live, plan)
    if not found and not plan.to_apply:
        return Settlement(connection_id, plan)
    forced = open_drift.to_revert(connection, connection_id, fabric.id) & (found.keys() | plan.to_apply.keys())
    found |= {ref: Drift(ref, DriftState.CHANGED, fabric.id) for ref in forced - found.keys()}
    open_ = {ref: policy_of(fabric, ref.kind) for ref in found.keys() - forced}
    held = _flapping(connection, fabric, desired, plan, {ref: found[ref] for ref in open_})
    adopted: dict[ObjectRef, Manifest] = {}
    results: dict[ObjectRef, Result] = {}
    rows: dict[ObjectRef, Manifest] = {}
    if DriftPolicy.ADOPT in open_.values():
        rows = {row.ref: row.manifest for row in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    for ref, policy in sorted(open_.items()):
        if policy is DriftPolicy.CORRECT:
            results |= {ref: held[ref]} if ref in held else {}
            continue
        if ref not in plan.to_apply:
            continue
        taking = _adopt(fabric, desired, found[ref], live, rows) if policy is DriftPolicy.ADOPT else ""
        if isinstance(taking, str):
            results[ref] = _reported(fabric, found[ref], taking)
        else:
            adopted |= taking
            done = "adopted into the fabric" if taking else "adopted into the fabric, waits until it is published"
            results[ref] = Result(Change(ref, Action.SKIPPED, done), live=live.objects.get(ref))
    kept = {ref: change for ref, change in plan.to_apply.items() if ref not in results}
    return Settlement(
        connection_id,
        replace(plan, settled={**plan.settled, **results}, to_apply=kept),
        found,
        adopted,
        frozenset(forced),
        frozenset(ref for ref in held if ref in results and results[ref] is held[ref]),
    )


def _flapping(
    connection: Connection, fabric: Fabric, desired: Desired, plan: Plan, found: Mapping[ObjectRef, Drift]
) -> dict[ObjectRef, Result]:
    """What was corrected so often of late that it is left alone for a while.

    What the fabric itself wants otherwise by now is written: a person's change is not part of the fight.
    """
    results = {}
    fights = corrections.known(connection, Target.KUBERNETES, fabric.id)
    for ref, one in found.items():
        fight = fights.get(str(ref))
        as_before = not differs(desired.manifests[ref], desired.owned[ref])
        if fight is None or not fight.pause_left or ref not in plan.to_apply or not as_before:
            continue
        advice = "have only one of the two write it, or `hedgehog drift revert` it to have it written now"
        error = Flapping(f"{one}; {fight.describe(FIELD_MANAGER)}; {advice}", retry_after=fight.pause_left)
        results[ref] = Result.failed(ref, error)
    return results


def _drifted(fabric: Fabric, desired: Desired, live: Live, plan: Plan) -> dict[ObjectRef, Drift]:
    """The objects that the plan would write because they are neither as wanted nor as we applied them."""
    found = {}
    for ref in desired.owned.keys() & desired.manifests.keys():
        stuck = ref in plan.settled and plan.settled[ref].error is not None and ref.kind not in live.failed
        if ref not in plan.to_apply and not (stuck and is_gone(live.objects.get(ref))):
            continue
        one = drift_of_owned(ref, fabric.id, desired.owned[ref], live.objects.get(ref), stored=desired.stored)
        if one is not None and not _as_wanted(ref, desired, live):
            found[ref] = one
    return found


def _as_wanted(ref: ObjectRef, desired: Desired, live: Live) -> bool:
    """Whether somebody else did what the fabric wants now; it is written again only to own its fields."""
    there = live.objects.get(ref)
    if there is None or is_gone(there):
        return False
    return not differs(desired.manifests[ref], there, stored=desired.stored)


def _adopt(
    fabric: Fabric, desired: Desired, drift: Drift, live: Live, rows: Mapping[ObjectRef, Manifest]
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
    there = live.objects[ref]
    if not differs(row, there, stored=desired.stored):
        return {}
    if canonical(row) != canonical(desired.owned[ref]):
        return "the fabric changed it, too"
    taking = takeable(fabric, there, row, desired.stored)
    return taking if isinstance(taking, str) else {ref: taking}


def takeable(fabric: Fabric, live: Manifest, row: Manifest | None, stored: Stored | None) -> Manifest | str:
    """*live* as the fabric can hold it: what people set there, valid and without secrets; or why not."""
    accepted = intake.accept_manifest(intake.Item(live, "the cluster"), namespace=fabric.kubernetes_namespace)
    if isinstance(accepted, list):
        return "; ".join(accepted)
    if row is None:
        return accepted.manifest
    want = canonical(row)
    return adopted_manifest(accepted.manifest, want, stored(want) if stored is not None else want)


def _reported(fabric: Fabric, drift: Drift, why: str) -> Result:
    advice = f"`hedgehog drift adopt {fabric.name} {drift.ref}` or `hedgehog drift revert {fabric.name} {drift.ref}`"
    return Result.failed(drift.ref, DriftReported(f"{drift}; {why + '; ' if why else ''}decide with {advice}"))


def record(
    connection: Connection,
    fabric: Fabric,
    settlement: Settlement,
    results: Mapping[ObjectRef, Result],
    *,
    unknown_kinds: Collection[str],
) -> None:
    """Write what a sync found and what it adopted, inside the caller's transaction and after its inventory.

    A drift stays until its object was written; what is unwanted and was left in the cluster is an orphan.
    """
    done = {
        ref for ref, result in results.items() if result.error is None and result.change.action is not Action.SKIPPED
    }
    owner = None if fabric.prune_policy is PrunePolicy.ORPHAN else fabric.id
    left = [
        Drift(ref, DriftState.ORPHAN, owner)
        for ref in settlement.plan.to_delete
        if ref in results and results[ref].change.action in {Action.SKIPPED, Action.FAILED}
    ]
    found = [*(one for ref, one in settlement.found.items() if ref not in done), *left]
    with transaction(connection) as cursor:
        if settlement.adopted:
            object_store.save_objects(connection, fabric.id, settlement.adopted.values())
            inventory.take_over(cursor, fabric.id, settlement.adopted)
        open_drift.replace_rows(cursor, settlement.connection_id, fabric.id, found, unknown_kinds=unknown_kinds)
        corrected = {
            str(ref): one.manager
            for ref, one in settlement.found.items()
            if ref in results and results[ref].answer is not None and results[ref].change.action in WRITES
        }
        held = [str(ref) for ref in settlement.flapping]
        corrections.record(cursor, Target.KUBERNETES, fabric.id, corrected=corrected, held=held)
