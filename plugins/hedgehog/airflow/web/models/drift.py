"""What others changed in clusters and in Git, and what was given up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.airflow.web.models.common import FieldDifference, Model
from hedgehog.fabric.model import Target
from hedgehog.store.dead_letters import LetterStatus


class DriftPlace(StrEnum):
    """Where others changed something."""

    GIT = "git"
    CLUSTER = "cluster"


class Drift(Model):
    """An object or a file that is not as we left it."""

    fabrics: list[str]
    """Whose it is; for what belongs to no fabric, the fabrics of its cluster."""
    place: DriftPlace
    connection_id: str | None
    """The cluster."""
    object: str | None
    path: str | None
    """The file in Git."""
    state: str
    """In a cluster `changed`, `missing`, `orphan` or `unowned`; in Git `changed`, `unwanted`, `foreign` or `obstacle`."""
    paths: list[str]
    differences: list[FieldDifference]
    problem: str
    """Why its content cannot be taken over; empty if it can."""
    by: str | None
    """The field manager or the author."""
    score: float | None
    """Which part of the object differs, 0 to 1."""
    policy: str | None
    next: str
    """What the next sync will do: `corrected`, `adopted`, `reverted`, `held` …"""
    revert: bool
    """Whether somebody has decided that it is reverted."""
    can_adopt: bool
    can_revert: bool
    found_at: datetime


class DeadLetter(Model):
    """Work that was given up."""

    id: int
    fabric: str
    """The fabric; of a delivery the repository."""
    target: Target
    status: LetterStatus
    dag: str
    """The DAG that gave up."""
    conf: dict[str, Any]
    """What to trigger it with."""
    attempts: int
    error_class: str | None
    message: str
    run_id: str | None
    dag_id: str | None
    """The DAG of the run that failed last; null for what somebody did with the command."""
    first_failed_at: datetime
    last_failed_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    note: str
