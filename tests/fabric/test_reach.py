"""Whether two servers reach each other, by upstream's rules for subnets and peerings."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make, make_attachment, make_server, make_vpc
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.reach import reach
from hedgehog.fabric.topology import cables_of, network_of


def connected(server: str, leaf: str, port: int) -> list[Manifest]:
    """A server and its connection to a leaf."""
    link = {"server": {"port": f"{server}/e1"}, "switch": {"port": f"{leaf}/E1/{port}"}}
    return [make_server(server), make("Connection", f"{server}--{leaf}", {"unbundled": {"link": link}})]


def two_servers(vpc: dict[str, Any], *others: Manifest, second: str = "a/two") -> list[Manifest]:
    """Servers `s1` in subnet `one` of VPC `a`, whose spec has *vpc*, and `s2` in the subnet *second*."""
    subnets = {"one": {"subnet": "10.0.1.0/24", "vlan": 1}, "two": {"subnet": "10.0.2.0/24", "vlan": 2}}
    for name, values in vpc.pop("subnets", {}).items():
        subnets[name] |= values
    return [
        *connected("s1", "leaf-1", 1),
        *connected("s2", "leaf-2", 1),
        make("VPC", "a", {"subnets": subnets, **vpc}),
        make("VPCAttachment", "at-1", {"connection": "s1--leaf-1", "subnet": "a/one"}),
        make("VPCAttachment", "at-2", {"connection": "s2--leaf-2", "subnet": second}),
        *others,
    ]


OTHER = make("VPC", "b", {"subnets": {"web": {"subnet": "10.1.1.0/24", "vlan": 3}, "db": {"subnet": "10.1.2.0/24"}}})


def peering(*entries: dict[str, Any]) -> Manifest:
    """A peering of `a` and `b`."""
    return make("VPCPeering", "a--b", {"permit": list(entries)})


def gateway(**sides: Any) -> Manifest:
    """A peering of `a` and `b` through a gateway."""
    return make("GatewayPeering", "g", {"peering": {name: {"expose": [{"ips": ips}]} for name, ips in sides.items()}})


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        (two_servers({}), ""),
        (two_servers({"subnets": {"two": {"isolated": True}}}), "a/one and a/two are isolated from each other"),
        (two_servers({"defaultIsolated": True}), "a/one and a/two are isolated from each other"),
        (two_servers({"defaultIsolated": True, "subnets": {"one": {"isolated": False}, "two": {"isolated": False}}}), ""),
        (two_servers({"defaultIsolated": True, "permit": [["one", "two"]]}), ""),
        (two_servers({}, second="a/one"), ""),
        (two_servers({"defaultRestricted": True}, second="a/one"), "subnet a/one is restricted: its hosts do not reach each other"),
        (two_servers({}, OTHER, second="b/web"), "no peering permits a/one and b/web"),
        (two_servers({}, OTHER, peering({"a": {}, "b": {}}), second="b/web"), ""),
        (two_servers({}, OTHER, peering({"a": None, "b": {"subnets": ["web"]}}), second="b/web"), ""),
        (two_servers({}, OTHER, peering({"a": {}, "b": {"subnets": ["db"]}}), second="b/web"), "no peering permits a/one and b/web"),
        (two_servers({}, OTHER, gateway(a=[{"vpcSubnet": "one"}], b=[{"cidr": "10.1.0.0/16"}]), second="b/web"), ""),
        (
            two_servers({}, OTHER, gateway(a=[{"vpcSubnet": "two"}], b=[{"cidr": "10.1.0.0/16"}]), second="b/web"),
            "no peering permits a/one and b/web",
        ),
        ([*connected("s1", "leaf-1", 1), *connected("s2", "leaf-2", 1)], "Server s1 is not attached to any VPC"),
    ],
)  # fmt: skip
def test_servers_reach_each_other_as_their_subnets_do(objects, reason):
    """Without a way the reason is given."""
    found = reach(network_of(objects), "s1", "s2")
    assert (bool(found.ways), found.reason) == (not reason, reason)


def test_every_way_is_found():
    """A server with two attachments has two."""
    again = [
        *connected("s3", "leaf-1", 9)[1:],
        make("VPCAttachment", "at-3", {"connection": "s3--leaf-1", "subnet": "a/two"}),
    ]
    again[0]["spec"]["unbundled"]["link"]["server"]["port"] = "s1/e2"
    found = reach(network_of([*two_servers({}), *again]), "s1", "s2")
    assert [[str(hop.ref) for hop in way.hops][2:4] for way in found.ways] == [
        ["VPCAttachment/default/at-1", "VPC/default/a"],
        ["VPCAttachment/default/at-3", "VPC/default/a"],
    ]


@pytest.mark.parametrize(
    "spec", [{}, {"unbundled": None}, {"bundled": {"links": [1, None]}}, {"fabric": {"links": {}}}, {"x": 1}]
)
def test_a_malformed_connection_joins_nothing(spec):
    """The validator says so; a drawing does not fail for it."""
    assert list(cables_of(make("Connection", "c", spec))) == []


def test_externals_are_joined_to_the_port_of_their_connection():
    """By each attachment."""
    objects = [
        make("Switch", "leaf-1", {"role": "border-leaf"}),
        make("Connection", "leaf-1--external", {"external": {"link": {"switch": {"port": "leaf-1/E1/1"}}}}),
        make("External", "net", {}),
        make("ExternalAttachment", "e", {"connection": "leaf-1--external", "external": "net"}),
    ]
    joined = [cable for cable in network_of(objects).cables if len(cable.plugs) == 2]
    assert [[plug.device for plug in cable.plugs] for cable in joined] == [[("Switch", "leaf-1"), ("External", "net")]]


def test_bare_vpc_names_mean_the_default_subnet():
    """As upstream reads them."""
    objects = [*connected("s1", "leaf-1", 1), make_vpc("a"), make_attachment("x", "a", "s1--leaf-1")]
    objects[-1]["spec"]["subnet"] = "a"
    assert network_of(objects).attached["s1"][0].subnet == "default"
