"""What Hedgehog's admission rules depend on beside the objects: the settings of the fabric's control cluster. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

VLANRange = tuple[int, int]
"""First and last VLAN, both included."""


class Upstream(StrEnum):
    """The release of githedgehog/fabric whose answers count; they differ in places."""

    V0_126 = "v0.126"
    V0_129 = "v0.129"


@dataclass(frozen=True, slots=True)
class FabricSettings:
    """The settings of one fabric. Defaults are those of fabricator's DefaultConfig (pkg/fab/fabric.go), gateway enabled.

    Subnets are CIDR strings, addresses plain strings.
    """

    upstream: Upstream = Upstream.V0_129
    vpc_irb_vlans: tuple[VLANRange, ...] = ((3000, 3899),)
    th5_workaround_vlans: tuple[VLANRange, ...] = ((3900, 3999),)
    reserved_subnets: tuple[str, ...] = (
        "172.30.0.0/21",
        "172.30.128.0/17",
        "172.30.8.0/22",
        "172.30.12.0/22",
        "172.30.96.0/19",
        "172.30.95.0/31",
        "172.30.16.0/22",
    )
    control_vip: str = "172.30.0.1/32"
    """The control nodes' address in the management subnet: no switch may have it."""
    management_subnet: str = "172.30.0.0/21"
    management_dhcp_start: str = "172.30.4.0"
    management_dhcp_end: str = "172.30.7.254"
    protocol_subnet: str = "172.30.8.0/22"
    vtep_subnet: str = "172.30.12.0/22"
    fabric_subnet: str = "172.30.128.0/17"
    fabric_mtu: int = 9100
    server_facing_mtu_offset: int = 64
    spine_asn: int = 65100
    leaf_asn_start: int = 65101
    leaf_asn_end: int = 65533
    gateway_asn: int = 65534
    gateway_enabled: bool = True
    gateway_communities: int = 10
    """How many gateway communities are configured: a GatewayGroup takes that many members."""
    vpc_peering_disabled: bool = False
    allow_extra_switch_profiles: bool = False
    include_cumulus: bool = False
    include_clsp: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data that differs from the defaults, as stored with the fabric; `read` gives it back."""
        default = FabricSettings()
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(default, field.name)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, StrEnum) else value


def from_webhook_config(config: Mapping[str, Any], *, upstream: Upstream = Upstream.V0_129) -> FabricSettings:
    """The settings in the configuration of the fabric controller (upstream api/meta/fabric_config.go, camelCase keys)."""
    return FabricSettings(
        upstream=upstream,
        vpc_irb_vlans=_ranges(config["vpcIRBVLANRange"]),
        th5_workaround_vlans=_ranges(config["th5WorkaroundVLANRange"]),
        reserved_subnets=tuple(config["reservedSubnets"]),
        control_vip=config["controlVIP"],
        management_subnet=config["managementSubnet"],
        management_dhcp_start=config["managementDHCPStart"],
        management_dhcp_end=config["managementDHCPEnd"],
        protocol_subnet=config["protocolSubnet"],
        vtep_subnet=config["vtepSubnet"],
        fabric_subnet=config["fabricSubnet"],
        fabric_mtu=config["fabricMTU"],
        server_facing_mtu_offset=config["serverFacingMTUOffset"],
        spine_asn=config["spineASN"],
        leaf_asn_start=config["leafASNStart"],
        leaf_asn_end=config["leafASNEnd"],
        gateway_asn=config["gatewayASN"],
        gateway_enabled=bool(config.get("enableGateway")),
        gateway_communities=len(config.get("gatewayCommunities") or ()),
        vpc_peering_disabled=bool(config.get("vpcPeeringDisabled")),
        allow_extra_switch_profiles=bool(config.get("allowExtraSwitchProfiles")),
        include_cumulus=bool(config.get("includeCumulus")),
        include_clsp=bool(config.get("includeCLSP")),
    )


def _ranges(ranges: list[Mapping[str, int]]) -> tuple[VLANRange, ...]:
    return tuple((one["from"], one["to"]) for one in ranges)
