"""Pushes that came with a pull request: an approving review of it is the approval."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from devstack.git_server import Person
from devstack.github import GitHub, Outage
from devstack.github_repositories import Pull
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import GitRepository
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import ApprovalRule, Proposal, ProposalStatus
from hedgehog.fabric.selectors import parse_selector
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.hosts.host import Host
from hedgehog.services.repository.changes import RepositoryOutcome
from hedgehog.services.steer.proposals import keep_rule, reject
from hedgehog.store import proposals as store
from hedgehog.store.database import transaction
from hedgehog.store.history import fabric_id, newest
from tests.services.git.sync_lab import Lab
from tests.services.repository import changes_lab
from tests.services.repository.changes_lab import LAB, ada, lab, make_vpc, objects, text

__all__ = ["ada", "lab"]

RULE = ApprovalRule("all", parse_selector("repository=net"))
NAME = "acme/net"
"""What the host calls the repository."""
_numbers = itertools.count(1)


class ReviewLab:
    """The fabric of a repository at GitHub's stand-in, whose changes all need approval."""

    def __init__(self, lab: Lab, hub: GitHub) -> None:
        self.lab, self.hub = lab, hub
        path = lab.host.path(NAME)
        path.parent.mkdir()
        path.symlink_to(lab.host.path("net"))
        hub.merging.users |= {"bob"}
        self.keep(RULE)

    def keep(self, rule: ApprovalRule) -> None:
        """Make a rule."""
        keep_rule(self.lab.database, rule, actor="root")

    def open_host(self, _: GitRepository) -> Host:
        """As the hook of Airflow does."""
        return Repository(Client(Credentials(token="t"), base_url=self.hub.url, write_pause=0), NAME)

    def follow(self, **options: object) -> RepositoryOutcome:
        """Look at the repository as the mapped task does."""
        return changes_lab.follow(self.lab, open_host=self.open_host, **options)

    def person(self, name: str, branch: str) -> Person:
        """Somebody on *branch*, which begins at `main`."""
        directory = self.lab.directory / f"{branch}-{next(_numbers)}"
        person = Person(directory, self.lab.host.url("net"), branch=branch, name=name)
        person.git("fetch", "--quiet", "origin", "main")
        person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        person.git("push", "--quiet", "origin", f"HEAD:{branch}")
        return person

    def propose(self, vpc: str, vlan: int, *, by: str = "Ada", branch: str = "change") -> Pull:
        """Somebody opens a pull request that gives a VPC a VLAN."""
        person = self.person(by, branch)
        person.commit({f"{LAB}/vpcs/{vpc}.yaml": text(make_vpc(vpc, vlan))}, f"Move {vpc}")
        return self.hub.open_pull(NAME, branch)

    def review(self, pull: Pull, by: str, state: str = "APPROVED", *, kind: str = "User") -> None:
        """Somebody reviews it."""
        self.hub.merging.review(pull, by, state, kind=kind)

    def merge(self, pull: Pull, how: str = "merge") -> str:
        """Somebody merges it."""
        return self.hub.merging.merge(pull, how)

    def waiting(self) -> list[Proposal]:
        """What waits for approval."""
        return store.list_proposals(self.lab.database, [ProposalStatus.WAITING])

    def newest(self) -> Proposal:
        """The newest proposal."""
        return store.list_proposals(self.lab.database, list(ProposalStatus))[0]

    def asked(self) -> list[int]:
        """The proposals that people would be asked about now."""
        return store.ask(self.lab.database, 60)


@pytest.fixture
def reviewed(lab: Lab, ada: Person) -> Iterator[ReviewLab]:
    """Nothing that GitHub does not describe may pass between it and us."""
    with GitHub(lab.host) as hub:
        yield ReviewLab(lab, hub)
    assert hub.undescribed == []


@pytest.mark.parametrize("how", ["merge", "squash", "fast-forward"])
def test_what_somebody_else_approved_and_merged_is_taken_in_at_once(reviewed: ReviewLab, how: str) -> None:
    """In the name of the reviewer, with the pull request on record; nobody is asked again."""
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull, how)
    (outcome,) = reviewed.follow().outcomes
    assert (outcome.status, objects(reviewed.lab)["a"]) == (OutcomeStatus.SUCCESS, 1111)
    done, page = reviewed.newest(), "https://github.example.com/acme/net/pull/1"
    assert (done.status, done.decided_by, done.pull_request) == (ProposalStatus.APPLIED, "bob", page)
    assert done.decision == f"approving review of pull request 1, {page}"
    assert (reviewed.asked(), reviewed.waiting()) == ([], [])
    change = newest(reviewed.lab.database, fabric_id(reviewed.lab.database, "lab") or 0)
    assert change is not None
    assert f"(proposal {done.id}, approved by bob: approving review of pull request 1, {page})" in change.why


def test_people_are_asked_only_about_what_no_review_decides(reviewed: ReviewLab) -> None:
    """A question that answers itself a moment later would stay in Airflow for hours."""
    connection = reviewed.lab.database
    with transaction(connection) as cursor:
        cursor.execute(f"LISTEN {store.CHANNEL}")
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull)
    reviewed.follow()
    connection.poll()
    assert connection.notifies == []
    reviewed.merge(reviewed.propose("b", 1222, branch="other"))
    reviewed.follow()
    connection.poll()
    assert [one.payload for one in connection.notifies] == [str(reviewed.newest().id)]


def test_several_commits_that_were_moved_as_they_are_count_as_reviewed(reviewed: ReviewLab) -> None:
    """A fast-forward of two commits, both of which the page of the pull request shows."""
    pull = reviewed.propose("a", 1111)
    person = Person(reviewed.lab.directory / "again", reviewed.lab.host.url("net"), branch="change")
    person.commit({f"{LAB}/vpcs/b.yaml": text(make_vpc("b", 1222))})
    reviewed.hub.synchronize(pull)
    reviewed.review(pull, "bob")
    reviewed.merge(pull, "fast-forward")
    reviewed.follow()
    assert (objects(reviewed.lab)["a"], objects(reviewed.lab)["b"]) == (1111, 1222)


def test_commits_that_were_rebased_count_as_reviewed(reviewed: ReviewLab, ada: Person) -> None:
    """As a merge that rebases makes them: other commits with the same changes, on top of what came meanwhile."""
    pull = reviewed.propose("a", 1111)
    person = Person(reviewed.lab.directory / "again", reviewed.lab.host.url("net"), branch="change")
    person.commit({f"{LAB}/vpcs/b.yaml": text(make_vpc("b", 1222))})
    reviewed.hub.synchronize(pull)
    reviewed.review(pull, "bob")
    ada.commit({"README.md": "# meanwhile\n"})
    ada.git("fetch", "--quiet", "origin", "change")
    ada.git("cherry-pick", "HEAD..FETCH_HEAD")
    ada.git("push", "--quiet", "origin", "HEAD:main")
    pull.own_commits = ada.git("rev-list", "HEAD..FETCH_HEAD").split()
    pull.state, pull.merged, pull.merge_commit = "closed", True, ada.git("rev-parse", "HEAD").strip()
    reviewed.follow()
    assert (objects(reviewed.lab)["a"], objects(reviewed.lab)["b"]) == (1111, 1222)


def test_a_merge_of_what_moved_meanwhile_is_what_was_reviewed(reviewed: ReviewLab, ada: Person) -> None:
    """Somebody else's reviewed change lies between; the file of each is what its own pull request says."""
    first, second = reviewed.propose("a", 1111, branch="one"), reviewed.propose("b", 1222, by="Eve", branch="two")
    for pull in (first, second):
        reviewed.review(pull, "bob")
        reviewed.merge(pull)
    reviewed.follow()
    assert (objects(reviewed.lab)["a"], objects(reviewed.lab)["b"]) == (1111, 1222)
    assert "pull request 1, " in reviewed.newest().decision
    assert "pull request 2, " in reviewed.newest().decision


def no_review(reviewed: ReviewLab, pull: Pull) -> None:
    """Nobody looks at it."""


def own_approval(reviewed: ReviewLab, pull: Pull) -> None:
    """The author of the commit approves, whom GitHub lets do so where somebody else opened the pull request."""
    pull.author = "eve"
    reviewed.review(pull, "ada")


def approval_of_who_opened_it(reviewed: ReviewLab, pull: Pull) -> None:
    """Whoever opened it approves."""
    pull.author = "bob"
    reviewed.review(pull, "bob")


def objection(reviewed: ReviewLab, pull: Pull) -> None:
    """One approves, another one asks for changes."""
    reviewed.review(pull, "bob")
    reviewed.review(pull, "eve", "CHANGES_REQUESTED")


def dismissed(reviewed: ReviewLab, pull: Pull) -> None:
    """The approval was dismissed."""
    reviewed.review(pull, "bob")
    pull.reviews[-1]["state"] = "DISMISSED"


def stale(reviewed: ReviewLab, pull: Pull) -> None:
    """The author pushes after the approval."""
    reviewed.review(pull, "bob")
    person = Person(reviewed.lab.directory / "late", reviewed.lab.host.url("net"), branch="change")
    person.commit({f"{LAB}/vpcs/b.yaml": text(make_vpc("b", 1222))})
    reviewed.hub.synchronize(pull)


def outsider(reviewed: ReviewLab, pull: Pull) -> None:
    """Somebody approves who may only read."""
    reviewed.review(pull, "mallory")


def program(reviewed: ReviewLab, pull: Pull) -> None:
    """A bot approves."""
    reviewed.review(pull, "bob", kind="Bot")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (no_review, "has no approving review"),
        (own_approval, "approved by nobody else than its authors"),
        (approval_of_who_opened_it, "approved by nobody else than its authors"),
        (objection, "eve asked for changes in"),
        (dismissed, "has no approving review"),
        (stale, "nobody approved"),
        (outsider, "mallory approved"),
        (program, "bob approved"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_without_a_standing_approval_of_somebody_else_it_waits(reviewed: ReviewLab, what, said: str) -> None:  # type: ignore[no-untyped-def]
    """It says why; people are asked as before."""
    pull = reviewed.propose("a", 1111)
    what(reviewed, pull)
    reviewed.merge(pull)
    (outcome,) = reviewed.follow().outcomes
    assert (outcome.status, objects(reviewed.lab)["a"]) == (OutcomeStatus.HELD, 1001)
    (proposal,) = reviewed.waiting()
    assert said in proposal.review
    assert proposal.pull_request == "https://github.example.com/acme/net/pull/1"
    assert reviewed.asked() == [proposal.id]


def test_a_rule_may_let_the_author_approve(reviewed: ReviewLab) -> None:
    """As in every other place."""
    reviewed.keep(ApprovalRule("all", parse_selector("repository=net"), author_may_approve=True))
    pull = reviewed.propose("a", 1111)
    own_approval(reviewed, pull)
    reviewed.merge(pull)
    reviewed.follow()
    assert (objects(reviewed.lab)["a"], reviewed.newest().decided_by) == (1111, "ada")


def test_a_rule_may_not_count_reviews(reviewed: ReviewLab) -> None:
    """Then nothing is asked at the host."""
    reviewed.keep(ApprovalRule("all", parse_selector("repository=net"), review_decides=False))
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull)
    reviewed.follow()
    (proposal,) = reviewed.waiting()
    assert (proposal.review, reviewed.hub.requests, reviewed.asked()) == ("", [], [proposal.id])


def test_a_review_that_comes_later_decides_while_it_waits(reviewed: ReviewLab) -> None:
    """At the next look, with no push in between; people are asked once meanwhile."""
    pull = reviewed.propose("a", 1111)
    reviewed.merge(pull)
    reviewed.follow()
    (proposal,) = reviewed.waiting()
    assert reviewed.asked() == [proposal.id]
    reviewed.follow()
    assert reviewed.asked() == []
    reviewed.review(pull, "bob")
    (outcome,) = reviewed.follow().outcomes
    assert (outcome.status, objects(reviewed.lab)["a"]) == (OutcomeStatus.SUCCESS, 1111)


def test_a_push_that_nobody_reviewed_is_not_approved_by_a_review_of_another(reviewed: ReviewLab, ada: Person) -> None:
    """Both are one change of the fabric, and the reviewed one came last."""
    ada.commit({f"{LAB}/vpcs/b.yaml": text(make_vpc("b", 1666))}, "Unseen")
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull)
    reviewed.follow()
    (proposal,) = reviewed.waiting()
    assert "without a pull request" in proposal.review
    assert (objects(reviewed.lab)["a"], objects(reviewed.lab)["b"]) == (1001, 1002)


def test_what_a_merge_adds_to_what_was_reviewed_waits(reviewed: ReviewLab, ada: Person) -> None:
    """A merge commit can have any content; only that of the pull request was read."""
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    ada.pull()
    ada.git("fetch", "--quiet", "origin", "change")
    ada.git("merge", "--quiet", "--no-ff", "--no-commit", "FETCH_HEAD")
    (ada.directory / f"{LAB}/vpcs/b.yaml").write_text(text(make_vpc("b", 1666)))
    merged = ada.publish("Merge pull request #1")
    pull.state, pull.merged, pull.merge_commit = "closed", True, merged
    pull.own_commits = [reviewed.hub.synchronize(pull)]
    reviewed.follow()
    (proposal,) = reviewed.waiting()
    assert "is something else" in proposal.review
    assert (objects(reviewed.lab)["a"], objects(reviewed.lab)["b"]) == (1001, 1002)


def test_commits_that_were_on_the_branch_before_are_not_part_of_the_review(reviewed: ReviewLab, ada: Person) -> None:
    """A pull request that begins at an unseen push does not show it, although its head contains it."""
    unseen = ada.commit({f"{LAB}/vpcs/b.yaml": text(make_vpc("b", 1666))}, "Unseen")
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull, "fast-forward")
    assert unseen not in pull.own_commits
    assert reviewed.follow().error is None
    assert objects(reviewed.lab)["b"] == 1002
    assert len(reviewed.waiting()) == 1


def test_what_the_database_changed_by_itself_is_not_part_of_a_review(reviewed: ReviewLab) -> None:
    """Taking in the push would take that back as well, which nobody has read."""
    reviewed.lab.save("lab", make_vpc("b", 1666))
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull)
    reviewed.follow()
    (proposal,) = reviewed.waiting()
    assert (proposal.review_decides, reviewed.asked()) == (False, [proposal.id])
    assert (objects(reviewed.lab)["a"], objects(reviewed.lab)["b"]) == (1001, 1666)


@pytest.mark.parametrize("where", ["/pulls", "/reviews", "/permission", "/commits"])
def test_reviews_that_cannot_be_read_decide_nothing(reviewed: ReviewLab, where: str) -> None:
    """Neither way: it waits and says so, and the next look decides."""
    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull)
    reviewed.hub.outages.append(Outage(502, where=where))
    (outcome,) = reviewed.follow().outcomes
    (proposal,) = reviewed.waiting()
    assert (outcome.status, "could not be read" in proposal.review) == (OutcomeStatus.HELD, True)
    assert reviewed.asked() == [proposal.id]
    reviewed.follow()
    assert (objects(reviewed.lab)["a"], reviewed.waiting()) == (1111, [])


def test_a_host_that_cannot_be_entered_decides_nothing(reviewed: ReviewLab) -> None:
    """A plain Git host has no reviews, and a connection may lack a token."""

    def refuse(_: GitRepository) -> Host:
        raise RemoteUnavailable("git.example.com is down")

    pull = reviewed.propose("a", 1111)
    reviewed.review(pull, "bob")
    reviewed.merge(pull)
    changes_lab.follow(reviewed.lab, open_host=refuse)
    (proposal,) = reviewed.waiting()
    assert (proposal.review, reviewed.asked()) == ("no review can be read: git.example.com is down", [proposal.id])


def test_what_somebody_rejected_stays_rejected(reviewed: ReviewLab) -> None:
    """A person has decided; a review that comes later is about the same change."""
    pull = reviewed.propose("a", 1111)
    reviewed.merge(pull)
    reviewed.follow()
    (proposal,) = reviewed.waiting()
    reject(reviewed.lab.database, proposal.id, origin=Origin(who="eve", via=Via.CLI))
    reviewed.review(pull, "bob")
    reviewed.follow(force=True)
    assert (objects(reviewed.lab)["a"], reviewed.newest().status) == (1001, ProposalStatus.REJECTED)


def test_a_look_costs_nothing_where_nothing_waits(reviewed: ReviewLab, ada: Person) -> None:
    """The host is asked about proposals that wait, and not about pushes."""
    ada.commit({"README.md": "# net\n"})
    reviewed.follow()
    assert reviewed.hub.requests == []
