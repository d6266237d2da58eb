"""What people decide about proposals: approved, a change is stored as if it were made now; rejected, it never is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from hedgehog.errors import InvalidInput, PermissionDenied
from hedgehog.fabric.change_plan import ChangePlan
from hedgehog.fabric.changes import ChangeSet
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Fabric, SourceOfTruth, Target
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import ApprovalRule, NeededApproval, Proposal, ProposalStatus, is_same_person
from hedgehog.services.plans.approval import propose
from hedgehog.services.plans.change import plan_change
from hedgehog.services.plans.comparison import plan_differences
from hedgehog.services.steer.plans import store_change
from hedgehog.store import approval_rules as rules
from hedgehog.store import objects, schedule
from hedgehog.store import proposals as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.plans import StoredPlan, load_plan

_RULE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a proposal, and what was stored."""

    proposal: Proposal
    changes: ChangeSet = field(default_factory=ChangeSet)
    differences: tuple[str, ...] = ()
    """Why it no longer held: what would happen now instead."""


def approve(connection: Connection, number: int, *, origin: Origin) -> Decided:
    """Approve a proposal on behalf of *origin*, and store its change as its author's; one from Git is taken in next.

    If the plan no longer holds, nothing is stored: the proposal is superseded, by another one where the change still
    makes a difference, and the differences are told. Raises PermissionDenied for its author, unless the rules allow
    that, and InvalidInput for a proposal that was decided before.
    """
    with transaction(connection) as cursor:
        proposal = _undecided(connection, number)
        if not proposal.author_may_approve and is_same_person(origin.who, proposal.origin.who):
            raise PermissionDenied(
                f"proposal {number} is by {proposal.origin.who}: somebody else must approve it (no rule that asks for "
                "this approval allows its author)"
            )
        fabric = load_fabric(connection, proposal.fabric)
        objects.lock_objects(cursor, fabric.id)
        fabric = load_fabric(connection, proposal.fabric)
        kept = load_plan(connection, proposal.plan_id)
        now = plan_change(connection, fabric, kept.change or DesiredChange())
        if now.id != kept.plan.id:
            return _superseded(connection, proposal, fabric, kept, now)
        changes = ChangeSet()
        from_git = fabric.source_of_truth is SourceOfTruth.GIT
        status = ProposalStatus.APPROVED if from_git else ProposalStatus.APPLIED
        store.note_decision(cursor, number, status, actor=origin.who, reason=origin.why)
        if from_git:
            schedule.make_due(connection, Target.GIT, [fabric.id])
        else:
            whose = replace(proposal.origin, why=_why(proposal, origin))
            changes = store_change(connection, fabric, kept.change or DesiredChange(), origin=whose)
        record_action(cursor, _deed(origin, "approve", proposal, kept.plan))
    return Decided(store.load_proposal(connection, number), changes)


def reject(connection: Connection, number: int, *, origin: Origin) -> Decided:
    """Reject a proposal on behalf of *origin*, its author included: nothing of it is ever stored.

    Raises InvalidInput for a proposal that was decided before.
    """
    with transaction(connection) as cursor:
        proposal = _undecided(connection, number)
        store.note_decision(cursor, number, ProposalStatus.REJECTED, actor=origin.who, reason=origin.why)
        plan = load_plan(connection, proposal.plan_id).plan
        record_action(cursor, _deed(origin, "reject", proposal, plan))
    return Decided(store.load_proposal(connection, number))


def refresh(connection: Connection) -> list[Decided]:
    """Supersede the proposals whose fabrics changed since they were planned; what became of each."""
    done = []
    for one in store.list_proposals(connection, [ProposalStatus.WAITING]):
        with transaction(connection) as cursor:
            fabric = load_fabric(connection, one.fabric)
            objects.lock_objects(cursor, fabric.id)
            proposal = store.load_proposal(connection, one.id, lock=True)
            kept = load_plan(connection, one.plan_id)
            fabric = load_fabric(connection, one.fabric)
            if proposal.status is not ProposalStatus.WAITING or fabric.generation == kept.plan.generation:
                continue
            now = plan_change(connection, fabric, kept.change or DesiredChange())
            done.append(_superseded(connection, proposal, fabric, kept, now))
    return done


def keep_rule(connection: Connection, rule: ApprovalRule, *, actor: str) -> None:
    """Store a rule; from now on it counts for every change, and what waits already stays as it is."""
    if not _RULE_NAME.fullmatch(rule.name):
        raise InvalidInput(f"{rule.name!r} is not a name of a rule: write lower-case letters, digits and hyphens")
    with transaction(connection) as cursor:
        rules.save_rule(cursor, rule, actor=actor)
        subjects = [f"rule {rule.name}: {rule.selector}: {rule.condition}"]
        record_action(cursor, Deed(actor=actor, action="require approval", subjects=subjects))


def drop_rule(connection: Connection, name: str, *, actor: str) -> None:
    """Delete a rule. Raises NotFound, with similar names."""
    with transaction(connection) as cursor:
        rules.delete_rule(cursor, name)
        record_action(cursor, Deed(actor=actor, action="drop approval", subjects=[f"rule {name}"]))


def _undecided(connection: Connection, number: int) -> Proposal:
    proposal = store.load_proposal(connection, number, lock=True)
    if proposal.status is not ProposalStatus.WAITING:
        by = f" by {proposal.decided_by}" if proposal.decided_by else ""
        after = f"; proposal {proposal.superseded_by} replaces it" if proposal.superseded_by else ""
        raise InvalidInput(f"proposal {number} was {proposal.status}{by} already{after}")
    return proposal


def _superseded(
    connection: Connection, proposal: Proposal, fabric: Fabric, kept: StoredPlan, now: ChangePlan
) -> Decided:
    """Note that a proposal no longer holds, and have its change wait as it is now, where it still makes a difference."""
    differences = tuple(plan_differences(kept.plan, now))
    change = kept.change or DesiredChange()
    needed = NeededApproval(proposal.reasons, proposal.author_may_approve)
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


def _why(proposal: Proposal, approver: Origin) -> str:
    """The reason in the history: the author's, and who approved it."""
    said = f": {approver.why}" if approver.why else ""
    approved = f"proposal {proposal.id}, approved by {approver.who}{said}"
    return f"{proposal.origin.why} ({approved})" if proposal.origin.why else approved


def _deed(origin: Origin, action: str, proposal: Proposal, plan: ChangePlan) -> Deed:
    subjects = [f"proposal {proposal.id}", *(str(change.ref) for change in plan.changes)]
    return Deed.of(origin, action=action, fabrics=[proposal.fabric], subjects=subjects)
