"""What upstream accepts in a VPC although it is almost certainly a mistake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.namespaces import has_vlan
from hedgehog.admission.rules.vpc.attachments import SUBNET_MISSING, fit_violations
from hedgehog.fabric import labels
from hedgehog.fabric.addresses import parse_address, parse_prefix
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, Severity, Violation, rule

_TYPES = "api/vpc/v1beta1/vpc_types.go"
_UPDATE = "pkg/ctrl/vpc_wh.go ValidateUpdate"

GATEWAY_UNUSABLE = rule(
    "vpc-gateway-unusable",
    what="The gateway is neither the network nor the broadcast address of the subnet.",
    why="Servers do not accept such a gateway.",
    source=f"ours; {_TYPES} VPC.Validate only requires it to be inside the subnet",
    fix="choose a host address, or remove it to get the first one",
    severity=Severity.WARNING,
)
HOST_BITS = rule(
    "vpc-subnet-host-bits",
    what="A subnet is written with its first address.",
    why="Host bits are ignored: the subnet is another one than it seems to be.",
    source=f"ours; {_TYPES} VPC.Validate accepts them",
    fix="write the first address, which the message names",
    severity=Severity.WARNING,
)
HOST_BGP_VLAN = rule(
    "vpc-hostbgp-vlan",
    what="The VLAN of a hostBGP subnet, where it has one, is in the VLANNamespace and not that of another subnet.",
    why="Upstream does not check this, but packets with the tag may belong to the other subnet.",
    source=f"ours; {_TYPES} VPC.Validate leaves out hostBGP subnets",
    fix="choose a free VLAN of the VLANNamespace, or set vlan: 0 to go without a tag",
    severity=Severity.WARNING,
)
HOST_BGP_GATEWAY = rule(
    "vpc-hostbgp-gateway",
    what="A hostBGP subnet has no gateway.",
    why="It is ignored, even when it cannot be read.",
    source=f"ours; {_TYPES} VPC.Validate leaves out hostBGP subnets",
    fix="remove gateway",
    severity=Severity.WARNING,
)
NEXT_HOP = rule(
    "vpc-next-hop-invalid",
    what="The next hops of static routes are IPv4 addresses, each listed once.",
    why="Upstream does not parse them: the switch gets a route that it cannot use.",
    source=f"ours; {_TYPES} VPC.Validate only counts them",
    fix="write the address of a host in the VPC: 10.10.1.5",
    severity=Severity.WARNING,
)
ROUTE_REPEATED = rule(
    "vpc-static-route-repeated",
    what="A destination has at most one static route.",
    why="It is undefined which of two routes the switch keeps.",
    source=f"ours; {_TYPES} VPC.Validate does not compare them",
    fix="join them: one prefix with all next hops",
    severity=Severity.WARNING,
)
ROUTE_IPV6 = rule(
    "vpc-static-route-ipv6",
    what="Static routes are IPv4.",
    why="Upstream accepts any CIDR, but fabrics route IPv4 only.",
    source=f"ours; {_TYPES} VPC.Validate parses any prefix",
    fix="use an IPv4 prefix",
    severity=Severity.WARNING,
)
DHCP_DROPPED = rule(
    "vpc-dhcp-dropped",
    what="The range and the options of DHCP are set only together with dhcp.enable.",
    why="Without it upstream silently removes both.",
    source=f"ours; {_TYPES} VPC.Default",
    fix="set dhcp.enable: true, or remove them",
    severity=Severity.WARNING,
)
MAC_REPEATED = rule(
    "vpc-dhcp-mac-repeated",
    what="A MAC address has at most one static lease, however it is spelled.",
    why="Upstream normalises the spelling and silently keeps one of the leases.",
    source=f"ours; {_TYPES} VPC.Default",
    fix="keep one of the two",
    severity=Severity.WARNING,
)
SUBNET_USED = rule(
    "vpc-subnet-removed",
    what="A subnet is removed after its attachments, and after the peerings that name it.",
    why="Upstream does not check this: they then refer to nothing, and their next change is refused.",
    source=f"ours; {_UPDATE} has it commented out",
    fix="delete or change what is named first",
    severity=Severity.WARNING,
)
SUBNET_CHANGED = rule(
    "vpc-subnet-changed",
    what="CIDR and VLAN of a subnet do not change while it is attached.",
    why="Switches can get stuck on such a change (githedgehog/fabric#1160).",
    source=f"ours; {_UPDATE} has it commented out",
    fix="delete the attachments, wait until all Agents have applied that, then change the subnet and attach it again",
    severity=Severity.WARNING,
)
GATEWAY_CHANGED = rule(
    "vpc-gateway-changed",
    what="The gateway of a subnet does not change while it is attached.",
    why="Servers keep the old one until they are configured again, or until their lease ends.",
    source=f"ours; {_UPDATE} does not compare it",
    fix="change it in a maintenance window, and renew the leases of the servers; or attach a new subnet",
    severity=Severity.WARNING,
)
HOST_BGP_REMOVED = rule(
    "vpc-hostbgp-removed",
    what="hostBGP is not removed from a subnet without VLAN while it is attached.",
    why="Its traffic is untagged: the switch is left with the native VLAN, and servers lose their sessions.",
    source=f"ours; {_UPDATE} does not compare it",
    fix="delete the attachments, wait until all Agents have applied that, then change the subnet and attach it again",
    severity=Severity.WARNING,
)
ATTACHMENT_MISFIT = rule(
    "vpc-attachment-misfit",
    what=(
        "A VPC is not changed so that its attachments no longer fit: to mode l3vni over eslag, to another "
        "VLANNamespace, to hostBGP."
    ),
    why="Upstream checks this when something is attached, but not when the VPC changes later.",
    source=f"ours; api/vpc/v1beta1/vpcattachment_types.go VPCAttachment.Validate is not repeated in {_UPDATE}",
    fix="delete the attachments that are named first, or leave the VPC as it is",
    severity=Severity.WARNING,
)


def warn(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """What is accepted in *new*, and in the change from *old*, but almost certainly a mistake."""
    spec = new["spec"]
    for name, subnet in spec["subnets"].items():
        yield from _addresses(("spec", "subnets", name), subnet)
        if subnet.get("hostBGP"):
            yield from _host_bgp(name, spec, state)
    yield from _routes(spec)
    if old is not None and old["spec"] != spec:
        yield from _attachments(new, state, old)
        yield from _peerings(new, state, old)


def _addresses(path: Path, subnet: Mapping[str, Any]) -> Iterator[Violation]:
    prefix = parse_prefix(subnet["subnet"])
    if prefix is None:
        return
    if prefix.value != prefix.first:
        yield HOST_BITS.at((*path, "subnet"), f"{prefix} has host bits; it means {prefix.network}")
    gateway = parse_address(subnet.get("gateway", ""))
    if subnet.get("hostBGP"):
        if subnet.get("gateway"):
            yield HOST_BGP_GATEWAY.at(
                (*path, "gateway"), f"{subnet['gateway']} is ignored, because this is a hostBGP subnet"
            )
    elif gateway is not None and gateway.value in (prefix.first, prefix.last):
        which = "network" if gateway.value == prefix.first else "broadcast"
        yield GATEWAY_UNUSABLE.at((*path, "gateway"), f"{gateway} is the {which} address of {prefix.network}")


def _host_bgp(name: str, spec: Mapping[str, Any], state: ClusterState) -> Iterator[Violation]:
    vlan = spec["subnets"][name].get("vlan")
    if not vlan:
        return
    path: Path = ("spec", "subnets", name, "vlan")
    namespace = state.get("VLANNamespace", spec["vlanNamespace"])
    if namespace is not None and not has_vlan(namespace, vlan):
        yield HOST_BGP_VLAN.at(path, f"{vlan} is not in the VLANNamespace {spec['vlanNamespace']}")
    others = [other for other, subnet in spec["subnets"].items() if other != name and subnet.get("vlan") == vlan]
    if others:
        yield HOST_BGP_VLAN.at(path, f"{vlan} is the VLAN of subnet {', '.join(others)} too")


def _routes(spec: Mapping[str, Any]) -> Iterator[Violation]:
    seen: dict[str, int] = {}
    for number, route in enumerate(spec.get("staticRoutes", ())):
        path: Path = ("spec", "staticRoutes", number)
        text = route["prefix"]
        prefix = parse_prefix(text)
        if prefix is not None and prefix.version != 4:
            yield ROUTE_IPV6.at((*path, "prefix"), f"{text} is IPv6")
        if text in seen:
            yield ROUTE_REPEATED.at((*path, "prefix"), f"{text} is the prefix of staticRoutes[{seen[text]}] too")
        seen.setdefault(text, number)
        for position, hop in enumerate(route["nextHops"]):
            address = parse_address(hop)
            if address is None or address.version != 4:
                yield NEXT_HOP.at((*path, "nextHops", position), f"{hop!r} is not an IPv4 address")
            elif hop in route["nextHops"][:position]:
                yield NEXT_HOP.at((*path, "nextHops", position), f"{hop} is listed twice")


def _attachments(new: Manifest, state: ClusterState, old: Manifest) -> Iterator[Violation]:
    before, after = old["spec"].get("subnets", {}), new["spec"]["subnets"]
    for attachment in state.labelled("VPCAttachment", labels.VPC, new["metadata"]["name"]):
        name = attachment["metadata"]["name"]
        subnet = attachment["spec"]["subnet"].partition("/")[2]
        path: Path = ("spec", "subnets", subnet)
        if subnet in before and subnet not in after:
            yield SUBNET_USED.at(path, f"is removed, but VPCAttachment {name} attaches it")
        elif subnet in before:
            for field in ("subnet", "vlan"):
                was, now = (one[subnet].get(field) for one in (before, after))
                if was != now:
                    yield SUBNET_CHANGED.at(
                        (*path, field), f"changes from {was} to {now}, while VPCAttachment {name} attaches it"
                    )
            yield from _attached_subnet(path, before[subnet], after[subnet], name)
        yield from _fit_warnings(attachment, new, state, old)


def _attached_subnet(
    path: Path, before: Mapping[str, Any], after: Mapping[str, Any], attachment: str
) -> Iterator[Violation]:
    """What changes beside CIDR and VLAN of a subnet that *attachment* attaches."""
    was, now = before.get("gateway"), after.get("gateway")
    if before.get("hostBGP") and not after.get("hostBGP"):
        if not before.get("vlan"):
            yield HOST_BGP_REMOVED.at((*path, "hostBGP"), f"is removed, while VPCAttachment {attachment} attaches it")
    elif was and now and was != now and before.get("subnet") == after.get("subnet"):
        message = f"changes from {was} to {now}, while VPCAttachment {attachment} attaches the subnet"
        yield GATEWAY_CHANGED.at((*path, "gateway"), message)


def _fit_warnings(attachment: Manifest, new: Manifest, state: ClusterState, old: Manifest) -> Iterator[Violation]:
    connection = state.get("Connection", attachment["spec"].get("connection", ""))
    if connection is None:
        return
    known = {(one.rule.id, one.message) for one in fit_violations(attachment, old, connection, state)}
    for one in fit_violations(attachment, new, connection, state):
        if one.rule is not SUBNET_MISSING and (one.rule.id, one.message) not in known:
            message = f"VPCAttachment {attachment['metadata']['name']} would be refused now: {one.message}"
            yield ATTACHMENT_MISFIT.at(("spec",), message)


def _peerings(new: Manifest, state: ClusterState, old: Manifest) -> Iterator[Violation]:
    gone = old["spec"].get("subnets", {}).keys() - new["spec"]["subnets"].keys()
    if not gone:
        return
    vpc = new["metadata"]["name"]
    for kind, key, value, named in (
        ("VPCPeering", labels.peered_vpc(vpc), labels.SET, _named_by_vpc_peering),
        ("ExternalPeering", labels.VPC, vpc, _named_by_external_peering),
        ("GatewayPeering", labels.gateway_peered_vpc(vpc), labels.SET, _named_by_gateway_peering),
    ):
        for peering in state.labelled(kind, key, value):
            for subnet in sorted(gone.intersection(named(peering["spec"], vpc))):
                message = f"is removed, but {kind} {peering['metadata']['name']} names it"
                yield SUBNET_USED.at(("spec", "subnets", subnet), message)


def _named_by_vpc_peering(spec: Mapping[str, Any], vpc: str) -> Iterable[str]:
    return (subnet for permit in spec.get("permit", ()) for subnet in (permit.get(vpc) or {}).get("subnets", ()))


def _named_by_external_peering(spec: Mapping[str, Any], vpc: str) -> Iterable[str]:
    found: Iterable[str] = spec.get("permit", {}).get("vpc", {}).get("subnets", ())
    return found


def _named_by_gateway_peering(spec: Mapping[str, Any], vpc: str) -> Iterable[str]:
    exposed = ((spec.get("peering") or {}).get(vpc) or {}).get("expose", ())
    return (entry.get("vpcSubnet", "") for expose in exposed for entry in expose.get("ips", ()))


def dropped(sent: Manifest, new: Manifest) -> Iterator[Violation]:
    """What is in *sent*, but was silently dropped from the stored form."""
    for name, subnet in sent.get("spec", {}).get("subnets", {}).items():
        path: Path = ("spec", "subnets", name, "dhcp")
        dhcp = subnet.get("dhcp", {})
        if not dhcp.get("enable"):
            for field in ("range", "options"):
                if dhcp.get(field):
                    yield DHCP_DROPPED.at((*path, field), "is dropped, because dhcp.enable is not set")
        yield from _macs(path, dhcp.get("static", {}))


def _macs(path: Path, static: Mapping[str, Any]) -> Iterator[Violation]:
    seen: dict[str, str] = {}
    for written in static:
        mac = parse_mac(written)
        if mac is None:
            continue
        if mac in seen:
            yield MAC_REPEATED.at(
                (*path, "static", written), f"{written} is {seen[mac]}; one of the two leases is dropped"
            )
        seen[mac] = written
