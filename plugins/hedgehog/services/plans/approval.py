"""Whether a change of a fabric may be stored now, or waits as a proposal until somebody approves it.

Every way in asks here before it stores objects: imports, edits and deletions, plans that are carried out, pushes.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    return propose(connection, fabric, plan, change, origin=origin, needed=needed) if needed else None


def propose(
    connection: Connection,
    fabric: Fabric,
    plan: ChangePlan,
    change: DesiredChange,
    *,
    origin: Origin,
    needed: NeededApproval,
) -> Proposal:
    """Have a change wait for approval with its plan."""
    with transaction(connection) as cursor:
        save_plan(cursor, fabric.id, plan, change, actor=origin.who)
        number = store.add_proposal(cursor, fabric.id, plan.id, origin, needed)
        subjects = [str(one.ref) for one in plan.changes]
        record_action(cursor, Deed.of(origin, action="propose", fabrics=[fabric.name], subjects=subjects))
    return store.load_proposal(connection, number)


def pushed_change_waits(
    connection: Connection, fabric: Fabric, change: DesiredChange, origin: Origin
) -> Proposal | None:
    """The proposal that keeps a pushed change from being taken in: it waits, or was rejected; None if it may be stored.

    An approval counts for this very change and is used up by it; a push that changes something else supersedes it. Joins
    the caller's transaction.
    """
    rules = load_rules(connection, fabric.name)
    if not rules:
        return None
    plan = plan_change(connection, fabric, change)
    needed = needed_approval(rules, plan)
    with transaction(connection) as cursor:
        if needed is None:
            _supersede_pushes(connection, cursor, fabric, None, "what Git has now needs no approval")
            return None
        known = store.proposals_about(connection, fabric.id, plan.base)
        latest = known[0] if known else None
        if latest is not None and latest.status is ProposalStatus.APPROVED:
            store.mark_applied(cursor, latest.id)
            return None
        if latest is not None and (latest.status is ProposalStatus.REJECTED or latest.plan_id == plan.id):
            return latest
        found = propose(connection, fabric, plan, change, origin=origin, needed=needed)
        _supersede_pushes(connection, cursor, fabric, found, "Git has another change now")
        return found


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
