"""Addresses and ASNs that a wiring leaves out are assigned as upstream's hhfab assigns them."""

from __future__ import annotations

import copy

import pytest

from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.inspect import HydrationStatus
from hedgehog.fabric.model import ObjectRef
from tests.fabric.hydration.wirings import make_ranges, make_wiring, manifest

IF_NOT_PRESENT, OVERRIDE, NEVER, MISSING = (
    HydrationMode.IF_NOT_PRESENT,
    HydrationMode.OVERRIDE,
    HydrationMode.NEVER,
    HydrationMode.MISSING,
)


def by_name(hydration):
    return {ObjectRef.of(one).name: one["spec"] for one in hydration.objects if one["kind"] != "FabNode"}


def reasons(hydration):
    return [str(problem) for problem in hydration.problems]


def test_everything_is_assigned_in_upstreams_order():
    """Nodes, spines, leaves, links by name of their connection, then gateways."""
    found = hydrate(make_wiring(spines=1, leaves=2, links=1), make_ranges(), IF_NOT_PRESENT)
    specs = by_name(found)
    assert found.before is HydrationStatus.NONE
    assert specs["control-1"]["management"]["ip"] == "172.30.0.5/21"
    assert specs["control-1"]["dummy"] == {"ip": "172.30.90.0/31"}
    assert specs["spine-1"] == {"role": "spine", "ip": "172.30.0.7/21", "protocolIP": "172.30.8.0/32", "asn": 65100}
    assert [specs[f"leaf-{n}"]["asn"] for n in (1, 2)] == [65101, 65102]
    assert [specs[f"leaf-{n}"]["vtepIP"] for n in (1, 2)] == ["172.30.12.0/32", "172.30.12.1/32"]
    assert specs["spine-1--fabric--leaf-2"]["fabric"]["links"][0]["spine"]["ip"] == "172.30.128.2/31"
    assert specs["gateway-1"] == {
        "interfaces": {"enp2s1": {"ips": ["172.30.128.5/31"], "mtu": 9100}},
        "neighbors": [{"source": "enp2s1", "ip": "172.30.128.4", "asn": 65100}],
        "asn": 65534,
        "protocolIP": "172.30.8.3/32",
        "vtepIP": "172.30.12.2/32",
        "vtepMAC": "CA:FE:BA:BE:01:01",
        "vtepMTU": 9036,
    }


@pytest.mark.parametrize("mode", [IF_NOT_PRESENT, MISSING])
def test_mclag_peers_share_asn_and_vtep_address(mode):
    """And spend one number of each."""
    specs = by_name(hydrate(make_wiring(leaves=3, mclag=True), make_ranges(), mode))
    assert [specs[f"leaf-{n}"]["asn"] for n in (1, 2, 3)] == [65101, 65101, 65102]
    assert specs["leaf-1"]["vtepIP"] == specs["leaf-2"]["vtepIP"] == "172.30.12.0/32"


def test_the_given_objects_are_not_changed():
    """They belong to the caller."""
    wiring = make_wiring()
    before = copy.deepcopy(wiring)
    hydrate(wiring, make_ranges(), IF_NOT_PRESENT)
    assert wiring == before


@pytest.mark.parametrize(
    ("mode", "full", "partial", "none"),
    [
        (NEVER, True, False, False),
        (IF_NOT_PRESENT, True, False, True),
        (OVERRIDE, True, True, True),
        (MISSING, True, True, True),
    ],
)
def test_each_mode_takes_what_it_may_work_on(mode, full, partial, none):
    """A wiring with everything, with a part, with nothing."""
    complete = list(hydrate(make_wiring(), make_ranges(), IF_NOT_PRESENT).objects)
    part = copy.deepcopy(complete)
    del next(one for one in part if one["kind"] == "Switch")["spec"]["asn"]
    taken = [not hydrate(wiring, make_ranges(), mode).problems for wiring in (complete, part, make_wiring())]
    assert taken == [full, partial, none]


def test_override_does_not_double_the_neighbors_of_a_gateway():
    """Upstream keeps those that it added before; others stay here as well."""
    complete = hydrate(make_wiring(spines=1), make_ranges(), IF_NOT_PRESENT).objects
    gateway = next(one for one in complete if one["kind"] == "Gateway")
    others = [{"source": "enp9s9", "ip": "10.0.0.1", "asn": 65000}]
    gateway["spec"]["neighbors"] = [*gateway["spec"]["neighbors"], *others]
    found = by_name(hydrate(complete, make_ranges(), OVERRIDE))["gateway-1"]["neighbors"]
    assert found == [*others, {"source": "enp2s1", "ip": "172.30.128.12", "asn": 65100}]


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("leaf-1", {"asn": 65100}, "spec.asn: 65100 is not in the range of leaves, 65101-65533"),
        ("leaf-2", {"asn": 65101}, "spec.asn: 65101 is in use by leaf-1"),
        ("spine-1", {"asn": 65101}, "spec.asn: 65101 is not the ASN of spines, 65100"),
        ("spine-1", {"vtepIP": "anything"}, "spec.vtepIP: a spine has no VTEP address; remove it"),
        (
            "leaf-1",
            {"ip": "172.30.4.0/21"},
            "spec.ip: 172.30.4.0/21 is not below the DHCP range, which starts with 172.30.4.0",
        ),
        ("leaf-1", {"ip": "172.30.0.1/21"}, "spec.ip: 172.30.0.1 is in use by the control VIP"),
        ("leaf-1", {"ip": "10.0.0.1/21"}, "spec.ip: 10.0.0.1/21 is not in the management subnet 172.30.0.0/21"),
        (
            "leaf-1",
            {"ip": "172.30.0.9"},
            "spec.ip: '172.30.0.9' is not an IPv4 address with its length, such as 172.30.0.0/21",
        ),
        ("leaf-1", {"protocolIP": "172.30.8.9/31"}, "spec.protocolIP: 172.30.8.9/31 must be a /32"),
        ("leaf-1", {"role": "leaf"}, "spec.role: 'leaf' is none of spine, border-leaf, mixed-leaf, server-leaf"),
    ],
)
@pytest.mark.parametrize("mode", list(HydrationMode))
def test_a_wrong_value_is_refused_with_its_object_field_and_range(name, change, reason, mode):
    """In every mode: hydration never repairs what a person wrote."""
    complete = copy.deepcopy(hydrate(make_wiring(), make_ranges(), IF_NOT_PRESENT).objects)
    next(one for one in complete if one["metadata"]["name"] == name)["spec"].update(change)
    found = hydrate(complete, make_ranges(), mode)
    assert (found.before, found.objects) == (None, ())
    assert f"Switch/default/{name}: {reason}" in reasons(found)


def test_all_problems_are_reported_at_once():
    """Upstream stops at the first."""
    complete = copy.deepcopy(hydrate(make_wiring(), make_ranges(), IF_NOT_PRESENT).objects)
    for one in complete:
        if one["kind"] == "Switch" and one["spec"]["role"] == "spine":
            one["spec"]["asn"] = 1
    assert len(reasons(hydrate(complete, make_ranges(), IF_NOT_PRESENT))) == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"leaf_asn_start": 65101, "leaf_asn_end": 65102},
            "leaf-3: nothing is free in the ASN range of leaves, 65101 to 65102",
        ),
        (
            {"protocol_subnet": "172.30.8.0/30"},
            "leaf-3: nothing is free in the protocol subnet, 172.30.8.0 to 172.30.8.3",
        ),
        ({"fabric_subnet": "172.30.128.0/30"}, "nothing is free in the fabric subnet, 172.30.128.0 to 172.30.128.2"),
        ({"management_dhcp_start": "172.30.0.6"}, "nothing is free in the management subnet below the DHCP range"),
    ],
)
def test_an_exhausted_range_is_named_with_who_has_it(settings, reason):
    """So that an operator knows what to enlarge."""
    [found] = reasons(hydrate(make_wiring(), make_ranges(**settings), MISSING))
    assert reason in found
    assert "in use by" in found


@pytest.mark.parametrize("mode", [IF_NOT_PRESENT, MISSING])
@pytest.mark.parametrize(
    ("port", "reason"),
    [
        ("gateway-9/enp2s1", "leads to gateway 'gateway-9', which does not exist"),
        ("gateway-1/ENP2S1", "gateway gateway-1 has no interface 'ENP2S1'"),
        ("gateway-1", "gateway gateway-1 has no interface ''"),
    ],
)
def test_a_link_to_no_gateway_is_refused(mode, port, reason):
    """A port without a slash ends upstream with a panic."""
    wiring = make_wiring(spines=1)
    wiring[-1]["spec"]["gateway"]["links"][0]["gateway"]["port"] = port
    [found] = reasons(hydrate(wiring, make_ranges(), mode))
    assert reason in found


def test_a_control_vip_elsewhere_is_refused():
    """Addresses are counted from it."""
    [found] = reasons(hydrate(make_wiring(), make_ranges(control_vip="172.30.0.2/32"), IF_NOT_PRESENT))
    assert "172.30.0.2/32 is not the first address of the management subnet 172.30.0.0/21" in found


def test_an_interface_with_another_address_than_its_link_is_refused():
    """Where something is assigned; a wiring that lacks nothing is left alone, as upstream leaves it."""
    complete = list(copy.deepcopy(hydrate(make_wiring(spines=1), make_ranges(), IF_NOT_PRESENT).objects))
    gateway = next(one for one in complete if one["kind"] == "Gateway")
    gateway["spec"]["interfaces"]["enp2s1"]["ips"] = ["9.9.9.9/31"]
    assert not hydrate(complete, make_ranges(), MISSING).problems
    complete.append(manifest("Switch", "leaf-9", {"role": "server-leaf"}))
    assert (
        "9.9.9.9/31 is not the address of Connection/default/" in reasons(hydrate(complete, make_ranges(), MISSING))[0]
    )
