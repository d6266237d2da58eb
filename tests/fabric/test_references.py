"""References are found in every kind, and the order of waves follows from them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references, waves
from tests.calls import calls

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=12), children, max_size=3),
    max_leaves=15,
)


def make_relaying_vpc(name: str, relay_vpc: str) -> Manifest:
    """A VPC whose DHCP is relayed to a server in another VPC."""
    return make("VPC", name, {"subnets": {"a": {"dhcp": {"relay": "10.9.9.9/32", "relayVPC": relay_vpc}}}})


def names(ordered: list[list[Manifest]]) -> list[list[str]]:
    """The names of the objects of each wave."""
    return [[manifest["metadata"]["name"] for manifest in wave] for wave in ordered]


def link(**ends: str) -> dict[str, Any]:
    """A link with a port a side."""
    return {end: {"port": port} for end, port in ends.items()}


CASES = [
    (
        "Switch",
        {"vlanNamespaces": ["vl"], "groups": ["g1"], "redundancy": {"type": "eslag", "group": "g2"}},
        {"VLANNamespace/vl", "SwitchGroup/g1", "SwitchGroup/g2"},
    ),
    ("Gateway", {"groups": [{"name": "gg", "priority": 1}]}, {"GatewayGroup/gg"}),
    (
        "VPC",
        {"ipv4Namespace": "v4", "vlanNamespace": "vl", "subnets": {"a": {"dhcp": {"relayVPC": "v2"}}, "b": None}},
        {"IPv4Namespace/v4", "VLANNamespace/vl", "VPC/v2"},
    ),
    ("External", {"ipv4Namespace": "v4"}, {"IPv4Namespace/v4"}),
    ("Connection", {"unbundled": {"link": link(server="s/e1", switch="l/E1/1")}}, {"Server/s", "Switch/l"}),
    (
        "Connection",
        {"eslag": {"links": [link(server="s/e1", switch="l1/E1/1"), link(server="s/e2", switch="l2/E1/1")]}},
        {"Server/s", "Switch/l1", "Switch/l2"},
    ),
    ("Connection", {"fabric": {"links": [link(spine="sp/E1/1", leaf="l/E1/9")]}}, {"Switch/sp", "Switch/l"}),
    ("Connection", {"mesh": {"links": [link(leaf1="a/E1/1", leaf2="b/E1/1")]}}, {"Switch/a", "Switch/b"}),
    ("Connection", {"gateway": {"links": [link(switch="l/E1/1", gateway="g/e1")]}}, {"Switch/l", "Gateway/g"}),
    ("Connection", {"external": {"link": link(switch="l/E1/1")}}, {"Switch/l"}),
    (
        "Connection",
        {"staticExternal": {"link": link(switch="l/E1/1"), "withinVPC": "v"}},
        {"Switch/l", "VPC/v"},
    ),
    ("VPCAttachment", {"subnet": "v/a", "connection": "c"}, {"VPC/v", "Connection/c"}),
    ("VPCAttachment", {"subnet": "v", "connection": "c"}, {"VPC/v", "Connection/c"}),
    ("ExternalAttachment", {"external": "e", "connection": "c"}, {"External/e", "Connection/c"}),
    ("VPCPeering", {"permit": [{"v1": None, "v2": {"subnets": ["a"]}}]}, {"VPC/v1", "VPC/v2"}),
    ("ExternalPeering", {"permit": {"vpc": {"name": "v"}, "external": {"name": "e"}}}, {"VPC/v", "External/e"}),
    (
        "GatewayPeering",
        {"gatewayGroup": "gg", "peering": {"v": {}, "ext.e": None}},
        {"GatewayGroup/gg", "VPC/v", "External/e"},
    ),
    ("Server", {"description": "v/a"}, set()),
]


@pytest.mark.parametrize(("kind", "spec", "expected"), CASES)
def test_every_reference_of_a_kind_is_found(kind: str, spec: dict[str, Any], expected: set[str]) -> None:
    """What admission looks up is what we order by."""
    found = references(make(kind, "x", spec))
    assert {f"{ref.kind}/{ref.name}" for ref in found} == expected
    assert {ref.namespace for ref in found} <= {"default"}


@given(kind=st.sampled_from(sorted(KINDS)), spec=JSON)
def test_a_malformed_object_refers_to_nothing_rather_than_raising(kind: str, spec: Any) -> None:
    """Validation says what is wrong with it."""
    references({"kind": kind, "metadata": {"name": "x", "namespace": "default"}, "spec": spec})


def test_objects_are_ordered_by_wave_with_the_fabric_last() -> None:
    """The table of kinds gives the order; our own resource summarizes all others."""
    fabric = {"apiVersion": "g/v1", "kind": "Fabric", "metadata": {"name": "f", "namespace": "hedgehog-system"}}
    given_ = [
        fabric,
        make("VPCAttachment", "attachment"),
        make("Connection", "connection"),
        make("VPC", "vpc"),
        make("Switch", "switch"),
        make("VLANNamespace", "vlans"),
    ]
    assert names(waves(given_)) == [["vlans"], ["switch"], ["vpc"], ["connection"], ["attachment"], ["f"]]


def test_a_vpc_comes_after_its_relay_vpc() -> None:
    """References inside a wave of the table split it."""
    given_ = [make_relaying_vpc("a", "b"), make_relaying_vpc("b", "c"), make("VPC", "c"), make("VPC", "d")]
    assert names(waves(given_)) == [["c", "d"], ["b"], ["a"]]


def test_a_reference_to_a_missing_object_delays_nothing() -> None:
    """It is in the cluster already, or validation reports that it is missing."""
    assert names(waves([make_relaying_vpc("a", "elsewhere")])) == [["a"]]


def test_a_cycle_is_ordered_by_name_before_what_waits_for_it() -> None:
    """Nothing is lost, and nothing waits for ever."""
    given_ = [make_relaying_vpc("b", "c"), make_relaying_vpc("c", "b"), make_relaying_vpc("a", "b")]
    assert names(waves(given_)) == [["b"], ["a", "c"]]


def test_an_object_that_refers_to_itself_is_not_a_cycle() -> None:
    """It is simply applied."""
    assert names(waves([make_relaying_vpc("a", "a")])) == [["a"]]


@given(edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25), seed=st.integers())
def test_every_object_comes_once_and_after_its_references(edges: Any, seed: int) -> None:
    """The law of waves, for any acyclic set: an edge goes from a higher to a lower number."""
    targets: dict[int, list[str]] = {number: [] for number in range(10)}
    for one, other in edges:
        if one != other:
            targets[max(one, other)].append(f"v{min(one, other)}")
    manifests = [
        make("VPC", f"v{n}", {"subnets": {t: {"dhcp": {"relayVPC": t}} for t in found}}) for n, found in targets.items()
    ]
    shuffled = random.Random(seed).sample(manifests, len(manifests))
    ordered = waves(shuffled)
    seen: set[ObjectRef] = set()
    for wave in ordered:
        for manifest in wave:
            assert references(manifest) <= seen
        seen |= {ObjectRef.of(manifest) for manifest in wave}
    assert len(seen) == sum(len(wave) for wave in ordered) == 10
    assert ordered == waves(manifests)


def test_upstreams_fabrics_are_ordered_without_a_dangling_reference(reference: Path) -> None:
    """Every reference in real fabrics is resolved in an earlier wave."""
    for path in sorted((reference / "admission" / "fabrics").glob("*.yaml")):
        manifests = [m for m in yaml.safe_load_all(path.read_text()) if m and m["kind"] in KINDS]
        for manifest in manifests:
            manifest["metadata"].setdefault("namespace", "default")
        given_ = {ObjectRef.of(manifest) for manifest in manifests}
        seen: set[ObjectRef] = set()
        for wave in waves(manifests):
            for manifest in wave:
                assert references(manifest) & given_ <= seen, manifest
            seen |= {ObjectRef.of(manifest) for manifest in wave}


@pytest.mark.parametrize("next_one", [lambda i, n: i + 1, lambda i, n: i ^ 1, lambda i, n: (i + 1) % n])
def test_ordering_takes_time_proportional_to_the_references(next_one):
    """Counted in calls. 10,000 VPCs that named each other as DHCP relay once took minutes."""
    few, many = (_ordering([_relayed(i, next_one(i, n)) for i in range(n)]) for n in (100, 800))
    assert many < 12 * few


def _relayed(number, by):
    return {
        "kind": "VPC",
        "metadata": {"namespace": "default", "name": f"v{number:05}"},
        "spec": {"subnets": {"a": {"dhcp": {"relayVPC": f"v{by:05}"}}}},
    }


def _ordering(manifests):
    return calls(lambda: waves(manifests))
