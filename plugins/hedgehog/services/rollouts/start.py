"""A rollout begins: it is planned and validated for every fabric first, and nothing is written if one cannot have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import ChangeSet
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.rollouts import RolloutPolicy, checked_name, digest_of, divided
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.shown import first_lines
from hedgehog.services.rollouts.template import FabricChange, Template, change_for
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store import rollouts as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction

_CHUNK = 50
"""Fabrics whose objects are held in memory at a time."""
_MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class PlannedFabric:
    """What a rollout would do to one fabric."""

    fabric: Fabric
    wave: int
    changes: ChangeSet


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """A rollout before it begins: its waves, what it does to each fabric, and what pins it."""

    name: str
    template: Template
    digest: str
    selector: Selector
    policy: RolloutPolicy
    fabrics: tuple[PlannedFabric, ...]
    """By wave and name."""


def plan_rollout(
    connection: Connection,
    name: str,
    template: Template,
    selector: Selector,
    *,
    policy: RolloutPolicy,
    canary: Sequence[str] = (),
    sizes: Sequence[str] = (),
    most: str | None = None,
    find_refusals: FindRefusals = find_refusals,
    progress: Callable[[int], None] = lambda done: None,
) -> RolloutPlan:
    """What the rollout of *template* to the fabrics of *selector* does, in waves of *sizes* after the *canary*.

    Each fabric is validated as a transition from what it wants now. Raises InvalidInput with a line for each fabric that
    cannot have the change: a variable is missing, a cluster would refuse it, Git is its source, or it is in another
    rollout. *progress* is told how many fabrics are planned.
    """
    checked_name(name)
    fabrics = {one.name: one for one in fabric_store.load_fabrics(connection, _names(connection, selector))}
    waves = divided(list(fabrics), canary=canary, sizes=sizes, most=most)
    busy = store.open_memberships(connection, [one.id for one in fabrics.values()])
    problems = [f"{fabric}: it is in the rollout {other}" for fabric, other in busy.items()]
    found: dict[str, ChangeSet] = {}
    for part in _chunks(list(fabrics.values())):
        objects = object_store.load_objects(connection, [one.id for one in part])
        for fabric in part:
            before = {row.ref: row.manifest for row in objects[fabric.id]}
            try:
                found[fabric.name] = _planned(fabric, template, before, find_refusals)
            except InvalidInput as error:
                problems += [f"{fabric.name}: {line}" for line in str(error).splitlines()]
        progress(len(found))
    if problems:
        raise InvalidInput("\n".join([*first_lines(problems, _MOST_PROBLEMS), "nothing was written"]))
    members = [(fabric, wave) for wave, names in enumerate(waves) for fabric in names]
    planned = tuple(PlannedFabric(fabrics[fabric], wave, found[fabric]) for fabric, wave in members)
    digest = digest_of(template, {one.name: one.variables for one in fabrics.values()})
    return RolloutPlan(name, template, digest, selector, policy, planned)


def _names(connection: Connection, selector: Selector) -> list[str]:
    names = fabric_store.selected_names(connection, selector)
    if not names:
        raise InvalidInput(f"no fabric fits {selector}" if selector.requirements else "there are no fabrics")
    return names


def _chunks(fabrics: Sequence[Fabric]) -> Iterator[Sequence[Fabric]]:
    for start in range(0, len(fabrics), _CHUNK):
        yield fabrics[start : start + _CHUNK]


def _planned(
    fabric: Fabric, template: Template, before: dict[ObjectRef, Manifest], find_refusals: FindRefusals
) -> ChangeSet:
    change = change_for(template, fabric, fabric.variables)
    refuse_unfit(fabric, change, before, find_refusals)
    return change.change_set(before)


def refuse_unfit(
    fabric: Fabric, change: FabricChange, before: dict[ObjectRef, Manifest], find_refusals: FindRefusals
) -> None:
    """Raise InvalidInput, a line for each reason, when the fabric cannot have *change*."""
    if fabric.source_of_truth is SourceOfTruth.GIT:
        raise InvalidInput("its source of truth is Git; push the change there, or leave it out with --select")
    refusals = find_refusals(fabric, list(change.applied_to(before).values()), list(before.values()))
    refused = {ref: why for ref, why in (*refusals.writes.items(), *refusals.deletes.items()) if ref in change.refs}
    if refused:
        raise InvalidInput("\n".join(f"{ref}: {why}" for ref, why in sorted(refused.items())))


def begin_rollout(connection: Connection, plan: RolloutPlan, *, why: str, actor: str) -> int:
    """Store the rollout; the first run that sees it begins with the first wave. Its number.

    Raises AlreadyExists when a rollout of this name, or of one of its fabrics, was begun meanwhile.
    """
    members = [store.NewMember(one.fabric.name, one.fabric.id, one.wave, one.fabric.variables) for one in plan.fabrics]
    with transaction(connection) as cursor:
        rollout_id = store.add_rollout(
            cursor,
            plan.name,
            plan.template,
            members,
            digest=plan.digest,
            selector=plan.selector,
            policy=plan.policy,
            why=why,
            actor=actor,
        )
        record_action(cursor, Deed(actor=actor, action="start-rollout", subjects=[plan.name], reason=why))
    return rollout_id
