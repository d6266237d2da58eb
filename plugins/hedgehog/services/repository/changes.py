"""Pushed revisions → affected fabrics: one look at each repository that a webhook, the clock or a person names.

Deliveries only say where to look. The host is asked for the head of the branch, and what differs from the last look is
worked on: a fabric whose source of truth is Git is taken into the database (its cluster follows), one that the database
owns becomes due at Git where files that we wrote were touched (`git_sync` then holds, overwrites or adopts).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hedgehog.errors import HedgehogError, NotFound, NotReached, PermanentError, PushRace, RetryableError, WorkKilled
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, SourceOfTruth, Target
from hedgehog.gitops.addresses import same_repository
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.services import claims, failures
from hedgehog.services.git import lost_branches
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.repository import intake as git_intake
from hedgehog.services.repository.intake import Commit, Intake
from hedgehog.services.repository.plan import is_about
from hedgehog.services.validation import Judge, judge
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, inbox, repository_heads, schedule, sync_state
from hedgehog.store.database import Connection, Lock, transaction, unlock, wait_lock
from hedgehog.store.inbox import BRANCH, Delivery, Status
from hedgehog.store.repository_heads import LeftDirectory

logger = logging.getLogger(__name__)

MOST_RACES = 3
"""Times that a branch may be replaced while it is read before that counts as an error."""
REPLACED_REF = "refs/hedgehog/replaced/"
"""Where the mirror keeps a head that a forced push dropped, so that nobody's commits are lost."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one repository found, and what happened to its fabrics."""

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
    error: Exception | None = None

    @property
    def found(self) -> str:
        """The result that is recorded for the delivery that led here."""
        return f"looked at {self.revision}" if self.revision else "the branch is not there yet"

    @property
    def failed(self) -> bool:
        """Whether anything must be seen by a person or tried again."""
        return self.error is not None or any(one.status is OutcomeStatus.ERROR for one in self.outcomes)

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
            "error": str(self.error) if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class _Run:
    connection: Connection
    repository: GitRepository
    open_mirror: OpenMirror
    run_id: str
    judge: Judge
    only: frozenset[str]
    forced: bool
    at_once: bool
    deadline: float

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
    forced: bool = False,
    at_once: bool = False,
    judge: Judge = judge,
    deadline: float = math.inf,
) -> list[Look]:
    """Look at the named repositories, one after the other, and say what was found and done.

    Everything is recorded after the effect: outcomes of fabrics, the head of the branch, deliveries. A repository's
    trouble is its own. *fabrics* narrows it to those; *forced* compares every file although nothing moved;
    *at_once* asks also those fabrics whose time has not come: a person waits. After *deadline*
    (of `time.monotonic`) nothing more is begun, and what was not reached is looked at by the next run. Raises only
    for the fabric database's own failures.
    """
    rows = {row.name: row for row in fabric_store.load_repositories(connection)}
    only = frozenset(fabrics)
    runs = [
        _Run(connection, rows[name], open_mirror, run_id, judge, only, forced, at_once, deadline)
        for name in names
        if name in rows
    ]
    return [_follow(run) for run in runs]


def _follow(run: _Run) -> Look:
    """One repository, with the deliveries that name it, while none of our syncs pushes to it."""
    try:
        run.check_time()
    except NotReached as error:
        return Look(run.repository.name, error=error)
    about = [one.id for one in inbox.pending(run.connection, (BRANCH,)) if is_about(one, run.repository)]
    deliveries = inbox.claim(run.connection, (BRANCH,), len(about), ids=about) if about else []
    wait_lock(run.connection, Lock.REPOSITORY, run.repository.id)
    try:
        look = replace(_guarded(run, deliveries), deliveries=len(deliveries))
    finally:
        unlock(run.connection, Lock.REPOSITORY, [run.repository.id])
    for delivery in deliveries:
        _finish(run.connection, delivery, look)
    if look.error is None:
        late = [one.id for one in inbox.given_up(run.connection, BRANCH) if is_about(one, run.repository)]
        inbox.settle(run.connection, late, look.found)
    return look


def _guarded(run: _Run, deliveries: Sequence[Delivery]) -> Look:
    """Look, unless that killed the process too often; what is new, an hour, or a person make us try again."""
    repository = run.repository
    deaths = repository_heads.killed(run.connection).get(repository.id, 0)
    news = any(not delivery.killed for delivery in deliveries)
    if deaths >= repository_heads.MOST_KILLED and not (run.forced or run.at_once) and not news:
        return _fail(
            run,
            WorkKilled(
                f"{repository.name}: the last {deaths} looks at it were killed (time limit, out of memory); make it smaller, or "
                "give the workers more of both. It is looked at once an hour, at the next push, and when triggered by hand"
            ),
        )
    repository_heads.begin(run.connection, repository.id)
    try:
        look = _look(run)
    except Exception:  # it has ended, if badly; the time limit of the task is not an Exception
        repository_heads.end(run.connection, repository.id)
        raise
    repository_heads.end(run.connection, repository.id)
    return look


def _finish(connection: Connection, delivery: Delivery, look: Look) -> None:
    if look.error is None:
        inbox.finish(connection, delivery.id, Status.DONE, look.found)
        return
    inbox.finish(
        connection,
        delivery.id,
        Status.FAILED,
        str(look.error),
        retry_after=getattr(look.error, "retry_after", None),
        retryable=not isinstance(look.error, PermanentError),
    )


def _look(run: _Run) -> Look:
    """Ask the host, take in what is new, note the head. A branch that is replaced meanwhile is looked at again."""
    for race in range(1, MOST_RACES + 1):
        try:
            return _look_once(run)
        except PushRace as error:
            if race == MOST_RACES:
                return _fail(run, error)
            logger.info("%s (race %s of %s)", error, race, MOST_RACES)
        except NotReached as error:  # nobody's trouble: the head is not noted, so the next run takes it up
            return Look(run.repository.name, error=error)
        except Exception as error:  # whatever it is, the other repositories of the batch are looked at
            return _fail(run, _told(run, error))
    raise AssertionError("the loop returns")


def _told(run: _Run, error: Exception) -> HedgehogError:
    """*error*, as one of ours. An unexpected error is retried, and may quote a secret: only its place is reported."""
    if isinstance(error, HedgehogError):
        return error
    logger.error("%s: nobody foresaw this error", run.repository.name, exc_info=error)
    told = RetryableError(f"{run.repository.name}: {failures.describe(error)[0]}")
    told.__cause__ = error
    return told


def _look_once(run: _Run) -> Look:
    repository = run.repository
    mirror = run.open_mirror(repository)
    seen = repository_heads.last_seen(run.connection, repository.id)
    head = mirror.head()
    if head is None:
        return _without_branch(run, mirror)
    if repository_heads.answered(run.connection, repository.id):
        with transaction(run.connection) as cursor:
            schedule.look_again(cursor, Target.GIT, repository_id=repository.id)
    replaced = _fetch(mirror, seen, head)
    commit = Commit(mirror, head, moved=head != seen, note=_note(repository, seen, replaced, mirror))
    outcomes, woken = _tell_fabrics(run, commit, seen)
    if not run.only:  # who looked at some fabrics only has not taken the head in
        repository_heads.record(run.connection, repository.id, head, replaced=replaced)
    return Look(repository.name, str(commit.revision), commit.moved, replaced, outcomes, woken)


def _without_branch(run: _Run, mirror: Mirror) -> Look:
    """A branch that nobody has pushed yet is in order where all fabrics are ours to publish: the first sync makes it.

    Raises NotFound where it was there once, or where somebody waits for what is in it.
    """
    lost_branches.refuse_if_known(run.connection, run.repository, mirror)
    sources = {fabric.source_of_truth for fabric in _fabrics(run)}
    if sources != {SourceOfTruth.DATABASE}:
        raise NotFound(f"{mirror.remote}: the branch does not exist; push it, or correct the repository's branch")
    repository_heads.record(run.connection, run.repository.id, None)
    return Look(run.repository.name)


def _fetch(mirror: Mirror, seen: str | None, head: str) -> str | None:
    """Have *head*; the head before, if the new one does not contain it. That one is kept in the mirror."""
    if seen is None or seen == head:
        mirror.fetch(head)
        return None
    kept = f"{REPLACED_REF}{seen}"
    here = mirror.has(seen)
    if here:  # before the fetch, after which nothing else would hold it
        mirror.git(["update-ref", kept, seen])
    mirror.fetch(head)
    if mirror.is_ancestor(seen, head):
        mirror.git(["update-ref", "-d", kept])
        return None
    return seen


def _note(repository: GitRepository, seen: str | None, replaced: str | None, mirror: Mirror) -> str:
    if replaced is None:
        return ""
    where = f"kept as {REPLACED_REF}{replaced} in the clone" if mirror.has(replaced) else "not in the clone any more"
    note = f"branch {repository.branch} was force-pushed: {replaced[:12]} is no longer part of it ({where})"
    logger.warning("%s: %s", repository.name, note)
    return note


def _tell_fabrics(run: _Run, commit: Commit, seen: str | None) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
    """Take in the fabrics that Git is the source of, and have a look taken at the others that were touched."""
    here = _fabrics(run)
    chosen = [fabric for fabric in here if not run.only or fabric.name in run.only]
    outcomes = _take_in(run, commit, chosen)
    owned = [fabric for fabric in chosen if fabric.source_of_truth is SourceOfTruth.DATABASE]
    if commit.note:
        _tell_history(run, commit, owned)
    touched = [fabric.id for fabric in owned if _is_touched(run.connection, commit, fabric, seen)]
    return outcomes, tuple(schedule.make_due(run.connection, Target.GIT, touched))


def left_directories(connection: Connection, repository: GitRepository) -> list[LeftDirectory]:
    """The directories on this branch of *repository*, however spelt, that fabrics left and no fabric has again."""
    return [
        one
        for one in repository_heads.left_directories(connection)
        if one.branch == repository.branch and (one.url == repository.url or same_repository(one.url, repository.url))
    ]


def _fabrics(run: _Run) -> list[Fabric]:
    names = repository_heads.fabrics(run.connection, run.repository.id)
    return fabric_store.load_fabrics(run.connection, names)


def _take_in(run: _Run, commit: Commit, fabrics: Iterable[Fabric]) -> tuple[Outcome, ...]:
    names = [fabric.name for fabric in fabrics if fabric.source_of_truth is SourceOfTruth.GIT]
    claimed = claims.claim(
        run.connection,
        Target.GIT,
        names,
        unwilling=_unwilling,
        now=datetime.now(UTC),
        dry_run=False,
        due_only=False,
    )
    others, left = neighbours(run.connection, run.repository), left_directories(run.connection, run.repository)
    intake = Intake(run.connection, run.run_id, run.judge, run.forced, run.at_once, others, left)
    with claimed as (taken, skipped):
        states = _states(run.connection, [fabric.name for fabric in taken])
        done = []
        for fabric in taken:
            run.check_time()
            done.append(git_intake.take_in(intake, commit, fabric, states.get(fabric.name)))
    return (*skipped, *(outcome for outcome in done if outcome is not None))


def _states(connection: Connection, names: Sequence[str]) -> dict[str, sync_state.State]:
    return {state.fabric: state for state in sync_state.states(connection, names) if state.target is Target.GIT}


def _unwilling(fabric: Fabric) -> str:
    return "" if fabric.git_sync_enabled else "Git sync is not enabled"


def _is_touched(connection: Connection, commit: Commit, fabric: Fabric, seen: str | None) -> bool:
    """Whether the push changed a file that we wrote. Differences that were reported before do not count."""
    mirror, directory = commit.mirror, fabric.git_directory
    before = seen if seen is not None and mirror.has(seen) else None
    if before is not None and mirror.tree_id(before, directory) == mirror.tree_id(commit.head, directory):
        return False
    records = git_files.files(connection, [fabric.id])[fabric.id]
    then = mirror.lookup(before, records).files if before is not None else {}
    now = mirror.lookup(commit.head, records).files
    return any(
        now.get(path) != record.blob_id and (before is None or now.get(path) != then.get(path))
        for path, record in records.items()
    )


def _tell_history(run: _Run, commit: Commit, fabrics: Iterable[Fabric]) -> None:
    """A forced push belongs into the history of every fabric of the branch, whether its files differ or not."""
    revision = str(commit.revision)
    with transaction(run.connection) as cursor:
        for fabric in fabrics:
            outcome = Outcome(fabric.name, Target.GIT, OutcomeStatus.SUCCESS, fabric.generation, revision, None, {})
            sync_state.append_event(cursor, fabric.id, replace(outcome, reason=commit.note), run.run_id)


def _fail(run: _Run, error: HedgehogError) -> Look:
    """A repository that cannot be entered: an error of each fabric that Git is the source of, when its time has come."""
    repository_heads.record(run.connection, run.repository.id, None, trouble=type(error).__name__)
    intake = Intake(run.connection, run.run_id, run.judge)
    sourced = [fabric for fabric in _fabrics(run) if fabric.source_of_truth is SourceOfTruth.GIT]
    states = _states(run.connection, [fabric.name for fabric in sourced])
    now = datetime.now(UTC)
    due = [one for one in sourced if git_intake.is_due(states.get(one.name)) and not claims.suspension(one, now)]
    outcomes = tuple(git_intake.record_failure(intake, fabric, error) for fabric in due)
    return Look(run.repository.name, outcomes=outcomes, error=error)
