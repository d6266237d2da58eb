"""The development cluster with Hedgehog's admission: what the sync is retriedst (devstack/admission_webhook.py)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from devstack.admission_review import Reviewer
from devstack.admission_webhook import admission_webhook
from devstack.cluster import DevCluster
from devstack.objects import make, make_server, make_vpc
from hedgehog.errors import AdmissionRefused
from hedgehog.fabric.changes import Action
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import waves
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.kube.apply import apply, apply_one
from hedgehog.kube.client import Cluster
from hedgehog.kube.resources import kind_of, object_path
from hedgehog.manifests import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "gen"
SETTINGS = FabricSettings()


def example() -> list[Manifest]:
    """The fabric in examples/gen: every kind, every type of connection."""
    files = sorted(EXAMPLE.glob("*.yaml"))
    found = [one.manifest for path in files for one in yaml.load(path.read_bytes(), file=path.name)]
    return [
        {**manifest, "metadata": {"namespace": "default", **manifest["metadata"]}}
        for manifest in found
        if manifest["kind"] in KINDS and KINDS[manifest["kind"]].namespace != "fab"
    ]


def namespaces() -> list[Manifest]:
    """The namespaces that VPCs live in."""
    return [
        make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
        make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"]}),
    ]


def send(client: Cluster, method: str, manifest: Manifest, **query: str) -> Any:
    """A request about one object, by anybody; raises what it is refused with."""
    kind, ref = kind_of(manifest), ObjectRef.of(manifest)
    path = object_path(kind, ref)
    path, body = (path.rpartition("/")[0], manifest) if method == "POST" else (path, None)
    return client.call(method, method, path, subject=str(ref), body=body, query=query).json()


def compared(manifest: Manifest) -> Any:
    """What webhooks write."""
    metadata = manifest["metadata"]
    return metadata.get("labels"), metadata.get("annotations"), manifest["spec"]


@pytest.mark.parametrize("upstream", Upstream)
def test_a_fabric_is_admitted_in_waves_and_stored_as_the_engine_says(
    cluster: DevCluster, api: Cluster, upstream: Upstream
) -> None:
    """Nothing is refused, every default is there, and applying it again changes nothing.

    The second time upstream refuses even an unchanged VLANNamespace: a hostBGP subnet of a VPC has VLAN 0.
    """
    settings = FabricSettings(upstream=upstream)
    objects, vlans = example(), ObjectRef("VLANNamespace", "default", "default")
    with admission_webhook(cluster, settings) as webhook:
        first = apply(api, waves(objects))
        assert {str(ref): str(one.error) for ref, one in first.items() if one.change.action is not Action.CREATED} == {}
        rest = [one for one in objects if one["kind"] != "VLANNamespace"]
        again = apply(api, waves(rest))
        with pytest.raises(AdmissionRefused, match="VPC ai uses VLAN 0"):
            apply_one(api, next(one for one in objects if ObjectRef.of(one) == vlans))
    assert {ref: one.stored for ref, one in again.items()} == {ref: first[ref].stored for ref in again}
    for manifest in objects:
        live = first[ObjectRef.of(manifest)].stored
        assert live is not None
        assert compared(live) == compared(stored(manifest, settings)), manifest["metadata"]["name"]
    assert {kind for path, kind in webhook.calls if path == "/validate"} == {one["kind"] for one in objects}


def test_a_bad_object_is_refused_with_the_reason(cluster: DevCluster, api: Cluster) -> None:
    """The message names field and rule; what does not exist after a dry run does not exist for the webhook either."""
    with admission_webhook(cluster, SETTINGS):
        server, connection = (
            make_server("srv-1"),
            make("Connection", "c", {"external": {"link": {"switch": {"port": "leaf-1/E1/1"}}}}),
        )
        with pytest.raises(AdmissionRefused) as refused:
            apply_one(api, connection)
        assert str(refused.value) == (
            'Connection/default/c: admission webhook "vconnection.kb.io" denied the request: '
            ".spec.external.link.switch.port: there is no Switch leaf-1 (connection-switch-missing)"
        )
        send(api, "POST", server, dryRun="All")
        unbundled = make("Connection", "u", {"unbundled": {"link": {"server": {"port": "srv-1/e1"}}}})
        with pytest.raises(AdmissionRefused, match="there is no Server srv-1"):
            apply_one(api, unbundled)
        send(api, "POST", server)
        with pytest.raises(AdmissionRefused) as refused:
            apply_one(api, unbundled)
        assert "Server" not in str(refused.value).partition("denied")[2]


def test_a_vpc_that_is_peered_does_not_go(cluster: DevCluster, api: Cluster) -> None:
    """And goes once the peering is gone."""
    peering = make("VPCPeering", "a--b", {"permit": [{"vpc-a": {}, "vpc-b": {}}]})
    objects = [*namespaces(), make_vpc("vpc-a", 0), _vpc("vpc-b"), peering]
    with admission_webhook(cluster, SETTINGS):
        for manifest in objects:
            apply_one(api, manifest)
        with pytest.raises(AdmissionRefused, match=r'"vvpc.kb.io" denied the request'):
            send(api, "DELETE", objects[2])
        send(api, "DELETE", peering)
        send(api, "DELETE", objects[2])
        assert send(api, "POST", objects[2])["metadata"]["name"] == "vpc-a"


def test_it_starts_from_what_the_cluster_holds_and_leaves_no_trace(cluster: DevCluster, api: Cluster) -> None:
    """Objects from before count; after the block the cluster takes everything again."""
    for manifest in namespaces():
        apply_one(api, manifest)
    with admission_webhook(cluster, SETTINGS):
        apply_one(api, make_vpc("vpc-a", 0))
        with pytest.raises(AdmissionRefused, match="denied the request"):
            apply_one(api, make_vpc("vpc-b", 0))
    assert apply_one(api, make_vpc("vpc-b", 0)).change.action is Action.CREATED


def test_a_changed_object_gets_its_labels_again() -> None:
    """A patch holds what admission changes, as whole fields; none where nothing is to change."""
    reviewer = Reviewer(SETTINGS)
    sent = make_server("s") | {"metadata": {"name": "s", "labels": {"fabric.githedgehog.com/x": "1"}}}
    answer = reviewer.mutate(_review("UPDATE", sent))["response"]
    assert answer["uid"] == "1"
    assert json.loads(base64.b64decode(answer["patch"])) == [{"op": "remove", "path": "/metadata/labels"}]
    assert reviewer.mutate(_review("UPDATE", make_server("s")))["response"] == {"uid": "1", "allowed": True}


def test_what_go_cannot_decode_is_a_bad_request() -> None:
    """Refused by the mutating webhook already, as upstream does."""
    broken = make("Connection", "c", {"unbundled": {"mtu": 70000}})
    answer = Reviewer(SETTINGS).mutate(_review("CREATE", broken))["response"]
    assert (answer["allowed"], answer["status"]["code"]) == (False, 400)


def test_other_namespaces_are_for_kinds_without_webhook_upstream() -> None:
    """A SwitchGroup may live anywhere, a Server in default only."""
    reviewer = Reviewer(SETTINGS)
    elsewhere = {"namespace": "fab", "name": "x"}
    group, server = make("SwitchGroup", "x") | {"metadata": elsewhere}, make_server("x") | {"metadata": elsewhere}
    verdicts = [reviewer.validate(_review("CREATE", one))["response"]["allowed"] for one in (group, server)]
    assert verdicts == [True, False]
    assert reviewer.validate(_review("UPDATE", group))["response"]["allowed"]


def _vpc(name: str) -> Manifest:
    return make("VPC", name, {"subnets": {"subnet-1": {"subnet": "10.0.9.0/24", "vlan": 1999}}})


def _review(operation: str, manifest: Manifest) -> dict[str, Any]:
    return {
        "request": {
            "uid": "1",
            "operation": operation,
            "namespace": manifest["metadata"].get("namespace"),
            "object": manifest,
        }
    }
