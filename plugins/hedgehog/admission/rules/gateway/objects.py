"""Rules of Gateways and GatewayGroups. `KINDS` also has the rows of GatewayPeerings and VPCInfos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules.dataplane.judge import judge
from hedgehog.admission.rules.gateway import links as gateway_links
from hedgehog.admission.rules.gateway import peering_warnings as gateway_peering_warnings
from hedgehog.admission.rules.gateway import peerings as gateway_peerings
from hedgehog.admission.rules.gateway import warnings as gateway_warnings
from hedgehog.admission.rules.registry import KindRules
from hedgehog.admission.rules.vpc import infos as vpc_infos
from hedgehog.fabric.addresses import Address, Prefix, parse_prefix
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Violation, rule

MOST_WORKERS = 64
_ZERO = "00:00:00:00:00:00"
_VALIDATE = "api/gateway/v1alpha1/gateway_types.go Validate"

WORKERS = rule(
    "gateway-workers",
    what="A Gateway has 1 to 64 workers.",
    why="The dataplane starts that many threads.",
    source=_VALIDATE,
    fix="set workers to a number from 1 to 64, or leave it out for 4",
)
PROTOCOL_IP = rule(
    "gateway-protocol-ip",
    what="protocolIP of a Gateway is an IPv4 address with /32.",
    why="It is the loopback address and BGP router ID.",
    source=_VALIDATE,
    fix="write it like 172.30.8.200/32, from the protocol subnet of the fabric",
)
VTEP_IP = rule(
    "gateway-vtep-ip",
    what="vtepIP of a Gateway is a unicast IPv4 address with /32.",
    why="Switches send the traffic of VPCs there.",
    source=_VALIDATE,
    fix="write it like 172.30.12.200/32, from the VTEP subnet of the fabric",
)
VTEP_MAC = rule(
    "gateway-vtep-mac",
    what="vtepMAC of a Gateway is a unicast MAC address that is not all zeros.",
    why="Switches send the traffic of VPCs there.",
    source=_VALIDATE,
    fix="write it like ca:fe:ba:be:00:01",
)
ASN = rule(
    "gateway-asn",
    what="A Gateway has an ASN.",
    why="It speaks BGP with the switches.",
    source=_VALIDATE,
    fix="set asn, to the gateway ASN of the fabric (65534 by default)",
)
ADDRESS_TAKEN = rule(
    "gateway-address-taken",
    what="No other Gateway or Switch has the protocolIP or vtepIP of a Gateway, and no other Gateway its vtepMAC.",
    why="Traffic for one would reach the other.",
    source=_VALIDATE,
    fix="choose an address that is free",
)
GROUP_TWICE = rule(
    "gateway-group-twice",
    what="A Gateway is listed only once in a group.",
    why="It can have only one priority in a group.",
    source=_VALIDATE,
    fix="keep one of the entries",
)
GROUP_ABSENT = rule(
    "gateway-group-absent",
    what="The GatewayGroups of a Gateway exist.",
    why="Peerings find their gateway by its group.",
    source=_VALIDATE,
    fix="create the GatewayGroup first (an empty spec is enough), or correct the name",
    absent="GatewayGroup",
)
GROUP_FULL = rule(
    "gateway-group-full",
    what="A GatewayGroup has at most as many members as there are gateway communities, 10 by default.",
    why="Each member's routes carry a community of their own, from which switches read priorities.",
    source=_VALIDATE,
    fix="make another group, or remove a member",
)


def _gateway(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    spec = new["spec"]
    yield from vpc_infos.not_enabled(state)
    if not 1 <= spec["workers"] <= MOST_WORKERS:
        yield WORKERS.at(("spec", "workers"), f"{spec['workers']} is not 1..{MOST_WORKERS}")
    yield from _addresses(spec)
    if not spec.get("asn"):
        yield ASN.at(("spec", "asn"), "is missing")
    yield from gateway_links.interface_violations(spec.get("interfaces") or {})
    yield from gateway_links.neighbor_violations(spec.get("neighbors") or [])
    yield from _taken(new, state)
    yield from _groups(new, state)
    yield from vpc_infos.not_ready(state)


def _addresses(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for field, violated in (("protocolIP", PROTOCOL_IP), ("vtepIP", VTEP_IP)):
        prefix = parse_prefix(spec.get(field, ""))
        fault = _prefix_fault(prefix) or (_vtep_fault(prefix.address) if prefix and field == "vtepIP" else "")
        if fault:
            yield violated.at(("spec", field), f"{spec[field]!r} {fault}" if spec.get(field) else "is missing")
    text = spec.get("vtepMAC", "")
    fault = _mac_fault(text)
    if fault:
        yield VTEP_MAC.at(("spec", "vtepMAC"), f"{text!r} {fault}" if text else "is missing")


def _prefix_fault(prefix: Prefix | None) -> str:
    if prefix is None:
        return "is not a CIDR"
    if prefix.version != 4:
        return "is not IPv4"
    return "" if prefix.bits == 32 else "is not a single address"


def _vtep_fault(address: Address) -> str:
    return "is not unicast" if address.value == 0 or address.value >> 24 == 127 or address.value >> 28 == 14 else ""


def _mac_fault(text: str) -> str:
    mac = parse_mac(text)
    if mac is None:
        return "is not a MAC address"
    if mac == _ZERO:
        return "is all zeros"
    return "is not unicast" if int(mac[:2], 16) & 1 else ""


def _taken(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    me = ("Gateway", new["metadata"]["name"])
    for field, fact in _identities(new["spec"]):
        others = sorted(f"{kind} {name}" for kind, name in state.users(fact) if (kind, name) != me)
        if others:
            yield ADDRESS_TAKEN.at(("spec", field), f"{fact[1]} is used by {', '.join(others)}")


def _identities(spec: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    """The addresses that belong to one gateway: their field, and the fact by which `ClusterState` finds them."""
    for field, space in (("protocolIP", "protocol-ip"), ("vtepIP", "vtep-ip")):
        prefix = parse_prefix(spec.get(field, ""))
        if prefix is not None:
            yield field, (space, str(prefix.address))
    mac = parse_mac(spec.get("vtepMAC", ""))
    if mac is not None:
        yield "vtepMAC", ("vtep-mac", mac)


def _groups(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    most, seen = state.settings.gateway_communities, set()
    for index, group in enumerate(new["spec"]["groups"]):
        name, path = group.get("name", ""), ("spec", "groups", index, "name")
        if name in seen:
            yield GROUP_TWICE.at(path, f"{name!r} is listed twice")
            continue
        seen.add(name)
        if state.get("GatewayGroup", name) is None:
            yield GROUP_ABSENT.at(path, f"there is no GatewayGroup {name!r}")
            continue
        members = {member for _, member in state.users(gateway_peerings.member_of(name))} - {new["metadata"]["name"]}
        if 0 < most <= len(members):
            yield GROUP_FULL.at(path, f"{name} has {len(members)} members already, of at most {most}")


def _gateway_group(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    return vpc_infos.not_enabled(state)


def _facts(manifest: Manifest) -> Iterator[Fact]:
    spec = manifest.get("spec") or {}
    yield from (fact for _, fact in _identities(spec))
    yield from (gateway_peerings.member_of(group.get("name", "")) for group in spec.get("groups") or ())


KINDS: Mapping[str, KindRules] = {
    "Gateway": KindRules(_gateway, warn=gateway_warnings.warn, judge=judge, indexer=Indexer(facts=_facts)),
    "GatewayGroup": KindRules(_gateway_group),
    "GatewayPeering": KindRules(
        gateway_peerings.validate, warn=gateway_peering_warnings.warn, judge=judge, indexer=gateway_peerings.INDEXER
    ),
    **vpc_infos.KINDS,
}
