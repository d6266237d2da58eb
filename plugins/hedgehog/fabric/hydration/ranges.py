"""The ranges from which a fabric's addresses and ASNs are assigned."""

from __future__ import annotations

from dataclasses import dataclass

from hedgehog.fabric.addresses import Address, Prefix, parse_address, parse_prefix
from hedgehog.fabric.settings import FabricSettings

KEPT_FOR_CONTROL = 4
"""The first assigned management address is so far after the control VIP."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """The ranges of one fabric."""

    management: Prefix
    control_vip: Prefix
    dhcp_start: Address
    """The first management address that is handed out by DHCP; assigned ones are below it."""
    dhcp_end: Address
    dummy: Prefix
    protocol: Prefix
    vtep: Prefix
    fabric: Prefix
    spine_asn: int
    leaf_asn_start: int
    leaf_asn_end: int
    gateway_asn: int
    gateway_mtu: int
    """The MTU of a gateway's interfaces; that of its VTEP is 64 less."""


def ranges_of(settings: FabricSettings) -> Ranges:
    """The ranges that *settings* give. Their subnets and addresses were parsed before, so this raises nothing."""
    return Ranges(
        management=_prefix(settings.management_subnet),
        control_vip=_prefix(settings.control_vip),
        dhcp_start=_address(settings.management_dhcp_start),
        dhcp_end=_address(settings.management_dhcp_end),
        dummy=_prefix(settings.dummy_subnet),
        protocol=_prefix(settings.protocol_subnet),
        vtep=_prefix(settings.vtep_subnet),
        fabric=_prefix(settings.fabric_subnet),
        spine_asn=settings.spine_asn,
        leaf_asn_start=settings.leaf_asn_start,
        leaf_asn_end=settings.leaf_asn_end,
        gateway_asn=settings.gateway_asn,
        gateway_mtu=settings.fabric_mtu,
    )


def _prefix(text: str) -> Prefix:
    prefix = parse_prefix(text)
    if prefix is None:
        raise AssertionError(f"{text!r} was accepted as a subnet")
    return prefix


def _address(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise AssertionError(f"{text!r} was accepted as an address")
    return address
