"""Fabrics to clusters, on a real database and a real API server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from devstack.objects import make, make_attachment, make_server, make_vpc, small_fabric
from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import ObjectRef, SyncStatus
from hedgehog.kube.apply import apply_one
from hedgehog.kube.client import Cluster
from hedgehog.services.claims import MOST_BATCHES
from hedgehog.services.kubernetes.sync import plan
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics
from hedgehog.store.database import Lock, connect, try_locks
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import create, write_as
from tests.services.kubernetes.worlds import World, publish, world

__all__ = ["api", "cluster", "world"]

SUCCESS, HELD, ERROR, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.HELD, OutcomeStatus.ERROR, OutcomeStatus.SKIPPED


def test_a_fabric_arrives_and_the_next_run_writes_nothing(world: World) -> None:
    """Objects in order, inventory and state recorded, then silence."""
    world.fabric("lab", *small_fabric("x"))
    first = world.sync("lab")
    assert (first.status, first.counts["created"], len(first.details)) == (SUCCESS, 5, 5)
    assert world.inventory("lab") == dict.fromkeys([m["metadata"]["name"] for m in small_fabric("x")], False)
    state = world.state("lab")
    assert (state.status, state.observed_generation, state.last_success_at is None) == (
        SyncStatus.IN_SYNC,
        state.generation,
        False,
    )
    second = world.sync("lab")
    assert (second.status, second.reason, second.counts["unchanged"], world.writes) == (SKIPPED, "unchanged", 5, 0)
    assert world.calls == {"LIST": 5}


def test_a_thousand_objects_cost_as_few_calls_as_kinds_and_pages(world: World) -> None:
    """No GET and no dry run per object; one changed object is one write."""
    servers = [make_server(f"s{i}") for i in range(990)]
    world.fabric("lab", *servers, *small_fabric("x"), *small_fabric("y", 2), publish_fabric_resource=True)
    assert world.sync("lab").counts["created"] == 1001
    idle = world.sync("lab")
    assert (idle.status, world.writes) == (SKIPPED, 0)
    assert sum(world.calls.values()) <= 25
    world.fabric(
        "lab",
        *servers[1:],
        make_server("s0", "new"),
        *small_fabric("x"),
        *small_fabric("y", 2),
        publish_fabric_resource=True,
    )
    changed = world.sync("lab")
    assert (changed.counts["configured"], changed.details) == (1, ("Server/default/s0 configured (.spec.description)",))
    assert world.calls["PATCH"] == 2  # the object and the status of our resource


def test_a_removed_field_and_a_removed_object_are_removed(world: World) -> None:
    """Server-side apply removes the field, prune the object."""
    world.fabric("lab", make("Server", "a", {"description": "d", "profile": "p"}), make_server("b"))
    world.sync("lab")
    world.fabric("lab", make("Server", "a", {"profile": "p"}))
    outcome = world.sync("lab")
    assert outcome.details == ("Server/default/b deleted", "Server/default/a configured (.spec.description)")
    live = world.live("Server")
    assert {ref.name: one["spec"] for ref, one in live.items()} == {"a": {"profile": "p"}}
    assert world.inventory("lab") == {"a": False}


def test_drift_is_corrected(world: World) -> None:
    """A field somebody changed, without owning it, and an object somebody deleted."""
    world.fabric("lab", make_server("a"), make_server("b"), conflict_policy="force")
    world.sync("lab")
    write_as(world.api, "kubectl-edit", make_server("a", "edited"), force="true")
    world.api.send("DELETE", "DELETE", "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers/b", subject="b")
    outcome = world.sync("lab")
    assert (outcome.counts["configured"], outcome.counts["created"]) == (1, 1)
    assert {one["spec"]["description"] for one in world.live("Server").values()} == {"a server"}


def test_a_conflict_is_held_with_the_manager_s_name_until_forced(world: World) -> None:
    """The other objects of the fabric are written."""
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    write_as(world.api, "kubectl-edit", make_server("a", "edited"), force="true")
    world.fabric("lab", make_server("a", "wanted"), make_server("b"))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.counts["created"]) == (HELD, "FieldConflict", 1)
    assert "'kubectl-edit' owns .spec.description" in outcome.reason
    assert world.state("lab").status is SyncStatus.OUT_OF_SYNC
    world.fabric("lab", make_server("a", "wanted"), make_server("b"), conflict_policy="force")
    assert world.sync("lab").status is SUCCESS


def test_an_object_found_as_wanted_is_adopted_and_later_loses_a_dropped_field(world: World) -> None:
    """Adopting writes nothing; the first change takes the ownership over."""
    found = make("Server", "a", {"description": "d", "profile": "p"})
    create(world.api, found)
    world.fabric("lab", found)
    adopted = world.sync("lab")
    assert (adopted.status, world.writes, world.inventory("lab")) == (SKIPPED, 0, {"a": True})
    assert world.sync("lab").counts["unchanged"] == 1
    world.fabric("lab", make("Server", "a", {"profile": "p"}))
    outcome = world.sync("lab")
    assert outcome.details == ("Server/default/a configured (.spec.description)",)
    assert world.live("Server")[ObjectRef("Server", "default", "a")]["spec"] == {"profile": "p"}
    assert world.inventory("lab") == {"a": False}
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)


def test_an_object_of_another_fabric_is_never_touched(world: World) -> None:
    """Held, with the owner's name; also when both are in one batch."""
    world.fabric("one", make_server("a", "of one"))
    world.fabric("two", make_server("a", "of two"), make_server("b"))
    first, second = world.sync_all(["one", "two"])
    assert (first.status, second.status) == (SUCCESS, HELD)
    assert "belongs to fabric one" in second.reason
    assert world.live("Server")[ObjectRef("Server", "default", "a")]["spec"]["description"] == "of one"
    assert world.sync("two").status is HELD
    world.fabric("two", make_server("b"))
    assert world.sync("two").status is SKIPPED
    assert len(world.live("Server")) == 2


def test_a_large_prune_is_refused_until_it_is_allowed(world: World) -> None:
    """Fifteen of fifteen; what is to be written is written all the same."""
    world.fabric("lab", *[make_server(f"s{i}") for i in range(15)])
    world.sync("lab")
    world.fabric("lab", make_server("new"))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.counts["created"]) == (HELD, "PruneRefused", 1)
    assert "15 of 15 objects would be deleted" in outcome.reason
    assert len(world.live("Server")) == 16
    assert world.sync("lab").status is HELD
    assert world.sync("lab", allow_large_prune=True).counts["deleted"] == 15
    assert len(world.live("Server")) == 1


def test_orphans_are_left_and_owned_no_longer(world: World) -> None:
    """Prune policy orphan."""
    world.fabric("lab", make_server("a"), make_server("b"), prune_policy="orphan")
    world.sync("lab")
    world.fabric("lab", make_server("a"), prune_policy="orphan")
    outcome = world.sync("lab")
    assert "left in the cluster" in outcome.details[0]
    assert len(world.live("Server")) == 2
    assert world.inventory("lab") == {"a": False}


def test_a_kind_that_may_not_be_listed_fails_alone_and_nothing_of_it_is_deleted(world: World) -> None:
    """K8 and K5: eleven kinds are synced; an unreadable kind is not an empty one."""
    world.fabric("lab", *small_fabric("x"))
    world.sync("lab")
    rules = [
        {"apiGroups": ["wiring.githedgehog.com"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["vpc.githedgehog.com"], "resources": ["vpcattachments"], "verbs": ["*"]},
    ]
    world.kubeconfig = world.dev.user("no-vpcs", rules)
    remaining = [one for one in small_fabric("x") if one["kind"] not in {"VPC", "VPCAttachment"}]
    world.fabric("lab", *remaining, make_server("new"))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.counts["created"], outcome.counts["deleted"]) == (
        ERROR,
        "PermissionDenied",
        1,
        1,
    )
    assert {ref.kind for ref in world.live("VPC", "VPCAttachment")} == {"VPC"}
    assert "x-v" in world.inventory("lab")
    world.kubeconfig = world.dev.kubeconfig
    assert world.sync("lab").counts["deleted"] == 1


def test_a_missing_definition_fails_its_objects_and_says_what_to_install(world: World) -> None:
    """The objects of other kinds arrive."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gatewaygroups.gateway.githedgehog.com"
    world.api.send("DELETE", "DELETE", path, subject="CRD")
    try:
        while world.api.send("GET", "GET", path, subject="CRD").ok:
            pass
        world.fabric("lab", make("GatewayGroup", "g"), make_server("a"))
        outcome = world.sync("lab")
        assert (outcome.status, outcome.error_class, outcome.counts["created"]) == (ERROR, "DefinitionMissing", 1)
        assert "install CRD gatewaygroups.gateway.githedgehog.com" in outcome.reason
        assert world.inventory("lab") == {"a": False}
    finally:
        world.dev.install_crds()


def test_one_bad_object_fails_alone_with_what_refers_to_it(world: World) -> None:
    """The others are in the cluster and in the inventory."""
    bad = make_vpc("bad")
    bad["spec"]["subnets"]["subnet-1"]["vlan"] = "text"
    world.fabric("lab", bad, make_attachment("on-bad", "bad", "c"), *small_fabric("x", 2))
    outcome = world.sync("lab", find_refusals=lambda *_: Refusals())
    assert (outcome.status, outcome.error_class, outcome.retryable) == (ERROR, "InvalidInput", False)
    assert dict(outcome.counts) == dict(outcome.counts) | {"created": 5, "failed": 1, "skipped": 1}
    assert "VPCAttachment/default/on-bad skipped (VPC/default/bad failed)" in outcome.details
    assert len(world.inventory("lab")) == 5
    assert world.state("lab").status is SyncStatus.PARKED


def test_what_admission_would_refuse_is_not_sent(world: World) -> None:
    """Held with what refers to it, each with its reason; the others arrive, and the fabric is not parked."""
    bad = make_vpc("bad")
    bad["spec"]["subnets"]["subnet-1"]["vlan"] = "text"
    world.fabric("lab", bad, make_attachment("on-bad", "bad", "c"), *small_fabric("x", 2))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class) == (HELD, "AdmissionRefused")
    assert dict(outcome.counts) == dict(outcome.counts) | {"created": 5, "failed": 2}
    assert world.writes == 5
    told = {line.split()[0]: line for line in outcome.details}
    assert ".spec.subnets.subnet-1.vlan" in told["VPC/default/bad"]
    assert "refers to VPC/default/bad, which is refused" in told["VPCAttachment/default/on-bad"]
    assert world.state("lab").status is SyncStatus.OUT_OF_SYNC


def test_an_unreachable_cluster_is_an_error_of_its_fabrics_only(world: World, tmp_path: Path) -> None:
    """Nothing is forgotten; the fabric on the good cluster is synced."""
    world.fabric("away", make_server("a"), kubernetes_connection_id="k8s_away")
    world.fabric("here", make_server("b"))
    dead = tmp_path / "kubeconfig"
    dead.write_text(re.sub(r"https://127.0.0.1:\d+", "https://127.0.0.1:1", world.dev.kubeconfig.read_text()))

    def open_cluster(connection_id: str) -> Cluster:
        return world.dev.connect(dead if connection_id == "k8s_away" else None, name=connection_id)

    away, here = world.sync_all(["away", "here"], open_cluster=open_cluster)
    assert (away.status, away.error_class, away.retryable, here.status) == (ERROR, "RemoteUnavailable", True, SUCCESS)
    state = world.state("away")
    assert (state.status, state.attempts, state.last_success_at) == (SyncStatus.ERROR, 1, None)


def test_a_connection_that_cannot_be_opened_is_an_error_of_its_fabrics(world: World) -> None:
    """In the hook's own words."""
    world.fabric("lab", make_server("a"))

    def open_cluster(connection_id: str) -> Cluster:
        raise InvalidInput(f"connection {connection_id} names no cluster")

    outcome = world.sync("lab", open_cluster=open_cluster)
    assert (outcome.status, outcome.reason, outcome.retryable) == (ERROR, "connection k8s_a names no cluster", False)


def test_a_user_without_any_right_gets_one_message_per_kind(world: World) -> None:
    """S9: permanent, no blind retry."""
    world.fabric("lab", make_server("a"), make_vpc("v"))
    world.kubeconfig = world.dev.user("may-not-anything", [])
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class, outcome.retryable) == (ERROR, "PermissionDenied", False)
    assert world.calls == {"LIST": 2}


def test_suspended_locked_disabled_and_unknown_fabrics_are_skipped_with_the_reason(
    world: World, database_parameters: dict[str, Any]
) -> None:
    """Force changes nothing about it; no state is touched."""
    world.fabric("asleep", make_server("a"))
    fabrics.suspend(world.database, "asleep", reason="change freeze", until=None)
    world.fabric("busy", make_server("b"))
    world.fabric("off", make_server("c"), enable_k8s_sync=False)
    other = connect(database_parameters)
    assert try_locks(other, Lock.KUBERNETES, [world.id("busy")])
    outcomes = world.sync_all(["asleep", "busy", "off", "gone"])
    other.close()
    assert {outcome.status for outcome in outcomes} == {SKIPPED}
    assert [outcome.reason for outcome in outcomes] == [
        "suspended: change freeze",
        "another run works on it",
        "Kubernetes sync is not enabled",
        "there is no such fabric any more",
    ]
    assert world.live("Server") == {}
    assert world.state("busy").status is SyncStatus.NEVER_SYNCED
    assert world.sync("busy").status is SUCCESS


def test_a_dry_run_reports_everything_and_writes_nothing(world: World) -> None:
    """Not to the cluster, not to the database, not even a CRD."""
    world.fabric("lab", make_server("a"), make_server("b"))
    world.sync("lab")
    world.fabric("lab", make_server("a", "new"), make_server("c"), publish_fabric_resource=True)
    before = world.state("lab")
    outcome = world.sync("lab", dry_run=True)
    assert outcome.dry_run
    assert outcome.details == (
        "Server/default/b deleted",
        "Server/default/c created",
        "Fabric/hedgehog-system/lab created",
        "Server/default/a configured (.spec.description)",
    )
    assert (world.writes, world.state("lab"), world.inventory("lab")) == (0, before, {"a": False, "b": False})


def test_with_git_sync_the_cluster_gets_what_was_published_and_nothing_before(world: World) -> None:
    """Git is the hand-over point: the database may be ahead of it, the cluster never."""
    fabrics.save_repository(world.database, "network", {"url": "https://git.example.com/network"})
    settings = {"git_sync_enabled": True, "git_repository": "network"}
    world.fabric("lab", make_server("a"), **settings)
    early = world.sync("lab")
    assert (early.status, early.reason, world.live("Server")) == (SKIPPED, "nothing is published to Git yet", {})

    publish(world, "lab", make_server("a", "as published"), generation=1)
    outcome = world.sync("lab")
    assert (outcome.status, outcome.generation, outcome.revision) == (SUCCESS, 1, "main@sha1:" + "a" * 40)
    assert world.live("Server")[ObjectRef("Server", "default", "a")]["spec"]["description"] == "as published"
    state = world.state("lab")
    assert (state.observed_generation, state.revision) == (1, outcome.revision)


def test_fabrics_of_one_cluster_share_one_list_per_kind(world: World) -> None:
    """Ten fabrics of five kinds: five LISTs."""
    names = [f"f{i}" for i in range(10)]
    for number, name in enumerate(names):
        world.fabric(name, *small_fabric(name, number))
    assert {outcome.status for outcome in world.sync_all(names)} == {SUCCESS}
    assert {outcome.status for outcome in world.sync_all(names)} == {SKIPPED}
    assert world.calls == {"LIST": 5}


def test_a_run_that_died_between_write_and_record_is_taken_up(world: World) -> None:
    """The object is recognised as our own, not adopted."""
    apply_one(world.api, make_server("a"))
    world.fabric("lab", make_server("a"))
    assert (world.sync("lab").status, world.inventory("lab")) == (SKIPPED, {"a": False})


def test_a_killed_run_leaves_no_stale_lock_and_state(world: World) -> None:
    """P6: the next run takes over."""
    world.fabric("lab", make_server("a"))

    def killed(connection_id: str) -> Cluster:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.sync("lab", open_cluster=killed)
    assert world.state("lab").status is SyncStatus.SYNCING
    assert plan(world.database) == [["lab"]]
    assert world.sync("lab").status is SUCCESS


def test_due_fabrics_come_one_a_batch_then_in_equal_batches_by_cluster(world: World) -> None:
    """Up to MOST_BATCHES mapped tasks."""
    for number in range(MOST_BATCHES):
        world.fabric(f"f{number}", kubernetes_connection_id=f"k8s_{number % 2}")
    assert sorted(plan(world.database)) == sorted([f"f{number}"] for number in range(MOST_BATCHES))
    for number in range(MOST_BATCHES, 2 * MOST_BATCHES + 1):
        world.fabric(f"f{number}", kubernetes_connection_id=f"k8s_{number % 2}")
    batches = plan(world.database)
    assert {len(batch) for batch in batches[:-1]} == {3}
    assert sorted(name for batch in batches for name in batch) == sorted(f"f{n}" for n in range(2 * MOST_BATCHES + 1))
    mixed = [batch for batch in batches if len({int(name[1:]) % 2 for name in batch}) > 1]
    assert len(mixed) <= 1


def test_a_named_fabric_is_planned_due_or_not_and_an_unknown_one_is_refused(world: World) -> None:
    """With near names."""
    world.fabric("lab")
    world.sync("lab")
    assert plan(world.database) == []
    assert plan(world.database, force=True) == [["lab"]]
    assert plan(world.database, fabrics=["lab"]) == [["lab"]]
    with pytest.raises(Exception, match="did you mean lab"):
        plan(world.database, fabrics=["labb"])
