"""Rules of what one side of a GatewayPeering exposes, and of its address translation; of the object alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgehog.admission.rules.gateway.ports import parse_ports
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.durations import parse_duration
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.manifests.rule import Path, Violation, rule

STATEFUL = ("masquerade", "portForward")
STATELESS = "static"
_PROTOCOLS = ("", "tcp", "udp")
_VALIDATE = "api/gateway/v1alpha1/gatewaypeering_types.go Validate"

DEFAULT_ALONE = rule(
    "gateway-peering-default-alone",
    what="An expose with `default: true` sets nothing else.",
    why="It stands for everything that no other expose names, so there are no addresses to list or translate.",
    source=_VALIDATE,
    fix="write a second expose for the addresses",
)
IPS_EMPTY = rule(
    "gateway-peering-ips-empty",
    what="An expose lists at least one IP block, or is the default.",
    why="It would expose nothing.",
    source=_VALIDATE,
    fix="list what to expose, for example `ips: [{cidr: 10.0.1.0/24}]`",
)
BLOCK_ONE_OF = rule(
    "gateway-peering-block-one-of",
    what="An IP block sets exactly one of cidr, not and vpcSubnet (in `as`: of cidr and not).",
    why="Each block includes or excludes one range.",
    source=_VALIDATE,
    fix="write a block of its own for each",
)
BLOCK_CIDR = rule(
    "gateway-peering-block-cidr",
    what="The addresses of an IP block are a CIDR.",
    why="The gateway routes and translates by them.",
    source=_VALIDATE,
    fix="write address/length, for example 10.0.1.0/24",
)
EXTERNAL_SUBNET = rule(
    "gateway-peering-external-subnet",
    what="Only VPCs expose a vpcSubnet.",
    why="An External has no subnets.",
    source=_VALIDATE,
    fix="use cidr for an External, or `default: true`",
)
AS_WITHOUT_NAT = rule(
    "gateway-peering-as-without-nat",
    what="`as` and `nat` are set together, or neither is.",
    why="`as` says which addresses they become, `nat` says how.",
    source=_VALIDATE,
    fix="add the one that is missing, or remove the other",
)
NAT_ONE_OF = rule(
    "gateway-peering-nat-one-of",
    what="An expose has one kind of NAT.",
    why="Each address is translated in one way.",
    source=_VALIDATE,
    fix="set one of masquerade, static and portForward; write a second expose for another",
)
NAT_STATEFUL = rule(
    "gateway-peering-nat-stateful",
    what="Where one side has stateful NAT (masquerade, portForward), the other has no NAT.",
    why="The only combination that the gateway supports is static with static.",
    source=_VALIDATE,
    fix="remove the NAT of one side",
)
PORTS_EMPTY = rule(
    "gateway-peering-ports-empty",
    what="portForward has at least one rule.",
    why="Nothing would be forwarded.",
    source=_VALIDATE,
    fix='list ports, for example `ports: [{proto: tcp, port: "80", as: "8080"}]`',
)
PORT = rule(
    "gateway-peering-port",
    what="Ports are one port from 1 to 65535, or a range a-b, in quotes.",
    why="The gateway accepts nothing else.",
    source="api/gateway/v1alpha1/gatewaypeering_types.go validatePort",
    fix='write "80" or "8000-8099", with one list entry for each',
)
PORT_PROTOCOL = rule(
    "gateway-peering-port-protocol",
    what="portForward is for tcp, udp or, without a protocol, both.",
    why="Other protocols have no ports.",
    source=_VALIDATE,
    fix="write tcp or udp, or leave it out",
)
IDLE_TIMEOUT = rule(
    "gateway-peering-idle-timeout",
    what="idleTimeout is a duration.",
    why="The API server cannot decode anything else.",
    source="k8s.io/apimachinery pkg/apis/meta/v1/duration.go",
    fix='write it with units, like "2m" or "1h30m"',
)


def validate(peering: Mapping[str, Any]) -> Iterator[Violation]:
    """What upstream refuses in `peering` without looking at other objects."""
    for name, side in peering.items():
        for index, expose in enumerate(side.get("expose") or ()):
            yield from _expose(name, expose, ("spec", "peering", name, "expose", index))
    yield from _combination(peering)


def _expose(name: str, expose: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    ips, translated = expose.get("ips") or (), expose.get("as") or ()
    if expose.get("default"):
        if ips or translated or "nat" in expose:
            yield DEFAULT_ALONE.at((*path, "default"), "is set beside other fields")
    elif not ips:
        yield IPS_EMPTY.at((*path, "ips"), "is empty")
    for index, block in enumerate(ips):
        yield from _block(name, block, (*path, "ips", index), ("cidr", "not", "vpcSubnet"))
    for index, block in enumerate(translated):
        yield from _block(name, block, (*path, "as", index), ("cidr", "not"))
    if bool(translated) != ("nat" in expose):
        yield AS_WITHOUT_NAT.at((*path, "as" if translated else "nat"), "is set alone")
    if "nat" in expose:
        yield from _nat(expose["nat"], (*path, "nat"))


def _block(name: str, block: Mapping[str, Any], path: Path, fields: tuple[str, ...]) -> Iterator[Violation]:
    written = [field for field in fields if block.get(field)]
    if len(written) != 1:
        message = f"sets {' and '.join(written)}" if written else f"sets none of {', '.join(fields)}"
        yield BLOCK_ONE_OF.at(path, message)
    for field in written:
        if field != "vpcSubnet" and parse_prefix(block[field]) is None:
            yield BLOCK_CIDR.at((*path, field), f"{block[field]!r} is not a CIDR")
        if field == "vpcSubnet" and name.startswith(EXTERNAL_PREFIX):
            yield EXTERNAL_SUBNET.at((*path, field), f"{name} is an External")


def _nat(nat: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    kinds = [kind for kind in (*STATEFUL, STATELESS) if kind in nat]
    if len(kinds) != 1:
        yield NAT_ONE_OF.at(path, f"sets {' and '.join(kinds)}" if kinds else "sets no kind of NAT")
    for kind in STATEFUL:
        text = nat.get(kind, {}).get("idleTimeout")
        if text is not None and parse_duration(text) is None:
            yield IDLE_TIMEOUT.at((*path, kind, "idleTimeout"), f"{text!r} is not a duration")
    if "portForward" in nat:
        yield from _ports(nat["portForward"].get("ports") or (), (*path, "portForward", "ports"))


def _ports(entries: Sequence[Mapping[str, Any]], path: Path) -> Iterator[Violation]:
    if not entries:
        yield PORTS_EMPTY.at(path, "is empty")
    for index, entry in enumerate(entries):
        for field in ("port", "as"):
            text = entry.get(field, "")
            fault = parse_ports(text)
            if isinstance(fault, str):
                yield PORT.at((*path, index, field), f"{text!r} {fault}")
        if entry.get("proto", "") not in _PROTOCOLS:
            yield PORT_PROTOCOL.at((*path, index, "proto"), f"{entry['proto']!r} is neither tcp nor udp")


def _combination(peering: Mapping[str, Any]) -> Iterator[Violation]:
    nats = {name: nat_kinds(side) for name, side in peering.items()}
    stateful = [name for name in nats if nats[name] & {*STATEFUL}]
    static = [name for name in nats if STATELESS in nats[name]]
    if len(stateful) > 1:
        yield NAT_STATEFUL.at(("spec", "peering"), f"{' and '.join(stateful)} both have stateful NAT")
    elif any(one != other for one in stateful for other in static):
        other = next(name for name in static if name not in stateful[:1])
        yield NAT_STATEFUL.at(("spec", "peering"), f"{stateful[0]} has stateful NAT, and {other} static NAT")


def nat_kinds(side: Mapping[str, Any]) -> set[str]:
    """The kinds of NAT that one side uses."""
    return {kind for expose in side.get("expose") or () for kind in expose.get("nat") or ()}
