"""Our CRD: installed where there is none, kept up to date, and never put in the place of another."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from devstack.cluster import DevCluster
from hedgehog.errors import DefinitionMissing, NotFound
from hedgehog.fabric.kinds import FABRIC
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import (
    FALLBACK_GROUP,
    MANAGED_BY,
    apply_crd,
    ensure_fabric_crd,
    ensure_namespace,
    explained,
)
from tests.kube.clusters import CRDS
from tests.kube.fake_server import serve, status
from tests.kube.objects_lab import crd

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"

NAME = f"{FABRIC.plural}.{FABRIC.group}"


def stored(client: Cluster, name: str = NAME) -> dict[str, Any]:
    """The CRD in the cluster."""
    found: dict[str, Any] = client.call("READ", "GET", f"{CRDS}/{name}", subject=name).json()
    return found


def test_an_absent_definition_is_installed_once(api: Cluster) -> None:
    """Afterwards one GET is all that it costs."""
    first = ensure_fabric_crd(api)
    assert (first.kind, first.note) == (FABRIC, "")
    assert stored(api)["metadata"]["labels"] == MANAGED_BY
    api.calls.clear()
    assert ensure_fabric_crd(api) == first
    assert api.calls == {"GET": 1}


def test_our_outdated_definition_is_brought_up_to_date(api: Cluster) -> None:
    """A new release of this package may have changed the schema."""
    old = crd()
    old["metadata"]["labels"] = dict(MANAGED_BY)
    del old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["revision"]
    apply_crd(api, old)
    assert ensure_fabric_crd(api).kind == FABRIC
    schema = stored(api)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert "revision" in schema["properties"]["status"]["properties"]


def test_a_foreign_definition_is_left_alone_and_ours_moves_to_the_fallback_group(api: Cluster) -> None:
    """Upstream is bringing a Fabric of that name at v1beta1."""
    apply_crd(api, crd(version="v1beta1"))
    before = stored(api)
    found = ensure_fabric_crd(api)
    assert found.kind is not None
    assert found.kind.group == FALLBACK_GROUP
    assert "fabrics.wiring.githedgehog.com is not ours" in found.note
    after = stored(api)
    assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], before["metadata"]["generation"])
    assert "labels" not in after["metadata"]
    assert ensure_fabric_crd(api) == found


def test_a_definition_without_our_label_is_foreign_even_if_it_looks_like_ours(api: Cluster) -> None:
    """Somebody else may rely on it."""
    apply_crd(api, crd())
    found = ensure_fabric_crd(api)
    assert found.kind is not None
    assert found.kind.group == FALLBACK_GROUP


def test_a_definition_that_took_our_place_under_our_label_is_foreign(api: Cluster) -> None:
    """`kubectl apply` of upstream's would keep the label and add its version."""
    both = crd()
    both["metadata"]["labels"] = dict(MANAGED_BY)
    second = copy.deepcopy(both["spec"]["versions"][0])
    both["spec"]["versions"].append(second | {"name": "v1beta1", "storage": False})
    apply_crd(api, both)
    found = ensure_fabric_crd(api)
    assert found.kind is not None
    assert found.kind.group == FALLBACK_GROUP


def test_with_both_groups_taken_the_resource_is_not_published(api: Cluster) -> None:
    """And the reason says what to do."""
    apply_crd(api, crd(version="v1beta1"))
    apply_crd(api, crd(FALLBACK_GROUP))
    found = ensure_fabric_crd(api)
    assert found.kind is None
    assert "fallback group" in found.note


def test_missing_rights_are_reported_and_nothing_is_installed(cluster: DevCluster, api: Cluster) -> None:
    """Neither to read nor to write CRDs."""
    readers = [{"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"]}]
    for name, rules in (("may-nothing", []), ("may-read-crds", readers)):
        client = cluster.connect(cluster.user(name, rules))
        found = ensure_fabric_crd(client)
        client.close()
        assert found.kind is None
        assert "hedgehog crds render" in found.note
        assert "publish_fabric_resource" in found.note


def test_a_dry_run_installs_nothing(api: Cluster) -> None:
    """It says that the kind is not served yet."""
    found = ensure_fabric_crd(api, install=False)
    assert (found.kind, found.served) == (FABRIC, False)
    assert not api.send("GET", "GET", f"{CRDS}/{NAME}", subject=NAME).ok


def test_the_namespace_is_created_once(api: Cluster) -> None:
    """Absent, present."""
    api.send("DELETE", "DELETE", "/api/v1/namespaces/only-here", subject="namespace")
    assert ensure_namespace(api, "only-here")
    assert not ensure_namespace(api, "only-here")


AWAY = replace(FABRIC, group="away.example.com")
MISSING = DefinitionMissing("not served")


def says_gone(client: Cluster) -> bool:
    """Whether a cluster that lacks the CRD of AWAY is believed to have none of its objects."""
    error = explained(client, AWAY, MISSING)
    assert isinstance(error, DefinitionMissing)
    return error.objects_gone


def test_objects_are_gone_with_a_definition_that_the_cluster_says_it_lacks(cluster: DevCluster, api: Cluster) -> None:
    """To who may look at CRDs and API services; who may not knows nothing."""
    crds = {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"]}
    services = {"apiGroups": ["apiregistration.k8s.io"], "resources": ["apiservices"], "verbs": ["get"]}
    assert says_gone(api)
    for name, rules, gone in (
        ("sees-neither", [], False),
        ("sees-crds", [crds], False),
        ("sees-services", [services], False),
        ("sees-both", [crds, services], True),
    ):
        client = cluster.connect(cluster.user(name, rules))
        assert says_gone(client) is gone, name
        client.close()


def test_another_api_server_may_have_objects_without_a_definition(api: Cluster) -> None:
    """One that is registered for the group and version; the cluster's own is registered without a service."""
    name = f"{AWAY.version}.{AWAY.group}"
    spec = {"group": AWAY.group, "version": AWAY.version, "groupPriorityMinimum": 1000, "versionPriority": 10}
    spec |= {"service": {"name": "none", "namespace": "default"}, "insecureSkipTLSVerify": True}
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec}
    api.call("POST", "POST", SERVICES, subject=name, body=body)
    try:
        assert not says_gone(api)
    finally:
        api.call("DELETE", "DELETE", f"{SERVICES}/{name}", subject=name)
    while api.send("GET", "GET", f"{SERVICES}/{name}", subject=name).ok:
        pass
    assert says_gone(api)


@pytest.mark.parametrize("details", [{}, {"details": {}}, {"details": {"name": "another"}}])
def test_a_404_that_does_not_name_the_definition_says_nothing(details: dict[str, Any]) -> None:
    """A gateway before the cluster answers so for a cluster that it has lost."""
    with serve(lambda _: status(404, "not found", **details)) as fake:
        assert not says_gone(fake.cluster)
        with pytest.raises(NotFound):
            ensure_fabric_crd(fake.cluster)
