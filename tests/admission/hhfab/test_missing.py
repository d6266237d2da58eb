"""What the mode `missing` makes of a part of a hydrated fabric: a fabric that upstream's rules accept."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.objects import make
from devstack.unhydrated import make_fab, make_wiring
from hedgehog.admission.hhfab.command import validate
from hedgehog.fabric.model import ObjectRef
from tests.fabric.hydration.wirings import assigned

SIZES = st.fixed_dictionaries(
    {
        "spines": st.integers(1, 2),
        "leaves": st.integers(1, 3),
        "gateways": st.integers(0, 2),
        "servers": st.integers(0, 2),
    }
)


def designed(size, mclag):
    """fab.yaml and wiring without addresses; with *mclag* the first two leaves are peers."""
    wiring = make_wiring(**size)
    leaves = [one for one in wiring if one["metadata"]["name"].startswith("leaf-") and one["kind"] == "Switch"]
    if mclag:
        wiring.append(make("SwitchGroup", "pair"))
        for leaf in leaves[:2]:
            leaf["spec"]["redundancy"] = {"type": "mclag", "group": "pair"}
    return make_fab(gateways=size["gateways"]), wiring


def after(documents, found):
    """The documents as they are afterwards."""
    hydrated = {(one["kind"], one["metadata"]["name"]): one for one in found.hydrated}
    return [copy.deepcopy(hydrated.get((one["kind"], one["metadata"]["name"]), one)) for one in documents]


def by_ref(found):
    return {ObjectRef.of(one): one for one in found.hydrated}


@settings(deadline=None)
@given(SIZES, st.booleans(), st.data())
def test_any_part_of_a_fabric_is_completed_to_a_valid_one_in_any_order(size, mclag, data):
    """Nothing that is there changes, twice is once, and the order of documents does not matter."""
    fab, wiring = designed(size, mclag)
    whole = validate(fab, wiring, "missing")
    assert (whole.stage, whole.reasons) == (None, ())
    fab, wiring = after(fab, whole), after(wiring, whole)
    fields = list(assigned([*fab[1:], *wiring[2:]]))
    removed = data.draw(st.lists(st.sampled_from(fields), unique_by=lambda field: (id(field[0]), field[1])))
    for holder, name in removed:
        del holder[name]

    found = validate(fab, wiring, "missing")
    assert (found.stage, found.reasons) == (None, ())
    objects = by_ref(found)
    assert all(_holds(one, objects[ObjectRef.of(one)]) for one in (*fab[1:], *wiring) if ObjectRef.of(one) in objects)
    assert validate(after(fab, found), after(wiring, found), "missing").hydrated == found.hydrated
    mixed = data.draw(st.permutations(wiring))
    assert by_ref(validate(data.draw(st.permutations(fab)), mixed, "missing")) == objects


@settings(deadline=None)
@given(SIZES)
def test_a_new_switch_link_and_gateway_fit_into_a_running_fabric(size):
    """What was there stays as it is, whatever their names."""
    small = validate(make_fab(), make_wiring(spines=1), "missing")
    running = {ObjectRef.of(one): one for one in small.hydrated}
    fab, wiring = make_fab(gateways=size["gateways"]), make_wiring(**size)
    mixed = [running.get(ObjectRef.of(one), one) for one in (*fab, *wiring)]
    found = validate(mixed[: len(fab)], mixed[len(fab) :], "missing")
    assert (found.stage, found.reasons) == (None, ())
    kept = running.keys() & by_ref(found).keys()
    assert {ref: by_ref(found)[ref] for ref in kept} == {ref: running[ref] for ref in kept}


def _holds(before, there):
    """Whether everything in *before* is in *there*."""
    if isinstance(before, dict):
        return all(name in there and _holds(value, there[name]) for name, value in before.items())
    if isinstance(before, list) and len(before) == len(there):
        return all(map(_holds, before, there))
    return before == there
