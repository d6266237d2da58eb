"""Objects of newer releases are synced as they are, kinds of which only the name is known included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.objects import make, make_server
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.kinds import NEWER_KINDS
from hedgehog.kube.fabric_crd import apply_crd, wait_until_served
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import crd_name
from hedgehog.services.transfer.from_cluster import import_from_cluster
from hedgehog.store import fabrics, objects
from tests.kube.clusters import api, cluster
from tests.origins import SOMEBODY
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

KIND = NEWER_KINDS["VPCInterconnect"]
NEWER = {"settings": {"upstream": "newer"}}
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def newer(world: World) -> Iterator[World]:
    """A cluster with a kind of newer releases."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}}
    names = {"plural": KIND.plural, "singular": KIND.kind.lower(), "kind": KIND.kind, "listKind": f"{KIND.kind}List"}
    version = {"name": KIND.version, "served": True, "storage": True, "schema": schema}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": crd_name(KIND)},
        "spec": {"group": KIND.group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    apply_crd(world.api, crd)
    wait_until_served(world.api, KIND)
    yield world
    world.api.call("DELETE", "DELETE", f"{_CRDS}/{crd_name(KIND)}", subject="CRD")


def specs(world: World) -> dict[str, object]:
    """The spec of each object of the kind in the cluster."""
    return {ref.name: one["spec"] for ref, one in list_live(world.api, [(KIND, "default")]).objects.items()}


def test_an_object_of_an_unknown_kind_is_written_changed_and_deleted(newer: World) -> None:
    """As it is in the fabric, in every field."""
    first = {"links": [{"connection": "c", "vlan": 101}], "local": {"vpc-1": {"subnets": ["default"]}}}
    newer.fabric("lab", make_server("a"), make("VPCInterconnect", "ic-01", first), **NEWER)
    assert newer.sync("lab").status is OutcomeStatus.SUCCESS
    assert specs(newer) == {"ic-01": first}
    second = {**first, "remote": {"prefixes": ["10.60.0.0/16"]}}
    newer.fabric("lab", make_server("a"), make("VPCInterconnect", "ic-01", second), **NEWER)
    newer.sync("lab")
    assert specs(newer) == {"ic-01": second}
    newer.fabric("lab", make_server("a"), **NEWER)
    newer.sync("lab")
    assert specs(newer) == {}


def test_an_import_from_a_newer_cluster_takes_over_what_it_does_not_know(newer: World) -> None:
    """The release is detected, and the first sync writes nothing."""
    newer.fabric("other", make("VPCInterconnect", "ic-01", {"links": []}), **NEWER)
    newer.sync("other")
    import_from_cluster(newer.database, newer.api, connection_id="c", fabric="taken", origin=SOMEBODY)
    fabric = fabrics.load_fabric(newer.database, "taken")
    assert fabric.settings.upstream == "newer"
    held = objects.load_objects(newer.database, [fabric.id])[fabric.id]
    assert [(one.ref.kind, one.manifest["spec"]) for one in held] == [("VPCInterconnect", {"links": []})]
