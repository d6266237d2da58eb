"""Rules of the addresses in Connections: both ends of numbered links, and static externals."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.fabric.addresses import Prefix, parse_address, parse_prefix
from hedgehog.fabric.endpoints import NUMBERED, TYPES, Path, links
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Violation, rule

_VALIDATE = "api/wiring/v1beta1/connection_types.go Connection.Validate"
_SWITCH: Path = ("spec", "staticExternal", "link", "switch")
_EVERYTHING = "0.0.0.0/0"

LINK_ADDRESS = rule(
    "connection-link-address",
    what="The two ends of a fabric, mesh or gateway link have the two addresses of one /31 in the fabric's subnet.",
    why="The switches speak BGP over them.",
    source=_VALIDATE,
    fix="give both ends addresses such as 172.30.128.0/31 and 172.30.128.1/31",
)
LINK_ADDRESS_TAKEN = rule(
    "connection-link-address-taken",
    what="Each address of a link's end is used only once in the fabric.",
    why="BGP sessions fail when two ends have the same address.",
    source=_VALIDATE,
    fix="choose the next free /31 of the fabric's subnet",
)
STATIC_ADDRESS = rule(
    "connection-static-address",
    what="A static external has an IPv4 address with prefix length, and a next hop in the same network.",
    why="The switch routes the subnets to the next hop over this port.",
    source=_VALIDATE,
    fix="set both, for example ip: 192.168.50.1/24 and nextHop: 192.168.50.2",
)
STATIC_SUBNET = rule(
    "connection-static-subnet",
    what="The subnets of a static external are CIDRs without host bits, and 0.0.0.0/0 is the only one where it is set.",
    why="They become routes of the switch.",
    source=_VALIDATE,
    fix="write the network address, for example 192.168.60.0/24",
)
STATIC_SUBNET_OVERLAP = rule(
    "connection-static-subnet-overlap",
    what="The subnets of a static external overlap neither each other nor the fabric's reserved subnets.",
    why="Routes to the fabric itself must not lead out of it.",
    source=_VALIDATE,
    fix="choose subnets that overlap neither each other nor those in the message",
)


class _Address(NamedTuple):
    """What is written at one end of a link."""

    path: Path
    text: str
    prefix: Prefix | None


def link_addresses(spec: Mapping[str, Any]) -> Iterator[str]:
    """The addresses at the ends of numbered links, each as plain text."""
    for _, link in _numbered(spec):
        for end in link.values():
            prefix = parse_prefix(end.get("ip", ""))
            if prefix is not None:
                yield str(prefix.address)


def link_violations(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    """What is wrong with the addresses of links. A link with fewer than two addresses is not checked."""
    name, seen = new["metadata"]["name"], set[str]()
    for path, link in _numbered(new["spec"]):
        written = [(side, end.get("ip", "")) for side, end in link.items()]
        if not all(text for _, text in written):
            continue
        ends = [_Address((*path, side, "ip"), text, parse_prefix(text)) for side, text in written]
        for end in ends:
            yield from _end_violations(end, name, seen, state)
        networks = {end.prefix.network for end in ends if end.prefix is not None and end.prefix.bits == 31}
        if len(networks) == len(ends) > 1:
            yield LINK_ADDRESS.at(path, f"{' and '.join(text for _, text in written)} are not in one /31")


def _end_violations(end: _Address, name: str, seen: set[str], state: ClusterState) -> Iterator[Violation]:
    path, text, prefix = end
    if prefix is None or prefix.bits != 31:
        yield LINK_ADDRESS.at(path, f"{text} is not an address with the prefix length /31")
        return
    subnet = state.settings.fabric_subnet
    if not _parsed(subnet).contains(prefix.address):
        yield LINK_ADDRESS.at(path, f"{prefix.address} is not in the fabric's subnet {subnet}")
    address = str(prefix.address)
    users = sorted(user for _, user in state.users(("link-ip", address)) if user != name)
    if address in seen:
        yield LINK_ADDRESS_TAKEN.at(path, f"{address} is used twice in this Connection")
    elif users:
        yield LINK_ADDRESS_TAKEN.at(path, f"{address} is used by Connection {', '.join(users)}")
    seen.add(address)


def _numbered(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for field in NUMBERED:
        if field in spec:
            sides = [side for side, _ in TYPES[field].ends]
            for path, link in links(TYPES[field], spec[field]):
                yield path, {side: link.get(side) or {} for side in sides}
            return


def static_external_violations(value: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    """What is wrong with the addresses of a static external."""
    switch = (value.get("link") or {}).get("switch") or {}
    yield from _next_hop(switch.get("ip", ""), switch.get("nextHop", ""))
    subnets = switch.get("subnets") or ()
    if _EVERYTHING in subnets:
        if len(subnets) > 1:
            yield STATIC_SUBNET.at((*_SWITCH, "subnets"), f"{_EVERYTHING} is set beside other subnets")
        return
    yield from _subnets(subnets, state)


def _next_hop(ip: str, next_hop: str) -> Iterator[Violation]:
    prefix, address = parse_prefix(ip), parse_address(next_hop)
    if prefix is None:
        yield STATIC_ADDRESS.at((*_SWITCH, "ip"), f"{ip} is not a CIDR" if ip else "is missing")
    if address is None:
        yield STATIC_ADDRESS.at((*_SWITCH, "nextHop"), f"{next_hop} is not an address" if next_hop else "is missing")
    if prefix is not None and address is not None and not prefix.contains(address):
        yield STATIC_ADDRESS.at((*_SWITCH, "nextHop"), f"{next_hop} is not in the network of {ip}")


def _subnets(subnets: Sequence[str], state: ClusterState) -> Iterator[Violation]:
    before: list[Prefix] = []
    for number, text in enumerate(subnets):
        path, prefix = (*_SWITCH, "subnets", number), parse_prefix(text)
        if prefix is None:
            yield STATIC_SUBNET.at(path, f"{text!r} is not a CIDR")
            continue
        if prefix != prefix.network:
            yield STATIC_SUBNET.at(path, f"{text} has host bits", f"write {prefix.network}")
        for other in (*before, *_reserved(state.settings.reserved_subnets)):
            if prefix.overlaps(other):
                whose = "of this Connection" if other in before else "which is reserved for the fabric"
                yield STATIC_SUBNET_OVERLAP.at(path, f"{text} overlaps {other}, {whose}")
        before.append(prefix)


@functools.cache
def _parsed(text: str) -> Prefix:
    """A subnet of the settings, which are valid."""
    prefix = parse_prefix(text)
    if prefix is None:
        raise ValueError(f"{text} is not a CIDR")
    return prefix


@functools.cache
def _reserved(subnets: tuple[str, ...]) -> tuple[Prefix, ...]:
    return tuple(_parsed(text) for text in subnets)
