"""Warnings about Connections: what upstream accepts, although it is almost certainly a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.profile.objects import breakouts_of, profile_of
from hedgehog.fabric.endpoints import NUMBERED, TYPES, Device, Endpoints, LinkEnd, endpoints_of, links
from hedgehog.fabric.labels import CONNECTION
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Severity, Violation, rule

_ATTACHABLE = ("unbundled", "bundled", "eslag", "external")
_LEAF_ONLY = (*_ATTACHABLE, "staticExternal", "mesh")
_LABEL_VALUE_AT_MOST = 63
_LAST_VLAN = 4094

TWO_TYPES = rule(
    "connection-two-types",
    what="A Connection sets only one type.",
    why="Upstream uses the first one that it looks for and silently drops the others.",
    source="ours",
    fix="remove the other types, or write a Connection for each",
    severity=Severity.WARNING,
)
MCLAG_DEPRECATED = rule(
    "connection-mclag-deprecated",
    what="No Connection is of type mclag or mclagDomain.",
    why="They are ignored by release 26.03, and refused by the next one.",
    source="api/wiring/v1beta1/connection_types.go Connection.Validate",
    fix="use eslag, with the switches in a redundancy group of type eslag",
    severity=Severity.WARNING,
)
ESLAG_MTU = rule(
    "connection-eslag-mtu-too-large",
    what="The MTU of an eslag Connection leaves room for the encapsulation.",
    why="Upstream checks unbundled and bundled only, but larger packets do not fit through the fabric with eslag either.",
    source="ours",
    fix="lower mtu, or remove it to get the default of the fabric",
    severity=Severity.WARNING,
)
ESLAG_HALF = rule(
    "connection-eslag-half-redundant",
    what="Every switch of an eslag Connection is in the redundancy group.",
    why="Upstream accepts a switch without redundancy beside one in a group, but the two do not act as one.",
    source="ours",
    fix="set redundancy.group and redundancy.type: eslag of this switch as well",
    severity=Severity.WARNING,
)
ESLAG_ONE_SWITCH = rule(
    "connection-eslag-one-switch",
    what="An eslag Connection goes to two switches or more.",
    why="With one it gives no redundancy.",
    source="ours",
    fix="plug a link into another switch of the group, or use bundled",
    severity=Severity.WARNING,
)
NAME_TOO_LONG = rule(
    "connection-name-too-long",
    what="The name of a Connection that is to be attached has at most 63 characters.",
    why="Attachments have it as a label value, which cannot be longer: they would be refused.",
    source="ours",
    fix="choose a shorter name now; it cannot change later",
    severity=Severity.WARNING,
)
PORTS_MOVED = rule(
    "connection-ports-moved",
    what="A Connection keeps its switch ports while something is attached to it.",
    why="Upstream moves the VPCs or externals along with the port; a switch that lacks their namespaces gets stuck.",
    source="ours",
    fix="delete the attachments, move the ports, attach again",
    severity=Severity.WARNING,
)
PORT_ALIAS = rule(
    "connection-port-alias",
    what="A Connection does not name a port twice under two names.",
    why="E1/4 is E1/4/1 when it is broken out; upstream only compares it with other Connections.",
    source="ours",
    fix="give each end a port of its own",
    severity=Severity.WARNING,
)
PORT_MANAGEMENT = rule(
    "connection-port-management",
    what="Connections use data ports.",
    why="A management port carries no traffic of the fabric, but upstream accepts it.",
    source="ours",
    fix="choose a port whose name starts with E",
    severity=Severity.WARNING,
)
LINK_UNNUMBERED = rule(
    "connection-link-address-missing",
    what="Both ends of a fabric, mesh or gateway link have an address.",
    why="Upstream checks neither unless both are set; the switches then have no BGP session on the link.",
    source="ours",
    fix="set ip on both ends, or let hhfab fill in both before the fabric is installed",
    severity=Severity.WARNING,
)
ROLE = rule(
    "connection-switch-role",
    what="The spine end of a fabric link is on a spine; all other ends are on leaves, except those of gateway links.",
    why="Upstream does not check roles, but a switch is configured for its role.",
    source="ours",
    fix="swap the ends, or correct the role of the Switch",
    severity=Severity.WARNING,
)
GATEWAY_MISSING = rule(
    "connection-gateway-missing",
    what="The gateways of a Connection exist.",
    why="Upstream does not check this, but a link to nothing carries no traffic.",
    source="ours",
    fix="create the Gateway first, or correct the name before the slash",
    severity=Severity.WARNING,
)
VLAN = rule(
    "connection-vlan-invalid",
    what="The VLAN of a static external is at most 4094.",
    why="There are no other VLANs.",
    source="ours",
    fix="choose a VLAN from 1 to 4094, or remove it for untagged traffic",
    severity=Severity.WARNING,
)


def warn(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """Warnings about an accepted Connection that is not of a deprecated type."""
    spec, joined = new["spec"], endpoints_of(new["spec"])
    if joined.type is None:
        return
    yield from _types(spec)
    yield from _name(new["metadata"]["name"], joined)
    yield from _eslag(spec, joined, state)
    yield from _ports(joined, state)
    yield from _roles(joined, state)
    yield from _unnumbered(spec)
    for name, end in joined.devices[Device.GATEWAY].items():
        if state.get("Gateway", name) is None:
            yield GATEWAY_MISSING.at(end.path, f"there is no Gateway {name}")
    vlan = (((spec.get("staticExternal") or {}).get("link") or {}).get("switch") or {}).get("vlan", 0)
    if vlan > _LAST_VLAN:
        yield VLAN.at(("spec", "staticExternal", "link", "switch", "vlan"), f"{vlan} is not a VLAN")
    if old is not None:
        yield from _moved_ports(joined, endpoints_of(old["spec"]), new["metadata"]["name"], state)


def _types(spec: Mapping[str, Any]) -> Iterator[Violation]:
    first, *others = (field for field in TYPES if field in spec)
    for field in others:
        yield TWO_TYPES.at(("spec", field), f"has no effect beside {first}")


def _name(name: str, joined: Endpoints) -> Iterator[Violation]:
    if len(name) > _LABEL_VALUE_AT_MOST and joined.type is not None and joined.type.field in _ATTACHABLE:
        yield NAME_TOO_LONG.at(("metadata", "name"), f"has {len(name)} characters, so nothing can be attached")


def _eslag(spec: Mapping[str, Any], joined: Endpoints, state: ClusterState) -> Iterator[Violation]:
    if joined.type is not TYPES["eslag"]:
        return
    limit = state.settings.fabric_mtu - state.settings.server_facing_mtu_offset
    mtu = spec["eslag"].get("mtu", 0)
    if mtu > limit:
        yield ESLAG_MTU.at(("spec", "eslag", "mtu"), f"{mtu} is more than {limit}")
    switches = joined.devices[Device.SWITCH]
    if len(switches) == 1:
        yield ESLAG_ONE_SWITCH.at(("spec", "eslag", "links"), f"all links go to {next(iter(switches))}")
    for name, end in switches.items():
        switch = state.get("Switch", name)
        if switch is not None and not (switch["spec"].get("redundancy") or {}).get("group"):
            yield ESLAG_HALF.at(end.path, f"Switch {name} is in no redundancy group, unlike the others")


def _ports(joined: Endpoints, state: ClusterState) -> Iterator[Violation]:
    seen: dict[tuple[str, str], LinkEnd] = {}
    for end in joined.ends:
        switch = state.get("Switch", end.device) if end.kind is Device.SWITCH else None
        profile = profile_of(state, switch) if switch is not None else None
        if switch is None or profile is None:
            continue
        port = profile.ports.get(end.local)
        if port is not None and port.management:
            yield PORT_MANAGEMENT.at(end.path, f"{end.port} is a management port")
        name = (end.device, profile.nos_name(end.local, breakouts_of(switch)) or end.local)
        if name in seen:
            yield PORT_ALIAS.at(end.path, f"{end.port} and {seen[name].port} are one port")
        seen[name] = end


def _roles(joined: Endpoints, state: ClusterState) -> Iterator[Violation]:
    for name, end in joined.devices[Device.SWITCH].items():
        switch = state.get("Switch", name)
        field = end.path[1]
        if switch is None or (field != "fabric" and field not in _LEAF_ONLY):
            continue
        is_spine = switch["spec"].get("role") == "spine"
        if is_spine is not (end.path[-2] == "spine"):
            yield ROLE.at(end.path, f"Switch {name} is a {switch['spec'].get('role')}")


def _unnumbered(spec: Mapping[str, Any]) -> Iterator[Violation]:
    field = next((field for field in NUMBERED if field in spec), None)
    if field is None:
        return
    for path, link in links(TYPES[field], spec[field]):
        missing = [side for side, _ in TYPES[field].ends if not (link.get(side) or {}).get("ip")]
        if missing:
            yield LINK_UNNUMBERED.at(path, f"{' and '.join(missing)} without ip")


def _moved_ports(new: Endpoints, old: Endpoints, name: str, state: ClusterState) -> Iterator[Violation]:
    kept = {end.port for end in new.ends}
    gone = [end.port for end in old.ends if end.kind is Device.SWITCH and end.port not in kept]
    if not gone or new.type is None:
        return
    attached = [
        one["metadata"]["name"]
        for kind in ("VPCAttachment", "ExternalAttachment")
        for one in state.labelled(kind, CONNECTION, name)
    ]
    if attached:
        message = f"leaves {', '.join(gone)} while {attached[0]} is attached"
        yield PORTS_MOVED.at(("spec", new.type.field), message)
