"""What the validator says at a write, and how to get out of what blocks it."""

from __future__ import annotations

from devstack.objects import make
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import (
    broken_rules,
    make_admission,
    make_expose,
    make_gateway,
    make_gateway_peering,
    make_subnet,
    make_vpc,
)

UNEVEN = make_expose("10.0.1.0/24", **{"as": [{"cidr": "192.0.2.0/25"}]}, nat={"static": {}})
BOTH = [{"name": "default"}, {"name": "other"}]


def fabric(*more, gateway=None):
    """Three VPCs, two groups, one Gateway in `default`, and what is stored without having been checked."""
    admission = make_admission(
        make("GatewayGroup", "default"),
        make("GatewayGroup", "other"),
        gateway or make_gateway(),
        *(make_vpc(f"vpc-{number}", {"default": make_subnet(number)}) for number in (1, 2, 3)),
    )
    for manifest in more:
        admission.put(stored(manifest, FabricSettings()))
    return admission


def test_a_stored_peering_that_is_wrong_blocks_the_others_and_says_so():
    """Those of other VPCs and every Gateway; itself it can be corrected."""
    wrong = make_gateway_peering([UNEVEN], name="wrong")
    other = make_gateway_peering([make_expose("10.0.3.0/24")], name="other", sides=("vpc-3", "vpc-1"))
    admission = fabric(wrong)
    for blocked in (admission.create(other), admission.update(make_gateway(workers=8))):
        assert broken_rules(blocked) == ["gateway-peering-static-sizes ."]
        (told,) = blocked.violations
        assert told.message == (
            "GatewayPeering wrong, which is stored, blocks this write: "
            ".spec.peering.vpc-1.expose[0].nat.static 256 addresses become 128"
        )
        assert told.hint.startswith("correct GatewayPeering wrong, which is possible by an update, or delete it")
    assert admission.update(make_gateway_peering(name="wrong")).accepted


def test_of_two_stored_peerings_that_are_wrong_one_must_be_deleted():
    """Neither can be corrected while the other is there."""
    second = make_gateway_peering([UNEVEN], name="second", sides=("vpc-1", "vpc-3"))
    admission = fabric(make_gateway_peering([UNEVEN], name="first"), second)
    blocked = admission.update(make_gateway_peering(name="second", sides=("vpc-1", "vpc-3")))
    assert [one.rule.id for one in blocked.violations] == ["gateway-peering-static-sizes"]
    third = make_gateway_peering(
        [make_expose("10.0.2.0/24")], [make_expose("10.0.3.0/24")], name="third", sides=("vpc-2", "vpc-3")
    )
    assert {one.hint.partition(",")[0] for one in admission.create(third).violations} == {
        "delete GatewayPeering first",
        "delete GatewayPeering second",
    }
    admission.remove("GatewayPeering", "first")
    assert admission.update(make_gateway_peering(name="second", sides=("vpc-1", "vpc-3"))).accepted


def test_a_peering_whose_vpc_is_gone_blocks_nothing():
    """The controller does not feed it."""
    admission = fabric(make_gateway_peering([UNEVEN], name="wrong"))
    admission.remove("VPC", "vpc-2")
    third = make_gateway_peering([make_expose("10.0.3.0/24")], name="third", sides=("vpc-3", "vpc-1"))
    assert admission.create(third).accepted


def test_leaving_a_group_that_is_in_use_is_refused_with_the_way_out():
    """Joining one is always accepted; then the peerings move, then the old group can be left."""
    admission = fabric(make_gateway_peering())
    left = admission.update(make_gateway(groups=[{"name": "other"}]))
    assert broken_rules(left) == ["gateway-peering-group-gateway .spec.groups"]
    assert "move its GatewayPeerings to another one first" in left.violations[0].hint
    for step in (
        make_gateway(groups=BOTH),
        make_gateway_peering(gatewayGroup="other"),
        make_gateway(groups=[{"name": "other"}]),
    ):
        response = admission.update(step)
        assert response.accepted
        admission.put(response.stored)


def test_the_gateway_that_is_first_by_name_judges_a_peering():
    """It is named, because another one of the group would have accepted it."""
    exposes = [make_expose("10.0.1.0/25")], [make_expose("10.0.3.0/24")]
    between_others = make_gateway_peering([make_expose("10.0.2.0/24")], name="peering", sides=("vpc-2", "vpc-3"))
    admission = fabric(make_gateway("gw-2", 2, groups=BOTH), between_others)
    peering = make_gateway_peering(*exposes, name="more", sides=("vpc-1", "vpc-3"))
    assert admission.create(peering).accepted
    moved = {**peering, "spec": {**peering["spec"], "gatewayGroup": "other"}}
    admission.put(stored(moved, FabricSettings()))
    refused = admission.update(between_others)
    assert broken_rules(refused) == ["gateway-peering-group-gateway ."]
    assert "GatewayPeering more, which is stored, blocks this write" in refused.violations[0].message
    assert "Gateway gw-1 is not a member of this group yet" in refused.violations[0].message


def test_both_peerings_of_a_pair_name_the_other_one():
    """Whichever is written."""
    first = make_gateway_peering([make_expose("10.0.1.0/25")], name="first")
    second = make_gateway_peering([make_expose("10.0.1.128/25")], name="second")
    admission = fabric(first, second)
    for written, other in ((first, "second"), (second, "first")):
        messages = [one.message for one in admission.update(written).violations]
        assert f"vpc-1 and vpc-2 are already peered by {other}" in messages
