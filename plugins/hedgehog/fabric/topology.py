"""The network that a fabric's objects describe: devices, cables, and which subnets each server is attached to. Pure.

Nothing here judges: an object that is malformed describes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgehog.fabric.endpoints import MCLAG, TYPES, ConnectionType, Device
from hedgehog.fabric.model import Manifest, ObjectRef

DEVICE_KINDS = ("Switch", "Server", "Gateway", "External")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Plug:
    """Where a cable ends: a device, by its kind and name, and its port."""

    device: tuple[str, str]
    port: str


@dataclass(frozen=True, slots=True)
class Cable:
    """One link of a Connection, with its ends: two, but for the border of the fabric, where the other one is unknown."""

    connection: ObjectRef
    type: str
    plugs: tuple[Plug, ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """A server in a subnet of a VPC, by a VPCAttachment and a Connection."""

    server: str
    attachment: ObjectRef
    connection: ObjectRef
    vpc: str
    subnet: str
    switches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """All that the objects of a fabric describe."""

    devices: Mapping[tuple[str, str], Manifest]
    """By kind and name: switches, servers, gateways, externals."""
    cables: tuple[Cable, ...]
    attached: Mapping[str, tuple[Attached, ...]] = field(default_factory=dict)
    """By server."""
    vpcs: Mapping[str, Manifest] = field(default_factory=dict)
    peerings: tuple[Manifest, ...] = ()
    """VPCPeerings and GatewayPeerings."""


def network_of(manifests: Iterable[Manifest]) -> Network:
    """The network that *manifests* describe."""
    by_kind: dict[str, dict[str, Manifest]] = {}
    for manifest in manifests:
        by_kind.setdefault(manifest["kind"], {})[manifest["metadata"]["name"]] = manifest
    connections = by_kind.get("Connection", {})
    cables = [cable for one in connections.values() for cable in cables_of(one)]
    devices = {(kind, name): one for kind in DEVICE_KINDS for name, one in by_kind.get(kind, {}).items()}
    return Network(
        devices,
        (*cables, *_to_externals(by_kind.get("ExternalAttachment", {}), cables)),
        _attached(by_kind.get("VPCAttachment", {}), cables),
        by_kind.get("VPC", {}),
        (*by_kind.get("VPCPeering", {}).values(), *by_kind.get("GatewayPeering", {}).values()),
    )


def cables_of(connection: Manifest) -> Iterator[Cable]:
    """The links of a Connection; those whose ends are all unknown are left out."""
    spec = _mapping(connection.get("spec"))
    for word, kind in (*TYPES.items(), *MCLAG.items()):
        if word in spec:
            for link in _links(kind, _mapping(spec[word])):
                plugs = tuple(_plugs(kind, link))
                if plugs:
                    yield Cable(ObjectRef.of(connection), kind.label or word, plugs)


def _links(kind: ConnectionType, value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for word in kind.links:
        found = value.get(word)
        yield from (_mapping(one) for one in ([found] if word == "link" else _items(found)))


def _plugs(kind: ConnectionType, link: Mapping[str, Any]) -> Iterator[Plug]:
    for side, device in kind.ends:
        name, _, port = _text(_mapping(link.get(side)).get("port")).partition("/")
        if name:
            yield Plug((device.value, name), port)


def _to_externals(attachments: Mapping[str, Manifest], cables: Iterable[Cable]) -> Iterator[Cable]:
    """The border of the fabric: from the port of an external Connection to each External that is attached to it."""
    borders = {cable.connection.name: cable for cable in cables if cable.type == "external"}
    for one in attachments.values():
        spec = _mapping(one.get("spec"))
        border, external = borders.get(_text(spec.get("connection"))), _text(spec.get("external"))
        if border is not None and external:
            yield Cable(border.connection, "external", (border.plugs[0], Plug(("External", external), "")))


def _attached(attachments: Mapping[str, Manifest], cables: Iterable[Cable]) -> dict[str, tuple[Attached, ...]]:
    by_connection: dict[str, list[Cable]] = {}
    for cable in cables:
        by_connection.setdefault(cable.connection.name, []).append(cable)
    found: dict[str, tuple[Attached, ...]] = {}
    for one in attachments.values():
        spec = _mapping(one.get("spec"))
        vpc, _, subnet = _text(spec.get("subnet")).partition("/")
        joined = by_connection.get(_text(spec.get("connection")), [])
        plugs = [plug.device for cable in joined for plug in cable.plugs]
        switches = tuple(sorted({name for kind, name in plugs if kind == Device.SWITCH}))
        for server in sorted({name for kind, name in plugs if kind == Device.SERVER}):
            at = Attached(server, ObjectRef.of(one), joined[0].connection, vpc, subnet or "default", switches)
            found[server] = (*found.get(server, ()), at)
    return found
