"""What was assigned stays when an object is written again without it."""

from __future__ import annotations

import copy

from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.keep import keep_assigned
from hedgehog.fabric.model import ObjectRef
from tests.fabric.hydration.wirings import make_ranges, make_wiring


def pairs():
    """Every object without addresses, and hydrated."""
    bare = make_wiring()
    after = {ObjectRef.of(one): one for one in hydrate(bare, make_ranges(), HydrationMode.MISSING).objects}
    return [(one, after[ObjectRef.of(one)]) for one in bare]


def test_a_bare_object_keeps_everything_that_was_assigned():
    """Of every kind; and it is not changed itself."""
    for bare, stored in pairs():
        before = copy.deepcopy(bare)
        assert keep_assigned(bare, stored) == stored
        assert bare == before


def test_what_is_written_wins():
    """Somebody assigns another address on purpose."""
    bare, stored = next(pair for pair in pairs() if pair[0]["kind"] == "Switch")
    bare["spec"]["ip"] = "172.30.0.99/21"
    assert keep_assigned(bare, stored)["spec"]["ip"] == "172.30.0.99/21"


def test_a_link_keeps_its_addresses_by_its_ports():
    """Links may change places, and another link has none yet."""
    bare, stored = next(pair for pair in pairs() if "fabric" in pair[0]["spec"])
    links = bare["spec"]["fabric"]["links"]
    links.reverse()
    links[0]["leaf"]["port"] = "leaf-9/E1/9"
    kept = keep_assigned(bare, stored)["spec"]["fabric"]["links"]
    assert kept[1] == stored["spec"]["fabric"]["links"][0]
    assert "ip" not in kept[0]["leaf"]


def test_a_switch_in_another_role_keeps_nothing():
    """Its ASN would be that of the other role."""
    bare, stored = next(pair for pair in pairs() if pair[0]["spec"].get("role") == "server-leaf")
    bare["spec"]["role"] = "spine"
    assert keep_assigned(bare, stored) == bare


def test_an_object_without_spec_is_left_alone():
    """It is refused elsewhere."""
    bare, stored = pairs()[0]
    del bare["spec"]
    assert keep_assigned(bare, stored) is bare
