"""Fabrics → clusters: compare what is wanted with what is there, write the difference, report what happened.

The cluster gets what was published to Git, or, for a fabric without Git sync, what the database holds. The fabrics of
a batch that share a cluster share one LIST per kind. Plain Python; a function that the caller gives opens clusters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from hedgehog.errors import HedgehogError
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action, Outcome, OutcomeStatus
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, PrunePolicy, SyncStatus, Target
from hedgehog.fabric.render import fabric_ref, fabric_resource
from hedgehog.fabric.tools import Installation
from hedgehog.kube import outcome as outcomes
from hedgehog.kube.apply import Result, apply_status
from hedgehog.kube.client import Cluster, OpenCluster
from hedgehog.kube.definitions import FabricDefinition
from hedgehog.kube.execute import Execution, execute, rehearse
from hedgehog.kube.fabric_status import next_status
from hedgehog.kube.live import Live
from hedgehog.kube.plan import Desired, Plan, withhold
from hedgehog.kube.plan import plan as plan_changes
from hedgehog.kube.throttle import Halt
from hedgehog.services import claims, failures
from hedgehog.services.kubernetes import begun_objects, drift_policy
from hedgehog.services.kubernetes.begun_objects import Begun
from hedgehog.services.kubernetes.gather import Job, Owned, observe
from hedgehog.services.validation import Judge, judge
from hedgehog.store import git_files, installations, inventory, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction


@dataclass(frozen=True, slots=True)
class _Options:
    run_id: str
    dry_run: bool
    allow_large_prune: bool
    judge: Judge
    deadline: float

    def is_over(self) -> bool:
        """Whether nothing more may be begun."""
        return time.monotonic() >= self.deadline


@dataclass(frozen=True, slots=True)
class _Run:
    """One cluster during one batch: what was seen there, who owns what, what killed runs had begun. `claimed` grows."""

    connection: Connection
    connection_id: str
    cluster: Cluster
    live: Live
    owned: Owned
    begun: Mapping[int, Begun]
    definition: FabricDefinition | None
    options: _Options
    halt: Halt
    installation: Installation
    claimed: dict[ObjectRef, str] = field(default_factory=dict)


def plan(connection: Connection, *, fabrics: Sequence[str] | None = None, force: bool = False) -> list[list[str]]:
    """Batches of fabrics that need a sync to their clusters; see `claims.plan`."""
    return claims.plan(connection, Target.KUBERNETES, fabrics=fabrics, force=force)


def sync(
    connection: Connection,
    names: Sequence[str],
    *,
    open_cluster: OpenCluster,
    run_id: str,
    dry_run: bool = False,
    due_only: bool = False,
    allow_large_prune: bool = False,
    judge: Judge = judge,
    deadline: float = math.inf,
) -> list[Outcome]:
    """Bring the clusters of the named fabrics in sync and return an outcome for each, in the order of *names*.

    Every outcome but those of skipped fabrics and dry runs is recorded, together with the inventory, after the effect.
    A fabric's trouble, foreseen or not, is its own; that of a cluster is an error of each of its fabrics. Whoever is named is
    compared in full, due or not, unless *due_only*. What *judge* says the cluster would refuse is not sent to it: it is
    held, with what refers to it, and the rest proceeds. *allow_large_prune* lifts the prune guard; *dry_run* writes
    nothing anywhere. After *deadline* (of `time.monotonic`) nothing more is begun: what was done is recorded, what was not
    reached stays due. Raises only for the fabric database's own failures.
    """
    options = _Options(run_id, dry_run, allow_large_prune, judge, deadline)
    claimed = claims.claim(
        connection,
        Target.KUBERNETES,
        names,
        skip_reason=_skip_reason,
        now=datetime.now(UTC),
        dry_run=dry_run,
        due_only=due_only,
    )
    with claimed as (fabrics, skipped):
        jobs, settled = _load_jobs(connection, fabrics, options)
        done = skipped + settled
        groups: dict[str, list[Job]] = {}
        for job in jobs:
            groups.setdefault(job.fabric.kubernetes_connection_id or "", []).append(job)
        for connection_id, group in groups.items():
            done += _sync_cluster(connection, connection_id, group, open_cluster, options)
    return sorted(done, key=lambda outcome: names.index(outcome.fabric))


def _skip_reason(fabric: Fabric) -> str:
    if not fabric.kubernetes_sync_enabled or fabric.kubernetes_connection_id is None:
        return "Kubernetes sync is not enabled"
    return ""


def _skipped(name: str, reason: str, *, dry_run: bool = False) -> Outcome:
    return Outcome(name, Target.KUBERNETES, OutcomeStatus.SKIPPED, reason=reason, dry_run=dry_run)


def _load_jobs(connection: Connection, fabrics: Sequence[Fabric], options: _Options) -> tuple[list[Job], list[Outcome]]:
    """What each fabric wants in its cluster. A fabric with Git sync waits for its first publication.

    Generations are read before contents: a change in between only makes the fabric due again.
    """
    started = time.perf_counter()
    published = [fabric for fabric in fabrics if fabric.git_sync_enabled]
    names = [fabric.name for fabric in published]
    git = {state.fabric: state for state in sync_state.states(connection, names) if state.target is Target.GIT}
    contents = git_files.published(connection, [fabric.id for fabric in published])
    rows = object_store.load_objects(connection, [fabric.id for fabric in fabrics if not fabric.git_sync_enabled])
    jobs, settled = [], []
    for fabric in fabrics:
        state = git.get(fabric.name)
        if fabric.git_sync_enabled and (state is None or not state.observed_generation):
            settled.append(_skipped(fabric.name, "nothing is published to Git yet"))
            continue
        try:
            if fabric.git_sync_enabled and state is not None:
                jobs.append(Job(fabric, _by_ref(contents[fabric.id]), state.observed_generation, state.revision))
            else:
                manifests = [row.manifest for row in rows[fabric.id]]
                jobs.append(Job(fabric, _by_ref(manifests), fabric.generation, None))
        except Exception as error:  # one fabric's data, whatever is wrong with it, must not stop the others
            settled.append(_failed(connection, fabric, error, started, options))
    return jobs, settled


def _by_ref(manifests: Sequence[Manifest]) -> dict[ObjectRef, Manifest]:
    return {ObjectRef.of(manifest): canonical(manifest) for manifest in manifests}


def _sync_cluster(
    connection: Connection, connection_id: str, jobs: Sequence[Job], open_cluster: OpenCluster, options: _Options
) -> list[Outcome]:
    """Sync the fabrics of one cluster one after the other; when it cannot be read, that is an error of each."""
    if options.is_over():
        return _not_reached(connection, jobs, {}, options)
    before = {}
    ids = [job.fabric.id for job in jobs]
    if not options.dry_run:
        before = sync_state.begin(connection, Target.KUBERNETES, ids, run_id=options.run_id)
    refs = [ref for job in jobs for ref in (*job.manifests, fabric_ref(job.fabric))]
    owned = inventory.owned(connection, connection_id, ids, refs)
    begun = inventory.begun(connection, connection_id, ids)
    ours = installations.load(connection)
    started = time.perf_counter()
    cluster = None
    try:
        cluster = open_cluster(connection_id)
        definition, live = observe(cluster, jobs, owned, begun, install=not options.dry_run)
    except Exception as error:  # whatever is wrong with one cluster must not stop the fabrics of the others
        return [_failed(connection, job.fabric, error, started, options) for job in jobs]
    else:
        halt = Halt(options.deadline)
        run = _Run(connection, connection_id, cluster, live, owned, begun, definition, options, halt, ours)
        done: list[Outcome] = []
        for job in jobs:
            if options.is_over():
                break
            done.append(_guarded(run, job))
        return done + _not_reached(connection, jobs[len(done) :], before, options)
    finally:
        if cluster is not None:
            cluster.close()


def _not_reached(
    connection: Connection, jobs: Sequence[Job], before: Mapping[int, SyncStatus], options: _Options
) -> list[Outcome]:
    fabrics = [job.fabric for job in jobs]
    return claims.not_reached(
        connection, Target.KUBERNETES, fabrics, before, run_id=options.run_id, dry_run=options.dry_run
    )


def _guarded(run: _Run, job: Job) -> Outcome:
    """Sync one fabric; whatever goes wrong is its own outcome, and the next one has its turn."""
    started = time.perf_counter()
    try:
        return _sync_fabric(run, job)
    except Exception as error:  # when the fabric database is unreachable, recording it raises that
        return _failed(run.connection, job.fabric, error, started, run.options)


def _sync_fabric(run: _Run, job: Job) -> Outcome:
    """Plan, execute, record."""
    started = time.perf_counter()
    desired = _desired(run, job)
    run.claimed.update(dict.fromkeys(desired.manifests.keys() - desired.owners.keys(), job.fabric.name))
    plan = plan_changes(desired, run.live)
    drifts = drift_policy.settle(
        run.connection, run.connection_id, job.fabric, desired=desired, live=run.live, plan=plan
    )
    planned = _allowed(run, job, drifts.plan, desired)
    execution = Execution(
        job.fabric, desired, run.live, planned, run.options.allow_large_prune, drifts.forced, run.halt
    )
    created = {ref for ref, change in planned.to_apply.items() if change.action is Action.CREATED}
    if not run.options.dry_run:
        inventory.begin(run.connection, run.connection_id, job.fabric.id, created)
    results = rehearse(execution) if run.options.dry_run else execute(run.cluster, execution)
    outcome = _outcome(run, job, results, started)
    effect = None
    if not run.options.dry_run:
        effect = outcomes.effect(desired, planned, results, orphan=job.fabric.prune_policy is PrunePolicy.ORPHAN)
        error = _publish_status(run, job, results, outcome)
        if error is not None:
            results[fabric_ref(job.fabric)] = Result.failed(fabric_ref(job.fabric), error)
            outcome = _outcome(run, job, results, started)
    with transaction(run.connection) as cursor:
        if effect is not None:
            parts = {"applied": effect.applied, "adopted": effect.adopted}
            inventory.record(cursor, run.connection_id, job.fabric.id, gone=effect.gone, **parts)
            if begun := run.begun.get(job.fabric.id, frozenset()) | created:
                rest = begun_objects.still_open(begun, effect, results, desired, run.live)
                inventory.forget_begun(cursor, run.connection_id, job.fabric.id, open_still=rest)
            drift_policy.record(run.connection, job.fabric, drifts, results, unknown_kinds=run.live.failed.keys())
        _record(run.connection, job.fabric, outcome, options=run.options)
    return outcome


def _allowed(run: _Run, job: Job, planned: Plan, desired: Desired) -> Plan:
    """The plan without what the cluster's admission would refuse.

    Nothing to write, nothing to judge; and what was published to Git was judged then: new objects of it go as they are.
    """
    only_new = all(change.action is Action.CREATED for change in planned.to_apply.values())
    if not planned.to_delete and only_new and (job.revision is not None or not planned.to_apply):
        return planned
    before = {ref: live for ref, live in run.live.objects.items() if ref.kind in KINDS}
    written = {ref: desired.manifests[ref] for ref in planned.to_apply if ref.kind in KINDS}
    wanted = {**{ref: live for ref, live in before.items() if ref not in planned.to_delete}, **written}
    judgement = run.options.judge(job.fabric, list(wanted.values()), list(before.values()))
    return withhold(planned, judgement.writes, judgement.deletes, judgement.rounds)


def _desired(run: _Run, job: Job) -> Desired:
    fabric = job.fabric
    manifests = dict(job.manifests)
    left_alone: dict[ObjectRef, str] = {}
    if fabric.publish_fabric_resource and run.definition is not None:
        kind = run.definition.kind
        if kind is None:
            left_alone[fabric_ref(fabric)] = run.definition.note
        else:
            manifests[fabric_ref(fabric)] = canonical(fabric_resource(fabric, group=kind.group, version=kind.version))
    owned = {ref: one.manifest for ref, one in run.owned.items() if one.fabric_id == fabric.id}
    begun = run.begun.get(fabric.id, frozenset())
    owned |= begun_objects.left_behind(begun, {*manifests, *run.owned}, run.live, run.installation)
    adopted = frozenset(ref for ref, one in run.owned.items() if one.adopted and ref in owned)
    owners = {ref: one.fabric for ref, one in run.owned.items() if one.fabric_id != fabric.id}
    owners |= {ref: name for ref, name in run.claimed.items() if ref in manifests and name != fabric.name}
    stored = partial(drift_policy.stored_form, fabric.settings)
    return Desired(manifests, owned, adopted, owners, left_alone, run.installation, stored)


def _outcome(run: _Run, job: Job, results: Mapping[ObjectRef, Result], started: float) -> Outcome:
    note = run.definition.note if run.definition is not None and run.definition.kind is not None else ""
    return outcomes.summary(
        job.fabric.name,
        results,
        generation=job.generation,
        revision=job.revision,
        duration=time.perf_counter() - started,
        notes=[note] if note else [],
        dry_run=run.options.dry_run,
    )


def _publish_status(run: _Run, job: Job, results: Mapping[ObjectRef, Result], outcome: Outcome) -> HedgehogError | None:
    """Bring the status of the fabric's own resource up to date; the error if that failed."""
    result = results.get(fabric_ref(job.fabric))
    resource = result.stored if result is not None else None
    if result is None or resource is None or result.change.action in {Action.DELETED, Action.SKIPPED}:
        return None
    if run.halt.obstacle(FABRIC.kind) is not None:
        return None  # the outcome says it already
    generation = resource["metadata"]["generation"]
    status = next_status(resource.get("status") or {}, outcome, resource_generation=generation, now=datetime.now(UTC))
    try:
        if status is not None:
            apply_status(run.cluster, resource, status)
    except HedgehogError as error:
        return error
    return None


def _failed(connection: Connection, fabric: Fabric, error: Exception, started: float, options: _Options) -> Outcome:
    run_id, dry_run = options.run_id, options.dry_run
    return failures.record(
        connection, fabric, Target.KUBERNETES, error, run_id=run_id, started=started, dry_run=dry_run
    )


def _record(connection: Connection, fabric: Fabric, outcome: Outcome, *, options: _Options) -> None:
    """Write the state; nothing after a dry run."""
    if options.dry_run:
        return
    with transaction(connection) as cursor:
        sync_state.finish(cursor, fabric.id, outcome, run_id=options.run_id)
