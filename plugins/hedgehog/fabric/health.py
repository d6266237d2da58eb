"""One word for the health of a fabric, with the reasons: facts in, a summary out. Pure.

Reasons name fixed times ("since 12:00 UTC"), not ages, so that a fault that lasts is one entry of the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from hedgehog.fabric.shown import first_lines


class Health(StrEnum):
    """How well something is, from best to worst: the worst issue decides."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    """Work in progress; nobody needs to act."""
    DEGRADED = "Degraded"
    MISSING = "Missing"
    """Something that must exist does not: a custom resource definition, an Agent."""
    UNKNOWN = "Unknown"
    """It could not be checked, so nothing is known about the rest."""


SEVERITY: Mapping[Health, int] = {health: rank for rank, health in enumerate(Health)}
MOST_REASONS = 50
"""At most so many reasons are kept of one summary; the others are counted."""


@dataclass(frozen=True, slots=True)
class HealthIssue:
    """One thing that is not healthy."""

    health: Health
    reason: str


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """The worst health of all issues, and all reasons, the worst first."""

    health: Health = Health.HEALTHY
    reasons: tuple[str, ...] = ()


def summarize_health(issues: Iterable[HealthIssue]) -> HealthSummary:
    """The summary of *issues*; without any it is Healthy. Equally bad ones keep their order."""
    ordered = sorted(issues, key=lambda issue: -SEVERITY[issue.health])
    if not ordered:
        return HealthSummary()
    return HealthSummary(ordered[0].health, tuple(first_lines((issue.reason for issue in ordered), MOST_REASONS)))


def format_time(time: datetime) -> str:
    """A time as reasons show it."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class Fabricator:
    """What the installer of a control cluster reports: its conditions, and what is not ready."""

    name: str
    generation: int
    applied_generation: int
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Type → status, `True`, `False` or `Unknown`."""
    waiting: tuple[str, ...] = ()
    """Components that are neither ready nor switched off."""


def fabricator_issues(one: Fabricator) -> Iterator[HealthIssue]:
    """What is wrong with an installation. A condition that it does not have is not an issue."""
    named = f"Fabricator {one.name}"
    applying = one.conditions.get("Applied", "True") != "True" or one.applied_generation != one.generation
    if applying:
        yield HealthIssue(
            Health.PROGRESSING, f"{named} has applied generation {one.applied_generation} of {one.generation}"
        )
    for condition in ("Ready", "GatewayReady"):
        if one.conditions.get(condition, "True") != "True":
            what = f": {', '.join(one.waiting)}" if one.waiting and condition == "Ready" else ""
            health = Health.PROGRESSING if applying else Health.DEGRADED
            yield HealthIssue(
                health, f"{named} is not {condition}{what}; see `kubectl -n fab describe fabricator {one.name}`"
            )


@dataclass(frozen=True, slots=True)
class ClusterNodes:
    """The machines of a cluster: how many there are, and those that are not ready."""

    total: int
    unready: tuple[str, ...] = ()


def node_issues(nodes: ClusterNodes | None) -> Iterator[HealthIssue]:
    """What is wrong with the machines; nothing when they may not be read."""
    if nodes is not None and nodes.unready:
        names = ", ".join(nodes.unready[:5])
        yield HealthIssue(Health.DEGRADED, f"{len(nodes.unready)} of {nodes.total} nodes are not ready: {names}")
