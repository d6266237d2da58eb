"""The fleet: one row for each fabric, and how many there are in each state."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from hedgehog.airflow.web.models.common import Model
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import SourceOfTruth, SyncStatus
from hedgehog.fabric.rollouts import MemberState, RolloutState


class FleetState(StrEnum):
    """A state to count and to filter by; a fabric may be in several."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    DEGRADED = "degraded"
    MISSING = "missing"
    UNKNOWN = "unknown"
    IN_SYNC = "in_sync"
    """Both places have all that is wanted."""
    NOT_IN_SYNC = "not_in_sync"
    SYNCING = "syncing"
    WAITING = "waiting"
    FAILING = "failing"
    PARKED = "parked"
    SUSPENDED = "suspended"
    FROZEN = "frozen"
    DRIFTED = "drifted"
    HELD = "held"
    REFUSED = "refused"
    NEEDS_SOMEBODY = "needs_somebody"


class FleetOrder(StrEnum):
    """What a list of fabrics is sorted by; with `-` in front the other way round. Fabrics that are equal follow by name."""

    NAME = "name"
    NAME_DOWN = "-name"
    HEALTH = "health"
    HEALTH_DOWN = "-health"
    """The worst first."""
    GIT = "git"
    GIT_DOWN = "-git"
    CLUSTER = "cluster"
    CLUSTER_DOWN = "-cluster"
    CHANGED = "changed"
    CHANGED_DOWN = "-changed"
    """The fabric that was written last first."""
    DRIFT = "drift"
    DRIFT_DOWN = "-drift"
    PROBLEMS = "problems"
    PROBLEMS_DOWN = "-problems"


class Suspension(Model):
    """Why a fabric is left alone or frozen, and until when."""

    reason: str
    until: datetime | None
    """Null: until somebody ends it."""


class SyncSummary(Model):
    """How a fabric stands at one target."""

    status: SyncStatus
    generation: int
    """The generation that the target has reached."""
    revision: str | None
    """`main@sha1:…`"""
    reason: str
    """Why the last sync did not do all; may be empty."""
    changed_at: datetime | None
    """When a sync last wrote something there."""


class Switches(Model):
    """How many switches and gateways have applied what they were last told."""

    total: int
    current: int
    converged: bool | None
    """Whether all have what the cluster has; null: not known."""
    converged_at: datetime | None
    reason: str
    """Why it is not known, or what is waited for; may be empty."""


class LastChange(Model):
    """Who last changed what is wanted of a fabric, when and why."""

    at: datetime
    who: str
    why: str


class FabricRollout(Model):
    """The rollout that a fabric is in; a fabric is in one at a time."""

    number: int
    name: str
    state: RolloutState
    """Of the rollout."""
    fabric_state: MemberState
    """How far it is with this fabric."""


class FleetRow(Model):
    """One fabric in the fleet."""

    name: str
    description: str
    source_of_truth: SourceOfTruth
    generation: int
    """Rises with every change of the fabric or of its objects."""
    health: Health
    health_reason: str
    """The first reason; empty when it is well."""
    git: SyncSummary | None
    """Null: its sync to Git is off."""
    cluster: SyncSummary | None
    """Null: its sync to a cluster is off."""
    repository: str | None
    cluster_connection: str | None
    switches: Switches
    changed_at: datetime | None
    """When a sync last wrote something anywhere."""
    drift: int
    """Objects that others changed or deleted in the cluster."""
    held: int
    """Files and objects that wait for a decision."""
    refused: int
    """Objects that break a rule."""
    parked: int
    """Targets that were given up."""
    problems: int
    """All open problems."""
    needs_somebody: bool
    suspended: Suspension | None
    frozen: Suspension | None
    """Why nothing is written of it for a while, although it is watched and planned."""
    rollout: FabricRollout | None
    labels: dict[str, str]
    last_change: LastChange | None


class FleetCounters(Model):
    """How many fabrics there are in each state."""

    total: int
    states: dict[FleetState, int]


class Changes(Model):
    """What has changed since a cursor."""

    cursor: str
    """Give it as `since` next time."""
    complete: bool
    """False: the cursor is too old or unknown; read everything again."""
    fabrics: list[str]
    """The fabrics that changed, in alphabetical order, those that were deleted as well; the first 1,000."""
    topics: list[str]
    """What else changed: `health`, `deliveries`, `rollouts`."""


class Permissions(Model):
    """Who is asking, and what they may do."""

    user: str
    actions: dict[str, bool]
    """Each action of this API, and whether this user may do it."""


class ActionRecord(Model):
    """What somebody did with an action of this API."""

    id: int
    at: datetime
    actor: str
    action: str
    fabric: str | None
    subjects: list[str]
    """Objects, files, or numbers of dead letters."""
    reason: str
    run_id: str | None
    """The DAG run that was triggered."""
    dag_id: str | None
