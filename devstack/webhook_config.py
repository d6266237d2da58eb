"""The configuration of a recorded fabric controller, as settings of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hedgehog.fabric.settings import FabricSettings, Upstream, VLANRange


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
