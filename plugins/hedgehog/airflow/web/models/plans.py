"""A plan: what would happen to a fabric, and what that concerns, before anything happens."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from hedgehog.airflow.web.models.actions import LONGEST_TEXT, MOST_OBJECTS, FabricName, Reason, RunStarted, Subject
from hedgehog.airflow.web.models.common import ActionBody, Model
from hedgehog.airflow.web.models.history import ChangedField, RecordedChange


class PlanBody(ActionBody):
    """A change of objects that somebody thinks of."""

    fabric: FabricName
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] = ""
    """The objects that would be stored, YAML or JSON."""
    deletes: Annotated[list[Subject], Field(max_length=MOST_OBJECTS)] = Field(default_factory=list)
    """The objects that would be removed: `Kind/namespace/name`, or `Kind/name` where that is clear."""


class ApplyBody(ActionBody):
    """Which plan to carry out, and why."""

    plan: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    """Its id."""
    reason: Reason


class PlanEntry(Model):
    """One object that is created, configured or deleted."""

    object: str
    action: str
    differences: list[ChangedField]
    reason: str


class PlannedHold(Model):
    """One object or file that would be changed and is left alone."""

    subject: str
    reason: str
    refused: bool
    """Whether it breaks a rule; otherwise it waits for a decision, or for something else."""


class LostDrift(Model):
    """A change by others that would be overwritten."""

    subject: str
    summary: str


class PlanWave(Model):
    """Objects that are written or deleted together; a wave begins when the one before it has ended."""

    action: str
    """`write` or `delete`."""
    objects: list[str]


class PlanPart(Model):
    """What happens at one place."""

    place: str
    """`database`, `git` or `kubernetes`."""
    counts: dict[str, int]
    unchanged: int
    changes: list[PlanEntry]
    held: list[PlannedHold]
    warnings: list[str]
    drift: list[LostDrift]
    waves: list[PlanWave]
    unverified: str
    """Why nothing can be said about this place; mostly empty."""


class BlastRadius(Model):
    """The names of all that a plan concerns."""

    switches: list[str]
    ports: list[str]
    """As `switch/port`."""
    servers: list[str]
    gateways: list[str]
    vpcs: list[str]
    peerings: list[str]
    """As `Kind/name`."""
    externals: list[str]


class ChangePlan(Model):
    """What would happen to one fabric."""

    version: int
    id: str
    """The same for the same plan, made from the same."""
    fabric: str
    kind: str
    """`change`, `sync` or `merge`."""
    generation: int
    """The generation that it was made from."""
    revision: str | None
    branch: str
    base: str
    blast_radius: BlastRadius
    parts: list[PlanPart]


class RollbackBody(ActionBody):
    """What a fabric, or some of its objects, is to be again."""

    fabric: FabricName
    to: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """A generation (`12`), a time (`2026-05-01T18:00Z`, or `2d` for two days ago) or a commit."""
    objects: Annotated[list[Subject], Field(max_length=MOST_OBJECTS)] = Field(default_factory=list)
    """`Kind/namespace/name`; empty: all of the fabric."""
    reason: Reason
    dry_run: bool = False
    """Say what would change; change nothing."""
    allow_invalid: bool = False
    """Also what a cluster would refuse now; it is held until it is corrected."""
    without_git: bool = False
    """The cluster gets it at once; Git follows when its host answers again."""


class ChangedSetting(Model):
    """A setting of the fabric that changes back."""

    setting: str
    before: Any = Field(default=None, validation_alias="from")
    after: Any = Field(default=None, validation_alias="to")


class RolledBack(Model):
    """What a rollback did, or in a dry run would do."""

    fabric: str
    to: RecordedChange
    """The change after which the fabric was as it is now again."""
    plan: ChangePlan
    """What happens to the objects."""
    settings: list[ChangedSetting]
    kept_settings: list[str]
    """Settings that differ and stay as they are."""
    generation: int | None
    """The generation that it made; null: nothing differed, a dry run, it waits for approval, or a run commits it."""
    proposal: int | None
    """The number of the proposal as which it waits for approval."""
    run: RunStarted | None = None
    """The run that commits it to Git, for a fabric whose source of truth that is."""
    dry_run: bool
