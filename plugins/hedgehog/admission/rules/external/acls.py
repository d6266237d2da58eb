"""Rules of the access control list of an ExternalAttachment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.addresses import parse_cidr
from hedgehog.manifests.rule import Path, Severity, Violation, rule

FIRST_SEQ = 10
ACTIONS = ("permit", "deny", "discard", "transit")
PROTOCOLS = ("ip", "tcp", "udp", "icmp")
_FLAGS = ("Ack", "Fin", "Psh", "Rst", "Syn", "Urg")
_ANY = "any"
_WITH_BGP = ("ip", "tcp")
_DROPPING = ("deny", "discard")
_VALIDATE = "api/vpc/v1beta1/externalattachment_types.go ACLSpec.Validate"
_PATH = ("spec", "inboundACL", "statements")

SEQ = rule(
    "external-acl-seq",
    what="Each statement of an ACL has a sequence number of its own, at least 10.",
    why="Statements apply in that order; lower numbers are reserved for rules of the fabric itself.",
    source=_VALIDATE,
    fix="number the statements 10, 20, 30, …",
)
ACTION = rule(
    "external-acl-action",
    what="The action of a statement is permit, deny, discard or transit.",
    why="Switches know no other.",
    source=_VALIDATE,
    fix="write one of them, in lower case",
)
PROTOCOL = rule(
    "external-acl-protocol",
    what="The protocol of a statement is ip, tcp, udp or icmp.",
    why="Switches know no other.",
    source=_VALIDATE,
    fix="write one of them, in lower case; ip is all protocols",
)
PREFIX = rule(
    "external-acl-prefix",
    what="Source and destination of a statement are CIDRs, or any.",
    why="A statement without them does not say what it applies to.",
    source=_VALIDATE,
    fix="write a CIDR like 10.0.0.0/8, or any",
)
TCP_FILTERS = rule(
    "external-acl-tcp-filters",
    what="tcpFilters are in statements for tcp only; established is used alone, and no flag with its opposite.",
    why="Other protocols have no flags, and no packet matches filters that contradict each other.",
    source=_VALIDATE,
    fix="set protocol to tcp, or remove the filters that contradict each other",
)
ICMP = rule(
    "external-acl-icmp",
    what="icmpType and icmpCode are in statements for icmp only.",
    why="Other protocols have none.",
    source=_VALIDATE,
    fix="set protocol to icmp, or remove them",
)
PORTS = rule(
    "external-acl-ports",
    what="A port range is in statements for tcp or udp only, begins at 1 or later, and does not end before it begins.",
    why="Other protocols have no ports.",
    source=_VALIDATE,
    fix="set both portRangeBegin and portRangeEnd (equal for one port), with protocol tcp or udp",
)
PREFIX_UNUSUAL = rule(
    "external-acl-prefix-unusual",
    what="Source and destination of a statement are IPv4 networks without host bits.",
    why="It is an IPv4 list; host bits suggest that a single host was meant, but the whole network matches.",
    source="ours",
    fix="write the IPv4 network, or a single host as address/32",
    severity=Severity.WARNING,
)


LEAF_ADDRESS = rule(
    "external-acl-leaf-address",
    what="A statement does not drop what is sent to the switch's own address.",
    why="The BGP session with the External ends there, and so do answers to ping.",
    source="ours; upstream does not compare them",
    fix="leave the address of the switch out of dstPrefix, or permit it in a statement with a lower number",
    severity=Severity.WARNING,
)


def validate(acl: Mapping[str, Any]) -> Iterator[Violation]:
    """What upstream refuses in an `inboundACL`."""
    seen: set[int] = set()
    for index, statement in enumerate(acl.get("statements") or ()):
        path, seq = (*_PATH, index), statement["seq"]
        if seq < FIRST_SEQ:
            yield SEQ.at((*path, "seq"), f"{seq} is less than {FIRST_SEQ}")
        elif seq in seen:
            yield SEQ.at((*path, "seq"), f"{seq} is the number of another statement")
        seen.add(seq)
        yield from _statement(statement, path)


def _statement(statement: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    if statement["action"] not in ACTIONS:
        yield ACTION.at((*path, "action"), f"{statement['action']!r} is none of {', '.join(ACTIONS)}")
    if statement["protocol"] not in PROTOCOLS:
        yield PROTOCOL.at((*path, "protocol"), f"{statement['protocol']!r} is none of {', '.join(PROTOCOLS)}")
    else:
        yield from _tcp(statement, path)
        yield from _icmp(statement, path)
        yield from _ports(statement, path)
    for field in ("srcPrefix", "dstPrefix"):
        text = statement[field]
        if text != _ANY and parse_cidr(text) is None:
            yield PREFIX.at((*path, field), f"{text!r} is not a CIDR" if text else "is missing")


def _tcp(statement: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    if "tcpFilters" not in statement:
        return
    path, filters = (*path, "tcpFilters"), statement["tcpFilters"]
    if statement["protocol"] != "tcp":
        yield TCP_FILTERS.at(path, f"is set for protocol {statement['protocol']}")
    if filters.get("established") and any(
        filters.get(name) for flag in _FLAGS for name in (flag.lower(), f"not{flag}")
    ):
        yield TCP_FILTERS.at((*path, "established"), "is set beside single flags")
    for flag in _FLAGS:
        if filters.get(flag.lower()) and filters.get(f"not{flag}"):
            yield TCP_FILTERS.at((*path, f"not{flag}"), f"contradicts {flag.lower()}")


def _icmp(statement: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    for field in ("icmpType", "icmpCode"):
        if field in statement and statement["protocol"] != "icmp":
            yield ICMP.at((*path, field), f"is set for protocol {statement['protocol']}")


def _ports(statement: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    begin, end = statement.get("portRangeBegin", 0), statement.get("portRangeEnd", 0)
    if not begin and not end:
        return
    if statement["protocol"] not in ("tcp", "udp"):
        yield PORTS.at((*path, "portRangeBegin"), f"is set for protocol {statement['protocol']}")
    elif not begin or begin > end:
        yield PORTS.at((*path, "portRangeBegin"), f"the range is {begin} to {end}")


def warnings(acl: Mapping[str, Any], switch_ip: str) -> Iterator[Violation]:
    """What upstream accepts in an `inboundACL`, although it is almost certainly a mistake.

    *switch_ip* is the address of the switch with its prefix length, or empty.
    """
    yield from _dropped_at_switch(acl, switch_ip)
    for index, statement in enumerate(acl.get("statements") or ()):
        for field in ("srcPrefix", "dstPrefix"):
            prefix = parse_cidr(statement[field])
            if prefix is not None and (prefix.version != 4 or prefix != prefix.network):
                message = f"has host bits; its network is {prefix.network}" if prefix.version == 4 else "is IPv6"
                yield PREFIX_UNUSUAL.at((*_PATH, index, field), f"{statement[field]} {message}")


def _dropped_at_switch(acl: Mapping[str, Any], switch_ip: str) -> Iterator[Violation]:
    """The first statement that names the switch's address, if it drops; `any` ends many lists and is not meant."""
    address = parse_cidr(switch_ip)
    statements = enumerate(acl.get("statements") or ()) if address is not None else ()
    for index, statement in sorted(statements, key=lambda one: int(one[1]["seq"])):
        prefix = parse_cidr(statement["dstPrefix"])
        if address is None or prefix is None or not prefix.contains(address.address):
            continue
        if statement["protocol"] in _WITH_BGP and statement["action"] in _DROPPING:
            yield LEAF_ADDRESS.at(
                (*_PATH, index, "dstPrefix"), f"{prefix} contains the switch's address {address.address}"
            )
        if statement["protocol"] == _WITH_BGP[0]:
            return
