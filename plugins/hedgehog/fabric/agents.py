"""What the switches report about themselves, and whether they have applied what they were given. Pure.

The measure is upstream's own readiness: an Agent exists, has applied its generation, and sent a heartbeat within the
last minute. Nothing maps a change of a VPC to a generation of an Agent, so after a write the generations count only
after a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hedgehog.fabric.health import Health, HealthIssue, format_time
from hedgehog.fabric.shown import listed

HEARTBEAT_LIMIT = timedelta(seconds=60)
"""Agents report every 15 s; a longer silence is a fault."""
STUCK_AFTER = timedelta(minutes=5)
"""An Agent that has been behind for longer is stuck, not busy."""
SETTLE = timedelta(seconds=15)
"""What upstream waits after a write before it trusts the generations."""

_NOUNS = {"Agent": "switch", "GatewayAgent": "gateway"}
OWNER = {"Agent": "Switch", "GatewayAgent": "Gateway"}
"""The kind of the object that an Agent is named after."""


@dataclass(frozen=True, slots=True)
class Agent:
    """An Agent or a GatewayAgent: the few fields that health needs of an object that may be a megabyte."""

    kind: str
    name: str
    generation: int
    applied_generation: int = 0
    attempted_generation: int = 0
    applied_at: datetime | None = None
    heartbeat: datetime | None = None
    reboot_required: bool = False
    role: str = ""
    version: str = ""
    wanted_version: str = ""
    behind_since: datetime | None = None
    """When it was first seen with this applied generation instead of its current one; None: it is current."""

    @property
    def is_current(self) -> bool:
        """Whether it applied its current generation."""
        return self.generation > 0 and self.applied_generation == self.generation

    @property
    def title(self) -> str:
        """How messages name it: `switch leaf-1`."""
        return f"{_NOUNS[self.kind]} {self.name}"

    @property
    def owner(self) -> tuple[str, str]:
        """Kind and name of the object it acts for."""
        return OWNER[self.kind], self.name


def with_behind_since(agent: Agent, previous: Mapping[str, str | int], now: datetime) -> Agent:
    """*agent* with the time at which it fell behind. *previous* is its `record` of the last check, {} if there is
    none.
    """
    if agent.is_current:
        return agent
    since = previous.get("since") if previous.get("applied") == agent.applied_generation else None
    return replace(agent, behind_since=datetime.fromisoformat(str(since)) if since else now)


def record(agent: Agent, health: Health) -> dict[str, str | int]:
    """What is kept of an Agent from one check to the next: small, and without times that change by themselves."""
    kept: dict[str, str | int] = {
        "health": health.value,
        "generation": agent.generation,
        "applied": agent.applied_generation,
    }
    if agent.behind_since is not None:
        kept["since"] = agent.behind_since.isoformat()
    return kept | ({"role": agent.role} if agent.role else {})


def agent_issues(agent: Agent, now: datetime) -> Iterator[HealthIssue]:
    """What is wrong with one Agent; nothing when it is healthy."""
    if agent.heartbeat is None and not _is_stuck(agent, now):
        yield HealthIssue(Health.PROGRESSING, f"{agent.title} has not reported yet")
        return
    if agent.heartbeat is None:
        yield HealthIssue(
            Health.DEGRADED, f"{agent.title} has never reported; check its installation and management link"
        )
        return
    if now - agent.heartbeat >= HEARTBEAT_LIMIT:
        reason = f"{agent.title} has sent no heartbeat since {format_time(agent.heartbeat)}"
        yield HealthIssue(Health.DEGRADED, f"{reason}; check its power, management link and agent")
    if not agent.is_current:
        yield _behind_issue(agent, now)
    if agent.reboot_required:
        yield HealthIssue(Health.DEGRADED, f"{agent.title} must be rebooted before its configuration is in force")
    if agent.wanted_version and agent.version and agent.version != agent.wanted_version:
        reason = f"{agent.title} runs agent {agent.version} and is to run {agent.wanted_version}"
        yield HealthIssue(Health.PROGRESSING, reason)


def _is_stuck(agent: Agent, now: datetime) -> bool:
    return agent.behind_since is not None and now - agent.behind_since > STUCK_AFTER


def _behind_issue(agent: Agent, now: datetime) -> HealthIssue:
    place = f"{agent.title} has applied generation {agent.applied_generation}, not {agent.generation}"
    if not _is_stuck(agent, now) or agent.behind_since is None:
        return HealthIssue(Health.PROGRESSING, place)
    tries = agent.attempted_generation > agent.applied_generation
    why = f"it tries {agent.attempted_generation} and fails" if tries else "it does not try"
    look = f"see `kubectl describe {agent.kind.lower()} {agent.name}`"
    return HealthIssue(Health.DEGRADED, f"{place}, since {format_time(agent.behind_since)}: {why}; {look}")


@dataclass(frozen=True, slots=True)
class Convergence:
    """Whether the switches have what the cluster has. `at` is when the last of them applied it."""

    converged: bool | None
    """None: not known."""
    reason: str
    at: datetime | None = None


def convergence(agents: Iterable[Agent], applied_at: datetime | None, now: datetime) -> Convergence:
    """Whether every one of *agents* has applied its generation, SETTLE after the last write at *applied_at*.

    An Agent's silence counts as not converged: what it applied is not known.
    """
    known = list(agents)
    if applied_at is not None and now - applied_at < SETTLE:
        return Convergence(False, "objects were just written; the switches get some seconds to take them up")
    behind = [agent for agent in known if not agent.is_current]
    silent = [agent for agent in known if agent.heartbeat is None or now - agent.heartbeat >= HEARTBEAT_LIMIT]
    if behind or silent:
        names = sorted({agent.name for agent in (*behind, *silent)})
        return Convergence(False, f"{len(known) - len(names)} of {len(known)} are current; not yet: {listed(names, 5)}")
    last = max((agent.applied_at for agent in known if agent.applied_at), default=None)
    reached = max((time for time in (applied_at, last) if time is not None), default=now)
    return Convergence(True, f"all {len(known)} switches and gateways applied their generation", min(reached, now))
