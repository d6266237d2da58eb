"""Rules of the interfaces and BGP neighbours of a Gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgehog.fabric.addresses import parse_address, parse_prefix
from hedgehog.manifests.rule import Path, Violation, rule

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]{0,8}[a-zA-Z0-9]")
_HEX = r"(-0+|[+]?[0-9a-fA-F]+)"
_PCI = re.compile(rf"{_HEX}:{_HEX}:{_HEX}\.{_HEX}")
_PCI_LENGTH = len("0000:02:00.0")
_PCI_LARGEST = (0xFFFF, 0xFF, 0x1F, 7)
"""Domain, bus, device, function."""
_VALIDATE = "api/gateway/v1alpha1/gateway_types.go Validate"

INTERFACES_EMPTY = rule(
    "gateway-interfaces-empty",
    what="A Gateway has at least one interface.",
    why="It is cabled to switches.",
    source=_VALIDATE,
    fix="add the interfaces that lead to the switches",
)
INTERFACE_NAME = rule(
    "gateway-interface-name",
    what="An interface name, also the kernel's, has 2 to 10 letters, digits, '_', '.' and '-', begins with a letter and "
    "ends with a letter or digit.",
    why="It becomes the name of a network device, with room for a suffix.",
    source=_VALIDATE,
    fix="rename it, like enp2s1",
)
INTERFACE_KERNEL = rule(
    "gateway-interface-kernel",
    what="The kernel's name of an interface differs from its own.",
    why="The dataplane creates a device with the name of the interface in addition to that of the kernel.",
    source=_VALIDATE,
    fix="rename the interface, or leave `kernel` out",
)
INTERFACE_IPS = rule(
    "gateway-interface-ips",
    what="An interface has at least one address, and all are IPv4 with prefix length.",
    why="BGP sessions with the switches run over it.",
    source=_VALIDATE,
    fix="write them like 172.30.128.21/31",
)
INTERFACE_DRIVER = rule(
    "gateway-interface-driver",
    what="An interface is found by its PCI address or by the kernel's name, not by both.",
    why="They belong to different drivers.",
    source=_VALIDATE,
    fix="remove either pci or kernel",
)
INTERFACE_PCI = rule(
    "gateway-interface-pci",
    what="A PCI address is domain:bus:device.function in hexadecimal digits, 12 characters.",
    why="The dataplane looks the card up by it.",
    source=_VALIDATE,
    fix="write it like 0000:02:00.0",
)
NEIGHBORS_EMPTY = rule(
    "gateway-neighbors-empty",
    what="A Gateway has at least one BGP neighbour.",
    why="It learns and announces routes through them.",
    source=_VALIDATE,
    fix="add the switches that it is cabled to",
)
NEIGHBOR_IP = rule(
    "gateway-neighbor-ip",
    what="A BGP neighbour has a unicast IPv4 address, without a prefix length.",
    why="There is no session without it.",
    source=_VALIDATE,
    fix="write it like 172.30.128.20, the switch's end of the link",
)
NEIGHBOR_ASN = rule(
    "gateway-neighbor-asn",
    what="A BGP neighbour has an ASN.",
    why="There is no session without it.",
    source=_VALIDATE,
    fix="set asn to that of the switch",
)


def interface_violations(named: Mapping[str, Any]) -> Iterator[Violation]:
    """What upstream refuses in `interface_violations`."""
    if not named:
        yield INTERFACES_EMPTY.at(("spec", "interfaces"), "is empty")
    for name, interface in named.items():
        path = ("spec", "interfaces", name)
        if not _NAME.fullmatch(name):
            yield INTERFACE_NAME.at(path, f"{name!r} is not a name for an interface")
        yield from _ips(interface.get("ips") or (), path)
        yield from _driver(name, interface, path)


def _ips(texts: Sequence[str], path: Path) -> Iterator[Violation]:
    if not texts:
        yield INTERFACE_IPS.at((*path, "ips"), "has no address")
    for index, text in enumerate(texts):
        prefix = parse_prefix(text)
        if prefix is None or prefix.version != 4:
            yield INTERFACE_IPS.at((*path, "ips", index), f"{text!r} is not an IPv4 address with prefix length")


def _driver(name: str, interface: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    pci, kernel = interface.get("pci"), interface.get("kernel")
    if pci and kernel:
        yield INTERFACE_DRIVER.at(path, "has both pci and kernel")
    if pci and not is_pci(pci):
        yield INTERFACE_PCI.at((*path, "pci"), f"{pci!r} is not a PCI address")
    if kernel and not _NAME.fullmatch(kernel):
        yield INTERFACE_NAME.at((*path, "kernel"), f"{kernel!r} is not a name for an interface")
    if kernel == name:
        yield INTERFACE_KERNEL.at((*path, "kernel"), f"is {name}, as the interface")


def is_pci(text: str) -> bool:
    """Whether upstream takes it as a PCI address. Go's ParseInt reads signs, so `+` is allowed, and `-` before zero."""
    match = _PCI.fullmatch(text)
    if match is None or len(text) != _PCI_LENGTH:
        return False
    return all(int(part, 16) <= largest for part, largest in zip(match.groups(), _PCI_LARGEST, strict=True))


def neighbor_violations(listed: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    """What upstream refuses in `neighbor_violations`."""
    if not listed:
        yield NEIGHBORS_EMPTY.at(("spec", "neighbors"), "is empty")
    for index, neighbor in enumerate(listed):
        path, text = ("spec", "neighbors", index), neighbor.get("ip", "")
        address = parse_address(text)
        if address is None or address.version != 4 or address.value == 0 or address.value >> 28 == 14:
            message = f"{text!r} is not a unicast IPv4 address" if text else "is missing"
            yield NEIGHBOR_IP.at((*path, "ip"), message)
        if not neighbor.get("asn"):
            yield NEIGHBOR_ASN.at((*path, "asn"), "is missing")
