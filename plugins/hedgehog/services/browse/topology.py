"""The network of a fabric as it is wanted, with the state of its objects and the health of its switches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.reach import Hop, reach
from hedgehog.fabric.topology import Cable, Network, network_of
from hedgehog.services.browse.fabric_page import agents
from hedgehog.services.browse.object_states import ObjectState, object_troubles, ref_of, stands
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.health import Scope, latest
from hedgehog.store.listings.keyset import Row
from hedgehog.store.listings.objects import object_rows

_MOST_OBJECTS = 200_000
_LAYERS = {"External": "external", "Gateway": "gateway", "Server": "server"}
_AGENT_OF = {"Agent": "Switch", "GatewayAgent": "Gateway"}


def topology_of(connection: Connection, name: str) -> Row:
    """All devices and links of a fabric. Raises NotFound."""
    fabric = load_fabric(connection, name)
    network, states = _network(connection, fabric)
    health = {
        (_AGENT_OF[one["kind"]], one["name"]): one
        for row in latest(connection, Scope.FABRIC, [name])
        for one in agents(row.facts)
    }
    nodes = {_id(*device): _node(manifest, states, health.get(device)) for device, manifest in network.devices.items()}
    return {
        "fabric": name,
        "nodes": list(nodes.values()),
        "links": list(_links(network.cables, nodes, states)),
        "vpcs": sorted(network.vpcs),
        "servers_by_vpc": _by_vpc(network, nodes),
    }


def _network(connection: Connection, fabric: Fabric) -> tuple[Network, dict[ObjectRef, ObjectState]]:
    """The network of the objects that the database wants, and how each of them stands."""
    known = object_troubles(connection, fabric)
    rows = object_rows(connection, fabric, kind=None, search="", after=None, limit=_MOST_OBJECTS)
    wanted = [row for row in rows if row["digest"] is not None]
    return network_of(row["manifest"] for row in wanted), {ref_of(row): stands(row, known).state for row in wanted}


def _id(kind: str, name: str) -> str:
    return f"{kind}/{name}"


def _node(manifest: Manifest, states: Mapping[ObjectRef, ObjectState], agent: Row | None) -> Row:
    ref, spec = ObjectRef.of(manifest), manifest.get("spec") or {}
    role = str(spec.get("role") or "") if ref.kind == "Switch" else ""
    groups = [one for one in spec.get("groups") or () if isinstance(one, str)] if ref.kind == "Switch" else []
    redundancy = (spec.get("redundancy") or {}).get("group") if ref.kind == "Switch" else None
    return {
        "id": _id(ref.kind, ref.name),
        "ref": str(ref),
        "name": ref.name,
        "layer": _LAYERS.get(ref.kind) or ("spine" if role == "spine" else "leaf"),
        "role": role,
        "description": str(spec.get("description") or ""),
        "groups": sorted({*groups, *([redundancy] if isinstance(redundancy, str) else [])}),
        "state": states[ref].value,
        "health": agent["health"] if agent else None,
        "converged": agent["generation"] == agent["applied_generation"] if agent else None,
    }


def _links(cables: Iterable[Cable], nodes: Mapping[str, Any], states: Mapping[ObjectRef, ObjectState]) -> Iterable[Row]:
    """The cables whose two ends are devices of the fabric."""
    numbers: dict[ObjectRef, int] = {}
    for cable in cables:
        ends = [{"node": _id(*plug.device), "port": plug.port} for plug in cable.plugs]
        if len(ends) == 2 and all(end["node"] in nodes for end in ends):
            numbers[cable.connection] = numbers.get(cable.connection, 0) + 1
            yield {
                "id": f"{cable.connection.name}#{numbers[cable.connection]}",
                "connection": str(cable.connection),
                "type": cable.type,
                "ends": ends,
                "state": states[cable.connection].value,
            }


def _by_vpc(network: Network, nodes: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {vpc: set() for vpc in network.vpcs}
    for server, attached in network.attached.items():
        for one in attached:
            if one.vpc in found and _id("Server", server) in nodes:
                found[one.vpc].add(_id("Server", server))
    return {vpc: sorted(servers) for vpc, servers in sorted(found.items())}


def path_between(connection: Connection, name: str, source: str, destination: str) -> Row:
    """How two servers of a fabric reach each other. Raises NotFound for a server that it does not have."""
    fabric = load_fabric(connection, name)
    network, states = _network(connection, fabric)
    servers = [device for kind, device in network.devices if kind == "Server"]
    for server in (source, destination):
        if server not in servers:
            raise NotFound(
                f"fabric {name} has no Server {server!r}; {did_you_mean(server, servers, otherwise='')}".rstrip("; ")
            )
    found = reach(network, source, destination)
    return {
        "source": source,
        "destination": destination,
        "reachable": bool(found.ways),
        "reason": found.reason,
        "ways": [
            {"hops": [_hop(hop, states) for hop in way.hops], "switches": [_id("Switch", one) for one in way.switches]}
            for way in found.ways
        ],
    }


def _hop(hop: Hop, states: Mapping[ObjectRef, ObjectState]) -> Row:
    return {"kind": hop.ref.kind, "ref": str(hop.ref), "detail": hop.detail, "state": states[hop.ref].value}
