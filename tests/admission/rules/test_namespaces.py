"""What a cluster says of VLANNamespaces and IPv4Namespaces, and our own warnings."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make
from hedgehog.fabric.model import Manifest
from tests.admission.rules.factories import broken_rules, make_admission, make_subnet, make_switch, make_vpc


def vlans(*ranges: tuple[int, int], name: str = "mine") -> Manifest:
    """A VLANNamespace."""
    return make("VLANNamespace", name, {"ranges": [{"from": first, "to": last} for first, last in ranges]})


def addresses(*subnets: str, name: str = "mine") -> Manifest:
    """An IPv4Namespace."""
    return make("IPv4Namespace", name, {"subnets": list(subnets)})


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(1000, 1999), (1, 10)], []),
        ([(1, 4094)], ["vlannamespace-range-reserved .spec.ranges[0]"] * 2),
        ([(3899, 3899)], ["vlannamespace-range-reserved .spec.ranges[0]"]),
        ([(3900, 3900)], ["vlannamespace-range-reserved .spec.ranges[0]"]),
        ([(20, 30), (10, 20)], ["vlannamespace-range-overlap .spec.ranges[1]"]),
        ([(10, 20), (30, 25)], ["vlannamespace-ranges-dropped .spec.ranges[1]"]),
        ([(0, 20)], ["vlannamespace-ranges-dropped .spec.ranges[0]"]),
        ([(10, 4095)], ["vlannamespace-ranges-dropped .spec.ranges[0]"]),
    ],
)
def test_ranges_of_a_vlan_namespace_are_validated(ranges: list[tuple[int, int]], expected: list[str]) -> None:
    """They are 1..4094, apart from each other and from what is reserved."""
    assert broken_rules(make_admission().create(vlans(*ranges))) == expected


def test_with_one_invalid_range_all_ranges_are_dropped() -> None:
    """Which is what the warning is about."""
    verdict = make_admission().create(vlans((10, 20), (30, 25)))
    assert verdict.accepted
    assert verdict.stored is not None
    assert verdict.stored["spec"] == {}


@pytest.mark.parametrize(
    ("kind", "rule"), [("VLANNamespace", "vlannamespace-empty"), ("IPv4Namespace", "ipv4namespace-empty")]
)
def test_an_empty_namespace_is_a_warning(kind: str, rule: str) -> None:
    """No VPC can use it."""
    verdict = make_admission().create(make(kind, "mine"))
    assert (verdict.accepted, broken_rules(verdict)) == (True, [f"{rule} .spec"])


def test_vlans_that_vpcs_use_cannot_be_removed() -> None:
    """It looks at VPCs whose IPv4Namespace has the name; of hostBGP ones too, where VLAN 0 is in no namespace."""
    fabric = make_admission(make_vpc("v1"), make_vpc("v2", {"b": make_subnet(2, vlan=0, hostBGP=True)}))
    verdict = fabric.update(vlans((2000, 2999), name="default"))
    assert broken_rules(verdict) == ["vlannamespace-vlan-in-use .spec.ranges"] * 2
    assert [str(one).split(": ")[1] for one in verdict.violations] == [
        "VPC v1 uses VLAN 1001 for its subnet default",
        "VPC v2 uses VLAN 0 for its subnet b",
    ]


def test_removing_vlans_that_upstream_does_not_check_is_a_warning() -> None:
    """Those of VPCs whose two namespaces have different names."""
    fabric = make_admission(vlans((10, 20)), make_vpc("v1", {"a": make_subnet(vlan=15)}, vlanNamespace="mine"))
    verdict = fabric.update(vlans((16, 20)))
    assert (verdict.accepted, broken_rules(verdict)) == (True, ["vlannamespace-vlan-lost .spec.ranges"])


def test_a_vlan_namespace_in_use_cannot_be_deleted() -> None:
    """Switches and VPCs refer to it."""
    fabric = make_admission(make_switch(), make_vpc())
    verdict = fabric.delete("VLANNamespace", "default")
    assert [str(one) for one in verdict.violations] == [".: Switch leaf-1 refer to it", ".: VPC vpc-1 refer to it"]
    assert make_admission().delete("VLANNamespace", "default").accepted


@pytest.mark.parametrize(
    ("subnets", "expected"),
    [
        (["10.1.0.0/16", "192.168.0.0/16"], []),
        (["10.1.0.0"], ["ipv4namespace-subnet-invalid .spec.subnets[0]"]),
        (["10.01.0.0/16"], ["ipv4namespace-subnet-invalid .spec.subnets[0]"]),
        (["10.1.0.0/16", "10.1.2.0/24"], ["ipv4namespace-subnet-overlap .spec.subnets[1]"]),
        (["172.30.8.0/24"], ["ipv4namespace-subnet-reserved .spec.subnets[0]"]),
        ([f"10.{n}.0.0/16" for n in range(11)], ["ipv4namespace-too-many-subnets .spec.subnets"]),
        (["fd00::/8"], ["ipv4namespace-subnet-ipv6 .spec.subnets[0]"]),
        (["172.29.1.0/24"], ["ipv4namespace-subnet-kubernetes .spec.subnets[0]"]),
        (["10.1.2.3/16"], ["ipv4namespace-subnet-host-bits .spec.subnets[0]"]),
    ],
)
def test_subnets_of_an_ipv4_namespace_are_validated(subnets: list[str], expected: list[str]) -> None:
    """At most ten CIDRs, apart from each other and from what is reserved; some are accepted with a warning."""
    assert broken_rules(make_admission().create(addresses(*subnets))) == expected


def test_the_name_of_an_ipv4_namespace_is_short() -> None:
    """Eleven characters."""
    assert broken_rules(make_admission().create(addresses("10.1.0.0/16", name="twelve-chars"))) == [
        "ipv4namespace-name-too-long .metadata.name"
    ]


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ({}, ["ipv4namespace-subnet-in-use .spec.subnets"]),
        ({"subnet": "10.9.0.0/24"}, []),
        (
            {"subnet": "10.9.0.0/24", "hostBGP": True, "hostBGPExtraPrefixes": {"10.0.7.0/32": {}}},
            ["ipv4namespace-prefix-lost .spec.subnets"],
        ),
    ],
)
def test_subnets_that_vpcs_use_cannot_be_removed(subnet: dict[str, Any], expected: list[str]) -> None:
    """Upstream looks at subnets, and not at extra prefixes for hostBGP."""
    fabric = make_admission(
        addresses("10.0.0.0/16", "10.9.0.0/16"), make_vpc("v1", {"a": make_subnet(**subnet)}, ipv4Namespace="mine")
    )
    assert broken_rules(fabric.update(addresses("10.9.0.0/16"))) == expected


def test_an_ipv4_namespace_in_use_cannot_be_deleted() -> None:
    """VPCs and Externals refer to it."""
    external = make("External", "ext-1", labels={"fabric.githedgehog.com/ipv4ns": "default"})
    verdict = make_admission(make_vpc(), external).delete("IPv4Namespace", "default")
    assert [str(one) for one in verdict.violations] == [".: VPC vpc-1 refer to it", ".: External ext-1 refer to it"]
