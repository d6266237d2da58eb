"""Rules of one subnet of a VPC that do not depend on other objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.namespaces import reserved_overlaps
from hedgehog.admission.rules.vpc.dhcp import dhcp_violations
from hedgehog.fabric.addresses import Prefix, parse_address, parse_prefix
from hedgehog.fabric.defaults.vpcs import LONGEST_PREFIX
from hedgehog.manifests.rule import Path, Violation, rule

HOST_LENGTH = 32
"""The only prefix length that a hostBGP server may announce unless the subnet says otherwise."""
MOST_EXTRA_PREFIXES = 100
_VALIDATE = "api/vpc/v1beta1/vpc_types.go VPC.Validate"

CIDR_INVALID = rule(
    "vpc-subnet-invalid",
    what=f"Every subnet of a VPC has a CIDR of at most {LONGEST_PREFIX} bits.",
    why="Smaller ones have no room for gateway and servers.",
    source=_VALIDATE,
    fix="set subnet to address/length without leading zeros: 10.10.1.0/24",
)
CIDR_RESERVED = rule(
    "vpc-subnet-reserved",
    what="A subnet does not overlap the subnets that are reserved for the fabric itself.",
    why="Switches and control nodes have addresses there.",
    source=_VALIDATE,
    fix="choose a subnet of the IPv4Namespace",
)
GATEWAY_INVALID = rule(
    "vpc-gateway-invalid",
    what="The gateway is an address of the subnet.",
    why="Servers cannot reach a gateway outside their subnet.",
    source=_VALIDATE,
    fix="correct it, or remove it to get the first host address",
)
VLAN_MISSING = rule(
    "vpc-vlan-missing",
    what="Every subnet has a VLAN, except hostBGP ones.",
    why="The VLAN tells the switch to which subnet a packet belongs.",
    source=_VALIDATE,
    fix="set vlan to one of the VLANNamespace",
)
HOST_BGP_DHCP = rule(
    "vpc-hostbgp-dhcp",
    what="A hostBGP subnet has no DHCP server.",
    why="Its servers announce the addresses they have.",
    source=_VALIDATE,
    fix="remove dhcp.enable or hostBGP",
)
HOST_BGP_ONLY = rule(
    "vpc-hostbgp-fields",
    what="Fields for hostBGP are set only in hostBGP subnets.",
    why="They have no effect elsewhere.",
    source=_VALIDATE,
    fix="set hostBGP: true, or remove them",
)
HOST_BGP_LENGTHS = rule(
    "vpc-hostbgp-lengths",
    what=(
        "Of the prefix lengths that servers may announce, the shortest is neither above the longest nor shorter "
        "than that of the prefix."
    ),
    why="No announcement would be accepted, or one for addresses of others would be.",
    source="api/vpc/v1beta1/vpc_types.go validateHostBGPPrefixLens",
    fix=f"correct min and max; both are {HOST_LENGTH} where they are absent",
)
EXTRA_PREFIXES = rule(
    "vpc-hostbgp-extra-prefixes",
    what=f"There are at most {MOST_EXTRA_PREFIXES} extra prefixes for hostBGP.",
    why="Switches have room for no more.",
    source=_VALIDATE,
    fix="join prefixes, or spread them over subnets",
)
EXTRA_PREFIX_INVALID = rule(
    "vpc-hostbgp-extra-prefix-invalid",
    what="An extra prefix for hostBGP is an IPv4 CIDR without host bits, outside the fabric's reserved subnets.",
    why="Switches filter announcements by it.",
    source=_VALIDATE,
    fix="write it as in 10.99.0.0/24",
)


def subnet_violations(path: Path, subnet: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    """What is wrong with the *subnet* at *path* by itself."""
    text = subnet.get("subnet", "")
    prefix = parse_prefix(text)
    if prefix is None or prefix.bits > LONGEST_PREFIX:
        yield CIDR_INVALID.at((*path, "subnet"), _cidr_fault(text, prefix))
        return
    for reserved in reserved_overlaps(prefix, state):
        yield CIDR_RESERVED.at((*path, "subnet"), f"{text} overlaps {reserved}, which is reserved")
    if subnet.get("hostBGP"):
        yield from _host_bgp(path, subnet, prefix, state)
    else:
        yield from _switched_violations(path, subnet, prefix)
    yield from dhcp_violations(path, subnet, prefix)


def _cidr_fault(text: str, prefix: Prefix | None) -> str:
    if not text:
        return "is missing"
    return f"{text!r} is not a CIDR" if prefix is None else f"{text} is too small: {LONGEST_PREFIX} bits are the most"


def _switched_violations(path: Path, subnet: Mapping[str, Any], prefix: Prefix) -> Iterator[Violation]:
    text = subnet.get("gateway", "")
    gateway = parse_address(text)
    if gateway is None:
        yield GATEWAY_INVALID.at((*path, "gateway"), f"{text!r} is not an address")
    elif not prefix.contains(gateway):
        yield GATEWAY_INVALID.at((*path, "gateway"), f"{text} is not in {prefix.network}")
    if not subnet.get("vlan"):
        yield VLAN_MISSING.at((*path, "vlan"), "is 0" if "vlan" in subnet else "is missing")
    for name in ("hostBGPMinPrefixLen", "hostBGPMaxPrefixLen", "hostBGPExtraPrefixes"):
        if subnet.get(name):
            yield HOST_BGP_ONLY.at((*path, name), "is set, but hostBGP is not")


def _host_bgp(path: Path, subnet: Mapping[str, Any], prefix: Prefix, state: ClusterState) -> Iterator[Violation]:
    if subnet.get("dhcp", {}).get("enable"):
        yield HOST_BGP_DHCP.at((*path, "dhcp", "enable"), "is set in a hostBGP subnet")
    shortest = subnet.get("hostBGPMinPrefixLen") or HOST_LENGTH
    longest = subnet.get("hostBGPMaxPrefixLen") or HOST_LENGTH
    yield from _lengths(path, prefix, shortest, longest)
    extra = subnet.get("hostBGPExtraPrefixes", {})
    if len(extra) > MOST_EXTRA_PREFIXES:
        message = f"has {len(extra)} prefixes, {MOST_EXTRA_PREFIXES} are allowed"
        yield EXTRA_PREFIXES.at((*path, "hostBGPExtraPrefixes"), message)
    for text, limits in extra.items():
        at: Path = (*path, "hostBGPExtraPrefixes", text)
        found = parse_prefix(text)
        if found is None or found.version != 4 or found.value != found.first:
            yield EXTRA_PREFIX_INVALID.at(at, f"{text!r} is not an IPv4 CIDR without host bits")
            continue
        for reserved in reserved_overlaps(found, state):
            yield EXTRA_PREFIX_INVALID.at(at, f"{text} overlaps {reserved}, which is reserved")
        yield from _lengths(at, found, limits.get("minPrefixLen") or shortest, limits.get("maxPrefixLen") or longest)


def _lengths(path: Path, prefix: Prefix, shortest: int, longest: int) -> Iterator[Violation]:
    if shortest > longest:
        yield HOST_BGP_LENGTHS.at(path, f"the shortest length {shortest} is above the longest {longest}")
    elif shortest < prefix.bits:
        yield HOST_BGP_LENGTHS.at(path, f"the shortest length {shortest} is wider than {prefix} itself")
