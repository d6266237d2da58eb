"""A realistic fabric of any size: pods of 600 objects, each with its own spines, leaves, servers and VPCs.

Every prefix of the list is a valid fabric, because an object comes after those it refers to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from devstack.objects import make
from hedgehog.fabric.addresses import Address
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

POD = 600
"""Objects of a pod."""
SETTINGS = FabricSettings(
    reserved_subnets=("172.16.0.0/12",),
    management_subnet="172.16.0.0/16",
    management_dhcp_start="172.16.255.0",
    management_dhcp_end="172.16.255.254",
    protocol_subnet="172.17.0.0/16",
    vtep_subnet="172.18.0.0/16",
    fabric_subnet="172.20.0.0/14",
    leaf_asn_start=1_000_000,
    leaf_asn_end=1_999_999,
)
"""Room for a hundred pods; the usual settings have room for seven."""

_SPINES = 2
_LEAVES = 8
_SERVERS = 160
_VPCS = 60
_ATTACHMENTS = 180
_SUBNETS = ("front", "back", "data")
_UPLINK = 49
"""First leaf port that leads to a spine."""


def objects(count: int) -> list[Manifest]:
    """The first *count* objects."""
    return list(itertools.islice(itertools.chain.from_iterable(map(_pod, itertools.count())), count))


def _pod(pod: int) -> Iterator[Manifest]:
    name = f"p{pod:03}"
    yield make("VLANNamespace", name, {"ranges": [{"from": 1000, "to": 1999}]})
    yield make("IPv4Namespace", name, {"subnets": ["10.0.0.0/16", "10.1.0.0/16"]})
    yield from (make("SwitchGroup", f"{name}-pair-{pair}") for pair in range(_LEAVES // 2))
    yield from (_spine(pod, number) for number in range(_SPINES))
    yield from (_leaf(pod, number) for number in range(_LEAVES))
    yield from (make("Server", f"{name}-srv-{number:03}", {"description": "rack"}) for number in range(_SERVERS))
    yield from (_vpc(pod, number) for number in range(_VPCS))
    yield from (_fabric_link(pod, spine, leaf) for spine in range(_SPINES) for leaf in range(_LEAVES))
    yield from (_bond(pod, number) for number in range(_SERVERS))
    yield from (_attachment(pod, number) for number in range(_ATTACHMENTS))
    yield from (_peering(pod, number) for number in range(0, 16, 2))


def _address(base: int, number: int, bits: int) -> str:
    return f"{Address(4, (172 << 24 | base << 16) + number)}/{bits}"


def _switch(pod: int, number: int, name: str, spec: dict[str, Any]) -> Manifest:
    at = pod * (_SPINES + _LEAVES) + number + 1
    return make("Switch", name, {**spec, "ip": _address(16, at, 16), "protocolIP": _address(17, at, 32)})


def _spine(pod: int, number: int) -> Manifest:
    spec = {"role": "spine", "profile": "dell-z9332f-on", "asn": SETTINGS.spine_asn, "vlanNamespaces": [f"p{pod:03}"]}
    return _switch(pod, number, f"p{pod:03}-spine-{number}", spec)


def _leaf(pod: int, number: int) -> Manifest:
    at = pod * _LEAVES + number
    spec = {
        "role": "server-leaf",
        "profile": "dell-s5248f-on",
        "description": "leaf",
        "asn": SETTINGS.leaf_asn_start + at,
        "vtepIP": _address(18, at + 1, 32),
        "vlanNamespaces": [f"p{pod:03}"],
        "groups": [f"p{pod:03}-pair-{number // 2}"],
        "redundancy": {"group": f"p{pod:03}-pair-{number // 2}", "type": "eslag"},
    }
    return _switch(pod, _SPINES + number, f"p{pod:03}-leaf-{number}", spec)


def _fabric_link(pod: int, spine: int, leaf: int) -> Manifest:
    one, other = f"p{pod:03}-spine-{spine}", f"p{pod:03}-leaf-{leaf}"
    at = 2 * ((pod * _SPINES + spine) * _LEAVES + leaf)
    link = {
        "spine": {"port": f"{one}/E1/{leaf + 1}", "ip": _address(20, at, 31)},
        "leaf": {"port": f"{other}/E1/{_UPLINK + spine}", "ip": _address(20, at + 1, 31)},
    }
    return make("Connection", f"{one}--fabric--{other}", {"fabric": {"links": [link]}})


def _bond_name(pod: int, number: int) -> str:
    return f"p{pod:03}-srv-{number:03}--eslag--pair-{number % (_LEAVES // 2)}"


def _bond(pod: int, number: int) -> Manifest:
    pair, port = number % (_LEAVES // 2), number // (_LEAVES // 2) + 1
    links = [
        {
            "server": {"port": f"p{pod:03}-srv-{number:03}/enp2s{1 + side}"},
            "switch": {"port": f"p{pod:03}-leaf-{2 * pair + side}/E1/{port}"},
        }
        for side in range(2)
    ]
    return make("Connection", _bond_name(pod, number), {"eslag": {"links": links}})


def _vpc_name(pod: int, number: int) -> str:
    return f"p{pod:03}-v{number:02}"


def _vpc(pod: int, number: int) -> Manifest:
    subnets: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(_SUBNETS):
        slot = len(_SUBNETS) * number + index
        subnets[name] = {"subnet": f"10.0.{slot}.0/24", "gateway": f"10.0.{slot}.1", "vlan": 1000 + slot}
    subnets["front"]["dhcp"] = {"enable": True, "range": {"start": f"10.0.{len(_SUBNETS) * number}.10"}}
    spec = {"ipv4Namespace": f"p{pod:03}", "vlanNamespace": f"p{pod:03}", "subnets": subnets}
    return make("VPC", _vpc_name(pod, number), spec)


def _attachment(pod: int, number: int) -> Manifest:
    vpc, subnet = _vpc_name(pod, number % _VPCS), _SUBNETS[number // _VPCS]
    server = number % _SERVERS
    spec = {"subnet": f"{vpc}/{subnet}", "connection": _bond_name(pod, server)}
    return make("VPCAttachment", f"{vpc}-{subnet}--srv-{server:03}", spec)


def _peering(pod: int, number: int) -> Manifest:
    one, other = _vpc_name(pod, number), _vpc_name(pod, number + 1)
    return make("VPCPeering", f"{one}--{other}", {"permit": [{one: {}, other: {"subnets": ["front"]}}]})
