"""Rules of VPCs: what upstream's webhook refuses. Subnets, DHCP and warnings have files of their own.

Whether another VPC has the addresses or the VLAN is looked up in indexes, so that the cost depends on one VPC alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules.namespaces import has_prefix, has_vlan
from hedgehog.admission.rules.registry import KindRules
from hedgehog.admission.rules.vpc.attachments import L2VNI, L3VNI
from hedgehog.admission.rules.vpc.subnets import subnet_violations
from hedgehog.admission.rules.vpc.warnings import dropped, warn
from hedgehog.fabric import labels
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Path, Violation, rule

LONGEST_NAME = 11
MOST_SUBNETS = 20
FEWEST_PERMITTED = 2
_SHOWN = 3
_VALIDATE = "api/vpc/v1beta1/vpc_types.go VPC.Validate"

NAME = rule(
    "vpc-name",
    what=f"The name of a VPC has at most {LONGEST_NAME} characters and does not start with {EXTERNAL_PREFIX}",
    why=(
        f"It becomes part of names on the switches, which are short; {EXTERNAL_PREFIX} marks externals in "
        "gateway peerings."
    ),
    source=_VALIDATE,
    fix="choose another name: vpc-01",
)
SUBNETS = rule(
    "vpc-subnet-count",
    what=f"A VPC has 1 to {MOST_SUBNETS} subnets.",
    why="A VPC without subnets has no effect, and switches have room for no more.",
    source=_VALIDATE,
    fix="add a subnet, or split the VPC and peer the parts",
)
MODE = rule(
    "vpc-mode",
    what=f"The mode of a VPC is empty or {L3VNI}.",
    why="Upstream names l3flat as well, but does not support it yet.",
    source=_VALIDATE,
    fix=f"remove mode, or set it to {L3VNI}",
)
VLAN_REPEATED = rule(
    "vpc-vlan-repeated",
    what="The subnets of a VPC have different VLANs, except hostBGP ones.",
    why="A packet could belong to either.",
    source=_VALIDATE,
    fix="give each subnet a VLAN of its own",
)
SUBNETS_OVERLAP = rule(
    "vpc-subnet-overlap",
    what="The subnets of a VPC, and the extra prefixes for hostBGP, do not overlap.",
    why="An address could be in either.",
    source=_VALIDATE,
    fix="correct one of the CIDRs",
)
PERMIT = rule(
    "vpc-permit-invalid",
    what=f"Every list of permit has at least {FEWEST_PERMITTED} subnets of the VPC, each once.",
    why="Such a list says which subnets may talk to each other.",
    source=_VALIDATE,
    fix="list subnets of this VPC by name: [frontend, backend]",
)
STATIC_ROUTE = rule(
    "vpc-static-route-invalid",
    what="A static route has a CIDR without host bits and at least one next hop.",
    why="Switches would not accept it.",
    source=_VALIDATE,
    fix="write it as in {prefix: 10.99.0.0/16, nextHops: [10.10.1.5]}",
)
IPV4_NAMESPACE_MISSING = rule(
    "vpc-ipv4-namespace-missing",
    what="The IPv4Namespace of a VPC exists.",
    why="Admission looks up which addresses the VPC may use.",
    source=_VALIDATE,
    fix="create the IPv4Namespace first, or correct its name",
    absent="IPv4Namespace",
)
VLAN_NAMESPACE_MISSING = rule(
    "vpc-vlan-namespace-missing",
    what="The VLANNamespace of a VPC exists.",
    why="Admission looks up which VLANs the VPC may use.",
    source=_VALIDATE,
    fix="create the VLANNamespace first, or correct its name",
    absent="VLANNamespace",
)
SUBNET_OUTSIDE = rule(
    "vpc-subnet-outside",
    what="Every subnet, and extra prefix for hostBGP, lies in one subnet of the IPv4Namespace.",
    why="The namespace says which addresses VPCs may use.",
    source=_VALIDATE,
    fix="choose a subnet of the IPv4Namespace, or extend the namespace first",
)
VLAN_OUTSIDE = rule(
    "vpc-vlan-outside",
    what="Every VLAN is in the VLANNamespace, except in hostBGP subnets.",
    why="The namespace says which VLANs VPCs may use.",
    source=_VALIDATE,
    fix="choose a VLAN of the VLANNamespace, or extend the namespace first",
)
RELAY_VPC_MISSING = rule(
    "vpc-dhcp-relay-vpc-missing",
    what="The VPC in dhcp.relayVPC exists.",
    why="Admission looks it up.",
    source=_VALIDATE,
    fix="create that VPC first, or correct its name",
    absent="VPC",
)
SUBNET_TAKEN = rule(
    "vpc-subnet-taken",
    what="A subnet shares no address with another VPC of the same IPv4Namespace.",
    why="VPCs of one namespace can be peered, and then addresses must be unique.",
    source=_VALIDATE,
    fix="choose a free subnet, or another IPv4Namespace",
)
VLAN_TAKEN = rule(
    "vpc-vlan-taken",
    what="No other VPC of the same VLANNamespace has the VLAN.",
    why="Both VPCs may be attached to one port of a switch.",
    source=_VALIDATE,
    fix="choose a free VLAN",
)
IN_USE = rule(
    "vpc-in-use",
    what="A VPC is deleted after its attachments, its peerings and the static externals within it.",
    why="They would refer to nothing.",
    source="pkg/ctrl/vpc_wh.go ValidateDelete",
    fix="delete what is named first",
)


def _validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    name, spec = new["metadata"]["name"], new["spec"]
    subnets: dict[str, dict[str, Any]] = spec.get("subnets", {})
    if len(name) > LONGEST_NAME:
        yield NAME.at(("metadata", "name"), f"{name} has {len(name)} characters, {LONGEST_NAME} are allowed")
    if name.startswith(EXTERNAL_PREFIX):
        yield NAME.at(("metadata", "name"), f"{name} starts with {EXTERNAL_PREFIX}")
    if not 1 <= len(subnets) <= MOST_SUBNETS:
        yield SUBNETS.at(("spec", "subnets"), f"has {len(subnets)} subnets, 1 to {MOST_SUBNETS} are allowed")
    if spec.get("mode", L2VNI) not in (L2VNI, L3VNI):
        yield MODE.at(("spec", "mode"), f"{spec['mode']!r} is not supported")
    for subnet_name, subnet in subnets.items():
        yield from subnet_violations(("spec", "subnets", subnet_name), subnet, state)
    yield from _vlans_repeated(subnets)
    yield from _overlaps(spec)
    yield from _permit(spec)
    yield from _static_routes(spec)
    yield from _fit_namespaces(spec, state)
    yield from _taken(name, spec, state)


def _vlans_repeated(subnets: Mapping[str, Mapping[str, Any]]) -> Iterator[Violation]:
    seen: dict[int, str] = {}
    for name, subnet in subnets.items():
        vlan = subnet.get("vlan")
        if not vlan or subnet.get("hostBGP"):
            continue
        if vlan in seen:
            yield VLAN_REPEATED.at(("spec", "subnets", name, "vlan"), f"{vlan} is the VLAN of subnet {seen[vlan]} too")
        seen[vlan] = name


def _prefixes(spec: Mapping[str, Any]) -> Iterator[tuple[Path, str, Prefix]]:
    """Every CIDR that the VPC uses, with its path and as written; what cannot be read is left out."""
    for name, subnet in spec.get("subnets", {}).items():
        path: Path = ("spec", "subnets", name)
        text = subnet.get("subnet", "")
        prefix = parse_prefix(text)
        if prefix is not None:
            yield (*path, "subnet"), text, prefix
        for text in subnet.get("hostBGPExtraPrefixes", ()) if subnet.get("hostBGP") else ():
            prefix = parse_prefix(text)
            if prefix is not None:
                yield (*path, "hostBGPExtraPrefixes", text), text, prefix


def _overlaps(spec: Mapping[str, Any]) -> Iterator[Violation]:
    # Neighbours in order of their first addresses: a VPC may have two thousand extra prefixes.
    inner = sorted(_prefixes(spec), key=lambda one: (one[2].version, one[2].first, one[2].bits))
    widest: tuple[str, Prefix] | None = None
    for path, text, prefix in inner:
        if widest is not None and widest[1].overlaps(prefix):
            yield SUBNETS_OVERLAP.at(path, f"{text} overlaps {widest[0]} of this VPC")
        if widest is None or not widest[1].covers(prefix):
            widest = text, prefix


def _permit(spec: Mapping[str, Any]) -> Iterator[Violation]:
    subnets = spec.get("subnets", {})
    for number, permitted in enumerate(spec.get("permit", ())):
        names: list[str] = permitted or []
        path: Path = ("spec", "permit", number)
        if len(names) < FEWEST_PERMITTED:
            yield PERMIT.at(path, f"has {len(names)} subnets, at least {FEWEST_PERMITTED} are needed")
        for position, name in enumerate(names):
            if name not in subnets:
                yield PERMIT.at((*path, position), f"the VPC has no subnet {name!r}")
            elif name in names[:position]:
                yield PERMIT.at((*path, position), f"{name} is listed twice")


def _static_routes(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for number, route in enumerate(spec.get("staticRoutes", ())):
        path: Path = ("spec", "staticRoutes", number)
        text = route.get("prefix", "")
        prefix = parse_prefix(text)
        if prefix is None:
            yield STATIC_ROUTE.at((*path, "prefix"), f"{text!r} is not a CIDR" if text else "is missing")
        elif prefix.value != prefix.first:
            yield STATIC_ROUTE.at((*path, "prefix"), f"{text} has host bits", f"write {prefix.network}")
        if not route.get("nextHops"):
            yield STATIC_ROUTE.at((*path, "nextHops"), "has no next hop")


def _fit_namespaces(spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    addresses = state.get("IPv4Namespace", spec["ipv4Namespace"])
    if addresses is None:
        message = f"there is no IPv4Namespace {spec['ipv4Namespace']}"
        yield IPV4_NAMESPACE_MISSING.at(("spec", "ipv4Namespace"), message)
    vlans = state.get("VLANNamespace", spec["vlanNamespace"])
    if vlans is None:
        message = f"there is no VLANNamespace {spec['vlanNamespace']}"
        yield VLAN_NAMESPACE_MISSING.at(("spec", "vlanNamespace"), message)
    for path, text, prefix in _prefixes(spec):
        if addresses is not None and not has_prefix(addresses, prefix):
            yield SUBNET_OUTSIDE.at(path, f"{text} is not in the IPv4Namespace {spec['ipv4Namespace']}")
    for name, subnet in spec.get("subnets", {}).items():
        vlan = subnet.get("vlan")
        if vlan and not subnet.get("hostBGP") and vlans is not None and not has_vlan(vlans, vlan):
            message = f"{vlan} is not in the VLANNamespace {spec['vlanNamespace']}"
            yield VLAN_OUTSIDE.at(("spec", "subnets", name, "vlan"), message)
        yield from _relay_vpc(name, subnet, state)


def _relay_vpc(name: str, subnet: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    relay = subnet.get("dhcp", {}).get("relayVPC")
    if relay and state.get("VPC", relay) is None:
        yield RELAY_VPC_MISSING.at(("spec", "subnets", name, "dhcp", "relayVPC"), f"there is no VPC {relay}")


def _taken(name: str, spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    for path, text, prefix in _prefixes(spec):
        for found, (_, other) in state.overlapping(("vpc-subnet", spec["ipv4Namespace"]), prefix):
            if other != name:
                yield SUBNET_TAKEN.at(path, f"{text} overlaps {found} of VPC {other}")
    for subnet_name, subnet in spec.get("subnets", {}).items():
        for _, other in state.users(_vlan_fact(spec, subnet)) if subnet.get("vlan") else ():
            if other != name:
                yield VLAN_TAKEN.at(
                    ("spec", "subnets", subnet_name, "vlan"), f"{subnet['vlan']} is a VLAN of VPC {other}"
                )


def _vlan_fact(spec: Mapping[str, Any], subnet: Mapping[str, Any]) -> Fact:
    return "vpc-vlan", spec.get("vlanNamespace"), subnet["vlan"]


def _vlan_facts(manifest: Manifest) -> Iterator[Fact]:
    spec = manifest.get("spec", {})
    return (_vlan_fact(spec, subnet) for subnet in spec.get("subnets", {}).values() if subnet.get("vlan"))


def _spaces(manifest: Manifest) -> Iterator[tuple[Hashable, Prefix]]:
    spec = manifest.get("spec", {})
    return ((("vpc-subnet", spec.get("ipv4Namespace")), prefix) for _, _, prefix in _prefixes(spec))


def _delete(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    name = old["metadata"]["name"]
    for kind, key, value in (
        ("VPCAttachment", labels.VPC, name),
        ("VPCPeering", labels.peered_vpc(name), labels.SET),
        ("ExternalPeering", labels.VPC, name),
        ("Connection", labels.VPC, name),
    ):
        users = [one["metadata"]["name"] for one in state.labelled(kind, key, value)]
        if users:
            yield IN_USE.at((), f"{kind} {listed(users, _SHOWN)} refer to it")


KINDS: Mapping[str, KindRules] = {
    "VPC": KindRules(_validate, delete=_delete, warn=warn, dropped=dropped, indexer=Indexer(_vlan_facts, _spaces)),
}
