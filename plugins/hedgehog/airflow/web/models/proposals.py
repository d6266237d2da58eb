"""Changes that wait for approval."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from hedgehog.airflow.web.models.actions import Reason
from hedgehog.airflow.web.models.common import ActionBody, Model
from hedgehog.airflow.web.models.plans import ChangePlan
from hedgehog.fabric.proposals import ProposalStatus


class ApproveBody(ActionBody):
    """Which proposal is approved."""

    proposal: Annotated[int, Field(ge=1, lt=2**31)]
    """Its number."""
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=900)] = ""


class RejectBody(ActionBody):
    """Which proposal is rejected, and why."""

    proposal: Annotated[int, Field(ge=1, lt=2**31)]
    """Its number."""
    reason: Reason


class Proposal(Model):
    """A change that waits, or waited, for approval."""

    id: int
    fabric: str
    plan: str
    """The id of its plan."""
    status: ProposalStatus
    author: str
    via: str
    """Through what it was made: `cli`, `api`, `git` …"""
    reason: str
    commit: str | None
    needs_approval: list[str]
    """The rules that ask for it, and why."""
    author_may_approve: bool
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision: str
    """Why it was decided so, or why it no longer held."""
    superseded_by: int | None
    review_decides: bool
    """Whether an approving review of the pull request that it came with is an approval."""
    review: str
    """What the reviews at the Git host say; empty before they were read."""
    pull_request: str
    """The page of the pull request that it came with; empty where that is not known, or there is none."""


class ProposalDetail(Proposal):
    """A proposal with its plan."""

    document: ChangePlan


class ProposalDecision(Model):
    """What became of a proposal."""

    proposal: Proposal
    changes: list[str]
    """The objects that were stored or removed, and how."""
    differences: list[str]
    """Why it no longer held: what would happen now instead; empty for one that did."""
