"""Rules of ExternalAttachments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules.external import acls as external_acls
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.addresses import parse_address, parse_cidr
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import Upstream
from hedgehog.manifests.rule import Path, Rule, Severity, Violation, rule

LAST_VLAN = 4094
_VALIDATE = "api/vpc/v1beta1/externalattachment_types.go Validate"

EXTERNAL_REQUIRED = rule(
    "external-attachment-external-required",
    what="An ExternalAttachment names its External.",
    why="Otherwise there is nothing to attach.",
    source=_VALIDATE,
    fix="set external",
)
CONNECTION_REQUIRED = rule(
    "external-attachment-connection-required",
    what="An ExternalAttachment names its Connection.",
    why="It says at which port the External is.",
    source=_VALIDATE,
    fix="set connection",
)
SWITCH_IP = rule(
    "external-attachment-switch-ip",
    what="The BGP form of an ExternalAttachment has an address with prefix length for the switch.",
    why="The switch needs it to talk to its neighbour.",
    source=_VALIDATE,
    fix="set switch.ip, for example 100.1.10.1/24, or use the static form",
)
NEIGHBOR_ASN = rule(
    "external-attachment-neighbor-asn",
    what="The BGP form of an ExternalAttachment has the ASN of the neighbour.",
    why="The BGP session is not set up without it.",
    source=_VALIDATE,
    fix="set neighbor.asn",
)
NEIGHBOR_IP = rule(
    "external-attachment-neighbor-ip",
    what="The BGP form of an ExternalAttachment has the address of the neighbour, without a prefix length.",
    why="The BGP session is not set up without it.",
    source=_VALIDATE,
    fix="set neighbor.ip, for example 100.1.10.6",
)
STATIC_EXCLUSIVE = rule(
    "external-attachment-static-exclusive",
    what="The static form of an ExternalAttachment sets nothing of switch and neighbor.",
    why="These belong to the BGP form; static has fields of its own for VLAN and addresses.",
    source=_VALIDATE,
    fix="remove switch and neighbor, or remove static",
)
REMOTE_IP = rule(
    "external-attachment-remote-ip",
    what="The static form of an ExternalAttachment has the address of the External, without a prefix length.",
    why="It is the next hop of the static routes.",
    source=_VALIDATE,
    fix="set static.remoteIP",
)
IP_OR_PROXY = rule(
    "external-attachment-ip-or-proxy",
    what="The static form of an ExternalAttachment sets either ip or proxy.",
    why="The switch either has an address of its own there, or answers ARP requests for others (proxy ARP).",
    source=_VALIDATE,
    fix="set static.ip to an address with prefix length, or static.proxy to true for use with a gateway",
)
STATIC_IP = rule(
    "external-attachment-static-ip",
    what="static.ip is an address with prefix length.",
    why="It becomes the address of the switch on its port.",
    source=_VALIDATE,
    fix="write it like 100.1.10.1/24",
)
EXTERNAL_ABSENT = rule(
    "external-attachment-external-absent",
    what="The External of an ExternalAttachment exists.",
    why="Otherwise there is nothing to attach.",
    source=_VALIDATE,
    fix="create the External first, or correct the name",
    absent="External",
)
FORM = rule(
    "external-attachment-form",
    what="An ExternalAttachment is static if its External is, and only then; after v0.129, BGP is possible for both.",
    why="Static routes and BGP sessions cannot be mixed for one External.",
    source=_VALIDATE,
    fix="give the attachment the form of the External",
)
CONNECTION_ABSENT = rule(
    "external-attachment-connection-absent",
    what="The Connection of an ExternalAttachment exists.",
    why="It says at which port the External is.",
    source=_VALIDATE,
    fix="create the Connection first, or correct the name",
    absent="Connection",
)
CONNECTION_TYPE = rule(
    "external-attachment-connection-type",
    what="The Connection of an ExternalAttachment is of type external.",
    why="The ports of other types are used for something else.",
    source=_VALIDATE,
    fix="name a Connection of type external",
)
VLAN_TAKEN = rule(
    "external-attachment-vlan-taken",
    what="Each ExternalAttachment of a Connection has a VLAN of its own; 0 (no VLAN) counts as one, too.",
    why="The switch distinguishes them by it.",
    source=_VALIDATE,
    fix="choose another VLAN, or another Connection",
)
VLAN_RANGE = rule(
    "external-attachment-vlan-range",
    what="The VLAN of an ExternalAttachment is at most 4094.",
    why="There are no other VLANs; upstream accepts any 16-bit number.",
    source="ours",
    fix="choose a VLAN from 1 to 4094, or 0 for none",
    severity=Severity.WARNING,
)
NEIGHBOR_NOWHERE = rule(
    "external-attachment-neighbor-unspecified",
    what="The address of a neighbour is neither 0.0.0.0 nor a multicast address.",
    why="Nothing answers at such an address, so there will be no session.",
    source="ours",
    fix="set neighbor.ip to the address of the neighbour",
    severity=Severity.WARNING,
)
_MULTICAST = {4: (224 << 24, 240 << 24), 6: (0xFF << 120, 1 << 128)}


def vlan_of(spec: Mapping[str, Any]) -> tuple[Path, int]:
    """Where the VLAN of an attachment is, and which; 0 is none."""
    if "static" in spec:
        return ("spec", "static", "vlan"), spec["static"].get("vlan", 0)
    return ("spec", "switch", "vlan"), (spec.get("switch") or {}).get("vlan", 0)


def _validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    spec = new["spec"]
    yield from _static(spec) if "static" in spec else _bgp(spec)
    yield from external_acls.validate(spec.get("inboundACL") or {})
    yield from _external(spec, state)
    yield from _connection(spec, state)
    yield from _vlan(new, state)


def _bgp(spec: Mapping[str, Any]) -> Iterator[Violation]:
    switch, neighbor = spec.get("switch") or {}, spec.get("neighbor") or {}
    yield from _written(SWITCH_IP, ("spec", "switch", "ip"), switch.get("ip"), cidr=True)
    if not neighbor.get("asn"):
        yield NEIGHBOR_ASN.at(("spec", "neighbor", "asn"), "is missing")
    yield from _written(NEIGHBOR_IP, ("spec", "neighbor", "ip"), neighbor.get("ip"))


def _static(spec: Mapping[str, Any]) -> Iterator[Violation]:
    static = spec["static"]
    for side, fields in (("switch", ("ip", "vlan")), ("neighbor", ("asn", "ip"))):
        for field in fields:
            if (spec.get(side) or {}).get(field):
                yield STATIC_EXCLUSIVE.at(("spec", side, field), "is set beside static")
    # Go's netip, which upstream asks here, takes IPv6 addresses with a zone.
    remote, _, zone = static["remoteIP"].partition("%")
    text = remote if zone and ":" in remote else static["remoteIP"]
    yield from _written(REMOTE_IP, ("spec", "static", "remoteIP"), text)
    if bool(static.get("ip")) == bool(static.get("proxy")):
        both = "both ip and proxy are set" if static.get("ip") else "neither ip nor proxy is set"
        yield IP_OR_PROXY.at(("spec", "static"), both)
    if static.get("ip"):
        yield from _written(STATIC_IP, ("spec", "static", "ip"), static["ip"], cidr=True)


def _written(violated: Rule, path: Path, text: str | None, *, cidr: bool = False) -> Iterator[Violation]:
    if not text:
        yield violated.at(path, "is missing")
    elif (parse_cidr(text) if cidr else parse_address(text)) is None:
        yield violated.at(path, f"{text!r} is not an {'address with prefix length' if cidr else 'IP address'}")


def _external(spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    name = spec.get("external")
    if not name:
        yield EXTERNAL_REQUIRED.at(("spec", "external"), "is missing")
        return
    external = state.get("External", name)
    if external is None:
        yield EXTERNAL_ABSENT.at(("spec", "external"), f"there is no External {name}")
    elif ("static" in spec) != ("static" in external["spec"]) and not _may_mix(spec, state):
        forms = ("is static", "is not") if "static" in spec else ("is not static", "is")
        yield FORM.at(("spec", "static"), f"the attachment {forms[0]}, but External {name} {forms[1]}")


def _may_mix(spec: Mapping[str, Any], state: ClusterState) -> bool:
    """Whether the release takes BGP attachments of static Externals (githedgehog/fabric#1601)."""
    return state.settings.upstream is Upstream.NEWER and "static" not in spec


def _connection(spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    name = spec.get("connection")
    if not name:
        yield CONNECTION_REQUIRED.at(("spec", "connection"), "is missing")
        return
    connection = state.get("Connection", name)
    if connection is None:
        yield CONNECTION_ABSENT.at(("spec", "connection"), f"there is no Connection {name}")
    elif "external" not in connection["spec"]:
        types = ", ".join(sorted(connection["spec"]))
        yield CONNECTION_TYPE.at(("spec", "connection"), f"Connection {name} is not external but {types}")


def _vlan(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    path, vlan = vlan_of(new["spec"])
    for fact in _facts(new):
        others = sorted(name for _, name in state.users(fact) if name != new["metadata"]["name"])
        if others:
            message = f"VLAN {vlan}" if vlan else "no VLAN"
            yield VLAN_TAKEN.at(path, f"{', '.join(others)} has {message} on {new['spec']['connection']} too")


def _warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    path, vlan = vlan_of(new["spec"])
    if vlan > LAST_VLAN:
        yield VLAN_RANGE.at(path, f"{vlan} is not a VLAN")
    address = parse_address((new["spec"].get("neighbor") or {}).get("ip", ""))
    if address is not None:
        first, end = _MULTICAST[address.version]
        if address.value == 0 or first <= address.value < end:
            yield NEIGHBOR_NOWHERE.at(("spec", "neighbor", "ip"), f"{address} cannot be the address of a neighbour")
    switch_ip = (new["spec"].get("switch") or {}).get("ip") or (new["spec"].get("static") or {}).get("ip") or ""
    yield from external_acls.warnings(new["spec"].get("inboundACL") or {}, switch_ip)


def _facts(manifest: Manifest) -> Iterator[Fact]:
    spec = manifest.get("spec") or {}
    if spec.get("connection"):
        yield "external-vlan", spec["connection"], vlan_of(spec)[1]


KINDS: Mapping[str, KindRules] = {
    "ExternalAttachment": KindRules(_validate, warn=_warnings, indexer=Indexer(facts=_facts))
}
