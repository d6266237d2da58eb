"""An approving review of the pull request decides a proposal: what was reviewed and merged needs no second approval.

A pushed change counts as reviewed if every step in which it came to the branch is the plain merge of a pull request whose
merged head somebody approved, other than its authors, and nobody asks for changes. That is read at the host each time
the repository is read, for proposals that wait and for nothing else. What cannot be read decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from hedgehog.errors import HedgehogError
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import Proposal, ProposalStatus, is_same_person
from hedgehog.fabric.shown import listed
from hedgehog.gitops.merges import BranchStep, brought, is_merge, steps
from hedgehog.hosts.host import Feature, Host, OpenHost, Opinion, PullRequest
from hedgehog.services.plans.deciding import approve_by_review
from hedgehog.services.repository.branch import Commit
from hedgehog.store import proposals as store
from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

_MOST_STEPS = 20
"""Steps of one change that are looked up at the host."""
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ReviewLook:
    """What the reviews of a change say."""

    note: str
    """In one line."""
    pull_request: str = ""
    """The page of the pull request that it is about."""
    approvers: tuple[str, ...] = ()
    """The logins of who approved; nobody where the change is not reviewed."""


@dataclass(frozen=True, slots=True)
class PushedChange:
    """A change that waits, and the commit whose content the fabric has: it is asked how the branch got from there to its head."""

    proposal: Proposal
    fabric: Fabric
    since: str


def decide_by_reviews(
    connection: Connection,
    repository: GitRepository,
    commit: Commit,
    waiting: Sequence[PushedChange],
    *,
    open_host: OpenHost,
    run_id: str,
) -> list[str]:
    """Approve those of *waiting* that were reviewed, in the reviewers' names; their fabrics. Never raises for the host.

    What is found about the others is noted with each; people are asked about one only after the first look at it.
    """
    if not waiting:
        return []
    approved = []
    for one, look in _looks(repository, commit, waiting, open_host):
        store.note_review(connection, one.proposal.id, look.note, look.pull_request)
        logger.info("proposal %s of %s: %s", one.proposal.id, one.fabric.name, look.note)
        if look.approvers:
            origin = Origin(who=", ".join(look.approvers), via=Via.GIT, why=look.note, run=run_id)
            done = approve_by_review(connection, one.proposal.id, origin=origin)
            if done is not None and done.proposal.status is ProposalStatus.APPROVED:
                approved.append(one.fabric.name)
        elif one.proposal.reviewed_at is None:
            store.announce(connection, one.proposal.id)
    return approved


def _looks(
    repository: GitRepository, commit: Commit, waiting: Sequence[PushedChange], open_host: OpenHost
) -> Iterator[tuple[PushedChange, ReviewLook]]:
    try:
        host = open_host(repository)
    except HedgehogError as error:
        yield from ((one, ReviewLook(f"no review can be read: {error}")) for one in waiting)
        return
    with closing(host):
        for one in waiting:
            try:
                yield one, look_at_reviews(host, repository.branch, commit, one)
            except HedgehogError as error:
                yield one, ReviewLook(f"its reviews could not be read: {error}")


def look_at_reviews(host: Host, branch: str, commit: Commit, change: PushedChange) -> ReviewLook:
    """What the reviews of the pull requests say with which *change* came to *branch*. Raises what the host answers."""
    if Feature.OPINIONS not in host.offers:
        return ReviewLook(f"{host.type.title} tells nothing about reviews")
    directory = change.fabric.git_directory
    left = steps(commit.mirror, commit.head, directory, since=change.since)
    if left is None or len(left) > _MOST_STEPS:
        return ReviewLook(f"how the change came to {branch} is not known: too many commits, or another history")
    found: list[ReviewLook] = []
    while left:
        look, explained = _reviewed_end(host, branch, commit, change, left)
        if not look.approvers:
            return look
        found.append(look)
        left = left[:-explained]
    if not found:
        return ReviewLook(f"{branch} has what the fabric has: there is nothing that was reviewed")
    people = tuple(dict.fromkeys(who for look in found for who in look.approvers))
    return ReviewLook("; ".join(look.note for look in reversed(found)), found[0].pull_request, people)


def _reviewed_end(
    host: Host, branch: str, commit: Commit, change: PushedChange, left: Sequence[BranchStep]
) -> tuple[ReviewLook, int]:
    """What the reviews say of the pull request that is at the end of the steps *left*, and how many of them it explains."""
    last = left[-1].commit
    pulls = [one for one in host.merged_pulls(last) if one.merged and one.base_ref == branch]
    look = ReviewLook(f"{last[:12]} came to {branch} without a pull request that {host.type.title} knows")
    for pull in pulls:
        approving, objection = _approving(host, pull)
        if not approving:
            look = ReviewLook(objection, pull.url)
            continue
        explained, authors = _explained(host, commit, change, pull, left)
        if not explained:
            look = ReviewLook(f"{pull.url} was reviewed, but what came to {branch} with it is something else", pull.url)
            continue
        if not change.proposal.author_may_approve:
            approving = [one for one in approving if not _is_author(one, authors)]
        if not approving:
            look = ReviewLook(f"{pull.url} was approved by nobody else than its authors", pull.url)
            continue
        people = tuple(one.login for one in approving)
        return ReviewLook(f"approving review of pull request {pull.number}, {pull.url}", pull.url, people), explained
    return look, 0


def _approving(host: Host, pull: PullRequest) -> tuple[list[Opinion], str]:
    """The approvals that count, or why there are none."""
    opinions = host.opinions(pull)
    against = [one.login for one in opinions if not one.approves]
    if against:
        return [], f"{listed(against, _NAMES_SHOWN)} asked for changes in {pull.url}"
    counting = [one for one in opinions if one.counts and one.login != host.login()]
    if counting:
        return counting, ""
    if any(one.head != pull.head_sha for one in opinions):
        return [], f"nobody approved {pull.url} after its last commit"
    if opinions:
        return [], f"{listed([one.login for one in opinions], _NAMES_SHOWN)} approved {pull.url} and may not write"
    return [], f"{pull.url} has no approving review"


def _explained(
    host: Host, commit: Commit, change: PushedChange, pull: PullRequest, left: Sequence[BranchStep]
) -> tuple[int, Collection[str]]:
    """How many of the last steps are the plain merge of *pull*, and everybody who made it.

    A squash or a merge commit is one step, a rebase may be several. What is merged must be the commits that the page of
    the pull request shows: others were on its branch when it was opened, and nobody has reviewed those.
    """
    mirror, directory = commit.mirror, change.fabric.git_directory
    mirror.fetch(pull.head_sha, ref=pull.git_ref)
    listed_commits = host.commits(pull)
    for index, step in enumerate(left):
        made = brought(mirror, pull.head_sha, before=step.before)
        is_all = made.keys() <= listed_commits.keys()
        if is_all and is_merge(mirror, directory, step, pull.head_sha, after=left[-1].commit):
            return len(left) - index, {pull.author, *_makers(made, listed_commits)}
    return 0, ()


def _makers(made: Mapping[str, Collection[str]], known: Mapping[str, Collection[str]]) -> Iterator[str]:
    for commit, people in made.items():
        yield from people
        yield from known[commit]


def _is_author(opinion: Opinion, authors: Collection[str]) -> bool:
    return any(is_same_person(name, author) for name in (opinion.login, *opinion.names) for author in authors)
