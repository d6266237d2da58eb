"""Rollouts on real parts: Airflow moves them on, switches report, processes are killed, people answer in Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from devstack.agents import Agents
from devstack.airflow import scheduling_with
from devstack.objects import make
from devstack.stack import Stack
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.rollouts import RolloutState
from hedgehog.kube.health import AGENT
from hedgehog.kube.live import list_live
from hedgehog.store import fabrics, rollouts
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from tests.e2e.looks import live

CHANGE = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata: {name: "${fabric}-leaf"}
spec: {role: server-leaf, description: "rack ${rack}"}
"""
ROLLOUT = "hedgehog_rollout"
QUICK_REPAIR = {"AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10"}
"""Seconds between two looks for what a dead scheduler left; that it is dead is known after 30 s."""
IN_CLUSTER = {"settings": {"enforced": False}, "publish_fabric_resource": False, "resync_seconds": 86400}
"""Switches need no addresses."""
IN_GIT = {**IN_CLUSTER, "enable_k8s_sync": False}


@dataclass
class Fleet:
    """Fabrics with the label `group`, each with a switch NAME-leaf."""

    stack: Stack
    group: str
    names: list[str]
    directory: Path

    def start(self, *options: str, name: str = "") -> str:
        """Begin a rollout to all of them; its name."""
        rollout = name or f"r-{self.group}"
        file = self.directory / "change.yaml"
        file.write_text(CHANGE)
        selected = ("--select", f"group={self.group}")
        self.stack.hedgehog("rollout", "start", str(file), "--name", rollout, *selected, *options, "--reason", "CHG-17")
        return rollout

    def row(self, rollout: str) -> rollouts.RolloutRow:
        """The rollout as recorded."""
        return rollouts.load_rollout(self.stack.database, rollout)

    def members(self, rollout: str) -> dict[str, rollouts.StoredMember]:
        """Its fabrics by name."""
        found = rollouts.members_of(self.stack.database, self.row(rollout).id)
        return {one.member.fabric: one for one in found}

    def states(self, rollout: str) -> dict[str, str]:
        """How far each fabric is."""
        return {name: one.member.state.value for name, one in self.members(rollout).items()}

    def wait(self, rollout: str, *states: RolloutState) -> rollouts.RolloutRow:
        """Wait until it is in one of the states. Raises TimeoutError with how far it is."""
        words = " or ".join(states)
        try:
            self.stack.airflow.wait(lambda: self.row(rollout).state in states, f"{rollout} to be {words}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: it is {self.row(rollout)}, {self.states(rollout)}") from error
        return self.row(rollout)

    def wanted(self, name: str) -> str:
        """What a fabric wants its switch to say."""
        row_id = fabrics.load_fabric(self.stack.database, name).id
        rows = object_store.load_objects(self.stack.database, [row_id])[row_id]
        return str(next(one.manifest["spec"]["description"] for one in rows if one.ref.name == f"{name}-leaf"))

    def in_cluster(self) -> dict[str, str]:
        """What the switches in the cluster say, by fabric."""
        found = live(self.stack, "Switch")
        return {
            name: found[ObjectRef("Switch", "default", f"{name}-leaf")]["spec"]["description"] for name in self.names
        }

    def changes_by_rollouts(self) -> dict[str, int]:
        """How often a rollout changed each fabric."""
        with transaction(self.stack.database) as cursor:
            cursor.execute(
                "SELECT fabric, count(*) FROM hedgehog.change WHERE via = 'rollout' AND fabric = ANY(%s) GROUP BY 1",
                (self.names,),
            )
            return dict(cursor.fetchall())


def make_fleet(stack: Stack, group: str, count: int, directory: Path, **settings: Any) -> Fleet:
    """Fabrics in sync, of which no switch has the change."""
    names = [f"{group}-{number:02}" for number in range(1, count + 1)]
    for number, name in enumerate(names, 1):
        leaf = make("Switch", f"{name}-leaf", {"role": "server-leaf", "description": "before"})
        stack.add_fabric(name, [leaf], labels={"group": group}, variables={"rack": number}, **settings)
    stack.wait_in_sync(*names)
    return Fleet(stack, group, names, directory)


@pytest.fixture
def fleet(stack: Stack, name: str, tmp_path: Path) -> Fleet:
    """Three fabrics that are kept in Git."""
    return make_fleet(stack, name, 3, tmp_path, **IN_GIT)


@pytest.fixture(scope="module")
def quick(stack: Stack) -> Iterator[Stack]:
    """The stack with a scheduler that quickly notices that another one is dead."""
    with scheduling_with(stack.airflow, QUICK_REPAIR):
        yield stack


def test_twelve_fabrics_get_it_in_four_waves_although_processes_are_killed(
    quick: Stack, name: str, tmp_path: Path
) -> None:
    """The scheduler with its workers in the second wave, the triggerer in the third: each fabric has it once, in order."""
    fleet = make_fleet(quick, name, 12, tmp_path, **IN_CLUSTER)
    with Agents(quick.cluster, every=2):
        rollout = fleet.start("--canary", fleet.names[0], "--waves", "2,6", "--soak", "5s")
        quick.airflow.wait(lambda: _has_begun(fleet, rollout, 1), "the second wave to begin")
        quick.airflow.kill_part("scheduler")
        quick.airflow.start_part("scheduler")
        quick.airflow.wait(lambda: _has_begun(fleet, rollout, 2), "the third wave to begin")
        quick.airflow.kill_part("triggerer")
        quick.airflow.start_part("triggerer")
        fleet.wait(rollout, RolloutState.DONE, RolloutState.PAUSED)
    assert fleet.states(rollout) == dict.fromkeys(fleet.names, "done"), fleet.row(rollout)
    assert fleet.in_cluster() == {one: f"rack {number}" for number, one in enumerate(fleet.names, 1)}
    assert fleet.changes_by_rollouts() == dict.fromkeys(fleet.names, 1)
    waves: list[list[rollouts.StoredMember]] = [[], [], [], []]
    for one in fleet.members(rollout).values():
        waves[one.member.wave].append(one)
    assert [len(wave) for wave in waves] == [1, 2, 4, 5]
    for before, after in pairwise(waves):
        ended = max(one.member.moved_at for one in before if one.member.moved_at)
        assert all(one.stored_at and one.stored_at >= ended for one in after)


def _has_begun(fleet: Fleet, rollout: str, wave: int) -> bool:
    return any(one.stored_at for one in fleet.members(rollout).values() if one.member.wave == wave)


@pytest.mark.parametrize(("policy", "state"), [("hold", RolloutState.PAUSED), ("rollback", RolloutState.ROLLED_BACK)])
def test_a_canary_that_does_not_converge_stops_it_and_policy_takes_it_back(
    stack: Stack, name: str, tmp_path: Path, policy: str, state: RolloutState
) -> None:
    """The others never had the change. Held, it goes on once the switch has it."""
    fleet = make_fleet(stack, name, 3, tmp_path, **IN_CLUSTER)
    canary = fleet.names[0]
    with Agents(stack.cluster, every=2) as agents:
        stack.airflow.wait(lambda: _reports(stack, f"{canary}-leaf"), "the switch to report")
        agents.stuck.add(f"{canary}-leaf")
        rollout = fleet.start("--canary", canary, "--timeout", "40s", "--soak", "10s", "--on-failure", policy)
        row = fleet.wait(rollout, RolloutState.PAUSED, RolloutState.ROLLED_BACK, RolloutState.DONE)
        assert (row.state, row.reason) == (state, f"{canary} failed: it has not converged within 40s")
        assert [fleet.wanted(one) for one in fleet.names[1:]] == ["before", "before"]
        if policy == "rollback":
            agents.stuck.clear()
            stack.wait_in_sync(canary)
            assert fleet.in_cluster() == dict.fromkeys(fleet.names, "before")
            return
        agents.stuck.clear()
        stack.hedgehog("rollout", "resume", rollout)
        fleet.wait(rollout, RolloutState.DONE)
    assert fleet.in_cluster()[canary] == "rack 1"


def _reports(stack: Stack, switch: str) -> bool:
    """Whether the Agent of a switch has applied something."""
    cluster = stack.cluster.connect()
    try:
        found = list_live(cluster, [(AGENT, AGENT.default_namespace)]).objects
        agent = next((one for ref, one in found.items() if ref.name == switch), None)
        return bool(agent and agent.get("status", {}).get("lastAppliedGen"))
    finally:
        cluster.close()


def test_a_wave_is_approved_through_the_api_of_airflow(fleet: Fleet) -> None:
    """As one of Airflow's Required Actions, which anybody may answer with its REST API; the answer is on record."""
    rollout = fleet.start("--canary", fleet.names[0], "--approve", "canary")
    fleet.wait(rollout, RolloutState.APPROVAL)
    question: list[Any] = []

    def is_asked() -> bool:
        path = f"/dags/{ROLLOUT}/dagRuns/~/hitlDetails?response_received=false&limit=50"
        found = fleet.stack.airflow.call("GET", path)["hitl_details"]
        waiting = [one for one in found if one["task_instance"]["state"] == "awaiting_input"]
        question[:] = [one for one in waiting if rollout in one["subject"]]
        return bool(question)

    def is_done() -> bool:
        """A question that is asked again is answered again, as a person would."""
        if is_asked():
            task = question[0]["task_instance"]
            place = f"/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails"
            path = f"/dags/{ROLLOUT}/dagRuns/{task['dag_run_id']}{place}"
            fleet.stack.airflow.call("PATCH", path, {"chosen_options": ["Approve"], "params_input": {}})
        return fleet.row(rollout).state is RolloutState.DONE

    fleet.stack.airflow.wait(is_asked, "somebody to be asked")
    fleet.stack.airflow.wait(is_done, f"{rollout} to be done")
    with transaction(fleet.stack.database) as cursor:
        cursor.execute(
            "SELECT actor, reason FROM hedgehog.action WHERE action = 'approve-rollout' AND subjects ? %s", (rollout,)
        )
        assert cursor.fetchall() == [("admin", "approved in Airflow")]


def test_a_second_rollout_that_meets_the_first_is_refused_until_that_is_over(fleet: Fleet) -> None:
    """With the name of the first; it may start once that one is over."""
    first = fleet.start("--canary", fleet.names[0], "--approve", "canary")
    with pytest.raises(RuntimeError, match=f"{fleet.names[1]}: it is in the rollout {first}"):
        fleet.start(name=f"{first}-2")
    fleet.wait(first, RolloutState.APPROVAL)
    fleet.stack.hedgehog("rollout", "abort", first, "--reason", "the second is better")
    fleet.wait(fleet.start(name=f"{first}-2"), RolloutState.DONE)
    assert [fleet.wanted(one) for one in fleet.names] == ["rack 1", "rack 2", "rack 3"]


def test_a_fabric_that_is_frozen_in_the_middle_keeps_its_wave_waiting(fleet: Fleet) -> None:
    """The other one of the wave gets the change; when the freeze is lifted, so does this one."""
    frozen = fleet.names[1]
    rollout = fleet.start("--canary", fleet.names[0], "--approve", "canary")
    fleet.wait(rollout, RolloutState.APPROVAL)
    fleet.stack.hedgehog("freeze", frozen, "--reason", "incident 42")
    fleet.stack.hedgehog("rollout", "approve", rollout)
    fleet.stack.airflow.wait(
        lambda: fleet.states(rollout)[fleet.names[2]] == "done" and "incident 42" in _reason(fleet, rollout, frozen),
        "the other fabric to have it",
    )
    assert (fleet.states(rollout)[frozen], fleet.wanted(frozen)) == ("pending", "before")
    fleet.stack.hedgehog("unfreeze", frozen)
    fleet.wait(rollout, RolloutState.DONE)
    assert fleet.wanted(frozen) == "rack 2"


def _reason(fleet: Fleet, rollout: str, name: str) -> str:
    return fleet.members(rollout)[name].member.reason
