"""One fabric: the way of its data, and the history of its syncs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.airflow.web.models.common import HealthState, Model
from hedgehog.airflow.web.models.fleet import FabricRollout, Suspension, Switches
from hedgehog.airflow.web.models.plans import BlastRadius
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import SourceOfTruth, Target


class Place(StrEnum):
    """A step on the way of the data."""

    DATABASE = "database"
    GIT = "git"
    CLUSTER = "cluster"
    SWITCHES = "switches"


class Step(Model):
    """How far the data of a fabric has come at one place."""

    place: Place
    enabled: bool
    status: str
    """A status of a sync (`in_sync`, `waiting`, `parked` …); `off` for a place that is not used."""
    is_in_step: bool
    """Whether it has all that is wanted."""
    generation: int | None
    """What it has reached; null where that is not known."""
    revision: str | None
    at: datetime | None
    """When it reached that."""
    reason: str
    """Why it stands so; empty when everything is in order."""
    waits_for: str
    """What must happen next, and when; empty for nothing."""
    next_look_at: datetime | None
    """When a run looks at it again; null: not by itself."""
    attempts: int
    """Failed attempts in a row."""
    needs_somebody: bool
    run_id: str | None
    dag_id: str | None


class FabricRepository(Model):
    """The Git branch that a fabric is kept in."""

    name: str
    url: str
    branch: str
    directory: str
    web_url: str | None
    """Where people can read it; null where it has no page."""


class KindCount(Model):
    """How many objects of a kind a fabric has."""

    kind: str
    objects: int


class SwitchState(Model):
    """One switch or gateway, as it was last checked."""

    kind: str
    """`Agent` or `GatewayAgent`."""
    name: str
    role: str
    health: str
    generation: int
    applied_generation: int
    behind_since: datetime | None


class Fabric(Model):
    """Everything about one fabric at a glance."""

    name: str
    description: str
    generation: int
    changed_at: datetime | None
    """When the fabric or one of its objects last changed in the database."""
    source_of_truth: SourceOfTruth
    health: HealthState
    steps: list[Step]
    """Database, Git, cluster, switches, in this order."""
    waits_for: str
    """The first thing that is waited for, as a sentence; empty when everything is in order."""
    needs_somebody: bool
    switches: Switches
    agents: list[SwitchState]
    repository: FabricRepository | None
    cluster_connection: str | None
    cluster_namespace: str
    kinds: list[KindCount]
    drift: int
    held: int
    refused: int
    parked: int
    suspended: Suspension | None
    frozen: Suspension | None
    """Why nothing is written of it for a while, although it is watched and planned."""
    rollout: FabricRollout | None
    labels: dict[str, str]
    settings: dict[str, Any]
    """Its settings, as in a Fabric document."""


class SyncEvent(Model):
    """One sync that did something, was held, or failed."""

    id: int
    at: datetime
    target: Target
    status: OutcomeStatus
    generation: int
    revision: str | None
    commit: str | None
    commit_url: str | None
    counts: dict[str, int]
    """Created, configured, unchanged, deleted, skipped, failed."""
    reason: str
    error_class: str | None
    details: list[str]
    """One line for each object or file: `Kind/namespace/name action (reason)`."""
    run_id: str | None
    dag_id: str | None
    duration: float
    """Seconds."""


class PlannedChange(Model):
    """What would happen to one object or file."""

    subject: str
    """`Kind/namespace/name`, or a path."""
    action: str
    """`created`, `configured`, `deleted`, `skipped` (it is held) or `failed`."""
    reason: str


class DryRun(Model):
    """What a sync would have done when it was last asked. Nothing was written."""

    target: Target
    run_id: str
    dag_id: str
    at: datetime
    generation: int
    """Of the fabric at that time: with another one by now, ask again."""
    status: OutcomeStatus
    reason: str
    revision: str | None
    counts: dict[str, int]
    changes: list[PlannedChange]
    """The first 1,000."""
    blast_radius: BlastRadius
    """What these changes concern."""
    error_class: str | None
