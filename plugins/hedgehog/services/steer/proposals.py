"""What people decide about proposals: approved, a change is stored as if it were made now; rejected, it never is."""

from __future__ import annotations

import re

from hedgehog.errors import InvalidInput, PermissionDenied
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import ApprovalRule, Proposal, ProposalStatus, is_same_person
from hedgehog.services.plans.change import plan_change
from hedgehog.services.plans.deciding import Decided, carry_out_approval, deed_about, supersede
from hedgehog.store import approval_rules as rules
from hedgehog.store import objects
from hedgehog.store import proposals as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.plans import load_plan

_RULE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def approve(connection: Connection, number: int, *, origin: Origin) -> Decided:
    """Approve a proposal on behalf of *origin*, and store its change as its author's; one from Git is taken in next.

    If the plan no longer holds, nothing is stored: the proposal is superseded, by another one where the change still
    makes a difference, and the differences are told. Raises PermissionDenied for its author, unless the rules allow
    that, and InvalidInput for a proposal that was decided before.
    """
    with transaction(connection):
        proposal = _undecided(connection, number)
        if not proposal.author_may_approve and is_same_person(origin.who, proposal.origin.who):
            raise PermissionDenied(
                f"proposal {number} is by {proposal.origin.who}: somebody else must approve it (no rule that asks for "
                "this approval allows its author)"
            )
        return carry_out_approval(connection, proposal, origin)


def reject(connection: Connection, number: int, *, origin: Origin) -> Decided:
    """Reject a proposal on behalf of *origin*, its author included: nothing of it is ever stored.

    Raises InvalidInput for a proposal that was decided before.
    """
    with transaction(connection) as cursor:
        proposal = _undecided(connection, number)
        store.note_decision(cursor, number, ProposalStatus.REJECTED, actor=origin.who, reason=origin.why)
        plan = load_plan(connection, proposal.plan_id).plan
        record_action(cursor, deed_about(origin, "reject", proposal, plan))
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
            done.append(supersede(connection, proposal, fabric, kept, now))
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
