"""What a wiring lacks, assigned from what is free in the fabric's ranges; what it has stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.hydration.gateways import GatewayPort, free_gateway_numbers, port_of, set_gateway_constants
from hedgehog.fabric.hydration.ranges import KEPT_FOR_CONTROL, Ranges
from hedgehog.fabric.hydration.wiring import (
    Fields,
    Wiring,
    WiringLink,
    mclag_group_of,
    number_in,
    part_of,
    role_of,
    text_in,
)
from hedgehog.fabric.roles import SPINE
from hedgehog.fabric.shown import listed

_HOST_BITS, _LINK_BITS = 32, 31
_NAMED = 3
"""How many owners a message about an exhausted range names."""


@dataclass(slots=True)
class _Pool:
    """The numbers of one range: which are in use, and the next free one."""

    called: str
    numbers: range
    bits: int | None
    """The length with which its addresses are written; None: its numbers are not addresses."""
    used: dict[int, str] = field(default_factory=dict)
    _next: int = 0

    def fill(self, fields: Fields, name: str, owner: str, *, together: int = 1) -> None:
        """Set a field that is missing to the next free number."""
        if not fields.get(name):
            fields[name] = self.written(self.take(owner, together=together))

    def written(self, number: int) -> Any:
        """As it stands in a manifest."""
        return number if self.bits is None else str(Prefix(4, number, self.bits))

    def take(self, owner: str, *, together: int = 1) -> int:
        """The lowest free number, for *owner*; with *together* of them in a row, the first. Raises InvalidInput if none is
        left."""
        while self._next < len(self.numbers):
            number = self.numbers[self._next]
            wanted = range(number, number + together)
            self._next += 1
            if wanted[-1] < self.numbers.stop and not any(one in self.used for one in wanted):
                self.used |= dict.fromkeys(wanted, owner)
                return number
        raise InvalidInput(f"{owner}: {self._exhausted()}")

    def _exhausted(self) -> str:
        owners = listed(dict.fromkeys(self.used[one] for one in sorted(self.used)), _NAMED)
        if not self.numbers:
            return f"the {self.called} is empty; make it larger"
        first, last = (str(self.written(one)).partition("/")[0] for one in (self.numbers[0], self.numbers[-1]))
        span = f"{first} to {last}"
        return f"nothing is free in the {self.called}, {span}; in use by {owners or 'nobody'}; make it larger"


@dataclass(slots=True)
class _Pools:
    management: _Pool
    dummy: _Pool
    protocol: _Pool
    vtep: _Pool
    links: _Pool
    leaf_asns: _Pool


def assign_missing(wiring: Wiring, ranges: Ranges) -> None:
    """Assign what *wiring* lacks, in upstream's order, each the lowest that is free.

    MCLAG peers share their ASN and VTEP address; both sides of a link are in one /31; a gateway's interfaces and
    neighbors follow its links. Nothing that is there is changed or checked: `inspect` has to follow. Raises InvalidInput,
    with *wiring* partly assigned, if a range is exhausted or a link leads to no gateway.
    """
    pools = _pools(wiring, ranges)
    for node in wiring.nodes:
        name = node["metadata"]["name"]
        pools.management.fill(part_of(node["spec"], "management"), "ip", name)
        pools.dummy.fill(part_of(node["spec"], "dummy"), "ip", name, together=2)
    groups = _groups(wiring)
    for switch in wiring.switches_in_turn:
        _fill_switch(switch["metadata"]["name"], switch["spec"], groups.get(mclag_group_of(switch), []), pools, ranges)
    for link in wiring.links_in_turn:
        port = port_of(wiring, link) if link.type == "gateway" else None
        _fill_link(link, port, pools.links, ranges.fabric)
        if port is not None:
            port.follow(link, ranges)
    _fill_gateways(wiring, pools, ranges)


def _fill_switch(name: str, spec: Fields, group: list[Fields], pools: _Pools, ranges: Ranges) -> None:
    pools.management.fill(spec, "ip", name)
    pools.protocol.fill(spec, "protocolIP", name)
    if spec.get("role") == SPINE:
        spec["asn"] = spec.get("asn") or ranges.spine_asn
        return
    for field_name, pool in (("asn", pools.leaf_asns), ("vtepIP", pools.vtep)):
        of_peer = next((peer[field_name] for peer in group if peer.get(field_name)), None)
        if of_peer:
            spec[field_name] = spec.get(field_name) or of_peer
        pool.fill(spec, field_name, name)


def _fill_link(link: WiringLink, port: GatewayPort | None, links: _Pool, subnet: Prefix) -> None:
    """Both sides of one /31. What the gateway's interface has already is taken for its link."""
    for side, address in enumerate(port.addresses() if port is not None else ()):
        if address is not None and subnet.contains(address) and address.value not in links.used:
            links.used[address.value] = link.ref.name
            link.sides[side]["ip"] = text_in(link.sides[side], "ip") or links.written(address.value)
    first, second = (text_in(side, "ip") for side in link.sides)
    if not first and not second:
        number = links.take(link.ref.name, together=2)
        link.sides[0]["ip"], link.sides[1]["ip"] = links.written(number), links.written(number + 1)
    for side, other in ((0, parse_prefix(second)), (1, parse_prefix(first))):
        if other is not None and not text_in(link.sides[side], "ip"):
            links.used[other.value ^ 1] = link.ref.name
            link.sides[side]["ip"] = links.written(other.value ^ 1)


def _fill_gateways(wiring: Wiring, pools: _Pools, ranges: Ranges) -> None:
    numbers = free_gateway_numbers(wiring.gateways)
    for gateway in wiring.gateways_in_turn:
        name, spec = gateway["metadata"]["name"], gateway["spec"]
        spec["asn"] = spec.get("asn") or ranges.gateway_asn
        pools.protocol.fill(spec, "protocolIP", name)
        pools.vtep.fill(spec, "vtepIP", name)
        constants: Fields = {}
        set_gateway_constants(constants, 0 if text_in(spec, "vtepMAC") else next(numbers), ranges)
        for key, value in constants.items():
            spec[key] = spec.get(key) or value


def _groups(wiring: Wiring) -> dict[str | None, list[Fields]]:
    groups: dict[str | None, list[Fields]] = {}
    for switch in wiring.switches_in_turn:
        group = mclag_group_of(switch)
        if group is not None and role_of(switch) != SPINE:
            groups.setdefault(group, []).append(switch["spec"])
    return groups


def _pools(wiring: Wiring, ranges: Ranges) -> _Pools:
    first = ranges.control_vip.address.value + KEPT_FOR_CONTROL
    below = min(ranges.management.last + 1, ranges.dhcp_start.value)
    pools = _Pools(
        management=_Pool(
            "management subnet below the DHCP range", range(first, max(first, below)), ranges.management.bits
        ),
        dummy=_Pool("dummy subnet", _span(ranges.dummy, step=2), _LINK_BITS),
        protocol=_Pool("protocol subnet", _span(ranges.protocol), _HOST_BITS),
        vtep=_Pool("VTEP subnet", _span(ranges.vtep), _HOST_BITS),
        links=_Pool("fabric subnet", _span(ranges.fabric, step=2), _LINK_BITS),
        leaf_asns=_Pool("ASN range of leaves", range(ranges.leaf_asn_start, ranges.leaf_asn_end + 1), None),
    )
    pools.management.used[ranges.control_vip.value] = "the control VIP"
    for node in wiring.nodes:
        spec = node["spec"]
        _note(pools.management, [text_in(part_of(spec, "management"), "ip")], node["metadata"]["name"])
        _note(pools.dummy, _both(text_in(part_of(spec, "dummy"), "ip")), node["metadata"]["name"])
    for device in (*wiring.switches, *wiring.gateways):
        name, spec = device["metadata"]["name"], device["spec"]
        _note(pools.management, [text_in(spec, "ip")], name)
        _note(pools.protocol, [text_in(spec, "protocolIP")], name)
        _note(pools.vtep, [text_in(spec, "vtepIP")], name)
        pools.leaf_asns.used[number_in(spec, "asn")] = name
    for link in wiring.links:
        _note(pools.links, (text_in(side, "ip") for side in link.sides), link.ref.name)
    return pools


def _span(subnet: Prefix, step: int = 1) -> range:
    return range(subnet.first, subnet.last + 1, step)


def _note(pool: _Pool, texts: Iterable[str], owner: str) -> None:
    for text in texts:
        prefix = parse_prefix(text)
        if prefix is not None and prefix.version == 4:
            pool.used[prefix.value] = owner


def _both(text: str) -> Iterator[str]:
    """Both addresses of a /31."""
    prefix = parse_prefix(text)
    if prefix is not None and prefix.version == 4:
        yield from (str(Prefix(4, value, _LINK_BITS)) for value in (prefix.value, prefix.value ^ 1))
