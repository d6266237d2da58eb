"""Rules of the Gateway for which the dataplane validator judges."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from hedgehog.admission.rules.dataplane.values import Fault, Peering
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.macs import parse_mac
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, Rule, rule

LOG_LEVELS = ("off", "error", "warning", "info", "debug", "trace")
VTEP = "vtep"
SMALLEST_MTU, LARGEST_MTU = 1280, 65535
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
_MAC_LENGTH = len("00:00:00:00:00:00")
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]", re.IGNORECASE)
_BROADCAST = 2**32 - 1
_SOURCE = "githedgehog/dataplane config/src/"

LOG_LEVEL = rule(
    "gateway-log-level",
    what=f"Log levels are {', '.join(LOG_LEVELS)}.",
    why="The dataplane knows no other.",
    source=f"{_SOURCE}converters/k8s/config/tracecfg.rs",
    fix="write one of them, in lower case",
)
VTEP_MAC_LENGTH = rule(
    "gateway-vtep-mac-length",
    what="vtepMAC of a Gateway has six bytes.",
    why="Ethernet has no longer ones; upstream's webhook accepts EUI-64 addresses, too, the gateway does not.",
    source=f"{_SOURCE}converters/k8s/config/underlay.rs",
    fix="write a MAC address of six bytes, like ca:fe:ba:be:00:01",
)
VTEP_MAC_NOTATION = rule(
    "gateway-vtep-mac-notation",
    what="vtepMAC of a Gateway is written as six pairs of hexadecimal digits with colons between them.",
    why="The gateway cannot read dashes or dots, although upstream's webhook can.",
    source=f"{_SOURCE}converters/k8s/config/underlay.rs",
    fix="write it like ca:fe:ba:be:00:01",
)
INTERFACE_MTU = rule(
    "gateway-interface-mtu",
    what=f"The MTU of an interface is from {SMALLEST_MTU} to {LARGEST_MTU}, or not set.",
    why="The dataplane supports no other.",
    source=f"{_SOURCE}converters/k8s/config/interface.rs",
    fix="set mtu to that of the fabric, 9100 by default, or leave it out",
)
INTERFACE_PCI = rule(
    "gateway-interface-pci-notation",
    what="A PCI address has four digits for the domain, two each for bus and device, and one for the function.",
    why="The gateway cannot read any other split of its 12 characters, although upstream's webhook can.",
    source=f"{_SOURCE}converters/k8s/config/interface.rs",
    fix="write it like 0000:02:00.0",
)
VTEP_IP = rule(
    "gateway-vtep-ip-broadcast",
    what="vtepIP of a Gateway is not the broadcast address.",
    why="Nothing can be sent from there.",
    source=f"{_SOURCE}external/underlay/mod.rs",
    fix="write it like 172.30.12.200/32, from the VTEP subnet of the fabric",
)
INTERFACE_VTEP = rule(
    "gateway-interface-vtep",
    what="No interface of a Gateway is called vtep.",
    why="The gateway has an interface of this name for the traffic of VPCs, which would be replaced.",
    source=f"{_SOURCE}converters/k8s/config/underlay.rs",
    fix="rename the interface, like enp2s1",
)
GROUP = rule(
    "gateway-peering-group-gateway",
    what="Every Gateway is in every GatewayGroup that a GatewayPeering uses.",
    why="Each gateway gets all GatewayPeerings, and refuses those of a group that it is not in. A Gateway that is only "
    "being created is not a member of its groups yet.",
    source=f"{_SOURCE}external/mod.rs",
    fix="add the group to spec.groups of every Gateway, with a priority, which is always accepted; to leave a group, move "
    "its GatewayPeerings to another one first",
)


def reading_faults(gateway: Manifest) -> Iterator[Fault]:
    """What the validator cannot read of *gateway*, in its order."""
    spec = gateway["spec"]
    logs = spec.get("logs") or {}
    levels: dict[Path, str] = {
        ("default",): logs.get("default") or "info",
        **{("tags", tag): level for tag, level in (logs.get("tags") or {}).items()},
    }
    for path, level in levels.items():
        if level not in LOG_LEVELS:
            yield _fault(LOG_LEVEL, gateway, ("spec", "logs", *path), f"{level!r} is not a log level")
    text = spec.get("vtepMAC", "")
    if not _MAC.fullmatch(text):
        is_long = len(parse_mac(text) or "") > _MAC_LENGTH
        broken, message = (
            (VTEP_MAC_LENGTH, "more than six bytes") if is_long else (VTEP_MAC_NOTATION, "other separators")
        )
        yield _fault(broken, gateway, ("spec", "vtepMAC"), f"{text} has {message}")
    for name, interface in sorted((spec.get("interfaces") or {}).items()):
        yield from _interface_faults(gateway, interface, ("spec", "interfaces", name))


def _interface_faults(gateway: Manifest, interface: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    mtu, pci = interface.get("mtu") or 0, interface.get("pci")
    if mtu and not SMALLEST_MTU <= mtu <= LARGEST_MTU:
        yield _fault(INTERFACE_MTU, gateway, (*path, "mtu"), f"{mtu} is not {SMALLEST_MTU}..{LARGEST_MTU}")
    if pci and not _PCI.fullmatch(pci):
        yield _fault(INTERFACE_PCI, gateway, (*path, "pci"), f"{pci!r} is not divided as in 0000:02:00.0")


def vtep_ip_faults(gateway: Manifest) -> Iterator[Fault]:
    """A VTEP address that the validator does not accept."""
    prefix = parse_prefix(gateway["spec"].get("vtepIP", ""))
    if prefix is not None and prefix.version == 4 and prefix.value == _BROADCAST:
        yield _fault(VTEP_IP, gateway, ("spec", "vtepIP"), f"{prefix} is the broadcast address")


def vtep_interface_faults(gateway: Manifest) -> Iterator[Fault]:
    """An interface that replaces the gateway's own."""
    if VTEP in (gateway["spec"].get("interfaces") or {}):
        yield _fault(
            INTERFACE_VTEP, gateway, ("spec", "interfaces", VTEP), "is the name of the gateway's own interface"
        )


def group_faults(gateway: Manifest, groups: Collection[str], peerings: Iterable[Peering]) -> Iterator[Fault]:
    """The *peerings* of a group that is not among *groups*, which have members and *gateway* is in."""
    name = gateway["metadata"]["name"]
    for peering in peerings:
        if peering.group not in groups:
            theirs = f"is {peering.group}, and Gateway {name} is not a member of this group yet"
            mine = (
                f"GatewayPeering {peering.name} uses GatewayGroup {peering.group}, of which {name} is not a member yet"
            )
            yield Fault(
                GROUP,
                {
                    ("GatewayPeering", peering.name): (("spec", "gatewayGroup"), theirs),
                    ("Gateway", name): (("spec", "groups"), mine),
                },
                GROUP.fix,
            )


def _fault(broken: Rule, gateway: Manifest, path: Path, message: str) -> Fault:
    return Fault(broken, {("Gateway", gateway["metadata"]["name"]): (path, message)})
