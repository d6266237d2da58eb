"""Rules of the access control list of a GatewayPeering."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.rules.gateway.ports import parse_ports
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.atoi import atoi
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, Violation, rule

LONGEST_NAME = 64
_PROTOCOLS = ("", "tcp", "udp")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_ENDS = (("src", "from"), ("dst", "to"))
_VALIDATE = "api/gateway/v1alpha1/gatewaypeering_types.go Validate"

NAME = rule(
    "gateway-acl-name",
    what="The name of a rule is an RFC 1123 subdomain of at most 64 characters.",
    why="It is used in logs.",
    source=_VALIDATE,
    fix="write lower-case letters, digits, '-' and '.', like allow-web",
)
DIRECTION = rule(
    "gateway-acl-direction",
    what="A rule names the side of the peering that traffic comes from or goes to.",
    why="A rule filters one direction.",
    source=_VALIDATE,
    fix="set `from` or `to` to one of the two names in `peering` (an External with `ext.`)",
)
ONE_OF = rule(
    "gateway-acl-one-of",
    what="A match names addresses by cidr or by vpcSubnet, not both.",
    why="It would not be clear which one counts.",
    source=_VALIDATE,
    fix="write an entry of its own for each",
)
CIDR = rule(
    "gateway-acl-cidr",
    what="The cidr of a match is a valid CIDR.",
    why="The gateway compares addresses with it.",
    source=_VALIDATE,
    fix="write address/length, for example 10.0.1.0/24",
)
PORT = rule(
    "gateway-acl-port",
    what="Ports of a match are one port from 1 to 65535, or a range a-b, in quotes.",
    why="The gateway accepts nothing else.",
    source="api/gateway/v1alpha1/gatewaypeering_types.go validatePort",
    fix='write "80" or "8000-8099", with one list entry for each',
)
PROTOCOL = rule(
    "gateway-acl-protocol",
    what="The protocol of a match is tcp, udp, a number, or absent.",
    why="The gateway knows no other names of protocols.",
    source=_VALIDATE,
    fix='write tcp, udp, or the number of the protocol in quotes, like "47" for GRE',
)
SUBNET = rule(
    "gateway-acl-subnet",
    what="The vpcSubnet of a match is a subnet of the VPC on that side.",
    why="src is the from side, dst the to side; an External has no subnets.",
    source=_VALIDATE,
    fix="correct the name, or use cidr for an External",
)


def validate(acl: Mapping[str, Any], vpcs: Mapping[str, Manifest | None]) -> Iterator[Violation]:
    """What upstream refuses in `acl`; *vpcs* are both sides by name, with None for what is not an existing VPC."""
    for index, row in enumerate(acl.get("rules") or ()):
        path = ("spec", "acl", "rules", index)
        yield from _head(row, path, tuple(vpcs))
        match = row.get("match") or {}
        for field, _ in _ENDS:
            for at, end in enumerate(match.get(field) or ()):
                yield from _end(end, (*path, "match", field, at))
        yield from _subnets(row, path, vpcs)
        protocol = match.get("proto", "")
        if protocol not in _PROTOCOLS and atoi(protocol) is None:
            yield PROTOCOL.at((*path, "match", "proto"), f"{protocol!r} is neither tcp, udp nor a number")


def _head(row: Mapping[str, Any], path: Path, sides: tuple[str, ...]) -> Iterator[Violation]:
    name = row.get("name", "")
    if name and not _NAME.fullmatch(name):
        yield NAME.at((*path, "name"), f"{name!r} is not an RFC 1123 subdomain")
    elif len(name) > LONGEST_NAME:
        yield NAME.at((*path, "name"), f"has {len(name)} characters")
    if not row.get("from") and not row.get("to"):
        yield DIRECTION.at(path, "has neither from nor to")
    for field in ("from", "to"):
        if row.get(field) and row[field] not in sides:
            yield DIRECTION.at((*path, field), f"{row[field]!r} is none of {', '.join(sides)}")


def _end(end: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    if end.get("cidr") and end.get("vpcSubnet"):
        yield ONE_OF.at(path, "sets both cidr and vpcSubnet")
    if end.get("cidr") and parse_prefix(end["cidr"]) is None:
        yield CIDR.at((*path, "cidr"), f"{end['cidr']!r} is not a CIDR")
    for index, text in enumerate(end.get("ports") or ()):
        fault = parse_ports(text)
        if isinstance(fault, str):
            yield PORT.at((*path, "ports", index), f"{text!r} {fault}")


def _subnets(row: Mapping[str, Any], path: Path, vpcs: Mapping[str, Manifest | None]) -> Iterator[Violation]:
    for field, direction in _ENDS:
        side = _side(row, direction, tuple(vpcs))
        if side is None:
            continue
        vpc = vpcs[side]
        subnets = {} if vpc is None else vpc["spec"].get("subnets") or {}
        for at, end in enumerate((row.get("match") or {}).get(field) or ()):
            name = end.get("vpcSubnet")
            if name and name not in subnets:
                message = f"{side} is not a VPC" if vpc is None else f"VPC {side} has no subnet {name!r}"
                yield SUBNET.at((*path, "match", field, at, "vpcSubnet"), message)


def _side(row: Mapping[str, Any], direction: str, sides: tuple[str, ...]) -> str | None:
    """The side that a rule is from or to, which may follow from the opposite one; None where it is neither of the two."""
    if row.get(direction):
        return row[direction] if row[direction] in sides else None
    opposite = row.get("to" if direction == "from" else "from")
    return next((side for side in sides if side != opposite), None) if opposite in sides else None
