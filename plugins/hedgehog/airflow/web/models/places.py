"""Everything around fabrics: Git hosts, credentials, clusters, services, deliveries, pull requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hedgehog.airflow.web.models.common import HealthState, Model


class HealthRow(HealthState):
    """The last look at a repository, a credential or a service."""

    scope: str
    """`repository`, `github` or `service`."""
    name: str
    facts: dict[str, Any]


class ClusterRow(Model):
    """A cluster, by the Airflow connection that names it."""

    connection_id: str
    fabrics: int
    health: dict[str, int]
    """How many of its fabrics are in each health."""
    left_in_peace: list[str]
    """Fabrics for which it is not asked for a while, because it did not answer, each with the reason."""


class QueueRow(Model):
    """Work that waits."""

    name: str
    """`git`, `kubernetes`, `branch` (pushes) or `pull_request`."""
    due: int
    """What a run should take up now."""
    running: int
    parked: int
    oldest_due_at: datetime | None


class HealthOverview(Model):
    """Everything that has a health besides the fabrics."""

    rows: list[HealthRow]
    clusters: list[ClusterRow]
    queues: list[QueueRow]


class Delivery(Model):
    """What a Git host sent."""

    id: int
    delivery_id: str
    kind: str
    """`branch` or `pull_request`."""
    event: str
    action: str
    repository: str
    number: int | None
    branch: str
    base: str
    before: str
    after: str
    head: str
    status: str
    """`received`, `processing`, `done`, `failed` or `ignored`."""
    reason: str
    attempts: int
    received_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None
    """Of a failed one; null: it was given up."""


class DeliverySummary(Model):
    """How many deliveries there are by status, and refused ones by reason."""

    deliveries: dict[str, int]
    refusals: dict[str, int]


class PullRequest(Model):
    """A pull request as it was last checked."""

    repository: str
    number: int
    author: str
    """Who last did something with it at its host; may be empty."""
    branch: str
    base: str
    head: str
    """The commit that was checked."""
    url: str | None
    fabrics: list[str]
    """The fabrics that are kept in its branch."""
    status: str
    """Of its last check: a status of a delivery."""
    result: str
    """What the check said; may be empty."""
    action: str
    """What last happened to it at its host: `opened`, `synchronize`, `closed` …"""
    checked_at: datetime | None
    received_at: datetime
