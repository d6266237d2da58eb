"""Rollouts: one change for many fabrics, wave by wave."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from hedgehog.airflow.web.models.actions import LONGEST_TEXT, MOST_FABRICS, FabricName, Reason
from hedgehog.airflow.web.models.common import ActionBody, Model
from hedgehog.airflow.web.models.freezing import SelectionBody
from hedgehog.airflow.web.models.plans import ChangePlan
from hedgehog.fabric.rollouts import MOST_WAVES, Approve, MemberState, OnFailure, RolloutState

RolloutName = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Size = Annotated[str, StringConstraints(min_length=1, max_length=7)]
OptionalReason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=900)]
_LONGEST_SPAN = 30 * 24 * 3600


class StartRolloutBody(SelectionBody):
    """A change, the fabrics that are to get it, and how."""

    name: RolloutName
    """Letters, digits, `.`, `_` and `-`, and not digits alone; no other open rollout has it."""
    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
    """The objects to store, YAML with `${variables}`; in a document of kind `Change`, the objects to delete."""
    canary: Annotated[list[FabricName], Field(max_length=MOST_FABRICS)] = Field(default_factory=list)
    """The fabrics of the first wave."""
    waves: Annotated[list[Size], Field(max_length=MOST_WAVES)] = Field(default_factory=list)
    """How many of the others have it after each wave, as `5` or `10%`; the rest is the last wave."""
    max_unavailable: Size | None = None
    """The most fabrics of a wave, as `20` or `5%`; null: as many as there are."""
    soak_seconds: Annotated[int, Field(ge=0, le=_LONGEST_SPAN)] = 0
    """How long each fabric is watched after it has converged."""
    timeout_seconds: Annotated[int, Field(ge=1, le=_LONGEST_SPAN)] = 1800
    """How long a fabric may take to converge."""
    approve: Approve = Approve.NONE
    """Whether a person lets the second wave (`canary`), or every further one (`wave`), begin."""
    on_failure: OnFailure = OnFailure.HOLD
    """When a fabric fails: pause, or take all of it back."""
    reason: Reason
    dry_run: bool = False
    """Plan and validate it for every fabric; begin nothing."""


class RolloutBody(ActionBody):
    """Which rollout is meant."""

    rollout: RolloutName
    """Its number or name."""
    reason: OptionalReason = ""


class RolloutReasonBody(RolloutBody):
    """Which rollout is meant, and why."""

    reason: Reason


class ApproveRolloutBody(RolloutBody):
    """Which wave of which rollout may begin."""

    wave: Annotated[int, Field(ge=1, le=MOST_WAVES)] | None = None
    """The wave that is meant: if another one waits meanwhile, nothing begins. Null: the one that waits."""


class Rollout(Model):
    """How far a rollout is."""

    number: int
    name: str
    state: RolloutState
    reason: str
    """Why it is in this state: what failed, what it waits for, who paused it."""
    why: str
    """Why it was begun."""
    selector: str
    """The fabrics that it is for; empty: all."""
    digest: str
    """Pins the change and the variables of each fabric."""
    counts: dict[MemberState, int]
    """How many of its fabrics are in each state."""
    total: int
    """All its fabrics."""
    wave: int | None
    """The wave that is under way, counted from 1; null: it is over."""
    waves: int
    soak_seconds: int
    timeout_seconds: int
    approve: Approve
    on_failure: OnFailure
    started_by: str
    started_at: datetime
    moved_at: datetime
    """When it came into its state."""
    ended_at: datetime | None
    actions: list[str]
    """The actions that change it as it stands, the most likely first."""


class RolloutFabric(Model):
    """How far a rollout is with one fabric."""

    fabric: str
    wave: int
    state: MemberState
    since: datetime | None
    reason: str
    """Why it failed, or what it waits for."""
    generation: int | None
    """The generation that the change made; null: it does not have it yet."""
    ends_at: datetime | None
    """When it has soaked, or fails because it has not converged; null while it is not watched."""


class RolloutDetail(Rollout):
    """A rollout with its change and its fabrics."""

    text: str
    """The objects that are stored, with variables in them; secrets are hidden."""
    deletes: list[str]
    """The objects that are deleted."""
    fabrics: list[RolloutFabric]
    """By wave and name."""


class PlannedRolloutFabric(Model):
    """What a rollout would do to one fabric."""

    fabric: str
    wave: int
    counts: dict[str, int]
    """Its objects by what happens to them: `created`, `configured`, `deleted`, `unchanged`."""


class RepeatedChange(Model):
    """What happens to an object in some of the fabrics."""

    object: str
    action: str
    fabrics: int


class StartedRollout(Model):
    """A rollout that has begun, or in a dry run would begin."""

    name: str
    number: int | None
    """Null: a dry run."""
    digest: str
    waves: int
    fabrics: list[PlannedRolloutFabric]
    """By wave and name."""
    changes: list[RepeatedChange]
    """The first of what happens, that in most fabrics first."""
    example: ChangePlan
    """What happens in the first fabric, field by field, and what that concerns."""
    dry_run: bool
