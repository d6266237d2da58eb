"""Pushes that need approval: nothing is taken in before somebody approves it."""

from __future__ import annotations

import pytest

from hedgehog.errors import PermissionDenied
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import ApprovalRule, ProposalStatus
from hedgehog.fabric.selectors import parse_selector
from hedgehog.services.steer.proposals import approve, keep_rule, reject
from hedgehog.store import proposals as store
from tests.services.repository.changes_lab import LAB, ada, follow, lab, make_vpc, objects, text

__all__ = ["ada", "lab"]

BOB = Origin(who="bob", via=Via.API)


@pytest.fixture
def guarded(lab, ada):
    """Every change of the fabric needs approval from now on."""
    keep_rule(lab.database, ApprovalRule("all", parse_selector("repository=net")), actor="root")
    return lab


def waiting(lab):
    """The proposals that wait."""
    return store.list_proposals(lab.database, [ProposalStatus.WAITING])


def test_a_push_is_taken_in_once_it_is_approved(guarded, ada):
    """By somebody other than the author of the commit; until then its fabric is held, with the reason."""
    head = ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))}, "Move a")
    (outcome,) = follow(guarded).outcomes
    (proposal,) = waiting(guarded)
    assert (outcome.status, f"proposal {proposal.id} waits for approval" in outcome.reason) == (
        OutcomeStatus.HELD,
        True,
    )
    assert (objects(guarded)["a"], proposal.origin.commit, proposal.origin.why) == (1001, head, "Move a")
    with pytest.raises(PermissionDenied):
        approve(guarded.database, proposal.id, origin=Origin(who="ada", via=Via.CLI))
    assert approve(guarded.database, proposal.id, origin=BOB).proposal.status is ProposalStatus.APPROVED
    (outcome,) = follow(guarded).outcomes
    assert (outcome.status, objects(guarded)["a"]) == (OutcomeStatus.SUCCESS, 1111)
    assert store.load_proposal(guarded.database, proposal.id).status is ProposalStatus.APPLIED
    assert waiting(guarded) == []


def test_who_merged_a_change_may_approve_it_and_its_authors_may_not(guarded, ada):
    """A change by several people is a change of each of them."""
    eve = guarded.person(name="Eve")
    eve.pull()
    eve.git("checkout", "--quiet", "-b", "change")
    eve.branch = "change"
    eve.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))}, "Move a")
    bob = guarded.person(name="Bob")
    bob.pull()
    bob.git("fetch", "--quiet", "origin", "change")
    bob.git("merge", "--quiet", "--no-ff", "-m", "Merge the change", "FETCH_HEAD")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    ada.commit({f"{LAB}/vpcs/b.yaml": text(make_vpc("b", 1222))}, "Move b")
    follow(guarded)
    (proposal,) = waiting(guarded)
    assert proposal.origin.who == "Ada <ada@example.com>, Eve <eve@example.com>"
    for author in ("ada", "eve@laptop"):
        with pytest.raises(PermissionDenied):
            approve(guarded.database, proposal.id, origin=Origin(who=author, via=Via.CLI))
    assert approve(guarded.database, proposal.id, origin=BOB).proposal.status is ProposalStatus.APPROVED


def test_a_push_that_waits_is_one_proposal_and_another_push_supersedes_it(guarded, ada):
    """However often the repository is looked at."""
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))})
    for _ in range(2):
        follow(guarded, force=True)
    (first,) = waiting(guarded)
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1222))})
    follow(guarded)
    (second,) = waiting(guarded)
    assert second.id != first.id
    over = store.load_proposal(guarded.database, first.id)
    assert (over.status, over.superseded_by) == (ProposalStatus.SUPERSEDED, second.id)


def test_a_rejected_push_stays_out_until_git_changes(guarded, ada):
    """It is a problem of the fabric meanwhile; a revert ends it."""
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))})
    follow(guarded)
    (proposal,) = waiting(guarded)
    reject(guarded.database, proposal.id, origin=BOB)
    (outcome,) = follow(guarded, force=True).outcomes
    assert (outcome.status, "was rejected by bob" in outcome.reason) == (OutcomeStatus.HELD, True)
    assert (objects(guarded)["a"], waiting(guarded)) == (1001, [])
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1001))})
    (outcome,) = follow(guarded, at_once=True).outcomes
    assert outcome.status is not OutcomeStatus.HELD
