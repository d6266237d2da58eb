"""Pull requests: what merging one would do to the fabrics it touches, and whether a cluster would take that.

The steps of a check: gather what the host and Git have (`gather`), report on each fabric and reach one verdict
(`fabric_report`, `verdict`; both pure), put it into words (`report`), publish it at the host (`hosts`); `queue` records
what became of the deliveries.

Nothing in a pull request is ever executed, so that of a stranger is checked like any other. The verdict is on the merge
result: what the branch would hold, not what the head alone holds.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hedgehog.errors import NotReached, PushRace, RetryableError
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.hosts.host import Host, OpenHost, PullRequest
from hedgehog.hosts.reports import publish
from hedgehog.services.pull_requests.fabric_report import fabric_report
from hedgehog.services.pull_requests.fabrics import fabrics_in
from hedgehog.services.pull_requests.gather import MergeHead, gather
from hedgehog.services.pull_requests.problems import OpenEngine, fabric_engine
from hedgehog.services.pull_requests.queue import shown_name
from hedgehog.services.pull_requests.report import check_result
from hedgehog.services.pull_requests.verdict import Validation, ValidationStatus, conclude, could_not_verify, skipped
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import Connection
from hedgehog.store.pull_requests import wake_requester

logger = logging.getLogger(__name__)

MOST_ROUNDS = 3
"""How many times a pull request is checked again because somebody pushed in the meantime."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One validation."""

    connection: Connection
    repository: str
    number: int
    host: Host
    fabrics: Sequence[tuple[GitRepository, Fabric]]
    open_mirror: OpenMirror
    open_engine: OpenEngine = fabric_engine
    details_url: str = ""
    deadline: float = math.inf
    merge: MergeHead | None = None

    def look(self) -> PullRequest:
        """The pull request as it is now."""
        if self.merge is None:
            return self.host.pull(self.number)
        merge = self.merge
        return PullRequest.queued(merge.head_sha, base_ref=merge.base_ref, git_ref=merge.git_ref)

    def check_time(self) -> None:
        """Raise NotReached when nothing more may be begun."""
        if time.monotonic() >= self.deadline:
            raise NotReached(f"{self}: the time limit of the task came first; it is retried")

    def __str__(self) -> str:
        return shown_name(self.repository, self.number, self.merge.head_sha if self.merge else "")


def validate(
    connection: Connection,
    repository: str,
    number: int,
    *,
    open_host: OpenHost,
    open_mirror: OpenMirror,
    open_engine: OpenEngine = fabric_engine,
    details_url: str = "",
    deadline: float = math.inf,
    merge: MergeHead | None = None,
) -> Validation:
    """Check pull request *number* of *repository* (`owner/name`, or `host/owner/name`) and publish the result at its host.

    The check (or status) is on the head commit, and the one comment is kept up to date. What cannot be verified is a
    failure there; when the cause is not in the pull request, the error is raised after that was published.
    Retryable errors (network, rate limit) are raised with nothing published: the caller tries again. Drafts, closed pull
    requests and repositories without fabrics are skipped. *details_url* is where the full report can be read.
    Raises NotReached, too, when *deadline* (of `time.monotonic`) comes before all fabrics are checked.

    With *merge*, it is what a merge queue would merge (*number* is 0), and only its commit gets the check. One that is no
    longer in the queue is skipped.
    """
    fabrics = fabrics_in(fabric_store.load_fabrics(connection), repository)
    if not fabrics:
        return _not_ours(repository, number)
    with _opened(open_host, fabrics[0][0]) as host:
        run = _Run(
            connection, repository, number, host, fabrics, open_mirror, open_engine, details_url, deadline, merge
        )
        return _validate(run)


def give_up(
    connection: Connection,
    repository: str,
    number: int,
    why: str,
    *,
    open_host: OpenHost,
    open_mirror: OpenMirror,
    details_url: str = "",
    merge: MergeHead | None = None,
) -> Validation:
    """Publish at the host that pull request *number* could not be verified, without checking it again."""
    fabrics = fabrics_in(fabric_store.load_fabrics(connection), repository)
    if not fabrics:
        return _not_ours(repository, number)
    with _opened(open_host, fabrics[0][0]) as host:
        run = _Run(connection, repository, number, host, fabrics, open_mirror, details_url=details_url, merge=merge)
        pull = run.look()
        return skipped(repository, pull) or _publish(
            run, pull, could_not_verify(repository, pull, f"could not verify: {why}")
        )


def _not_ours(repository: str, number: int) -> Validation:
    return Validation(repository, number, ValidationStatus.SKIPPED, f"no fabric lives in {repository}")


@contextmanager
def _opened(open_host: OpenHost, row: GitRepository) -> Iterator[Host]:
    """The host of *row*, with its credential."""
    host = open_host(row)
    try:
        yield host
    finally:
        host.close()


def _validate(run: _Run) -> Validation:
    """Check until nobody pushes during a check, then publish."""
    for _ in range(MOST_ROUNDS):
        pull = run.look()
        if (nothing := skipped(run.repository, pull)) is not None:
            if pull.state != "open":
                wake_requester(run.connection, {repository.id for repository, _ in run.fabrics}, pull.number)
            return nothing
        try:
            found = _check(run, pull)
        except PushRace as error:
            logger.info("%s; looking again", error)
            continue
        except RetryableError:
            raise
        except Exception as error:  # whatever it is, a required check must neither stay open nor turn green
            _publish(run, pull, could_not_verify(run.repository, pull, _for_strangers(error)))
            raise
        if run.look().head_sha == pull.head_sha:
            return _publish(run, pull, found)
    if run.merge is not None:
        return Validation.of(run.repository, run.look(), ValidationStatus.SKIPPED, "it is no longer in the merge queue")
    raise PushRace(f"{run}: somebody pushed {MOST_ROUNDS} times while it was checked")


def _check(run: _Run, pull: PullRequest) -> Validation:
    """Gather, report on each fabric, and conclude; nothing is published yet."""
    merge = MergeHead(pull.base_ref, pull.head_sha, pull.git_ref)
    merges = gather(run.connection, merge, run.fabrics, open_mirror=run.open_mirror, check_time=run.check_time)
    reports = [fabric_report(merged, open_engine=run.open_engine) for merged in merges]
    return conclude(run.repository, pull, reports)


def _for_strangers(error: Exception) -> str:
    """The cause is not in the pull request, and anybody may read it: only the class of *error* is published."""
    return f"could not verify ({type(error).__name__}); the operators' log says more"


def _publish(run: _Run, pull: PullRequest, found: Validation) -> Validation:
    """Publish *found* at the host."""
    result = check_result(found, pull, run.details_url, run.host.type)
    return replace(found, comment=publish(run.host, pull, result))
