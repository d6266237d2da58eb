"""A live cluster becomes a fabric, and the first sync after that writes nothing."""

from __future__ import annotations

import json

import pytest

from devstack.objects import make_server, make_vpc
from hedgehog.__main__ import main
from hedgehog.errors import InvalidInput, PermissionDenied
from hedgehog.fabric.changes import Action, OutcomeStatus
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.render import fabric_resource
from hedgehog.kube.fabric_crd import ensure_fabric_crd
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.transfer.from_cluster import import_from_cluster
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.kube.clusters import CRDS, api, cluster
from tests.kube.fake_server import Reply, serve, status
from tests.origins import SOMEBODY

__all__ = ["api", "cluster"]


def create(api, manifest, plural=None):
    """Make an object as a user with kubectl would."""
    kind = KINDS.get(manifest["kind"])
    group, plural = manifest["apiVersion"], plural or kind.plural
    path = f"/apis/{group}/namespaces/{manifest['metadata']['namespace']}/{plural}"
    answer = api.send("POST", "POST", path, subject=manifest["metadata"]["name"], body=manifest)
    assert answer.ok, answer
    return answer.json()


def names(database, fabric="lab"):
    """The stored objects of a fabric."""
    row = fabrics.load_fabric(database, fabric)
    return {str(one.ref): one.manifest for one in object_store.load_objects(database, [row.id])[row.id]}


def test_what_users_wrote_is_taken_without_what_the_cluster_added(api, database):
    """The fabric is created, with no sync on and nothing published."""
    server = create(api, make_server("srv-1"))
    create(api, make_vpc("vpc-1"))
    assert server["metadata"]["uid"]
    report = import_from_cluster(database, api, connection_id="lab_cluster", fabric="lab", origin=SOMEBODY)
    assert (report.fabrics, report.fabric, report.notes) == ({"lab": Action.CREATED}, "lab", ())
    stored = names(database)
    assert set(stored) == {"Server/default/srv-1", "VPC/default/vpc-1"}
    assert stored["Server/default/srv-1"]["metadata"] == make_server("srv-1")["metadata"]
    fabric = fabrics.load_fabric(database, "lab")
    assert (fabric.kubernetes_connection_id, fabric.kubernetes_sync_enabled, fabric.publish_fabric_resource) == (
        "lab_cluster",
        False,
        False,
    )


def test_the_first_sync_after_it_writes_nothing(api, cluster, database):
    """It only takes note of what it owns from now on."""
    for name in ("a", "b"):
        create(api, make_vpc(name))
    import_from_cluster(
        database, api, connection_id="c", fabric="lab", settings={"enable_k8s_sync": True}, origin=SOMEBODY
    )
    client = cluster.connect()
    (outcome,) = kubernetes_sync.sync(database, ["lab"], open_cluster=lambda _: client, run_id="r")
    assert (outcome.status, outcome.counts["unchanged"]) == (OutcomeStatus.SKIPPED, 2)
    assert not {"PATCH", "POST", "PUT", "DELETE"} & set(client.calls)


def test_a_second_import_finds_nothing_new_and_sees_what_changed(api, database):
    """Which fabric is meant is clear from the connection; its settings stay."""
    create(api, make_vpc("a"))
    import_from_cluster(database, api, connection_id="c", fabric="lab", origin=SOMEBODY)
    fabrics.save_fabric(database, "lab", {"description": "mine"})
    assert import_from_cluster(database, api, connection_id="c", origin=SOMEBODY).objects.writes == ()
    create(api, make_vpc("b"))
    report = import_from_cluster(database, api, connection_id="c", origin=SOMEBODY)
    assert [str(change) for change in report.objects.writes] == ["VPC/default/b created"]
    assert (report.fabrics, fabrics.load_fabric(database, "lab").description) == ({}, "mine")


def test_our_fabric_resource_names_the_fabric_and_fills_its_fields(api, database):
    """It goes on being published then."""
    crd = ensure_fabric_crd(api)
    api.send("POST", "POST", "/api/v1/namespaces", subject="namespace", body={"metadata": {"name": "hedgehog-system"}})
    resource = fabric_resource(Fabric(1, "Lab", "lab", description="d", asn=65001), group=crd.kind.group)
    create(api, resource, plural="fabrics")
    report = import_from_cluster(database, api, connection_id="c", origin=SOMEBODY)
    assert report.fabrics == {"Lab": Action.CREATED}
    fabric = fabrics.load_fabric(database, "Lab")
    assert (fabric.description, fabric.asn, fabric.publish_fabric_resource) == ("d", 65001, True)
    assert names(database, "Lab") == {}


def test_without_a_name_and_without_a_resource_nothing_is_guessed(api, database):
    """One word is enough."""
    with pytest.raises(InvalidInput, match=r"c: for which fabric. none is known there yet; say so with --fabric NAME"):
        import_from_cluster(database, api, connection_id="c", origin=SOMEBODY)


def test_a_setting_that_does_not_exist_is_refused(api, database):
    """As in a document."""
    with pytest.raises(InvalidInput, match="did you mean asn"):
        import_from_cluster(database, api, connection_id="c", fabric="lab", settings={"asm": 5}, origin=SOMEBODY)
    assert fabrics.fabric_names(database) == []


def test_secrets_stay_where_they_are_and_are_noted(api, database):
    """The paths only; everything else is imported."""
    api.send("POST", "POST", "/api/v1/namespaces", subject="namespace", body={"metadata": {"name": "fab"}})
    secret = {
        "apiVersion": "fabricator.githedgehog.com/v1beta1",
        "kind": "Fabricator",
        "metadata": {"name": "default", "namespace": "fab"},
        "spec": {"config": {"control": {"joinToken": "canary", "defaultUser": {"password": "$5$canary"}}}},
    }
    create(api, secret)
    create(api, make_vpc("a"))
    report = import_from_cluster(database, api, connection_id="c", fabric="lab", origin=SOMEBODY)
    (note,) = report.notes
    assert note.startswith("Fabricator/fab/default: left out, it holds secrets: .spec.config.control.")
    assert "canary" not in str(report)
    assert set(names(database)) == {"VPC/default/a"}


def test_an_object_of_another_tool_is_noted(api, database):
    """It is imported; the sync holds it until somebody says that the fabric takes it over."""
    create(
        api, make_vpc("a") | {"metadata": {"name": "a", "namespace": "default", "labels": {"kapp.k14s.io/app": "1"}}}
    )
    report = import_from_cluster(database, api, connection_id="c", fabric="lab", origin=SOMEBODY)
    (note,) = report.notes
    assert (
        note == "VPC/default/a: belongs to kapp app 1 (kapp.k14s.io/app); it is held until it has the annotation "
        'hedgehog-airflow/adopt: "true"'
    )
    assert set(names(database)) == {"VPC/default/a"}


API_SERVICES = "/apis/apiregistration.k8s.io/"


def answers(*, absent=(), refused=()):
    """A cluster with one VPC, without the kinds *absent*, that refuses to list *refused*."""

    def reply(request):
        plural = request.path.split("?")[0].rsplit("/", 1)[1]
        if request.path.startswith((CRDS, API_SERVICES)):
            return status(404, f"{plural} not found", details={"name": plural})
        if plural in absent:
            return status(404, "the server could not find the requested resource")
        if plural in refused:
            return status(403, "forbidden")
        live = {"metadata": {"name": "a", "namespace": "default", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
        return Reply(body={"metadata": {}, "items": [live] if plural == "vpcs" else []})

    return serve(reply)


def test_a_kind_that_the_cluster_does_not_serve_and_an_object_that_goes_are_noted(database):
    """Neither is an error."""
    with answers(absent=("gateways", "gatewaypeerings")) as server:
        report = import_from_cluster(database, server.cluster, connection_id="c", fabric="lab", origin=SOMEBODY)
    assert report.notes == (
        "the cluster does not serve Gateway, GatewayPeering",
        "VPC/default/a: left out, it is being deleted",
    )


def test_a_kind_that_cannot_be_read_stops_the_import(database):
    """A part of a cluster is never taken for all of it."""
    with answers(refused=("switches",)) as server, pytest.raises(PermissionDenied):
        import_from_cluster(database, server.cluster, connection_id="c", fabric="lab", origin=SOMEBODY)
    assert fabrics.fabric_names(database) == []


def test_the_command_takes_a_cluster_over_by_a_kubeconfig(
    api, cluster, postgres, database_parameters, monkeypatch, capsys
):
    """And says what it took."""
    create(api, make_vpc("a"))
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", postgres.uri(database_parameters["dbname"], scheme="postgres"))
    command = ["fabric", "import", "--from-cluster", "c", "--kubeconfig", str(cluster.kubeconfig), "--fabric", "lab"]
    assert main([*command, "--set", "enable_k8s_sync=true", "--set", "asn=65001"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "fabric lab: created\nobjects of lab: 1 created\n  VPC/default/a created\n"
    assert captured.err == ""


def test_a_list_of_clusters_is_taken_over_each_for_itself(
    api, cluster, postgres, database_parameters, database, monkeypatch, capsys
):
    """One that cannot be read is said, and the others are imported."""
    create(api, make_vpc("a"))
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", postgres.uri(database_parameters["dbname"], scheme="postgres"))
    good = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(cluster.kubeconfig)}}
    monkeypatch.setenv("AIRFLOW_CONN_GOOD", json.dumps(good))
    command = ["fabric", "import", "--from-cluster", "gone=not_there", "lab=good"]
    assert main([*command, "--set", "asn=65001"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "fabric lab: created\nobjects of lab: 1 created\n  VPC/default/a created\n"
    assert captured.err.startswith("hedgehog: error: not_there: ")
    assert list(fabrics.fabric_names(database)) == ["lab"]
    with pytest.raises(SystemExit):
        main([*command, "--fabric", "lab"])
