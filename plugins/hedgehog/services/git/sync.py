"""Fabrics → Git: one commit per fabric, one push per repository, and no write of files that exist unchanged.

A run compares what the database wants with what the branch has and commits the difference. Its only memory is the
records of the last push, which may be incomplete: commits of a killed run are recognised by their trailers. Plain Python;
the caller passes functions that open mirrors and read edits.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hedgehog.errors import Flapping, InvalidInput, PermissionDenied, PushRace
from hedgehog.fabric.changes import WRITES, Action, Outcome, OutcomeStatus
from hedgehog.fabric.model import (
    Fabric,
    GitRepository,
    Manifest,
    ObjectRef,
    Revision,
    SourceOfTruth,
    SyncStatus,
    Target,
)
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.manifests import intake, yaml
from hedgehog.services import claims, failures
from hedgehog.services.git import lost_branches
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.git.observe import Job, PlanInputs, ReadEdit, observe
from hedgehog.services.git.plan import FileChange, FilePlan
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import corrections, git_edits, git_files, repository_heads, sync_state
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, Lock, transaction, unlock, wait_lock
from hedgehog.store.git_files import GitFile

logger = logging.getLogger(__name__)

MOST_RACES = 5
"""How often a lost push is planned again before it counts as an error."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.4


def read_manifest(fabric: Fabric, ref: ObjectRef, path: str, content: bytes) -> Manifest:
    """The object that an edited file holds, as the database would store it.

    Raises InvalidInput unless it is strict YAML with one document, valid, and still the object *ref*.
    """
    documents = yaml.load(content, file=path)
    items = [item for document in documents for item in intake.items(document)]
    if len(items) != 1:
        raise InvalidInput(f"{path}: holds {len(items)} objects; a managed file holds one")
    accepted = intake.accept_manifest(items[0], namespace=fabric.kubernetes_namespace)
    if isinstance(accepted, list):
        raise InvalidInput("\n".join(accepted))
    if accepted.ref != ref:
        raise InvalidInput(f"{path}: is now {accepted.ref}; a file of {ref} cannot become another object")
    return accepted.manifest


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a sync needs from outside; tests pass their own."""

    adopt: ReadEdit = read_manifest
    find_refusals: FindRefusals = find_refusals
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class _Options:
    run_id: str
    force: bool
    dry_run: bool
    wake_kubernetes: bool
    dependencies: Dependencies
    deadline: float
    before: dict[int, SyncStatus] = field(default_factory=dict)
    """The status of the fabrics before this run."""

    def is_over(self) -> bool:
        """Whether nothing more may be started."""
        return time.monotonic() >= self.deadline


@dataclass(frozen=True, slots=True)
class _Run:
    """One repository during one batch."""

    connection: Connection
    repository: GitRepository
    mirror: Mirror
    options: _Options
    started: float


@dataclass(frozen=True, slots=True)
class _Planned:
    """What is to be done for one fabric, or the error that prevents it."""

    job: Job
    plan: FilePlan = field(default_factory=FilePlan)
    commit: str | None = None
    error: Exception | None = None


def plan(connection: Connection, *, fabrics: Sequence[str] | None = None, force: bool = False) -> list[list[str]]:
    """Batches of fabrics that need a sync to Git; see `claims.plan`."""
    return claims.plan(connection, Target.GIT, fabrics=fabrics, force=force)


def sync(
    connection: Connection,
    names: Sequence[str],
    *,
    open_mirror: OpenMirror,
    run_id: str,
    force: bool = False,
    dry_run: bool = False,
    due_only: bool = False,
    wake_kubernetes: bool = True,
    dependencies: Dependencies | None = None,
    deadline: float = math.inf,
) -> list[Outcome]:
    """Bring the directories of the named fabrics in sync and return an outcome for each, in the order of *names*.

    Every outcome is recorded after its effect, except for dry runs and fabrics that were skipped at once (suspended, not
    enabled, locked by another run). An error of one fabric does not affect the others; a repository that cannot be opened
    is an error of each of its fabrics. *force* compares every file, but overwrites no edit that the policy holds.
    *dry_run* writes nothing. With *due_only*, fabrics that are no longer due are skipped. Without
    *wake_kubernetes*, the caller applies what is published. After *deadline* (of `time.monotonic`) nothing more is
    started: what was planned is pushed and recorded, fabrics that were not reached stay due. Raises only if the fabric
    database fails.
    """
    names = list(dict.fromkeys(names))
    options = _Options(run_id, force, dry_run, wake_kubernetes, dependencies or Dependencies(), deadline)
    claimed = claims.claim(
        connection,
        Target.GIT,
        names,
        skip_reason=_skip_reason,
        now=options.dependencies.clock(),
        dry_run=dry_run,
        due_only=due_only,
    )
    with claimed as (fabrics, skipped):
        outcomes = skipped
        found = sync_state.states(connection, [fabric.name for fabric in fabrics])
        states = {state.fabric: state for state in found if state.target is Target.GIT}
        if not dry_run:
            ids = [fabric.id for fabric in fabrics]
            options.before.update(sync_state.begin(connection, Target.GIT, ids, run_id=run_id))
        groups: dict[GitRepository, list[Job]] = {}
        for fabric in fabrics:
            if fabric.git_repository is not None:
                groups.setdefault(fabric.git_repository, []).append(Job(fabric, states.get(fabric.name)))
        for repository, jobs in groups.items():
            outcomes = outcomes + _sync_repository(connection, repository, jobs, open_mirror, options)
    return sorted(outcomes, key=lambda outcome: names.index(outcome.fabric))


def _skip_reason(fabric: Fabric) -> str:
    if not fabric.git_sync_enabled or fabric.git_repository is None:
        return "Git sync is not enabled"
    if fabric.source_of_truth is SourceOfTruth.GIT:
        return "Git is its source of truth: pushed revisions come in, nothing is written"
    return ""


def _sync_repository(
    connection: Connection, repository: GitRepository, jobs: Sequence[Job], open_mirror: OpenMirror, options: _Options
) -> list[Outcome]:
    """Sync the fabrics of one repository; if it cannot be opened, that is an error of each."""
    started = time.perf_counter()
    if options.is_over():
        return _not_reached(connection, jobs, options)
    try:
        mirror = open_mirror(repository)
    except Exception as error:
        return [_record_failure(connection, job, error, options, started) for job in jobs]
    run = _Run(connection, repository, mirror, options, started)
    if options.dry_run:
        return _publish(run, jobs)
    wait_lock(connection, Lock.REPOSITORY, repository.id)
    try:
        return _publish(run, jobs)
    finally:
        unlock(connection, Lock.REPOSITORY, [repository.id])


def _publish(run: _Run, jobs: Sequence[Job]) -> list[Outcome]:
    """Plan, commit and push until no other push interferes; the outcome of every fabric is recorded."""
    races = 0
    while True:
        try:
            return _attempt(run, jobs)
        except PushRace as error:
            races += 1
            if races > MOST_RACES:
                return [_fail(run, job, error) for job in jobs]
            logger.info("%s (race %s of %s)", error, races, MOST_RACES)
            run.options.dependencies.pause(random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE))
        except Exception as error:
            return [_fail(run, job, error) for job in jobs]


def _attempt(run: _Run, jobs: Sequence[Job]) -> list[Outcome]:
    """One attempt on the branch as it is now, for as many fabrics as there is time for.

    Raises PushRace, or an error that concerns all of the fabrics.
    """
    head = _head(run)
    others = neighbours(run.connection, run.repository)
    planned: list[_Planned] = []
    tip = head
    for job in jobs:
        if run.options.is_over():
            break
        planned.append(_plan_one(run, job, head, tip, others))
        tip = planned[-1].commit or tip
    return _push(run, planned, head, tip) + _not_reached(run.connection, jobs[len(planned) :], run.options)


def _head(run: _Run) -> str | None:
    """The head of the branch, fetched; None for a branch that this sync is to create. Raises NotFound for a lost one."""
    head = run.mirror.head()
    if head is None:
        lost_branches.refuse_if_known(run.connection, run.repository, run.mirror)
        return None
    run.mirror.fetch(head)
    if not run.options.dry_run:
        repository_heads.remember(run.connection, run.repository.url, run.repository.branch)
    return head


def _push(run: _Run, planned: Sequence[_Planned], head: str | None, tip: str | None) -> list[Outcome]:
    """Publish what was committed on top of *head* up to *tip*, and record all that was planned."""
    if tip is None or tip == head or run.options.dry_run:
        return [_conclude(run, one, head) for one in planned]
    try:
        commits.push(run.mirror, tip, head)
    except PushRace:
        raise
    except Exception as error:
        committed = [one.job for one in planned if one.commit]
        if isinstance(error, PermissionDenied | InvalidInput) and len(committed) > 1:
            # A rule or size limit of the host may concern the commit of only one fabric: push them one by one.
            return [outcome for one in planned for outcome in _publish(run, [one.job])]
        return [_fail(run, one.job, error) if one.commit else _conclude(run, one, head) for one in planned]
    if head is None:
        repository_heads.remember(run.connection, run.repository.url, run.repository.branch)
    return [_conclude(run, one, head) for one in planned]


def _not_reached(connection: Connection, jobs: Sequence[Job], options: _Options) -> list[Outcome]:
    fabrics = [job.fabric for job in jobs]
    return claims.not_reached(
        connection, Target.GIT, fabrics, options.before, run_id=options.run_id, dry_run=options.dry_run
    )


def _plan_one(run: _Run, job: Job, head: str | None, tip: str | None, others: Mapping[str, str]) -> _Planned:
    """The plan and the commit of one fabric on top of *tip*, next to the directories of *others*; or its error."""
    options = run.options
    dependencies = options.dependencies
    source = PlanInputs(
        run.connection, run.mirror, head, tip, options.force, dependencies.adopt, dependencies.find_refusals, others
    )
    try:
        plan = observe(job, source)
        if not plan.changes or options.dry_run:
            return _Planned(job, plan)
        text = commits.message(job.fabric, plan.counts(), run_id=options.run_id, initial=plan.is_first)
        repository = run.repository
        author = commits.Author(repository.author_name, repository.author_email, options.dependencies.clock())
        return _Planned(job, plan, commits.build(run.mirror, tip, plan.changes, text, author))
    except PushRace:
        raise
    except Exception as error:  # no error of one fabric, foreseen or not, may stop the others of the batch
        return _Planned(job, error=error)


def _conclude(run: _Run, planned: _Planned, head: str | None) -> Outcome:
    """The outcome of a fabric, recorded; a failure to record it does not affect the others."""
    if planned.error is not None:
        return _fail(run, planned.job, planned.error)
    try:
        return _outcome(run, planned, head)
    except Exception as error:
        return _fail(run, planned.job, error)


def _outcome(run: _Run, planned: _Planned, head: str | None) -> Outcome:
    """The outcome of a fabric whose files are written, except for held ones; recorded with its files and edits."""
    plan, fabric = planned.plan, planned.job.fabric
    held = plan.having(Action.SKIPPED)
    status = OutcomeStatus.SUCCESS if plan.changes or plan.records else OutcomeStatus.SKIPPED
    at = planned.commit or head
    outcome = Outcome(
        fabric.name,
        Target.GIT,
        OutcomeStatus.HELD if held else status,
        generation=fabric.generation,
        revision=str(Revision(run.repository.branch, at)) if at else None,
        commit=planned.commit,
        counts=plan.counts(),
        reason=_reason(held, status),
        error_class=Flapping.__name__ if any(entry.flapping for entry in held) else None,
        details=tuple(str(entry) for entry in (*held, *plan.having(*WRITES))),
        duration=time.perf_counter() - run.started,
        dry_run=run.options.dry_run,
        problems=tuple(entry.problem for entry in held),
    )
    if not run.options.dry_run:
        _record(run, planned, outcome)
    return outcome


def _reason(held: Sequence[FileChange], status: OutcomeStatus) -> str:
    if held:
        return held[0].reason if len(held) == 1 else f"{len(held)} files are held, the first: {held[0].reason}"
    return "nothing changed" if status is OutcomeStatus.SKIPPED else ""


def _record(run: _Run, planned: _Planned, outcome: Outcome) -> None:
    """Record files and state in one transaction: after a crash before it, files are compared again, but not committed."""
    plan, fabric = planned.plan, planned.job.fabric
    with transaction(run.connection) as cursor:
        if not fabric_store.load_fabrics(run.connection, [fabric.name]):
            logger.warning("%s was deleted while it was synced; its files stay in Git", fabric.name)
            return
        written = [*plan.written, *_adopt(run.connection, fabric, plan)]
        git_files.record(cursor, fabric.id, written=written, removed=plan.removed, held=plan.held)
        git_edits.replace_rows(cursor, fabric.id, plan.edits)
        held = [entry.path for entry in plan.entries if entry.flapping]
        corrections.record(cursor, Target.GIT, fabric.id, corrected=plan.corrected, held=held)
        options = run.options
        sync_state.finish(cursor, fabric.id, outcome, run_id=options.run_id, wake_kubernetes=options.wake_kubernetes)


def _adopt(connection: Connection, fabric: Fabric, plan: FilePlan) -> list[GitFile]:
    """Store the objects that people wrote in Git, and return the records of their files."""
    if not plan.adopted:
        return []
    object_store.save_objects(connection, fabric.id, [file.manifest for file in plan.adopted if file.manifest])
    digests = {one.ref: one.digest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    return [replace(file, object_digest=digests[file.ref]) for file in plan.adopted if file.ref]


def _fail(run: _Run, job: Job, error: Exception) -> Outcome:
    return _record_failure(run.connection, job, error, run.options, run.started)


def _record_failure(connection: Connection, job: Job, error: Exception, options: _Options, started: float) -> Outcome:
    run_id, dry_run = options.run_id, options.dry_run
    return failures.record(connection, job.fabric, Target.GIT, error, run_id=run_id, started=started, dry_run=dry_run)
