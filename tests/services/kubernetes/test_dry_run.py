"""What a cluster refuses stands in the report on the files, where the object stands."""

from __future__ import annotations

import yaml

from devstack.admission_webhook import admission_webhook
from devstack.cluster import DevCluster
from devstack.objects import make_vpc
from hedgehog.admission.files import check_files
from hedgehog.fabric.settings import FabricSettings
from hedgehog.kube.client import Cluster
from hedgehog.services.kubernetes.dry_run import ask_cluster
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]


def test_what_the_cluster_refuses_is_reported_where_the_object_is(cluster: DevCluster, api: Cluster) -> None:
    """Nothing is wrong with the VPC here; its namespaces are not in the cluster. Faulty objects are not asked about."""
    faulty = make_vpc("vpc-2", 2)
    faulty["spec"]["mode"] = "l3flat"
    text = yaml.safe_dump_all([make_vpc("vpc-1"), faulty])
    report = check_files({"vpcs.yaml": text.encode()}, FabricSettings())
    with admission_webhook(cluster, FabricSettings()):
        asked = ask_cluster(report, api)
    by_name = {
        entry.ref.name: [one.rule.id for one in entry.remarks if one.severity == "error"]
        for entry in asked.entries
        if entry.ref
    }
    assert by_name == {"vpc-1": ["cluster-refused"], "vpc-2": ["vpc-mode"]}
    (remark,) = [one for _, one in asked.remarks() if one.rule.id == "cluster-refused"]
    assert "the cluster refuses it" in remark.message
    assert f"{api.name} was not asked about the objects that have a fault already (1)" in asked.notes
