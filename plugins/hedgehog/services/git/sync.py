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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from hedgehog.errors import HedgehogError, InvalidInput, PermissionDenied, PushRace
from hedgehog.fabric.changes import Outcome
from hedgehog.fabric.model import Fabric, GitRepository, PushMode, SourceOfTruth, Target
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.hosts.host import Feature
from hedgehog.services import claims
from hedgehog.services.git.asking import ask_for_merges
from hedgehog.services.git.fabric_run import (
    Dependencies,
    PlannedPublication,
    RepositoryRun,
    RequestAccess,
    SyncOptions,
    conclude_fabric,
    fail,
    head_of,
    leave_due,
    plan_one,
    record_unopened,
)
from hedgehog.services.git.host_signing import open_signing_host, publish_at
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.git.observe import Job
from hedgehog.services.waits import WindowOverride
from hedgehog.store import repository_heads, sync_state
from hedgehog.store.database import Connection, Lock, unlock, wait_lock

logger = logging.getLogger(__name__)

__all__ = ["Dependencies", "plan", "sync"]

MOST_RACES = 5
"""How often a lost push is planned again before it counts as an error."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.4


def plan(connection: Connection, *, fabrics: Sequence[str] | None = None, force: bool = False) -> list[list[str]]:
    """Batches of fabrics that need a sync to Git; see `claims.plan`."""
    return claims.plan(connection, Target.GIT, now=datetime.now(UTC), fabrics=fabrics, force=force)


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
    override: WindowOverride | None = None,
    dependencies: Dependencies | None = None,
    requests: RequestAccess | None = None,
    deadline: float = math.inf,
    planned_from: Mapping[str, int] | None = None,
) -> list[Outcome]:
    """Bring the directories of the named fabrics in sync and return an outcome for each, in the order of *names*.

    Every outcome is recorded after its effect, except for dry runs and fabrics that were skipped at once (suspended, not
    enabled, locked by another run). An error of one fabric does not affect the others; a repository that cannot be opened
    is an error of each of its fabrics. *force* compares every file, but overwrites no edit that the policy holds.
    *dry_run* writes nothing. Where the repository takes changes by pull requests only, they are opened and followed
    with *requests*, and a fabric waits until its own is merged. With *due_only*, fabrics that are no longer
    due are skipped. Without *wake_kubernetes*, the caller applies what is published. An *override* has fabrics written
    outside of their windows. After *deadline* (of `time.monotonic`) nothing more is started: what was planned is pushed
    and recorded, fabrics that were not reached stay due. A fabric whose
    generation is not that in *planned_from* is skipped. Raises only if the fabric database fails.
    """
    names = list(dict.fromkeys(names))
    options = SyncOptions(run_id, force, dry_run, wake_kubernetes, dependencies or Dependencies(), requests, deadline)
    claimed = claims.claim(
        connection,
        Target.GIT,
        names,
        skip_reason=_skip_reason,
        now=options.dependencies.clock(),
        dry_run=dry_run,
        due_only=due_only,
        override=override,
        planned_from=planned_from,
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
    connection: Connection,
    repository: GitRepository,
    jobs: Sequence[Job],
    open_mirror: OpenMirror,
    options: SyncOptions,
) -> list[Outcome]:
    """Sync the fabrics of one repository; if it cannot be opened, that is an error of each."""
    started = time.perf_counter()
    if options.is_over():
        return leave_due(connection, jobs, options)
    try:
        mirror = open_mirror(repository)
    except Exception as error:
        return [record_unopened(connection, job, error, options, started) for job in jobs]
    run = RepositoryRun(connection, repository, mirror, options, started)
    if options.dry_run:
        return _publish(run, jobs)
    wait_lock(connection, Lock.REPOSITORY, repository.id)
    try:
        return ask_for_merges(run, jobs) if repository.push is PushMode.PULL_REQUEST else _publish(run, jobs)
    finally:
        unlock(connection, Lock.REPOSITORY, [repository.id])


def _publish(run: RepositoryRun, jobs: Sequence[Job]) -> list[Outcome]:
    """Plan, commit and push until no other push interferes; the outcome of every fabric is recorded."""
    by_host = run.mirror.remote.credentials.signed_by_host and not run.options.dry_run
    attempt = _attempt_at_host if by_host else _attempt
    outcomes: list[Outcome] = []
    races = 0
    while True:
        try:
            for outcome in attempt(run, jobs[len(outcomes) :]):
                outcomes.append(outcome)
            return outcomes
        except PushRace as error:
            races += 1
            if races > MOST_RACES:
                return outcomes + [fail(run, job, error) for job in jobs[len(outcomes) :]]
            logger.info("%s (race %s of %s)", error, races, MOST_RACES)
            run.options.dependencies.pause(random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE))
        except Exception as error:
            return outcomes + [fail(run, job, error) for job in jobs[len(outcomes) :]]


def _attempt(run: RepositoryRun, jobs: Sequence[Job]) -> list[Outcome]:
    """One attempt on the branch as it is now, for as many fabrics as there is time for.

    Raises PushRace, or an error that concerns all of the fabrics.
    """
    head = head_of(run)
    others = neighbours(run.connection, run.repository)
    planned: list[PlannedPublication] = []
    tip = head
    for job in jobs:
        if run.options.is_over():
            break
        planned.append(plan_one(run, job, head, tip, others))
        tip = planned[-1].commit or tip
    return _push(run, planned, head, tip) + leave_due(run.connection, jobs[len(planned) :], run.options)


def _attempt_at_host(run: RepositoryRun, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """The same where the host makes the commits: one request for each, on top of the one before.

    What it has yielded is published and recorded, also when it then raises PushRace.
    """
    if run.options.requests is None:
        raise InvalidInput(f"{run.repository.name}: the host signs its commits, and this sync enters no host")
    with closing(open_signing_host(run.repository, run.options.requests.open_host)) as host:
        head = head_of(run)
        others = neighbours(run.connection, run.repository)
        for number, job in enumerate(jobs):
            if run.options.is_over():
                yield from leave_due(run.connection, jobs[number:], run.options)
                return
            planned = plan_one(run, job, head, head, others)
            if planned.commit:
                try:
                    head = publish_at(host, run.mirror, planned.commit)
                except PushRace:
                    raise
                except Exception as error:  # no error of one fabric, foreseen or not, may stop the others of the batch
                    yield fail(run, job, error)
                    continue
                planned = replace(planned, commit=head)
            yield conclude_fabric(run, planned, head)


def _push(
    run: RepositoryRun, planned: Sequence[PlannedPublication], head: str | None, tip: str | None
) -> list[Outcome]:
    """Publish what was committed on top of *head* up to *tip*, and record all that was planned."""
    if tip is None or tip == head or run.options.dry_run:
        return [conclude_fabric(run, one, head) for one in planned]
    try:
        commits.push(run.mirror, tip, head)
    except PushRace:
        raise
    except Exception as error:
        error = _advised(run, error) if isinstance(error, PermissionDenied) else error
        committed = [one.job for one in planned if one.commit]
        if isinstance(error, PermissionDenied | InvalidInput) and len(committed) > 1:
            # A rule or size limit of the host may concern the commit of only one fabric: push them one by one.
            return [outcome for one in planned for outcome in _publish(run, [one.job])]
        return [fail(run, one.job, error) if one.commit else conclude_fabric(run, one, head) for one in planned]
    if head is None:
        repository_heads.remember(run.connection, run.repository.url, run.repository.branch)
    return [conclude_fabric(run, one, head) for one in planned]


def _advised(run: RepositoryRun, refusal: PermissionDenied) -> PermissionDenied:
    """*refusal* of a push, with the way around it where the host says that the branch is protected."""
    requests = run.options.requests
    if requests is None:
        return refusal
    try:
        with closing(requests.open_host(run.repository)) as host:
            knows = {Feature.PROTECTION, Feature.PULL_REQUESTS} <= host.offers
            is_protected = knows and host.is_protected(run.repository.branch)
    except HedgehogError as error:
        logger.info("%s: whether the branch is protected is not known: %s", run.repository.name, error)
        return refusal
    if not is_protected:
        return refusal
    way = f"with push: pull_request, the GitRepository {run.repository.name} gets its changes by pull requests"
    return PermissionDenied(f"{refusal}. The branch is protected: {way} (docs/hosts.md)")
