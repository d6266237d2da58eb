"""A fabric, or some of its objects, becomes again what it was: a new change with the old content. Nothing is rewritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.change_plan import ChangePlan
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.differences import FieldDifference, between
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, SourceOfTruth, Target
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import Proposal
from hedgehog.fabric.versions import Content, RecordedChange
from hedgehog.services.browse.history import contents_of, find_change, recorded_ref
from hedgehog.services.plans.approval import propose_if_needed
from hedgehog.services.plans.change import plan_change
from hedgehog.services.transfer.load import raise_problems
from hedgehog.store import ahead_of_git, history, schedule
from hedgehog.store import objects as object_store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric, save_fabric
from hedgehog.store.origins import set_origin

RESTORED_SETTINGS = frozenset(
    {
        "description",
        "asn",
        "spine_count",
        "leaf_count",
        "spine_leaf_links",
        "vpc_peering_config",
        "switch_config",
        "settings",
    }
)
"""What a fabric is, and what its objects are checked with. Where it is kept and how it is synced is never rolled back."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback does, or in a dry run would do."""

    fabric: str
    to: RecordedChange
    plan: ChangePlan
    """What it does to the objects."""
    settings: tuple[FieldDifference, ...] = ()
    """The settings that change back: as they are, and as they were."""
    kept_settings: tuple[str, ...] = ()
    """Settings that differ and stay as they are."""
    generation: int | None = None
    """The generation that it made; None where nothing differs, in a dry run, and for a fabric that follows Git."""
    dry_run: bool = False
    proposal: Proposal | None = None
    """As what the objects wait for approval: none of them is stored yet."""

    @property
    def is_empty(self) -> bool:
        """Whether the fabric is what it was already."""
        return self.plan.is_empty and not self.plan.refused and not self.settings

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "fabric": self.fabric,
            "to": self.to.as_dict(),
            "plan": self.plan.as_dict(),
            "settings": [{"setting": one.path, "from": one.ours, "to": one.theirs} for one in self.settings],
            "kept_settings": list(self.kept_settings),
            "generation": self.generation,
            "dry_run": self.dry_run,
            "proposal": self.proposal.as_dict() if self.proposal else None,
        }


@dataclass(frozen=True, slots=True)
class FormerState:
    """What a fabric was, as a step from what it is."""

    fabric: Fabric
    to: RecordedChange
    refs: frozenset[ObjectRef]
    """The chosen objects; none: all of it."""
    then: Mapping[ObjectRef, Manifest]
    """Its objects at that time; of chosen objects, those that were there."""
    change: DesiredChange
    """The step from the objects as the database has them."""
    settings: Mapping[str, Any]
    """The settings that change back."""
    differences: tuple[FieldDifference, ...]
    """The same, with their present values."""
    kept_settings: tuple[str, ...]


def roll_back(
    connection: Connection,
    name: str,
    moment: str,
    *,
    refs: Sequence[ObjectRef] = (),
    origin: Origin,
    now: datetime,
    dry_run: bool = False,
    allow_invalid: bool = False,
    without_git: bool = False,
) -> Rollback:
    """Make a fabric, or only the objects *refs* of it, again what it was at a *moment* (see `find_change`).

    It is planned and checked as the step that it is: what a cluster would refuse is refused, unless *allow_invalid*; the
    plan of a dry run tells it instead. *without_git* gives it to the cluster before Git has it. Raises NotFound for an
    unknown fabric, moment or object, InvalidInput for contents that are not kept any more and for a fabric whose source
    of truth is Git, which is rolled back there.
    """
    with transaction(connection, keep=not dry_run) as cursor:
        fabric = load_fabric(connection, name)
        if fabric.source_of_truth is SourceOfTruth.GIT:
            raise InvalidInput(f"{name}: its source of truth is Git; it is rolled back with a commit")
        object_store.lock_objects(cursor, fabric.id)
        step = former_state(connection, name, moment, refs, now=now)
        whose = replace(origin, why=why_of(step, origin))
        set_origin(cursor, whose)
        if step.settings:
            save_fabric(connection, name, step.settings)
        plan = plan_change(connection, load_fabric(connection, name), step.change)
        done = Rollback(name, step.to, plan, step.differences, step.kept_settings, dry_run=dry_run)
        if dry_run or done.is_empty:
            return done
        refuse_refused(plan, allow_invalid=allow_invalid)
        proposal = propose_if_needed(connection, load_fabric(connection, name), step.change, whose)
        if proposal is not None:
            return replace(done, proposal=proposal)
        store_former(connection, step)
        record_action(cursor, deed_of(step, origin))
        change = history.newest(connection, fabric.id)
        if without_git and change is not None:
            ahead_of_git.go_ahead(cursor, fabric.id, change)
            schedule.make_due(connection, Target.KUBERNETES, [fabric.id])
        return replace(done, generation=change.generation if change else None)


def store_former(connection: Connection, step: FormerState) -> None:
    """Give a fabric the objects of a former state, inside the caller's transaction and with its origin."""
    object_store.save_objects(connection, step.fabric.id, step.change.upserts)
    object_store.delete_objects(connection, step.fabric.id, step.change.deletes)


def why_of(step: FormerState, origin: Origin) -> str:
    """The reason of a rollback, as the history has it."""
    why = f"Roll back to generation {step.to.generation}"
    return f"{why}: {origin.why}" if origin.why else why


def deed_of(step: FormerState, origin: Origin) -> Deed:
    """The action, as it is recorded."""
    refs = sorted([*map(ObjectRef.of, step.change.upserts), *step.change.deletes])
    subjects = [*map(str, refs), *(one.path for one in step.differences)]
    return Deed.of(origin, action="rollback", fabrics=[step.fabric.name], subjects=subjects)


def refuse_refused(plan: ChangePlan, *, allow_invalid: bool) -> None:
    """Raise InvalidInput for what a cluster would refuse, unless it is allowed."""
    if plan.refused and not allow_invalid:
        lines = [f"{one.subject}: {one.reason}" for one in plan.refused]
        raise InvalidInput("\n".join([*lines, "nothing was changed; --allow-invalid does it all the same"]))


def former_state(
    connection: Connection, name: str, moment: str, refs: Sequence[ObjectRef], *, now: datetime
) -> FormerState:
    """The step to what a fabric was at a *moment*, of all of it or of *refs*. Raises as `roll_back` does."""
    fabric = load_fabric(connection, name)
    to, newest = (find_change(connection, name, word, now=now) for word in (moment, "now"))
    then, present = contents_of(connection, name, to), contents_of(connection, name, newest)
    if refs:
        then, present = _only(name, {recorded_ref(ref) for ref in refs}, then, present)
    _refuse_pruned(then, present)
    objects = {ref: one.manifest for ref, one in then.items() if ref.kind != FABRIC.kind and one.manifest is not None}
    before = {one.ref: one.manifest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    upserts = tuple(one for ref, one in sorted(objects.items()) if before.get(ref) != one)
    mine = before.keys() & present.keys() if refs else before.keys()
    same = {ref for ref, one in then.items() if ref in present and present[ref].digest == one.digest}
    settings, differences, kept = _settings(then, present)
    change = DesiredChange(upserts, tuple(sorted(mine - objects.keys() - same)))
    return FormerState(fabric, to, frozenset(refs), objects, change, settings, differences, kept)


_Contents = Mapping[ObjectRef, Content]


def _only(name: str, refs: set[ObjectRef], then: _Contents, present: _Contents) -> tuple[_Contents, _Contents]:
    """Both states, of *refs* alone. Raises NotFound for one that is in neither."""
    unknown = sorted(refs - then.keys() - present.keys())
    if unknown:
        listed = ", ".join(map(str, unknown))
        raise NotFound(f"{name} has no {listed} now, and had none then; `hedgehog history {name}` shows what there is")
    return {ref: then[ref] for ref in refs & then.keys()}, {ref: present[ref] for ref in refs & present.keys()}


def _refuse_pruned(then: _Contents, present: _Contents) -> None:
    raise_problems(
        [
            f"{ref}: its content of that time is not kept any more; choose a later moment, or only other objects"
            for ref, one in sorted(then.items())
            if one.manifest is None and (ref not in present or present[ref].digest != one.digest)
        ]
    )


def _settings(
    then: _Contents, present: _Contents
) -> tuple[dict[str, Any], tuple[FieldDifference, ...], tuple[str, ...]]:
    """The settings that change back, the same field by field, and the names of those that differ and stay."""
    old, new = (_spec(contents) for contents in (then, present))
    changed = {name: value for name, value in old.items() if name in new and new[name] != value}
    restored = {name: value for name, value in changed.items() if name in RESTORED_SETTINGS}
    fields = between({name: new[name] for name in restored}, restored)
    return restored, tuple(fields), tuple(sorted(changed.keys() - restored.keys()))


def _spec(contents: _Contents) -> Mapping[str, Any]:
    manifest = next((one.manifest for ref, one in contents.items() if ref.kind == FABRIC.kind), None)
    return manifest["spec"] if manifest else {}
