"""What a change concerns, upwards and downwards through the references between objects."""

from __future__ import annotations

import pytest

from devstack.objects import make, make_attachment, make_server, make_vpc
from hedgehog.fabric.blast_radius import BlastRadius, blast_radius
from hedgehog.fabric.model import Manifest, ObjectRef


def cable(server: str, leaf: str, port: int) -> Manifest:
    """A server at a port of a leaf."""
    link = {"server": {"port": f"{server}/e1"}, "switch": {"port": f"{leaf}/E1/{port}"}}
    return make("Connection", f"{server}--{leaf}", {"unbundled": {"link": link}})


def peering(kind: str, name: str, *vpcs: str) -> Manifest:
    """A peering of VPCs."""
    if kind == "VPCPeering":
        return make(kind, name, {"permit": [{vpc: {} for vpc in vpcs}]})
    return make(kind, name, {"gatewayGroup": "group", "peering": {vpc: {} for vpc in vpcs}})


OBJECTS = [
    *(make("Switch", name) for name in ("leaf-1", "leaf-2", "leaf-3")),
    *(make_server(name) for name in ("s1", "s2", "s3")),
    *(make_vpc(name, number) for number, name in enumerate(("a", "b", "c"), 1)),
    cable("s1", "leaf-1", 1),
    cable("s2", "leaf-2", 2),
    cable("s3", "leaf-3", 3),
    make_attachment("at-1", "a", "s1--leaf-1"),
    make_attachment("at-2", "b", "s2--leaf-2"),
    make_attachment("at-3", "c", "s3--leaf-3"),
    peering("VPCPeering", "a--b", "a", "b"),
    make("External", "net"),
    make("ExternalPeering", "b--net", {"permit": {"vpc": {"name": "b"}, "external": {"name": "net"}}}),
]
STATE = {ObjectRef.of(one): one for one in OBJECTS}


def ref(kind: str, name: str) -> ObjectRef:
    """An object of the default namespace."""
    return ObjectRef(kind, "default", name)


@pytest.mark.parametrize(
    ("changed", "radius"),
    [
        (
            ref("VPCAttachment", "at-1"),
            BlastRadius(switches=("leaf-1",), ports=("leaf-1/E1/1",), servers=("s1",), vpcs=("a",)),
        ),
        (
            ref("VPC", "a"),
            BlastRadius(
                switches=("leaf-1",),
                ports=("leaf-1/E1/1",),
                servers=("s1",),
                vpcs=("a", "b"),
                peerings=("VPCPeering/a--b",),
            ),
        ),
        (
            ref("Switch", "leaf-3"),
            BlastRadius(switches=("leaf-3",), ports=("leaf-3/E1/3",), servers=("s3",), vpcs=("c",)),
        ),
        (
            ref("VPCPeering", "a--b"),
            BlastRadius(
                switches=("leaf-1", "leaf-2"),
                ports=("leaf-1/E1/1", "leaf-2/E1/2"),
                servers=("s1", "s2"),
                vpcs=("a", "b"),
                peerings=("VPCPeering/a--b",),
            ),
        ),
        (ref("External", "net"), BlastRadius(vpcs=("b",), peerings=("ExternalPeering/b--net",), externals=("net",))),
    ],
    ids=str,
)
def test_a_change_concerns_what_it_refers_to_and_what_refers_to_it(changed, radius):
    """Neither more (VPC c has nothing to do with a) nor less."""
    assert blast_radius([changed], STATE, STATE) == radius


def test_both_contents_of_an_object_count():
    """A server that moves to another leaf concerns the one that it leaves, too."""
    moved = {
        **STATE,
        ref("Connection", "s1--leaf-1"): make("Connection", "s1--leaf-1", cable("s1", "leaf-2", 9)["spec"]),
    }
    found = blast_radius([ref("Connection", "s1--leaf-1")], STATE, moved)
    assert found.switches == ("leaf-1", "leaf-2")
    assert found.ports == ("leaf-1/E1/1", "leaf-2/E1/9")


def test_a_gateway_is_concerned_by_the_peerings_of_its_group():
    """It carries their traffic."""
    more = [
        make("GatewayGroup", "group"),
        make("Gateway", "gw-1", {"groups": [{"name": "group"}]}),
        peering("GatewayPeering", "a--c", "a", "c"),
    ]
    state = {**STATE, **{ObjectRef.of(one): one for one in more}}
    found = blast_radius([ref("GatewayPeering", "a--c")], state)
    assert (found.gateways, found.servers, found.vpcs) == (("gw-1",), ("s1", "s3"), ("a", "c"))


def test_what_is_referred_to_and_does_not_exist_is_not_concerned():
    """A peering may name a VPC of nobody."""
    state = {ref("VPCPeering", "x--y"): peering("VPCPeering", "x--y", "x", "y")}
    assert blast_radius(list(state), {}, state) == BlastRadius(peerings=("VPCPeering/x--y",))


def test_no_change_concerns_nothing():
    """And plain data is read back as it was written."""
    assert blast_radius([], STATE) == BlastRadius()
    found = blast_radius([ref("VPC", "a")], STATE)
    assert BlastRadius.of(found.as_dict()) == found
