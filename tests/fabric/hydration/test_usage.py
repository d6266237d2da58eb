"""Who has what of the ranges, and what is free."""

from __future__ import annotations

from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.usage import range_usage
from tests.fabric.hydration.wirings import make_ranges, make_wiring, manifest


def usage(objects, **settings):
    return {one.name: one for one in range_usage(objects, make_ranges(**settings))}


def hydrated(**size):
    return list(hydrate(make_wiring(**size), make_ranges(), HydrationMode.MISSING).objects)


def test_every_range_is_counted():
    """A control node, a gateway's node, two spines, three leaves, a gateway."""
    found = usage(hydrated())
    assert {name: (one.used, one.next_free) for name, one in found.items()} == {
        "management": (7, "172.30.0.12"),
        "dummy": (2, "172.30.90.4"),
        "protocol": (6, "172.30.8.6"),
        "vtep": (4, "172.30.12.4"),
        "links": (28, "172.30.128.28"),
        "leaf-asn": (3, "65104"),
    }
    assert found["management"].span == "172.30.0.5 - 172.30.3.255"
    assert found["leaf-asn"].free == 433 - 3


def test_each_value_names_who_has_it_and_where():
    """The control VIP and values outside of the span, too."""
    found = usage([*hydrated(leaves=1, gateways=0), manifest("Switch", "odd", {"role": "spine", "ip": "10.0.0.9/24"})])
    assert [(use.value, use.ref.name, use.field) for use in found["management"].uses[:3]] == [
        ("10.0.0.9", "odd", "spec.ip"),
        ("172.30.0.1", "default", "spec.config.control.controlVIP"),
        ("172.30.0.5", "control-1", "spec.management.ip"),
    ]
    assert found["leaf-asn"].uses[0].as_dict() == {
        "value": "65101",
        "object": "Switch/default/leaf-1",
        "field": "spec.asn",
    }


def test_mclag_peers_share_one_value():
    """It is counted once, and both are named."""
    asns = usage(hydrated(mclag=True))["leaf-asn"]
    assert (asns.used, [use.value for use in asns.uses]) == (2, ["65101", "65101", "65102"])


def test_what_is_next_is_what_hydration_assigns_next():
    """A gap comes first; a pair needs two."""
    objects = [one for one in hydrated() if one["metadata"]["name"] != "leaf-2"]
    assert usage(objects)["leaf-asn"].next_free == "65102"
    new = manifest("Switch", "new", {"role": "server-leaf"})
    after = hydrate([*objects, new], make_ranges(), HydrationMode.MISSING).objects
    assert next(one for one in after if one["metadata"]["name"] == "new")["spec"]["asn"] == 65102


def test_a_range_that_is_full_has_nothing_free():
    """And one that is empty has no span."""
    found = usage(hydrated(), leaf_asn_end=65103, management_dhcp_start="172.30.0.5")
    assert (found["leaf-asn"].free, found["leaf-asn"].next_free) == (0, "")
    assert (found["management"].span, found["management"].size) == ("", 0)
