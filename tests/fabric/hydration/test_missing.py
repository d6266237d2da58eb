"""Assigning only what is missing: laws."""

from __future__ import annotations

import copy
import random

from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.inspect import HydrationStatus
from tests.fabric.hydration.wirings import assigned, make_ranges, make_wiring, manifest

WIRINGS = st.builds(
    make_wiring,
    spines=st.integers(1, 3),
    leaves=st.integers(1, 4),
    gateways=st.integers(0, 2),
    mclag=st.booleans(),
    links=st.integers(1, 2),
)
RANGES = make_ranges()


def complete(wiring):
    return list(hydrate(wiring, RANGES, HydrationMode.IF_NOT_PRESENT).objects)


@given(WIRINGS)
def test_a_wiring_without_anything_is_hydrated_as_upstream_does(wiring):
    """The two modes differ only in what they do with a part."""
    assert list(hydrate(wiring, RANGES, HydrationMode.MISSING).objects) == complete(wiring)


@given(WIRINGS)
def test_a_hydrated_wiring_is_left_as_it_is(wiring):
    """And reported as full."""
    whole = complete(wiring)
    again = hydrate(whole, RANGES, HydrationMode.MISSING)
    assert (again.before, list(again.objects)) == (HydrationStatus.FULL, whole)


@given(WIRINGS, st.data())
def test_any_part_that_is_removed_is_assigned_again_and_nothing_else_changes(wiring, data):
    """Twice is once."""
    part = copy.deepcopy(complete(wiring))
    fields = list(assigned(part))
    for holder, name in data.draw(st.lists(st.sampled_from(fields), unique_by=lambda field: (id(field[0]), field[1]))):
        del holder[name]
    kept = [(holder, name, copy.deepcopy(holder[name])) for holder, name in fields if name in holder]
    found = hydrate(part, RANGES, HydrationMode.MISSING)
    assert found.problems == ()
    after = list(assigned(list(found.objects)))
    assert len(after) == len(fields)
    assert [holder[name] for holder, name, _ in kept] == [value for _, _, value in kept]
    assert _holds(part, list(found.objects))
    assert hydrate(found.objects, RANGES, HydrationMode.MISSING).objects == found.objects


@given(WIRINGS, st.randoms())
def test_the_order_of_objects_does_not_matter(wiring, generator):
    """Files are read in whatever order."""
    mixed = list(wiring)
    generator.shuffle(mixed)
    assert hydrate(mixed, RANGES, HydrationMode.MISSING) == hydrate(wiring, RANGES, HydrationMode.MISSING)


@given(WIRINGS)
def test_a_new_switch_gets_the_next_free_numbers(wiring):
    """It sorts before those that are there, and renumbers none of them."""
    whole = complete(wiring)
    leaves = {one["spec"]["asn"] for one in whole if one["kind"] == "Switch" and one["spec"]["role"] != "spine"}
    new = manifest("Switch", "a-leaf", {"role": "border-leaf"})
    found = hydrate([new, *whole], RANGES, HydrationMode.MISSING)
    after = {one["metadata"]["name"]: one for one in found.objects if one["kind"] == "Switch"}
    assert after.pop("a-leaf")["spec"]["asn"] == max(leaves) + 1
    assert [one for one in found.objects if one["metadata"]["name"] != "a-leaf"] == whole


def _holds(before, after):
    """Whether everything in *before* is in *after*."""
    if isinstance(before, dict):
        return all(_holds(value, after[name]) for name, value in before.items())
    if isinstance(before, list) and len(before) == len(after):
        return all(map(_holds, before, after))
    return before == after


def test_a_free_number_between_others_is_used_first():
    """Numbers do not run out because devices were replaced."""
    whole = [one for one in complete(make_wiring(leaves=3, gateways=0)) if "leaf-2" not in one["metadata"]["name"]]
    random.Random(1).shuffle(whole)
    whole.append(manifest("Switch", "leaf-4", {"role": "server-leaf"}))
    found = hydrate(whole, RANGES, HydrationMode.MISSING)
    assert next(one["spec"]["asn"] for one in found.objects if one["metadata"]["name"] == "leaf-4") == 65102
