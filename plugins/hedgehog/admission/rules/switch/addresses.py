"""Rules of a Switch's addresses and ASN: inside the fabric's ranges, and of no other switch or gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hedgehog.admission.cluster_state import ClusterState, Fact
from hedgehog.admission.rules.switch.facts import others
from hedgehog.fabric.addresses import Prefix, parse_address, parse_prefix
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.roles import LEAVES, SPINE
from hedgehog.manifests.rule import Path, Violation, rule

_SOURCE = "api/wiring/v1beta1/switch_types.go Switch.HydrationValidation"

NO_PREFIX = rule(
    "switch-address-invalid",
    what="The addresses of a switch are written as address and prefix length.",
    why="Anything else cannot be read.",
    source=_SOURCE,
    fix="write it like 172.30.0.10/21 (ip) or 172.30.8.5/32 (protocolIP, vtepIP), without spaces",
)
NOT_HOST = rule(
    "switch-address-not-host",
    what="protocolIP and vtepIP are single addresses: /32.",
    why="They become addresses of loopback interfaces.",
    source=_SOURCE,
    fix="write the address with /32",
)
OUTSIDE = rule(
    "switch-address-outside",
    what="The addresses of a switch are inside the management, protocol and VTEP subnets of the fabric.",
    why="Nothing would route to them.",
    source=_SOURCE,
    fix="take a free address of the subnet that the message names",
)
IN_DHCP = rule(
    "switch-ip-in-dhcp-range",
    what="The management address of a switch is below the range of DHCP.",
    why="Another device could be given the same address.",
    source=_SOURCE,
    fix="take a free address below the start of the range",
)
TAKEN = rule(
    "switch-address-used",
    what="No two switches share a management, protocol or VTEP address, nor a switch and a gateway or control node.",
    why="Traffic would go to the wrong one.",
    source=_SOURCE,
    fix="take the next free address",
)
ASN_RANGE = rule(
    "switch-asn-outside",
    what="The ASN of a leaf is in the fabric's range for leaves.",
    why="Policies on the switches distinguish roles by it.",
    source=_SOURCE,
    fix="take a free ASN of the range",
)
ASN_SPINE = rule(
    "switch-asn-of-spines",
    what="All spines have the ASN that the fabric sets for spines.",
    why="A spine then does not accept routes that went through another spine.",
    source=_SOURCE,
    fix="write the ASN that the message names",
)
ASN_TAKEN = rule(
    "switch-asn-used",
    what="No two leaves have the same ASN.",
    why="They would drop each other's routes as loops.",
    source=_SOURCE,
    fix="take the next free ASN of the range",
)


class _Kind(NamedTuple):
    field: str
    fact: str
    subnet: str
    named: str


_PROTOCOL = _Kind("protocolIP", "protocol-ip", "protocol_subnet", "protocol subnet")
_VTEP = _Kind("vtepIP", "vtep-ip", "vtep_subnet", "VTEP subnet")


def address_violations(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    """What is wrong with the addresses and the ASN that are set; missing ones are reported elsewhere."""
    spec = new["spec"]
    # Upstream lets MCLAG partners share ASN and VTEP address.
    shares = spec.get("redundancy", {}).get("type") == "mclag"
    if spec.get("ip"):
        yield from _ip_violations(new, state)
    if spec.get("protocolIP"):
        yield from _host_violations(new, state, _PROTOCOL, shares=False)
    if spec["role"] in LEAVES:
        if spec.get("asn"):
            yield from _leaf_asn_violations(new, state, shares=shares)
        if spec.get("vtepIP"):
            yield from _host_violations(new, state, _VTEP, shares=shares)
    elif spec["role"] == SPINE and spec.get("asn") and spec["asn"] != state.settings.spine_asn:
        message = f"{spec['asn']}: the ASN of this fabric's spines is {state.settings.spine_asn}"
        yield ASN_SPINE.at(("spec", "asn"), message)


def _ip_violations(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    text, path, settings = new["spec"]["ip"], ("spec", "ip"), state.settings
    prefix = parse_prefix(text)
    if prefix is None:
        yield NO_PREFIX.at(path, f"{text!r} is not an address with a prefix length")
        return
    address = prefix.address
    if not _inside(prefix, settings.management_subnet):
        yield OUTSIDE.at(path, f"{text} is not in the management subnet {settings.management_subnet}")
        return
    first = parse_address(settings.management_dhcp_start)
    if first is not None and address >= first:
        message = f"{text} is in the DHCP range from {settings.management_dhcp_start} to {settings.management_dhcp_end}"
        yield IN_DHCP.at(path, message)
    control = parse_prefix(settings.control_vip)
    if control is not None and address == control.address:
        yield TAKEN.at(path, f"{text} is the address of the control nodes")
    yield from _taken(new, state, ("switch-ip", address), path, text)


def _host_violations(new: Manifest, state: ClusterState, kind: _Kind, *, shares: bool) -> Iterator[Violation]:
    text, path = new["spec"][kind.field], ("spec", kind.field)
    prefix = parse_prefix(text)
    if prefix is None:
        yield NO_PREFIX.at(path, f"{text!r} is not an address with a prefix length")
        return
    if prefix.bits != 32:
        yield NOT_HOST.at(path, f"{text} is not a /32")
    subnet = getattr(state.settings, kind.subnet)
    if not _inside(prefix, subnet):
        yield OUTSIDE.at(path, f"{text} is not in the {kind.named} {subnet}")
    elif prefix.bits == 32 and not shares:
        yield from _taken(new, state, (kind.fact, text.removesuffix("/32")), path, text)


def _leaf_asn_violations(new: Manifest, state: ClusterState, *, shares: bool) -> Iterator[Violation]:
    asn, settings = new["spec"]["asn"], state.settings
    if not settings.leaf_asn_start <= asn <= settings.leaf_asn_end:
        message = f"{asn} is not in the fabric's range for leaves, {settings.leaf_asn_start}-{settings.leaf_asn_end}"
        yield ASN_RANGE.at(("spec", "asn"), message)
    elif not shares:
        for _, other in others(state, ("asn", asn), new["metadata"]["name"]):
            yield ASN_TAKEN.at(("spec", "asn"), f"{asn} is the ASN of leaf {other}")
            return


def _taken(new: Manifest, state: ClusterState, fact: Fact, path: Path, text: str) -> Iterator[Violation]:
    for kind, other in others(state, fact, new["metadata"]["name"]):
        yield TAKEN.at(path, f"{text} is the {path[-1]} of {kind} {other}")
        return


def _inside(prefix: Prefix, subnet: str) -> bool:
    parsed = parse_prefix(subnet)
    return parsed is not None and parsed.contains(prefix.address)
