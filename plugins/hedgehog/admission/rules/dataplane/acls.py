"""Rules of the access control list of a GatewayPeering, which the gateway reads since v0.129."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.admission.rules.dataplane.exposes import ports_overlap
from hedgehog.admission.rules.dataplane.values import (
    ALL_PORTS,
    AclRule,
    Fault,
    Match,
    Peering,
    Ports,
    Side,
    peering_fault,
)
from hedgehog.fabric.addresses import Prefix
from hedgehog.manifests.rule import Path, Rule, rule

_PATH = ("spec", "acl", "rules")
_SOURCE = "githedgehog/dataplane config/src/external/overlay/acl.rs"
_ROOTS = {True: Prefix(4, 0, 0), False: Prefix(6, 0, 0)}
_WITH_PORTS = ("tcp", "udp")
Found = tuple[Rule, Path, str]
Covered = list[tuple[Prefix, Ports]]

EMPTY = rule(
    "gateway-acl-empty",
    what="An access control list has at least one rule (since v0.129).",
    why="The gateway refuses a list without rules, whatever its default is.",
    source=f"{_SOURCE} Acl::validate",
    fix="leave `acl` out, or write a rule",
)
NAME_DUPLICATE = rule(
    "gateway-acl-name-duplicate",
    what="The rules of one access control list have different names (since v0.129).",
    why="Logs and counters are kept by the name.",
    source=f"{_SOURCE} validate_rules_names",
    fix="rename one of them, or leave its name out",
)
PORTS_PROTOCOL = rule(
    "gateway-acl-ports-protocol",
    what="A rule that names ports is of tcp or udp (since v0.129).",
    why="Other protocols have no ports; a rule without a protocol is of all.",
    source=f"{_SOURCE} validate_ports",
    fix="set proto to tcp or udp, with a rule for each, or leave the ports out",
)
VERSION = rule(
    "gateway-acl-ip-version",
    what="All addresses of a rule are IPv4, or all are IPv6 (since v0.129).",
    why="No packet has both.",
    source=f"{_SOURCE} AclPattern::validate",
    fix="write one rule for IPv4 and one for IPv6",
)
OUTSIDE = rule(
    "gateway-acl-match-outside",
    what="The addresses and ports of a rule are among those that its sides expose (since v0.129).",
    why="The rule would match nothing. `src` is compared with addresses before translation, `dst` with those after it.",
    source=f"{_SOURCE} validate_patterns_coverage",
    fix="name addresses that the side exposes: in `src` those of its `ips`, in `dst` those of its `as`; or leave it out",
)
SCOPE_FLOW = rule(
    "gateway-acl-scope-flow",
    what="A rule of scope flow, the default, needs masquerade or portForward in every expose of one side (since v0.129).",
    why="Without stateful NAT the gateway keeps no flows.",
    source=f"{_SOURCE} validate_scope",
    fix="set `scope: packet` and write a second rule for the way back, or use stateful NAT in all exposes of one side",
)


def acl_faults(peering: Peering, sides: tuple[Side, Side]) -> Iterator[Fault]:
    """What is wrong with the list of *peering*, whose valid *sides* are the local and the remote one."""
    if peering.acl is None:
        return
    if not peering.acl:
        yield peering_fault(EMPTY, peering.name, _PATH, "is empty")
    seen: set[str] = set()
    for row in peering.acl:
        if row.name and row.name in seen:
            yield peering_fault(NAME_DUPLICATE, peering.name, (*row.path, "name"), f"{row.name!r} is used twice")
        seen.add(row.name)
    for row in peering.acl:
        found = next(_rule_faults(row, sides), None)
        if found:
            broken, path, message = found
            yield peering_fault(broken, peering.name, path, message)


def _rule_faults(row: AclRule, sides: tuple[Side, Side]) -> Iterator[Found]:
    path = (*row.path, "match")
    if row.protocol not in _WITH_PORTS and (row.src.uses_ports or row.dst.uses_ports):
        yield PORTS_PROTOCOL, path, f"names ports, and the protocol is {row.protocol or 'any'}"
    if len({prefix.version for prefix, _ in (*row.src.entries, *row.dst.entries)}) > 1:
        yield VERSION, path, "has both IPv4 and IPv6 addresses"
    local, remote = sides
    is_ipv4 = remote.is_ipv4 if local.is_default_only else local.is_ipv4
    by_name = {side.name: side for side in sides}
    for field, match, name in (("src", row.src, row.source), ("dst", row.dst, row.destination)):
        covered = _covered(by_name[name], is_ipv4, is_source=field == "src")
        if not _meets(match, covered):
            shown = ", ".join(str(prefix) for prefix, _ in covered)
            yield OUTSIDE, (*path, field), f"matches nothing of {name}, which has {shown}"
    if row.is_per_flow and not any(side.is_stateful for side in sides):
        yield (
            SCOPE_FLOW,
            (*row.path, "scope"),
            f"is flow, and neither {local.name} nor {remote.name} has only stateful NAT",
        )


def _covered(side: Side, is_ipv4: bool, *, is_source: bool) -> Covered:
    if side.has_default:
        return [(_ROOTS[is_ipv4], ALL_PORTS)]
    return [
        (prefix, expose.inside_ports if is_source else expose.public_ports)
        for expose in side.exposes
        for prefix in (expose.inside if is_source else expose.public).prefixes
    ]


def _meets(match: Match, covered: Covered) -> bool:
    """Whether any traffic of *covered* matches."""
    if not match.entries and not match.any_address:
        return True
    return any(
        ports_overlap(ports or ALL_PORTS, exposed) and (prefix is None or prefix.overlaps(other))
        for prefix, ports in (*match.entries, *((None, ports) for ports in match.any_address))
        for other, exposed in covered
    )
