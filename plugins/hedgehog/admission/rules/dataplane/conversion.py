"""Reading a GatewayPeering as the dataplane validator does, and what it cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hedgehog.admission.rules.dataplane.release import Release
from hedgehog.admission.rules.dataplane.values import (
    ALL_PORTS,
    PORT_FORWARD,
    AclRule,
    Blocks,
    Expose,
    Fault,
    Match,
    Peering,
    Ports,
    Side,
    peering_fault,
)
from hedgehog.admission.rules.gateway.ports import parse_ports
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.atoi import atoi
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, rule

LAST_PROTOCOL = 255
Subnets = Mapping[str, Mapping[str, str]]
"""The CIDR of each subnet of each VPC."""
_SOURCE = "githedgehog/dataplane config/src/converters/k8s/config/"
_PORTS = re.compile(r"\+?[0-9]+(-\+?[0-9]+)?")
_NUMBER = re.compile(r"\+?[0-9]+")
_NAMED_PROTOCOLS = {"6": "tcp", "17": "udp"}
_BOTH = frozenset(("tcp", "udp"))

EXPOSE_MISSING = rule(
    "gateway-peering-expose-missing",
    what="Each side of a GatewayPeering exposes something.",
    why="The gateway cannot read a side without exposes, and then accepts no change of any gateway object.",
    source=f"{_SOURCE}peering.rs",
    fix="expose something, `default: true` if the other side is not the default, or delete the GatewayPeering",
)
PORT_SPACES = rule(
    "gateway-peering-port-spaces",
    what="A range of ports is written without spaces around the dash.",
    why="The gateway cannot read it, although upstream's webhook can.",
    source=f"{_SOURCE}expose.rs parse_port_ranges",
    fix='write it like "8000-8099"',
)
DIRECTION_SAME = rule(
    "gateway-acl-direction-same",
    what="`from` and `to` of a rule are different sides (since v0.129).",
    why="A rule filters what goes from one side to the other.",
    source=f"{_SOURCE}acl.rs complete_from_to",
    fix="leave one of them out; the other side is meant",
)
PROTOCOL_RANGE = rule(
    "gateway-acl-protocol-range",
    what="The number of a protocol is from 0 to 255, without a minus (since v0.129).",
    why="IP has no others, and the gateway cannot read them, although upstream's webhook can.",
    source=f"{_SOURCE}acl.rs parse_proto",
    fix="write the number of the protocol, like 47 for GRE",
)


def peering_of(manifest: Manifest, subnets: Subnets, release: Release) -> Peering:
    """What *manifest*, which the webhooks accept, describes. What the validator cannot read is left out."""
    spec = manifest["spec"]
    first, second = (
        _side(name, spec["peering"][name] or {}, subnets.get(name, {})) for name in sorted(spec["peering"])
    )
    acl = spec.get("acl") if release >= Release.V0_24 else None
    sides = (first.name, second.name)
    rules = None if acl is None else tuple(_acl_rules(acl.get("rules") or (), sides, subnets))
    return Peering(manifest["metadata"]["name"], spec["gatewayGroup"], (first, second), rules)


def conversion_faults(manifest: Manifest, release: Release) -> Iterator[Fault]:
    """What the validator cannot read of *manifest*, in its order."""
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    for side in sorted(spec["peering"]):
        path = ("spec", "peering", side, "expose")
        exposes = (spec["peering"][side] or {}).get("expose") or ()
        if not exposes:
            yield peering_fault(EXPOSE_MISSING, name, path, f"{side} exposes nothing")
        for index, expose in enumerate(exposes):
            entries = ((expose.get("nat") or {}).get(PORT_FORWARD) or {}).get("ports") or ()
            ports = (*path, index, "nat", PORT_FORWARD, "ports")
            for at, entry in enumerate(entries):
                yield from _unreadable(name, (*ports, at, "port"), entry.get("port", ""))
                yield from _unreadable(name, (*ports, at, "as"), entry.get("as", ""))
    if release >= Release.V0_24:
        for index, row in enumerate((spec.get("acl") or {}).get("rules") or ()):
            yield from _rule_faults(name, row, ("spec", "acl", "rules", index))


def _rule_faults(name: str, row: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    if row.get("from") and row.get("from") == row.get("to"):
        yield peering_fault(
            DIRECTION_SAME, name, path, f"goes from {row['from']} to {row['to']}, which is the same side"
        )
    match = row.get("match") or {}
    for field in ("src", "dst"):
        for at, entry in enumerate(_parsed_entries(match.get(field) or ())):
            for index, text in enumerate(entry.get("ports") or ()):
                yield from _unreadable(name, (*path, "match", field, at, "ports", index), text)
    protocol = match.get("proto", "")
    if protocol not in ("", *_BOTH) and not _is_protocol(protocol):
        yield peering_fault(
            PROTOCOL_RANGE, name, (*path, "match", "proto"), f"{protocol} is not a number from 0 to {LAST_PROTOCOL}"
        )


def _unreadable(name: str, path: Path, text: str) -> Iterator[Fault]:
    if not _PORTS.fullmatch(text):
        yield peering_fault(PORT_SPACES, name, path, f"{text!r} has spaces")


def _is_protocol(text: str) -> bool:
    number = atoi(text) if _NUMBER.fullmatch(text) else None
    return number is not None and number <= LAST_PROTOCOL


def _side(name: str, side: Mapping[str, Any], subnets: Mapping[str, str]) -> Side:
    exposes: list[Expose] = []
    for index, expose in enumerate(side.get("expose") or ()):
        exposes += _exposes(expose, ("spec", "peering", name, "expose", index), subnets)
    return Side(name, tuple(exposes))


def _exposes(expose: Mapping[str, Any], path: Path, subnets: Mapping[str, str]) -> Iterator[Expose]:
    nat = next(iter(expose.get("nat") or {}), "")
    ips, outside = (_blocks(expose.get(field) or (), subnets) for field in ("ips", "as"))
    if expose.get("default"):
        yield Expose(path, is_default=True)
    elif nat == PORT_FORWARD:
        for index, entry in enumerate(expose["nat"][PORT_FORWARD].get("ports") or ()):
            protocol = entry.get("proto")
            yield Expose(
                path,
                nat=nat,
                ips=ips,
                outside_ips=outside,
                protocols=frozenset((protocol,)) if protocol else _BOTH,
                inside_ports=_ports(entry.get("port", "")),
                outside_ports=_ports(entry.get("as", "")),
                ports_path=(*path, "nat", nat, "ports", index),
            )
    else:
        yield Expose(path, nat=nat, ips=ips, outside_ips=outside)


def _blocks(blocks: Iterable[Mapping[str, str]], subnets: Mapping[str, str]) -> Blocks:
    included, excluded = [], []
    for block in blocks:
        if block.get("not"):
            excluded.append(parse_prefix(block["not"]))
        else:
            included.append(parse_prefix(block.get("cidr") or subnets.get(block.get("vpcSubnet", ""), "")))
    return Blocks(*(tuple(prefix.network for prefix in found if prefix) for found in (included, excluded)))


def _ports(text: str) -> Ports:
    found = parse_ports(text)
    return ALL_PORTS if isinstance(found, str) else found


def _acl_rules(rows: Sequence[Mapping[str, Any]], sides: tuple[str, str], subnets: Subnets) -> Iterator[AclRule]:
    for index, row in enumerate(rows):
        source, destination = row.get("from", ""), row.get("to", "")
        source = source or _opposite(sides, destination)
        destination = destination or _opposite(sides, source)
        match = row.get("match") or {}
        protocol = match.get("proto", "")
        number = str(atoi(protocol)) if _is_protocol(protocol) else protocol
        yield AclRule(
            ("spec", "acl", "rules", index),
            row.get("name", ""),
            source,
            destination,
            _match(match.get("src") or (), subnets.get(source, {})),
            _match(match.get("dst") or (), subnets.get(destination, {})),
            _NAMED_PROTOCOLS.get(number, number),
            (row.get("scope") or "flow") == "flow",
        )


def _opposite(sides: tuple[str, str], name: str) -> str:
    return sides[0] if name == sides[1] else sides[1]


def _parsed_entries(entries: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The entries until one that names nothing: with it the list matches everything, whatever comes before or after."""
    for entry in entries:
        if _names_nothing(entry):
            return
        yield entry


def _names_nothing(entry: Mapping[str, Any]) -> bool:
    return not (entry.get("cidr") or entry.get("vpcSubnet") or entry.get("ports"))


def _match(entries: Sequence[Mapping[str, Any]], subnets: Mapping[str, str]) -> Match:
    if any(_names_nothing(entry) for entry in entries):
        return Match()
    named: list[tuple[Prefix, Ports | None]] = []
    anywhere: list[Ports] = []
    for entry in entries:
        ports: list[Ports] = [_ports(text) for text in entry.get("ports") or ()]
        prefix = parse_prefix(entry.get("cidr") or subnets.get(entry.get("vpcSubnet", ""), ""))
        if prefix is not None:
            named += [(prefix.network, one) for one in ports] or [(prefix.network, None)]
        elif not entry.get("cidr") and not entry.get("vpcSubnet"):
            anywhere += ports
    return Match(tuple(named), tuple(anywhere))
