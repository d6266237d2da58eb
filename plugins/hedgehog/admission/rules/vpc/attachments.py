"""Rules of VPCAttachments: a subnet of a VPC on the ports of a Connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules.profile.objects import profile_of
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.endpoints import Device, endpoints_of
from hedgehog.fabric.labels import COMPUTED
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import Upstream
from hedgehog.manifests.rule import Path, Violation, rule

P2P_LINK = f"{COMPUTED}p2p-link"
"""Annotation with the /31 between switch and server, for hostBGP and l3vni."""
L2VNI, L3VNI = "", "l3vni"
_FEATURES = {L2VNI: ("l2vni", "l3vni"), L3VNI: ("l3vni",)}
"""What the switches must support, by mode of the VPC."""
_TYPES = ("unbundled", "bundled", "eslag")
_VALIDATE = "api/vpc/v1beta1/vpcattachment_types.go VPCAttachment.Validate"

SUBNET_REQUIRED = rule(
    "attachment-subnet-required",
    what="A VPCAttachment names the subnet to attach.",
    why="Otherwise there is nothing to attach.",
    source=_VALIDATE,
    fix="set subnet to <vpc>/<subnet>: vpc-01/default. There is no field spec.vpc",
)
CONNECTION_REQUIRED = rule(
    "attachment-connection-required",
    what="A VPCAttachment names the Connection to attach to.",
    why="Otherwise there is no port to attach it to.",
    source=_VALIDATE,
    fix="set connection to the name of a Connection",
)
LINK_INVALID = rule(
    "attachment-p2p-link-invalid",
    what=f"The annotation {P2P_LINK} is an IPv4 /31.",
    why="Switch and server use its two addresses.",
    source=_VALIDATE,
    fix="write it as in 10.99.0.0/31, or remove the annotation",
)
VPC_MISSING = rule(
    "attachment-vpc-missing",
    what="The VPC of a VPCAttachment exists.",
    why="Admission looks it up.",
    source=_VALIDATE,
    fix="create the VPC first, or correct the name before the slash",
    absent="VPC",
)
SUBNET_MISSING = rule(
    "attachment-subnet-missing",
    what="The VPC of a VPCAttachment has the subnet.",
    why="Admission looks it up.",
    source=_VALIDATE,
    fix="add the subnet to the VPC, or correct the name after the slash",
)
CONNECTION_MISSING = rule(
    "attachment-connection-missing",
    what="The Connection of a VPCAttachment exists.",
    why="Admission looks it up.",
    source=_VALIDATE,
    fix="create the Connection first, or correct its name",
    absent="Connection",
)
CONNECTION_TYPE = rule(
    "attachment-connection-type",
    what="A VPC is attached to an unbundled, bundled or eslag Connection.",
    why="Only these lead to servers.",
    source=_VALIDATE,
    fix="choose the Connection of a server; to leave the fabric, use External and ExternalAttachment",
)
ESLAG_MODE = rule(
    "attachment-eslag-mode",
    what="Only a VPC of the default mode is attached to an eslag Connection.",
    why="Mode l3vni does not work over ESLAG.",
    source=_VALIDATE,
    fix="remove mode of the VPC, or attach it to unbundled or bundled Connections",
)
HOST_BGP_CONNECTION = rule(
    "attachment-hostbgp-connection",
    what="A hostBGP subnet is attached to unbundled Connections only.",
    why="The server speaks BGP on each link separately.",
    source=_VALIDATE,
    fix="use an unbundled Connection for each link",
)
HOST_BGP_NATIVE = rule(
    "attachment-hostbgp-native-vlan",
    what="nativeVLAN is not set for a hostBGP subnet (since v0.129).",
    why="For hostBGP, untagged traffic is configured in the subnet.",
    source=_VALIDATE,
    fix="remove nativeVLAN, and set vlan: 0 in the subnet",
)
HOST_BGP_MCLAG = rule(
    "attachment-hostbgp-mclag",
    what="A hostBGP subnet is not attached to a switch of an MCLAG pair.",
    why="The pair acts as one switch, but hostBGP needs two.",
    source=_VALIDATE,
    fix="use a Connection to a switch without redundancy of type mclag",
)
SWITCH_MISSING = rule(
    "attachment-switch-missing",
    what="The switches of the Connection exist, and so do their SwitchProfiles.",
    why="Admission looks up which features they support.",
    source=_VALIDATE,
    fix="create the Switch, or correct the Connection",
    absent="Switch",
)
VLAN_NAMESPACE = rule(
    "attachment-vlan-namespace",
    what="The switches of the Connection have the VLANNamespace of the VPC.",
    why="Otherwise the VLAN could mean something else there.",
    source=_VALIDATE,
    fix="add the VLANNamespace to vlanNamespaces of the switch, or choose another Connection",
)
MODE_UNSUPPORTED = rule(
    "attachment-mode-unsupported",
    what="The switches of the Connection support the mode of the VPC.",
    why="Some models cannot carry L2VNI, and spines carry no VPC at all.",
    source=_VALIDATE,
    fix="set mode: l3vni of the VPC where the model supports that, or choose another Connection",
)
TWICE = rule(
    "attachment-duplicate",
    what="A subnet is attached to a Connection only once.",
    why="The second attachment would have no effect, and deleting either would disconnect the other.",
    source=_VALIDATE,
    fix="delete one of the two",
)
NATIVE_TAKEN = rule(
    "attachment-native-vlan-taken",
    what="At most one subnet has the native VLAN of a Connection.",
    why="Untagged packets can belong to one subnet only.",
    source=_VALIDATE,
    fix="remove nativeVLAN from one of the attachments",
)


def _validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    spec = new["spec"]
    vpc_name = spec.get("subnet", "").partition("/")[0]
    if not vpc_name:
        message = f"{spec['subnet']!r} names no VPC before the slash" if spec.get("subnet") else "is missing"
        yield SUBNET_REQUIRED.at(("spec", "subnet"), message)
    if not spec.get("connection"):
        yield CONNECTION_REQUIRED.at(("spec", "connection"), "is missing")
    yield from _link(new)
    vpc, connection = state.get("VPC", vpc_name), state.get("Connection", spec.get("connection", ""))
    if vpc is None and vpc_name:
        yield VPC_MISSING.at(("spec", "subnet"), f"there is no VPC {vpc_name}")
    if connection is None and spec.get("connection"):
        yield CONNECTION_MISSING.at(("spec", "connection"), f"there is no Connection {spec['connection']}")
    if vpc is not None and connection is not None:
        yield from fit_violations(new, vpc, connection, state)
    elif vpc is not None:
        yield from _subnet_missing(new, vpc)
    yield from _taken(new, state)


def _link(new: Manifest) -> Iterator[Violation]:
    text = (new["metadata"].get("annotations") or {}).get(P2P_LINK)
    if text is None:
        return
    prefix = parse_prefix(text)
    if prefix is None or prefix.version != 4 or prefix.bits != 31:
        yield LINK_INVALID.at(("metadata", "annotations", P2P_LINK), f"{text!r} is not an IPv4 /31")


def fit_violations(
    attachment: Manifest, vpc: Manifest, connection: Manifest, state: ClusterState
) -> Iterator[Violation]:
    """Why that *connection* cannot carry the subnet of that *vpc*. For rules of other kinds too, before a change of either."""
    spec = attachment["spec"]
    yield from _subnet_missing(attachment, vpc)
    subnet = _subnet(attachment, vpc) or {}
    path: Path = ("spec", "connection")
    name, mode = connection["metadata"]["name"], vpc["spec"].get("mode", L2VNI)
    if not any(one in connection["spec"] for one in _TYPES):
        yield CONNECTION_TYPE.at(path, f"{name} is neither unbundled nor bundled nor eslag")
        return
    if "eslag" in connection["spec"] and mode != L2VNI:
        yield ESLAG_MODE.at(path, f"{name} is an eslag Connection, and VPC {vpc['metadata']['name']} has mode {mode}")
    if subnet.get("hostBGP"):
        if "unbundled" not in connection["spec"]:
            yield HOST_BGP_CONNECTION.at(path, f"{name} is not unbundled, and {spec['subnet']} is a hostBGP subnet")
        if spec.get("nativeVLAN") and state.settings.upstream is not Upstream.V0_126:
            yield HOST_BGP_NATIVE.at(("spec", "nativeVLAN"), f"{spec['subnet']} is a hostBGP subnet")
    switches = endpoints_of(connection["spec"]).devices[Device.SWITCH]
    if not switches:
        yield CONNECTION_TYPE.at(path, f"{name} names no switch")
    for switch_name in switches:
        yield from _switch_fit_violations(switch_name, vpc, bool(subnet.get("hostBGP")), state)


def _subnet(attachment: Manifest, vpc: Manifest) -> Mapping[str, object] | None:
    found: Mapping[str, object] | None = (
        vpc["spec"].get("subnets", {}).get(attachment["spec"]["subnet"].partition("/")[2])
    )
    return found


def _subnet_missing(attachment: Manifest, vpc: Manifest) -> Iterator[Violation]:
    if _subnet(attachment, vpc) is None:
        vpc_name, _, name = attachment["spec"]["subnet"].partition("/")
        there = ", ".join(sorted(vpc["spec"].get("subnets", {})))
        yield SUBNET_MISSING.at(("spec", "subnet"), f"VPC {vpc_name} has no subnet {name!r}, only {there}")


def _switch_fit_violations(name: str, vpc: Manifest, host_bgp: bool, state: ClusterState) -> Iterator[Violation]:
    path: Path = ("spec", "connection")
    switch = state.get("Switch", name)
    if switch is None:
        yield SWITCH_MISSING.at(path, f"its switch {name} does not exist")
        return
    namespace, mode = vpc["spec"]["vlanNamespace"], vpc["spec"].get("mode", L2VNI)
    if namespace not in switch["spec"].get("vlanNamespaces", ()):
        yield VLAN_NAMESPACE.at(path, f"its switch {name} does not have the VLANNamespace {namespace} of the VPC")
    profile = profile_of(state, switch)
    if profile is None:
        yield SWITCH_MISSING.at(
            path, f"there is no SwitchProfile {switch['spec'].get('profile')!r} for its switch {name}"
        )
    elif not all(map(profile.supports, _FEATURES.get(mode, ()))):
        message = f"its switch {name} is a {profile.name}, which does not support VPCs of mode {mode or repr(mode)}"
        yield MODE_UNSUPPORTED.at(path, message)
    redundancy = switch["spec"].get("redundancy", {})
    if host_bgp and redundancy.get("group") and redundancy.get("type") == "mclag":
        yield HOST_BGP_MCLAG.at(path, f"its switch {name} is in the MCLAG group {redundancy['group']}")


def _taken(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    name, spec = new["metadata"]["name"], new["spec"]
    rules = (
        (_subnet_fact(spec), TWICE, ("spec", "subnet")),
        (_native_fact(spec), NATIVE_TAKEN, ("spec", "nativeVLAN")),
    )
    for fact, broken, path in rules:
        for _, other in state.users(fact) if fact is not None else ():
            if other != name:
                yield broken.at(path, f"VPCAttachment {other} has it on Connection {spec['connection']} already")


def _subnet_fact(spec: Mapping[str, str]) -> Fact | None:
    subnet, connection = spec.get("subnet"), spec.get("connection")
    return ("attached", connection, subnet) if subnet and connection else None


def _native_fact(spec: Mapping[str, str]) -> Fact | None:
    return ("native-vlan", spec["connection"]) if spec.get("nativeVLAN") and spec.get("connection") else None


def _facts(manifest: Manifest) -> Iterator[Fact]:
    spec = manifest.get("spec", {})
    return (fact for fact in (_subnet_fact(spec), _native_fact(spec)) if fact is not None)


KINDS: Mapping[str, KindRules] = {"VPCAttachment": KindRules(_validate, indexer=Indexer(facts=_facts))}
