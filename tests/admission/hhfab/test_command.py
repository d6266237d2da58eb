"""`hhfab validate`: load, hydrate, validate."""

from __future__ import annotations

import pytest

from devstack.unhydrated import make_fab, make_wiring
from hedgehog.admission.hhfab.command import HHFabStage, validate
from hedgehog.fabric.hydration.inspect import HydrationStatus


def test_a_designed_fabric_is_hydrated_and_accepted():
    """With gateways and servers."""
    found = validate(make_fab(gateways=1), make_wiring(gateways=1, servers=3), "if-not-present")
    assert (found.stage, found.reasons, found.before) == (None, (), HydrationStatus.NONE)
    assert {one["kind"] for one in found.hydrated} == {"ControlNode", "FabNode", "Switch", "Connection", "Gateway"}


@pytest.mark.parametrize(
    ("mode", "stage"),
    [
        ("if-not-present", None),
        ("override", None),
        ("missing", None),
        ("never", HHFabStage.HYDRATE),
        ("auto", HHFabStage.HYDRATE),
    ],
)
def test_the_mode_decides_whether_a_bare_wiring_passes(mode, stage):
    """One that does not exist is refused."""
    assert validate(make_fab(), make_wiring(), mode).stage is stage


def test_what_is_refused_first_ends_it():
    """A faulty Fabricator, a wrong address, a wrong object."""
    fab, wiring = make_fab(), make_wiring(servers=1)
    wiring[2]["spec"]["asn"] = 65101
    wiring[-1]["spec"]["unbundled"]["link"]["switch"]["port"] = "leaf-09/E1/1"
    late = validate(make_fab(config={"fabric": {"mode": "x"}}), wiring, "override")
    assert late.stage is HHFabStage.LOAD
    middle = validate(fab, wiring, "override")
    assert (middle.stage, middle.before) == (HHFabStage.HYDRATE, None)
    del wiring[2]["spec"]["asn"]
    last = validate(fab, wiring, "override")
    assert last.stage is HHFabStage.VALIDATE
    assert "there is no Switch leaf-09" in last.reasons[0]
    assert last.hydrated
