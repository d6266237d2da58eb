"""Files are checked as they are once hydrated: `hydration-value`, `hydration-partial`, `hydration-impossible`.

Or they are checked as they are, and free values are named: `hydration-suggestion`.
"""

from __future__ import annotations

import pytest

from devstack.unhydrated import make_fab, make_wiring, text
from hedgehog.admission.files import check_files, check_sources, read_source
from hedgehog.admission.followers import summarize_followers
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.settings import FabricSettings

IF_NOT_PRESENT = HydrationMode.IF_NOT_PRESENT


def check(wiring, fab=(), mode=IF_NOT_PRESENT, **options):
    """A report on a directory of hhfab."""
    files = {"fab.yaml": text(list(fab)).encode(), "include/wiring.yaml": text(wiring).encode()}
    return check_files(files, FabricSettings(**options), mode=mode)


def faults(report):
    return [(entry.ref.name if entry.ref else "", remark.rule.id) for entry, remark in report.remarks()]


def test_a_designed_fabric_is_valid_and_one_note_says_what_was_assigned():
    """Also with the password hashes that hhfab needs."""
    report = check(make_wiring(gateways=1, servers=2), make_fab(gateways=1))
    assert (report.valid, faults(report), len(report.notes)) == (True, [], 1)
    assert "missing from the files; assigned in memory" in report.notes[0]


def test_without_hydration_it_is_what_a_cluster_refuses():
    """Every switch lacks its addresses, and a repository must not have secrets."""
    report = check(make_wiring(), make_fab(), HydrationMode.NEVER)
    assert ("spine-01", "switch-field-missing") in faults(report)
    assert ("default", "secret-in-manifest") in faults(report)
    assert report.notes == ()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(IF_NOT_PRESENT, [("control-1", "hydration-partial")]), (HydrationMode.MISSING, []), (HydrationMode.OVERRIDE, [])],
)
def test_a_part_of_the_addresses_is_one_error_if_the_mode_forbids_it(mode, expected):
    """Not one for each device."""
    wiring = make_wiring()
    wiring[2]["spec"]["asn"] = 65100
    report = check(wiring, make_fab(), mode)
    assert faults(report) == expected


def test_a_wrong_value_is_reported_at_its_place():
    """And the rest is checked as if it were right."""
    wiring = make_wiring(leaves=3)
    wiring[4]["spec"]["protocolIP"] = "172.30.8.0/24"
    report = check(wiring)
    assert faults(summarize_followers(report)) == [("leaf-01", "switch-address-not-host")]


def test_a_wrong_value_that_a_cluster_accepts_is_reported_too():
    """hhfab compares the ASN of a gateway with that of the Fabricator."""
    wiring = make_wiring(gateways=1)
    next(one for one in wiring if one["kind"] == "Gateway")["spec"]["asn"] = 65000
    assert ("gateway-1", "hydration-value") in faults(check(wiring, make_fab(gateways=1)))


def test_a_range_that_is_too_small_is_reported_once():
    """It is nobody's fault in particular."""
    report = check(make_wiring(leaves=3), protocol_subnet="172.30.8.0/31")
    assert faults(report) == [("", "hydration-impossible")]
    assert "nothing is free in the protocol subnet" in next(report.remarks())[1].message


def test_a_wrong_fabricator_is_reported_at_its_field():
    """With the rules of hhfab."""
    fab = make_fab(config={"fabric": {"mode": "collapsed-core", "eslagMACBase": "f2"}})
    del fab[1]
    report = check(make_wiring(), fab)
    assert {("default", "fabricator-mode"), ("default", "fabricator-eslag"), ("default", "node-count")} <= set(
        faults(report)
    )


def test_a_hydrated_wiring_is_left_to_the_rules_of_the_cluster():
    """Nothing is assigned, nothing is noted."""
    assert check([make_wiring()[0]]).notes == ()


def suggested(wiring):
    """What is suggested for the objects of a wiring, by name."""
    report = check_sources([read_source("wiring.yaml", text(wiring).encode())], FabricSettings(), suggest=True)
    said = [(entry, one) for entry, one in report.remarks() if one.rule.id == "hydration-suggestion"]
    return {entry.ref.name: one.message for entry, one in said}


def hydrated(wiring):
    """A wiring that lacks nothing, without what has no addresses."""
    return list(hydrate(wiring, ranges_of(FabricSettings()), HydrationMode.MISSING).objects)


def test_the_values_of_a_new_switch_are_suggested():
    """Those that are free beside the values of all others; nothing is suggested for these."""
    wiring = hydrated(make_wiring(leaves=2)[2:])
    added = [one for one in make_wiring(leaves=3) if "leaf-03" in one["metadata"]["name"]]
    found = suggested([*wiring, *added])
    assert found["leaf-03"] == (
        "is incomplete; free in the fabric: ip: 172.30.0.9/21, protocolIP: 172.30.8.4/32, asn: 65103, "
        "vtepIP: 172.30.12.2/32"
    )
    assert "fabric.links[0].spine.ip: 172.30.128.8/31" in found["spine-01--fabric--leaf-03"]
    assert found.keys() == {one["metadata"]["name"] for one in added}
    assert suggested(wiring) == {}


def test_what_stands_in_the_way_of_a_suggestion_is_said():
    """A link to a gateway that does not exist."""
    wiring = [one for one in make_wiring(gateways=1) if one["kind"] != "Gateway"]
    assert any("nothing can be suggested: " in message for message in suggested(wiring).values())
