"""The fabric's own resource in its cluster."""

from __future__ import annotations

from devstack.objects import make_server, make_vpc
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import ObjectRef
from tests.kube.clusters import api, cluster, forget_fabric_crd
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

SUCCESS, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED


def test_our_fabric_resource_says_what_was_reached(world: World) -> None:
    """Namespace and CRD are made; the row's zeros survive; a second run writes nothing."""
    world.fabric("Lab", make_server("a"), publish_fabric_resource=True, asn=4200000000, spine_count=0, leaf_count=3)
    outcome = world.sync("Lab")
    assert outcome.counts["created"] == 2
    resource = world.live("Fabric")[ObjectRef("Fabric", "hedgehog-system", "lab")]
    assert (resource["spec"]["name"], resource["spec"]["asn"], resource["spec"]["spine_count"]) == (
        "Lab",
        4200000000,
        0,
    )
    status = resource["status"]
    assert (status["phase"], status["conditions"][0]["status"], status["observedGeneration"]) == ("Synced", "True", 1)
    assert world.sync("Lab").status is SKIPPED
    assert world.writes == 0

    bad = make_vpc("bad")
    bad["spec"]["bogus"] = 1
    world.fabric("Lab", make_server("a"), bad, publish_fabric_resource=True)
    world.sync("Lab")
    status = world.live("Fabric")[ObjectRef("Fabric", "hedgehog-system", "lab")]["status"]
    assert (status["phase"], status["conditions"][0]["reason"]) == ("Pending", "AdmissionRefused")
    assert ".spec.bogus" in status["sync_error"]

    world.fabric("Lab", make_server("a"), publish_fabric_resource=False)
    assert world.sync("Lab").details == ("Fabric/hedgehog-system/lab deleted",)


def test_beside_a_foreign_fabric_definition_ours_lives_in_the_fallback_group(world: World) -> None:
    """The foreign one is left alone and the outcome says so."""
    from hedgehog.kube.fabric_crd import apply_crd
    from tests.kube.objects_lab import crd

    apply_crd(world.api, crd(version="v1beta1"))
    world.fabric("lab", make_server("a"), publish_fabric_resource=True)
    outcome = world.sync("lab")
    assert outcome.status is SUCCESS
    assert outcome.details[-1] == "CRD fabrics.wiring.githedgehog.com is not ours and was left alone"
    path = "/apis/airflow.githedgehog.com/v1alpha2/namespaces/hedgehog-system/fabrics/lab"
    assert world.api.send("GET", "GET", path, subject="fabric").json()["status"]["phase"] == "Synced"
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)
    forget_fabric_crd(world.api, "wiring.githedgehog.com")


def test_without_rights_to_our_definition_the_other_objects_are_synced(world: World) -> None:
    """The resource is skipped with the reason, and not pruned."""
    world.kubeconfig = world.dev.user(
        "no-crds", [{"apiGroups": ["wiring.githedgehog.com"], "resources": ["*"], "verbs": ["*"]}]
    )
    world.fabric("lab", make_server("a"), publish_fabric_resource=True)
    outcome = world.sync("lab")
    assert (outcome.status, outcome.counts["created"], outcome.counts["skipped"]) == (SUCCESS, 1, 1)
    assert "hedgehog crds render" in outcome.details[0]
