"""The network of a fabric: devices, links, and how two servers reach each other."""

from __future__ import annotations

from enum import StrEnum

from hedgehog.airflow.web.models.common import Model
from hedgehog.services.browse.object_states import ObjectState


class Layer(StrEnum):
    """Where a device is drawn, from top to bottom."""

    EXTERNAL = "external"
    GATEWAY = "gateway"
    SPINE = "spine"
    LEAF = "leaf"
    SERVER = "server"


class Node(Model):
    """A device, or an external network."""

    id: str
    """`Switch/leaf-1`; unique in the answer."""
    ref: str
    """The object: `Switch/default/leaf-1`."""
    name: str
    layer: Layer
    role: str
    """Of a switch: `spine`, `server-leaf` …; else empty."""
    description: str
    groups: list[str]
    """Redundancy and switch groups."""
    state: ObjectState
    health: str | None
    """Of its Agent; null: it has none, or nobody has looked."""
    converged: bool | None
    """Whether it has applied what it was last told; null: not known."""


class End(Model):
    """One end of a link."""

    node: str
    """The id of a node."""
    port: str


class Link(Model):
    """A cable, or the way to an external network."""

    id: str
    connection: str
    """The object: `Connection/default/…`."""
    type: str
    """`fabric`, `mclag`, `unbundled`, `bundled`, `eslag`, `external` …"""
    ends: list[End]
    """Two."""
    state: ObjectState


class Topology(Model):
    """All devices and links of a fabric."""

    fabric: str
    nodes: list[Node]
    links: list[Link]
    vpcs: list[str]
    servers_by_vpc: dict[str, list[str]]
    """Ids of the servers that are attached to each VPC."""


class Hop(Model):
    """A part of a way."""

    kind: str
    """`Server`, `Connection`, `VPCAttachment`, `VPC`, `VPCPeering` or `GatewayPeering`."""
    ref: str
    detail: str
    """A subnet, the switches of a connection, what a peering permits; may be empty."""
    state: ObjectState


class Way(Model):
    """One way from a server to another."""

    hops: list[Hop]
    switches: list[str]
    """Ids of the switches at both ends."""


class PathAnswer(Model):
    """How two servers reach each other by what the fabric wants."""

    source: str
    destination: str
    reachable: bool
    reason: str
    """Why they do not reach each other; empty if they do."""
    ways: list[Way]
