"""What a Connection joins: its type, the ports at its ends, and the devices that these belong to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Device(StrEnum):
    """The kind of device at an end of a Connection."""

    SWITCH = "Switch"
    SERVER = "Server"
    GATEWAY = "Gateway"


class LinkEnd(NamedTuple):
    """One end of one cable. `port` is as written, `leaf-01/E1/1`; empty when it is missing."""

    path: Path
    port: str
    device: str
    local: str
    """The port without the device."""
    kind: Device

    @property
    def is_named(self) -> bool:
        """Whether both parts of the port are given."""
        return bool(self.device and self.local)


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """One type of Connection: its field in spec, its label value, its links with their ends, how many devices it joins."""

    field: str
    label: str
    links: tuple[str, ...]
    """`link` holds one link, the others hold lists."""
    ends: tuple[tuple[str, Device], ...]
    switches: range = range(1, 2)
    servers: range = range(1)


_CABLE = (("server", Device.SERVER), ("switch", Device.SWITCH))
_LOOP = (("switch1", Device.SWITCH), ("switch2", Device.SWITCH))
_SPINE = (("spine", Device.SWITCH), ("leaf", Device.SWITCH))
_LEAVES = (("leaf1", Device.SWITCH), ("leaf2", Device.SWITCH))
_GATEWAY = (("switch", Device.SWITCH), ("gateway", Device.GATEWAY))
_BORDER = (("switch", Device.SWITCH),)
_ONE, _TWO = range(1, 2), range(2, 3)

TYPES: Mapping[str, ConnectionType] = {
    one.field: one
    for one in (
        ConnectionType("unbundled", "unbundled", ("link",), _CABLE, _ONE, _ONE),
        ConnectionType("bundled", "bundled", ("links",), _CABLE, _ONE, _ONE),
        ConnectionType("eslag", "eslag", ("links",), _CABLE, range(1, 5), _ONE),
        ConnectionType("fabric", "fabric", ("links",), _SPINE, _TWO),
        ConnectionType("mesh", "mesh", ("links",), _LEAVES, _TWO),
        ConnectionType("gateway", "gateway", ("links",), _GATEWAY),
        ConnectionType("vpcLoopback", "vpc-loopback", ("links",), _LOOP),
        ConnectionType("external", "external", ("link",), _BORDER),
        ConnectionType("staticExternal", "static-external", ("link",), _BORDER),
    )
}
"""By field of spec, in the order in which admission looks for them: the first that is set is the type."""
MCLAG: Mapping[str, ConnectionType] = {
    "mclag": ConnectionType("mclag", "", ("links",), _CABLE),
    "mclagDomain": ConnectionType("mclagDomain", "", ("peerLinks", "sessionLinks"), _LOOP),
}
"""Deprecated: accepted unchecked by v0.126, refused by v0.129; beside another type it hides the ends of that one."""
NUMBERED = ("fabric", "mesh", "gateway")
"""The types whose links have addresses; the first that is set counts, whatever the type is."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The ends of one Connection; none for a deprecated one."""

    type: ConnectionType | None
    ends: tuple[LinkEnd, ...]
    devices: Mapping[Device, Mapping[str, LinkEnd]]
    """By kind and name: the first end there."""

    @property
    def is_valid(self) -> bool:
        """Whether every port is named, and only once, and as many devices are joined as the type requires."""
        kind = self.type
        return (
            kind is not None
            and all(end.is_named for end in self.ends)
            and self.miscounted() is None
            and len({end.port for end in self.ends}) == len(self.ends)
        )

    def miscounted(self) -> Device | None:
        """The kind of device of which the type requires more or fewer; None when the numbers are right."""
        kind = self.type
        if kind is None or len(self.devices[Device.SWITCH]) not in kind.switches:
            return Device.SWITCH
        return Device.SERVER if len(self.devices[Device.SERVER]) not in kind.servers else None


def is_mclag(spec: Mapping[str, Any]) -> bool:
    """Whether one of the deprecated types is set, alone or beside another."""
    return "mclag" in spec or "mclagDomain" in spec


def type_of(spec: Mapping[str, Any]) -> ConnectionType | None:
    """The type that admission uses, which is the first of those set; None if there is none or only a deprecated one."""
    return next((one for field, one in TYPES.items() if field in spec), None)


def endpoints_of(spec: Mapping[str, Any]) -> Endpoints:
    """The ends of a Connection as admission sees them."""
    kind = type_of(spec)
    ends = [] if kind is None or is_mclag(spec) else _ends(kind, spec[kind.field])
    devices: dict[Device, dict[str, LinkEnd]] = {Device.SWITCH: {}, Device.SERVER: {}, Device.GATEWAY: {}}
    for end in ends:
        devices[end.kind].setdefault(end.device, end)
    return Endpoints(kind, tuple(ends), devices)


def links(kind: ConnectionType, value: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every link of the type's *value* with its path."""
    for field in kind.links:
        if field == "link":
            yield ("spec", kind.field, field), value.get(field) or {}
            continue
        for number, link in enumerate(value.get(field) or ()):
            yield ("spec", kind.field, field, number), link


def _ends(kind: ConnectionType, value: Mapping[str, Any]) -> list[LinkEnd]:
    ends = []
    for path, link in links(kind, value):
        for side, device in kind.ends:
            port = (link.get(side) or {}).get("port", "")
            name, _, local = port.partition("/")
            ends.append(LinkEnd((*path, side, "port"), port, name, local, device))
    return ends
