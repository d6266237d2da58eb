"""`deploy/kubernetes/networkpolicy.yaml` is what an API server takes."""

from __future__ import annotations

from pathlib import Path

import yaml

from devstack.cluster import DevCluster
from hedgehog.kube.client import APPLY_PATCH, Cluster
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]

POLICY = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "networkpolicy.yaml").read_text()
)


def test_an_api_server_accepts_the_policy(cluster: DevCluster, api: Cluster) -> None:
    """Field by field, without writing it."""
    query = {"fieldManager": "test", "fieldValidation": "Strict", "dryRun": "All"}
    path = f"/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/{POLICY['metadata']['name']}"
    answer = api.call("DRY-RUN", "PATCH", path, subject="policy", query=query, body=POLICY, content_type=APPLY_PATCH)
    assert answer.json()["spec"]["policyTypes"] == ["Egress"]
