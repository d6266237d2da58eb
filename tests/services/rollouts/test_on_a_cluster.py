"""Rollouts on a real cluster whose Agents say what the test writes: a wave must converge before the next begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.objects import make
from hedgehog.fabric.rollouts import OnFailure, RolloutPolicy, RolloutState
from hedgehog.kube.client import Cluster
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import World, world
from tests.services.observe.ward import AGENTS, FABRICATORS, GATEWAY_AGENTS, Ward
from tests.services.rollouts.rollouts_lab import Fleet

__all__ = ["api", "cluster", "world"]

NAMES = ("a", "b", "c")
CLUSTER = {
    "enable_k8s_sync": True,
    "kubernetes_connection_id": "k8s_a",
    "publish_fabric_resource": False,
    "settings": {"enforced": False},
}
"""Switches need no addresses."""


@pytest.fixture
def fleet(world: World, tmp_path) -> Fleet:
    """Three fabrics in one cluster, each with a switch `NAME-leaf` whose Agent is well; synced."""
    for path in (AGENTS, GATEWAY_AGENTS, FABRICATORS):
        world.api.send("DELETE", "DELETE", path, subject="objects of controllers")

    def open_cluster(connection_id: str) -> Cluster:
        return world.dev.connect(world.kubeconfig, name=connection_id)

    found = Fleet(world.database, tmp_path, open_cluster)
    found.add(*NAMES, **CLUSTER)
    for name in NAMES:
        found.save(name, make("Switch", f"{name}-leaf", {"role": "server-leaf"}))
    world.sync_all(NAMES)
    for name in NAMES:
        agent(world, found, name)
    return found


def agent(world: World, fleet: Fleet, name: str, *, description: str = "", **status: Any) -> None:
    """The switch of a fabric reports, at the time of the fleet."""
    spec = {"role": "server-leaf", "description": description} if description else {"role": "server-leaf"}
    Ward(world, fleet.now).agent(f"{name}-leaf", spec=spec, **status)


def forward(world: World, fleet: Fleet, minutes: float, *silent: str) -> None:
    """Some minutes later, the switches have reported again, except for the *silent*."""
    fleet.now = max(fleet.now, datetime.now(UTC)) + timedelta(minutes=minutes)
    for name in NAMES:
        if name not in silent:
            agent(world, fleet, name)


def description(world: World, name: str) -> str:
    """What the cluster has of a fabric's server."""
    found = {ref.name: one for ref, one in world.live("Server").items()}
    return str(found[f"{name}-s"]["spec"]["description"])


def test_a_wave_begins_when_the_one_before_has_converged_and_soaked(world: World, fleet: Fleet) -> None:
    """What is applied is not enough: the switches must have it, by a look that was made afterwards."""
    fleet.begin(canary=["a"], policy=RolloutPolicy(soak=timedelta(minutes=15)))
    fleet.step()
    assert (description(world, "a"), description(world, "b")) == ("rack 1 of fra", "before")
    assert fleet.states()["a"] == "stored"
    forward(world, fleet, 1)
    fleet.step()
    assert fleet.states() == {"a": "converged", "b": "pending", "c": "pending"}
    forward(world, fleet, 14)
    fleet.step()
    assert fleet.states()["a"] == "converged"
    forward(world, fleet, 2)
    fleet.step()
    fleet.step()
    assert fleet.states() == {"a": "done", "b": "stored", "c": "stored"}
    assert description(world, "c") == "rack 3 of fra"
    forward(world, fleet, 1)
    fleet.step()
    forward(world, fleet, 16)
    fleet.step()
    fleet.step()
    assert fleet.row().state is RolloutState.DONE


@pytest.mark.parametrize(("policy", "state"), [("hold", RolloutState.PAUSED), ("rollback", RolloutState.ROLLED_BACK)])
def test_a_canary_that_does_not_converge_stops_the_rollout(
    world: World, fleet: Fleet, policy: str, state: RolloutState
) -> None:
    """And is taken back by policy; the others never had the change."""
    fleet.begin(canary=["a"], policy=RolloutPolicy(timeout=timedelta(minutes=10), on_failure=OnFailure(policy)))
    fleet.step()
    for minutes in (1, 5, 6):
        forward(world, fleet, minutes)
        agent(world, fleet, "a", description="new", lastAttemptGen=9)
        fleet.step()
    assert (fleet.row().state, fleet.row().reason) == (state, "a failed: it has not converged within 10m")
    assert fleet.has_it("a") is (policy == "hold")
    assert not fleet.has_it("b")
    if policy == "rollback":
        world.sync("a")
        assert description(world, "a") == "before"


def test_a_canary_whose_health_is_worse_than_before_stops_the_rollout(world: World, fleet: Fleet) -> None:
    """Within the soak, too."""
    fleet.begin(canary=["a"], policy=RolloutPolicy(soak=timedelta(minutes=30)))
    fleet.step()
    forward(world, fleet, 1)
    fleet.step()
    assert fleet.states()["a"] == "converged"
    forward(world, fleet, 1)
    Ward(world, fleet.now).agent("a-leaf", spec={"role": "server-leaf"}, rebootRequired=True)
    fleet.step()
    assert (fleet.states()["a"], fleet.row().state) == ("failed", RolloutState.PAUSED)
    assert (
        "a failed: its health is Degraded, not Healthy as before: switch a-leaf must be rebooted" in fleet.row().reason
    )
