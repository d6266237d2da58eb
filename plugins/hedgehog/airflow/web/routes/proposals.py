"""Changes that wait for approval: read, approved, rejected."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from hedgehog.airflow.web.access import User
from hedgehog.airflow.web.models.proposals import (
    ApproveBody,
    Proposal,
    ProposalDecision,
    ProposalDetail,
    RejectBody,
)
from hedgehog.airflow.web.routes.actions import action
from hedgehog.airflow.web.routes.parameters import Database, FabricFilter, Limit, WritableDatabase
from hedgehog.errors import PermissionDenied
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import ProposalStatus
from hedgehog.services.plans.deciding import Decided
from hedgehog.services.steer.proposals import approve, reject
from hedgehog.store.plans import load_plan
from hedgehog.store.proposals import list_proposals, load_proposal

router = APIRouter(tags=["proposals"])

_OPEN = [ProposalStatus.WAITING, ProposalStatus.APPROVED]


@router.get("/proposals")
def get_proposals(
    database: Database,
    fabric: FabricFilter = None,
    status: Annotated[
        list[ProposalStatus], Query(description="Only in any of these states; none: the open ones.")
    ] = [],  # noqa: B006
    limit: Limit = 100,
) -> list[Proposal]:
    """What waits for approval, or what became of it; the newest first."""
    found = list_proposals(database, status or _OPEN, fabric=fabric, limit=limit)
    return [Proposal.model_validate(one.as_dict()) for one in found]


@router.get("/proposals/{proposal}")
def get_proposal(database: Database, proposal: Annotated[int, Path(ge=1, lt=2**31)]) -> ProposalDetail:
    """A proposal with its plan."""
    found = load_proposal(database, proposal)
    plan = load_plan(database, found.plan_id).plan
    return ProposalDetail.model_validate({**found.as_dict(), "document": plan.as_dict()})


@action("approve")
def approve_proposal(user: User, database: WritableDatabase, body: ApproveBody) -> ProposalDecision:
    """Approve a proposal: its change is stored if its plan still holds, else it is superseded."""
    origin = Origin(who=user.get_name(), via=Via.API, why=body.reason)
    try:
        return _decision(approve(database, body.proposal, origin=origin))
    except PermissionDenied as error:  # of this user, not of a credential of ours
        raise HTTPException(403, str(error)) from None


@action("reject")
def reject_proposal(user: User, database: WritableDatabase, body: RejectBody) -> ProposalDecision:
    """Reject a proposal: nothing of it is stored."""
    origin = Origin(who=user.get_name(), via=Via.API, why=body.reason)
    return _decision(reject(database, body.proposal, origin=origin))


def _decision(done: Decided) -> ProposalDecision:
    return ProposalDecision.model_validate(
        {
            "proposal": done.proposal.as_dict(),
            "changes": [str(change) for change in done.changes.writes],
            "differences": list(done.differences),
        }
    )
