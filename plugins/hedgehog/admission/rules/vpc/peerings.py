"""Rules of VPCPeerings and ExternalPeerings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgehog.admission.cluster_state import ClusterState, Indexer
from hedgehog.admission.rules import peered_pairs
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.defaults.externals import peered_vpcs
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, Rule, Severity, Violation, rule

_VPC_PEERING = "api/vpc/v1beta1/vpcpeering_types.go Validate"
_EXTERNAL_PEERING = "api/vpc/v1beta1/externalpeering_types.go Validate"

PEERING_DISABLED = rule(
    "vpc-peering-disabled",
    what="A fabric with VPC peering switched off has no VPCPeering.",
    why="The setting vpcPeeringDisabled of the fabric forbids it.",
    source=_VPC_PEERING,
    fix="switch it on in the settings of the fabric, or leave the VPCPeering out",
)
REMOTE = rule(
    "vpc-peering-remote",
    what="A VPCPeering has no remote.",
    why="Remote peering was deprecated in 26.01 and is refused since 26.03.",
    source=_VPC_PEERING,
    fix="leave the field out",
)
TWO_VPCS = rule(
    "vpc-peering-two-vpcs",
    what="Every permit policy names exactly two VPCs, and all policies the same two.",
    why="A VPCPeering joins two VPCs. A VPC without a value (`- vpc-1:`) is dropped before admission sees it.",
    source="api/vpc/v1beta1/vpcpeering_types.go VPCs",
    fix="write one policy `- {vpc-1: {}, vpc-2: {}}`, and another VPCPeering for another pair",
)
PEERED_VPC_ABSENT = rule(
    "vpc-peering-vpc-absent",
    what="Both VPCs of a VPCPeering exist.",
    why="Otherwise there is nothing to peer.",
    source=_VPC_PEERING,
    fix="create the VPC first, or correct the name",
    absent="VPC",
)
PEERED_IPV4_NAMESPACES = rule(
    "vpc-peering-ipv4-namespaces",
    what="Both VPCs of a VPCPeering are in one IPv4Namespace.",
    why="Only within one are their subnets known not to overlap.",
    source=_VPC_PEERING,
    fix="peer VPCs of one IPv4Namespace, or use a GatewayPeering with NAT",
)
PEERED_VLAN_NAMESPACES = rule(
    "vpc-peering-vlan-namespaces",
    what="Both VPCs of a VPCPeering are in one VLANNamespace.",
    why="Only within one are their VLANs known to differ.",
    source=_VPC_PEERING,
    fix="peer VPCs of one VLANNamespace",
)
PEERED_SUBNET_ABSENT = rule(
    "vpc-peering-subnet-absent",
    what="The subnets that a permit policy names exist in their VPC.",
    why="A policy for a subnet that does not exist would silently permit nothing.",
    source=_VPC_PEERING,
    fix="correct the name, or leave `subnets` out to permit all of them",
)
VPC_REQUIRED = rule(
    "external-peering-vpc-required",
    what="An ExternalPeering names its VPC.",
    why="Otherwise there is nothing to peer.",
    source=_EXTERNAL_PEERING,
    fix="set permit.vpc.name",
)
EXTERNAL_REQUIRED = rule(
    "external-peering-external-required",
    what="An ExternalPeering names its External.",
    why="Otherwise there is nothing to peer.",
    source=_EXTERNAL_PEERING,
    fix="set permit.external.name",
)
PREFIX_REQUIRED = rule(
    "external-peering-prefix-required",
    what="No prefix of an ExternalPeering is empty.",
    why="An empty prefix would permit nothing.",
    source=_EXTERNAL_PEERING,
    fix="write the prefix, for example `prefix: 0.0.0.0/0` for any route, or leave the entry out",
)
VPC_ABSENT = rule(
    "external-peering-vpc-absent",
    what="The VPC of an ExternalPeering exists.",
    why="Otherwise there is nothing to peer.",
    source=_EXTERNAL_PEERING,
    fix="create the VPC first, or correct the name",
    absent="VPC",
)
EXTERNAL_ABSENT = rule(
    "external-peering-external-absent",
    what="The External of an ExternalPeering exists.",
    why="Otherwise there is nothing to peer with.",
    source=_EXTERNAL_PEERING,
    fix="create the External first, or correct the name (without `ext.`)",
    absent="External",
)
IPV4_NAMESPACES = rule(
    "external-peering-ipv4-namespaces",
    what="VPC and External of an ExternalPeering are in one IPv4Namespace.",
    why="Routes of different namespaces may overlap.",
    source=_EXTERNAL_PEERING,
    fix="peer a VPC and an External of one IPv4Namespace",
)
SUBNET_ABSENT = rule(
    "external-peering-subnet-absent",
    what="The subnets that an ExternalPeering names exist in its VPC.",
    why="A subnet that does not exist would silently not be announced.",
    source=_EXTERNAL_PEERING,
    fix="correct the name, or leave it out",
)
PREFIX = rule(
    "external-peering-prefix",
    what="The prefixes of an ExternalPeering are IPv4 CIDRs.",
    why="Upstream only checks whether they are empty; the switches cannot use anything else.",
    source="ours",
    fix="write a CIDR such as 0.0.0.0/0",
    severity=Severity.WARNING,
)


def _vpc_peering(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    spec = new["spec"]
    if state.settings.vpc_peering_disabled:
        yield PEERING_DISABLED.at((), "this fabric does not allow VPC peering")
    if spec.get("remote"):
        yield REMOTE.at(("spec", "remote"), f"{spec['remote']!r}: remote peering is no longer supported")
    names = peered_vpcs(spec)
    if names is None:
        yield from _miscounted(spec.get("permit") or ())
        return
    vpcs = {name: state.get("VPC", name) for name in names}
    yield from _missing_peers(spec["permit"], vpcs)
    one, other = vpcs.values()
    if one is not None and other is not None:
        yield from _in_one_namespace(one, other, "ipv4Namespace", PEERED_IPV4_NAMESPACES)
        yield from _in_one_namespace(one, other, "vlanNamespace", PEERED_VLAN_NAMESPACES)
    yield from peered_pairs.pair_violations(new, ("spec", "permit"), state)


def _miscounted(permit: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    wrong = [(index, policy) for index, policy in enumerate(permit) if len(policy or ()) != 2]
    for index, policy in wrong:
        named = ", ".join(sorted(policy or ())) or "none"
        yield TWO_VPCS.at(("spec", "permit", index), f"names {len(policy or ())} VPCs ({named}), not two")
    if not wrong:
        names = sorted({name for policy in permit for name in policy})
        yield TWO_VPCS.at(
            ("spec", "permit"), f"the policies name {', '.join(names) or 'no VPC'}, not the same two VPCs"
        )


def _missing_peers(permit: list[dict[str, Any]], vpcs: Mapping[str, Manifest | None]) -> Iterator[Violation]:
    for name, vpc in vpcs.items():
        if vpc is None:
            yield PEERED_VPC_ABSENT.at(("spec", "permit", 0, name), f"there is no VPC {name}")
    for index, policy in enumerate(permit):
        for name, peer in policy.items():
            path = ("spec", "permit", index, name, "subnets")
            yield from _missing_subnets(peer.get("subnets") or (), vpcs[name], path, PEERED_SUBNET_ABSENT)


def _missing_subnets(names: Sequence[str], vpc: Manifest | None, path: Path, violated: Rule) -> Iterator[Violation]:
    subnets = {} if vpc is None else vpc["spec"].get("subnets") or {}
    for index, name in enumerate(names):
        if vpc is not None and name not in subnets:
            known = ", ".join(sorted(subnets))
            yield violated.at((*path, index), f"VPC {vpc['metadata']['name']} has no subnet {name!r}; it has {known}")


def _in_one_namespace(one: Manifest, other: Manifest, field: str, violated: Rule) -> Iterator[Violation]:
    if one["spec"].get(field) != other["spec"].get(field):
        message = " and ".join(
            f"{it['kind']} {it['metadata']['name']} is in {it['spec'].get(field)}" for it in (one, other)
        )
        yield violated.at(("spec", "permit"), message)


def _external_peering(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    permit = new["spec"]["permit"]
    vpc = _peer("VPC", permit["vpc"].get("name"), state)
    external = _peer("External", permit["external"].get("name"), state)
    yield from _missing("vpc", permit, vpc, VPC_REQUIRED, VPC_ABSENT)
    yield from _missing("external", permit, external, EXTERNAL_REQUIRED, EXTERNAL_ABSENT)
    for index, one in enumerate(permit["external"].get("prefixes") or ()):
        if not one.get("prefix"):
            yield PREFIX_REQUIRED.at(("spec", "permit", "external", "prefixes", index, "prefix"), "is empty")
    if vpc is not None and external is not None:
        yield from _in_one_namespace(vpc, external, "ipv4Namespace", IPV4_NAMESPACES)
    subnets = permit["vpc"].get("subnets") or ()
    yield from _missing_subnets(subnets, vpc, ("spec", "permit", "vpc", "subnets"), SUBNET_ABSENT)
    yield from peered_pairs.pair_violations(new, ("spec", "permit"), state)


def _peer(kind: str, name: str | None, state: ClusterState) -> Manifest | None:
    return state.get(kind, name) if name else None


def _missing(
    side: str, permit: Mapping[str, Any], found: Manifest | None, required: Rule, absent: Rule
) -> Iterator[Violation]:
    name = permit[side].get("name")
    if not name:
        yield required.at(("spec", "permit", side, "name"), "is missing")
    elif found is None:
        kind = "VPC" if side == "vpc" else "External"
        yield absent.at(("spec", "permit", side, "name"), f"there is no {kind} {name}")


def _vpc_peering_warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    return peered_pairs.duplicate_warnings(new, ("spec", "permit"), state)


def _external_peering_warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    yield from peered_pairs.duplicate_warnings(new, ("spec", "permit"), state)
    for index, one in enumerate(new["spec"]["permit"]["external"].get("prefixes") or ()):
        prefix = parse_prefix(one["prefix"])
        if prefix is None or prefix.version != 4:
            path = ("spec", "permit", "external", "prefixes", index, "prefix")
            yield PREFIX.at(path, f"{one['prefix']!r} is not an IPv4 prefix")


_PAIRS = Indexer(facts=peered_pairs.pair_facts)
KINDS: Mapping[str, KindRules] = {
    "VPCPeering": KindRules(_vpc_peering, warn=_vpc_peering_warnings, indexer=_PAIRS),
    "ExternalPeering": KindRules(_external_peering, warn=_external_peering_warnings, indexer=_PAIRS),
}
