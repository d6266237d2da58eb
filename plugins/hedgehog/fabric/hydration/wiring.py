"""The objects of a wiring that have addresses and ASNs, in the orders in which upstream looks at them.

Upstream: pkg/hhfab/hydrate.go of githedgehog/fabricator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.model import Manifest, ObjectRef, plain_copy
from hedgehog.fabric.roles import SPINE

MCLAG = "mclag"
KINDS_WITH_ADDRESSES = ("ControlNode", "FabNode", "Switch", "Connection", "Gateway")
_SIDES: Mapping[str, tuple[str, str]] = {
    "fabric": ("spine", "leaf"),
    "mesh": ("leaf1", "leaf2"),
    "gateway": ("switch", "gateway"),
}
"""The connections whose links have addresses, and the sides of such a link, in the order of their addresses. A
connection with several types counts as the first."""

Fields = dict[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class WiringLink:
    """One link of a connection with addresses on both sides."""

    ref: ObjectRef
    type: str
    index: int
    sides: tuple[Fields, Fields]
    """As they are in the connection, so what is assigned there is assigned to it."""

    def path(self, side: int) -> Path:
        """The place of an address."""
        return ("spec", self.type, "links", self.index, _SIDES[self.type][side], "ip")

    def port(self, side: int) -> tuple[str, str]:
        """The device and the port of a side; empty where the text has no slash."""
        device, _, port = text_in(self.sides[side], "port").partition("/")
        return device, port


@dataclass(frozen=True, slots=True)
class Wiring:
    """Copies of the objects with addresses, by kind, which may be changed."""

    objects: Mapping[str, tuple[Manifest, ...]]

    @classmethod
    def copied(cls, manifests: Iterable[Manifest]) -> Wiring:
        """Of *manifests*, which are not changed and may hold objects of any kind."""
        found: dict[str, list[Manifest]] = {kind: [] for kind in KINDS_WITH_ADDRESSES}
        for manifest in manifests:
            if manifest["kind"] in found:
                own = plain_copy(dict(manifest))
                own["spec"] = own.get("spec") or {}
                found[own["kind"]].append(own)
        return cls({kind: tuple(sorted(each, key=_namespace_and_name)) for kind, each in found.items()})

    @property
    def nodes(self) -> tuple[Manifest, ...]:
        """Control nodes, then others, each by name."""
        return (*_by_name(self.objects["ControlNode"]), *_by_name(self.objects["FabNode"]))

    @property
    def switches(self) -> tuple[Manifest, ...]:
        """By namespace and name."""
        return self.objects["Switch"]

    @property
    def switches_in_turn(self) -> list[Manifest]:
        """In the order in which they are assigned something: spines, then the others by role and name."""
        return sorted(self.switches, key=lambda one: (role_of(one) != SPINE, role_of(one), one["metadata"]["name"]))

    @property
    def gateways(self) -> tuple[Manifest, ...]:
        """By namespace and name."""
        return self.objects["Gateway"]

    @property
    def gateways_in_turn(self) -> list[Manifest]:
        """By name."""
        return _by_name(self.gateways)

    @property
    def links(self) -> Iterator[WiringLink]:
        """By namespace and name of the connection."""
        for connection in self.objects["Connection"]:
            yield from links_of(connection)

    @property
    def links_in_turn(self) -> Iterator[WiringLink]:
        """By name of the connection."""
        for connection in _by_name(self.objects["Connection"]):
            yield from links_of(connection)

    def named(self, kind: str, name: str) -> Manifest | None:
        """The first object of that kind and name, in whatever namespace."""
        return next((one for one in self.objects[kind] if one["metadata"]["name"] == name), None)

    def __iter__(self) -> Iterator[Manifest]:
        for each in self.objects.values():
            yield from each


def role_of(switch: Manifest) -> str:
    """The role of a switch; empty where it has none."""
    return text_in(switch["spec"], "role")


def mclag_group_of(switch: Manifest) -> str | None:
    """The name of its MCLAG group, whose members share ASN and VTEP address; None outside of one."""
    redundancy = switch["spec"].get("redundancy") or {}
    return text_in(redundancy, "group") if redundancy.get("type") == MCLAG else None


def text_in(fields: Mapping[str, Any], name: str) -> str:
    """The text of a field; empty where it is absent, which is the same to Go."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def number_in(fields: Mapping[str, Any], name: str) -> int:
    """The number of a field; 0 where it is absent, which is the same to Go."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def part_of(fields: Fields, name: str) -> Fields:
    """The mapping of a field, made where it is absent."""
    value = fields.get(name)
    if not isinstance(value, dict):
        value = fields[name] = {}
    return value


def links_of(connection: Manifest) -> Iterator[WiringLink]:
    """The links of a connection that have addresses. What is assigned to their sides is assigned to *connection*."""
    spec = connection["spec"]
    of_type = next((name for name in _SIDES if spec.get(name) is not None), None)
    if of_type is None:
        return
    first, second = _SIDES[of_type]
    for index, link in enumerate(spec[of_type].get("links") or ()):
        yield WiringLink(ObjectRef.of(connection), of_type, index, (part_of(link, first), part_of(link, second)))


def _by_name(manifests: Iterable[Manifest]) -> list[Manifest]:
    return sorted(manifests, key=lambda one: str(one["metadata"]["name"]))


def _namespace_and_name(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]
