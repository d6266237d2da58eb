"""The health of fabrics, on a real database and a real API server whose Agents say what the test writes."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.objects import make, make_server
from hedgehog.errors import NotFound
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.fabric.tools import Installation
from hedgehog.kube.client import Cluster
from hedgehog.kube.health import DEADLINE, read_facts
from hedgehog.kube.resources import collection_path
from hedgehog.services.observe import health_rules
from hedgehog.services.observe.health import BATCH, check_fabrics, plan
from hedgehog.services.observe.health_rules import FabricContext
from hedgehog.store import convergence, fabrics
from hedgehog.store import health as health_store
from hedgehog.store.health import Scope
from tests.admission.rules.factories import make_gateway
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import world
from tests.services.observe.ward import (
    DEGRADED,
    FABRICATORS,
    GATEWAY_AGENTS,
    HEALTHY,
    MISSING,
    PROGRESSING,
    SECOND,
    UNKNOWN,
    Ward,
    text,
    ward,
    with_switches,
)
from tests.store.histories import health_events

__all__ = ["api", "cluster", "ward", "world"]


def test_a_fabric_without_fault_is_healthy_and_the_look_is_stored(ward: Ward) -> None:
    """Version and nodes are read, a dozen calls in all."""
    with_switches(ward, "leaf-1", "spine-1")
    ward.agent("leaf-1")
    ward.agent("spine-1", spec={"role": "spine"})
    assert ward.found() == (HEALTHY, ())
    row = ward.row()
    assert (row.health, row.reasons, row.since, row.checked_at, row.run_id) == (
        HEALTHY,
        (),
        ward.clock,
        ward.clock,
        "run-1",
    )
    assert row.facts["version"].startswith("v1.")
    assert row.facts["agents"] == {
        "Agent/leaf-1": {"health": "Healthy", "generation": 1, "applied": 1, "role": "server-leaf"},
        "Agent/spine-1": {"health": "Healthy", "generation": 1, "applied": 1, "role": "spine"},
    }
    assert ward.world.writes == 1  # the review of our own rights
    assert sum(ward.world.calls.values()) <= 12


def test_a_busy_switch_is_progressing_and_one_without_progress_is_stuck(ward: Ward) -> None:
    """The time counts from the first look that saw it behind; another applied generation starts it anew."""
    ward.agent("leaf-1")
    ward.agent("leaf-1", spec={"role": "server-leaf", "description": "new"}, lastAttemptGen=2)
    since = ward.clock
    place = "switch leaf-1 has applied generation 1, not 2"
    assert ward.found() == (PROGRESSING, (place,))
    ward.clock += timedelta(minutes=5, seconds=1)
    ward.agent("leaf-1", spec={"role": "server-leaf", "description": "new"}, lastAttemptGen=2)
    stuck = f"{place}, since {since:%Y-%m-%d %H:%M:%S} UTC: it tries 2 and fails; see `kubectl describe agent leaf-1`"
    assert ward.found() == (DEGRADED, (stuck,))
    ward.agent("leaf-1", spec={"role": "server-leaf", "description": "new"}, lastAppliedGen=2)
    assert ward.found() == (HEALTHY, ())


def test_silence_a_wanted_reboot_and_an_old_agent_are_reported(ward: Ward) -> None:
    """The worst first; equal ones by name."""
    silent = ward.clock - timedelta(minutes=3)
    ward.agent("leaf-1", lastHeartbeat=text(silent))
    ward.agent("leaf-2", rebootRequired=True)
    ward.agent("leaf-3", spec={"version": {"default": "v0.129.0"}}, version="v0.126.0")
    assert ward.found() == (
        DEGRADED,
        (
            f"switch leaf-1 has sent no heartbeat since {silent:%Y-%m-%d %H:%M:%S} UTC; "
            "check its power, management link and agent",
            "switch leaf-2 must be rebooted before its configuration is in force",
            "switch leaf-3 runs agent v0.126.0 and is to run v0.129.0",
        ),
    )


def test_a_switch_without_an_agent_is_missing_after_a_while(ward: Ward) -> None:
    """The controller needs a moment."""
    with_switches(ward, "leaf-1")
    assert ward.found() == (PROGRESSING, ("Switch leaf-1 has no Agent/leaf-1 yet",))
    ward.clock += timedelta(minutes=10)
    assert ward.found() == (
        MISSING,
        ("Switch leaf-1 has no Agent/leaf-1; look at the fabric controller's log",),
    )


def test_a_fabric_answers_for_its_own_switches_and_for_those_of_nobody(ward: Ward) -> None:
    """Two fabrics on one cluster."""
    with_switches(ward, "leaf-1")
    ward.world.fabric("other", make_server("b"))
    ward.agent("leaf-1", rebootRequired=True)
    assert ward.found("lab")[0] is DEGRADED
    assert ward.found("other")[0] is HEALTHY
    ward.agent("nobodys", rebootRequired=True)
    assert ward.found("other")[0] is DEGRADED


def test_gateways_and_the_installer_count_too(ward: Ward) -> None:
    """A gateway is current when its routing daemon is; conditions of the Fabricator hold."""
    status = {"lastAppliedGen": 1, "state": {"frr": {"lastAppliedGen": 0}}}
    ward.put(GATEWAY_AGENTS, "gwint.githedgehog.com/v1alpha1", "GatewayAgent", "gw-1", {"agentVersion": ""}, status)
    conditions = [
        {"type": kind, "status": holds, "reason": "R", "message": "m", "lastTransitionTime": text(ward.clock)}
        for kind, holds in (("Applied", "True"), ("Ready", "False"))
    ]
    body = {
        "apiVersion": "fabricator.githedgehog.com/v1beta1",
        "kind": "Fabricator",
        "metadata": {"name": "default", "namespace": "fab"},
    }
    ward.world.api.send(
        "POST",
        "POST",
        "/api/v1/namespaces",
        subject="namespace",
        body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fab"}},
    )
    ward.world.api.call("POST", "POST", FABRICATORS, subject="fabricator", body=body | {"spec": {}})
    options: dict[str, Any] = {"content_type": "application/apply-patch+yaml", "query": {"fieldManager": "upstream"}}
    components = {"zot": "Pending", "reloader": "Ready", "ntp": "Skipped"}
    state = {"lastAppliedGen": 1, "conditions": conditions, "components": components}
    ward.world.api.call(
        "PATCH", "PATCH", f"{FABRICATORS}/default/status", subject="status", body=body | {"status": state}, **options
    )
    assert ward.found() == (
        DEGRADED,
        (
            "Fabricator default is not Ready: zot (Pending); see `kubectl -n fab describe fabricator default`",
            "gateway gw-1 has applied generation 0, not 1",
        ),
    )


def test_a_stored_peering_that_blocks_all_gateways_is_named(ward: Ward) -> None:
    """With the field; only for fabrics that have objects of gateways."""
    uneven = {"ips": [{"cidr": "10.0.1.0/24"}], "as": [{"cidr": "192.0.2.0/25"}], "nat": {"static": {}}}
    peering = make(
        "GatewayPeering",
        "uneven",
        {
            "peering": {"vpc-1": {"expose": [uneven]}, "vpc-2": {"expose": [{"default": True}]}},
            "gatewayGroup": "default",
        },
    )
    vpcs = [
        make("VPC", f"vpc-{number}", {"subnets": {"default": {"subnet": f"10.0.{number}.0/24", "vlan": 1000 + number}}})
        for number in (1, 2)
    ]
    for manifest in (make("GatewayGroup", "default"), *vpcs, make_gateway(), peering):
        kind = KINDS[manifest["kind"]]
        ward.world.api.call("POST", "POST", collection_path(kind, "default"), subject=kind.kind, body=manifest)
    ward.world.fabric("gw", make("GatewayGroup", "default"), make_gateway())
    health, reasons = ward.found("gw")
    assert health is DEGRADED
    assert [reason for reason in reasons if "GatewayPeering" in reason] == [
        "GatewayPeering uneven blocks writes of Gateways and GatewayPeerings: .spec.peering.vpc-1.expose[0].nat.static 256 "
        "addresses become 128; list the same number of addresses in `ips` and `as`; addresses listed twice count once "
        "[gateway-peering-static-sizes]"
    ]
    assert not [reason for reason in ward.found("lab")[1] if "GatewayPeering" in reason]


def test_a_newer_cluster_is_told_once_and_must_be_in_the_settings(ward: Ward) -> None:
    """It is known by the kinds that it serves."""
    facts = replace(read_facts(ward.world.api, [], []), is_newer=True)
    known = FabricContext(
        Fabric(1, "lab", "lab"), frozenset(), {}, frozenset(), {}, None, Installation("", frozenset())
    )
    newer = replace(known, fabric=replace(known.fabric, settings=FabricSettings(upstream=Upstream.NEWER)))
    told = [health_rules.assess(one, facts, ward.clock).summary for one in (known, newer)]
    assert [summary.health for summary in told] == [DEGRADED, HEALTHY]
    assert "set `upstream: newer` in its settings" in told[0].reasons[0]
    assert told[1].reasons == (
        "the cluster's release is newer than this package knows: its fields that are not known are kept as they are, and "
        "not judged",
    )


def test_a_dead_cluster_is_unknown_and_delays_nobody_else(ward: Ward, tmp_path: Path) -> None:
    """What was known of its switches is kept for the next look."""
    ward.agent("leaf-1")
    ward.look()
    dead = tmp_path / "kubeconfig"
    dead.write_text(re.sub(r"https://127.0.0.1:\d+", "https://127.0.0.1:1", ward.world.dev.kubeconfig.read_text()))
    ward.world.fabric("away", kubernetes_connection_id="k8s_away")
    ward.look("away")
    ward.clock += SECOND

    def open_cluster(connection_id: str) -> Cluster:
        return ward.world.dev.connect(dead if connection_id == "k8s_away" else None, name=connection_id)

    away, lab = check_fabrics(
        ward.database, ["away", "lab"], open_cluster=open_cluster, run_id="run-2", now=lambda: ward.clock
    )
    assert (away.summary.health, lab.summary.health) == (UNKNOWN, HEALTHY)
    assert "k8s_away cannot be reached" in away.summary.reasons[0]
    assert away.facts["agents"] == lab.facts["agents"]
    events = health_events(ward.database, Scope.FABRIC, "away")
    assert [event[0] for event in events] == [UNKNOWN, HEALTHY]


def test_what_may_not_be_read_or_written_is_named_and_nodes_are_not_a_fault(ward: Ward) -> None:
    """The user may list servers and review its rights, nothing else."""
    rules = [{"apiGroups": ["wiring.githedgehog.com"], "resources": ["servers"], "verbs": ["list", "watch"]}]
    ward.world.kubeconfig = ward.world.dev.user("may-only-look", rules)
    health, reasons = ward.found()
    assert (health, len(reasons)) == (UNKNOWN, 2)
    assert reasons[0].startswith("agents cannot be read: list of agents: k8s_a does not allow it")
    assert reasons[1] == (
        "the connection's user may not create, delete, patch servers.wiring.githedgehog.com in default; "
        "grant it, or change the connection"
    )
    assert ward.row().facts["nodes"] is None


def test_a_missing_definition_is_named_with_its_version(ward: Ward) -> None:
    """That of a kind which the fabric holds; others are none of its business."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.gateway.githedgehog.com"
    ward.world.api.send("DELETE", "DELETE", path, subject="CRD")
    try:
        served = "/apis/gateway.githedgehog.com/v1alpha1"
        while '"gateways"' in ward.world.api.call("GET", "GET", served, subject="group").body.decode():
            pass
        assert ward.found()[0] is HEALTHY
        ward.world.fabric("lab", make_server("a"), make("Gateway", "gw-1"))
        assert ward.found() == (MISSING, ("CRD gateways.gateway.githedgehog.com is not installed at v1alpha1",))
    finally:
        ward.world.dev.install_crds()


def test_a_slow_cluster_costs_no_more_than_its_time(ward: Ward) -> None:
    """What was not read by then is left for the next look, and said so."""
    moments = itertools.count(step=DEADLINE)
    facts = read_facts(ward.world.api, [], [], clock=lambda: next(moments))
    assert (facts.nodes is not None, facts.agents, facts.gateway_agents) == (True, None, None)
    assert facts.unread["agents"].endswith("is too slow; the rest was left for the next look")


def test_the_history_has_a_row_for_each_change_and_none_for_a_look_that_found_the_same(ward: Ward) -> None:
    """`since` says when the health became what it is."""
    ward.agent("leaf-1", rebootRequired=True)
    began = ward.clock
    ward.look()
    ward.clock += SECOND
    ward.look()
    row, reason = ward.row(), "switch leaf-1 must be rebooted before its configuration is in force"
    assert (row.since, row.checked_at) == (began, ward.clock)
    assert health_events(ward.database, Scope.FABRIC, "lab") == [(DEGRADED, (reason,), began)]
    fabrics.delete_fabric(ward.database, "lab")
    assert health_store.latest(ward.database) == []
    assert len(health_events(ward.database, Scope.FABRIC, "lab")) == 1


def test_a_sync_converges_when_every_switch_has_it(ward: Ward) -> None:
    """Not before the switches had a moment to take it up; the latencies count from the commit."""
    ward.clock = datetime.now(UTC)
    ward.agent("leaf-1")
    assert ward.look().facts["converged"] is False
    ward.clock += timedelta(seconds=20)
    ward.agent("leaf-1", spec={"role": "spine"})
    assert (ward.look().facts["converged"], ward.row().facts["convergence"]) == (
        False,
        "0 of 1 are current; not yet: leaf-1",
    )
    applied = ward.clock + timedelta(seconds=10)
    ward.clock += timedelta(seconds=15)
    ward.agent("leaf-1", spec={"role": "spine"}, lastAppliedGen=2, lastAppliedTime=text(applied))
    assert ward.look().facts["converged"] is True
    (latency,) = convergence.latencies(ward.database, ["lab"])
    assert latency.converged_at == applied.replace(microsecond=0)
    assert latency.committed_at is not None
    assert latency.commit_to_applied == (latency.applied_at - latency.committed_at).total_seconds()
    assert latency.commit_to_converged == (latency.converged_at - latency.committed_at).total_seconds()


def test_a_new_sync_must_converge_again(ward: Ward) -> None:
    """One row per sync that wrote something; a fabric that is out of sync has not converged."""
    ward.look()
    ward.world.fabric("lab", make_server("a", "changed"))
    assert ward.look().facts["converged"] is False
    ward.world.sync("lab")
    ward.look()
    ward.clock += timedelta(minutes=1)
    ward.look()
    rows = convergence.latencies(ward.database, ["lab"])
    assert [(row.generation, row.converged_at is not None) for row in rows] == [
        (ward.world.state("lab").generation, True),
        (ward.world.state("lab").generation - 1, True),
    ]


def test_health_and_convergence_are_on_the_fabric_resource(ward: Ward) -> None:
    """Written when they change; the next sync carries them along, and takes Converged back when it writes."""
    ward.world.fabric("lab", make_server("a"), publish_fabric_resource=True)
    ward.world.sync("lab")
    ward.agent("spine-1", spec={"role": "spine"})
    ward.agent("leaf-1", rebootRequired=True)

    def status() -> dict[str, Any]:
        resource = ward.world.live("Fabric")[ObjectRef("Fabric", "hedgehog-system", "lab")]
        return dict(resource["status"])

    def conditions() -> dict[str, tuple[str, str]]:
        return {one["type"]: (one["status"], one["reason"]) for one in status()["conditions"]}

    ward.look()
    assert (status()["phase"], status()["health"]) == ("Synced", "Degraded")
    assert (status()["spine_status"], status()["leaf_status"]) == ({"spine-1": "Healthy"}, {"leaf-1": "Degraded"})
    assert conditions() == {"Synced": ("True", "Synced"), "Converged": ("True", "Converged")}
    writes = ward.world.writes
    ward.look()
    assert ward.world.writes == writes - 1

    ward.world.fabric("lab", make_server("a", "changed"), publish_fabric_resource=True)
    ward.world.sync("lab")
    assert conditions() == {"Synced": ("True", "Synced"), "Converged": ("False", "Waiting")}
    assert (status()["health"], status()["leaf_status"]) == ("Degraded", {"leaf-1": "Degraded"})


def test_a_cluster_is_read_once_for_all_fabrics_and_many_clusters_are_few_tasks(ward: Ward) -> None:
    """One batch up to BATCH clusters, then a few equal ones; never a cluster in two of them."""
    for number in range(5):
        ward.world.fabric(f"f{number}", kubernetes_connection_id="k8s_a")
    ward.world.fabric("no-cluster", enable_k8s_sync=False)
    names = [*(f"f{number}" for number in range(5)), "lab"]
    assert plan(ward.database) == [names]
    one = ward.look("lab")
    calls = dict(ward.world.calls)
    assert one.name == "lab"
    ward.look(*names)
    assert ward.world.calls == calls
    for number in range(2 * BATCH):
        ward.world.fabric(f"g{number:02}", kubernetes_connection_id=f"k8s_{number:02}")
    assert [len(batch) for batch in plan(ward.database)] == [BATCH, BATCH, 6]
    with pytest.raises(NotFound, match="no-cluster has no cluster that is checked; set enable_k8s_sync"):
        plan(ward.database, fabrics=["no-cluster"])
    with pytest.raises(NotFound, match=r"there is no fabric 'no-clster'; did you mean no-cluster\?"):
        plan(ward.database, fabrics=["no-clster"])
