"""What a cluster says of GatewayPeerings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.admission.review import Admission
from hedgehog.admission.rules.gateway.ports import parse_ports
from hedgehog.fabric.model import Manifest
from tests.admission.rules.factories import (
    broken_rules,
    make_admission,
    make_expose,
    make_external,
    make_gateway,
    make_gateway_peering,
    make_subnet,
    make_vpc,
    make_vpc_peering,
)

OUT = ("vpc-1", "ext.ext-1")
MASQUERADE = {"masquerade": {}}
STATIC = {"static": {}}


def fabric(*more: Manifest) -> Admission:
    """Three VPCs, two Externals, a group with a Gateway and one without."""
    return make_admission(
        make("GatewayGroup", "default"),
        make("GatewayGroup", "empty"),
        make_gateway(),
        *(make_vpc(f"vpc-{number}", {"default": make_subnet(number)}) for number in (1, 2, 3)),
        make_external("ext-1"),
        make_external("ext-2"),
        *more,
    )


def translated(nat: dict[str, Any], inside: str = "10.0.1.0/24", outside: str = "192.0.2.0/24") -> dict[str, Any]:
    """An expose with NAT."""
    return make_expose(inside, **{"as": [{"cidr": outside}]}, nat=nat)


def forwarding(*ports: dict[str, str], **fields: Any) -> dict[str, Any]:
    """An expose that forwards ports."""
    return translated({"portForward": {"ports": list(ports), **fields}})


@pytest.mark.parametrize(
    ("peering", "expected"),
    [
        (make_gateway_peering(), []),
        (make_gateway_peering([{"ips": [{"vpcSubnet": "default"}, {"not": "10.0.1.0/28"}]}]), []),
        (make_gateway_peering([translated(MASQUERADE)], [{"default": True}], sides=OUT), []),
        (make_gateway_peering([forwarding({"proto": "tcp", "port": "80", "as": "8080-8080"})]), []),
        (make_gateway_peering([translated(STATIC)], [translated(STATIC, "10.0.2.0/24", "198.51.100.0/24")]), []),
        (
            make_gateway_peering([make_expose("10.0.1.0/24", default=True)]),
            ["gateway-peering-default-alone .vpc-1.expose[0].default"],
        ),
        (make_gateway_peering([{}]), ["gateway-peering-ips-empty .vpc-1.expose[0].ips"]),
        (make_gateway_peering([{"ips": [{}]}]), ["gateway-peering-block-one-of .vpc-1.expose[0].ips[0]"]),
        (
            make_gateway_peering([{"ips": [{"cidr": "10.0.1.0/24", "vpcSubnet": "default"}]}]),
            ["gateway-peering-block-one-of .vpc-1.expose[0].ips[0]"],
        ),
        (make_gateway_peering([make_expose("10.0.1.0")]), ["gateway-peering-block-cidr .vpc-1.expose[0].ips[0].cidr"]),
        (
            make_gateway_peering([], [{"ips": [{"vpcSubnet": "default"}]}], sides=OUT),
            ['gateway-peering-external-subnet ["ext.ext-1"].expose[0].ips[0].vpcSubnet'],
        ),
        (
            make_gateway_peering([make_expose("10.0.1.0/24", nat=STATIC)]),
            ["gateway-peering-as-without-nat .vpc-1.expose[0].nat"],
        ),
        (make_gateway_peering([translated({})]), ["gateway-peering-nat-one-of .vpc-1.expose[0].nat"]),
        (
            make_gateway_peering([translated({**MASQUERADE, **STATIC})]),
            ["gateway-peering-nat-one-of .vpc-1.expose[0].nat"],
        ),
        (
            make_gateway_peering([translated(MASQUERADE)], [translated(MASQUERADE, "10.0.2.0/24")]),
            ["gateway-peering-nat-stateful "],
        ),
        (
            make_gateway_peering([translated(MASQUERADE)], [translated(STATIC, "10.0.2.0/24")]),
            ["gateway-peering-nat-stateful "],
        ),
        (make_gateway_peering([forwarding()]), ["gateway-peering-ports-empty .vpc-1.expose[0].nat.portForward.ports"]),
        (
            make_gateway_peering([forwarding({"port": "0", "as": "9-8"})]),
            [f"gateway-peering-port .vpc-1.expose[0].nat.portForward.ports[0].{field}" for field in ("port", "as")],
        ),
        (
            make_gateway_peering([translated({"masquerade": {"idleTimeout": "5"}})]),
            ["gateway-peering-idle-timeout .vpc-1.expose[0].nat.masquerade.idleTimeout"],
        ),
        (make_gateway_peering(sides=("vpc-1", "vpc-9")), ["gateway-peering-vpc-absent .vpc-9"]),
        (make_gateway_peering(sides=("vpc-1", "ext.nope")), ['gateway-peering-external-absent ["ext.nope"]']),
        (
            make_gateway_peering([make_expose("10.0.0.0/16")]),
            ["gateway-peering-cidr-foreign .vpc-1.expose[0].ips[0].cidr"],
        ),
        (
            make_gateway_peering([{"ips": [{"vpcSubnet": "nope"}]}]),
            ["gateway-peering-subnet-absent .vpc-1.expose[0].ips[0].vpcSubnet"],
        ),
        (
            make_gateway_peering([make_expose("203.0.113.0/24")], sides=("ext.ext-1", "ext.ext-2")),
            ["gateway-peering-no-vpc "],
        ),
        (
            make_gateway_peering([{"ips": [{"not": "10.0.1.0/28"}]}]),
            ["gateway-peering-only-excluded .vpc-1.expose[0].ips"],
        ),
        (
            make_gateway_peering([translated(STATIC, outside="192.0.2.0/25")]),
            ["gateway-peering-static-sizes .vpc-1.expose[0].nat.static"],
        ),
        (
            make_gateway_peering([translated({"masquerade": {"idleTimeout": "-5m"}})]),
            ["gateway-peering-idle-timeout-negative .vpc-1.expose[0].nat.masquerade.idleTimeout"],
        ),
    ],
)
def test_each_side_exposes_only_its_own_addresses(peering: Manifest, expected: list[str]) -> None:
    """With NAT that fits the other side's."""
    found = broken_rules(fabric().create(peering))
    assert [one.replace(".spec.peering", "") for one in found] == expected


def test_a_peering_has_two_sides() -> None:
    """Those without a value are dropped before admission looks."""
    one = make("GatewayPeering", "peering", {"peering": {"vpc-1": {}, "vpc-2": None}})
    assert broken_rules(fabric().create(one)) == ["gateway-peering-two-sides .spec.peering"]


@pytest.mark.parametrize(
    ("group", "expected"), [("nope", "gateway-peering-group-absent"), ("empty", "gateway-peering-group-empty")]
)
def test_a_peering_needs_a_gateway_in_its_group(group: str, expected: str) -> None:
    """An empty group carries nothing."""
    assert broken_rules(fabric().create(make_gateway_peering(gatewayGroup=group))) == [f"{expected} .spec.gatewayGroup"]


def test_addresses_exposed_to_one_vpc_do_not_overlap() -> None:
    """Across peerings, after translation; to different VPCs it may."""
    other = make_gateway_peering(
        [translated(STATIC, "10.0.3.0/25", "10.0.1.128/25")], name="other", sides=("vpc-3", "vpc-2")
    )
    admission = fabric(other)
    refused = admission.create(make_gateway_peering())
    assert broken_rules(refused) == ["gateway-peering-overlap .spec.peering.vpc-1.expose[0].ips[0].cidr"]
    assert (
        refused.violations[0].message
        == "10.0.1.0/24 overlaps 10.0.1.128/25 of other, which is exposed to vpc-2 as well"
    )
    assert broken_rules(admission.create(make_gateway_peering([make_expose("10.0.1.0/25")]))) == []
    assert broken_rules(admission.create(make_gateway_peering(sides=("vpc-1", "ext.ext-1")))) == []
    assert admission.update(other).accepted


def test_the_shorthand_is_refused_beside_another_peering() -> None:
    """On either side (#1582); the message names the peering to change."""
    shorthand = [{"ips": [{"vpcSubnet": "default"}]}]
    plain = make_gateway_peering([make_expose("10.0.3.0/24")], name="plain", sides=("vpc-3", "vpc-2"))
    refused = fabric(plain).create(make_gateway_peering(shorthand))
    assert broken_rules(refused) == ["gateway-peering-shorthand .spec.peering.vpc-1.expose[0].ips[0]"]
    assert refused.violations[0].message == "has no cidr to compare with what plain exposes to vpc-2 as well"
    short = make_gateway_peering(shorthand, name="short", sides=("vpc-3", "vpc-2"))
    blocked = fabric(short).create(make_gateway_peering())
    assert broken_rules(blocked) == ["gateway-peering-shorthand .spec.peering.vpc-1"]
    assert blocked.violations[0].message == "short exposes something without a cidr to vpc-2 as well"


def rule(**fields: Any) -> dict[str, Any]:
    """A rule of an ACL, from vpc-1."""
    return {"action": "allow", "from": "vpc-1", "scope": "packet", **fields}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (rule(name="web", match={"proto": "tcp", "dst": [{"ports": ["80", "8000-8099"]}]}), []),
        (rule(match={"proto": "47", "src": [{"vpcSubnet": "default"}]}), []),
        (rule(name="Bad Name"), ["gateway-acl-name .name"]),
        (rule(name="a" * 65), ["gateway-acl-name .name"]),
        ({"action": "deny"}, ["gateway-acl-direction "]),
        (rule(to="vpc-3"), ["gateway-acl-direction .to"]),
        (rule(match={"src": [{"cidr": "10.0.1.0/24", "vpcSubnet": "default"}]}), ["gateway-acl-one-of .match.src[0]"]),
        (rule(match={"dst": [{"cidr": "x"}]}), ["gateway-acl-cidr .match.dst[0].cidr"]),
        (rule(match={"dst": [{"ports": ["1-70000"]}]}), ["gateway-acl-port .match.dst[0].ports[0]"]),
        (rule(match={"proto": "gre"}), ["gateway-acl-protocol .match.proto"]),
        (rule(match={"src": [{"vpcSubnet": "nope"}]}), ["gateway-acl-subnet .match.src[0].vpcSubnet"]),
        (rule(match={"dst": [{"vpcSubnet": "default"}]}), ["gateway-acl-subnet .match.dst[0].vpcSubnet"]),
        (rule(match={"proto": "999"}), ["gateway-acl-protocol-range .match.proto"]),
    ],
)
def test_rules_of_an_acl_name_existing_sides_and_subnets(row: dict[str, Any], expected: list[str]) -> None:
    """Sources on the from side, destinations on the other, which is an External here."""
    found = broken_rules(fabric().create(make_gateway_peering(sides=OUT, acl={"rules": [row]})))
    assert [one.replace(".spec.acl.rules[0]", "") for one in found] == expected


def test_peering_a_pair_with_the_fabric_as_well_is_a_warning() -> None:
    """A second GatewayPeering is refused."""
    admission = fabric(make_gateway_peering(name="first"), make_vpc_peering())
    assert broken_rules(admission.update(make_gateway_peering(name="first"))) == [
        "peering-fabric-and-gateway .spec.peering"
    ]
    again = make_gateway_peering([translated(STATIC)], name="second")
    assert broken_rules(admission.create(again))[0] == "gateway-peering-duplicate .spec.peering"


def test_ports_are_read_as_upstream_reads_them() -> None:
    """Signs, leading zeros and spaces around the dash included."""
    assert [parse_ports(text) for text in ("80", "+80", "080", "1-65535", "8 - 9")] == [
        (80, 80),
        (80, 80),
        (80, 80),
        (1, 65535),
        (8, 9),
    ]
    refused = ["", " 80", "80,81", "-80", "80-", "0", "65536", "9-8", "1-2-3", "http", "９", "9" * 5000]
    assert [text for text in refused if not isinstance(parse_ports(text), str)] == []


@given(st.text(alphabet="0123456789+- ,x", max_size=12))
def test_ports_are_within_bounds_or_refused(text: str) -> None:
    """Whatever is written."""
    ports = parse_ports(text)
    assert isinstance(ports, str) or 1 <= ports[0] <= ports[1] <= 65535
