"""What of a manifest counts, and what is drift."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.canonical import canonical, differs, owned_fields
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import yaml

KEYS = st.sampled_from(["a", "b", "permit", "peering", "fabric.githedgehog.com/x", "name", "status", "labels"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=4),
    max_leaves=20,
)
LABELS = st.dictionaries(KEYS, st.text(max_size=3), max_size=3)
MANIFESTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("g/v1"),
        "kind": st.sampled_from(sorted(KINDS)),
        "metadata": st.fixed_dictionaries(
            {"name": st.just("x"), "namespace": st.just("default")},
            optional={"labels": LABELS, "annotations": LABELS, "uid": st.text(), "generation": st.integers()},
        ),
        "spec": JSON,
    },
    optional={"status": JSON},
)


def owned_by(manager: str, fields: dict[str, Any], operation: str = "Apply", **entry: str) -> dict[str, Any]:
    """metadata.managedFields with one entry."""
    return {"managedFields": [{"manager": manager, "operation": operation, "fieldsV1": fields, **entry}]}


@given(MANIFESTS)
def test_canonical_is_idempotent(manifest: dict[str, Any]) -> None:
    """The law that comparisons rest on."""
    once = canonical(manifest)
    assert canonical(once) == once


@given(MANIFESTS)
def test_the_input_is_not_changed(manifest: dict[str, Any]) -> None:
    """Manifests are shared between fabrics and threads."""
    before = copy.deepcopy(manifest)
    canonical(manifest)
    assert manifest == before


@given(MANIFESTS)
def test_an_object_does_not_differ_from_itself(manifest: dict[str, Any]) -> None:
    """Raw or canonical, on either side."""
    assert differs(manifest, manifest) == []
    assert differs(canonical(manifest), manifest) == []
    assert differs(manifest, canonical(manifest)) == []


def test_fields_that_the_server_sets_are_dropped() -> None:
    """An export of the cluster and the file it came from are the same."""
    live = make(
        "Server",
        "s",
        {"description": "x"},
        uid="u",
        resourceVersion="7",
        generation=2,
        creationTimestamp="2026-01-01T00:00:00Z",
        selfLink="/x",
        ownerReferences=[{"name": "o"}],
        managedFields=[{"manager": "m"}],
        annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    ) | {"status": {"x": 1}}
    assert canonical(live) == make("Server", "s", {"description": "x"})


@pytest.mark.parametrize(
    ("kind", "key", "kept"),
    [
        ("VPC", "fabric.githedgehog.com/vpc", False),
        ("Connection", "switch.fabric.githedgehog.com/leaf-1", False),
        ("VPC", "x.hhfab.githedgehog.com/y", True),
        ("VPC", "team", True),
        ("SwitchGroup", "fabric.githedgehog.com/x", True),
        ("GatewayPeering", "vpc.gateway.githedgehog.com/v1", False),
        ("GatewayPeering", "fabric.githedgehog.com/x", True),
    ],
)
def test_labels_that_admission_computes_are_dropped(kind: str, key: str, kept: bool) -> None:
    """Kinds without such a webhook keep them."""
    found = canonical(make(kind, "x", labels={key: "v"}))
    assert found["metadata"].get("labels", {}) == ({key: "v"} if kept else {})


@pytest.mark.parametrize(
    ("kind", "key", "kept"),
    [
        ("VPCAttachment", "fabric.githedgehog.com/p2p-link", True),
        ("Switch", "fabric.githedgehog.com/route-summ", True),
        ("VPC", "argocd.argoproj.io/sync-wave", True),
        ("Switch", "fabric.githedgehog.com/ports", False),
        ("GatewayPeering", "gateway.githedgehog.com/vpcs", False),
        ("Connection", "fabric.githedgehog.com/anything", False),
    ],
)
def test_annotations_that_admission_computes_are_dropped(kind: str, key: str, kept: bool) -> None:
    """Those that users set stay."""
    found = canonical(make(kind, "x", annotations={key: "v"}))
    assert found["metadata"].get("annotations", {}) == ({key: "v"} if kept else {})


def test_null_means_absent_except_for_the_name_of_a_peer() -> None:
    """The API server prunes null map values; the keys of a peering are VPC names."""
    assert canonical(make("VPC", "v", {"a": None, "l": [None]}))["spec"] == {"l": [None]}
    peering = make("VPCPeering", "p", {"permit": [{"v1": None, "v2": {"subnets": None}}]})
    assert canonical(peering)["spec"] == {"permit": [{"v1": {}, "v2": {}}]}
    gateway = make("GatewayPeering", "p", {"peering": {"v1": None, "ext.e": {}}, "acl": None})
    assert canonical(gateway)["spec"] == {"peering": {"v1": {}, "ext.e": {}}}


@pytest.mark.parametrize(
    ("desired", "live", "paths"),
    [
        ({"vlan": 10}, {"vlan": 10}, []),
        ({"vlan": 10}, {"vlan": 11}, [".spec.vlan"]),
        ({"vlan": 10}, {}, [".spec.vlan"]),
        ({}, {"vlan": 10}, []),
        ({"vlan": None}, {"vlan": 10}, []),
        ({"vlan": 10.0}, {"vlan": 10}, []),
        ({"vlan": 10.5}, {"vlan": 10}, [".spec.vlan"]),
        ({"vlan": 1}, {"vlan": True}, [".spec.vlan"]),
        ({"vlan": "10"}, {"vlan": 10}, [".spec.vlan"]),
        ({"subnets": {"a": {"vlan": 1}}}, {"subnets": {"a": {"vlan": 2}}}, [".spec.subnets.a.vlan"]),
        ({"subnets": {"a": {"vlan": 1}}}, {"subnets": {}}, [".spec.subnets.a"]),
        ({"dhcp": {}}, {}, [".spec.dhcp"]),
        ({"dhcp": {}}, {"dhcp": {"enable": True}}, []),
        ({"groups": ["a", "b"]}, {"groups": ["b", "a"]}, [".spec.groups[0]", ".spec.groups[1]"]),
        ({"groups": ["a"]}, {"groups": ["a", "b"]}, [".spec.groups"]),
        ({"groups": []}, {"groups": ["a"]}, [".spec.groups"]),
        ({"links": [{"port": "p"}]}, {"links": [{"port": "p", "mtu": 9036}]}, []),
        ({"links": [{"port": "p"}]}, {"links": [{"port": "q", "mtu": 9036}]}, [".spec.links[0].port"]),
        ({"links": [{"port": "p"}]}, {"links": {"port": "p"}}, [".spec.links"]),
        ({"a": {"b": 1}}, {"a": 1}, [".spec.a"]),
    ],
)
def test_drift_is_a_desired_field_that_live_lacks(desired: Any, live: Any, paths: list[str]) -> None:
    """Fields that only the live object has are not drift."""
    assert differs(make("VPC", "v", desired), make("VPC", "v", live)) == paths


def test_labels_and_annotations_are_compared() -> None:
    """They are content, name and namespace are identity."""
    desired = make("VPC", "v", labels={"team": "a"}, annotations={"note": "n"})
    assert differs(desired, make("VPC", "v", labels={"team": "b"})) == [
        ".metadata.labels.team",
        ".metadata.annotations",
    ]


def test_a_field_that_we_applied_and_dropped_is_drift() -> None:
    """Ownership says what to remove; what others own is kept."""
    live = make("VPC", "v", {"mode": "l3vni", "subnets": {"a": {"vlan": 1}, "b": {"vlan": 2}}}, labels={"t": "x"})
    fields = {
        "f:metadata": {"f:labels": {".": {}, "f:t": {}}},
        "f:spec": {"f:mode": {}, "f:subnets": {"f:a": {".": {}, "f:vlan": {}}, "f:b": {"f:vlan": {}}}},
    }
    live["metadata"] |= owned_by("hedgehog-airflow", fields)
    desired = make("VPC", "v", {"subnets": {"a": {"vlan": 1}}})
    assert differs(desired, live) == [".metadata.labels", ".spec.mode", ".spec.subnets.b"]
    live["metadata"] |= owned_by("kubectl", fields)
    assert differs(desired, live) == []


def test_only_our_own_apply_entry_is_ours() -> None:
    """An update, or a write to the status, says nothing about what we set in the spec."""
    fields: dict[str, Any] = {"f:spec": {"f:mode": {}}}
    for entry in (
        owned_by("hedgehog-airflow", fields, "Update"),
        owned_by("hedgehog-airflow", fields, subresource="status"),
        owned_by("somebody-else", fields),
        {},
    ):
        assert owned_fields({"metadata": entry}, "hedgehog-airflow") == {}
    assert owned_fields({"metadata": owned_by("hedgehog-airflow", fields)}, "hedgehog-airflow") == fields


def merged(document: Any, patch: Any) -> Any:
    """RFC 7386, in which the reference data says what was stored."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def test_labels_that_a_real_cluster_stored_are_not_drift(reference: Path) -> None:
    """For every object that the real admission webhooks accepted."""
    seen = 0
    with gzip.open(reference / "admission" / "cases.jsonl.gz", "rt") as lines:
        for line in lines:
            case = json.loads(line)
            if case["verdict"] != "accepted" or case["op"] != "create" or case["kind"] not in KINDS:
                continue
            sent = case["object"]
            stored = case.get("stored") or merged(sent, case.get("stored_patch") or {})
            drift = [path for path in differs(sent, stored) if path.startswith(".metadata.labels")]
            assert drift == [], (case["id"], drift)
            seen += 1
    assert seen > 5000


def as_admitted(manifest: Manifest) -> Manifest:
    """What the usual admission makes of it."""
    return stored(manifest, FabricSettings())


def test_fields_that_admission_rewrites_are_not_drift() -> None:
    """Sorted lists, other spellings, fields that it drops: the object is as wanted."""
    spec = {
        "subnets": {
            "a": {
                "subnet": "10.0.1.0/24",
                "vlan": 1001,
                "dhcp": {"enable": True, "options": {"dnsServers": ["9.9.9.9", "1.1.1.1"]}},
            },
            "b": {"subnet": "10.0.2.0/24", "vlan": 1002, "dhcp": {"range": {"start": "10.0.2.9"}}},
        }
    }
    wanted = make("VPC", "v", spec)
    live = as_admitted(wanted)
    assert differs(wanted, live) != []
    assert differs(wanted, live, stored=as_admitted) == []


def test_a_changed_field_is_drift_although_admission_has_a_default() -> None:
    """A field that is wanted, with another value."""
    wanted = make("VPC", "v", {"subnets": {"a": {"subnet": "10.0.1.0/24", "vlan": 1001}}})
    live = as_admitted(wanted)
    live["spec"]["subnets"]["a"]["vlan"] = 1002
    assert differs(wanted, live, stored=as_admitted) == [".spec.subnets.a.vlan"]


def test_every_example_is_in_sync_both_as_written_and_as_stored() -> None:
    """A cluster with admission and one without it."""
    for path in sorted(Path("examples/gen").glob("*.yaml")):
        for document in yaml.load(path.read_bytes(), file=path.name):
            for live in (document.manifest, as_admitted(document.manifest)):
                assert differs(document.manifest, live, stored=as_admitted) == [], live["metadata"]["name"]
