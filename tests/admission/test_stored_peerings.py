"""What is stored and blocks writes is found without a write."""

from __future__ import annotations

from dataclasses import replace

from devstack.objects import make
from hedgehog.admission.stored_peerings import blocking_reasons
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import make_expose, make_gateway, make_gateway_peering, make_subnet, make_vpc

SETTINGS = FabricSettings()
UNEVEN = make_expose("10.0.1.0/24", **{"as": [{"cidr": "192.0.2.0/25"}]}, nat={"static": {}})
FABRIC = (
    make("GatewayGroup", "default"),
    *(make_vpc(f"vpc-{number}", {"default": make_subnet(number)}) for number in (1, 2)),
)


def test_a_wrong_peering_is_named_once_with_what_to_do():
    """However many Gateways judge it."""
    objects = [*FABRIC, make_gateway(), make_gateway("gw-2", 2), make_gateway_peering([UNEVEN])]
    assert blocking_reasons(objects, SETTINGS) == [
        "GatewayPeering peering blocks writes of Gateways and GatewayPeerings: .spec.peering.vpc-1.expose[0].nat.static "
        "256 addresses become 128; list the same number of addresses in `ips` and `as`; addresses listed twice count once "
        "[gateway-peering-static-sizes]"
    ]


def test_nothing_is_blocked_by_what_is_right_or_not_in_use():
    """A peering of a VPC that is gone, a fabric whose gateways are switched off."""
    right = [*FABRIC, make_gateway(), make_gateway_peering()]
    wrong = [*FABRIC, make_gateway(), make_gateway_peering([UNEVEN])]
    without_vpc = [one for one in wrong if one["metadata"]["name"] != "vpc-2"]
    assert blocking_reasons(right, SETTINGS) == []
    assert blocking_reasons(without_vpc, SETTINGS) == []
    assert blocking_reasons(wrong, replace(SETTINGS, gateway_enabled=False)) == []
