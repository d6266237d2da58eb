"""Rules of Connections: what upstream's webhook refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules.connection.links import link_addresses, link_violations, static_external_violations
from hedgehog.admission.rules.connection.warnings import MCLAG_DEPRECATED, warn
from hedgehog.admission.rules.profile.objects import breakouts_of, profile_of
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.endpoints import TYPES, Device, Endpoints, LinkEnd, endpoints_of, is_mclag, type_of
from hedgehog.fabric.labels import CONNECTION
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import Upstream
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Violation, rule

_VALIDATE = "api/wiring/v1beta1/connection_types.go Connection.Validate"
_ENDPOINTS = "api/wiring/v1beta1/connection_types.go ConnectionSpec.Endpoints"
_WEBHOOK = "pkg/ctrl/connection_wh.go"

TYPE_MISSING = rule(
    "connection-type-missing",
    what="A Connection sets one of the types in its spec.",
    why="Without one it connects nothing; the API server refuses the label value <invalid>.",
    source="api/wiring/v1beta1/connection_types.go ConnectionSpec.Type",
    fix=f"set one of {', '.join(TYPES)}",
)
MCLAG_REMOVED = rule(
    "connection-mclag-removed",
    what="No Connection is of type mclag or mclagDomain.",
    why="MCLAG was removed in release 26.03, and such a Connection is refused.",
    source="api/wiring/v1beta1/connection_types.go Connection.Default",
    fix="use eslag, with the switches in a redundancy group of type eslag",
)
TYPE_IMMUTABLE = rule(
    "connection-type-immutable",
    what="The type of a Connection does not change.",
    why="Switches cannot change from one type to another in place.",
    source=f"{_WEBHOOK} ValidateUpdate",
    fix="delete its attachments, then delete the Connection and create it again",
)
VPC_IMMUTABLE = rule(
    "connection-vpc-immutable",
    what="staticExternal.withinVPC does not change.",
    why="Switches that are moved from one VPC to another in place get stuck.",
    source=f"{_WEBHOOK} ValidateUpdate",
    fix="delete the Connection and create it again",
)
MTU = rule(
    "connection-mtu-too-large",
    what="The MTU towards a server leaves room for the encapsulation.",
    why="Larger packets would not fit through the fabric.",
    source="api/wiring/v1beta1/connection_types.go ConnectionSpec.ValidateServerFacingMTU",
    fix="lower mtu, or remove it to get the default of the fabric",
)
PORT_MALFORMED = rule(
    "connection-port-malformed",
    what="Every end of a link names a port as device/port.",
    why="Anything else belongs to no device.",
    source=_ENDPOINTS,
    fix="write it as in leaf-01/E1/1 or server-01/enp2s1",
)
PORT_REPEATED = rule(
    "connection-port-repeated",
    what="A Connection names each port only once.",
    why="A port takes one cable.",
    source=_ENDPOINTS,
    fix="give each end a port of its own",
)
DEVICES = rule(
    "connection-device-count",
    what="A Connection joins as many switches and servers as its type requires.",
    why="unbundled, bundled: 1 switch, 1 server; eslag: 1 to 4 switches, 1 server; fabric, mesh: 2 switches; "
    "gateway, vpcLoopback: 1 switch.",
    source=_ENDPOINTS,
    fix="correct the ports, or use one Connection for each pair",
)
SWITCH_MISSING = rule(
    "connection-switch-missing",
    what="The switches of a Connection exist.",
    why="Admission looks them up.",
    source=_VALIDATE,
    fix="create the Switch first, or correct the name before the slash",
    absent="Switch",
)
PROFILE_MISSING = rule(
    "connection-profile-missing",
    what="The SwitchProfile of a Connection's switch exists, and names its ports in its breakouts.",
    why="Admission asks the profile which ports the switch has.",
    source=_VALIDATE,
    fix="correct profile or portBreakouts of the Switch",
)
PORT_UNKNOWN = rule(
    "connection-port-unknown",
    what="The switch has the port, after its breakouts.",
    why="Admission asks the SwitchProfile of the switch.",
    source=_VALIDATE,
    fix="choose a port of the profile (E1/1; E1/1/1 for a part of a port that is broken out)",
)
PORT_TAKEN = rule(
    "connection-port-taken",
    what="A port of a switch or a server is in only one Connection.",
    why="A port takes one cable. E1/4 and E1/4/1 are the same port where E1/4 can be broken out.",
    source=_VALIDATE,
    fix="choose a free port, or remove the other Connection first",
)
ESLAG_GROUP = rule(
    "connection-eslag-group",
    what="The switches of an eslag Connection are in one redundancy group of type eslag.",
    why="Only the switches of such a group act as one towards the server.",
    source=_VALIDATE,
    fix="set redundancy.group and redundancy.type: eslag of the switches, the same on each",
)
SERVER_MISSING = rule(
    "connection-server-missing",
    what="The servers of a Connection exist.",
    why="Admission looks them up.",
    source=_VALIDATE,
    fix="create the Server first, or correct the name before the slash",
    absent="Server",
)
VPC_MISSING = rule(
    "connection-vpc-missing",
    what="The VPC in staticExternal.withinVPC exists.",
    why="Admission looks it up.",
    source=f"{_WEBHOOK} validateStaticExternal",
    fix="create the VPC first, or remove withinVPC for the default VRF",
    absent="VPC",
)
IN_USE = rule(
    "connection-in-use",
    what="A Connection is deleted after its VPCAttachments and ExternalAttachments.",
    why="They would point to nothing.",
    source=f"{_WEBHOOK} ValidateDelete",
    fix="delete the attachments first",
)


def _validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    spec = new["spec"]
    joined = endpoints_of(spec)
    if old is not None:
        yield from _immutable(spec, old["spec"])
        if type_of(old["spec"]) is not joined.type:
            return
    if is_mclag(spec):
        if joined.type is None and state.settings.upstream is not Upstream.V0_126:
            yield MCLAG_REMOVED.at(("spec", "mclag" if "mclag" in spec else "mclagDomain"), "MCLAG was removed")
        yield from _within_vpc(spec, state)
        return
    if joined.type is None:
        yield TYPE_MISSING.at(("spec",), "no type is set")
        return
    yield from _mtu(spec, state)
    yield from _malformed(joined)
    yield from _devices_exist(spec, joined, state)
    yield from _ports_free(new["metadata"]["name"], joined, state)
    if "staticExternal" in spec:
        yield from static_external_violations(spec["staticExternal"], state)
        yield from _within_vpc(spec, state)
    yield from link_violations(new, state)


def _immutable(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Violation]:
    before, after = type_of(old), type_of(new)
    if before is not after:
        names = [kind.field if kind is not None else "mclag or none" for kind in (before, after)]
        yield TYPE_IMMUTABLE.at(("spec",), f"the type changes from {names[0]} to {names[1]}")
    elif "staticExternal" in old and "staticExternal" in new:
        was, now = (spec["staticExternal"].get("withinVPC", "") for spec in (old, new))
        if was != now:
            message = f"changes from {was or 'the default VRF'} to {now or 'the default VRF'}"
            yield VPC_IMMUTABLE.at(("spec", "staticExternal", "withinVPC"), message)


def _mtu(spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    settings = state.settings
    limit = settings.fabric_mtu - settings.server_facing_mtu_offset
    for field in ("unbundled", "bundled"):
        if field in spec and spec[field].get("mtu", 0) > limit:
            message = f"{spec[field]['mtu']} is more than {limit}, the MTU of the fabric less {settings.server_facing_mtu_offset}"
            yield MTU.at(("spec", field, "mtu"), message)


def _malformed(joined: Endpoints) -> Iterator[Violation]:
    if joined.is_valid:
        return
    unnamed = [end for end in joined.ends if not end.is_named]
    for end in unnamed:
        message = f"{end.port!r} is not device/port" if end.port else "is missing"
        yield PORT_MALFORMED.at(end.path, message)
    if not unnamed:
        yield from _repeated(joined)
        yield from _miscounted(joined)


def _repeated(joined: Endpoints) -> Iterator[Violation]:
    seen: dict[str, str] = {}
    for end in joined.ends:
        if end.port in seen:
            yield PORT_REPEATED.at(end.path, f"{end.port} is used twice in this Connection")
        seen[end.port] = end.port


def _miscounted(joined: Endpoints) -> Iterator[Violation]:
    kind, device = joined.type, joined.miscounted()
    if kind is None or device is None:
        return
    names = sorted(joined.devices[device])
    wanted = kind.switches if device is Device.SWITCH else kind.servers
    number = str(wanted[0]) if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
    noun = "switches" if device is Device.SWITCH else "servers"
    message = f"joins {len(names)} {noun} ({', '.join(names) or 'no links'}); {kind.field} requires {number}"
    yield DEVICES.at(("spec", kind.field), message)


def _devices_exist(spec: Mapping[str, Any], joined: Endpoints, state: ClusterState) -> Iterator[Violation]:
    switches: dict[str, Manifest] = {}
    by_device: dict[str, list[LinkEnd]] = {}
    for end in joined.ends:
        by_device.setdefault(end.device, []).append(end)
    for name, end in joined.devices[Device.SWITCH].items():
        switch = state.get("Switch", name)
        if switch is not None:
            switches[name] = switch
            yield from _ports_exist(name, switch, by_device[name], state)
        elif end.is_named:
            yield SWITCH_MISSING.at(end.path, f"there is no Switch {name}")
    if "eslag" in spec and switches and len(switches) == len(joined.devices[Device.SWITCH]):
        yield from _redundancy(switches)
    for name, end in joined.devices[Device.SERVER].items():
        if end.is_named and state.get("Server", name) is None:
            yield SERVER_MISSING.at(end.path, f"there is no Server {name}")


def _ports_exist(name: str, switch: Manifest, ends: Sequence[LinkEnd], state: ClusterState) -> Iterator[Violation]:
    """Check the ends at one switch."""
    path = next(end.path for end in ends if end.kind is Device.SWITCH)
    profile = profile_of(state, switch)
    if profile is None:
        yield PROFILE_MISSING.at(
            path, f"Switch {name} has the profile {switch['spec'].get('profile')}, which does not exist"
        )
        return
    breakouts = breakouts_of(switch)
    fault = profile.fault(breakouts)
    if fault:
        yield PROFILE_MISSING.at(path, f"the ports of Switch {name} cannot be named: {fault}")
        return
    for end in ends:
        if end.is_named and profile.nos_name(end.local, breakouts) is None:
            yield PORT_UNKNOWN.at(end.path, f"Switch {name} ({profile.name}) has no port {end.local}")


def _redundancy(switches: Mapping[str, Manifest]) -> Iterator[Violation]:
    """A switch without redundancy beside one in a group is not refused."""
    found = {name: switch["spec"].get("redundancy") or {} for name, switch in switches.items()}
    groups = {one["group"] for one in found.values() if one.get("group")}
    types = {one["type"] for one in found.values() if one.get("type")}
    path = ("spec", "eslag", "links")
    if len(groups) > 1:
        where = ", ".join(f"{name} in {one['group']}" for name, one in sorted(found.items()) if one.get("group"))
        yield ESLAG_GROUP.at(path, f"the switches are in different redundancy groups: {where}")
    elif not groups:
        yield ESLAG_GROUP.at(path, f"{', '.join(sorted(found))}: no switch is in a redundancy group")
    elif types != {"eslag"}:
        kind = " and ".join(sorted(types)) or "no type"
        yield ESLAG_GROUP.at(path, f"the redundancy group {min(groups)} is of type {kind}, not eslag")


def _ports_free(name: str, joined: Endpoints, state: ClusterState) -> Iterator[Violation]:
    for end in joined.ends:
        if not end.is_named:
            continue
        users = {user for port in _names(end.port) for _, user in state.users(("port", port)) if user != name}
        if users:
            yield PORT_TAKEN.at(end.path, f"{end.port} is used by Connection {', '.join(sorted(users))}")


def _names(port: str) -> tuple[str, ...]:
    """The port and its other name, if it can have one: leaf-01/E1/4 is leaf-01/E1/4/1 when that is broken out."""
    return (port, f"{port}/1") if port.count("/") == 2 else (port,)


def _within_vpc(spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    vpc = (spec.get("staticExternal") or {}).get("withinVPC")
    if vpc and state.get("VPC", vpc) is None:
        yield VPC_MISSING.at(("spec", "staticExternal", "withinVPC"), f"there is no VPC {vpc}")


def _delete(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    name = old["metadata"]["name"]
    for kind in ("VPCAttachment", "ExternalAttachment"):
        users = [one["metadata"]["name"] for one in state.labelled(kind, CONNECTION, name)]
        if users:
            yield IN_USE.at((), f"{kind} {listed(users, 3)} use it")


def _warn(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    if is_mclag(new["spec"]):
        field = "mclag" if "mclag" in new["spec"] else "mclagDomain"
        yield MCLAG_DEPRECATED.at(("spec", field), "is accepted without a check of its links, and has no effect")
        return
    yield from warn(new, state, old)


def _facts(manifest: Manifest) -> Iterator[Fact]:
    spec = manifest.get("spec") or {}
    if is_mclag(spec):
        return
    for end in endpoints_of(spec).ends:
        for port in _names(end.port):
            yield ("port", port)
    for address in link_addresses(spec):
        yield ("link-ip", address)


KINDS: Mapping[str, KindRules] = {
    "Connection": KindRules(_validate, delete=_delete, warn=_warn, indexer=Indexer(_facts))
}
