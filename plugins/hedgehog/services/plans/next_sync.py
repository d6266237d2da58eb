"""The plan of the next sync of a fabric: what it would write to Git, and then to the cluster. Writes nothing anywhere.

It decides with the very functions of the two syncs. The cluster's part starts from what Git would hold after the first
part, because a sync applies what it has just published.
"""

from __future__ import annotations

from dataclasses import dataclass

from hedgehog.errors import HedgehogError, InvalidInput
from hedgehog.fabric.blast_radius import blast_radius
from hedgehog.fabric.canonical import canonical, differs
from hedgehog.fabric.change_plan import (
    ChangePlan,
    LostDrift,
    PlanEntry,
    PlanKind,
    PlannedHold,
    PlanPart,
    PlanPlace,
    planned_waves,
)
from hedgehog.fabric.changes import WRITES, Action
from hedgehog.fabric.differences import FieldDifference, at, between
from hedgehog.fabric.drift_detection import may_adopt
from hedgehog.fabric.model import Fabric, ObjectRef, Revision, SourceOfTruth, Target
from hedgehog.fabric.problems import ProblemKind, problem_of_error
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.kube.client import Cluster, OpenCluster
from hedgehog.kube.plan import Plan
from hedgehog.kube.result import Result
from hedgehog.services.git import lost_branches
from hedgehog.services.git import observe as git_observe
from hedgehog.services.git.fabric_run import RequestAccess, read_manifest
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.kubernetes.gather import Job, gather_jobs, gather_records, observe
from hedgehog.services.kubernetes.plan import FabricPlan, plan_fabric
from hedgehog.services.plans.publication import ObjectsByRef, published_part
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import git_files, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection


@dataclass(frozen=True, slots=True)
class SyncDependencies:
    """How to reach what a sync writes to."""

    open_mirror: OpenMirror
    open_cluster: OpenCluster
    find: FindRefusals = find_refusals
    requests: RequestAccess | None = None


@dataclass(frozen=True, slots=True)
class _Planned:
    """One part, with the objects before and after it."""

    part: PlanPart
    before: ObjectsByRef
    after: ObjectsByRef
    revision: str | None = None
    base: str = ""


def plan_next_sync(connection: Connection, fabric: Fabric, dependencies: SyncDependencies) -> ChangePlan:
    """What the next sync of *fabric* does, place by place; a place that cannot be read says why. Writes nothing.

    A suspended or frozen fabric is planned like any other. Raises InvalidInput if the fabric is synced to nothing.
    """
    git = _git(connection, fabric, dependencies) if _is_written_to_git(fabric) else None
    cluster = None
    if fabric.kubernetes_sync_enabled and fabric.kubernetes_connection_id is not None:
        cluster = _cluster(connection, fabric, git, dependencies)
    found = [one for one in (git, cluster) if one is not None]
    if not found:
        raise InvalidInput(
            f"{fabric.name}: no sync writes anything for it; `hedgehog fabric show {fabric.name}` says why"
        )
    written = {change.ref for one in found for change in one.part.changes}
    states = [state for one in found for state in (one.before, one.after)]
    return ChangePlan(
        fabric.name,
        PlanKind.SYNC,
        fabric.generation,
        tuple(one.part for one in found),
        blast_radius(written, *states),
        next((one.revision for one in found if one.revision), None),
        base="".join(one.base for one in found),
    )


def _is_written_to_git(fabric: Fabric) -> bool:
    from_database = fabric.source_of_truth is SourceOfTruth.DATABASE
    return fabric.git_sync_enabled and fabric.git_repository is not None and from_database


def _git(connection: Connection, fabric: Fabric, dependencies: SyncDependencies) -> _Planned:
    before = {ObjectRef.of(one): one for one in git_files.published(connection, [fabric.id])[fabric.id]}
    try:
        return _read_git(connection, fabric, before, dependencies)
    except HedgehogError as error:
        return _Planned(PlanPart(PlanPlace.GIT, unverified=str(error)), before, before)


def _read_git(connection: Connection, fabric: Fabric, before: ObjectsByRef, dependencies: SyncDependencies) -> _Planned:
    repository = fabric.git_repository
    if repository is None:
        raise InvalidInput(f"{fabric.name} has no git_repository")
    mirror = dependencies.open_mirror(repository)
    head = _head(connection, fabric, mirror)
    states = {one.target: one for one in sync_state.states(connection, [fabric.name])}
    others = neighbours(connection, repository)
    source = git_observe.PlanInputs(connection, mirror, head, head, False, read_manifest, dependencies.find, others)
    plan = git_observe.observe(git_observe.Job(fabric, states.get(Target.GIT)), source)
    part, after = published_part(connection, fabric, before, plan)
    revision = str(Revision(repository.branch, head)) if head else None
    base = (mirror.tree_id(head, fabric.git_directory) or "") if head else ""
    return _Planned(part, before, after, revision, base)


def _head(connection: Connection, fabric: Fabric, mirror: Mirror) -> str | None:
    """The head of the branch, fetched; None for a branch that the sync is to create. Raises NotFound for a lost one."""
    head = mirror.head()
    if head is not None:
        mirror.fetch(head)
    elif fabric.git_repository is not None:
        lost_branches.refuse_if_known(connection, fabric.git_repository, mirror)
    return head


def _cluster(connection: Connection, fabric: Fabric, git: _Planned | None, dependencies: SyncDependencies) -> _Planned:
    cluster: Cluster | None = None
    try:
        job = _job(connection, fabric, git)
        connection_id = fabric.kubernetes_connection_id or ""
        records = gather_records(connection, connection_id, [job])
        cluster = dependencies.open_cluster(connection_id)
        observed = observe(cluster, [job], records, install=False)
        planned = plan_fabric(job, records, observed, dependencies.find, allow_large_prune=False)
        return _of_cluster(planned)
    except HedgehogError as error:
        return _Planned(PlanPart(PlanPlace.KUBERNETES, unverified=str(error)), {}, {})
    finally:
        if cluster is not None:
            cluster.close()


def _job(connection: Connection, fabric: Fabric, git: _Planned | None) -> Job:
    """What the cluster should hold once Git was written. Raises InvalidInput where that cannot be said."""
    if git is not None and not git.part.unverified:
        rows = object_store.load_objects(connection, [fabric.id] if may_adopt(fabric) else [])
        manifests = {ref: canonical(manifest) for ref, manifest in git.after.items()}
        kept = {row.ref: row.manifest for row in rows.get(fabric.id, ())}
        return Job(fabric, manifests, fabric.generation, git.revision or "", kept)
    gathered = gather_jobs(connection, [fabric])
    for _, error in gathered.failed:
        raise error
    if not gathered.jobs:
        raise InvalidInput(gathered.waiting[fabric.name])
    return gathered.jobs[0]


def _of_cluster(planned: FabricPlan) -> _Planned:
    plan = planned.plan
    results = plan.expected()
    changes = [
        PlanEntry(ref, result.change.action, _live_differences(plan, ref))
        for ref, result in results.items()
        if result.change.action in WRITES
    ]
    written = {change.ref for change in changes}
    held = (_held(ref, one) for ref, one in results.items() if one.change.action in (Action.SKIPPED, Action.FAILED))
    part = PlanPart(
        PlanPlace.KUBERNETES,
        tuple(changes),
        tuple(held),
        drift=tuple(
            LostDrift(str(ref), one.summary) for ref, one in sorted(planned.drift.found.items()) if ref in written
        ),
        waves=planned_waves(changes, plan.live.objects, plan.desired.manifests, plan.rounds),
        unchanged=sum(one.change.action is Action.UNCHANGED for one in results.values()),
    )
    return _Planned(part, plan.live.objects, plan.desired.manifests, planned.job.revision or None)


def _live_differences(plan: Plan, ref: ObjectRef) -> tuple[FieldDifference, ...]:
    """From what to what a write changes an object of the cluster; nothing for one that is created or deleted."""
    live, wanted = plan.live.objects.get(ref), plan.desired.manifests.get(ref)
    if live is None or wanted is None:
        return ()
    paths = differs(wanted, live, stored=plan.desired.stored)
    if paths:
        return tuple(at(live, wanted, paths))
    last = plan.desired.owned.get(ref)
    return tuple(between(canonical(last), wanted)) if last is not None else ()


def _held(ref: ObjectRef, result: Result) -> PlannedHold:
    error = result.error
    kind = problem_of_error(error, str(ref), "").kind if error is not None else None
    return PlannedHold(str(ref), result.change.reason, refused=kind is ProblemKind.REFUSED)
