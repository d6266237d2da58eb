"""Rules of VLANNamespaces and IPv4Namespaces: the pools from which VPCs take VLANs and subnets.

An update looks at every VPC of the namespace, as upstream does; a create looks at the namespace alone.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules import reserved_vlans
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric import labels
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.defaults.vpcs import range_fault
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import VLANRange
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Path, Rule, Severity, Violation, rule

LONGEST_NAME = 11
MOST_SUBNETS = 10
_SHOWN = 3
_KUBERNETES = tuple(filter(None, map(parse_prefix, ("172.28.0.0/16", "172.29.0.0/16"))))
"""What the control cluster uses for pods and services."""
_NO_VLAN = (
    "upstream refuses every update of a VLANNamespace while a VPC without VLAN (hostBGP) has an IPv4Namespace of the same "
    "name; give that subnet a VLAN first, or use another VLANNamespace"
)

_VLANS_VALIDATE = "api/wiring/v1beta1/vlannamespace_types.go VLANNamespace.Validate"
_VLANS_WEBHOOK = "pkg/ctrl/vlannamespace_wh.go"
_IPV4_VALIDATE = "api/vpc/v1beta1/ipv4namespace_types.go IPv4Namespace.Validate"
_IPV4_WEBHOOK = "pkg/ctrl/ipv4namespace_wh.go"

RANGES_OVERLAP = rule(
    "vlannamespace-range-overlap",
    what="The ranges of a VLANNamespace do not overlap.",
    why="One of the ranges of a VLAN that is listed twice is a mistake.",
    source=_VLANS_VALIDATE,
    fix="join the ranges, or correct their bounds",
)
RANGE_RESERVED = rule(
    "vlannamespace-range-reserved",
    what="A VLANNamespace leaves out the VLANs that are reserved for the fabric itself.",
    why="Switches use them internally: one per VPC (vpcIRBVLANs), and some for a workaround on TH5 switches.",
    source=_VLANS_VALIDATE,
    fix="choose VLANs outside the ranges reserved in the Fabricator, usually 1000-2999",
)
VLAN_IN_USE = rule(
    "vlannamespace-vlan-in-use",
    what="A VLANNamespace keeps the VLANs that VPCs use.",
    why=(
        "A VPC would have a VLAN that belongs to no namespace. Upstream looks at the VPCs whose IPv4Namespace "
        "has the same name."
    ),
    source=f"{_VLANS_WEBHOOK} ValidateUpdate",
    fix="keep the VLANs of existing VPCs, or change those VPCs first",
)
VLAN_LOST = rule(
    "vlannamespace-vlan-lost",
    what="A VLANNamespace keeps the VLANs of its VPCs, regardless of the name of their IPv4Namespace.",
    why="Upstream looks the VPCs up by the wrong label and misses them: the next change of such a VPC is refused.",
    source=f"ours; {_VLANS_WEBHOOK} ValidateUpdate lists by the label of the IPv4Namespace",
    fix="keep the VLANs of existing VPCs, or change those VPCs first",
    severity=Severity.WARNING,
)
RANGES_DROPPED = rule(
    "vlannamespace-ranges-dropped",
    what="Every range of a VLANNamespace is within 1..4094, with from not above to.",
    why="With one invalid range, upstream silently stores the namespace without any VLAN.",
    source="ours; api/wiring/v1beta1/vlannamespace_types.go VLANNamespace.Default",
    fix="correct the range: {from: 1000, to: 2999}",
    severity=Severity.WARNING,
)
NO_RANGES = rule(
    "vlannamespace-empty",
    what="A VLANNamespace has VLANs.",
    why="No VPC can take a VLAN from it.",
    source="ours; upstream accepts an empty spec",
    fix="add ranges: [{from: 1000, to: 2999}]",
    severity=Severity.WARNING,
)
VLANS_USED = rule(
    "vlannamespace-in-use",
    what="A VLANNamespace is deleted after its Switches and VPCs.",
    why="They would refer to nothing.",
    source=f"{_VLANS_WEBHOOK} ValidateDelete",
    fix="delete its VPCs, and remove it from vlanNamespaces of the switches",
)
NAME_TOO_LONG = rule(
    "ipv4namespace-name-too-long",
    what="The name of an IPv4Namespace has at most 11 characters.",
    why="It becomes part of names on the switches, which are short.",
    source=_IPV4_VALIDATE,
    fix="choose a shorter name",
)
SUBNET_INVALID = rule(
    "ipv4namespace-subnet-invalid",
    what="Every subnet of an IPv4Namespace is a CIDR.",
    why="No VPC can take a subnet from anything else.",
    source=_IPV4_VALIDATE,
    fix="write address/length without leading zeros: 10.10.0.0/16",
)
TOO_MANY_SUBNETS = rule(
    "ipv4namespace-too-many-subnets",
    what="An IPv4Namespace has at most 10 subnets.",
    why="Switches need an ACL for each pair of them, and have room for few.",
    source=_IPV4_VALIDATE,
    fix="join subnets, or use a second namespace",
)
SUBNETS_OVERLAP = rule(
    "ipv4namespace-subnet-overlap",
    what="The subnets of an IPv4Namespace do not overlap.",
    why="One of two subnets with the same address is a mistake.",
    source=_IPV4_VALIDATE,
    fix="keep the larger one, or correct them",
)
SUBNET_RESERVED = rule(
    "ipv4namespace-subnet-reserved",
    what="An IPv4Namespace leaves out the subnets that are reserved for the fabric itself.",
    why="Switches and control nodes have addresses in them.",
    source=_IPV4_VALIDATE,
    fix="choose another subnet; reserved by default are 172.30.0.0/21 and others of 172.30.0.0/16",
)
RESERVED_OVERLAP = rule(
    "ipv4namespace-reserved-overlap",
    what="The subnets that are reserved for the fabric itself do not overlap.",
    why="Upstream compares all of them with each other at each write of an IPv4Namespace, and refuses it.",
    source=_IPV4_VALIDATE,
    fix="correct the subnets of the Fabricator, or those in the settings of the fabric",
)
SUBNET_IN_USE = rule(
    "ipv4namespace-subnet-in-use",
    what="An IPv4Namespace keeps the subnets that its VPCs use.",
    why="A VPC would have a subnet that belongs to no namespace.",
    source=f"{_IPV4_WEBHOOK} ValidateUpdate",
    fix="keep the subnets of existing VPCs, or change those VPCs first",
)
PREFIX_LOST = rule(
    "ipv4namespace-prefix-lost",
    what="An IPv4Namespace keeps the extra prefixes of hostBGP subnets of its VPCs.",
    why="Upstream does not check them: the next change of such a VPC is refused.",
    source=f"ours; {_IPV4_WEBHOOK} ValidateUpdate looks at subnets only",
    fix="keep the prefixes, or change those VPCs first",
    severity=Severity.WARNING,
)
NO_SUBNETS = rule(
    "ipv4namespace-empty",
    what="An IPv4Namespace has subnets.",
    why="No VPC can take a subnet from it.",
    source="ours; upstream accepts an empty spec",
    fix="add subnets: [10.10.0.0/16]",
    severity=Severity.WARNING,
)
SUBNET_IPV6 = rule(
    "ipv4namespace-subnet-ipv6",
    what="The subnets of an IPv4Namespace are IPv4.",
    why="Upstream accepts any CIDR, but fabrics route IPv4 only.",
    source=f"ours; {_IPV4_VALIDATE} parses any prefix",
    fix="use an IPv4 subnet",
    severity=Severity.WARNING,
)
SUBNET_OF_KUBERNETES = rule(
    "ipv4namespace-subnet-kubernetes",
    what="An IPv4Namespace leaves out 172.28.0.0/16 and 172.29.0.0/16.",
    why="The control cluster uses them for pods and services; upstream does not list them as reserved.",
    source="ours; fabricator's defaults of the control cluster",
    fix="choose another subnet",
    severity=Severity.WARNING,
)
SUBNET_HOST_BITS = rule(
    "ipv4namespace-subnet-host-bits",
    what="A subnet is written with its first address.",
    why="Host bits are ignored, so the namespace has more or other addresses than it seems to have.",
    source=f"ours; {_IPV4_VALIDATE} masks them",
    fix="write the first address, which the message names",
    severity=Severity.WARNING,
)
SUBNETS_USED = rule(
    "ipv4namespace-in-use",
    what="An IPv4Namespace is deleted after its VPCs and Externals.",
    why="They would refer to nothing.",
    source=f"{_IPV4_WEBHOOK} ValidateDelete",
    fix="delete its VPCs and Externals first",
)


def has_vlan(namespace: Manifest, vlan: int) -> bool:
    """Whether *vlan* is in the VLANNamespace."""
    return any(one["from"] <= vlan <= one["to"] for one in namespace.get("spec", {}).get("ranges", ()))


def has_prefix(namespace: Manifest, prefix: Prefix) -> bool:
    """Whether all of *prefix* is in one subnet of the IPv4Namespace."""
    subnets = map(parse_prefix, namespace.get("spec", {}).get("subnets", ()))
    return any(subnet is not None and subnet.covers(prefix) for subnet in subnets)


def _validate_vlans(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    ranges: list[VLANRange] = [(one["from"], one["to"]) for one in new.get("spec", {}).get("ranges", ())]
    settings = state.settings
    for number, (first, last) in enumerate(ranges):
        if number and ranges[number - 1][1] >= first:
            overlapped = "{}-{}".format(*ranges[number - 1])
            yield RANGES_OVERLAP.at(("spec", "ranges", number), f"{first}-{last} overlaps {overlapped}")
        for reserved in (*settings.vpc_irb_vlans, *settings.th5_workaround_vlans):
            if first <= reserved[1] and reserved[0] <= last:
                message = "{}-{} overlaps {}-{}, which is reserved".format(first, last, *reserved)
                yield RANGE_RESERVED.at(("spec", "ranges", number), message)
    if old is not None:
        yield from _vlans_kept(new, state)


def _vlans_kept(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    for vpc in state.labelled("VPC", labels.IPV4_NAMESPACE, new["metadata"]["name"]):
        for name, subnet in vpc["spec"].get("subnets", {}).items():
            vlan = subnet.get("vlan", 0)
            if not has_vlan(new, vlan):
                yield VLAN_IN_USE.at(("spec", "ranges"), _in_use(vpc, name, f"VLAN {vlan}"), "" if vlan else _NO_VLAN)


def _in_use(vpc: Manifest, subnet: str, used: str) -> str:
    return f"VPC {vpc['metadata']['name']} uses {used} for its subnet {subnet}"


def _warn_vlans(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    yield from reserved_vlans.namespace_warnings(new, state)
    if old is None:
        return
    name = new["metadata"]["name"]
    for vpc in state.labelled("VPC", labels.VLAN_NAMESPACE, name):
        for subnet_name, subnet in vpc["spec"].get("subnets", {}).items():
            if not subnet.get("hostBGP") and not has_vlan(new, subnet.get("vlan", 0)):
                yield VLAN_LOST.at(("spec", "ranges"), _in_use(vpc, subnet_name, f"VLAN {subnet.get('vlan', 0)}"))


def _dropped_vlans(sent: Manifest, new: Manifest) -> Iterator[Violation]:
    if new.get("spec", {}).get("ranges"):
        return
    ranges = sent.get("spec", {}).get("ranges")
    if not ranges:
        yield NO_RANGES.at(("spec",), "has no VLANs")
        return
    for number, one in enumerate(ranges):
        fault = range_fault(one)
        if fault:
            message = f"{fault}: the namespace would be stored without any VLAN"
            yield RANGES_DROPPED.at(("spec", "ranges", number), message)


def _delete_vlans(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    name = old["metadata"]["name"]
    yield from _used(VLANS_USED, "Switch", state.labelled("Switch", labels.switch_vlan_namespace(name), labels.SET))
    yield from _used(VLANS_USED, "VPC", state.labelled("VPC", labels.VLAN_NAMESPACE, name))


def _used(broken: Rule, kind: str, users: Iterator[Manifest]) -> Iterator[Violation]:
    names = [one["metadata"]["name"] for one in users]
    if names:
        yield broken.at((), f"{kind} {listed(names, _SHOWN)} refer to it")


def _validate_ipv4(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    name = new["metadata"]["name"]
    if len(name) > LONGEST_NAME:
        message = f"{name} has {len(name)} characters, {LONGEST_NAME} are allowed"
        yield NAME_TOO_LONG.at(("metadata", "name"), message)
    subnets = new.get("spec", {}).get("subnets", [])
    if len(subnets) > MOST_SUBNETS:
        message = f"has {len(subnets)} subnets, {MOST_SUBNETS} are allowed"
        yield TOO_MANY_SUBNETS.at(("spec", "subnets"), message)
    valid: list[Prefix] = []
    for number, text in enumerate(subnets):
        path: Path = ("spec", "subnets", number)
        prefix = parse_prefix(text)
        if prefix is None:
            yield SUBNET_INVALID.at(path, f"{text!r} is not a CIDR")
            continue
        for other in valid:
            if prefix.overlaps(other):
                yield SUBNETS_OVERLAP.at(path, f"{text} overlaps {other}")
        for reserved in reserved_overlaps(prefix, state):
            yield SUBNET_RESERVED.at(path, f"{text} overlaps {reserved}, which is reserved")
        valid.append(prefix)
    for one, other in _colliding(state.settings.reserved_subnets):
        message = f"no IPv4Namespace is accepted while the reserved subnets {one} and {other} overlap"
        yield RESERVED_OVERLAP.at(("spec", "subnets"), message)
    if old is not None and len(valid) == len(subnets):
        yield from _subnets_kept(new, state)


def reserved_overlaps(prefix: Prefix, state: ClusterState) -> Iterator[str]:
    """The subnets that are reserved for the fabric itself and overlap *prefix*."""
    for text in state.settings.reserved_subnets:
        reserved = parse_prefix(text)
        if reserved is not None and reserved.overlaps(prefix):
            yield text


@functools.lru_cache(maxsize=8)
def _colliding(texts: tuple[str, ...]) -> tuple[tuple[Prefix, Prefix], ...]:
    """The subnets that overlap each other."""
    pairs = itertools.combinations([prefix for prefix in map(parse_prefix, texts) if prefix is not None], 2)
    return tuple((one, other) for one, other in pairs if one.overlaps(other))


def _subnets_kept(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    for vpc in state.labelled("VPC", labels.IPV4_NAMESPACE, new["metadata"]["name"]):
        for name, subnet in vpc["spec"].get("subnets", {}).items():
            prefix = parse_prefix(subnet.get("subnet", ""))
            if prefix is None or not has_prefix(new, prefix):
                yield SUBNET_IN_USE.at(("spec", "subnets"), _in_use(vpc, name, subnet.get("subnet", "")))


def _warn_ipv4(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    subnets = new.get("spec", {}).get("subnets", [])
    if not subnets:
        yield NO_SUBNETS.at(("spec",), "has no subnets")
    for number, text in enumerate(subnets):
        prefix = parse_prefix(text)
        if prefix is not None:
            yield from _subnet_warnings(("spec", "subnets", number), prefix)
    if old is not None:
        yield from _prefixes_kept(new, state)


def _subnet_warnings(path: Path, prefix: Prefix) -> Iterator[Violation]:
    if prefix.version != 4:
        yield SUBNET_IPV6.at(path, f"{prefix} is IPv6")
    for taken in _KUBERNETES:
        if taken.overlaps(prefix):
            yield SUBNET_OF_KUBERNETES.at(path, f"{prefix} overlaps {taken}, which the control cluster uses")
    if prefix.value != prefix.first:
        yield SUBNET_HOST_BITS.at(path, f"{prefix} has host bits; it means {prefix.network}")


def _prefixes_kept(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    for vpc in state.labelled("VPC", labels.IPV4_NAMESPACE, new["metadata"]["name"]):
        for name, subnet in vpc["spec"].get("subnets", {}).items():
            for text in subnet.get("hostBGPExtraPrefixes", ()):
                prefix = parse_prefix(text)
                if prefix is not None and not has_prefix(new, prefix):
                    yield PREFIX_LOST.at(("spec", "subnets"), _in_use(vpc, name, text))


def _delete_ipv4(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    for kind in ("VPC", "External"):
        yield from _used(SUBNETS_USED, kind, state.labelled(kind, labels.IPV4_NAMESPACE, old["metadata"]["name"]))


KINDS: Mapping[str, KindRules] = {
    "VLANNamespace": KindRules(_validate_vlans, delete=_delete_vlans, warn=_warn_vlans, dropped=_dropped_vlans),
    "IPv4Namespace": KindRules(_validate_ipv4, delete=_delete_ipv4, warn=_warn_ipv4),
}
