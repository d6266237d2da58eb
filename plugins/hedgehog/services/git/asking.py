"""Fabrics → pull requests: what a sync to Git does where the repository takes changes in no other way.

Each fabric has a branch of its own, which only we write, and at most one open pull request, which is kept up to date with
the fabric and with the branch that it goes to. What is merged counts as published; until then the fabric waits. Nobody's
work is lost: a branch to which others pushed is left alone, and a request that somebody closed is not opened again until
the fabric changes or a person wants it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from hedgehog.errors import HedgehogError, InvalidInput, NotFound
from hedgehog.fabric.changes import Action, Outcome, OutcomeStatus
from hedgehog.fabric.model import Revision, Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.fabric.request_settings import RequestSettings, request_branch
from hedgehog.fabric.shown import listed
from hedgehog.gitops import commit as commits
from hedgehog.gitops import history
from hedgehog.hosts.host import Feature, Host, PullRequest
from hedgehog.hosts.reports import shortened
from hedgehog.services.git.fabric_run import (
    DescribeChange,
    PlannedPublication,
    RepositoryRun,
    commit_of,
    conclude_fabric,
    fail,
    head_of,
    leave_due,
    plan_of,
    record_outcome,
)
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.git.observe import Job, is_from_sync
from hedgehog.services.git.plan import FilePlan
from hedgehog.store import pull_requests as store
from hedgehog.store import sync_state
from hedgehog.store.database import transaction
from hedgehog.store.pull_requests import RequestedChange

logger = logging.getLogger(__name__)

SOON = 60.0
"""Seconds until the next look at a request that the host may merge by itself at any moment."""
_MOST_NAMED = 3
_SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class _Asking:
    """One repository during one batch, entered at its host."""

    run: RepositoryRun
    host: Host
    describe: DescribeChange
    settings: RequestSettings
    head: str
    """The head of the branch that requests go to."""
    others: Mapping[str, str]
    branches: Mapping[str, str]
    """The branches of the fabrics at the host, with their heads."""

    def at_head(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Those of *paths* that the branch has, with their blob ids."""
        return self.run.mirror.lookup(self.head, paths).files


def ask_for_merges(run: RepositoryRun, jobs: Sequence[Job]) -> list[Outcome]:
    """Ask for the changes of the fabrics, follow what became of earlier requests, and record the outcomes.

    What concerns one fabric affects no other; a host that cannot be entered is an error of each.
    """
    try:
        asking = _entered(run, jobs)
    except Exception as error:
        return [fail(run, job, error) for job in jobs]
    outcomes: list[Outcome] = []
    with closing(asking.host):
        for job in jobs:
            if run.options.is_over():
                break
            try:
                outcomes.append(_ask_one(asking, job))
            except Exception as error:  # no error of one fabric, foreseen or not, may stop the others of the batch
                outcomes.append(fail(run, job, error))
    return outcomes + leave_due(run.connection, jobs[len(outcomes) :], run.options)


def _entered(run: RepositoryRun, jobs: Sequence[Job]) -> _Asking:
    head, repository = head_of(run), run.repository
    if head is None:
        raise InvalidInput(
            f"{run.mirror.remote}: the branch does not exist yet, and a pull request cannot make it; push a first commit"
        )
    others = neighbours(run.connection, repository)
    branches = run.mirror.heads([request_branch(job.fabric) for job in jobs])
    if run.mirror.remote.credentials.signed_by_host:
        raise InvalidInput(
            f"git_repository {repository.name}: its connection {repository.connection_id} has signing: host, which signs no "
            "pull requests of ours; give it a signing_key instead, or set push: direct (docs/signing.md)"
        )
    if run.options.requests is None:
        raise InvalidInput(f"{repository.name}: takes changes by pull requests only, and this sync opens none")
    host = run.options.requests.open_host(repository)
    if Feature.PULL_REQUESTS not in host.offers:
        host.close()
        raise InvalidInput(f"{repository.name}: {host.type.title} offers no pull requests; set push: direct")
    settings = RequestSettings.of(repository.pull_requests)
    return _Asking(run, host, run.options.requests.describe, settings, head, others, branches)


def _ask_one(asking: _Asking, job: Job) -> Outcome:
    run, fabric = asking.run, job.fabric
    known = store.find(run.connection, fabric.id, run.repository)
    merged: Outcome | None = None
    if known is not None:
        known, merged = _followed(asking, job, known)
    if merged is not None:
        job = replace(job, state=_state(run, job))
    plan = plan_of(run, job, asking.head, asking.head, asking.others)
    if not plan.changes:
        if known is not None:
            _withdraw(asking, job, known)
        done = conclude_fabric(run, PlannedPublication(job, plan), asking.head)
        return merged if merged is not None and done.status is OutcomeStatus.SKIPPED else done
    wanted = {path: commits.blob_id(content) if content is not None else None for path, content in plan.changes.items()}
    if known is not None and known.rejected_by is not None:
        if known.files == wanted:
            return _waiting(asking, job, plan, known, _rejection(known))
        _forget(run, job)
        known = None
    at_host = asking.branches.get(request_branch(fabric))
    if at_host is not None and (strangers := _strangers(asking, job, at_host, wanted, known)):
        return _waiting(asking, job, plan, known, _edited(job, known, strangers))
    is_new = known is None or not _is_current(asking, job, known, wanted, at_host)
    request = _publish(asking, job, plan, wanted, at_host) if known is None or is_new else known
    asked = _merged_when_ready(asking, job, request)
    merges_soon = asking.settings.auto_merge and (is_new or asked.merge_asked != request.merge_asked)
    return _waiting(asking, job, plan, asked, look_again=SOON if merges_soon else None)


def _state(run: RepositoryRun, job: Job) -> sync_state.SyncState | None:
    found = sync_state.states(run.connection, [job.fabric.name])
    return next((state for state in found if state.target is Target.GIT), None)


# What became of a request ------------------------------------------------------------------------------------------------


def _followed(asking: _Asking, job: Job, known: RequestedChange) -> tuple[RequestedChange | None, Outcome | None]:
    """The request as it is now, None if it has ended; and the outcome of the publication, if all of it was merged."""
    run = asking.run
    try:
        pull = asking.host.pull(known.number)
    except NotFound:
        _forget(run, job)
        return None, None
    there = asking.at_head(list(known.files))
    landed = [path for path, blob in known.files.items() if there.get(path) == blob]
    if len(landed) == len(known.files):
        return None, _record_merge(asking, job, known, landed)
    if pull.merged:  # with changes by others in it, which are held as edits
        with transaction(run.connection) as cursor:
            store.record_merged(cursor, job.fabric.id, landed)
            store.forget(cursor, job.fabric.id)
        return None, None
    rejected_by = (asking.host.closed_by(pull) or _SOMEBODY) if pull.state != "open" else None
    if rejected_by == known.rejected_by:
        return known, None
    known = replace(known, rejected_by=rejected_by)
    _note(run, job, known)
    return known, None


def _record_merge(asking: _Asking, job: Job, known: RequestedChange, landed: Sequence[str]) -> Outcome:
    """Count what was asked for as published, in the generation that it is from."""
    run, fabric = asking.run, job.fabric
    mirror, branch = run.mirror, run.repository.branch
    outcome = Outcome(
        fabric.name,
        Target.GIT,
        OutcomeStatus.SUCCESS,
        generation=known.generation,
        revision=str(Revision(branch, asking.head)),
        commit=history.introduction(mirror, asking.head, fabric.git_directory, since=known.base),
        counts={Action.CONFIGURED.value: len(landed)},
        reason=f"{known.url} was merged",
        duration=time.perf_counter() - run.started,
    )
    with transaction(run.connection) as cursor:
        store.record_merged(cursor, fabric.id, landed)
        store.forget(cursor, fabric.id)
        options = run.options
        sync_state.finish(cursor, fabric.id, outcome, run_id=options.run_id, wake_kubernetes=options.wake_kubernetes)
    return outcome


def _withdraw(asking: _Asking, job: Job, known: RequestedChange) -> None:
    """Close a request for a change that nobody wants any more."""
    pull = asking.host.pull(known.number)
    if pull.state == "open":
        asking.host.close_pull(pull)
    _forget(asking.run, job)


def _forget(run: RepositoryRun, job: Job) -> None:
    with transaction(run.connection) as cursor:
        store.forget(cursor, job.fabric.id)


def _note(run: RepositoryRun, job: Job, known: RequestedChange) -> None:
    with transaction(run.connection) as cursor:
        store.note(
            cursor,
            job.fabric.id,
            rejected_by=known.rejected_by,
            merge_asked=known.merge_asked,
            note=known.note,
        )


# Asking ------------------------------------------------------------------------------------------------------------------


def _strangers(
    asking: _Asking,
    job: Job,
    at_host: str,
    wanted: Mapping[str, str | None],
    known: RequestedChange | None,
) -> list[history.Edit]:
    """The commits of others on the branch of the fabric whose content a push of ours would drop."""
    if known is not None and at_host == known.head:
        return []
    mirror = asking.run.mirror
    mirror.fetch(at_host, ref=f"refs/heads/{request_branch(job.fabric)}")
    found = history.branch_edits(mirror, at_host, asking.head)
    there = mirror.lookup(at_host, found).files
    lost = [edit for path, edit in found.items() if path not in wanted or there.get(path) != wanted[path]]
    return list({edit.commit: edit for edit in lost if not is_from_sync(job.fabric, edit)}.values())


def _is_current(
    asking: _Asking, job: Job, known: RequestedChange, wanted: Mapping[str, str | None], at_host: str | None
) -> bool:
    """Whether the request asks for what is wanted, on top of the directory as it is now."""
    mirror, directory = asking.run.mirror, job.fabric.git_directory
    if at_host is None or known.files != wanted or not mirror.has(known.base):
        return False
    return mirror.tree_id(known.base, directory) == mirror.tree_id(asking.head, directory)


def _publish(
    asking: _Asking, job: Job, plan: FilePlan, wanted: Mapping[str, str | None], at_host: str | None
) -> RequestedChange:
    """Push the change to the branch of the fabric, and open its request or bring it up to date."""
    run, fabric, host = asking.run, job.fabric, asking.host
    branch, base = request_branch(fabric), run.repository.branch
    commit = commit_of(run, job, plan, asking.head)
    if commit is None:
        raise AssertionError("a plan with changes makes a commit")
    commits.push_own_branch(run.mirror, commit, branch, at_host)
    title, body = history.head_edit(run.mirror, commit).subject, _body(asking, job, plan)
    pull = host.find_pull(head=branch, base=base)
    if pull is None:
        pull = host.open_pull(title=title, body=body, head=branch, base=base)
    else:
        host.edit_pull(pull, title=title, body=body)
    request = RequestedChange(pull.number, pull.url, commit, asking.head, fabric.generation, dict(wanted))
    request = replace(request, note=add_people(host, asking.settings, pull))
    written = [file for file in plan.written if plan.changes.get(file.path) is not None]
    with transaction(run.connection) as cursor:
        store.save(cursor, fabric.id, run.repository, request, written)
    return request


def _body(asking: _Asking, job: Job, plan: FilePlan) -> str:
    """What merging it would do, as the plan says it everywhere."""
    fabric, revision = job.fabric, str(Revision(asking.run.repository.branch, asking.head))
    text = asking.describe(asking.run.connection, fabric, plan, revision)
    ending = (
        f"\nMerging this publishes generation {fabric.generation} of fabric `{fabric.name}`, and its cluster follows. "
        "Closing it without merging rejects the change. Hedgehog on Airflow keeps it up to date.\n"
    )
    return shortened(text, asking.host.type.longest_comment - len(ending)) + ending


def add_people(host: Host, settings: RequestSettings, pull: PullRequest) -> str:
    """Label a pull request of ours and ask for reviews; what could not be done of that. The request itself is what matters."""
    notes = []
    try:
        if settings.labels:
            host.add_labels(pull, settings.labels)
    except HedgehogError as error:
        notes.append(f"it has no labels: {error}")
    try:
        if settings.reviewers:
            host.ask_reviewers(pull, settings.reviewers)
    except HedgehogError as error:
        notes.append(f"nobody was asked for a review: {error}")
    return "; ".join(notes)


def _merged_when_ready(asking: _Asking, job: Job, known: RequestedChange) -> RequestedChange:
    """Have the host merge the request when its rules allow it, where that is wanted; asked again until it takes that on."""
    if not asking.settings.auto_merge or known.merge_asked:
        return known
    if Feature.AUTO_MERGE not in asking.host.offers:
        return replace(known, note=f"{asking.host.type.title} merges nothing by itself")
    try:
        asking.host.merge_when_ready(asking.host.pull(known.number))
        known = replace(known, merge_asked=True)
    except HedgehogError as error:
        logger.info("%s: %s is not merged by the host yet: %s", job.fabric.name, known.url, error)
        return replace(
            known, note="; ".join(part for part in (known.note, f"not merged by the host yet: {error}") if part)
        )
    _note(asking.run, job, known)
    return known


# Outcomes ----------------------------------------------------------------------------------------------------------------


def _rejection(known: RequestedChange) -> SyncProblem:
    return SyncProblem(
        ProblemKind.PULL_REQUEST, known.url, f"{known.url} was closed without merging by {known.rejected_by}"
    )


def _edited(job: Job, known: RequestedChange | None, strangers: Sequence[history.Edit]) -> SyncProblem:
    branch = request_branch(job.fabric)
    who = listed(map(str, strangers), _MOST_NAMED)
    way = (
        f"merge {known.url} as it is, or take them off the branch"
        if known
        else "take them off the branch, or delete it"
    )
    return SyncProblem(ProblemKind.PULL_REQUEST, branch, f"{branch} has commits that are not ours ({who}); {way}")


def _waiting(
    asking: _Asking,
    job: Job,
    plan: FilePlan,
    known: RequestedChange | None,
    problem: SyncProblem | None = None,
    *,
    look_again: float | None = None,
) -> Outcome:
    """The outcome of a fabric whose changes are not merged, recorded with all that does not depend on that."""
    run, fabric = asking.run, job.fabric
    held = plan.having(Action.SKIPPED)
    waits_for = f"the merge of {known.url}" if known is not None else f"a pull request of {request_branch(fabric)}"
    note = known.note if known is not None else ""
    said = [problem.cause if problem else f"waits for {waits_for}", note, held[0].reason if held else ""]
    outcome = Outcome(
        fabric.name,
        Target.GIT,
        OutcomeStatus.HELD,
        generation=fabric.generation,
        revision=str(Revision(run.repository.branch, asking.head)),
        counts={Action.SKIPPED.value: len(held) + len(plan.changes), Action.UNCHANGED.value: plan.untouched},
        reason="; ".join(part for part in said if part),
        retry_after=look_again,
        details=tuple(map(str, held)),
        duration=time.perf_counter() - run.started,
        waits_for=waits_for,
        problems=(*(entry.problem for entry in held), *((problem,) if problem else ())),
    )
    record_outcome(run, PlannedPublication(job, _without_changes(plan), undecided=frozenset(plan.changes)), outcome)
    return outcome


def _without_changes(plan: FilePlan) -> FilePlan:
    """What of *plan* is so whether its changes are merged or not."""
    return replace(
        plan,
        changes={},
        written=tuple(file for file in plan.written if file.path not in plan.changes),
        removed=tuple(path for path in plan.removed if path not in plan.changes),
        corrected={},
    )
