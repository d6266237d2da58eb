"""What a sync must know before it plans, all of it read here: what fabrics want, and what their cluster has.

The fabrics of a batch that share a cluster share one LIST per kind, and one query of each table.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hedgehog.errors import (
    AuthenticationFailed,
    InvalidInput,
    RateLimited,
    RemoteUnavailable,
)
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.corrections import Corrections
from hedgehog.fabric.drift_detection import may_adopt
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, Target
from hedgehog.fabric.render import fabric_ref
from hedgehog.fabric.tools import Installation
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import FabricCrd, ensure_fabric_crd
from hedgehog.kube.failures import of_object
from hedgehog.kube.live import Live, Scope, list_live
from hedgehog.kube.resources import kind_of
from hedgehog.services.waits import Wait
from hedgehog.store import (
    ahead_of_git,
    corrections,
    git_files,
    history,
    installations,
    inventory,
    open_drift,
    sync_state,
)
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

_UNREACHABLE = (RemoteUnavailable, AuthenticationFailed, RateLimited)


@dataclass(frozen=True, slots=True)
class Job:
    """One fabric with what its cluster should hold; the generation and revision that this is."""

    fabric: Fabric
    manifests: Mapping[ObjectRef, Manifest]
    generation: int
    revision: str | None
    rows: Mapping[ObjectRef, Manifest]
    """Its objects in the fabric database, where a drift may be adopted into them; else empty."""
    wait: Wait | None = None
    """Why nothing new is written; what was applied before is kept as it was."""


@dataclass(frozen=True, slots=True)
class GatheredJobs:
    """What fabrics want in their clusters: a job for each, or why it has none."""

    jobs: Sequence[Job]
    waiting: Mapping[str, str]
    """Fabrics that are not to be synced yet, by name, with the reason."""
    failed: Sequence[tuple[Fabric, Exception]]


@dataclass(frozen=True, slots=True)
class ClusterRecords:
    """What the fabric database knows of one cluster and of the fabrics that are synced to it."""

    owned: Mapping[ObjectRef, inventory.Owned]
    """Who owns what there, of these fabrics and of the others."""
    begun: Mapping[int, frozenset[ObjectRef]]
    """What killed runs were about to create, by fabric."""
    to_revert: Mapping[int, frozenset[ObjectRef]]
    """What people want written again, by fabric."""
    corrections: Mapping[int, Mapping[str, Corrections]]
    """What was written again of late because others had changed it, by fabric."""
    claimants: Mapping[ObjectRef, str]
    """The first of these fabrics that wants an object which no other fabric owns."""
    installation: Installation


@dataclass(frozen=True, slots=True)
class ObservedCluster:
    """What a cluster has, for all the fabrics that are synced to it."""

    live: Live
    crd: FabricCrd | None
    """Where our own resource can be kept; None when no fabric publishes one."""


def gather_jobs(connection: Connection, fabrics: Sequence[Fabric]) -> GatheredJobs:
    """What each fabric wants in its cluster: what was published to Git, or, without Git sync, what the database holds.

    A fabric with Git sync waits for its first publication. Generations are read before contents: a change in between
    only makes the fabric due again. A fabric whose data cannot be used fails alone.
    """
    published = [fabric for fabric in fabrics if fabric.git_sync_enabled]
    names = [fabric.name for fabric in published]
    git = {state.fabric: state for state in sync_state.states(connection, names) if state.target is Target.GIT}
    contents = git_files.published(connection, [fabric.id for fabric in published])
    from_rows = [fabric.id for fabric in fabrics if not fabric.git_sync_enabled or may_adopt(fabric)]
    stored = object_store.load_objects(connection, from_rows)
    ahead = ahead_of_git.ahead(connection, [fabric.id for fabric in published])
    jobs: list[Job] = []
    waiting: dict[str, str] = {}
    failed: list[tuple[Fabric, Exception]] = []
    for fabric in fabrics:
        state = git.get(fabric.name)
        if fabric.git_sync_enabled and fabric.id not in ahead and (state is None or not state.observed_generation):
            waiting[fabric.name] = "nothing is published to Git yet"
            continue
        try:
            rows = {row.ref: row.manifest for row in stored.get(fabric.id, ())}
            kept = rows if may_adopt(fabric) else {}
            if fabric.id in ahead:
                change_id, generation = ahead[fabric.id]
                jobs.append(Job(fabric, _former(connection, fabric, change_id), generation, None, kept))
            elif fabric.git_sync_enabled and state is not None:
                manifests = _by_ref(contents[fabric.id])
                jobs.append(Job(fabric, manifests, state.observed_generation, state.revision, kept))
            else:
                jobs.append(Job(fabric, _by_ref(list(rows.values())), fabric.generation, None, kept))
        except Exception as error:  # one fabric's data, whatever is wrong with it, must not stop the others
            failed.append((fabric, error))
    return GatheredJobs(jobs, waiting, failed)


def _former(connection: Connection, fabric: Fabric, change_id: int) -> dict[ObjectRef, Manifest]:
    """The objects of a fabric as they were after a change."""
    contents = history.contents_at(connection, fabric.id, change_id)
    return _by_ref([one.manifest for ref, one in contents.items() if ref.kind != FABRIC.kind and one.manifest])


def keep_applied(connection: Connection, gathered: GatheredJobs, closed: Mapping[str, Wait]) -> GatheredJobs:
    """*gathered*, where fabrics whose windows are *closed* want in their cluster what was applied to it last.

    So drift is corrected, and nothing else is written. A fabric that was never applied waits.
    """
    names = [job.fabric.name for job in gathered.jobs if job.fabric.name in closed]
    if not names:
        return gathered
    states = {one.fabric: one for one in sync_state.states(connection, names) if one.target is Target.KUBERNETES}
    jobs, waiting = [], dict(gathered.waiting)
    for job in gathered.jobs:
        fabric, state = job.fabric, states.get(job.fabric.name)
        if fabric.name not in closed:
            jobs.append(job)
        elif state is None or not state.observed_generation:
            waiting[fabric.name] = closed[fabric.name].reason
        else:
            applied = inventory.of_fabric(connection, fabric.id).get(fabric.kubernetes_connection_id or "", {})
            jobs.append(Job(fabric, applied, state.observed_generation, state.revision, job.rows, closed[fabric.name]))
    return replace(gathered, jobs=jobs, waiting=waiting)


def _by_ref(manifests: Sequence[Manifest]) -> dict[ObjectRef, Manifest]:
    return {ObjectRef.of(manifest): canonical(manifest) for manifest in manifests}


def gather_records(connection: Connection, connection_id: str, jobs: Sequence[Job]) -> ClusterRecords:
    """Read what the fabric database knows of a cluster and of the fabrics of *jobs*."""
    ids = [job.fabric.id for job in jobs]
    refs = [ref for job in jobs for ref in (*job.manifests, fabric_ref(job.fabric))]
    owned = inventory.owned(connection, connection_id, ids, refs)
    return ClusterRecords(
        owned,
        inventory.begun(connection, connection_id, ids),
        open_drift.to_revert(connection, connection_id, ids),
        corrections.known(connection, Target.KUBERNETES, ids),
        _claimants(jobs, owned),
        installations.load(connection),
    )


def _claimants(jobs: Sequence[Job], owned: Mapping[ObjectRef, inventory.Owned]) -> dict[ObjectRef, str]:
    found: dict[ObjectRef, str] = {}
    for job in jobs:
        for ref in job.manifests:
            if ref not in owned or owned[ref].fabric_id == job.fabric.id:
                found.setdefault(ref, job.fabric.name)
    return found


def observe(cluster: Cluster, jobs: Sequence[Job], known: ClusterRecords, *, install: bool) -> ObservedCluster:
    """Read the cluster once for all fabrics: our CRD, if one publishes its resource, and each kind wanted or owned.

    With *install* our CRD is installed or brought up to date. A kind that cannot be read waits alone. Raises when none
    can, or nobody answers.
    """
    crd = None
    if any(job.fabric.publish_fabric_resource for job in jobs):
        crd = _crd(cluster, install)
    scopes = _scopes(jobs, known, crd)
    live = list_live(cluster, scopes)
    if live.failed.keys() >= {kind.kind for kind, _ in scopes}:
        for error in live.failed.values():
            if isinstance(error, _UNREACHABLE):
                raise error
    if crd is not None and crd.trouble is not None:
        live = replace(live, failed={**live.failed, FABRIC.kind: crd.trouble})
    return ObservedCluster(live, crd)


def _crd(cluster: Cluster, install: bool) -> FabricCrd:
    """Our CRD; trouble with it is nobody's but our own resource's."""
    try:
        return ensure_fabric_crd(cluster, install=install)
    except _UNREACHABLE:
        raise
    except Exception as error:  # whatever is answered about our CRD
        return FabricCrd(FABRIC, served=False, trouble=of_object(f"CRD of {FABRIC.kind}", error))


def _scopes(jobs: Sequence[Job], known: ClusterRecords, crd: FabricCrd | None) -> set[Scope]:
    """Where to look: for what is wanted, owned, or was begun, whether a fabric still has objects of that kind or not."""
    scopes: set[Scope] = set()
    ids = {job.fabric.id for job in jobs}
    wanted = [manifest for job in jobs for manifest in job.manifests.values()]
    for manifest in (*wanted, *(one.manifest for one in known.owned.values() if one.fabric_id in ids)):
        if manifest["kind"] != FABRIC.kind or crd is None:
            try:
                scopes.add((kind_of(manifest), manifest["metadata"]["namespace"]))
            except InvalidInput as error:
                logger.warning("%s", error)  # applying it fails with the same words, and that is recorded
    if crd is not None and crd.kind is not None and crd.served:
        scopes.add((crd.kind, crd.kind.default_namespace))
    begun = (ref for refs in known.begun.values() for ref in refs)
    return scopes | {(ALL_KINDS[ref.kind], ref.namespace) for ref in begun if ref.kind in ALL_KINDS}
