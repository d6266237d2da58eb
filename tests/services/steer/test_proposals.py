"""Changes that need approval wait as proposals, are stored when somebody else approves them, or never."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml

from hedgehog.errors import InvalidInput, PermissionDenied
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.problems import ProblemKind
from hedgehog.fabric.proposals import ApprovalRule, ProposalStatus
from hedgehog.fabric.selectors import parse_selector
from hedgehog.services.steer.deletions import remove_objects
from hedgehog.services.steer.edits import edit_object
from hedgehog.services.steer.proposals import approve, drop_rule, keep_rule, refresh, reject
from hedgehog.services.steer.rollback import roll_back
from hedgehog.services.transfer.load import import_documents
from hedgehog.store import objects as object_store
from hedgehog.store import proposals as store
from hedgehog.store.database import transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.problems import open_problems
from tests.origins import origins
from tests.services.plans.fabrics import documents, filled_fabric, make_vpc_of

ADA = Origin(who="ada@laptop", via=Via.CLI, why="CHG-1")
BOB = Origin(who="bob", via=Via.API, why="fine")
WAITING, APPLIED, REJECTED, SUPERSEDED = (
    ProposalStatus.WAITING,
    ProposalStatus.APPLIED,
    ProposalStatus.REJECTED,
    ProposalStatus.SUPERSEDED,
)


@pytest.fixture
def fabric(database):
    """A fabric with namespaces and two VPCs, every change of which needs approval."""
    filled_fabric(database, "lab")
    keep_rule(database, ApprovalRule("all", parse_selector("fabric=lab")), actor="root")
    return database


def vlan(database, name="a"):
    """The VLAN of a VPC; None: there is no such VPC."""
    found = object_store.load_objects(database, [load_fabric(database, "lab").id]).popitem()[1]
    vlans = {one.ref.name: one.manifest["spec"]["subnets"]["default"]["vlan"] for one in found if one.ref.kind == "VPC"}
    return vlans.get(name)


def change(database, *manifests, origin=ADA, **options):
    """An import."""
    return import_documents(database, documents(*manifests), origin=origin, fabric="lab", **options)


def test_an_import_waits_and_is_stored_when_somebody_else_approves_it(fabric):
    """As the change of its author; the history says who approved it."""
    report = change(fabric, make_vpc_of("a", 1500))
    assert (vlan(fabric), report.proposal.status) == (1001, WAITING)
    done = approve(fabric, report.proposal.id, origin=BOB)
    assert (vlan(fabric), done.proposal.status, done.proposal.decided_by) == (1500, APPLIED, "bob")
    number = report.proposal.id
    assert origins(fabric)[-1] == ("ada@laptop", "cli", f"CHG-1 (proposal {number}, approved by bob: fine)")


def test_the_author_cannot_approve_unless_the_rules_allow_it(fabric):
    """Under none of his names."""
    number = change(fabric, make_vpc_of("a", 1500)).proposal.id
    with pytest.raises(PermissionDenied, match="somebody else must approve it"):
        approve(fabric, number, origin=Origin(who="Ada", via=Via.API))
    assert vlan(fabric) == 1001
    reject(fabric, number, origin=ADA)
    keep_rule(fabric, ApprovalRule("all", parse_selector("fabric=lab"), author_may_approve=True), actor="root")
    number = change(fabric, make_vpc_of("a", 1600)).proposal.id
    approve(fabric, number, origin=ADA)
    assert vlan(fabric) == 1600


def test_what_was_rejected_is_never_stored(fabric):
    """And a decision is final."""
    number = change(fabric, make_vpc_of("a", 1500)).proposal.id
    assert reject(fabric, number, origin=BOB).proposal.status is REJECTED
    for decide in (approve, reject):
        with pytest.raises(InvalidInput, match=f"proposal {number} was rejected by bob already"):
            decide(fabric, number, origin=BOB)
    assert vlan(fabric) == 1001


def test_an_edit_and_a_deletion_wait_too(fabric):
    """Whatever the way in."""
    digest = next(
        one.digest
        for one in object_store.load_objects(fabric, [load_fabric(fabric, "lab").id]).popitem()[1]
        if one.ref.name == "a"
    )
    edit = edit_object(fabric, "lab", yaml.safe_dump(make_vpc_of("a", 1500)), digest=digest, origin=ADA)
    deletion = remove_objects(fabric, "lab", ["vpc/b"], origin=ADA)
    assert (vlan(fabric, "a"), vlan(fabric, "b")) == (1001, 1002)
    approve(fabric, deletion.proposal.id, origin=BOB)
    assert vlan(fabric, "b") is None
    done = approve(fabric, edit.proposal.id, origin=BOB)
    assert done.proposal.status is SUPERSEDED, "the fabric was changed since"


def test_a_rollback_waits_too(fabric):
    """It is a change like any other."""
    approve(fabric, change(fabric, make_vpc_of("a", 1500)).proposal.id, origin=BOB)
    back = roll_back(fabric, "lab", str(load_fabric(fabric, "lab").generation - 1), origin=ADA, now=datetime.now(UTC))
    assert (vlan(fabric), back.generation) == (1500, None)
    approve(fabric, back.proposal.id, origin=BOB)
    assert vlan(fabric) == 1001


def test_a_proposal_that_no_longer_fits_is_superseded_by_one_that_does(fabric):
    """With the difference; nothing is stored before somebody has seen the new plan."""
    first = change(fabric, make_vpc_of("a", 1500)).proposal
    second = change(fabric, make_vpc_of("b", 1600)).proposal
    approve(fabric, second.id, origin=BOB)
    done = approve(fabric, first.id, origin=BOB)
    assert (done.proposal.status, vlan(fabric, "a")) == (SUPERSEDED, 1001)
    assert any("generation" in line for line in done.differences)
    following = store.load_proposal(fabric, done.proposal.superseded_by)
    assert (following.status, following.origin, following.plan_id != first.plan_id) == (WAITING, ADA, True)
    approve(fabric, following.id, origin=BOB)
    assert vlan(fabric, "a") == 1500


def test_a_proposal_that_makes_no_difference_any_more_is_over(fabric):
    """No other one waits for it."""
    first = change(fabric, make_vpc_of("a", 1500)).proposal
    drop_rule(fabric, "all", actor="root")
    change(fabric, make_vpc_of("a", 1500))
    (done,) = refresh(fabric)
    assert (done.proposal.id, done.proposal.status, done.proposal.superseded_by) == (first.id, SUPERSEDED, None)
    assert refresh(fabric) == []


def test_the_same_change_is_one_proposal_however_often_it_is_made(fabric):
    """A pipeline imports its files again and again."""
    one, two = (change(fabric, make_vpc_of("a", 1500)).proposal for _ in range(2))
    assert one == two
    assert len(store.list_proposals(fabric, [WAITING])) == 1


def test_only_changes_above_the_limits_wait(fabric):
    """The others are stored at once, and fabrics that no rule fits are not asked."""
    keep_rule(fabric, ApprovalRule("all", parse_selector("fabric=lab"), max_deleted=0), actor="root")
    assert change(fabric, make_vpc_of("a", 1500)).proposal is None
    assert vlan(fabric) == 1500
    assert remove_objects(fabric, "lab", ["vpc/b"], origin=ADA).proposal is not None
    keep_rule(fabric, ApprovalRule("all", parse_selector("fabric=other")), actor="root")
    assert remove_objects(fabric, "lab", ["vpc/b"], origin=ADA).proposal is None


def test_a_dry_run_proposes_nothing(fabric):
    """It tells what would wait."""
    assert change(fabric, make_vpc_of("a", 1500), dry_run=True).proposal is not None
    assert store.list_proposals(fabric, list(ProposalStatus)) == []


def test_nobody_can_approve_what_a_cluster_would_refuse(fabric):
    """Not even with the option that stores it otherwise."""
    twice = make_vpc_of("c", 1003)
    twice["spec"]["subnets"]["default"]["subnet"] = make_vpc_of("a", 1)["spec"]["subnets"]["default"]["subnet"]
    with pytest.raises(InvalidInput, match="nothing was stored"):
        change(fabric, twice, allow_invalid=True)
    assert store.list_proposals(fabric, list(ProposalStatus)) == []


def test_a_proposal_is_an_open_problem_until_it_is_decided(fabric):
    """With the command that shows it."""
    number = change(fabric, make_vpc_of("a", 1500)).proposal.id
    (found,) = open_problems(fabric, ["lab"])
    assert (found.kind, found.command) == (ProblemKind.PROPOSAL, f"hedgehog proposals show {number}")
    assert "a change by ada@laptop waits for approval: CHG-1" in str(found)
    reject(fabric, number, origin=BOB)
    assert open_problems(fabric, ["lab"]) == []


def test_who_proposed_and_who_decided_is_recorded(fabric):
    """Like everything that people do."""
    approve(fabric, change(fabric, make_vpc_of("a", 1500)).proposal.id, origin=BOB)
    with transaction(fabric) as cursor:
        cursor.execute("SELECT actor, action, reason FROM hedgehog.action WHERE fabric = 'lab' ORDER BY id")
        assert cursor.fetchall() == [("ada@laptop", "propose", "CHG-1"), ("bob", "approve", "fine")]
