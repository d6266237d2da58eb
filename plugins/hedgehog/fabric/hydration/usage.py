"""Who has which address and ASN of a fabric's ranges, and what is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.addresses import Address, Prefix, parse_prefix
from hedgehog.fabric.hydration.ranges import KEPT_FOR_CONTROL, Ranges
from hedgehog.fabric.hydration.wiring import Path, Wiring, number_in, role_of, text_in
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.roles import SPINE

CONTROL_VIP = ObjectRef("Fabricator", "fab", "default")
"""Who has the control VIP."""


@dataclass(frozen=True, slots=True, order=True)
class AddressUse:
    """One address or ASN in use."""

    value: str
    ref: ObjectRef
    field: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"value": self.value, "object": str(self.ref), "field": self.field}


@dataclass(frozen=True, slots=True)
class RangeUsage:
    """One range of a fabric."""

    name: str
    span: str
    """Its first and last value that hydration assigns; empty if there are none."""
    size: int
    used: int
    """How many values of the span are in use, each counted once."""
    next_free: str
    """What hydration assigns next; empty if nothing is free."""
    uses: tuple[AddressUse, ...]
    """By value; also those outside of the span."""

    @property
    def free(self) -> int:
        """How many values are left."""
        return self.size - self.used

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "span": self.span,
            "size": self.size,
            "used": self.used,
            "free": self.free,
            "next_free": self.next_free,
            "uses": [use.as_dict() for use in self.uses],
        }


_Found = tuple[int, ObjectRef, Path]
"""A number, who has it, and where."""


def range_usage(manifests: Iterable[Manifest], ranges: Ranges) -> tuple[RangeUsage, ...]:
    """The ranges from which hydration assigns, with what *manifests* use of them."""
    wiring = Wiring.copied(manifests)
    management = ranges.management
    first = ranges.control_vip.value + KEPT_FOR_CONTROL
    below_dhcp = range(first, max(first, min(management.last + 1, ranges.dhcp_start.value)))
    vip = (ranges.control_vip.value, CONTROL_VIP, ("spec", "config", "control", "controlVIP"))
    return (
        _usage("management", below_dhcp, (vip, *_management(wiring))),
        _usage("dummy", _whole(ranges.dummy), _addresses(wiring.nodes, ("dummy", "ip")), step=2),
        _usage("protocol", _whole(ranges.protocol), _addresses(_devices(wiring), ("protocolIP",))),
        _usage("vtep", _whole(ranges.vtep), _addresses(_devices(wiring), ("vtepIP",))),
        _usage("links", _whole(ranges.fabric), _links(wiring), step=2),
        _usage("leaf-asn", range(ranges.leaf_asn_start, ranges.leaf_asn_end + 1), _leaf_asns(wiring), is_asn=True),
    )


def _usage(name: str, numbers: range, found: Iterable[_Found], *, step: int = 1, is_asn: bool = False) -> RangeUsage:
    everything = sorted(found, key=lambda one: (one[0], one[1]))
    taken = {number for number, _, _ in everything if number in numbers}
    pairs = numbers[::step]
    following = next((one for one in pairs if not any(one + more in taken for more in range(step))), None)
    written = str if is_asn else _address
    return RangeUsage(
        name,
        f"{written(numbers[0])} - {written(numbers[-1])}" if numbers else "",
        len(numbers),
        len(taken),
        "" if following is None else written(following),
        tuple(AddressUse(written(number), ref, ".".join(map(str, path))) for number, ref, path in everything),
    )


def _address(number: int) -> str:
    return str(Address(4, number))


def _whole(subnet: Prefix) -> range:
    return range(subnet.first, subnet.last + 1)


def _devices(wiring: Wiring) -> tuple[Manifest, ...]:
    return (*wiring.switches, *wiring.gateways)


def _management(wiring: Wiring) -> Iterator[_Found]:
    yield from _addresses(wiring.nodes, ("management", "ip"))
    yield from _addresses(wiring.switches, ("ip",))


def _addresses(manifests: Iterable[Manifest], path: tuple[str, ...]) -> Iterator[_Found]:
    for one in manifests:
        fields: Mapping[str, Any] = one["spec"]
        for name in path[:-1]:
            fields = fields.get(name) or {}
        yield from _parsed(text_in(fields, path[-1]), ObjectRef.of(one), ("spec", *path))


def _links(wiring: Wiring) -> Iterator[_Found]:
    for link in wiring.links:
        for side, fields in enumerate(link.sides):
            yield from _parsed(text_in(fields, "ip"), link.ref, link.path(side))


def _leaf_asns(wiring: Wiring) -> Iterator[_Found]:
    for switch in wiring.switches:
        asn = number_in(switch["spec"], "asn")
        if asn and role_of(switch) != SPINE:
            yield asn, ObjectRef.of(switch), ("spec", "asn")


def _parsed(text: str, ref: ObjectRef, path: Path) -> Iterator[_Found]:
    prefix = parse_prefix(text)
    if prefix is not None and prefix.version == 4:
        yield prefix.value, ref, path
