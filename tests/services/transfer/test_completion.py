"""What imported objects leave out is assigned beside the objects of their fabric."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devstack.unhydrated import make_wiring
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.services.transfer.completion import complete

FABRIC = Fabric(1, "lab", "lab")
MISSING = HydrationMode.MISSING


def by_ref(objects):
    return {ObjectRef.of(one): one for one in objects}


def imported(before, objects, *, fabric=FABRIC, mode=MISSING, replace_all=False):
    """What is stored after an import of *objects*, and what was said."""
    wanted = by_ref(objects)
    found = complete(fabric, before, wanted, replace=replace_all, mode=mode)
    return {**({} if replace_all else before), **wanted, **found.objects}, found


def asns(objects):
    return {ref.name: one["spec"].get("asn") for ref, one in objects.items() if ref.kind == "Switch"}


def test_a_bare_wiring_is_stored_hydrated():
    """And one note says so."""
    stored, found = imported({}, make_wiring(gateways=1, servers=1))
    assert asns(stored) == {"spine-01": 65100, "spine-02": 65100, "leaf-01": 65101, "leaf-02": 65102}
    assert found.problems == ()
    assert [note.split(" (")[0] for note in found.notes] == ["assigned 29 values"]


def test_importing_the_same_files_again_changes_nothing():
    """The values are kept, although the files leave them out."""
    stored, _ = imported({}, make_wiring(gateways=1))
    again, found = imported(stored, make_wiring(gateways=1))
    assert (again, found.notes) == (stored, ())


def test_a_switch_that_goes_renumbers_nobody():
    """Also if everything else is imported without addresses."""
    stored, _ = imported({}, make_wiring(leaves=3))
    fewer = [one for one in make_wiring(leaves=3) if "leaf-01" not in one["metadata"]["name"]]
    after, _ = imported(stored, fewer, replace_all=True)
    assert asns(after) == {"spine-01": 65100, "spine-02": 65100, "leaf-02": 65102, "leaf-03": 65103}


def test_a_new_link_completes_the_gateway_it_leads_to():
    """Which is not imported itself."""
    wiring = make_wiring(gateways=1)
    name = "spine-02--gateway--gateway-1"
    stored, _ = imported({}, [one for one in wiring if one["metadata"]["name"] != name])
    after, _ = imported(stored, [one for one in wiring if one["metadata"]["name"] == name])
    gateway = after[ObjectRef("Gateway", "default", "gateway-1")]["spec"]
    assert [one["source"] for one in gateway["neighbors"]] == ["enp2s1", "enp2s2"]


@pytest.mark.parametrize(
    ("fabric", "mode"),
    [
        (FABRIC, HydrationMode.NEVER),
        (replace(FABRIC, settings=FabricSettings(enforced=False)), MISSING),
    ],
    ids=["never", "not enforced"],
)
def test_objects_are_taken_as_they_are_if_that_is_wanted(fabric, mode):
    """With the mode, or in a fabric whose rules are not enforced."""
    wiring = make_wiring()
    stored, found = imported({}, wiring, fabric=fabric, mode=mode)
    assert (stored, found.notes) == (by_ref(wiring), ())


def test_other_objects_are_not_looked_at():
    """An import of VPCs does not fail because of a wrong address in the wiring."""
    stored, _ = imported({}, make_wiring())
    stored[ObjectRef("Switch", "default", "leaf-01")]["spec"]["asn"] = 1
    assert imported(stored, make_wiring()[:2])[1].problems == ()


def test_what_cannot_be_assigned_is_said():
    """With the range that is exhausted."""
    fabric = replace(FABRIC, settings=FabricSettings(leaf_asn_end=65102))
    _, found = imported({}, make_wiring(leaves=3), fabric=fabric)
    assert "nothing is free in the ASN range of leaves" in found.problems[0]
