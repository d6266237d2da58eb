"""Objects of other tools are held until somebody has the fabric take them over, and never pruned before."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make, make_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.resources import object_path
from hedgehog.services.kubernetes import drift_decisions
from hedgehog.store import inventory, open_drift
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import create, write_as
from tests.origins import SOMEBODY
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

SUCCESS, HELD, SKIPPED = OutcomeStatus.SUCCESS, OutcomeStatus.HELD, OutcomeStatus.SKIPPED
A = ObjectRef("Server", "default", "a")
HELM: dict[str, Any] = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "net", "meta.helm.sh/release-namespace": "prod"},
}
ADOPT = {"hedgehog-airflow/adopt": "true"}


def of_helm(description: str = "a server") -> Manifest:
    """A Server as a chart installs it."""
    return make("Server", "a", {"description": description}, **HELM)


@pytest.mark.parametrize("wanted", [make_server("a"), make_server("a", "other"), of_helm()])
def test_an_object_of_a_tool_is_held_with_its_name_and_outlives_the_fabric(world: World, wanted: Manifest) -> None:
    """Whether it is as wanted or not; the fabric's own objects proceed."""
    create(world.api, of_helm())
    world.fabric("lab", wanted, make_server("b"))
    for created in (1, 0):
        outcome = world.sync("lab")
        assert (outcome.status, outcome.error_class, outcome.counts["created"]) == (HELD, "AlreadyExists", created)
        assert "Server/default/a: belongs to Helm release prod/net" in outcome.reason
    assert world.inventory("lab") == {"b": False}
    world.fabric("lab")
    world.sync("lab", allow_large_prune=True)
    assert set(world.live("Server")) == {A}


def test_an_object_of_a_tool_is_taken_over_when_somebody_says_so(world: World) -> None:
    """Then it is like any other: changed, and deleted in the end."""
    create(world.api, of_helm())
    world.fabric("lab", make("Server", "a", {"description": "a server"}, annotations=ADOPT))
    assert world.sync("lab").status is SUCCESS
    assert (world.sync("lab").status, world.writes) == (SKIPPED, 0)
    world.fabric("lab", make("Server", "a", {"description": "new"}, annotations=ADOPT))
    assert world.sync("lab").status is SUCCESS
    world.fabric("lab")
    assert world.sync("lab").counts["deleted"] == 1


def test_an_object_that_a_tool_has_marked_since_is_not_deleted(world: World) -> None:
    """`helm install --take-ownership`; the others that the fabric dropped go."""
    world.fabric("lab", make_server("a"), make_server("b"))
    world.sync("lab")
    write_as(world.api, "helm", make("Server", "a", **HELM))
    world.fabric("lab")
    for deleted in (1, 0):
        outcome = world.sync("lab")
        assert (outcome.status, outcome.counts["deleted"]) == (HELD, deleted)
        assert "Server/default/a: no longer in the fabric, not deleted: it belongs to Helm release" in outcome.reason
    write_as(world.api, "helm", make("Server", "a"))
    assert world.sync("lab").counts["deleted"] == 1


@pytest.mark.parametrize(
    ("manager", "metadata", "who"),
    [
        ("Terraform", {}, "Terraform (field manager Terraform)"),
        ("tool", {"labels": {"app.kubernetes.io/instance": "net"}}, "application net"),
    ],
)
def test_a_tool_is_known_by_its_field_manager_or_a_common_label(
    world: World, manager: str, metadata: dict[str, Any], who: str
) -> None:
    """Some leave no label of their own; neither adopted when it is found nor deleted when it was marked since."""
    write_as(world.api, manager, make("Server", "a", {"description": "a server"}, **metadata))
    world.fabric("lab", make_server("a"), make_server("b"))
    outcome = world.sync("lab")
    assert (outcome.status, world.inventory("lab")) == (HELD, {"b": False})
    assert f"Server/default/a: belongs to {who}" in outcome.reason
    write_as(world.api, manager, make("Server", "b", {"description": "a server"}, **metadata))
    world.fabric("lab")
    outcome = world.sync("lab", allow_large_prune=True)
    assert f"Server/default/b: no longer in the fabric, not deleted: it belongs to {who}" in outcome.reason
    assert {ref.name for ref in world.live("Server")} == {"a", "b"}
    note = {"metadata": {"annotations": ADOPT}}
    path, content = object_path(KINDS["Server"], ObjectRef("Server", "default", "b")), "application/merge-patch+json"
    world.api.call("OTHER", "PATCH", path, subject="a person", body=note, content_type=content)
    assert world.sync("lab", allow_large_prune=True).counts["deleted"] == 1


def test_an_object_of_a_person_with_a_common_label_that_the_fabric_wants_is_the_fabric_s(world: World) -> None:
    """Found as wanted and adopted, and deleted in the end."""
    mine = make("Server", "a", {"description": "a server"}, labels={"app.kubernetes.io/instance": "net"})
    create(world.api, mine)
    world.fabric("lab", mine)
    assert (world.sync("lab").status, world.inventory("lab")) == (SKIPPED, {"a": True})
    world.fabric("lab")
    assert world.sync("lab", allow_large_prune=True).counts["deleted"] == 1


def test_an_object_that_a_tool_has_created_again_is_held_whatever_the_policy(world: World) -> None:
    """It has the name of what we wrote, and nothing else of it."""
    world.fabric("lab", make_server("a"), conflict_policy="force")
    world.sync("lab")
    world.api.call("OTHER", "DELETE", object_path(KINDS["Server"], A), subject=str(A))
    create(world.api, of_helm("theirs"))
    world.fabric("lab", make_server("a", "new"), conflict_policy="force")
    outcome = world.sync("lab")
    assert (outcome.status, outcome.error_class) == (HELD, "AlreadyExists")
    assert world.live("Server")[A]["spec"]["description"] == "theirs"


def test_an_object_that_was_adopted_silently_before_is_neither_changed_nor_deleted(world: World) -> None:
    """As older versions have it in their inventory."""
    create(world.api, of_helm())
    world.fabric("lab", make_server("a"))
    with transaction(world.database) as cursor:
        parts: dict[str, Any] = {"applied": {}, "adopted": {A: make_server("a")}, "gone": []}
        inventory.record(cursor, "k8s_a", world.id("lab"), **parts)
    world.fabric("lab", make_server("a", "new"))
    assert world.sync("lab").error_class == "AlreadyExists"
    world.fabric("lab")
    assert world.sync("lab").status is HELD
    assert world.live("Server")[A]["spec"]["description"] == "a server"


def test_a_person_who_adopts_an_object_of_a_tool_says_so(world: World) -> None:
    """`hedgehog drift adopt` of what belongs to no fabric."""
    create(world.api, of_helm())
    world.fabric("lab", make_server("b"))
    with transaction(world.database) as cursor:
        open_drift.note(cursor, "k8s_a", [Drift(A, DriftState.UNOWNED)])
    drift_decisions.adopt(world.database, world.api, "lab", [A], origin=SOMEBODY)
    (row,) = [
        one for one in object_store.load_objects(world.database, [world.id("lab")])[world.id("lab")] if one.ref == A
    ]
    assert row.manifest["metadata"]["annotations"].items() >= ADOPT.items()
    assert world.sync("lab").status is SUCCESS
    assert "a" in world.inventory("lab")
