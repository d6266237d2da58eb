"""Defaults of VPCs, their attachments, and the namespaces from which they take VLANs and subnets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hedgehog.fabric import labels
from hedgehog.fabric.addresses import Address, parse_prefix
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

DEFAULT_NAMESPACE = "default"
DEFAULT_SUBNET = "default"
LONGEST_PREFIX = 30
"""Upstream refuses smaller VPC subnets, and does not look at their DHCP."""
VLANS = range(1, 4095)
_LEASE_SECONDS = 3600
_INTERFACE_MTU = 9036
_TEXT_OPTIONS = ("pxeURL", "interfaceMTU", "leaseTimeSeconds", "disableDefaultRoute")
_LIST_OPTIONS = ("dnsServers", "timeServers", "advertisedRoutes")


class DefaultAddresses(NamedTuple):
    """The addresses that a subnet gets where it does not set them."""

    gateway: str
    first: str
    """The first address of the DHCP range."""
    last: str


def range_fault(vlans: Mapping[str, Any]) -> str:
    """What upstream finds wrong with one VLAN range; empty for a valid one."""
    first = vlans.get("from", 0)
    last = vlans.get("to", 0) or first
    if first > last:
        return f"from {first} is above to {last}"
    if first not in VLANS or last not in VLANS:
        return f"{first}..{last} is not inside {VLANS.start}..{VLANS.stop - 1}"
    return ""


def _vlan_namespace(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    labels.put_computed(manifest, {})
    ranges = spec.get("ranges") or []
    if any(map(range_fault, ranges)):
        # With one invalid range, upstream stores none at all.
        del spec["ranges"]
        return
    for one in ranges:
        one["to"] = one.get("to") or one["from"]
    ranges.sort(key=lambda one: (one["from"], one["to"]))


def _ipv4_namespace(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    labels.put_computed(manifest, {})
    spec.get("subnets", []).sort()


def _vpc(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    spec["ipv4Namespace"] = spec.get("ipv4Namespace") or DEFAULT_NAMESPACE
    spec["vlanNamespace"] = spec.get("vlanNamespace") or DEFAULT_NAMESPACE
    labels.put_computed(
        manifest, {labels.IPV4_NAMESPACE: spec["ipv4Namespace"], labels.VLAN_NAMESPACE: spec["vlanNamespace"]}
    )
    for subnet in spec.get("subnets", {}).values():
        dhcp = subnet.setdefault("dhcp", {})
        found = default_addresses(subnet.get("subnet", ""))
        if found is None:
            continue
        if not subnet.get("gateway") and not subnet.get("hostBGP"):
            subnet["gateway"] = found.gateway
        if int(subnet["subnet"].rpartition("/")[2]) <= LONGEST_PREFIX:
            _fill_dhcp(dhcp, found)


def _fill_dhcp(dhcp: dict[str, Any], found: DefaultAddresses) -> None:
    if not dhcp.get("enable"):
        dhcp.pop("range", None)
        dhcp.pop("options", None)
        return
    lease = dhcp.setdefault("range", {})
    lease["start"] = lease.get("start") or found.first
    lease["end"] = lease.get("end") or found.last
    if "options" in dhcp:
        if _are_empty(dhcp["options"]):
            # Upstream ends its loop here, so the MAC addresses stay as they are written.
            del dhcp["options"]
            return
        _fill_options(dhcp["options"])
    for mac in list(dhcp.get("static", ())):
        normal = parse_mac(mac)
        if normal is not None and normal != mac:
            dhcp["static"][normal] = dhcp["static"].pop(mac)


def _are_empty(options: Mapping[str, Any]) -> bool:
    return not any(options.get(name) for name in _TEXT_OPTIONS) and not any(name in options for name in _LIST_OPTIONS)


def _fill_options(options: dict[str, Any]) -> None:
    options["interfaceMTU"] = options.get("interfaceMTU") or _INTERFACE_MTU
    options["leaseTimeSeconds"] = options.get("leaseTimeSeconds") or _LEASE_SECONDS
    for name in ("dnsServers", "timeServers"):
        options.setdefault(name, []).sort()
    if "advertisedRoutes" in options:
        options["advertisedRoutes"].sort(key=lambda one: (one.get("destination", ""), one.get("gateway", "")))


@functools.lru_cache(maxsize=1 << 16)
def default_addresses(subnet: str) -> DefaultAddresses | None:
    """The default addresses of a subnet with that CIDR; None for one that cannot be read."""
    prefix = parse_prefix(subnet)
    if prefix is None:
        return None
    first, last = prefix.first, prefix.last
    return DefaultAddresses(
        *(str(Address(prefix.version, value)) for value in (min(first + 1, last), min(first + 2, last), last))
    )


def _attachment(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    vpc, slash, subnet = spec.get("subnet", "").partition("/")
    if not vpc:
        return
    if not slash:
        spec["subnet"] = f"{vpc}/{DEFAULT_SUBNET}"
    computed = {
        labels.VPC: vpc,
        labels.SUBNET: subnet or DEFAULT_SUBNET,
        labels.CONNECTION: spec.get("connection", ""),
    }
    if spec.get("nativeVLAN"):
        computed[labels.NATIVE_VLAN] = labels.SET
    labels.put_computed(manifest, computed)


DEFAULTERS: Mapping[str, Callable[[Manifest, FabricSettings], None]] = {
    "VLANNamespace": _vlan_namespace,
    "IPv4Namespace": _ipv4_namespace,
    "VPC": _vpc,
    "VPCAttachment": _attachment,
}
"""By kind: changes the manifest, which is the caller's own copy, in place."""


def _gets_labels(manifest: Manifest) -> bool:
    return not manifest["metadata"].get("labels")


def _gets_routes(manifest: Manifest) -> bool:
    subnets = manifest.get("spec", {}).get("subnets", {}).values()
    return any(
        "advertisedRoutes" not in subnet.get("dhcp", {}).get("options", {"advertisedRoutes": []}) for subnet in subnets
    )


INVISIBLE_CHANGES: Mapping[str, Callable[[Manifest], bool]] = {
    "Connection": _gets_labels,
    "Server": _gets_labels,
    "VLANNamespace": _gets_labels,
    "IPv4Namespace": _gets_labels,
    "VPC": _gets_routes,
}
"""By kind: whether upstream's `Default()` changes nil to empty, which is not visible in JSON but counts as a change."""
