"""Removes a fabric: finds what it has in Git and in clusters, and deletes it.

A purge first suspends the fabric, so that no sync writes again what it removes. If the purge is interrupted, the fabric
remains as long as anything of it is left: a second purge continues, and `resume` brings everything back.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hedgehog.errors import InvalidInput, LockHeld, PushRace
from hedgehog.fabric import tools
from hedgehog.fabric.changes import Action
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.tools import Installation, is_owned_by, other_installation
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.hosts.host import OpenHost
from hedgehog.kube.client import Cluster, OpenCluster
from hedgehog.kube.live import list_live
from hedgehog.kube.prune import prune
from hedgehog.kube.resources import kind_of
from hedgehog.services.claims import suspension
from hedgehog.services.fabric_files import inside
from hedgehog.services.git import messages
from hedgehog.services.git.host_signing import publish_commit
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.repository.reading import file_of
from hedgehog.services.waits import refuse_frozen
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, installations, inventory, open_drift
from hedgehog.store.database import Connection, Lock, transaction, try_locks, unlock, wait_lock
from hedgehog.store.origins import set_origin

REASON = (
    "it is being purged; go on with `hedgehog fabric delete --purge`, or take it back with `hedgehog fabric resume`"
)
"""The reason for the suspension of a fabric whose purge has begun."""
_MOST_RACES = 5
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class ClusterRemains:
    """What one cluster holds of a fabric."""

    connection_id: str
    live: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    """The objects that we own and that exist."""
    waiting: Mapping[ObjectRef, str] = field(default_factory=dict)
    """The objects that are already being deleted, and what they wait for."""
    gone: frozenset[ObjectRef] = frozenset()
    others: Mapping[ObjectRef, str] = field(default_factory=dict)
    """The objects that another tool has marked as its own since we wrote them, and the owner: they stay."""


@dataclass(frozen=True, slots=True)
class Remains:
    """Everything that a fabric has outside the database."""

    fabric: Fabric
    files: tuple[str, ...] = ()
    """Files in Git that are as we wrote them."""
    edited: tuple[str, ...] = ()
    """Our files that people changed: a purge keeps them."""
    foreign: tuple[str, ...] = ()
    """Other people's files in its directory."""
    clusters: tuple[ClusterRemains, ...] = ()
    done: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "fabric": self.fabric.name,
            "files": list(self.files),
            "edited_files": list(self.edited),
            "foreign_files": list(self.foreign),
            "objects": {place.connection_id: sorted(map(str, place.live)) for place in self.clusters},
            "waiting": {place.connection_id: _texts(place.waiting) for place in self.clusters if place.waiting},
            "objects_of_others": {place.connection_id: _texts(place.others) for place in self.clusters if place.others},
            "done": self.done,
        }


def _texts(why: Mapping[ObjectRef, str]) -> dict[str, str]:
    return {str(ref): text for ref, text in sorted(why.items())}


def recorded_remains(connection: Connection, name: str) -> Remains:
    """What a fabric has according to the database, without reading Git or clusters. Raises NotFound."""
    fabric = fabric_store.load_fabric(connection, name)
    records = git_files.files(connection, [fabric.id])[fabric.id]
    owned = inventory.of_fabric(connection, fabric.id)
    places = [ClusterRemains(connection_id, objects) for connection_id, objects in sorted(owned.items())]
    return Remains(fabric, tuple(sorted(set(map(file_of, records)))), clusters=tuple(places))


def find_remains(
    connection: Connection, name: str, *, open_mirror: OpenMirror, open_cluster: OpenCluster, now: datetime
) -> Remains:
    """What a fabric has now, in Git and in every cluster that it was applied to. Writes nothing.

    Raises NotFound, InvalidInput for a fabric that is frozen, or suspended for another reason, and the error if Git or a
    cluster cannot be read: what cannot be read does not count as gone.
    """
    fabric = fabric_store.load_fabric(connection, name)
    if suspension(fabric, now) and fabric.suspended_reason != REASON:
        raise InvalidInput(f"{name} is {suspension(fabric, now)}; resume it first")
    refuse_frozen(connection, [name])
    files, edited, foreign = _in_git(connection, fabric, open_mirror)
    owned = inventory.of_fabric(connection, fabric.id)
    places = []
    for connection_id, objects in sorted(owned.items()):
        cluster = open_cluster(connection_id)
        try:
            places.append(_in_cluster(cluster, connection_id, objects, installations.load(connection)))
        finally:
            cluster.close()
    return Remains(fabric, files, edited, foreign, tuple(places))


def _in_git(
    connection: Connection, fabric: Fabric, open_mirror: OpenMirror
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Our unchanged files, edited ones, and those of others. If its source of truth is Git, all files are those of others."""
    records = git_files.files(connection, [fabric.id])[fabric.id]
    if fabric.git_repository is None or not records:
        return (), (), ()
    mirror = open_mirror(fabric.git_repository)
    head = mirror.head()
    if head is None:
        return (), (), ()
    mirror.fetch(head)
    there = dict(mirror.listing(head, fabric.git_directory).files)
    there |= mirror.lookup(head, [path for path in records if path not in there and file_of(path) == path]).files
    if fabric.source_of_truth is SourceOfTruth.GIT:
        return (), (), tuple(sorted(there))
    ours = [path for path in records if path in there]
    files = sorted(path for path in ours if there[path] == records[path].blob_id)
    inside = [f"{one}/" for one in _directories_inside(connection, fabric)]
    foreign = [path for path in there if path not in records and not path.startswith(tuple(inside))]
    return tuple(files), tuple(sorted(set(ours) - set(files))), tuple(sorted(foreign))


def _directories_inside(connection: Connection, fabric: Fabric) -> frozenset[str]:
    """The directories of other fabrics inside ours, whose files belong to them."""
    repository = fabric.git_repository
    return inside(fabric.git_directory, neighbours(connection, repository).values()) if repository else frozenset()


def _in_cluster(
    cluster: Cluster, connection_id: str, objects: Mapping[ObjectRef, Manifest], ours: Installation
) -> ClusterRemains:
    """What exists of *objects* (as last applied); an object that another installation has taken over counts as gone."""
    scopes = {(kind_of(manifest), ref.namespace) for ref, manifest in objects.items()}
    seen = list_live(cluster, scopes)
    for error in seen.unknown.values():
        raise error
    found = {ref: seen.objects[ref] for ref in objects if ref in seen.objects}
    there = {ref: one for ref, one in found.items() if not other_installation(one, ours)}
    return _classified(connection_id, there, objects, frozenset(objects.keys() - there.keys()), ours)


def _classified(
    connection_id: str,
    there: Mapping[ObjectRef, Manifest],
    applied: Mapping[ObjectRef, Manifest],
    gone: frozenset[ObjectRef],
    ours: Installation,
) -> ClusterRemains:
    """The objects *there*, classified: to be deleted, being deleted already, or owned by another tool now."""
    waiting = {ref: _waits_for(one) for ref, one in there.items() if one["metadata"].get("deletionTimestamp")}
    others = {}
    for ref in there.keys() - waiting.keys():
        owner = tools.owner(there[ref], ours, applied.get(ref))
        if owner is not None and not tools.is_adopted(owner, there[ref], applied.get(ref)):
            others[ref] = str(owner)
    live = {ref: one for ref, one in there.items() if ref not in waiting and ref not in others}
    return ClusterRemains(connection_id, live, waiting, gone, others)


def _waits_for(live: Manifest) -> str:
    metadata = live["metadata"]
    finalizers = ", ".join(metadata.get("finalizers") or ()) or "the server"
    return f"being deleted since {metadata['deletionTimestamp']}, waits for {finalizers}"


@dataclass(frozen=True, slots=True)
class _GitAccess:
    """How a repository is read and written."""

    open_mirror: OpenMirror
    open_host: OpenHost


def purge(
    connection: Connection,
    seen: Remains,
    *,
    open_mirror: OpenMirror,
    open_cluster: OpenCluster,
    open_host: OpenHost,
    run_id: str,
    origin: Origin,
    now: datetime,
) -> tuple[Remains, list[str]]:
    """Remove what was *seen*, first from Git, then from the clusters, and delete the fabric when nothing is left.

    Files that people changed, files of others and objects that another tool has marked stay. Returns what is left, and
    why. Raises LockHeld while a run works on the fabric, and what keeps Git or a cluster from being written: then the
    fabric stays, suspended.
    """
    fabric = seen.fabric
    with _exclusively(connection, fabric):
        fabric_store.suspend(connection, fabric.name, reason=REASON, until=None)
        git = _GitAccess(open_mirror, open_host)
        _remove_files(connection, fabric, seen.files, git, run_id=run_id, now=now, origin=origin)
        problems: list[str] = []
        for place in seen.clusters:
            cluster = open_cluster(place.connection_id)
            try:
                problems += _remove_objects(connection, fabric, place, cluster)
            finally:
                cluster.close()
        left = find_remains(connection, fabric.name, open_mirror=open_mirror, open_cluster=open_cluster, now=now)
        if any(place.live or place.waiting for place in left.clusters) or left.files:
            return left, problems
        with transaction(connection) as cursor:
            set_origin(cursor, origin)
            fabric_store.delete_fabric(connection, fabric.name)
        return Remains(fabric, (), left.edited, left.foreign, left.clusters, done=True), problems


@contextmanager
def _exclusively(connection: Connection, fabric: Fabric) -> Iterator[None]:
    """Hold both locks of the fabric during the block. Raises LockHeld while a run has one."""
    taken = [lock for lock in (Lock.GIT, Lock.KUBERNETES) if try_locks(connection, lock, [fabric.id])]
    try:
        if len(taken) < 2:
            raise LockHeld(f"a run works on {fabric.name}; delete it when that is done")
        yield
    finally:
        for lock in taken:
            unlock(connection, lock, [fabric.id])


def _remove_files(
    connection: Connection,
    fabric: Fabric,
    files: Sequence[str],
    git: _GitAccess,
    *,
    run_id: str,
    now: datetime,
    origin: Origin,
) -> None:
    """One commit that removes *files* where they are as we left them. Raises PushRace if other pushes keep interfering."""
    repository = fabric.git_repository
    if not files or repository is None:
        return
    mirror = git.open_mirror(repository)
    records = git_files.files(connection, [fabric.id])[fabric.id]
    wait_lock(connection, Lock.REPOSITORY, repository.id)
    try:
        for attempt in range(_MOST_RACES + 1):
            try:
                blobs = {path: records[path].blob_id for path in files}
                tip, head = _built_removal(mirror, fabric, blobs, run_id=run_id, now=now, origin=origin)
                if tip is not None:
                    publish_commit(mirror, repository, tip, head, open_host=git.open_host)
                return
            except PushRace:
                if attempt == _MOST_RACES:
                    raise
                time.sleep(random.uniform(0, _PAUSE))
    finally:
        unlock(connection, Lock.REPOSITORY, [repository.id])


def _built_removal(
    mirror: Mirror, fabric: Fabric, blobs: Mapping[str, str], *, run_id: str, now: datetime, origin: Origin
) -> tuple[str | None, str | None]:
    """The commit, None where nothing is to be removed; and the head that it is on."""
    repository = fabric.git_repository
    head = mirror.head()
    if head is None or repository is None:
        return None, head
    mirror.fetch(head)
    there = mirror.lookup(head, blobs).files
    to_remove: dict[str, bytes | None] = {path: None for path, blob in blobs.items() if there.get(path) == blob}
    if not to_remove:
        return None, head
    credit = messages.credits_of([origin], repository, now)
    text = commits.message(
        fabric,
        f"{fabric.name}: fabric removed",
        messages.body({Action.DELETED.value: len(to_remove)}, credit.reasons),
        run_id=run_id,
    )
    tip = commits.build(mirror, head, to_remove, text, messages.committer(repository, now), author=credit.author)
    return tip, head


def _remove_objects(connection: Connection, fabric: Fabric, place: ClusterRemains, cluster: Cluster) -> list[str]:
    """Delete the objects that were seen, in reverse order of references; returns why some are still there."""
    refuse_frozen(connection, fabric_store.selected_names(connection, Selector.of_cluster(place.connection_id)))
    results = prune(cluster, list(place.live.values()))
    gone = {
        ref for ref, one in results.items() if one.change.action is Action.DELETED and not one.is_there
    } | place.gone
    with transaction(connection) as cursor:
        inventory.record(cursor, place.connection_id, fabric.id, applied={}, adopted={}, gone=gone)
    left = [one for ref, one in results.items() if ref not in gone]
    return [f"{place.connection_id}: {one.change.ref}: {one.change.reason or one.change.action}" for one in left]


def forget(connection: Connection, name: str, *, origin: Origin) -> Remains:
    """Delete a fabric from the database and keep everything else; its objects are orphans from now on.

    Returns what it had according to the database. Raises NotFound, and LockHeld while a run works on it, because what
    that run writes would be recorded nowhere.
    """
    with _exclusively(connection, fabric_store.load_fabric(connection, name)), transaction(connection) as cursor:
        left = recorded_remains(connection, name)
        set_origin(cursor, origin)
        fabric_store.delete_fabric(connection, name)
        for place in left.clusters:
            orphans = [Drift(ref, DriftState.ORPHAN) for ref in place.live]
            open_drift.note(cursor, place.connection_id, orphans)
    return left


# Orphans ------------------------------------------------------------------------------------------------------------


def orphans(connection: Connection, connection_id: str, cluster: Cluster) -> ClusterRemains:
    """The objects of deleted fabrics that a cluster has now: written by us, and wanted by no fabric.

    Raises the error if the cluster cannot be read.
    """
    listed = [one.drift.ref for one in open_drift.listing(connection) if one.connection_id == connection_id]
    refs = {ref for ref in listed if ref.kind in ALL_KINDS or ref.kind == FABRIC.kind}
    states = open_drift.recorded(connection, connection_id, refs)
    refs = {ref for ref in refs if ref in states and states[ref].state is DriftState.ORPHAN}
    kept = open_drift.inventory_entries(connection, connection_id, refs).keys() | open_drift.wanted(
        connection, connection_id, refs
    )
    seen = list_live(cluster, {(ALL_KINDS.get(ref.kind, FABRIC), ref.namespace) for ref in refs})
    for error in seen.unknown.values():
        raise error
    installation = installations.load(connection)
    ours = {ref: one for ref in refs if (one := seen.objects.get(ref)) and is_owned_by(one, installation)}
    place = _classified(connection_id, ours, {}, frozenset(refs - ours.keys()), installation)
    return replace(place, live={ref: one for ref, one in place.live.items() if ref not in kept})


def prune_orphans(connection: Connection, place: ClusterRemains, cluster: Cluster) -> list[str]:
    """Delete the orphans that were seen, and their rows when they are gone; returns why some are left.

    Raises InvalidInput while a fabric of that cluster is frozen.
    """
    results = prune(cluster, list(place.live.values()))
    gone = {
        ref for ref, one in results.items() if one.change.action is Action.DELETED and not one.is_there
    } | place.gone
    with transaction(connection) as cursor:
        open_drift.forget(cursor, place.connection_id, gone)
    left = [one for ref, one in results.items() if ref not in gone]
    return [f"{one.change.ref}: {one.change.reason or one.change.action}" for one in left]
