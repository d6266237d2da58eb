"""Fixtures for rooms that talk to a real API server: one for the test process, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.cluster import DevCluster
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import FALLBACK_GROUP

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="session")
def cluster(api_server: DevCluster) -> DevCluster:
    """A running API server with all Hedgehog kinds, shared by the tests of this process."""
    return api_server


@pytest.fixture
def api(cluster: DevCluster) -> Iterator[Cluster]:
    """The administrator's client of a cluster without objects of ours."""
    client = cluster.connect()
    empty(client)
    client.calls.clear()
    yield client
    client.close()


def empty(client: Cluster) -> None:
    """Delete all objects of all kinds, and every Fabric CRD."""
    for kind in KINDS.values():
        path = f"/apis/{kind.group}/{kind.version}/namespaces/{kind.default_namespace}/{kind.plural}"
        client.send("DELETE", "DELETE", path, subject=kind.plural)
    for group in (FABRIC.group, FALLBACK_GROUP):
        forget_fabric_crd(client, group)


def forget_fabric_crd(client: Cluster, group: str) -> None:
    """Delete a Fabric CRD, whoever made it, with its objects, and wait until it is gone."""
    path = f"{CRDS}/{FABRIC.plural}.{group}"
    client.send("DELETE", "DELETE", path, subject="CRD")
    while client.send("GET", "GET", path, subject="CRD").ok:
        pass
