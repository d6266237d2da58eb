"""Drift: what others did to our objects in a cluster, and what becomes of it: reported, corrected or adopted.

The watch calls `judge` as things happen; every sync to a cluster calls `settle` between its plan and its writes.
Nothing here ever deletes an object of a cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hedgehog.errors import DriftReported, Flapping, InvalidInput, NotFound
from hedgehog.fabric import defaults, tools
from hedgehog.fabric.canonical import canonical, differs
from hedgehog.fabric.changes import WRITES, Action, Change, ChangeSet
from hedgehog.fabric.drift import Drift, DriftState, Stored, is_gone, of_foreign, of_owned, policy_of, taken
from hedgehog.fabric.kinds import FIELD_MANAGER, KINDS
from hedgehog.fabric.model import DriftPolicy, Fabric, Manifest, ObjectRef, PrunePolicy, SourceOfTruth, Target
from hedgehog.fabric.problems import ProblemKind
from hedgehog.fabric.settings import FabricSettings, UnreadableSettings
from hedgehog.kube.apply import Result
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import Live, list_live
from hedgehog.kube.plan import Desired, Plan
from hedgehog.manifests import intake
from hedgehog.manifests.schema import violations
from hedgehog.store import corrections, installations, inventory, schedule
from hedgehog.store import drift as store
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.problems import open_problems

logger = logging.getLogger(__name__)


def stored_form(settings: FabricSettings, manifest: Manifest) -> Manifest:
    """What admission makes of a manifest; one that has not the shape of its kind is compared as it is."""
    return manifest if violations(manifest) else defaults.stored(manifest, settings)


# As things happen ---------------------------------------------------------------------------------------------------


Seen = Mapping[ObjectRef, Manifest | None]
"""Objects as they were seen in a cluster; None: it is not there."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The fabrics whose cluster must be looked at, and the objects that could not be judged yet."""

    woken: tuple[str, ...] = ()
    deferred: frozenset[ObjectRef] = frozenset()


def judge(connection: Connection, connection_id: str, seen: Seen) -> Judgement:
    """Compare what was seen in a cluster with what we applied, and keep the table up to date.

    Objects of a fabric that a run works on are deferred: until it is done, nobody can tell its writes from others'.
    A fabric is woken, and made due, when a drift of it is new, differs from the one known, or ended. Judging the same
    again changes nothing.
    """
    synced = store.synced_now(connection, connection_id)  # first: what these runs did is in the inventory afterwards
    applied = store.applied(connection, connection_id, seen.keys())
    deferred = {ref for ref in seen if synced and (ref not in applied or applied[ref].fabric_id in synced)}
    rest = {ref: live for ref, live in seen.items() if ref not in deferred}
    found = _departures(connection, connection_id, rest, applied)
    before = store.recorded(connection, connection_id, rest.keys())
    new = {ref: one for ref, one in found.items() if ref not in before or _news(one, before[ref])}
    ended = before.keys() - found.keys()
    moved = [one for ref, one in found.items() if ref not in new and one.differences != before[ref].differences]
    if not new and not ended and not moved:
        return Judgement((), frozenset(deferred))
    concerned = {one.fabric_id for one in [*new.values(), *(before[ref] for ref in ended)] if one.fabric_id is not None}
    with transaction(connection) as cursor:
        store.note(cursor, connection_id, [*new.values(), *moved])  # other values at the same places wake nobody
        store.forget(cursor, connection_id, ended)
        woken = store.make_due(cursor, concerned) if concerned else []
    for one in new.values():
        logger.info("%s: %s", connection_id, one)
    return Judgement(tuple(woken), frozenset(deferred))


def _news(one: Drift, before: Drift) -> bool:
    return (one.state, one.fabric_id, one.paths, one.manager) != (
        before.state,
        before.fabric_id,
        before.paths,
        before.manager,
    )


def _departures(
    connection: Connection,
    connection_id: str,
    seen: Seen,
    applied: Mapping[ObjectRef, store.Applied],
) -> dict[ObjectRef, Drift]:
    suspects = {
        ref: live
        for ref, live in seen.items()
        if ref in applied and (is_gone(live) or differs(applied[ref].manifest, live or {}))
    }
    strangers = {ref: live for ref, live in seen.items() if ref not in applied}
    foreign: dict[ObjectRef, Drift] = {}
    if strangers:
        ours = installations.load(connection)
        foreign = {ref: drift for ref, live in strangers.items() if (drift := of_foreign(ref, live, ours))}
    wanted = store.wanted(connection, connection_id, foreign.keys()) if foreign else set()
    names = {applied[ref].fabric for ref in suspects}
    owners = fabric_store.load_fabrics(connection, sorted(names)) if names else []
    settings = {one.id: one.settings for one in owners if not isinstance(one.settings, UnreadableSettings)}
    found = {ref: one for ref, one in foreign.items() if ref not in wanted}
    for ref, live in suspects.items():
        owner = applied[ref]
        as_stored = partial(stored_form, settings[owner.fabric_id]) if owner.fabric_id in settings else None
        drift = of_owned(ref, owner.fabric_id, owner.manifest, live, stored=as_stored)
        if drift is not None:
            found[ref] = drift
    return found


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
    """Objects that a person wants written whoever owns their fields."""
    flapping: frozenset[ObjectRef] = frozenset()
    """Objects that are held because somebody else keeps writing them back."""


def settle(
    connection: Connection, connection_id: str, fabric: Fabric, *, desired: Desired, live: Live, plan: Plan
) -> Settlement:
    """Hold back from *plan* what the fabric's policies do not correct, or take it over.

    What the fabric changed itself, while nobody else did, is no drift. A person's `revert` goes before every policy.
    Adopted are changed objects of a fabric that lives in the database, as long as it has not changed them itself; a
    deleted object is only reported, since to delete it from the fabric is for a person to say. Reads, writes nothing.
    """
    found = _drifted(fabric, desired, live, plan)
    if not found and not plan.to_apply:
        return Settlement(connection_id, plan)
    forced = store.to_revert(connection, connection_id, fabric.id) & (found.keys() | plan.to_apply.keys())
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

    What the fabric itself wants otherwise by now is written: a person's change is no part of the fight.
    """
    results = {}
    fights = corrections.known(connection, Target.KUBERNETES, fabric.id)
    for ref, one in found.items():
        fight = fights.get(str(ref))
        as_before = not differs(desired.manifests[ref], desired.owned[ref])
        if fight is None or not fight.pause_left or ref not in plan.to_apply or not as_before:
            continue
        advice = "have only one of the two write it, or `hedgehog drift revert` it to have it written now"
        error = Flapping(f"{one}; {fight.told(FIELD_MANAGER)}; {advice}", retry_after=fight.pause_left)
        results[ref] = Result.failed(ref, error)
    return results


def _drifted(fabric: Fabric, desired: Desired, live: Live, plan: Plan) -> dict[ObjectRef, Drift]:
    """The objects that the plan would write because they are neither as wanted nor as we applied them."""
    found = {}
    for ref in desired.owned.keys() & desired.manifests.keys():
        stuck = ref in plan.settled and plan.settled[ref].error is not None and ref.kind not in live.failed
        if ref not in plan.to_apply and not (stuck and is_gone(live.objects.get(ref))):
            continue
        one = of_owned(ref, fabric.id, desired.owned[ref], live.objects.get(ref), stored=desired.stored)
        if one is not None and not _as_wanted(ref, desired, live):
            found[ref] = one
    return found


def _as_wanted(ref: ObjectRef, desired: Desired, live: Live) -> bool:
    """Whether somebody else did what the fabric wants now; writing it again is a formality."""
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
    taking = _takeable(fabric, there, row, desired.stored)
    return taking if isinstance(taking, str) else {ref: taking}


def _takeable(fabric: Fabric, live: Manifest, row: Manifest | None, stored: Stored | None) -> Manifest | str:
    """*live* as the fabric can hold it: what people set there, valid and without secrets; or why not."""
    accepted = intake.accept(intake.Item(live, "the cluster"), namespace=fabric.kubernetes_namespace)
    if isinstance(accepted, list):
        return "; ".join(accepted)
    if row is None:
        return accepted.manifest
    want = canonical(row)
    return taken(accepted.manifest, want, stored(want) if stored is not None else want)


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
        store.settle(cursor, settlement.connection_id, fabric.id, found, unknown_kinds=unknown_kinds)
        corrected = {
            str(ref): one.manager
            for ref, one in settlement.found.items()
            if ref in results and results[ref].answer is not None and results[ref].change.action in WRITES
        }
        held = [str(ref) for ref in settlement.flapping]
        corrections.record(cursor, Target.KUBERNETES, fabric.id, corrected=corrected, held=held)


# Decisions of people --------------------------------------------------------------------------------------------------


def revert(connection: Connection, name: str, refs: Sequence[ObjectRef]) -> list[ObjectRef]:
    """Have the next sync write these drifted objects of a fabric (all, if none is named) as the fabric wants them.

    Whatever the policy, and whoever owns their fields now; so an object may be named as well that is held because
    others own its fields. Raises NotFound for an object without such a drift.
    """
    fabric = fabric_store.load_fabric(connection, name)
    open_ = {ref for ref, one in _drifts(connection, name).items() if one.fabric_id is not None and one.state in _OURS}
    conflicts = _conflicts(connection, name) if refs else set()
    chosen = _chosen(name, refs, open_ | conflicts, "has no drift that a sync could revert")
    with transaction(connection) as cursor:
        rows = [Drift(ref, DriftState.CHANGED, fabric.id) for ref in chosen if ref not in open_]
        store.note(cursor, fabric.kubernetes_connection_id or "", rows)
        store.revert(connection, fabric.id, chosen)
        corrections.forget(cursor, Target.KUBERNETES, fabric.id, [str(ref) for ref in chosen])
        schedule.make_due(connection, Target.KUBERNETES, [fabric.id])
    return chosen


_OURS = frozenset({DriftState.CHANGED, DriftState.MISSING})


def _conflicts(connection: Connection, name: str) -> set[ObjectRef]:
    """The objects of a fabric that are held because others own their fields."""
    problems = open_problems(connection, [name])
    return {
        ObjectRef.parse(one.subject)
        for one in problems
        if one.target is Target.KUBERNETES and one.kind is ProblemKind.CONFLICT
    }


def adopt(connection: Connection, cluster: Cluster, name: str, refs: Sequence[ObjectRef]) -> ChangeSet:
    """Take objects as they are in *cluster* into the fabric; without *refs* all that were changed there.

    A named object that is gone from the cluster leaves the fabric; one that belongs to no fabric joins it. All or
    nothing. Raises NotFound for an object without a drift, InvalidInput for one that the fabric cannot hold, for one
    that is not as it was listed any more, and for a fabric that lives in Git.
    """
    fabric = fabric_store.load_fabric(connection, name)
    if fabric.source_of_truth is SourceOfTruth.GIT:
        raise InvalidInput(f"fabric {name} lives in Git: change its files there, or revert the drift")
    drifts = _drifts(connection, name)
    open_ = set(drifts) if refs else {ref for ref, one in drifts.items() if one.state is DriftState.CHANGED}
    chosen = _chosen(name, refs, open_, "has no drift that could be adopted")
    live = list_live(cluster, {(KINDS[ref.kind], ref.namespace) for ref in chosen if ref.kind in KINDS})
    for error in live.failed.values():
        raise error
    rows = {row.ref: row.manifest for row in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    manifests, gone, problems = _decided(fabric, chosen, live, rows, installations.load(connection))
    problems += _changed_since(connection, fabric, {ref: drifts[ref] for ref in chosen}, live)
    if problems:
        raise InvalidInput("\n".join(problems))
    with transaction(connection) as cursor:
        changes = object_store.save_objects(connection, fabric.id, manifests)
        object_store.delete_objects(connection, fabric.id, gone)
        inventory.take_over(cursor, fabric.id, chosen)
    return ChangeSet.of([*changes.changes, *(Change(ref, Action.DELETED) for ref in gone)])


def _changed_since(
    connection: Connection, fabric: Fabric, listed: Mapping[ObjectRef, Drift], live: Live
) -> Iterator[str]:
    """What is not as the list of drifts has it any more: nobody has seen it, so nobody can have decided about it."""
    applied = store.applied(connection, fabric.kubernetes_connection_id or "", listed)
    for ref, one in listed.items():
        there = live.objects.get(ref)
        same = is_gone(there) == (one.state is DriftState.MISSING)
        if same and one.state is DriftState.CHANGED and ref in applied:
            as_stored = partial(stored_form, fabric.settings)
            now = of_owned(ref, fabric.id, applied[ref].manifest, there, stored=as_stored)
            same = now is not None and now.differences == one.differences
        if not same:
            again = f"`hedgehog sync kubernetes {fabric.name}`, then `hedgehog drift list {fabric.name}`"
            yield f"{ref}: changed again since it was looked at; look at it anew: {again}"


def _decided(
    fabric: Fabric,
    chosen: Sequence[ObjectRef],
    live: Live,
    rows: Mapping[ObjectRef, Manifest],
    ours: tools.Installation,
) -> tuple[list[Manifest], list[ObjectRef], list[str]]:
    """What the fabric is to hold, what it is to lose, and what stands in the way."""
    manifests, gone, problems = [], [], []
    for ref in chosen:
        there = live.objects.get(ref)
        if ref.kind not in KINDS:
            problems.append(f"{ref}: belongs to the product; revert it")
        elif there is None or is_gone(there):
            gone.append(ref)
        else:
            taking = _takeable(fabric, there, rows.get(ref), partial(stored_form, fabric.settings))
            problems += [taking] if isinstance(taking, str) else []
            manifests += [] if isinstance(taking, str) else [_claimed(taking, there, ours)]
    return manifests, gone, problems


def _claimed(manifest: Manifest, live: Manifest, ours: tools.Installation) -> Manifest:
    """*manifest*, saying that the fabric takes it over where *live* belongs to another tool or installation."""
    owner = tools.owner(live, ours)
    if owner is None:
        return manifest
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), tools.ADOPT: owner.consent}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _drifts(connection: Connection, name: str) -> dict[ObjectRef, Drift]:
    return {one.drift.ref: one.drift for one in store.listing(connection, name)}


def _chosen(name: str, refs: Sequence[ObjectRef], known: Collection[ObjectRef], what: str) -> list[ObjectRef]:
    strange = sorted(set(refs) - set(known))
    if strange:
        raise NotFound(f"{', '.join(map(str, strange))} {what}; `hedgehog drift list {name}` shows what there is")
    return sorted(set(refs) or known)
