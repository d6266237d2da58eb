"""The look-ups of a fabric agree with looking at every object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.admission.cluster_state import ClusterState, Indexer
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

SUBNETS = ("10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.1.0.0/16", "192.168.0.0/16")


def facts(manifest: Manifest) -> Iterator[tuple[Any, ...]]:
    yield from (("vlan", vlan) for vlan in manifest["spec"].get("vlans", ()))


def prefixes(manifest: Manifest) -> Iterator[tuple[str, Prefix]]:
    for text in manifest["spec"].get("subnets", ()):
        prefix = parse_prefix(text)
        assert prefix is not None
        yield "subnet", prefix


def make_state() -> ClusterState:
    """An empty one whose VPCs use VLANs and subnets."""
    return ClusterState(FabricSettings(), {"VPC": Indexer(facts, prefixes)})


VPCS = st.builds(
    lambda name, team, vlans, subnets: make("VPC", name, {"vlans": vlans, "subnets": subnets}, labels={"team": team}),
    st.sampled_from("abc"),
    st.sampled_from("xy"),
    st.lists(st.integers(1, 3), max_size=3),
    st.lists(st.sampled_from(SUBNETS), max_size=3),
)


@given(st.lists(st.one_of(VPCS, st.sampled_from("abc")), max_size=12))
def test_every_lookup_agrees_with_a_scan_of_all_objects(changes):
    """After any puts (of an object) and removals (of a name)."""
    state, there = make_state(), {}
    for change in changes:
        if isinstance(change, str):
            state.remove("VPC", change)
            there.pop(change, None)
        else:
            state.put(change)
            there[change["metadata"]["name"]] = change
    assert dict(state.objects("VPC")) == there
    for team in "xy":
        labelled = {one["metadata"]["name"] for one in state.labelled("VPC", "team", team)}
        assert labelled == {name for name, one in there.items() if one["metadata"]["labels"]["team"] == team}
    for vlan in (1, 2, 3):
        users = {name for _, name in state.users(("vlan", vlan))}
        assert users == {name for name, one in there.items() if vlan in one["spec"]["vlans"]}
    for text in SUBNETS:
        asked = parse_prefix(text)
        assert asked is not None
        found = {name for _, (_, name) in state.overlapping("subnet", asked)}
        assert found == {name for name, one in there.items() if any(p.overlaps(asked) for _, p in prefixes(one))}


def test_a_state_without_the_kind_finds_nothing():
    """And removing what it does not have is not an error."""
    state = make_state()
    assert state.get("VPC", "a") is None
    assert list(state.labelled("VPC", "team", "x")) == []
    assert list(state.users(("vlan", 1))) == []
    assert list(state.overlapping("subnet", Prefix(4, 0, 0))) == []
    state.remove("VPC", "a")
