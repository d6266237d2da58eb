"""Pushed revisions → affected fabrics, for each repository that a webhook, the clock or a person names.

Deliveries only say where to look. The host is asked for the head of the branch (`branch`), and what differs from the
last time is worked on: a fabric whose source of truth is Git is ingested into the database (`ingest`; its cluster
follows), one that the database owns becomes due at Git where files that we wrote were changed (the sync to Git then
holds, overwrites or adopts). What came of it is recorded last.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hedgehog.errors import HedgehogError, NotFound, NotReached, PermanentError, PushRace, WorkKilled
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, SourceOfTruth, Target
from hedgehog.gitops import history
from hedgehog.gitops.addresses import same_repository
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.hosts.host import OpenHost
from hedgehog.services import claims, failures
from hedgehog.services.git import lost_branches
from hedgehog.services.git.left_requests import ClosedRequests, close_left
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.repository.branch import Commit, changes_directory, changes_files, fetch_branch
from hedgehog.services.repository.ingest import Ingestion, ingest, is_due, last_taken_in, record_failure
from hedgehog.services.repository.plan import is_about
from hedgehog.services.repository.reviews import PushedChange, decide_by_reviews
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, inbox, pull_requests, repository_heads, schedule, sync_state
from hedgehog.store.database import Connection, Lock, transaction, unlock, wait_lock
from hedgehog.store.inbox import BRANCH, Delivery, DeliveryStatus
from hedgehog.store.proposals import reviewable
from hedgehog.store.repository_heads import LeftDirectory

logger = logging.getLogger(__name__)

MOST_RACES = 3
"""Times that a branch may be replaced while it is read before that counts as an error."""


@dataclass(frozen=True, slots=True)
class RepositoryOutcome:
    """What was found in one repository, and what happened to its fabrics."""

    repository: str
    revision: str | None = None
    """The head of the branch; None when it is not known, or when nobody has pushed the branch yet."""
    moved: bool = False
    replaced: str | None = None
    """The head that a forced push dropped."""
    outcomes: tuple[Outcome, ...] = ()
    woken: tuple[str, ...] = ()
    """Fabrics owned by the database that became due at Git."""
    deliveries: int = 0
    requests: ClosedRequests = field(default_factory=ClosedRequests)
    """Pull requests of ours that nobody needs any more."""
    error: Exception | None = None

    @property
    def found(self) -> str:
        """The result that is recorded for the delivery that led here."""
        return f"read {self.revision}" if self.revision else "the branch does not exist yet"

    @property
    def failed(self) -> bool:
        """Whether anything needs a person or must be retried."""
        is_unclosed = bool(self.requests.failed)
        return self.error is not None or is_unclosed or any(one.status is OutcomeStatus.ERROR for one in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: names, counts and revisions, never manifests."""
        return {
            "repository": self.repository,
            "revision": self.revision,
            "moved": self.moved,
            "replaced": self.replaced,
            "fabrics": [outcome.as_dict() for outcome in self.outcomes],
            "woken": list(self.woken),
            "deliveries": self.deliveries,
            "closed": list(self.requests.closed),
            "not_closed": list(self.requests.failed),
            "error": str(self.error) if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class _Run:
    connection: Connection
    repository: GitRepository
    open_mirror: OpenMirror
    run_id: str
    find_refusals: FindRefusals
    only: frozenset[str]
    force: bool
    at_once: bool
    deadline: float
    open_host: OpenHost | None

    def check_time(self) -> None:
        """Raise NotReached when nothing more may be begun."""
        if time.monotonic() >= self.deadline:
            raise NotReached(f"{self.repository.name}: the time limit of the task came first; the next run goes on")


def follow(
    connection: Connection,
    names: Sequence[str],
    *,
    open_mirror: OpenMirror,
    run_id: str,
    fabrics: Sequence[str] = (),
    force: bool = False,
    at_once: bool = False,
    find_refusals: FindRefusals = find_refusals,
    deadline: float = math.inf,
    open_host: OpenHost | None = None,
) -> list[RepositoryOutcome]:
    """Process the named repositories, one after the other, and return what was found and done.

    Everything is recorded after the effect: outcomes of fabrics, the head of the branch, deliveries. A repository's
    failure does not affect the others. *fabrics* narrows it to those; *force* compares every file although nothing moved;
    *at_once* includes fabrics that are not due, because a person waits. With *open_host*, reviews at the host decide about
    what waits for approval, and pull requests of ours that nobody needs any more are closed. After *deadline*
    (of `time.monotonic`) nothing more is begun, and the next run processes what was not reached. Raises only
    for the fabric database's own failures.
    """
    rows = {row.name: row for row in fabric_store.load_repositories(connection)}
    only = frozenset(fabrics)
    runs = [
        _Run(connection, rows[name], open_mirror, run_id, find_refusals, only, force, at_once, deadline, open_host)
        for name in names
        if name in rows
    ]
    return [_follow(run) for run in runs]


def _follow(run: _Run) -> RepositoryOutcome:
    """One repository, with the deliveries that name it. It is locked, so that none of our syncs pushes to it meanwhile."""
    try:
        run.check_time()
    except NotReached as error:
        return RepositoryOutcome(run.repository.name, error=error)
    about = [one.id for one in inbox.pending(run.connection, (BRANCH,)) if is_about(one, run.repository)]
    deliveries = inbox.claim(run.connection, (BRANCH,), len(about), ids=about) if about else []
    wait_lock(run.connection, Lock.REPOSITORY, run.repository.id)
    try:
        requests = _close_requests(run)
        outcome = replace(_guarded(run, deliveries), deliveries=len(deliveries), requests=requests)
    finally:
        unlock(run.connection, Lock.REPOSITORY, [run.repository.id])
    for delivery in deliveries:
        _finish(run.connection, delivery, outcome)
    if outcome.error is None:
        late = [one.id for one in inbox.given_up(run.connection, BRANCH) if is_about(one, run.repository)]
        inbox.mark_handled(run.connection, late, outcome.found)
    return outcome


def _close_requests(run: _Run) -> ClosedRequests:
    """Close the pull requests that nobody needs; the mirror is opened for them only."""
    if run.open_host is None:
        return ClosedRequests()
    return close_left(run.connection, run.repository, run.open_mirror, open_host=run.open_host)


def _guarded(run: _Run, deliveries: Sequence[Delivery]) -> RepositoryOutcome:
    """Process it, unless that killed the process too often; a new delivery, an hour, or a person make us try again."""
    repository = run.repository
    deaths = repository_heads.killed(run.connection).get(repository.id, 0)
    news = any(not delivery.killed for delivery in deliveries)
    if deaths >= repository_heads.MOST_KILLED and not (run.force or run.at_once) and not news:
        return _fail(
            run,
            WorkKilled(
                f"{repository.name}: the last {deaths} looks at it were killed (time limit, out of memory); make it smaller, or "
                "give the workers more of both. It is retried once an hour, at the next push, and when triggered manually"
            ),
        )
    repository_heads.begin(run.connection, repository.id)
    try:
        outcome = _retry_races(run)
    except Exception:  # it ended; a task that is killed at its time limit raises no Exception
        repository_heads.end(run.connection, repository.id)
        raise
    repository_heads.end(run.connection, repository.id)
    return outcome


def _finish(connection: Connection, delivery: Delivery, outcome: RepositoryOutcome) -> None:
    if outcome.error is None:
        inbox.finish(connection, delivery.id, DeliveryStatus.DONE, outcome.found)
        return
    inbox.finish(
        connection,
        delivery.id,
        DeliveryStatus.FAILED,
        str(outcome.error),
        retry_after=getattr(outcome.error, "retry_after", None),
        retryable=not isinstance(outcome.error, PermanentError),
    )


def _retry_races(run: _Run) -> RepositoryOutcome:
    """The outcome of an attempt; of another one when the branch is replaced meanwhile."""
    for race in range(1, MOST_RACES + 1):
        try:
            return _attempt(run)
        except PushRace as error:
            if race == MOST_RACES:
                return _fail(run, error)
            logger.info("%s (race %s of %s)", error, race, MOST_RACES)
        except NotReached as error:  # not a failure: the head is not recorded, so the next run takes it up
            return RepositoryOutcome(run.repository.name, error=error)
        except Exception as error:  # whatever it is, the other repositories of the batch are processed
            return _fail(run, failures.as_ours(run.repository.name, error))
    raise AssertionError("the loop returns")


def _attempt(run: _Run) -> RepositoryOutcome:
    """Gather: ask the host and fetch. Then ingest, wake, and record the head."""
    repository = run.repository
    mirror = run.open_mirror(repository)
    seen = repository_heads.last_seen(run.connection, repository.id)
    head = mirror.head()
    if head is None:
        return _without_branch(run, mirror)
    if repository_heads.answered(run.connection, repository.id):
        with transaction(run.connection) as cursor:
            schedule.make_failed_due(cursor, Target.GIT, repository_id=repository.id)
    commit = fetch_branch(mirror, repository, head, seen=seen)
    fabrics = [fabric for fabric in _fabrics(run) if not run.only or fabric.name in run.only]
    sourced = [one for one in fabrics if one.source_of_truth is SourceOfTruth.GIT]
    outcomes = _ingest(run, commit, sourced)
    if reviewed := _decide_by_reviews(run, commit, sourced):
        taken_in = {one.fabric: one for one in _ingest(run, commit, reviewed)}
        outcomes = tuple({**{one.fabric: one for one in outcomes}, **taken_in}.values())
    woken = _wake(run, commit, [one for one in fabrics if one.source_of_truth is SourceOfTruth.DATABASE])
    if not run.only:  # with a selection of fabrics, the others have not seen the head
        repository_heads.record(run.connection, repository.id, head, replaced=commit.replaced)
    return RepositoryOutcome(repository.name, str(commit.revision), commit.moved, commit.replaced, outcomes, woken)


def _without_branch(run: _Run, mirror: Mirror) -> RepositoryOutcome:
    """A branch that nobody has pushed yet is fine where the database owns all fabrics: the first sync creates it.

    Raises NotFound where the branch existed before, or where Git is the source of a fabric.
    """
    lost_branches.refuse_if_known(run.connection, run.repository, mirror)
    sources = {fabric.source_of_truth for fabric in _fabrics(run)}
    if sources != {SourceOfTruth.DATABASE}:
        raise NotFound(f"{mirror.remote}: the branch does not exist; push it, or correct the repository's branch")
    repository_heads.record(run.connection, run.repository.id, None)
    return RepositoryOutcome(run.repository.name)


def left_directories(connection: Connection, repository: GitRepository) -> list[LeftDirectory]:
    """The directories on this branch of *repository*, however spelt, that fabrics left and no fabric has again."""
    return [
        one
        for one in repository_heads.left_directories(connection)
        if one.branch == repository.branch and (one.url == repository.url or same_repository(one.url, repository.url))
    ]


def _fabrics(run: _Run) -> list[Fabric]:
    names = repository_heads.enabled_fabrics(run.connection, run.repository.id)
    return fabric_store.load_fabrics(run.connection, names)


def _ingest(run: _Run, commit: Commit, fabrics: Sequence[Fabric]) -> tuple[Outcome, ...]:
    """Ingest the fabrics that Git is the source of."""
    claimed = claims.claim(
        run.connection,
        Target.GIT,
        [fabric.name for fabric in fabrics],
        skip_reason=_skip_reason,
        now=datetime.now(UTC),
        dry_run=False,
        due_only=False,
        writes=False,
    )
    others, left = neighbours(run.connection, run.repository), left_directories(run.connection, run.repository)
    reads_reviews = run.open_host is not None
    ingestion = Ingestion(
        run.connection, run.run_id, run.find_refusals, run.force, run.at_once, others, left, reads_reviews
    )
    with claimed as (taken, skipped):
        states = _states(run.connection, [fabric.name for fabric in taken])
        done = []
        for fabric in taken:
            run.check_time()
            done.append(ingest(ingestion, commit, fabric, states.get(fabric.name)))
    return (*skipped, *(outcome for outcome in done if outcome is not None))


def _decide_by_reviews(run: _Run, commit: Commit, fabrics: Sequence[Fabric]) -> list[Fabric]:
    """Look at the reviews of what waits for approval; the fabrics whose change is approved thereby."""
    if run.open_host is None:
        return []
    by_name = {fabric.name: fabric for fabric in fabrics}
    waiting = reviewable(run.connection, by_name)
    states = _states(run.connection, [one.fabric for one in waiting]) if waiting else {}
    changes = []
    for one in waiting:
        fabric, since = by_name[one.fabric], last_taken_in(commit, states.get(one.fabric))
        directory = fabric.git_directory
        # What waits must be what the branch has now; else the next run finds another change first.
        if since and one.origin.commit == history.introduction(commit.mirror, commit.head, directory, since=since):
            changes.append(PushedChange(one, fabric, since))
    decided = decide_by_reviews(
        run.connection, run.repository, commit, changes, open_host=run.open_host, run_id=run.run_id
    )
    return [by_name[name] for name in decided]


def _wake(run: _Run, commit: Commit, fabrics: Sequence[Fabric]) -> tuple[str, ...]:
    """Make those fabrics that the database owns due at Git whose files were changed by others, or whose pull request may
    have been merged or overtaken; their names."""
    if commit.note:
        _record_forced_push(run, commit, fabrics)
    ids = [fabric.id for fabric in fabrics if changes_directory(commit, fabric.git_directory)]
    records = git_files.files(run.connection, ids)
    asking = pull_requests.asking_fabrics(run.connection, run.repository)
    touched = [one for one in ids if one in asking or changes_files(commit, records[one])]
    return tuple(schedule.make_due(run.connection, Target.GIT, touched))


def _states(connection: Connection, names: Sequence[str]) -> dict[str, sync_state.SyncState]:
    return {state.fabric: state for state in sync_state.states(connection, names) if state.target is Target.GIT}


def _skip_reason(fabric: Fabric) -> str:
    return "" if fabric.git_sync_enabled else "Git sync is not enabled"


def _record_forced_push(run: _Run, commit: Commit, fabrics: Iterable[Fabric]) -> None:
    """A forced push is recorded in the history of every fabric of the branch, whether its files differ or not."""
    revision = str(commit.revision)
    with transaction(run.connection) as cursor:
        for fabric in fabrics:
            outcome = Outcome(fabric.name, Target.GIT, OutcomeStatus.SUCCESS, fabric.generation, revision, None, {})
            sync_state.append_event(cursor, fabric.id, replace(outcome, reason=commit.note), run.run_id)


def _fail(run: _Run, error: HedgehogError) -> RepositoryOutcome:
    """A repository that cannot be read: an error for each fabric that Git is the source of and that is due."""
    repository_heads.record(run.connection, run.repository.id, None, trouble=type(error).__name__)
    ingestion = Ingestion(run.connection, run.run_id, run.find_refusals)
    sourced = [fabric for fabric in _fabrics(run) if fabric.source_of_truth is SourceOfTruth.GIT]
    states = _states(run.connection, [fabric.name for fabric in sourced])
    now = datetime.now(UTC)
    due = [one for one in sourced if is_due(states.get(one.name)) and not claims.suspension(one, now)]
    outcomes = tuple(record_failure(ingestion, fabric, error) for fabric in due)
    return RepositoryOutcome(run.repository.name, outcomes=outcomes, error=error)
