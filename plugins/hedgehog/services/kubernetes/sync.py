"""Fabrics → clusters: gather the desired and the live state, plan, execute, record.

The cluster gets what was published to Git, or, for a fabric without Git sync, what the database holds. The fabrics of
a batch that share a cluster share one LIST per kind. Plain Python; a function that the caller gives opens clusters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hedgehog.errors import HedgehogError
from hedgehog.fabric.changes import Action, Outcome, OutcomeStatus
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, ObjectRef, SyncStatus, Target
from hedgehog.fabric.render import fabric_ref
from hedgehog.kube import outcome as outcomes
from hedgehog.kube.apply import apply_status
from hedgehog.kube.client import Cluster, OpenCluster
from hedgehog.kube.execute import execute
from hedgehog.kube.fabric_status import next_status
from hedgehog.kube.result import Result
from hedgehog.kube.throttle import Halt
from hedgehog.services import claims, failures, waits
from hedgehog.services.kubernetes.gather import (
    ClusterRecords,
    Job,
    ObservedCluster,
    gather_jobs,
    gather_records,
    keep_applied,
    observe,
)
from hedgehog.services.kubernetes.plan import FabricPlan, plan_fabric
from hedgehog.services.kubernetes.record import record
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.services.waits import WindowOverride
from hedgehog.store import inventory, sync_state
from hedgehog.store.database import Connection


@dataclass(frozen=True, slots=True)
class _Options:
    run_id: str
    dry_run: bool
    allow_large_prune: bool
    find_refusals: FindRefusals
    deadline: float

    def is_over(self) -> bool:
        """Whether nothing more may be begun."""
        return time.monotonic() >= self.deadline


@dataclass(frozen=True, slots=True)
class _Run:
    """One cluster during one batch: what was gathered of it, and when to stop."""

    connection: Connection
    connection_id: str
    cluster: Cluster
    records: ClusterRecords
    observed: ObservedCluster
    options: _Options
    halt: Halt


def plan(connection: Connection, *, fabrics: Sequence[str] | None = None, force: bool = False) -> list[list[str]]:
    """Batches of fabrics that need a sync to their clusters; see `claims.plan`."""
    return claims.plan(connection, Target.KUBERNETES, now=datetime.now(UTC), fabrics=fabrics, force=force)


def sync(
    connection: Connection,
    names: Sequence[str],
    *,
    open_cluster: OpenCluster,
    run_id: str,
    dry_run: bool = False,
    due_only: bool = False,
    allow_large_prune: bool = False,
    override: WindowOverride | None = None,
    find_refusals: FindRefusals = find_refusals,
    deadline: float = math.inf,
    planned_from: Mapping[str, int] | None = None,
) -> list[Outcome]:
    """Bring the clusters of the named fabrics in sync and return an outcome for each, in the order of *names*.

    Every outcome but those of skipped fabrics and dry runs is recorded, together with the inventory, after the effect.
    A failure of a fabric, foreseen or not, is its own; one of a cluster is an error of each of its fabrics. Named fabrics
    are compared in full, due or not, unless *due_only*. Objects that *find_refusals* reports are not sent to the cluster:
    they are held, with those that refer to them, and the rest proceeds. *allow_large_prune* lifts the prune guard, an
    *override* has fabrics written outside of their windows, *dry_run* writes nothing anywhere. After *deadline* (of
    `time.monotonic`) nothing more is begun: what was done is recorded, what was not reached stays due. A fabric whose
    generation is not that in *planned_from* is skipped. Raises only for the fabric database's own failures.
    """
    options = _Options(run_id, dry_run, allow_large_prune, find_refusals, deadline)
    now = datetime.now(UTC)
    claimed = claims.claim(
        connection,
        Target.KUBERNETES,
        names,
        skip_reason=_skip_reason,
        now=now,
        dry_run=dry_run,
        due_only=due_only,
        override=override,
        planned_from=planned_from,
    )
    with claimed as (fabrics, skipped):
        started = time.perf_counter()
        closed = {} if dry_run else waits.in_force(waits.waits(connection, names, now=now), override)
        gathered = keep_applied(connection, gather_jobs(connection, fabrics), closed)
        done = skipped + [_skipped(name, reason) for name, reason in gathered.waiting.items()]
        done += [_failed(connection, fabric, error, started, options) for fabric, error in gathered.failed]
        groups: dict[str, list[Job]] = {}
        for job in gathered.jobs:
            groups.setdefault(job.fabric.kubernetes_connection_id or "", []).append(job)
        for connection_id, group in groups.items():
            done += _sync_cluster(connection, connection_id, group, open_cluster, options)
    return sorted(done, key=lambda outcome: names.index(outcome.fabric))


def _skip_reason(fabric: Fabric) -> str:
    if not fabric.kubernetes_sync_enabled or fabric.kubernetes_connection_id is None:
        return "Kubernetes sync is not enabled"
    return ""


def _skipped(name: str, reason: str) -> Outcome:
    return Outcome(name, Target.KUBERNETES, OutcomeStatus.SKIPPED, reason=reason)


def _sync_cluster(
    connection: Connection, connection_id: str, jobs: Sequence[Job], open_cluster: OpenCluster, options: _Options
) -> list[Outcome]:
    """Sync the fabrics of one cluster one after the other; when it cannot be read, that is an error of each."""
    if options.is_over():
        return _not_reached(connection, jobs, {}, options)
    before = {}
    if not options.dry_run:
        ids = [job.fabric.id for job in jobs]
        before = sync_state.begin(connection, Target.KUBERNETES, ids, run_id=options.run_id)
    records = gather_records(connection, connection_id, jobs)
    started = time.perf_counter()
    cluster = None
    try:
        cluster = open_cluster(connection_id)
        observed = observe(cluster, jobs, records, install=not options.dry_run)
    except Exception as error:  # whatever is wrong with one cluster must not stop the fabrics of the others
        return [_failed(connection, job.fabric, error, started, options) for job in jobs]
    else:
        run = _Run(connection, connection_id, cluster, records, observed, options, Halt(options.deadline))
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
    """Plan, execute, record; a dry run ends with the plan."""
    started = time.perf_counter()
    options = run.options
    large = options.allow_large_prune
    planned = plan_fabric(job, run.records, run.observed, options.find_refusals, allow_large_prune=large)
    if options.dry_run:
        return _outcome(run, job, planned.plan.expected(), started)
    results, outcome = _execute(run, planned, started)
    record(run.connection, run.connection_id, planned, results, outcome, run_id=options.run_id)
    return outcome


def _execute(run: _Run, planned: FabricPlan, started: float) -> tuple[dict[ObjectRef, Result], Outcome]:
    """Carry out what is planned, and say in our own resource how that ended."""
    job, plan = planned.job, planned.plan
    inventory.begin(run.connection, run.connection_id, job.fabric.id, plan.created)
    results = execute(run.cluster, plan, halt=run.halt)
    outcome = _outcome(run, job, results, started)
    error = _publish_status(run, job, results, outcome)
    if error is not None:
        results[fabric_ref(job.fabric)] = Result.failed(fabric_ref(job.fabric), error)
        outcome = _outcome(run, job, results, started)
    return results, outcome


def _outcome(run: _Run, job: Job, results: Mapping[ObjectRef, Result], started: float) -> Outcome:
    crd = run.observed.crd
    note = crd.note if crd is not None and crd.kind is not None else ""
    return outcomes.fabric_outcome(
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
