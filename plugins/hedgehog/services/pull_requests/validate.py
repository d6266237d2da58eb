"""Pull requests: what merging one would do to the fabrics it touches, and whether a cluster would take that.

Files are read from the kept clone at one revision, as data; nothing of a pull request is ever run, so a stranger's is
checked like any other. The verdict is on the merge result: what the branch would hold, not what the head alone holds.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hedgehog.admission.files import SourceFile, check_sources
from hedgehog.errors import InvalidInput, NotReached, PushRace, RetryableError
from hedgehog.fabric.model import Fabric, GitRepository, Manifest
from hedgehog.fabric.shown import listed
from hedgehog.gitops.merge import Merged, merge
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.hosts.github import reports
from hedgehog.hosts.github.client import Client
from hedgehog.hosts.github.markdown import quoted
from hedgehog.hosts.github.pulls import MOST_FILES, PullRequest, Repository
from hedgehog.manifests import yaml
from hedgehog.manifests.report import Remark, ReportEntry
from hedgehog.manifests.rule import Severity
from hedgehog.services.pull_requests import report as words
from hedgehog.services.pull_requests.check import Engine, FabricReport, OpenEngine, Problem, compare
from hedgehog.services.pull_requests.fabrics import fabrics_in, parse
from hedgehog.services.pull_requests.files import Budget, Reader, conflicts_of, sides
from hedgehog.services.repository.changes import left_directories
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import Connection
from hedgehog.store.repository_heads import LeftDirectory

logger = logging.getLogger(__name__)

MOST_ROUNDS = 3
"""Times a pull request is looked at anew because somebody pushed meanwhile."""

OpenGitHub = Callable[[GitRepository], Client]
"""From a repository to its host's API, credentials included; raises only `hedgehog.errors`."""


class Status(StrEnum):
    """How a validation ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    """The pull request should not be merged, or could not be verified."""
    SKIPPED = "skipped"
    """A draft, closed, or not for our fabrics: nothing was posted on GitHub."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What happened to one pull request."""

    repository: str
    number: int
    status: Status
    reason: str
    """One line, for people."""
    url: str = ""
    title: str = ""
    head: str = ""
    base: str = ""
    fabrics: tuple[FabricReport, ...] = ()
    comment: str | None = None
    """The page of our comment."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom and JSON output: names, counts and problems, never manifests."""
        return {
            "repository": self.repository,
            "pull_request": self.number,
            "status": self.status.value,
            "reason": self.reason,
            "url": self.url,
            "head": self.head,
            "base": self.base,
            "comment": self.comment,
            "fabrics": [report.as_dict() for report in self.fabrics],
        }


@dataclass(frozen=True, slots=True)
class _Run:
    """One validation."""

    connection: Connection
    repository: str
    number: int
    host: Repository
    fabrics: Sequence[tuple[GitRepository, Fabric]]
    open_mirror: OpenMirror
    open_engine: OpenEngine
    details_url: str
    deadline: float

    def check_time(self) -> None:
        """Raise NotReached when nothing more may be begun."""
        if time.monotonic() >= self.deadline:
            raise NotReached(
                f"{self.repository}#{self.number}: the time limit of the task came first; it is tried again"
            )


def validate(
    connection: Connection,
    repository: str,
    number: int,
    *,
    open_github: OpenGitHub,
    open_mirror: OpenMirror,
    open_engine: OpenEngine | None = None,
    details_url: str = "",
    deadline: float = math.inf,
) -> Validation:
    """Check pull request *number* of *repository* (`owner/name`, or `host/owner/name`) and say so on GitHub.

    The check (or status) is on the head commit, the one comment is kept up to date. What cannot be verified is a
    failure there; when the reason is ours and not the pull request's, the error is raised after that was said.
    Retryable errors (network, rate limit) are raised with nothing posted: the caller tries again. Drafts, closed pull
    requests and repositories without fabrics are skipped. *details_url* is where the full report can be read.
    Raises NotReached, too, when *deadline* (of `time.monotonic`) comes before all fabrics are checked.
    """
    fabrics = fabrics_in(fabric_store.load_fabrics(connection), repository)
    if not fabrics:
        return Validation(repository, number, Status.SKIPPED, f"no fabric lives in {repository}")
    client = open_github(fabrics[0][0])
    try:
        host = Repository(client, parse(repository)[1])
        return _validate(
            _Run(
                connection,
                repository,
                number,
                host,
                fabrics,
                open_mirror,
                open_engine or _engine,
                details_url,
                deadline,
            )
        )
    finally:
        client.close()


def give_up(
    connection: Connection,
    repository: str,
    number: int,
    why: str,
    *,
    open_github: OpenGitHub,
    open_mirror: OpenMirror,
    details_url: str = "",
) -> Validation:
    """Say on GitHub that pull request *number* could not be verified, without another look at it."""
    fabrics = fabrics_in(fabric_store.load_fabrics(connection), repository)
    if not fabrics:
        return Validation(repository, number, Status.SKIPPED, f"no fabric lives in {repository}")
    client = open_github(fabrics[0][0])
    try:
        host = Repository(client, parse(repository)[1])
        run = _Run(connection, repository, number, host, fabrics, open_mirror, _engine, details_url, math.inf)
        pull = run.host.pull(number)
        found = _found(run, pull)
        if found.status is Status.SKIPPED:
            return found
        return _publish(run, pull, replace(found, status=Status.FAILURE, reason=f"could not verify: {why}"))
    finally:
        client.close()


def _found(run: _Run, pull: PullRequest) -> Validation:
    """What is known of a pull request before it is checked; skipped when nobody wants that."""
    found = Validation(
        run.repository, run.number, Status.SUCCESS, "", pull.url, pull.title, pull.head_sha, pull.base_ref
    )
    if pull.state != "open" or pull.draft:
        return replace(found, status=Status.SKIPPED, reason="it is a draft" if pull.draft else "it is closed")
    return found


def _validate(run: _Run) -> Validation:
    """Look until the pull request stands still meanwhile, then publish."""
    for _ in range(MOST_ROUNDS):
        pull = run.host.pull(run.number)
        found = _found(run, pull)
        if found.status is Status.SKIPPED:
            return found
        try:
            found = _verdict(found, _examine(run, pull))
        except PushRace as error:
            logger.info("%s; looking again", error)
            continue
        except RetryableError:
            raise
        except Exception as error:  # whatever it is, a required check must not stay open, nor turn green
            _publish(run, pull, _unverified(found, error))
            raise
        if run.host.pull(run.number).head_sha == pull.head_sha:
            return _publish(run, pull, found)
    raise PushRace(f"{run.repository}#{run.number}: somebody pushed {MOST_ROUNDS} times while it was checked")


def _verdict(found: Validation, fabrics: tuple[FabricReport, ...]) -> Validation:
    if not fabrics:
        return replace(found, reason="no fabric is touched")
    good = all(report.is_good for report in fabrics)
    status = Status.SUCCESS if good else Status.FAILURE
    return replace(found, status=status, reason=words.title(fabrics), fabrics=fabrics)


def _unverified(found: Validation, error: Exception) -> Validation:
    """A failure. Its readers may be strangers, and the reason is not in their pull request: they get its class only."""
    reason = f"could not verify ({type(error).__name__}); the operators' log says more"
    return replace(found, status=Status.FAILURE, reason=reason)


def _examine(run: _Run, pull: PullRequest) -> tuple[FabricReport, ...]:
    """A report on every fabric that *pull* touches."""
    groups: dict[GitRepository, list[Fabric]] = {}
    for row, fabric in run.fabrics:
        if row.branch == pull.base_ref:
            groups.setdefault(row, []).append(fabric)
    budget = Budget()
    neighbours = {fabric.git_directory for fabrics in groups.values() for fabric in fabrics}
    found: list[FabricReport] = []
    for row, fabrics in groups.items():
        found += _examine_row(run, pull, row, fabrics, neighbours=neighbours, budget=budget)
    return tuple(sorted(found, key=lambda report: report.fabric))


def _examine_row(
    run: _Run, pull: PullRequest, row: GitRepository, fabrics: list[Fabric], *, neighbours: set[str], budget: Budget
) -> list[FabricReport]:
    mirror = run.open_mirror(row)
    base = mirror.head()
    if base is None:
        raise PushRace(f"{mirror.remote}: the branch is gone; look again")
    mirror.fetch(base)
    mirror.fetch(pull.head_sha, ref=pull.git_ref)
    try:
        merged = merge(mirror, base, pull.head_sha, [fabric.git_directory for fabric in fabrics])
    except InvalidInput as error:
        return [FabricReport(fabric.name, fabric.git_directory, unverified=str(error)) for fabric in fabrics]
    found = []
    left = left_directories(run.connection, row)
    for fabric in fabrics:
        state = merged[fabric.git_directory]
        if state.is_touched:
            run.check_time()
            try:
                report = _examine_fabric(run, _Merge(mirror, pull.head_sha, state, neighbours, left, budget), fabric)
            except InvalidInput as error:
                report = FabricReport(fabric.name, fabric.git_directory, unverified=str(error))
            found += [report] if report is not None else []
    return found


@dataclass(frozen=True, slots=True)
class _Merge:
    """What a merge does to the directory of one fabric."""

    mirror: Mirror
    head: str
    state: Merged
    neighbours: set[str]
    left: Sequence[LeftDirectory]
    budget: Budget


def _examine_fabric(run: _Run, merge: _Merge, fabric: Fabric) -> FabricReport | None:
    """The report on one fabric; None where nothing of it is touched. Raises InvalidInput where it cannot be verified."""
    if merge.state.error is not None:
        raise merge.state.error
    directory = fabric.git_directory
    conflicts = conflicts_of(fabric, merge.state.conflicts, merge.neighbours)
    if conflicts:
        raise InvalidInput(f"it conflicts with the branch in {listed(conflicts, 3)}; merge or rebase, then push")
    both = sides(merge.mirror, merge.head, fabric, merge.state, neighbours=merge.neighbours, left=merge.left)
    if not both.is_touched:
        return None
    merge.budget.take(merge.mirror, directory, both.before, both.after)
    reader = Reader(merge.mirror, fabric, merge.budget.limits)
    before = reader.tree(both.before)
    after = reader.tree(both.after, both.obstacles, most_nodes=yaml.MAX_FABRIC_NODES)
    return compare(fabric, before, after, open_engine=run.open_engine)


def _publish(run: _Run, pull: PullRequest, found: Validation) -> Validation:
    """Say it: the check first, for merges wait for it; then the lines; then the comment."""
    good = found.status is Status.SUCCESS
    text = words.text(
        found.fabrics,
        heading=quoted(found.reason),
        is_good=good,
        head=pull.head_sha,
        base=pull.base_ref,
        remarks=_remarks(pull),
    )
    where = f"[the full report]({run.details_url})" if run.details_url else "the full report is in the log of the task"
    more = f"\n\n… shortened; {where}."
    notes = [_note(problem) for report in found.fabrics for problem in report.problems if problem.file]
    conclusion = reports.Conclusion.SUCCESS if good else reports.Conclusion.FAILURE
    summary = reports.shortened(text, reports.LONGEST_SUMMARY, more)
    check = reports.Check(conclusion, found.reason, summary, notes, run.details_url)
    if run.host.client.credentials.is_app:
        reports.write_check(run.host, pull, check)
    else:
        reports.write_status(run.host, pull, check)
        reports.write_review(run.host, pull, notes)
    only_update = good and not found.fabrics
    room = reports.LONGEST_COMMENT - len(reports.COMMENT_MARK) - 1
    comment = reports.write_comment(run.host, pull, reports.shortened(text, room, more), only_update=only_update)
    return replace(found, comment=comment)


def _remarks(pull: PullRequest) -> list[str]:
    if pull.changed_files <= MOST_FILES:
        return []
    return [
        f"It changes {pull.changed_files} files. GitHub lists {MOST_FILES} of them, so only those can have comments on "
        "lines; all of them were read from Git and checked."
    ]


def _note(problem: Problem) -> reports.Note:
    subject = f": {problem.ref}" if problem.ref else ""
    return reports.Note(problem.file, problem.line, f"{problem.rule}{subject}", words.said(problem), problem.is_error)


def _engine(fabric: Fabric) -> Engine:
    """The one engine, with the settings of *fabric*."""

    def run(sources: Sequence[SourceFile], before: Iterable[Manifest], partial: bool) -> list[Problem]:
        namespace = fabric.kubernetes_namespace
        report = check_sources(
            sources, fabric.settings, before=before, partial=partial, namespace=namespace, in_git=fabric
        )
        return [_problem(entry, remark) for entry, remark in report.remarks()]

    return run


def _problem(entry: ReportEntry, remark: Remark) -> Problem:
    return Problem(
        file=entry.file,
        line=remark.line or entry.line or 1,
        column=remark.column or 1,
        ref=str(entry.ref or ""),
        rule=remark.rule.id,
        path=remark.path,
        message=remark.message,
        hint=remark.hint,
        is_error=remark.severity is Severity.ERROR,
    )
