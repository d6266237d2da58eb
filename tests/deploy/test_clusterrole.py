"""`deploy/kubernetes/clusterrole.yaml` grants what the product uses in a fabric's cluster, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.cluster import RBAC, DevCluster
from devstack.objects import small_fabric
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC, KINDS, Kind
from hedgehog.fabric.permissions import Permission, permissions_for
from hedgehog.kube.client import APPLY_PATCH, Cluster
from hedgehog.kube.fabric_crd import FALLBACK_GROUP
from hedgehog.kube.health import AGENT, GATEWAY_AGENT, read_facts
from hedgehog.kube.watch import list_scope, open_stream
from hedgehog.services.kubernetes.sync import sync
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]

FILE = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "clusterrole.yaml"
MANIFESTS = list(yaml.safe_load_all(FILE.read_text()))
RULES = {it["metadata"]["name"]: it["rules"] for it in MANIFESTS if it["kind"] == "ClusterRole"}
BOUND = {it["metadata"]["namespace"]: it["roleRef"]["name"] for it in MANIFESTS if it["kind"] == "RoleBinding"}
ACCOUNT = "hedgehog-airflow"


def granted(rules: Iterable[Mapping[str, Any]], namespace: str) -> set[Permission]:
    """The permissions that rules give where they are bound."""
    return {
        Permission(verb, group, resource, namespace)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def read_only(kind: Kind) -> Permission:
    """The permission to list a kind that controllers write."""
    return Permission("list", kind.group, kind.plural, kind.default_namespace)


def test_each_namespace_grants_the_permissions_that_its_kinds_need() -> None:
    """The table of kinds and the verbs of `rights_to` are the only source; a new kind makes this test fail."""
    summaries = [FABRIC, replace(FABRIC, group=FALLBACK_GROUP)]
    used = {permission for kind in ALL_KINDS.values() for permission in permissions_for(kind, kind.default_namespace)}
    used |= {
        permission for kind in summaries for permission in permissions_for(kind, FABRIC.default_namespace, status=True)
    }
    used |= {read_only(AGENT), read_only(GATEWAY_AGENT)}
    assert {permission for namespace, role in BOUND.items() for permission in granted(RULES[role], namespace)} == used


def test_cluster_wide_permissions_are_limited_to_definitions_namespaces_and_reading() -> None:
    """Only our own definition is written; no Secret, no Pod, no wildcard."""
    (cluster_wide,) = [it["roleRef"]["name"] for it in MANIFESTS if it["kind"] == "ClusterRoleBinding"]
    rules = {
        (rule["resources"][0], tuple(rule["verbs"])): rule.get("resourceNames", []) for rule in RULES[cluster_wide]
    }
    ours = [f"{FABRIC.plural}.{group}" for group in (FABRIC.group, FALLBACK_GROUP)]
    assert rules == {
        ("customresourcedefinitions", ("get", "patch")): ours,
        ("customresourcedefinitions", ("create",)): [],
        ("customresourcedefinitions", ("get", "list")): [],
        ("apiservices", ("get",)): [],
        ("namespaces", ("get",)): [FABRIC.default_namespace],
        ("nodes", ("list",)): [],
        ("validatingwebhookconfigurations", ("list",)): [],
    }


def test_every_role_is_bound_to_the_account() -> None:
    """An unbound role would have no effect."""
    bindings = [it for it in MANIFESTS if it["kind"].endswith("Binding")]
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": FABRIC.default_namespace}
    assert [it["subjects"] for it in bindings] == [[subject]] * len(bindings)
    assert sorted(it["roleRef"]["name"] for it in bindings) == sorted(RULES)


@pytest.fixture
def user(cluster: DevCluster, api: Cluster) -> Iterator[Path]:
    """The kubeconfig of a user who has exactly the permissions of the file."""
    name = "restricted"
    kubeconfig = cluster.user(name, [])
    for manifest in [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fab"}}, *MANIFESTS]:
        if manifest["kind"] != "ServiceAccount":
            put(api, manifest, name)
    yield kubeconfig
    for plural in ("clusterroles", "clusterrolebindings"):
        api.send("DELETE", "DELETE", f"{RBAC}/{plural}/{name}", subject=name)


def put(client: Cluster, manifest: dict[str, Any], user: str) -> None:
    """Apply a manifest of the file, with the user in the place of the account."""
    body = dict(manifest)
    if "subjects" in body:
        body["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
    namespace = body["metadata"].get("namespace")
    base = "/api/v1" if body["apiVersion"] == "v1" else RBAC
    path = f"{base}/namespaces/{namespace}" if namespace else base
    path = f"{path}/{body['kind'].lower()}s/{body['metadata']['name']}"
    client.call(
        "PATCH", "PATCH", path, subject=path, query={"fieldManager": "test"}, body=body, content_type=APPLY_PATCH
    )


def test_a_whole_sync_works_with_these_permissions(database: Connection, cluster: DevCluster, user: Path) -> None:
    """Definition, namespace, objects, status, prune: the first run installs, the second deletes."""
    values = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_a", "publish_fabric_resource": True}
    fabrics.save_fabric(database, "lab", values)
    objects = small_fabric("x")
    outcomes = []
    for manifests in (objects, objects[:-1]):
        object_store.save_objects(database, fabrics.load_fabric(database, "lab").id, manifests, delete_missing=True)
        outcomes += sync(database, ["lab"], open_cluster=lambda name: cluster.connect(user, name=name), run_id="run-1")
    assert [(it.status, it.reason) for it in outcomes] == [(OutcomeStatus.SUCCESS, it.reason) for it in outcomes]
    assert [(it.counts["created"], it.counts["deleted"]) for it in outcomes] == [(6, 0), (0, 1)]


def test_health_checks_find_no_missing_permission(cluster: DevCluster, user: Path) -> None:
    """For every kind that a fabric can hold."""
    client = cluster.connect(user)
    permissions = {
        permission for kind in KINDS.values() for permission in permissions_for(kind, kind.default_namespace)
    }
    facts = read_facts(client, KINDS.values(), permissions, resources=True)
    client.close()
    assert (facts.denied, {part: why for part, why in facts.unread.items() if "forbidden" in why}) == (frozenset(), {})
    assert facts.nodes is not None


def test_every_kind_can_be_listed_and_watched(cluster: DevCluster, user: Path) -> None:
    """As the watch does it."""
    client = cluster.connect(user)
    for kind in KINDS.values():
        _, version = list_scope(client, kind, kind.default_namespace)
        open_stream(client, kind, kind.default_namespace, version, seconds=1).close()
    client.close()
