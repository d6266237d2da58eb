"""The plan of a proposed change: objects that would be stored in a fabric, or removed from it.

Made from the fabric database alone, so that it is quick, and works while Git or the cluster do not answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hedgehog.fabric.blast_radius import blast_radius
from hedgehog.fabric.change_plan import (
    ChangePlan,
    LostDrift,
    PlanEntry,
    PlanKind,
    PlannedHold,
    PlanPart,
    PlanPlace,
    planned_change,
    planned_waves,
)
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.drift_detection import NextStep, next_step
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, GitDriftPolicy, Manifest, ObjectRef, Target
from hedgehog.services.validation import FindRefusals, Refusals, find_refusals
from hedgehog.store import git_edits, objects, open_drift, sync_state
from hedgehog.store.database import Connection


@dataclass(frozen=True, slots=True)
class KnownLoss:
    """A change of an object by others, and whether the next sync overwrites it; otherwise it waits for a decision."""

    ref: ObjectRef
    lost: LostDrift
    is_overwritten: bool


@dataclass(frozen=True, slots=True)
class KnownState:
    """What the fabric database says of a fabric that bears on a change."""

    objects: Mapping[ObjectRef, Manifest]
    revision: str | None = None
    """What Git was found to have when the fabric was last synced with it."""
    drift: tuple[KnownLoss, ...] = ()
    """What others changed in Git and in the cluster."""


def plan_change(connection: Connection, fabric: Fabric, change: DesiredChange) -> ChangePlan:
    """What *change* would do to *fabric*; what a cluster would refuse of it is held in the plan. Stores nothing."""
    return planned(fabric, gather_state(connection, fabric), change)


def gather_state(connection: Connection, fabric: Fabric) -> KnownState:
    """What counts for a change of *fabric*, by one query of each table."""
    rows = {row.ref: row.manifest for row in objects.load_objects(connection, [fabric.id])[fabric.id]}
    states = {one.target: one for one in sync_state.states(connection, [fabric.name])}
    git = states.get(Target.GIT)
    drift = [*_git_edits(connection, fabric), *_cluster_drift(connection, fabric)]
    return KnownState(rows, git.revision if git else None, tuple(drift))


def _git_edits(connection: Connection, fabric: Fabric) -> Iterator[KnownLoss]:
    overwrites = fabric.git_drift_policy is GitDriftPolicy.OVERWRITE
    for one in git_edits.listing(connection, fabric.name):
        if one.edit.ref is not None:
            by = f" by {one.edit.author}" if one.edit.author else ""
            lost = LostDrift(one.edit.path, f"{one.edit.state.value} in Git{by}")
            yield KnownLoss(one.edit.ref, lost, overwrites or one.revert)


def _cluster_drift(connection: Connection, fabric: Fabric) -> Iterator[KnownLoss]:
    for one in open_drift.listing(connection, fabric.name):
        step = next_step(fabric, one.drift, revert=one.revert)
        if step is not NextStep.LEFT:
            lost = LostDrift(str(one.drift.ref), f"{one.drift.summary} in the cluster")
            yield KnownLoss(one.drift.ref, lost, step in (NextStep.CORRECTED, NextStep.REVERTED))


def planned(
    fabric: Fabric, known: KnownState, change: DesiredChange, *, find: FindRefusals = find_refusals
) -> ChangePlan:
    """The plan of *change* for a fabric of which *known* is the state. Pure."""
    before, after = known.objects, change.applied_to(known.objects)
    touched = dict.fromkeys([*map(ObjectRef.of, change.upserts), *change.deletes])
    found = [one for ref in sorted(touched) if (one := planned_change(ref, before.get(ref), after.get(ref)))]
    refusals = _refusals(fabric, before, after, find) if found else Refusals()
    held, changes = _split(found, refusals)
    written = {one.ref for one in changes}
    mine = [one for one in known.drift if one.ref in written]
    part = PlanPart(
        PlanPlace.DATABASE,
        changes,
        (*held, *_absent(change.deletes, before)),
        (*_warnings(touched, refusals), *_undecided(fabric, mine)),
        tuple(one.lost for one in mine if one.is_overwritten),
        planned_waves(changes, before, after, refusals.rounds),
        unchanged=len(after) - sum(one.ref in after for one in found),
    )
    blast = blast_radius(written, before, after)
    return ChangePlan(
        fabric.name, PlanKind.CHANGE, fabric.generation, (part,), blast, known.revision, base=change.digest
    )


def _refusals(
    fabric: Fabric, before: Mapping[ObjectRef, Manifest], after: Mapping[ObjectRef, Manifest], find: FindRefusals
) -> Refusals:
    def of_kinds(state: Mapping[ObjectRef, Manifest]) -> list[Manifest]:
        return [manifest for ref, manifest in state.items() if ref.kind in ALL_KINDS]

    return find(fabric, of_kinds(after), of_kinds(before))


def _warnings(touched: Collection[ObjectRef], refusals: Refusals) -> Iterator[str]:
    return (f"{ref}: {why}" for ref, why in sorted(refusals.warnings.items()) if ref in touched)


def _undecided(fabric: Fabric, drift: Sequence[KnownLoss]) -> Iterator[str]:
    """What keeps a change from being written where others changed the same object."""
    for one in drift:
        if not one.is_overwritten:
            yield (
                f"{one.lost.subject}: {one.lost.summary}; the change is not written there until somebody decides about "
                f"that: `hedgehog drift list {fabric.name}`"
            )


def _split(found: Sequence[PlanEntry], refusals: Refusals) -> tuple[tuple[PlannedHold, ...], tuple[PlanEntry, ...]]:
    """What is refused of *found*, and the rest."""
    reasons = {**refusals.writes, **refusals.deletes}
    held = [PlannedHold(str(one.ref), reasons[one.ref], refused=True) for one in found if one.ref in reasons]
    return tuple(held), tuple(one for one in found if one.ref not in reasons)


def _absent(deletes: Collection[ObjectRef], before: Mapping[ObjectRef, Manifest]) -> Iterator[PlannedHold]:
    for ref in sorted(deletes):
        if ref not in before:
            yield PlannedHold(str(ref), "the fabric has no such object; there is nothing to delete", refused=True)
