"""Whether a change of a fabric may be stored now, or waits as a proposal until somebody approves it.

Every way in asks here before it stores objects: imports, edits and deletions, plans that are carried out, pushes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.change_plan import ChangePlan
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import NeededApproval, Proposal, ProposalStatus, needed_approval
from hedgehog.services.plans.change import plan_change
from hedgehog.store import proposals as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.approval_rules import load_rules
from hedgehog.store.database import Connection, transaction
from hedgehog.store.plans import save_plan

_OPEN = (ProposalStatus.WAITING, ProposalStatus.APPROVED)


def propose_if_needed(connection: Connection, fabric: Fabric, change: DesiredChange, origin: Origin) -> Proposal | None:
    """The proposal as which *change* waits; None if it needs no approval, so that the caller may store it.

    To be asked before anything of the change is stored; it joins the caller's transaction. The same change proposed
    again is the same proposal. Raises InvalidInput for what a cluster would refuse: nobody can approve that.
    """
    rules = load_rules(connection, fabric.name)
    if not rules:
        return None
    plan = plan_change(connection, fabric, change)
    if plan.refused:
        lines = [f"{one.subject}: {one.reason}" for one in plan.refused]
        raise InvalidInput("\n".join([*lines, f"nothing was stored; changes of {fabric.name} may need approval"]))
    needed = needed_approval(rules, plan)
    if needed is None:
        return None
    needed = replace(needed, review_decides=False)  # it is in no pull request before it is approved
    return propose(connection, fabric, plan, change, origin=origin, needed=needed)


def propose(
    connection: Connection,
    fabric: Fabric,
    plan: ChangePlan,
    change: DesiredChange,
    *,
    origin: Origin,
    needed: NeededApproval,
    is_announced: bool = True,
) -> Proposal:
    """Have a change wait for approval with its plan; unless it *is_announced*, nobody is asked about it yet."""
    with transaction(connection) as cursor:
        save_plan(cursor, fabric.id, plan, change, actor=origin.who)
        number = store.add_proposal(cursor, fabric.id, plan.id, origin, needed, is_announced=is_announced)
        subjects = [str(one.ref) for one in plan.changes]
        record_action(cursor, Deed.of(origin, action="propose", fabrics=[fabric.name], subjects=subjects))
    return store.load_proposal(connection, number)


@dataclass(frozen=True, slots=True)
class PushedVerdict:
    """What is to become of a pushed change: it is stored, unless it *waits*."""

    waits: Proposal | None = None
    """The proposal that keeps it from being taken in: it waits, or was rejected."""
    approved: Proposal | None = None
    """The proposal whose approval it has used up."""


def pushed_change_waits(
    connection: Connection, fabric: Fabric, change: DesiredChange, origin: Origin, *, can_be_reviewed: bool = False
) -> PushedVerdict:
    """Whether a pushed change may be stored, or waits as a proposal.

    An approval counts for this very change and is used up by it; a push that changes something else supersedes it. If it
    *can_be_reviewed*, all of it is from commits whose pull requests the caller looks up next. Joins the caller's
    transaction.
    """
    rules = load_rules(connection, fabric.name)
    if not rules:
        return PushedVerdict()
    plan = plan_change(connection, fabric, change)
    needed = needed_approval(rules, plan)
    with transaction(connection) as cursor:
        if needed is None:
            _supersede_pushes(connection, cursor, fabric, None, "what Git has now needs no approval")
            return PushedVerdict()
        known = store.proposals_about(connection, fabric.id, plan.base)
        latest = known[0] if known else None
        if latest is not None and latest.status is ProposalStatus.APPROVED:
            store.mark_applied(cursor, latest.id)
            return PushedVerdict(approved=latest)
        if latest is not None and (latest.status is ProposalStatus.REJECTED or latest.plan_id == plan.id):
            return PushedVerdict(waits=latest)
        needed = replace(needed, review_decides=needed.review_decides and can_be_reviewed)
        is_announced = not needed.review_decides
        found = propose(connection, fabric, plan, change, origin=origin, needed=needed, is_announced=is_announced)
        _supersede_pushes(connection, cursor, fabric, found, "Git has another change now")
        return PushedVerdict(waits=found)


def _supersede_pushes(connection: Connection, cursor: Any, fabric: Fabric, by: Proposal | None, reason: str) -> None:
    """Note that earlier pushes, which nobody has taken in yet, are over."""
    for one in _open_pushes(connection, fabric):
        if by is None or one.id != by.id:
            number = by.id if by is not None else None
            store.note_decision(
                cursor, one.id, ProposalStatus.SUPERSEDED, actor=one.origin.who, reason=reason, superseded_by=number
            )


def _open_pushes(connection: Connection, fabric: Fabric) -> Iterable[Proposal]:
    found = store.list_proposals(connection, _OPEN, fabric=fabric.name)
    return [one for one in found if one.origin.via is Via.GIT]


def why_it_waits(proposal: Proposal) -> str:
    """What keeps a change from being stored, and what to do about it, in one line."""
    if proposal.status is ProposalStatus.REJECTED:
        why = f": {proposal.decision}" if proposal.decision else ""
        return f"proposal {proposal.id} was rejected by {proposal.decided_by}{why}; change or revert what was pushed"
    reasons = "; ".join(proposal.reasons)
    return f"proposal {proposal.id} waits for approval ({reasons}): `hedgehog proposals show {proposal.id}`"
