"""A kind that a cluster does not serve waits alone, and is taken up as soon as it is back; a real database and API server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from devstack.objects import make, make_server
from hedgehog.errors import RateLimited
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import ObjectRef, SyncStatus, Target
from hedgehog.kube.client import Cluster
from hedgehog.kube.resources import object_path
from hedgehog.services.validation import Refusals
from hedgehog.store import schedule
from hedgehog.store.database import transaction
from tests.kube.clusters import CRDS, api, cluster
from tests.kube.objects_lab import write_as
from tests.services.kubernetes.watch_lab import QUICK, watch
from tests.services.kubernetes.worlds import World, world
from tests.waiting import until

__all__ = ["api", "cluster", "watch", "world"]

GROUP = KINDS["GatewayGroup"]
CRD = f"{CRDS}/{GROUP.plural}.{GROUP.group}"
G = ObjectRef("GatewayGroup", "default", "g")
ERROR = OutcomeStatus.ERROR


def remove_crd(world: World, path: str = CRD) -> None:
    """Delete a CRD, that of GatewayGroup, and wait until it is gone."""
    world.api.send("DELETE", "DELETE", path, subject="CRD")
    until(lambda: not world.api.send("GET", "GET", path, subject="CRD").ok, f"{path} to be gone")


def release(client: Cluster) -> None:
    """Take the finalizer off the object `g`, if it is there."""
    patch = [{"op": "remove", "path": "/metadata/finalizers"}]
    path, content = object_path(GROUP, G), "application/json-patch+json"
    client.send("PATCH", "PATCH", path, subject=str(G), body=patch, content_type=content)


@pytest.fixture
def lab(world: World) -> Iterator[World]:
    """The fabric `lab`, in sync: a server and an object of the kind whose CRD will go; it is there again afterwards."""
    world.fabric("lab", make("GatewayGroup", "g"), make_server("a"), conflict_policy="force")
    assert world.sync("lab").counts["created"] == 2
    yield world
    release(world.api)
    if world.api.send("GET", "GET", CRD, subject="CRD").json().get("metadata", {}).get("deletionTimestamp"):
        remove_crd(world)
    world.dev.install_crds()


def is_due(world: World) -> bool:
    """Whether the next run looks at the fabric."""
    return [one.name for one in schedule.due(world.database, Target.KUBERNETES)] == ["lab"]


def test_a_definition_that_is_deleted_and_installed_again_is_taken_up_at_once(lab, watch):
    """The watch sees the kind; meanwhile it is parked with the time of its next look, and the other kinds are synced."""
    with watch(replace(QUICK, refused=0.2)) as running:
        running.settled()
        remove_crd(lab)
        running.until(lambda: running.woken)
        outcome = lab.sync("lab")
        assert (outcome.status, outcome.error_class) == (ERROR, "DefinitionMissing")
        parked = lab.state("lab")
        assert (parked.status, parked.due_at is None) == (SyncStatus.PARKED, False)
        with transaction(lab.database) as cursor:  # as if the look that the deletions caused were over
            cursor.execute(
                "UPDATE hedgehog.sync_state SET due_at = now() + interval '1 hour' WHERE target = 'kubernetes'"
            )
        write_as(lab.api, "kubectl-edit", make_server("a", "edited"), force="true")
        running.until(lambda: is_due(lab))
        assert lab.sync("lab").counts["configured"] == 1
        assert not is_due(lab)
        lab.dev.install_crds()
        running.until(lambda: is_due(lab))
        outcome = lab.sync("lab")
        assert (outcome.counts["created"], lab.state("lab").status) == (1, SyncStatus.IN_SYNC)
        assert set(lab.inventory("lab")) == {"a", "g"}


def test_a_definition_that_is_being_deleted_is_retried_and_no_right_is_missing(lab):
    """Its objects cannot be created for a while; nothing is parked, nothing of it is forgotten."""
    stuck = make("GatewayGroup", "g")
    stuck["metadata"]["finalizers"] = ["example.com/slow"]
    write_as(lab.api, "controller", stuck)
    lab.api.send("DELETE", "DELETE", CRD, subject="CRD")
    lab.fabric("lab", make("GatewayGroup", "g"), make("GatewayGroup", "new"), make_server("b"))
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.retryable, lab.state("lab").status) == (ERROR, True, SyncStatus.ERROR)
    assert "grant" not in " ".join(outcome.details)
    assert (outcome.counts["created"], outcome.counts["deleted"]) == (1, 1)


def test_an_object_that_went_with_its_definition_is_no_longer_the_fabric_s(lab):
    """Somebody who uninstalls the gateways drops them from the fabric as well: that is the end of them."""
    remove_crd(lab)
    lab.fabric("lab", make_server("a"))
    outcome = lab.sync("lab")
    assert (outcome.status, lab.state("lab").status) == (OutcomeStatus.SKIPPED, SyncStatus.IN_SYNC)
    assert set(lab.inventory("lab")) == {"a"}


def of_the_whole_cluster(world: World) -> None:
    """Install the CRD of GatewayGroup anew, without namespaces."""
    crd = crd_of_the_groups(world)
    crd["spec"]["scope"] = "Cluster"
    remove_crd(world)
    world.api.call("POST", "POST", CRDS, subject="CRD", body=crd)


def with_another_of_its_names(world: World) -> None:
    """Install it anew after another CRD that has its kind."""
    crd = crd_of_the_groups(world)
    names = {"plural": "others", "singular": "other", "kind": GROUP.kind, "listKind": "OtherList"}
    other = {
        **crd,
        "metadata": {"name": f"others.{GROUP.group}"},
        "spec": {**crd["spec"], "names": names},
    }
    remove_crd(world)
    world.api.call("POST", "POST", CRDS, subject="CRD", body=other)
    until_condition(world, f"others.{GROUP.group}", "Established", "True")
    world.api.call("POST", "POST", CRDS, subject="CRD", body=crd)
    until_condition(world, f"{GROUP.plural}.{GROUP.group}", "NamesAccepted", "False")


def crd_of_the_groups(world: World) -> Any:
    """The CRD of GatewayGroup as it could be sent again."""
    found = world.api.call("GET", "GET", CRD, subject="CRD").json()
    return {key: found[key] for key in ("apiVersion", "kind", "spec")} | {
        "metadata": {"name": found["metadata"]["name"]}
    }


def until_condition(world: World, name: str, condition: str, value: str) -> None:
    """Wait until the API server has judged a CRD."""

    def holds() -> bool:
        status = world.api.call("GET", "GET", f"{CRDS}/{name}", subject="CRD").json()["status"]
        return any((one["type"], one["status"]) == (condition, value) for one in status.get("conditions") or ())

    until(holds, f"{name} to be {condition}: {value}")


@pytest.mark.parametrize(
    ("install", "said"),
    [
        (of_the_whole_cluster, "is for the whole cluster, not for namespaces"),
        (with_another_of_its_names, "is not served, for its names are another's"),
    ],
)
def test_a_definition_that_will_never_serve_the_kind_is_said_to_be_wrong(lab, install, said):
    """It is looked at slowly, not retried and again as one that is being installed; the rest is written."""
    try:
        install(lab)
        lab.fabric("lab", make("GatewayGroup", "g"), make_server("a"), make_server("b"))
        outcome = lab.sync("lab")
        assert (outcome.status, outcome.error_class, outcome.retryable) == (ERROR, "DefinitionMissing", False)
        assert said in outcome.reason
        assert outcome.counts["created"] == 1
    finally:
        remove_crd(lab, f"{CRDS}/others.{GROUP.group}")
        remove_crd(lab)


def test_a_definition_that_is_there_but_not_served_yet_is_waited_for(lab, monkeypatch):
    """Discovery catches up after the CRD: 404 alone does not say that it is missing."""
    path = object_path(GROUP, G).rpartition("/")[0]
    real = Cluster.send

    def send(client, verb, method, asked, **options):
        return real(client, verb, method, asked.replace(path, path + "-not-yet"), **options)

    monkeypatch.setattr(Cluster, "send", send)
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.retryable, lab.state("lab").status) == (ERROR, True, SyncStatus.ERROR)
    assert "does not serve it yet" in outcome.reason


def test_a_server_that_is_not_ready_for_one_kind_holds_up_no_other(lab, monkeypatch):
    """Right after its start, in a fabric of which nothing is there yet."""
    lab.api.send("DELETE", "DELETE", object_path(KINDS["Server"], ObjectRef("Server", "default", "a")), subject="a")
    path = object_path(GROUP, G).rpartition("/")[0]
    real = Cluster.send

    def send(client, verb, method, asked, **options):
        if asked == path:
            raise RateLimited("storage is (re)initializing", retry_after=1.0)
        return real(client, verb, method, asked, **options)

    monkeypatch.setattr(Cluster, "send", send)
    outcome = lab.sync("lab")
    assert (outcome.status, outcome.retryable, outcome.counts["created"]) == (ERROR, True, 1)


def test_a_definition_of_our_own_that_is_on_its_way_out_holds_up_its_resource_only(lab):
    """The objects of the fabric are written."""
    lab.fabric("lab", make("GatewayGroup", "g"), make_server("a"), publish_fabric_resource=True)
    assert lab.sync("lab").counts["created"] == 1
    (ref,) = [ref for ref in lab.inventory("lab") if ref not in {"a", "g"}]
    path = object_path(FABRIC, ObjectRef("Fabric", FABRIC.default_namespace, ref))
    hold = [{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/slow"]}]
    content = "application/json-patch+json"
    lab.api.call("PATCH", "PATCH", path, subject=ref, body=hold, content_type=content)
    lab.api.send("DELETE", "DELETE", f"{CRDS}/{FABRIC.plural}.{FABRIC.group}", subject="CRD")
    try:
        lab.fabric("lab", make("GatewayGroup", "g"), make_server("a"), make_server("b"), publish_fabric_resource=True)
        outcome = lab.sync("lab")
        assert (outcome.status, outcome.retryable, outcome.counts["created"]) == (ERROR, True, 1)
        assert "is being deleted" in outcome.reason
    finally:
        release = [{"op": "remove", "path": "/metadata/finalizers"}]
        lab.api.send("PATCH", "PATCH", path, subject=ref, body=release, content_type=content)


def test_a_fabric_that_was_parked_by_its_cluster_is_looked_at_when_the_watch_reaches_it(lab, watch):
    """A credential that was put right: the next open watch says so, and what failed for other reasons waits on."""
    with transaction(lab.database) as cursor:
        cursor.execute(
            "UPDATE hedgehog.sync_state SET attempts = 1, status = 'parked', due_at = now() + interval '1 hour'"
        )
    with watch() as running:
        running.until(lambda: is_due(lab) and running.woken)
        assert running.woken == [["lab"]]
        assert lab.state("lab").status is SyncStatus.PARKED


def test_a_namespace_that_is_not_there_is_waited_for(lab):
    """It may be on its way back, or come with the next step of an installation; the rest is written."""
    lost = make("SwitchGroup", "g")
    lost["metadata"]["namespace"] = "not-there-yet"
    lab.fabric("lab", make("GatewayGroup", "g"), make_server("a"), make_server("b"), lost)
    outcome = lab.sync("lab", find_refusals=lambda *_: Refusals())
    assert (outcome.status, outcome.error_class, outcome.retryable, outcome.counts["created"]) == (
        ERROR,
        "NotFound",
        True,
        1,
    )
    assert 'namespaces "not-there-yet" not found' in outcome.reason
    assert lab.state("lab").status is SyncStatus.ERROR
