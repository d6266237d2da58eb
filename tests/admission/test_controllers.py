"""What controllers add to a fabric: the GatewayGroup that comes with the first Gateway."""

from __future__ import annotations

from devstack.objects import make
from hedgehog.admission.check import check_objects, load
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import make_gateway

SETTINGS = FabricSettings()
DEFAULT = ("GatewayGroup", "default")
OTHER = make("GatewayGroup", "other")


def test_a_group_for_all_gateways_is_missing_only_where_there_was_never_one():
    """The controller makes it with the first Gateway, and keeps it when that is gone."""
    admission = load([OTHER], SETTINGS)
    assert [one.rule.id for one in admission.create(make_gateway()).violations] == ["gateway-group-absent"]
    admission.put(admission.create(make_gateway("gw-2", 2, groups=[{"name": "other"}])).stored)
    assert admission.create(make_gateway()).accepted
    admission.remove("Gateway", "gw-2")
    assert admission.create(make_gateway()).accepted


def test_the_group_of_the_controller_may_be_written_as_if_it_were_not_there():
    """A sync applies it; it is not an object that exists already."""
    admission = load([OTHER, make_gateway(groups=[{"name": "other"}])], SETTINGS)
    response = admission.create(make(*DEFAULT))
    assert response.accepted
    assert admission.state.get(*DEFAULT) is not None
    admission.put(response.stored)
    assert [one.rule.id for one in admission.create(make(*DEFAULT)).violations] == ["object-exists"]


def test_gateways_are_accepted_in_any_order_once_one_brings_the_group():
    """The first one that needs it is tried again."""
    gateways = [make_gateway("gw-1", 1), make_gateway("gw-2", 2, groups=[{"name": "other"}])]
    assert check_objects([OTHER, *gateways], SETTINGS) == {}
    assert [str(ref) for ref in check_objects([OTHER, gateways[0]], SETTINGS)] == ["Gateway/default/gw-1"]


def test_deleting_the_group_of_the_controller_leaves_no_reference_dangling():
    """The controller makes it again."""
    before = [OTHER, make(*DEFAULT), make_gateway()]
    assert check_objects([OTHER, make_gateway()], SETTINGS, before=before) == {}
