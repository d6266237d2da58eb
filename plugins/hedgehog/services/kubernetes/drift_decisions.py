"""What people decide about drift: it is reverted by the next sync, or adopted into the fabric."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric import tools
from hedgehog.fabric.changes import ChangeSet
from hedgehog.fabric.drift_detection import Drift, DriftState, drift_of_owned, is_gone
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, SourceOfTruth, Target
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.problems import ProblemKind
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import Live, list_live
from hedgehog.services.attribution import adopted_by, of_manager, save_as_written
from hedgehog.services.kubernetes.drift_policy import stored_form, takeable
from hedgehog.store import corrections, installations, inventory, open_drift, schedule
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.problems import open_problems


def revert(connection: Connection, name: str, refs: Sequence[ObjectRef]) -> list[ObjectRef]:
    """Have the next sync write these drifted objects of a fabric (all, if none is named) as the fabric wants them.

    Regardless of the policy and of the present owners of their fields; so an object may be named as well that is held
    because others own its fields. Raises NotFound for an object without such a drift.
    """
    fabric = fabric_store.load_fabric(connection, name)
    open_ = {ref for ref, one in _drifts(connection, name).items() if one.fabric_id is not None and one.state in _OURS}
    conflicts = _conflicts(connection, name) if refs else set()
    chosen = _chosen(name, refs, open_ | conflicts, "has no drift that a sync could revert")
    with transaction(connection) as cursor:
        rows = [Drift(ref, DriftState.CHANGED, fabric.id) for ref in chosen if ref not in open_]
        open_drift.note(cursor, fabric.kubernetes_connection_id or "", rows)
        open_drift.revert(connection, fabric.id, chosen)
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


def adopt(
    connection: Connection, cluster: Cluster, name: str, refs: Sequence[ObjectRef], *, origin: Origin
) -> ChangeSet:
    """Take objects as they are in *cluster* into the fabric; without *refs* all that were changed there.

    A named object that is gone from the cluster leaves the fabric; one that belongs to no fabric joins it. All or
    nothing. It is recorded as the change of those who wrote the objects; *origin* is who adopts them. Raises NotFound
    for an object without a drift, InvalidInput for one that the fabric cannot hold, for one that is not as it was listed
    any more, and for a fabric that lives in Git.
    """
    fabric = fabric_store.load_fabric(connection, name)
    if fabric.source_of_truth is SourceOfTruth.GIT:
        raise InvalidInput(f"fabric {name} lives in Git: change its files there, or revert the drift")
    drifts = _drifts(connection, name)
    open_ = set(drifts) if refs else {ref for ref, one in drifts.items() if one.state is DriftState.CHANGED}
    chosen = _chosen(name, refs, open_, "has no drift that could be adopted")
    live = list_live(cluster, {(ALL_KINDS[ref.kind], ref.namespace) for ref in chosen if ref.kind in ALL_KINDS})
    for error in live.failed.values():
        raise error
    rows = {row.ref: row.manifest for row in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    manifests, gone, problems = _decided(fabric, chosen, live, rows, installations.load(connection))
    problems += _changed_since(connection, fabric, {ref: drifts[ref] for ref in chosen}, live)
    if problems:
        raise InvalidInput("\n".join(problems))
    found: list[tuple[ObjectRef, Manifest | None]] = [(ObjectRef.of(one), one) for one in manifests]
    found += [(ref, None) for ref in gone]
    why = adopted_by(origin)
    written = [(ref, one, of_manager(drifts[ref].manager, why=why, run=origin.run)) for ref, one in found]
    with transaction(connection) as cursor:
        changes = save_as_written(connection, fabric.id, written)
        inventory.take_over(cursor, fabric.id, chosen)
    return changes


def _changed_since(
    connection: Connection, fabric: Fabric, listed: Mapping[ObjectRef, Drift], live: Live
) -> Iterator[str]:
    """What is not as the list of drifts has it any more: nobody has seen it, so nobody can have decided about it."""
    applied = open_drift.inventory_entries(connection, fabric.kubernetes_connection_id or "", listed)
    for ref, one in listed.items():
        there = live.objects.get(ref)
        same = is_gone(there) == (one.state is DriftState.MISSING)
        if same and one.state is DriftState.CHANGED and ref in applied:
            as_stored = partial(stored_form, fabric.settings)
            now = drift_of_owned(ref, fabric.id, applied[ref].manifest, there, stored=as_stored)
            same = now is not None and now.differences == one.differences
        if not same:
            again = f"`hedgehog sync kubernetes {fabric.name}`, then `hedgehog drift list {fabric.name}`"
            yield f"{ref}: changed again since it was listed; list it again: {again}"


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
        if ref.kind not in ALL_KINDS:
            problems.append(f"{ref}: belongs to the product; revert it")
        elif there is None or is_gone(there):
            gone.append(ref)
        else:
            taking = takeable(fabric, there, rows.get(ref), partial(stored_form, fabric.settings))
            problems += [taking] if isinstance(taking, str) else []
            manifests += [] if isinstance(taking, str) else [_claimed(taking, there, ours)]
    return manifests, gone, problems


def _claimed(manifest: Manifest, live: Manifest, ours: tools.Installation) -> Manifest:
    """*manifest*, saying that the fabric takes it over where *live* belongs to another tool or installation."""
    owner = tools.owner(live, ours, manifest)
    if owner is None:
        return manifest
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), tools.ADOPT: owner.consent}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _drifts(connection: Connection, name: str) -> dict[ObjectRef, Drift]:
    return {one.drift.ref: one.drift for one in open_drift.listing(connection, name)}


def _chosen(name: str, refs: Sequence[ObjectRef], known: Collection[ObjectRef], what: str) -> list[ObjectRef]:
    strange = sorted(set(refs) - set(known))
    if strange:
        raise NotFound(f"{', '.join(map(str, strange))} {what}; `hedgehog drift list {name}` shows what there is")
    return sorted(set(refs) or known)
