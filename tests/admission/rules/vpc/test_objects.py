"""What a cluster says of VPCs: their subnets, DHCP, routes, other VPCs; and our own warnings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.model import Manifest
from tests.admission.rules.factories import broken_rules, make_admission, make_link, make_subnet, make_switch, make_vpc

AT = ".spec.subnets.default"
MAC = "0c:20:12:fe:01:01"


def of(**fields: Any) -> Manifest:
    """A VPC with the subnet 10.0.1.0/24, VLAN 1001, with other *fields*."""
    return make_vpc(subnets={"default": make_subnet(**fields)})


def served(**dhcp: Any) -> Manifest:
    """A VPC with a DHCP server."""
    return of(dhcp={"enable": True, **dhcp})


def extra(prefix: str, **lengths: int) -> Manifest:
    """A VPC with an extra prefix for hostBGP."""
    return of(hostBGP=True, vlan=0, hostBGPExtraPrefixes={prefix: lengths})


@pytest.mark.parametrize(
    ("vpc", "expected"),
    [
        (make_vpc(), []),
        (make_vpc("twelve-chars"), ["vpc-name .metadata.name"]),
        (make_vpc("ext.a"), ["vpc-name .metadata.name"]),
        (make_vpc(subnets={}), ["vpc-subnet-count .spec.subnets"]),
        (make_vpc(subnets={f"s{n}": make_subnet(n) for n in range(1, 22)}), ["vpc-subnet-count .spec.subnets"]),
        (make_vpc(mode="l3vni"), []),
        (make_vpc(mode="l3flat"), ["vpc-mode .spec.mode"]),
        (make_vpc(ipv4Namespace="nope"), ["vpc-ipv4-namespace-missing .spec.ipv4Namespace"]),
        (make_vpc(vlanNamespace="nope"), ["vpc-vlan-namespace-missing .spec.vlanNamespace"]),
        (make_vpc(permit=[["default"]]), ["vpc-permit-invalid .spec.permit[0]"]),
        (make_vpc(permit=[["default", "x"]]), ["vpc-permit-invalid .spec.permit[0][1]"]),
        (make_vpc(permit=[["default", "default"]]), ["vpc-permit-invalid .spec.permit[0][1]"]),
        (
            make_vpc(staticRoutes=[{}]),
            [
                "vpc-static-route-invalid .spec.staticRoutes[0].prefix",
                "vpc-static-route-invalid .spec.staticRoutes[0].nextHops",
            ],
        ),
        (
            make_vpc(staticRoutes=[{"prefix": "10.9.0.1/24", "nextHops": ["10.0.1.5"]}]),
            ["vpc-static-route-invalid .spec.staticRoutes[0].prefix"],
        ),
    ],
)
def test_a_vpc_is_validated(vpc: Manifest, expected: list[str]) -> None:
    """Its name, its mode, its namespaces, what may talk, where routes lead."""
    assert broken_rules(make_admission().create(vpc)) == expected


@pytest.mark.parametrize(
    ("vpc", "expected"),
    [
        (of(subnet=None), [f"vpc-subnet-invalid {AT}.subnet"]),
        (of(subnet="10.0.1.0"), [f"vpc-subnet-invalid {AT}.subnet"]),
        (of(subnet="10.0.1.0/31"), [f"vpc-subnet-invalid {AT}.subnet"]),
        (of(subnet="172.30.8.0/24"), [f"vpc-subnet-reserved {AT}.subnet", f"vpc-subnet-outside {AT}.subnet"]),
        (of(subnet="10.1.0.0/24"), [f"vpc-subnet-outside {AT}.subnet"]),
        (of(gateway="10.0.1.254"), []),
        (of(gateway="10.0.2.1"), [f"vpc-gateway-invalid {AT}.gateway"]),
        (of(gateway="x"), [f"vpc-gateway-invalid {AT}.gateway"]),
        (of(vlan=None), [f"vpc-vlan-missing {AT}.vlan"]),
        (of(vlan=3500), [f"vpc-vlan-outside {AT}.vlan"]),
        (of(hostBGP=True, vlan=None), []),
        (of(hostBGP=True, vlan=0, dhcp={"enable": True}), [f"vpc-hostbgp-dhcp {AT}.dhcp.enable"]),
        (of(hostBGP=True, vlan=0, hostBGPMinPrefixLen=28, hostBGPMaxPrefixLen=32), []),
        (of(hostBGP=True, vlan=0, hostBGPMaxPrefixLen=30), [f"vpc-hostbgp-lengths {AT}"]),
        (of(hostBGP=True, vlan=0, hostBGPMinPrefixLen=16), [f"vpc-hostbgp-lengths {AT}"]),
        (of(hostBGPMinPrefixLen=28), [f"vpc-hostbgp-fields {AT}.hostBGPMinPrefixLen"]),
        (extra("10.0.9.0/24", minPrefixLen=24), []),
        (extra("10.0.9.1/24"), [f'vpc-hostbgp-extra-prefix-invalid {AT}.hostBGPExtraPrefixes["10.0.9.1/24"]']),
        (extra("10.0.9.0/24", minPrefixLen=23), [f'vpc-hostbgp-lengths {AT}.hostBGPExtraPrefixes["10.0.9.0/24"]']),
        (extra("10.9.0.0/24"), [f'vpc-subnet-outside {AT}.hostBGPExtraPrefixes["10.9.0.0/24"]']),
        (extra("10.0.1.9/32"), [f'vpc-subnet-overlap {AT}.hostBGPExtraPrefixes["10.0.1.9/32"]']),
        (
            of(hostBGP=True, vlan=0, hostBGPExtraPrefixes={f"10.0.9.{n}/32": {} for n in range(101)}),
            [f"vpc-hostbgp-extra-prefixes {AT}.hostBGPExtraPrefixes"],
        ),
    ],
)
def test_a_subnet_is_validated(vpc: Manifest, expected: list[str]) -> None:
    """Its addresses, its VLAN, and what its servers may announce."""
    assert broken_rules(make_admission().create(vpc)) == expected


@pytest.mark.parametrize(
    ("vpc", "expected"),
    [
        (served(), []),
        (of(dhcp={"relay": "10.9.9.9/32"}), []),
        (served(relay="10.9.9.9/32"), [f"vpc-dhcp-server-and-relay {AT}.dhcp"]),
        (of(dhcp={"relay": "10.9.9.9"}), [f"vpc-dhcp-relay-invalid {AT}.dhcp.relay"]),
        (of(dhcp={"relayVPC": "vpc-9", "relay": "10.9.9.9/32"}), [f"vpc-dhcp-relay-vpc-missing {AT}.dhcp.relayVPC"]),
        (served(range={"start": "10.0.1.9", "end": "10.0.1.8"}), [f"vpc-dhcp-range-invalid {AT}.dhcp.range"]),
        (served(range={"start": "10.0.1.1"}), [f"vpc-dhcp-range-invalid {AT}.dhcp.range.start"]),
        (served(range={"start": "10.0.1.0"}), [f"vpc-dhcp-range-invalid {AT}.dhcp.range.start"]),
        (served(range={"end": "10.0.2.9"}), [f"vpc-dhcp-range-invalid {AT}.dhcp.range.end"]),
        (served(range={"end": "x"}), [f"vpc-dhcp-range-invalid {AT}.dhcp.range.end"]),
        (served(range={"end": "10.0.1.255"}), []),
        (served(options={"dnsServers": ["1.1.1.1", "fe80::1%eth0"]}), []),
        (
            served(options={"dnsServers": ["1.1.1.1", "dns"]}),
            [f"vpc-dhcp-server-address {AT}.dhcp.options.dnsServers[1]"],
        ),
        (served(options={"timeServers": ["1.1.1.1%a"]}), [f"vpc-dhcp-server-address {AT}.dhcp.options.timeServers[0]"]),
        (served(options={"interfaceMTU": 95}), [f"vpc-dhcp-mtu {AT}.dhcp.options.interfaceMTU"]),
        (served(options={"interfaceMTU": 9037}), [f"vpc-dhcp-mtu {AT}.dhcp.options.interfaceMTU"]),
        (
            served(options={"advertisedRoutes": [{"gateway": "10.0.2.1"}]}),
            [
                f"vpc-dhcp-route-invalid {AT}.dhcp.options.advertisedRoutes[0].destination",
                f"vpc-dhcp-route-invalid {AT}.dhcp.options.advertisedRoutes[0].gateway",
            ],
        ),
        (served(static={MAC: {"ip": "10.0.1.9"}}), []),
        (served(static={MAC: {"ip": "10.0.1.1"}}), [f'vpc-dhcp-static-invalid {AT}.dhcp.static["{MAC}"].ip']),
        (served(static={MAC: {"ip": "10.0.1.255"}}), [f'vpc-dhcp-static-invalid {AT}.dhcp.static["{MAC}"].ip']),
        (served(static={"mac": {"ip": "10.0.1.9"}}), [f"vpc-dhcp-static-invalid {AT}.dhcp.static.mac"]),
        (
            served(static={MAC: {"ip": "10.0.1.9"}, "0c:20:12:fe:01:02": {"ip": "10.0.1.9"}}),
            [f'vpc-dhcp-static-twice {AT}.dhcp.static["0c:20:12:fe:01:02"].ip'],
        ),
        (of(dhcp={"static": {MAC: {"ip": "10.0.1.9"}}}), [f"vpc-dhcp-static-without-server {AT}.dhcp.static"]),
    ],
)
def test_the_dhcp_of_a_subnet_is_validated(vpc: Manifest, expected: list[str]) -> None:
    """A server or a relay, with addresses that servers can use."""
    assert broken_rules(make_admission().create(vpc)) == expected


def test_a_relay_vpc_needs_a_relay() -> None:
    """Which is in that VPC."""
    vpc = make_vpc("vpc-2", {"default": make_subnet(2, dhcp={"relayVPC": "vpc-1"})})
    assert broken_rules(make_admission(make_vpc()).create(vpc)) == [f"vpc-dhcp-relay-vpc-alone {AT}.dhcp.relayVPC"]


def test_the_subnets_of_a_vpc_do_not_overlap() -> None:
    """In VLANs and addresses; hostBGP subnets may go without a VLAN."""
    vpc = make_vpc(subnets={"a": make_subnet(1), "b": make_subnet(1, subnet="10.0.0.0/23")})
    assert broken_rules(make_admission().create(vpc)) == [
        "vpc-vlan-repeated .spec.subnets.b.vlan",
        "vpc-subnet-overlap .spec.subnets.a.subnet",
    ]
    bgp = {name: make_subnet(number, vlan=0, hostBGP=True) for number, name in enumerate("ab")}
    assert broken_rules(make_admission().create(make_vpc(subnets=bgp))) == []


def test_vpcs_of_one_namespace_do_not_overlap() -> None:
    """In VLANs and addresses, extra prefixes included; a VPC does not conflict with itself."""
    announced = make_subnet(5, vlan=0, hostBGP=True, hostBGPExtraPrefixes={"10.0.8.0/22": {"minPrefixLen": 22}})
    fabric = make_admission(of(subnet="10.0.0.0/22"), make_vpc("bgp", {"a": announced}))
    assert broken_rules(fabric.create(make_vpc("vpc-2"))) == [
        f"vpc-subnet-taken {AT}.subnet",
        f"vpc-vlan-taken {AT}.vlan",
    ]
    assert broken_rules(fabric.create(make_vpc("vpc-2", {"a": make_subnet(9)}))) == [
        "vpc-subnet-taken .spec.subnets.a.subnet"
    ]
    assert fabric.create(make_vpc("vpc-2", {"a": make_subnet(7)})).accepted
    assert fabric.update(of(subnet="10.0.0.0/23")).accepted


@given(st.permutations(range(6)))
def test_which_of_two_vpcs_comes_first_does_not_matter(order: list[int]) -> None:
    """Whatever pair overlaps, the second of the two is refused."""
    subnets = ["10.0.0.0/16", "10.0.0.0/24", "10.0.0.128/25", "10.0.1.0/24", "10.0.1.64/26", "10.0.2.0/24"]
    overlapping = {(0, n) for n in range(1, 6)} | {(1, 2), (3, 4)}
    fabric, kept = make_admission(), set[int]()
    for number in order:
        verdict = fabric.create(make_vpc(f"v{number}", {"a": make_subnet(number, subnet=subnets[number])}))
        fits = not any((min(pair), max(pair)) in overlapping for pair in ((number, other) for other in kept))
        assert verdict.accepted == fits
        if verdict.stored is not None:
            fabric.put(verdict.stored)
            kept.add(number)


@pytest.mark.parametrize(
    ("kind", "label", "value"),
    [
        ("VPCAttachment", "fabric.githedgehog.com/vpc", "vpc-1"),
        ("VPCPeering", "vpc.fabric.githedgehog.com/vpc-1", "true"),
        ("ExternalPeering", "fabric.githedgehog.com/vpc", "vpc-1"),
        ("Connection", "fabric.githedgehog.com/vpc", "vpc-1"),
    ],
)
def test_a_vpc_in_use_cannot_be_deleted(kind: str, label: str, value: str) -> None:
    """Attachments, peerings and static externals refer to it."""
    fabric = make_admission(make_vpc())
    fabric.put(make(kind, "user", labels={label: value}))
    verdict = fabric.delete("VPC", "vpc-1")
    assert [str(one) for one in verdict.violations] == [f".: {kind} user refer to it"]
    fabric.remove(kind, "user")
    assert fabric.delete("VPC", "vpc-1").accepted


@pytest.mark.parametrize(
    ("vpc", "expected"),
    [
        (of(gateway="10.0.1.0"), [f"vpc-gateway-unusable {AT}.gateway"]),
        (of(gateway="10.0.1.255"), [f"vpc-gateway-unusable {AT}.gateway"]),
        (of(subnet="10.0.1.7/24"), [f"vpc-subnet-host-bits {AT}.subnet"]),
        (of(hostBGP=True, vlan=4000), [f"vpc-hostbgp-vlan {AT}.vlan"]),
        (of(hostBGP=True, vlan=0, gateway="x"), [f"vpc-hostbgp-gateway {AT}.gateway"]),
        (of(dhcp={"range": {"start": "x"}}), [f"vpc-dhcp-dropped {AT}.dhcp.range"]),
        (of(dhcp={"options": {"interfaceMTU": 5}}), [f"vpc-dhcp-dropped {AT}.dhcp.options"]),
        (
            served(static={MAC: {"ip": "10.0.1.9"}, MAC.upper(): {"ip": "10.0.1.8"}}),
            [f'vpc-dhcp-mac-repeated {AT}.dhcp.static["{MAC.upper()}"]'],
        ),
        (
            make_vpc(staticRoutes=[{"prefix": "10.9.0.0/24", "nextHops": ["x", "10.0.1.5", "10.0.1.5"]}]),
            [
                "vpc-next-hop-invalid .spec.staticRoutes[0].nextHops[0]",
                "vpc-next-hop-invalid .spec.staticRoutes[0].nextHops[2]",
            ],
        ),
        (
            make_vpc(staticRoutes=[{"prefix": "10.9.0.0/24", "nextHops": ["10.0.1.5"]}] * 2),
            ["vpc-static-route-repeated .spec.staticRoutes[1].prefix"],
        ),
        (
            make_vpc(staticRoutes=[{"prefix": "fd00::/64", "nextHops": ["10.0.1.5"]}]),
            ["vpc-static-route-ipv6 .spec.staticRoutes[0].prefix"],
        ),
    ],
)
def test_doubtful_vpcs_are_accepted_with_a_warning(vpc: Manifest, expected: list[str]) -> None:
    """Upstream accepts them, although they are almost certainly mistakes."""
    verdict = make_admission().create(vpc)
    assert (verdict.accepted, broken_rules(verdict)) == (True, expected)


def test_a_hostbgp_vlan_of_another_subnet_is_a_warning() -> None:
    """Upstream compares those of other subnets only."""
    vpc = make_vpc(subnets={"a": make_subnet(1), "b": make_subnet(2, vlan=1001, hostBGP=True)})
    assert broken_rules(make_admission().create(vpc)) == ["vpc-hostbgp-vlan .spec.subnets.b.vlan"]


def attached(*more: Manifest) -> Any:
    """A fabric in which the subnet `default` of `vpc-1`, which has a second one, is attached over ESLAG."""
    pair = {"redundancy": {"group": "pair", "type": "eslag"}}
    return make_admission(
        make_switch("leaf-1", 1, **pair),
        make_switch("leaf-2", 2, **pair),
        make_link("both", "eslag", "leaf-1", "leaf-2"),
        make_vpc(subnets={"default": make_subnet(1), "b": make_subnet(2)}),
        make("VPCAttachment", "user", {"subnet": "vpc-1/default", "connection": "both"}),
        *more,
    )


@pytest.mark.parametrize(
    ("subnets", "spec", "expected"),
    [
        ({"default": make_subnet(1), "b": make_subnet(3)}, {}, []),
        ({"default": make_subnet(1)}, {}, []),
        ({"b": make_subnet(2)}, {}, [f"vpc-subnet-removed {AT}"]),
        ({"default": make_subnet(1, vlan=1009)}, {}, [f"vpc-subnet-changed {AT}.vlan"]),
        ({"default": make_subnet(1, subnet="10.0.9.0/24")}, {}, [f"vpc-subnet-changed {AT}.subnet"]),
        ({"default": make_subnet(1)}, {"mode": "l3vni"}, ["vpc-attachment-misfit .spec"]),
        ({"default": make_subnet(1, hostBGP=True)}, {}, ["vpc-attachment-misfit .spec"]),
    ],
)
def test_changing_an_attached_vpc_is_a_warning(
    subnets: dict[str, Any], spec: dict[str, Any], expected: list[str]
) -> None:
    """Upstream checks when something is attached, and never again."""
    verdict = attached().update(make_vpc(subnets=subnets, **spec))
    assert (verdict.accepted, broken_rules(verdict)) == (True, expected)


@pytest.mark.parametrize(
    "peering",
    [
        make("VPCPeering", "peer", {"permit": [{"vpc-1": {"subnets": ["b"]}, "vpc-2": {}}]}),
        make(
            "ExternalPeering",
            "peer",
            {"permit": {"vpc": {"name": "vpc-1", "subnets": ["b"]}, "external": {"name": "e"}}},
        ),
        make(
            "GatewayPeering", "peer", {"peering": {"vpc-1": {"expose": [{"ips": [{"vpcSubnet": "b"}]}]}, "vpc-2": {}}}
        ),
    ],
    ids=lambda peering: peering["kind"],
)
def test_removing_a_peered_subnet_is_a_warning(peering: Manifest) -> None:
    """The peering would name nothing."""
    verdict = attached(peering).update(make_vpc())
    assert [str(one) for one in verdict.violations] == [
        f".spec.subnets.b: is removed, but {peering['kind']} peer names it"
    ]
