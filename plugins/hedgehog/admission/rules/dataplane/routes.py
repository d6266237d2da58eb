"""Rules of all that is exposed to one VPC or External, by whatever GatewayPeerings.

`Routes` knows without looking at every pair whether anything is wrong; `route_faults` says what.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hedgehog.admission.rules.dataplane.exposes import ports_overlap
from hedgehog.admission.rules.dataplane.release import Release
from hedgehog.admission.rules.dataplane.values import ALL_PORTS, MASQUERADE, Fault, Peering, Ports
from hedgehog.admission.rules.gateway.peerings import OVERLAP
from hedgehog.fabric.addresses import Prefix, PrefixIndex
from hedgehog.manifests.rule import Path, Rule, rule

_ROOT = Prefix(4, 0, 0)
_SOURCE = "githedgehog/dataplane config/src/external/overlay/vpcrouting.rs"

DESTINATIONS = rule(
    "gateway-peering-default-destinations",
    what="At most one GatewayPeering exposes a default to a VPC or External.",
    why="There can be only one place for everything that no other expose names, whatever the GatewayGroups are.",
    source=f"{_SOURCE} VpcRouteTable::validate",
    fix="list the addresses instead of the default in one of the GatewayPeerings, or delete it",
)
GROUPS = rule(
    "gateway-peering-overlap-groups",
    what="What overlaps of all that is exposed to a VPC or External is in one GatewayGroup (since v0.129).",
    why="Traffic could not be divided between the groups; a default overlaps everything in IPv4.",
    source=f"{_SOURCE} VpcRouteTable::validate",
    fix="set the gatewayGroup of both GatewayPeerings to the same; where one exposes a default, all IPv4 peerings of the "
    "VPC are in the group of that one",
)


@dataclass(frozen=True)
class Route:
    """One destination that a peering exposes."""

    peering: str
    origin: str
    group: str
    path: Path
    prefix: Prefix
    ports: Ports = ALL_PORTS
    nat: str = ""
    is_default: bool = False

    def __str__(self) -> str:
        return f"the default of {self.origin}" if self.is_default else f"{self.prefix} of {self.origin}"


def routes_to(target: str, peering: Peering) -> list[Route]:
    """What *peering* exposes to its side *target*."""
    origin = peering.towards(target)
    return [
        Route(peering.name, origin.name, peering.group, expose.path, prefix, ports, expose.nat, expose.is_default)
        for expose in origin.exposes
        for prefix, ports in (
            [(_ROOT, ALL_PORTS)]
            if expose.is_default
            else [(prefix, expose.public_ports) for prefix in expose.public.prefixes]
        )
    ]


def route_faults(target: str, peerings: Iterable[Peering], release: Release) -> Iterator[Fault]:
    """What is wrong between *peerings*, in order of their names, as *target* sees them."""
    table: dict[tuple[Prefix, Ports], list[Route]] = {}
    for peering in peerings:
        for route in routes_to(target, peering):
            table.setdefault((route.prefix, route.ports), []).append(route)
    routes = [route for same in table.values() for route in same]
    for one, other in itertools.combinations(routes, 2):
        broken = _conflict(one, other, release)
        if broken is not None:
            yield _fault(broken, target, one, other)


def _conflict(one: Route, other: Route, release: Release) -> Rule | None:
    if one.is_default and other.is_default:
        return DESTINATIONS
    if not (one.prefix.overlaps(other.prefix) and ports_overlap(one.ports, other.ports)):
        return None
    may_overlap = one.origin == other.origin or one.nat == other.nat == MASQUERADE or one.is_default != other.is_default
    if not may_overlap:
        return OVERLAP
    return GROUPS if one.group != other.group and release >= Release.V0_24 else None


def _fault(broken: Rule, target: str, one: Route, other: Route) -> Fault:
    views = {}
    for mine, theirs in ((other, one), (one, other)):
        text = f"{mine} is exposed to {target}, and {theirs} as well by {theirs.peering}"
        if broken is GROUPS:
            text += f", which is in GatewayGroup {theirs.group}, not {mine.group}"
        views[("GatewayPeering", mine.peering)] = (_place(broken, mine), text)
    return Fault(broken, views)


def _place(broken: Rule, route: Route) -> Path:
    return ("spec", "gatewayGroup") if broken is GROUPS else route.path


@dataclass
class Routes:
    """What is exposed to one VPC or External, to be asked whether one more peering fits."""

    target: str
    _prefixes: PrefixIndex[Route] = field(default_factory=PrefixIndex)
    _defaults: dict[str, str] = field(default_factory=dict)
    """The group of each peering that exposes a default."""
    _groups: dict[str, dict[str, None]] = field(default_factory=dict)
    """The peerings of each group that expose anything in IPv4."""

    def add(self, peering: Peering) -> None:
        """Note what *peering* exposes."""
        for route in routes_to(self.target, peering):
            if route.is_default:
                self._defaults[peering.name] = peering.group
            else:
                self._prefixes.add(route.prefix, route)
            if route.prefix.version == _ROOT.version:
                self._groups.setdefault(peering.group, {})[peering.name] = None

    def remove(self, peering: Peering) -> None:
        """Undo `add`."""
        for route in routes_to(self.target, peering):
            if not route.is_default:
                self._prefixes.remove(route.prefix, route)
        self._defaults.pop(peering.name, None)
        self._groups.get(peering.group, {}).pop(peering.name, None)

    def fits(self, peering: Peering, release: Release) -> bool:
        """Whether *peering* conflicts with none of the others; one of its own name does not count."""
        routes = routes_to(self.target, peering)
        defaults = {name: group for name, group in self._defaults.items() if name != peering.name}
        if any(route.is_default for route in routes) and (defaults or self._is_in_other_group(peering)):
            return False
        has_ipv4 = any(route.prefix.version == _ROOT.version for route in routes)
        if has_ipv4 and any(group != peering.group for group in defaults.values()):
            return False
        return not any(
            other.peering != peering.name and _conflict(route, other, release)
            for route in routes
            if not route.is_default
            for _, other in self._prefixes.overlapping(route.prefix)
        )

    def _is_in_other_group(self, peering: Peering) -> bool:
        return any(
            any(name != peering.name for name in names)
            for group, names in self._groups.items()
            if group != peering.group
        )
