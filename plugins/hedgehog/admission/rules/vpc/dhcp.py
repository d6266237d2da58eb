"""Rules of the DHCP of a VPC's subnet: server, relay, range, options, static leases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.addresses import Address, Prefix, parse_address, parse_prefix
from hedgehog.fabric.macs import parse_mac
from hedgehog.manifests.rule import Path, Violation, rule

MTUS = range(96, 9037)
_VALIDATE = "api/vpc/v1beta1/vpc_types.go VPC.Validate"

SERVER_AND_RELAY = rule(
    "vpc-dhcp-server-and-relay",
    what="A subnet has either a DHCP server of the fabric or a relay.",
    why="A server would get two answers.",
    source=_VALIDATE,
    fix="remove either dhcp.enable or dhcp.relay",
)
RELAY_INVALID = rule(
    "vpc-dhcp-relay-invalid",
    what="dhcp.relay is a CIDR.",
    why="Upstream requires the address of the DHCP server with a prefix length.",
    source=_VALIDATE,
    fix="write it as in 10.20.20.200/32",
)
RELAY_VPC_ALONE = rule(
    "vpc-dhcp-relay-vpc-alone",
    what="dhcp.relayVPC is set only together with dhcp.relay.",
    why="It says in which VPC the DHCP server is.",
    source=_VALIDATE,
    fix="set dhcp.relay, or remove dhcp.relayVPC",
)
RANGE_INVALID = rule(
    "vpc-dhcp-range-invalid",
    what=(
        "The DHCP range is two addresses of the subnet, the first below the last, neither its network "
        "address nor its gateway."
    ),
    why="Servers could not use the addresses that they are given.",
    source=_VALIDATE,
    fix="correct dhcp.range, or remove it to use everything from the second host address on",
)
SERVER_ADDRESS = rule(
    "vpc-dhcp-server-address",
    what="DNS and time servers are given as addresses.",
    why="DHCP hands out addresses, not names.",
    source=_VALIDATE,
    fix="write the address of the server: 10.0.0.53",
)
MTU = rule(
    "vpc-dhcp-mtu",
    what=f"dhcp.options.interfaceMTU is {MTUS.start}..{MTUS.stop - 1}.",
    why="Larger packets would not fit through the fabric.",
    source=_VALIDATE,
    fix="correct it, or remove it to get 9036",
)
ROUTE_INVALID = rule(
    "vpc-dhcp-route-invalid",
    what="An advertised route has a destination CIDR and a gateway inside the subnet.",
    why="Servers cannot reach any other gateway.",
    source=_VALIDATE,
    fix="write it as in {destination: 10.99.0.0/16, gateway: <an address of the subnet>}",
)
STATIC_INVALID = rule(
    "vpc-dhcp-static-invalid",
    what=(
        "A static lease maps a MAC address to an address of the subnet, which is neither network, broadcast "
        "nor gateway address."
    ),
    why="A server could not use the address that it is given.",
    source=_VALIDATE,
    fix="write it as in 0c:20:12:fe:01:01: {ip: <an address of the subnet>}",
)
STATIC_TWICE = rule(
    "vpc-dhcp-static-twice",
    what="An address is leased to only one MAC address.",
    why="Two servers would use the same address.",
    source=_VALIDATE,
    fix="give each server an address of its own",
)
STATIC_WITHOUT_SERVER = rule(
    "vpc-dhcp-static-without-server",
    what="Static leases need the DHCP server of the fabric.",
    why="Without it, they are not handed out.",
    source=_VALIDATE,
    fix="set dhcp.enable: true, or remove dhcp.static",
)


def dhcp_violations(path: Path, subnet: Mapping[str, Any], prefix: Prefix) -> Iterator[Violation]:
    """What is wrong with the DHCP of the *subnet* at *path*. The names of other objects are not looked up."""
    dhcp = subnet.get("dhcp", {})
    path = (*path, "dhcp")
    yield from _relay(path, dhcp)
    if not dhcp.get("enable"):
        if dhcp.get("static"):
            yield STATIC_WITHOUT_SERVER.at((*path, "static"), "has leases, but dhcp.enable is not set")
        return
    gateway = None if subnet.get("hostBGP") else parse_address(subnet.get("gateway", ""))
    yield from _range(path, dhcp.get("range", {}), prefix, gateway)
    yield from _options(path, dhcp.get("options"), prefix)
    yield from _static(path, subnet, prefix)


def _relay(path: Path, dhcp: Mapping[str, Any]) -> Iterator[Violation]:
    relay = dhcp.get("relay")
    if relay and dhcp.get("enable"):
        yield SERVER_AND_RELAY.at(path, "both enable and relay are set")
    if relay and parse_prefix(relay) is None:
        yield RELAY_INVALID.at((*path, "relay"), f"{relay!r} is not a CIDR")
    if not relay and dhcp.get("relayVPC"):
        yield RELAY_VPC_ALONE.at((*path, "relayVPC"), "is set, but relay is not")


def _range(path: Path, lease: Mapping[str, str], prefix: Prefix, gateway: Address | None) -> Iterator[Violation]:
    ends: list[Address] = []
    for end in ("start", "end"):
        text = lease.get(end, "")
        address = parse_address(text)
        fault = _address_fault(text, address, prefix, gateway)
        if fault:
            yield RANGE_INVALID.at((*path, "range", end), fault)
        elif address is not None:
            ends.append(address)
    if len(ends) == 2 and ends[0] >= ends[1]:
        yield RANGE_INVALID.at((*path, "range"), f"start {ends[0]} is not below end {ends[1]}")


def _address_fault(text: str, address: Address | None, prefix: Prefix, gateway: Address | None) -> str:
    if not text:
        return "is missing"
    if address is None:
        return f"{text!r} is not an address"
    if not prefix.contains(address):
        return f"{text} is not in {prefix.network}"
    if address.value == prefix.first:
        return f"{text} is the network address of {prefix.network}"
    return f"{text} is the gateway" if address == gateway else ""


def _options(path: Path, options: Mapping[str, Any] | None, prefix: Prefix) -> Iterator[Violation]:
    if options is None:
        return
    path = (*path, "options")
    for name in ("dnsServers", "timeServers"):
        for number, server in enumerate(options.get(name, ())):
            if not _is_address(server):
                yield SERVER_ADDRESS.at((*path, name, number), f"{server!r} is not an address")
    mtu = options.get("interfaceMTU", 0)
    if mtu not in MTUS:
        yield MTU.at((*path, "interfaceMTU"), f"{mtu} is not in {MTUS.start}..{MTUS.stop - 1}")
    for number, route in enumerate(options.get("advertisedRoutes", ())):
        yield from _route((*path, "advertisedRoutes", number), route, prefix)


def _is_address(text: str) -> bool:
    """Whether Go reads it as an address: IPv6 may have a zone."""
    head, percent, zone = text.partition("%")
    return parse_address(head) is not None and (not percent or (":" in head and bool(zone)))


def _route(path: Path, route: Mapping[str, str], prefix: Prefix) -> Iterator[Violation]:
    destination, gateway = route.get("destination", ""), route.get("gateway", "")
    if parse_prefix(destination) is None:
        yield ROUTE_INVALID.at(
            (*path, "destination"), f"{destination!r} is not a CIDR" if destination else "is missing"
        )
    address = parse_address(gateway)
    if address is None:
        yield ROUTE_INVALID.at((*path, "gateway"), f"{gateway!r} is not an address" if gateway else "is missing")
    elif not prefix.contains(address):
        yield ROUTE_INVALID.at((*path, "gateway"), f"{gateway} is not in {prefix.network}")


def _static(path: Path, subnet: Mapping[str, Any], prefix: Prefix) -> Iterator[Violation]:
    taken: dict[str, str] = {}
    for mac, lease in subnet.get("dhcp", {}).get("static", {}).items():
        at: Path = (*path, "static", mac)
        text = lease.get("ip", "")
        if parse_mac(mac) is None:
            yield STATIC_INVALID.at(at, f"{mac!r} is not a MAC address")
        fault = _lease_fault(text, subnet.get("gateway"), prefix)
        if fault:
            yield STATIC_INVALID.at((*at, "ip"), fault)
        elif text in taken:
            yield STATIC_TWICE.at((*at, "ip"), f"{text} is leased to {taken[text]} already")
        taken[text] = mac


def _lease_fault(text: str, gateway: str | None, prefix: Prefix) -> str:
    """Upstream compares gateway and broadcast address as text."""
    fault = _address_fault(text, parse_address(text), prefix, None)
    if fault:
        return fault
    if text == gateway:
        return f"{text} is the gateway"
    return f"{text} is the broadcast address" if text == str(Address(prefix.version, prefix.last)) else ""
