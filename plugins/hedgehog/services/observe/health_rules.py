"""What the facts of a cluster mean for one of its fabrics: health, convergence, and the facts to keep."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hedgehog.admission.stored_peerings import blocking_reasons
from hedgehog.fabric import agents as agent_rules
from hedgehog.fabric.agents import OWNER, STUCK_AFTER, Agent, Convergence
from hedgehog.fabric.health import Health, HealthIssue, HealthSummary, fabricator_issues, node_issues, summarize_health
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC, JUDGED_TOGETHER
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.permissions import Permission, describe_permissions, permissions_for
from hedgehog.fabric.settings import Upstream, release_of
from hedgehog.fabric.tools import Installation
from hedgehog.kube.apply import apply_status
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_status import with_health
from hedgehog.kube.health import ClusterFacts
from hedgehog.store.convergence import LastWrite

logger = logging.getLogger(__name__)

AGENT_OF = {owner: agent for agent, owner in OWNER.items()}


@dataclass(frozen=True, slots=True)
class FabricContext:
    """One fabric with what the database has about it, before its cluster is read."""

    fabric: Fabric
    kinds: frozenset[str]
    """The kinds of its objects."""
    owned: Mapping[ObjectRef, datetime]
    """Its switches and gateways in the cluster → when each was last written."""
    foreign: frozenset[tuple[str, str]]
    """Kind and name of switches and gateways that other fabrics own."""
    agents: Mapping[str, Mapping[str, Any]]
    """The facts about Agents that the last check kept, by kind and name."""
    applied: LastWrite | None
    installation: Installation
    """This installation."""
    is_frozen: bool = False
    """Whether nothing may be written to its cluster."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the user of the fabric's connection must be allowed to do with its objects."""
        kinds = (ALL_KINDS[name] for name in self.kinds)
        return frozenset(
            permission
            for kind in kinds
            for permission in permissions_for(kind, kind.namespace or self.fabric.kubernetes_namespace)
        )

    def needs(self, permission: Permission) -> bool:
        """Whether *permission* is one of those, or one to the fabric's own resource."""
        own = permission.resource.partition("/")[0] == FABRIC.plural
        return (own and self.fabric.publish_fabric_resource) or permission in self.permissions


@dataclass(frozen=True, slots=True)
class Assessment:
    """The result of a check for one fabric."""

    fabric: Fabric
    summary: HealthSummary
    facts: Mapping[str, Any]
    convergence: Convergence
    applied_at: datetime | None = None
    switches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """`spine_status` and `leaf_status`: the health of each switch."""


def unreachable(known: FabricContext, reason: str) -> Assessment:
    """The assessment of a fabric whose cluster does not answer. The facts about its Agents are kept for the next check."""
    unknown = Convergence(None, "the cluster does not answer")
    facts = {"agents": known.agents} if known.agents else {}
    return Assessment(known.fabric, summarize_health([HealthIssue(Health.UNKNOWN, reason)]), facts, unknown)


def assess(known: FabricContext, facts: ClusterFacts, now: datetime) -> Assessment:
    """Assess one fabric of a cluster."""
    agents = [
        agent_rules.with_behind_since(agent, known.agents.get(f"{agent.kind}/{agent.name}", {}), now)
        for agent in (*(facts.agents or ()), *(facts.gateway_agents or ()))
        if agent.owner not in known.foreign
    ]
    by_agent = {agent: list(agent_rules.agent_issues(agent, now)) for agent in agents}
    found = [
        *_of_cluster(known, facts),
        *_without_agent(known, facts, agents, now),
        *(issue for issues in by_agent.values() for issue in issues),
    ]
    healths = {agent: summarize_health(issues).health for agent, issues in by_agent.items()}
    converged = _convergence(known, facts, agents, now)
    return Assessment(
        known.fabric,
        summarize_health(found),
        _kept(facts, healths, converged),
        converged,
        known.applied.applied_at if known.applied else None,
        _switches(healths),
    )


def _of_cluster(known: FabricContext, facts: ClusterFacts) -> Iterator[HealthIssue]:
    """What is wrong with the cluster as far as this fabric needs it."""
    needed = known.kinds | {"Agent"}
    yield from (HealthIssue(Health.MISSING, facts.missing[kind]) for kind in sorted(needed & facts.missing.keys()))
    for line in describe_permissions(permission for permission in facts.denied if known.needs(permission)):
        yield HealthIssue(Health.DEGRADED, f"the connection's user may not {line}; grant it, or change the connection")
    yield from _release(known, facts)
    yield from _blocking(known, facts)
    yield from node_issues(facts.nodes)
    for fabricator in facts.fabricators:
        yield from fabricator_issues(fabricator)
    for part, reason in sorted(facts.unread.items()):
        if part != "gateway agents" or "Gateway" in known.kinds:
            yield HealthIssue(Health.UNKNOWN, f"{part} cannot be read: {reason}")


def _release(known: FabricContext, facts: ClusterFacts) -> Iterator[HealthIssue]:
    """That the cluster is newer than this package, which is not a fault as long as the fabric says so."""
    if facts.is_newer and release_of(known.fabric.settings) is Upstream.NEWER:
        why = "its fields that are not known are kept as they are, and not judged"
        yield HealthIssue(Health.HEALTHY, f"the cluster's release is newer than this package knows: {why}")
    elif facts.is_newer:
        reason = (
            "the cluster runs a newer release than the fabric's settings say; set `upstream: newer` in its settings"
        )
        yield HealthIssue(Health.DEGRADED, reason)


def _blocking(known: FabricContext, facts: ClusterFacts) -> Iterator[HealthIssue]:
    """What the cluster has that blocks every write of a gateway's object."""
    if not known.kinds & JUDGED_TOGETHER or not facts.gateway_objects:
        return
    try:
        reasons = blocking_reasons(facts.gateway_objects, known.fabric.settings)
    except Exception as error:  # an object that nobody foresaw: the health of the rest is known all the same
        logger.exception("%s: the GatewayPeerings could not be judged", known.fabric.name)
        reason = f"the GatewayPeerings could not be judged: {type(error).__name__}; the log says more"
        yield HealthIssue(Health.UNKNOWN, reason)
        return
    yield from (HealthIssue(Health.DEGRADED, reason) for reason in reasons)


def _without_agent(
    known: FabricContext, facts: ClusterFacts, agents: list[Agent], now: datetime
) -> Iterator[HealthIssue]:
    """Switches and gateways of the fabric for which the controller has not made an Agent."""
    have = {agent.owner for agent in agents}
    read = {"Switch": facts.agents is not None, "Gateway": facts.gateway_agents is not None}
    for ref, written in sorted(known.owned.items()):
        if not read[ref.kind] or (ref.kind, ref.name) in have:
            continue
        agent = f"{AGENT_OF[ref.kind]}/{ref.name}"
        if now - written <= STUCK_AFTER:
            yield HealthIssue(Health.PROGRESSING, f"{ref.kind} {ref.name} has no {agent} yet")
        else:
            yield HealthIssue(
                Health.MISSING, f"{ref.kind} {ref.name} has no {agent}; look at the fabric controller's log"
            )


def _convergence(known: FabricContext, facts: ClusterFacts, agents: list[Agent], now: datetime) -> Convergence:
    """Whether the switches have what the fabric's last sync wrote."""
    if known.applied is None or not known.applied.in_sync:
        return Convergence(False, "the last sync to the cluster did not bring it in sync; see `hedgehog status`")
    if facts.agents is None or ("Gateway" in known.kinds and facts.gateway_agents is None):
        return Convergence(None, "the Agents cannot be read")
    have = {agent.owner for agent in agents}
    without = sorted(ref.name for ref in known.owned if (ref.kind, ref.name) not in have)
    if without:
        return Convergence(False, f"no Agent yet for {', '.join(without[:5])}")
    return agent_rules.convergence(agents, known.applied.applied_at, now)


def _kept(facts: ClusterFacts, healths: Mapping[Agent, Health], converged: Convergence) -> dict[str, Any]:
    """The names, counts and states that the next check, pages and metrics need."""
    return {
        "version": facts.version,
        "nodes": {"total": facts.nodes.total, "unready": list(facts.nodes.unready)} if facts.nodes else None,
        "missing": sorted(facts.missing),
        "denied": describe_permissions(facts.denied),
        "agents": {
            f"{agent.kind}/{agent.name}": agent_rules.record(agent, health) for agent, health in healths.items()
        },
        "converged": converged.converged,
        "convergence": converged.reason,
    }


def _switches(healths: Mapping[Agent, Health]) -> dict[str, dict[str, str]]:
    """The health of each switch, in the form of the fabric's resource: spines apart from all others."""
    found: dict[str, dict[str, str]] = {"spine_status": {}, "leaf_status": {}}
    for agent, health in sorted(healths.items(), key=lambda item: item[0].name):
        if agent.kind == "Agent":
            found["spine_status" if agent.role == "spine" else "leaf_status"][agent.name] = health.value
    return found


def write_back(cluster: Cluster, resource: Manifest, judged: Assessment, now: datetime) -> None:
    """Write health and convergence to the fabric's resource if they have changed. Raises the error of a refusal, and
    RetryableError if somebody changed the resource since it was read."""
    status = with_health(
        resource.get("status") or {}, judged.summary.health, judged.convergence, judged.switches, now=now
    )
    if status is not None:
        apply_status(cluster, resource, status, if_unchanged=True)
