"""Rules of the exposes of one side of a GatewayPeering."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hedgehog.admission.rules.dataplane.release import Release
from hedgehog.admission.rules.dataplane.values import (
    MASQUERADE,
    PORT_FORWARD,
    STATIC,
    Blocks,
    Expose,
    Fault,
    Ports,
    Side,
    peering_fault,
)
from hedgehog.fabric.address_sets import AddressSet
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.manifests.rule import Path, Rule, rule

_SOURCE = "githedgehog/dataplane config/src/external/overlay/vpcpeering.rs"
_SPECIAL = {
    "0.0.0.0/8": "unspecified",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "224.0.0.0/4": "multicast",
    "255.255.255.255/32": "limited broadcast",
    "240.0.0.0/4": "reserved",
    "::/128": "unspecified",
    "::1/128": "loopback",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
_SPECIAL_PREFIXES = tuple((prefix, name) for text, name in _SPECIAL.items() if (prefix := parse_prefix(text)))
Found = tuple[Rule, Path, str]

DEFAULT_TWICE = rule(
    "gateway-peering-default-twice",
    what="A side of a GatewayPeering has at most one default expose.",
    why="The default stands for everything else, which can be exposed only once.",
    source=f"{_SOURCE} VpcManifest::validate",
    fix="keep one expose with `default: true`",
)
ONLY_EXCLUDED = rule(
    "gateway-peering-only-excluded",
    what="The `ips` of an expose include something, not only exclude.",
    why="With only `not` they expose nothing.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="add a cidr or vpcSubnet that the excluded addresses are part of",
)
AS_ONLY_EXCLUDED = rule(
    "gateway-peering-as-only-excluded",
    what="The `as` of an expose includes something, not only excludes.",
    why="With only `not` there is nothing to translate to.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="add a cidr that the excluded addresses are part of",
)
VERSION_MIXED = rule(
    "gateway-peering-ip-version-mixed",
    what="All addresses of one expose are IPv4, or all are IPv6, also those in `not` and `as`.",
    why="The gateway does not translate between the two.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="write one expose for IPv4 and one for IPv6",
)
LIST_OVERLAP = rule(
    "gateway-peering-list-overlap",
    what="The blocks of one list of an expose do not overlap (before v0.129).",
    why="The gateway of these releases counts each block by itself.",
    source=f"{_SOURCE} VpcExpose::validate, dataplane v0.20",
    fix="remove the block that the other one contains",
)
SPECIAL_USE = rule(
    "gateway-peering-special-use",
    what="Nothing that is exposed contains addresses that are never those of a host (since v0.129).",
    why=f"These ranges are reserved: {', '.join(_SPECIAL)}.",
    source=f"{_SOURCE} reject_special_use",
    fix="exclude them with `not`; to expose everything, as 0.0.0.0/0 would, write `default: true`",
)
ALL_EXCLUDED = rule(
    "gateway-peering-all-excluded",
    what="An expose does not exclude everything that it includes.",
    why="Nothing would be left to expose, or to translate to.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="exclude less",
)
STATIC_SIZES = rule(
    "gateway-peering-static-sizes",
    what="Static NAT has as many addresses in `ips` as in `as`, without those that are excluded.",
    why="It is one to one; otherwise some addresses have no counterpart.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="list the same number of addresses in `ips` and `as`; addresses listed twice count once",
)
FORWARD_EXCLUSION = rule(
    "gateway-peering-port-forward-exclusion",
    what="An expose with portForward excludes nothing.",
    why="The gateway forwards whole prefixes only.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="remove `not`, and list a smaller cidr",
)
FORWARD_PREFIX = rule(
    "gateway-peering-port-forward-prefix",
    what="An expose with portForward has one prefix in `ips` and one in `as`.",
    why="The gateway would not know which address belongs to which.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="write one expose for each prefix",
)
FORWARD_SIZES = rule(
    "gateway-peering-port-forward-sizes",
    what="portForward has as many addresses times ports in `ips` and `port` as in both lists called `as`.",
    why="It is one to one; otherwise some ports have no counterpart.",
    source=f"{_SOURCE} VpcExpose::validate",
    fix="use prefixes of the same length, and ranges of as many ports",
)
OVERLAP = rule(
    "gateway-peering-expose-overlap",
    what="Two exposes of one side do not overlap, except masquerade and portForward.",
    why="It would be undefined which of the two an address belongs to.",
    source=f"{_SOURCE} validate_expose_collisions",
    fix="put the addresses into one expose, or exclude them from one of the two",
)
VERSION_EXPOSES = rule(
    "gateway-peering-ip-version-exposes",
    what="All exposes of one side are IPv4, or all are IPv6 (after v0.129).",
    why="The gateway keeps one table of routes for a peering.",
    source=f"{_SOURCE} validate_single_ip_version",
    fix="expose the others to another VPC or External, in a GatewayPeering of its own",
)


def side_faults(peering: str, side: Side, release: Release) -> Iterator[Fault]:
    """What is wrong with one side: of each expose the first fault, then the pairs of those without one."""
    path: Path = ("spec", "peering", side.name, "expose")
    if sum(expose.is_default for expose in side.exposes) > 1:
        yield peering_fault(DEFAULT_TWICE, peering, path, f"{side.name} has more than one default")
    found = [next(_expose_faults(expose, release), None) for expose in side.exposes if not expose.is_default]
    wrong = dict.fromkeys(fault for fault in found if fault)
    yield from (peering_fault(broken, peering, at, message) for broken, at, message in wrong)
    if wrong:
        return
    if release >= Release.V0_25 and len({expose.version for expose in side.exposes} - {None}) > 1:
        yield peering_fault(VERSION_EXPOSES, peering, path, f"{side.name} exposes both IPv4 and IPv6")
    for one, other in itertools.combinations(side.exposes, 2):
        shared = _shared(one, other)
        if shared:
            yield peering_fault(OVERLAP, peering, other.ports_path or other.path, f"{shared} of another expose")


def _expose_faults(expose: Expose, release: Release) -> Iterator[Found]:
    lists = [("ips", expose.ips), *([("as", expose.outside_ips)] if expose.nat else [])]
    for (field, blocks), violated in zip(lists, (ONLY_EXCLUDED, AS_ONLY_EXCLUDED), strict=False):
        if not blocks.included:
            yield violated, (*expose.path, field), "has only `not`"
    versions = {prefix.version for _, blocks in lists for prefix in (*blocks.included, *blocks.excluded)}
    if len(versions) > 1:
        yield VERSION_MIXED, expose.path, "has both IPv4 and IPv6 addresses"
    if release >= Release.V0_24:
        yield from _set_faults(expose, lists)
    else:
        yield from _sum_faults(expose, lists)


def _set_faults(expose: Expose, lists: list[tuple[str, Blocks]]) -> Iterator[Found]:
    """The rules since v0.24, which count each address once."""
    for field, blocks in lists:
        yield from _special(blocks.addresses, (*expose.path, field))
    for field, blocks in lists:
        if not blocks.addresses:
            yield ALL_EXCLUDED, (*expose.path, field), "everything is excluded"
    inside, outside = expose.inside, expose.outside_ips.addresses
    if expose.nat == STATIC and inside.size != outside.size:
        yield STATIC_SIZES, (*expose.path, "nat", STATIC), f"{inside.size} addresses become {outside.size}"
    if expose.nat == PORT_FORWARD:
        yield from _forward_faults(expose, lists, [inside.prefixes, outside.prefixes])


def _sum_faults(expose: Expose, lists: list[tuple[str, Blocks]]) -> Iterator[Found]:
    """The rules before v0.24, which count blocks."""
    for field, blocks in lists:
        for prefixes in (blocks.included, blocks.excluded):
            pair = next((pair for pair in itertools.combinations(prefixes, 2) if pair[0].overlaps(pair[1])), None)
            if pair:
                yield LIST_OVERLAP, (*expose.path, field), f"{pair[0]} overlaps {pair[1]}"
    sums = {field: _sum(blocks.included) - _sum(blocks.excluded) for field, blocks in lists}
    for field, left in sums.items():
        if left <= 0:
            yield ALL_EXCLUDED, (*expose.path, field), "at least as many addresses are excluded as included"
    if expose.nat == STATIC and sums["ips"] != sums["as"]:
        yield STATIC_SIZES, (*expose.path, "nat", STATIC), f"{sums['ips']} addresses become {sums['as']}"
    if expose.nat == PORT_FORWARD:
        yield from _forward_faults(expose, lists, [expose.ips.included, expose.outside_ips.included])


def _sum(prefixes: tuple[Prefix, ...]) -> int:
    return sum(prefix.size for prefix in prefixes)


def _special(addresses: AddressSet, path: Path) -> Iterator[Found]:
    for prefix in addresses.prefixes:
        for special, name in _SPECIAL_PREFIXES:
            if special.overlaps(prefix):
                yield SPECIAL_USE, path, f"{prefix} contains {name} addresses, {special}"


def _forward_faults(
    expose: Expose, lists: list[tuple[str, Blocks]], prefixes: list[tuple[Prefix, ...]]
) -> Iterator[Found]:
    for field, blocks in lists:
        if blocks.excluded:
            yield FORWARD_EXCLUSION, (*expose.path, field), "excludes addresses"
    for (field, _), found in zip(lists, prefixes, strict=True):
        if len(found) != 1:
            yield FORWARD_PREFIX, (*expose.path, field), f"is {len(found)} prefixes: {', '.join(map(str, found))}"
    inside, outside = (
        sum(prefix.size for prefix in found) * (last - first + 1)
        for found, (first, last) in zip(prefixes, (expose.inside_ports, expose.outside_ports), strict=True)
    )
    if inside != outside:
        yield FORWARD_SIZES, expose.ports_path, f"{inside} pairs of address and port become {outside}"


def _shared(one: Expose, other: Expose) -> str:
    """What two exposes of one side share and must not; empty where they may be side by side."""
    nats = {one.nat, other.nat}
    if one.is_default or other.is_default or nats == {MASQUERADE, PORT_FORWARD}:
        return ""
    if nats == {PORT_FORWARD} and not one.protocols & other.protocols:
        return ""
    return _overlap(other.inside, other.inside_ports, one.inside, one.inside_ports) or _overlap(
        other.public, other.public_ports, one.public, one.public_ports
    )


def _overlap(one: AddressSet, ports: Ports, other: AddressSet, other_ports: Ports) -> str:
    shared = one.shared(other) if ports_overlap(ports, other_ports) else None
    return f"{shared[0]} overlaps {shared[1]}" if shared else ""


def ports_overlap(one: Ports, other: Ports) -> bool:
    """Whether two ranges share a port."""
    return one[0] <= other[1] and other[0] <= one[1]
