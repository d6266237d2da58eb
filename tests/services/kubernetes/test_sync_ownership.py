"""Objects that others wrote: what the fabric drops later leaves the cluster, or it is said why not and whose it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.objects import make, make_server, make_vpc
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import Manifest, ObjectRef, SyncStatus
from hedgehog.kube.client import JSON_PATCH
from hedgehog.kube.resources import collection_path, kind_of, object_path
from hedgehog.services.kubernetes import drift_decisions
from hedgehog.store import open_drift
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import write_as
from tests.origins import SOMEBODY
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

SUCCESS, HELD, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.HELD, OutcomeStatus.SKIPPED
VPC = ObjectRef("VPC", "default", "v")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def kubectl_create(world: World, manifest: Manifest, manager: str = "kubectl-create") -> None:
    """`kubectl create -f`."""
    path = collection_path(kind_of(manifest), manifest["metadata"]["namespace"])
    world.api.call("OTHER", "POST", path, subject="creation", query={"fieldManager": manager}, body=manifest)


def kubectl_apply(world: World, manifest: Manifest) -> None:
    """`kubectl apply -f`, client-side, of an object that is not there yet."""
    annotations = {_LAST_APPLIED: json.dumps(manifest), **manifest["metadata"].get("annotations", {})}
    kubectl_create(
        world,
        {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}},
        "kubectl-client-side-apply",
    )


def server_side_apply(world: World, manifest: Manifest) -> None:
    """`kubectl apply --server-side -f`."""
    write_as(world.api, "kubectl", manifest)


def as_nobody(world: World, manifest: Manifest) -> None:
    """An object whose managedFields somebody has cleared."""
    kubectl_create(world, manifest)
    clear_owners(world, manifest)


def clear_owners(world: World, manifest: Manifest) -> None:
    """Remove every entry of managedFields, as the Kubernetes documentation tells how to."""
    path = object_path(kind_of(manifest), ObjectRef.of(manifest))
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
    world.api.call("OTHER", "PATCH", path, subject="clearing", body=patch, content_type=JSON_PATCH)


def subnets(world: World) -> set[str]:
    """The subnets of the VPC in the cluster."""
    return set(world.live("VPC")[VPC]["spec"]["subnets"])


def vpc(*names: str, **metadata: Any) -> Manifest:
    """A VPC with these of its subnets."""
    whole = make_vpc("v", subnets=5)
    kept = {name: value for name, value in whole["spec"]["subnets"].items() if name in names}
    return make("VPC", "v", {**whole["spec"], "subnets": kept}, **metadata)


WRITERS = (kubectl_create, kubectl_apply, server_side_apply, as_nobody)


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_dropped_from_an_object_that_others_made_leaves_the_cluster(world: World, write: Any) -> None:
    """The fabric wants one subnet more than it found, and later one less; labels and annotations alike."""
    mine = {"labels": {"tier": "x"}, "annotations": {"example.com/note": "x"}}
    write(world, vpc("subnet-1", "subnet-2", **mine))
    world.fabric("lab", vpc("subnet-1", "subnet-2", "subnet-3", **mine))
    assert world.sync("lab").status is SUCCESS
    world.fabric("lab", vpc("subnet-1", "subnet-3"))
    assert world.sync("lab").status is SUCCESS
    assert subnets(world) == {"subnet-1", "subnet-3"}
    metadata = world.live("VPC")[VPC]["metadata"]
    assert "tier" not in metadata.get("labels", {})
    assert "example.com/note" not in metadata.get("annotations", {})
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_dropped_from_an_object_found_as_wanted_leaves_the_cluster(world: World, write: Any) -> None:
    """Even when the fabric first takes in what others added."""
    write(world, vpc("subnet-1", "subnet-2"))
    world.fabric("lab", vpc("subnet-1"))
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    world.fabric("lab", vpc("subnet-1"))
    assert world.sync("lab").status is SUCCESS
    assert subnets(world) == {"subnet-1"}


def test_taking_over_costs_one_request_once(world: World) -> None:
    """The next writes of the same object are one request each."""
    kubectl_create(world, vpc("subnet-1"))
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    assert world.calls == {"LIST": 1, "PATCH": 2}
    world.fabric("lab", vpc("subnet-1", "subnet-3"))
    world.sync("lab")
    assert world.calls == {"LIST": 1, "PATCH": 1}


def test_a_differing_value_stays_with_its_owner_and_nothing_is_taken_silently(world: World) -> None:
    """conflict_policy decides about it, and about it alone."""
    kubectl_create(world, make("Server", "s", {"description": "theirs", "profile": "p"}))
    world.fabric("lab", make("Server", "s", {"description": "ours", "profile": "p"}))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class) == (HELD, "FieldConflict")
    assert "'kubectl-create' owns .spec.description" in outcome.reason
    assert world.live("Server")[ObjectRef("Server", "default", "s")]["spec"]["description"] == "theirs"
    assert world.inventory("lab") == {}


def test_an_object_that_somebody_created_again_is_taken_over_again(world: World) -> None:
    """It is in the inventory, but nothing of it is ours any more."""
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    path = object_path(kind_of(vpc()), VPC)
    world.api.call("OTHER", "DELETE", path, subject="deletion")
    kubectl_create(world, vpc("subnet-1", "subnet-2"))
    world.fabric("lab", vpc("subnet-1"))
    assert world.sync("lab").status is SUCCESS
    assert subnets(world) == {"subnet-1"}


def test_what_a_co_owner_keeps_is_held_with_its_name_until_it_lets_go(world: World) -> None:
    """Somebody declared the same on purpose after us; each run says so and none counts as a change."""
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    write_as(world.api, "terraform", vpc("subnet-1", "subnet-2"))
    world.fabric("lab", vpc("subnet-1"))
    for changed in (1, 0):
        outcome = world.sync("lab")
        assert (outcome.status, outcome.error_class) == (HELD, "FieldConflict")
        assert ".spec.subnets.subnet-2 stayed in the cluster, for 'terraform' owns it" in outcome.reason
        assert outcome.counts["configured"] == changed
    assert world.state("lab").status is SyncStatus.OUT_OF_SYNC
    assert subnets(world) == {"subnet-1", "subnet-2"}

    write_as(world.api, "terraform", vpc("subnet-1"))
    assert subnets(world) == {"subnet-1"}
    assert world.sync("lab").status is SKIPPED
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)
    assert world.state("lab").status is SyncStatus.IN_SYNC


def test_what_a_co_owner_keeps_goes_when_the_policy_is_force(world: World) -> None:
    """Its ownership goes with it."""
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    write_as(world.api, "terraform", vpc("subnet-1", "subnet-2"))
    world.fabric("lab", vpc("subnet-1"))
    assert world.sync("lab").status is HELD
    world.fabric("lab", vpc("subnet-1"), conflict_policy="force")
    assert world.sync("lab").status is SUCCESS
    assert subnets(world) == {"subnet-1"}
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)


def test_a_person_may_have_a_held_object_written_all_the_same(world: World) -> None:
    """`hedgehog drift revert`, as the register of problems advises; once."""
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    write_as(world.api, "terraform", vpc("subnet-1", "subnet-2"))
    world.fabric("lab", vpc("subnet-1"))
    assert world.sync("lab").status is HELD
    assert drift_decisions.revert(world.database, "lab", [VPC]) == [VPC]
    assert world.sync("lab").status is SUCCESS
    assert subnets(world) == {"subnet-1"}
    assert open_drift.listing(world.database, "lab") == []
    assert world.sync("lab").status is SKIPPED


def test_what_was_adopted_from_a_person_becomes_the_fabric_s(world: World) -> None:
    """Else the next change of the same field would be a conflict with whoever made the first."""
    server = ObjectRef("Server", "default", "s")
    world.fabric("lab", make_server("s"), drift_policy="report")
    world.sync("lab")
    write_as(world.api, "kubectl-edit", make_server("s", "edited"), force="true")
    world.sync("lab")
    drift_decisions.adopt(world.database, world.api, "lab", [server], origin=SOMEBODY)
    world.sync("lab")
    world.fabric("lab", make_server("s", "changed again"), drift_policy="report")
    assert world.sync("lab").status is SUCCESS
    assert world.live("Server")[server]["spec"]["description"] == "changed again"


def test_a_label_that_others_keep_is_held_and_one_of_their_own_is_not(world: World) -> None:
    """Fields that the fabric never set are their setters' business."""
    world.fabric("lab", make("Server", "s", {"description": "d"}, labels={"a": "1"}))
    world.sync("lab")
    write_as(world.api, "other", make("Server", "s", labels={"a": "1", "b": "2"}))
    world.fabric("lab", make("Server", "s", {"description": "d"}))
    outcome = world.sync("lab")
    assert ".metadata.labels.a stayed in the cluster, for 'other' owns it" in outcome.reason
    write_as(world.api, "other", make("Server", "s", labels={"b": "2"}))
    assert world.sync("lab").status is SKIPPED
    assert world.inventory("lab") == {"s": False}


def test_what_is_left_of_a_dropped_part_is_held(world: World) -> None:
    """The subnet went as far as it was ours; the rest of it is the other's, and it is still a subnet."""
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    theirs = vpc()
    theirs["spec"] = {"subnets": {"subnet-2": {"dhcp": {"enable": True}}}}
    write_as(world.api, "other", theirs)
    world.fabric("lab", vpc("subnet-1"))
    for _ in range(2):
        outcome = world.sync("lab")
        assert outcome.status is HELD
        assert ".spec.subnets.subnet-2 stayed in the cluster, for 'other' owns it" in outcome.reason


def test_a_section_whose_last_field_is_dropped_becomes_empty(world: World) -> None:
    """Server-side apply alone makes null of it, which the schema refuses for good."""
    full, bare = vpc("subnet-1"), vpc("subnet-1")
    full["spec"]["subnets"]["subnet-1"]["dhcp"] = {"enable": True, "options": {"interfaceMTU": 1500}}
    bare["spec"]["subnets"]["subnet-1"]["dhcp"] = {"enable": True, "options": {}}
    world.fabric("lab", full, make_server("s"))
    world.sync("lab")
    world.fabric("lab", bare, make("Server", "s"))
    outcome = world.sync("lab")
    assert (outcome.status, outcome.counts["configured"]) == (SUCCESS, 2)
    assert world.live("VPC")[VPC]["spec"]["subnets"] == bare["spec"]["subnets"]
    assert world.live("Server")[ObjectRef("Server", "default", "s")]["spec"] == {}
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)
    world.fabric("lab", vpc("subnet-1"), make("Server", "s"))
    assert world.sync("lab").status is SUCCESS
    assert "dhcp" not in world.live("VPC")[VPC]["spec"]["subnets"]["subnet-1"]


def test_an_entry_of_an_object_without_owners_goes_when_it_is_dropped(world: World) -> None:
    """Somebody cleared managedFields of an object that we wrote."""
    world.fabric("lab", vpc("subnet-1", "subnet-2"))
    world.sync("lab")
    clear_owners(world, vpc())
    world.fabric("lab", vpc("subnet-1"))
    assert world.sync("lab").status is SUCCESS
    assert subnets(world) == {"subnet-1"}


def rehearsed(world: World) -> Manifest:
    """A server as the cluster would store it now."""
    path, query = collection_path(kind_of(make_server("t")), "default"), {"dryRun": "All"}
    found: Manifest = world.api.call("OTHER", "POST", path, subject="probe", body=make_server("t"), query=query).json()
    return found


MUTATION = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"


def test_what_an_admission_policy_stores_otherwise_is_held_not_written_for_ever(world: World) -> None:
    """Before, each run said "configured", success."""
    rule = {
        "apiGroups": ["wiring.githedgehog.com"],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": ["servers"],
    }
    expression = 'Object{spec: Object.spec{description: "fixed"}}'
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "fixed"},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "reinvocationPolicy": "Never",
            "failurePolicy": "Fail",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "fixed"},
        "spec": {"policyName": "fixed"},
    }
    world.api.call("OTHER", "POST", MUTATION, subject="policy", body=policy)
    world.api.call("OTHER", "POST", f"{MUTATION[:-3]}ybindings", subject="binding", body=binding)
    try:
        while rehearsed(world)["spec"]["description"] != "fixed":
            pass
        world.fabric("lab", make_server("s", "wanted"))
        for action in ("created", "failed"):
            outcome = world.sync("lab")
            assert (outcome.status, outcome.counts[action]) == (HELD, 1)
            assert "the cluster stored .spec.description otherwise than it was written" in outcome.reason
        assert world.inventory("lab") == {"s": False}
    finally:
        for path in (MUTATION, f"{MUTATION[:-3]}ybindings"):
            world.api.send("OTHER", "DELETE", f"{path}/fixed", subject="policy")
        while rehearsed(world)["spec"]["description"] == "fixed":
            pass  # the cluster is shared with other tests
