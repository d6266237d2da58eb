"""Carries out what was decided about a proposal: by people, or by the review of the pull request that it came with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hedgehog.fabric.change_plan import ChangePlan
from hedgehog.fabric.changes import Action, Change, ChangeSet
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Fabric, SourceOfTruth, Target
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import NeededApproval, Proposal, ProposalStatus
from hedgehog.services.plans.approval import propose
from hedgehog.services.plans.change import plan_change
from hedgehog.services.plans.comparison import plan_differences
from hedgehog.store import objects, schedule
from hedgehog.store import proposals as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.origins import set_origin
from hedgehog.store.plans import StoredPlan, load_plan


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a proposal, and what was stored."""

    proposal: Proposal
    changes: ChangeSet = field(default_factory=ChangeSet)
    differences: tuple[str, ...] = ()
    """Why it no longer held: what would happen now instead."""


def approve_by_review(connection: Connection, number: int, *, origin: Origin) -> Decided | None:
    """Approve a proposal on behalf of who approved its pull request; None if it was decided meanwhile.

    Who made the change is for the caller to know: who merged it counts as its author in Git.
    """
    with transaction(connection):
        proposal = store.load_proposal(connection, number, lock=True)
        if proposal.status is not ProposalStatus.WAITING:
            return None
        return carry_out_approval(connection, proposal, origin)


def carry_out_approval(connection: Connection, proposal: Proposal, origin: Origin) -> Decided:
    """Carry out an approval by *origin*, or supersede the proposal; joins the caller's transaction, which has it locked."""
    with transaction(connection) as cursor:
        fabric = load_fabric(connection, proposal.fabric)
        objects.lock_objects(cursor, fabric.id)
        fabric = load_fabric(connection, proposal.fabric)
        kept = load_plan(connection, proposal.plan_id)
        now = plan_change(connection, fabric, kept.change or DesiredChange())
        if now.id != kept.plan.id:
            return supersede(connection, proposal, fabric, kept, now)
        changes = ChangeSet()
        from_git = fabric.source_of_truth is SourceOfTruth.GIT
        status = ProposalStatus.APPROVED if from_git else ProposalStatus.APPLIED
        store.note_decision(cursor, proposal.id, status, actor=origin.who, reason=origin.why)
        if from_git:
            schedule.make_due(connection, Target.GIT, [fabric.id])
        else:
            decided = store.load_proposal(connection, proposal.id)
            whose = replace(proposal.origin, why=decided.approved_why(proposal.origin.why))
            changes = store_change(connection, fabric, kept.change or DesiredChange(), origin=whose)
        record_action(cursor, deed_about(origin, "approve", proposal, kept.plan))
    return Decided(store.load_proposal(connection, proposal.id), changes)


def supersede(connection: Connection, proposal: Proposal, fabric: Fabric, kept: StoredPlan, now: ChangePlan) -> Decided:
    """Note that a proposal no longer holds, and have its change wait as it is now, where it still makes a difference."""
    differences = tuple(plan_differences(kept.plan, now))
    change = kept.change or DesiredChange()
    needed = NeededApproval(proposal.reasons, proposal.author_may_approve, proposal.review_decides)
    with transaction(connection) as cursor:
        following = None
        if not now.is_empty:
            following = propose(connection, fabric, now, change, origin=proposal.origin, needed=needed)
        store.note_decision(
            cursor,
            proposal.id,
            ProposalStatus.SUPERSEDED,
            actor=proposal.origin.who,
            reason="; ".join(differences),
            superseded_by=following.id if following else None,
        )
    return Decided(store.load_proposal(connection, proposal.id), differences=differences)


def store_change(connection: Connection, fabric: Fabric, change: DesiredChange, *, origin: Origin) -> ChangeSet:
    """Store a change that was planned, as *origin*'s; it joins the caller's transaction, which holds the fabric's lock."""
    with transaction(connection) as cursor:
        set_origin(cursor, origin)
        saved = objects.save_objects(connection, fabric.id, change.upserts)
        objects.delete_objects(connection, fabric.id, change.deletes)
    return ChangeSet((*saved.changes, *(Change(ref, Action.DELETED) for ref in change.deletes)))


def deed_about(origin: Origin, action: str, proposal: Proposal, plan: ChangePlan) -> Deed:
    """What the record of actions says of a decision."""
    subjects = [f"proposal {proposal.id}", *(str(change.ref) for change in plan.changes)]
    return Deed.of(origin, action=action, fabrics=[proposal.fabric], subjects=subjects)
