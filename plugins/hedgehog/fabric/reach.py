"""Whether two servers reach each other, by the attachments, VPCs and peerings that a fabric wants. Pure.

Upstream's rules: subnets of a VPC reach each other unless one of them is isolated, and hosts of a subnet unless it is
restricted, which `permit` lifts; VPCs reach each other by a peering that permits both subnets. Access lists of a
gateway are not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.topology import Attached, Network


@dataclass(frozen=True, slots=True)
class Hop:
    """A part of a way, with what is to be known of it."""

    ref: ObjectRef
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """One way from a server to another, and the switches at both ends."""

    hops: tuple[Hop, ...]
    switches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """All ways between two servers; without any the reason."""

    ways: tuple[Way, ...]
    reason: str = ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def reach(network: Network, source: str, destination: str) -> Reach:
    """How *source* reaches *destination*; both are names of servers."""
    starts, ends = network.attached.get(source, ()), network.attached.get(destination, ())
    for server, found in ((source, starts), (destination, ends)):
        if not found:
            return Reach((), f"Server {server} is not attached to any VPC")
    ways, reasons = [], []
    for start in starts:
        for end in ends:
            between = list(_between(network, start, end))
            ways += [Way(_hops(network, start, hops, end), _switches(start, end)) for hops in between]
            if not between:
                reasons.append(_why_not(start, end))
    return Reach(tuple(ways), "" if ways else "; ".join(dict.fromkeys(reasons)))


def _switches(start: Attached, end: Attached) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*start.switches, *end.switches)))


def _hops(network: Network, start: Attached, between: tuple[Hop, ...], end: Attached) -> tuple[Hop, ...]:
    return (
        _server(network, start),
        Hop(start.connection, f"at {', '.join(start.switches)}"),
        Hop(start.attachment, f"subnet {start.subnet}"),
        *between,
        Hop(end.attachment, f"subnet {end.subnet}"),
        Hop(end.connection, f"at {', '.join(end.switches)}"),
        _server(network, end),
    )


def _server(network: Network, at: Attached) -> Hop:
    known = network.devices.get(("Server", at.server))
    return Hop(ObjectRef.of(known) if known else ObjectRef("Server", at.attachment.namespace, at.server))


def _between(network: Network, start: Attached, end: Attached) -> Iterator[tuple[Hop, ...]]:
    """What lies between two attachments, for each way that is open."""
    if start.vpc == end.vpc:
        vpc = network.vpcs.get(start.vpc)
        if vpc is not None and _inside(_mapping(vpc.get("spec")), start.subnet, end.subnet):
            same = start.subnet == end.subnet
            yield (Hop(ObjectRef.of(vpc), "" if same else f"{start.subnet} to {end.subnet}"),)
        return
    first, last = network.vpcs.get(start.vpc), network.vpcs.get(end.vpc)
    if first is None or last is None:
        return
    for peering in network.peerings:
        detail = _peered(network, peering, start, end)
        if detail is not None:
            yield (Hop(ObjectRef.of(first)), Hop(ObjectRef.of(peering), detail), Hop(ObjectRef.of(last)))


def _inside(spec: Mapping[str, Any], first: str, second: str) -> bool:
    """Whether two subnets of a VPC reach each other, or the hosts of one."""
    permitted = any(first in _items(one) and second in _items(one) for one in _items(spec.get("permit")))
    if first == second:
        return not _flag(spec, first, "restricted", "defaultRestricted")
    isolated = any(_flag(spec, one, "isolated", "defaultIsolated") for one in (first, second))
    return permitted or not isolated


def _flag(spec: Mapping[str, Any], subnet: str, word: str, default: str) -> bool:
    value = _mapping(_mapping(spec.get("subnets")).get(subnet)).get(word)
    return bool(spec.get(default)) if value is None else bool(value)


def _peered(network: Network, peering: Manifest, start: Attached, end: Attached) -> str | None:
    """What a peering lets pass between the two subnets; None for nothing."""
    spec = _mapping(peering.get("spec"))
    if peering["kind"] == "VPCPeering":
        for entry in map(_mapping, _items(spec.get("permit"))):
            if all(one.vpc in entry and _lists(entry[one.vpc], one.subnet) for one in (start, end)):
                return f"permits {start.vpc}/{start.subnet} and {end.vpc}/{end.subnet}"
        return None
    sides = _mapping(spec.get("peering"))
    if all(one.vpc in sides and _exposes(network, sides[one.vpc], one) for one in (start, end)):
        return "through a gateway; its access list is not evaluated"
    return None


def _lists(value: Any, subnet: str) -> bool:
    """Whether one side of a permit has the subnet; without a list it has all."""
    subnets = _items(_mapping(value).get("subnets"))
    return not subnets or subnet in subnets


def _exposes(network: Network, value: Any, at: Attached) -> bool:
    """Whether one side of a gateway's peering exposes a part of the subnet."""
    vpc = _mapping(_mapping(network.vpcs.get(at.vpc)).get("spec"))
    cidr = _network(_mapping(_mapping(vpc.get("subnets")).get(at.subnet)).get("subnet"))
    for expose in map(_mapping, _items(_mapping(value).get("expose"))):
        if expose.get("default") is True:
            return True
        for entry in map(_mapping, _items(expose.get("ips"))):
            exposed = _network(entry.get("cidr"))
            if entry.get("vpcSubnet") == at.subnet or (exposed and cidr and exposed.overlaps(cidr)):
                return True
    return False


def _network(value: Any) -> IPv4Network | None:
    try:
        found = ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:  # what is malformed exposes nothing; saying so is the validator's business
        return None
    return found if isinstance(found, IPv4Network) else None


def _why_not(start: Attached, end: Attached) -> str:
    if start.vpc != end.vpc:
        return f"no peering permits {start.vpc}/{start.subnet} and {end.vpc}/{end.subnet}"
    if start.subnet == end.subnet:
        return f"subnet {start.vpc}/{start.subnet} is restricted: its hosts do not reach each other"
    return f"{start.vpc}/{start.subnet} and {end.vpc}/{end.subnet} are isolated from each other"
