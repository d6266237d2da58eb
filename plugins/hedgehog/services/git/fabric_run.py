"""One fabric of a run to Git: planned, committed, and recorded with what came of it.

Whether the commit goes to the branch (`sync`) or to a pull request (`asking`) is not decided here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hedgehog.errors import Flapping, InvalidInput, PushRace
from hedgehog.fabric.changes import WRITES, Action, Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, Manifest, ObjectRef, Revision, SyncStatus, Target
from hedgehog.fabric.settings import release_of
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import Mirror
from hedgehog.hosts.host import OpenHost
from hedgehog.manifests import intake, yaml
from hedgehog.services import claims, failures
from hedgehog.services.attribution import of_commit, save_as_written
from hedgehog.services.git import lost_branches, messages
from hedgehog.services.git.observe import Job, PlanInputs, ReadEdit, observe
from hedgehog.services.git.plan import FileChange, FilePlan
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import corrections, git_edits, git_files, repository_heads, sync_state
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_files import GitFile
from hedgehog.store.origins import origins_since

logger = logging.getLogger(__name__)


def read_manifest(fabric: Fabric, ref: ObjectRef, path: str, content: bytes) -> Manifest:
    """The object that an edited file holds, as the database would store it.

    Raises InvalidInput unless it is strict YAML with one document, valid, and still the object *ref*.
    """
    documents = yaml.load(content, file=path)
    items = [item for document in documents for item in intake.items(document)]
    if len(items) != 1:
        raise InvalidInput(f"{path}: holds {len(items)} objects; a managed file holds one")
    accepted = intake.accept_manifest(
        items[0], namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings)
    )
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


DescribeChange = Callable[[Connection, Fabric, FilePlan, str], str]
"""From a fabric, what is to be done with its files, and the revision that it is done to: the text for people who review it."""


@dataclass(frozen=True, slots=True)
class RequestAccess:
    """How pull requests are opened, and what they say."""

    open_host: OpenHost
    describe: DescribeChange


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How to sync, for all fabrics of a batch."""

    run_id: str
    force: bool
    dry_run: bool
    wake_kubernetes: bool
    dependencies: Dependencies
    requests: RequestAccess | None
    """None: none are opened, and a repository that takes changes in no other way is an error."""
    deadline: float
    before: dict[int, SyncStatus] = field(default_factory=dict)
    """The status of the fabrics before this run."""

    def is_over(self) -> bool:
        """Whether nothing more may be started."""
        return time.monotonic() >= self.deadline


@dataclass(frozen=True, slots=True)
class RepositoryRun:
    """One repository during one batch."""

    connection: Connection
    repository: GitRepository
    mirror: Mirror
    options: SyncOptions
    started: float


@dataclass(frozen=True, slots=True)
class PlannedPublication:
    """What is to be done for one fabric, or the error that prevents it."""

    job: Job
    plan: FilePlan = field(default_factory=FilePlan)
    commit: str | None = None
    error: Exception | None = None
    undecided: frozenset[str] = frozenset()
    """The files that a pull request is to change: what people decided about edits of them holds until then."""


def head_of(run: RepositoryRun) -> str | None:
    """The head of the branch, fetched; None for a branch that this sync is to create. Raises NotFound for a lost one."""
    head = run.mirror.head()
    if head is None:
        lost_branches.refuse_if_known(run.connection, run.repository, run.mirror)
        return None
    run.mirror.fetch(head)
    if not run.options.dry_run:
        repository_heads.remember(run.connection, run.repository.url, run.repository.branch)
    return head


def plan_one(
    run: RepositoryRun, job: Job, head: str | None, tip: str | None, others: Mapping[str, str]
) -> PlannedPublication:
    """The plan and the commit of one fabric on top of *tip*, next to the directories of *others*; or its error."""
    try:
        plan = plan_of(run, job, head, tip, others)
        if not plan.changes or run.options.dry_run:
            return PlannedPublication(job, plan)
        return PlannedPublication(job, plan, commit_of(run, job, plan, tip))
    except PushRace:
        raise
    except Exception as error:  # no error of one fabric, foreseen or not, may stop the others of the batch
        return PlannedPublication(job, error=error)


def plan_of(run: RepositoryRun, job: Job, head: str | None, tip: str | None, others: Mapping[str, str]) -> FilePlan:
    """What is to be done with the files of one fabric on top of *tip*, next to the directories of *others*."""
    given = run.options.dependencies
    source = PlanInputs(
        run.connection, run.mirror, head, tip, run.options.force, given.adopt, given.find_refusals, others
    )
    return observe(job, source)


def commit_of(run: RepositoryRun, job: Job, plan: FilePlan, tip: str | None) -> str | None:
    """The commit of one fabric, which says what it changes, who asked for that, and why."""
    connection, fabric, now = run.connection, job.fabric, run.options.dependencies.clock()
    since = job.state.observed_generation if job.state else 0
    credit = messages.credits_of(origins_since(connection, fabric.id, since), run.repository, now)
    configured = [entry.path for entry in plan.having(Action.CONFIGURED)]
    before = git_files.manifests_at(connection, fabric.id, configured[: messages.MOST_COMPARED])
    text = commits.message(
        fabric,
        messages.subject(fabric.name, plan, before),
        messages.body(plan.counts(), credit.reasons),
        run_id=run.options.run_id,
        others=credit.others,
    )
    committer = messages.committer(run.repository, now)
    return commits.build(run.mirror, tip, plan.changes, text, committer, author=credit.author)


def conclude_fabric(run: RepositoryRun, planned: PlannedPublication, head: str | None) -> Outcome:
    """The outcome of a fabric, recorded; a failure to record it does not affect the others."""
    if planned.error is not None:
        return fail(run, planned.job, planned.error)
    try:
        return _outcome(run, planned, head)
    except Exception as error:
        return fail(run, planned.job, error)


def _outcome(run: RepositoryRun, planned: PlannedPublication, head: str | None) -> Outcome:
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
        reason=held_reason(held, status),
        error_class=Flapping.__name__ if any(entry.flapping for entry in held) else None,
        details=tuple(str(entry) for entry in (*held, *plan.having(*WRITES))),
        duration=time.perf_counter() - run.started,
        dry_run=run.options.dry_run,
        problems=tuple(entry.problem for entry in held),
    )
    if not run.options.dry_run:
        record_outcome(run, planned, outcome)
    return outcome


def held_reason(held: Sequence[FileChange], status: OutcomeStatus) -> str:
    """Why a fabric is held, or that nothing changed."""
    if held:
        return held[0].reason if len(held) == 1 else f"{len(held)} files are held, the first: {held[0].reason}"
    return "nothing changed" if status is OutcomeStatus.SKIPPED else ""


def record_outcome(run: RepositoryRun, planned: PlannedPublication, outcome: Outcome) -> None:
    """Record files and state in one transaction: after a crash before it, files are compared again, but not committed."""
    plan, fabric = planned.plan, planned.job.fabric
    with transaction(run.connection) as cursor:
        if not fabric_store.load_fabrics(run.connection, [fabric.name]):
            logger.warning("%s was deleted while it was synced; its files stay in Git", fabric.name)
            return
        written = [*plan.written, *_adopt(run.connection, fabric, plan, run.options.run_id)]
        git_files.record(cursor, fabric.id, written=written, removed=plan.removed, held=plan.held)
        git_edits.replace_rows(cursor, fabric.id, plan.edits, undecided=planned.undecided)
        held = [entry.path for entry in plan.entries if entry.flapping]
        corrections.record(cursor, Target.GIT, fabric.id, corrected=plan.corrected, held=held)
        options = run.options
        sync_state.finish(cursor, fabric.id, outcome, run_id=options.run_id, wake_kubernetes=options.wake_kubernetes)


def _adopt(connection: Connection, fabric: Fabric, plan: FilePlan, run_id: str) -> list[GitFile]:
    """Store the objects that people wrote in Git, and return the records of their files."""
    if not plan.adopted:
        return []
    written = [
        (file.ref, file.manifest, of_commit(plan.adopters.get(file.path), run=run_id))
        for file in plan.adopted
        if file.ref is not None and file.manifest is not None
    ]
    save_as_written(connection, fabric.id, written)
    digests = {one.ref: one.digest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
    return [replace(file, object_digest=digests[file.ref]) for file in plan.adopted if file.ref]


def fail(run: RepositoryRun, job: Job, error: Exception) -> Outcome:
    """The outcome of a fabric of this run that *error* ended, recorded."""
    return record_unopened(run.connection, job, error, run.options, run.started)


def record_unopened(
    connection: Connection, job: Job, error: Exception, options: SyncOptions, started: float
) -> Outcome:
    """The same before a repository could be opened."""
    run_id, dry_run = options.run_id, options.dry_run
    return failures.record(connection, job.fabric, Target.GIT, error, run_id=run_id, started=started, dry_run=dry_run)


def leave_due(connection: Connection, jobs: Sequence[Job], options: SyncOptions) -> list[Outcome]:
    """The outcomes of fabrics that there was no time for; they stay due."""
    fabrics = [job.fabric for job in jobs]
    return claims.not_reached(
        connection, Target.GIT, fabrics, options.before, run_id=options.run_id, dry_run=options.dry_run
    )
