"""What a wiring lacks, and what is wrong with the addresses and ASNs that it has.

Upstream: getHydration in pkg/hhfab/hydrate.go of githedgehog/fabricator, which stops at the first problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hedgehog.fabric.addresses import Address, Prefix, parse_prefix
from hedgehog.fabric.hydration.gateways import port_of
from hedgehog.fabric.hydration.ranges import Ranges
from hedgehog.fabric.hydration.wiring import (
    Path,
    Wiring,
    WiringLink,
    mclag_group_of,
    number_in,
    role_of,
    text_in,
)
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.roles import LEAVES, SPINE

_LONGEST_DUMMY = 24
"""The dummy subnet is at least this large."""
_LINK_BITS = 31
_HOST_BITS = 32


class HydrationStatus(StrEnum):
    """How much of what a cluster needs a wiring has."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class HydrationProblem:
    """Something that is assigned and must not be."""

    ref: ObjectRef | None
    """None for a problem of the ranges."""
    path: Path
    message: str

    def __str__(self) -> str:
        place = ".".join(map(str, self.path))
        return f"{self.ref}: {place}: {self.message}" if self.ref else self.message


@dataclass(frozen=True, slots=True)
class MissingField:
    """A field that hydration fills in."""

    ref: ObjectRef
    path: Path


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a wiring lacks, and what is wrong with it."""

    places: int
    missing: tuple[MissingField, ...]
    problems: tuple[HydrationProblem, ...]

    @property
    def status(self) -> HydrationStatus:
        """Of what is assigned, right or wrong."""
        if not self.missing:
            return HydrationStatus.FULL
        return HydrationStatus.NONE if len(self.missing) == self.places else HydrationStatus.PARTIAL


@dataclass(slots=True)
class _Pool:
    """A subnet, and who has which of its addresses."""

    called: str
    subnet: Prefix
    bits: int | None
    """The length with which its addresses are written; None: any."""
    used: dict[Address, str] = field(default_factory=dict)


def inspect(wiring: Wiring, ranges: Ranges) -> Inspection:
    """What *wiring* lacks, and what is wrong with what it has: all problems, where upstream names the first."""
    run = _Inspection(ranges)
    run.problems += _range_problems(ranges)
    for node in wiring.nodes:
        run.node(node)
    for switch in wiring.switches:
        run.switch(switch)
    for link in wiring.links:
        run.link(link)
    for gateway in wiring.gateways:
        run.gateway(gateway)
    return Inspection(run.places, tuple(run.missing), tuple(run.problems))


def gateway_problems(wiring: Wiring) -> Iterator[HydrationProblem]:
    """Where a gateway's interface has another address than its link, which upstream does not notice."""
    for link in wiring.links:
        if link.type != "gateway":
            continue
        port = port_of(wiring, link)
        path = ("spec", "interfaces", port.name, "ips")
        has, wanted = port.interface.get("ips") or [], text_in(link.sides[1], "ip")
        if wanted not in has:
            message = f"{', '.join(map(str, has))} is not the address of {link.ref}, {wanted}; make them equal"
            yield HydrationProblem(ObjectRef("Gateway", "default", link.port(1)[0]), path, message)
        there = text_in(link.sides[0], "ip").partition("/")[0]
        others = [
            one
            for one in port.gateway.get("neighbors") or ()
            if one.get("source") == port.name and one.get("ip") != there
        ]
        for one in others:
            message = f"neighbor {one.get('ip')} on {port.name} is not the other side of {link.ref}, {there}; remove one of them"
            yield HydrationProblem(ObjectRef("Gateway", "default", link.port(1)[0]), ("spec", "neighbors"), message)


def _range_problems(ranges: Ranges) -> Iterator[HydrationProblem]:
    if ranges.dhcp_start >= ranges.dhcp_end:
        yield HydrationProblem(None, (), f"the DHCP range {ranges.dhcp_start}-{ranges.dhcp_end} is empty")
    if ranges.dummy.bits > _LONGEST_DUMMY:
        yield HydrationProblem(None, (), f"the dummy subnet {ranges.dummy} is smaller than a /{_LONGEST_DUMMY}")


class _Inspection:
    """One look at a wiring."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges
        self.places = 0
        self.missing: list[MissingField] = []
        self.problems: list[HydrationProblem] = []
        self.management = _Pool("management subnet", ranges.management, None)
        self.management.used[ranges.control_vip.address] = "the control VIP"
        self.dummy = _Pool("dummy subnet", ranges.dummy, _LINK_BITS)
        self.protocol = _Pool("protocol subnet", ranges.protocol, _HOST_BITS)
        self.vtep = _Pool("VTEP subnet", ranges.vtep, _HOST_BITS)
        self.links = _Pool("fabric subnet", ranges.fabric, _LINK_BITS)
        self.leaf_asns: dict[int, str] = {}
        self.groups: dict[str, Manifest] = {}

    def node(self, node: Manifest) -> None:
        """Management and dummy address of a control node or another node."""
        ref, spec = ObjectRef.of(node), node["spec"]
        management = text_in(spec.get("management") or {}, "ip")
        if not self._is_set(ref, ("spec", "management", "ip"), management):
            return
        self._management(ref, ("spec", "management", "ip"), management)
        dummy, path = text_in(spec.get("dummy") or {}, "ip"), ("spec", "dummy", "ip")
        if not dummy:
            self._refuse(ref, path, "is missing although the node has a management address")
            return
        self._address(ref, path, dummy, self.dummy)

    def switch(self, switch: Manifest) -> None:
        """Addresses and ASN of a switch."""
        ref, spec, role = ObjectRef.of(switch), switch["spec"], role_of(switch)
        if role != SPINE and role not in LEAVES:
            self._refuse(ref, ("spec", "role"), f"{role!r} is none of {', '.join((SPINE, *sorted(LEAVES)))}")
            return
        if self._is_set(ref, ("spec", "ip"), text_in(spec, "ip")):
            self._management(ref, ("spec", "ip"), text_in(spec, "ip"))
        self._host(ref, spec, "protocolIP", self.protocol)
        if self._is_set(ref, ("spec", "asn"), number_in(spec, "asn")):
            self._asn(ref, switch)
        if role == SPINE:
            if text_in(spec, "vtepIP"):
                self._refuse(ref, ("spec", "vtepIP"), "a spine has no VTEP address; remove it")
        elif self._is_set(ref, ("spec", "vtepIP"), text_in(spec, "vtepIP")):
            self._vtep(ref, switch)

    def link(self, link: WiringLink) -> None:
        """Both addresses of a link."""
        found = [text_in(side, "ip") for side in link.sides]
        if not all([self._is_set(link.ref, link.path(side), found[side]) for side in (0, 1)]):
            return
        first, second = (self._address(link.ref, link.path(side), found[side], self.links) for side in (0, 1))
        if first is not None and second is not None and first.network != second.network:
            self._refuse(link.ref, link.path(1), f"{second} is not in one /31 with the other side, {first}")

    def gateway(self, gateway: Manifest) -> None:
        """Addresses and ASN of a gateway."""
        ref, spec = ObjectRef.of(gateway), gateway["spec"]
        asn = number_in(spec, "asn")
        if self._is_set(ref, ("spec", "asn"), asn) and asn != self.ranges.gateway_asn:
            self._refuse(ref, ("spec", "asn"), f"{asn} is not the ASN of gateways, {self.ranges.gateway_asn}")
        self._host(ref, spec, "protocolIP", self.protocol)
        self._host(ref, spec, "vtepIP", self.vtep)

    def _asn(self, ref: ObjectRef, switch: Manifest) -> None:
        asn, path = switch["spec"]["asn"], ("spec", "asn")
        ranges, group = self.ranges, mclag_group_of(switch)
        if role_of(switch) == SPINE:
            if asn != ranges.spine_asn:
                self._refuse(ref, path, f"{asn} is not the ASN of spines, {ranges.spine_asn}")
            return
        if not ranges.leaf_asn_start <= asn <= ranges.leaf_asn_end:
            self._refuse(
                ref, path, f"{asn} is not in the range of leaves, {ranges.leaf_asn_start}-{ranges.leaf_asn_end}"
            )
        if group is None or self.groups.setdefault(group, switch) is switch:
            self._take(ref, path, asn, self.leaf_asns)
        elif number_in(self.groups[group]["spec"], "asn") != asn:
            self._refuse(ref, path, f"{asn} is not the ASN of its MCLAG peer {self.groups[group]['metadata']['name']}")

    def _vtep(self, ref: ObjectRef, switch: Manifest) -> None:
        path, text, group = ("spec", "vtepIP"), switch["spec"]["vtepIP"], mclag_group_of(switch)
        is_first = (
            group is None or group not in self.groups
        )  # an ASN, seen before, makes it known too: as upstream does
        peer = switch if group is None else self.groups.setdefault(group, switch)
        prefix = self._inside(ref, path, text, self.vtep)
        if prefix is None:
            return
        if text_in(peer["spec"], "vtepIP") != text:
            self._refuse(ref, path, f"{text} is not the VTEP address of its MCLAG peer {peer['metadata']['name']}")
        elif is_first:
            self._take(ref, path, prefix.address, self.vtep.used)
        else:
            self.vtep.used.setdefault(prefix.address, ref.name)

    def _management(self, ref: ObjectRef, path: Path, text: str) -> None:
        prefix = self._address(ref, path, text, self.management)
        if prefix is not None and prefix.address >= self.ranges.dhcp_start:
            self._refuse(ref, path, f"{text} is not below the DHCP range, which starts with {self.ranges.dhcp_start}")

    def _host(self, ref: ObjectRef, spec: Mapping[str, Any], name: str, pool: _Pool) -> None:
        if self._is_set(ref, ("spec", name), text_in(spec, name)):
            self._address(ref, ("spec", name), spec[name], pool)

    def _address(self, ref: ObjectRef, path: Path, text: str, pool: _Pool) -> Prefix | None:
        """The address of *text* if it may be one of *pool*, which it then is."""
        prefix = self._inside(ref, path, text, pool)
        if prefix is not None:
            self._take(ref, path, prefix.address, pool.used)
        return prefix

    def _inside(self, ref: ObjectRef, path: Path, text: str, pool: _Pool) -> Prefix | None:
        prefix = parse_prefix(text)
        if prefix is None or prefix.version != 4:
            example = Prefix(4, pool.subnet.first, pool.bits or pool.subnet.bits)
            self._refuse(ref, path, f"{text!r} is not an IPv4 address with its length, such as {example}")
        elif pool.bits is not None and prefix.bits != pool.bits:
            self._refuse(ref, path, f"{text} must be a /{pool.bits}")
        elif not pool.subnet.contains(prefix.address):
            self._refuse(ref, path, f"{text} is not in the {pool.called} {pool.subnet.network}")
        else:
            return prefix
        return None

    def _take(self, ref: ObjectRef, path: Path, value: Any, used: dict[Any, str]) -> None:
        if value in used:
            self._refuse(ref, path, f"{value} is in use by {used[value]}")
        else:
            used[value] = ref.name

    def _is_set(self, ref: ObjectRef, path: Path, value: object) -> bool:
        self.places += 1
        if not value:
            self.missing.append(MissingField(ref, path))
        return bool(value)

    def _refuse(self, ref: ObjectRef, path: Path, message: str) -> None:
        self.problems.append(HydrationProblem(ref, path, message))
