"""Keeping up with the cluster's state finds what looking at everything anew finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.dataplane.judge import faults_at_write
from hedgehog.admission.rules.dataplane.release import Release
from hedgehog.admission.rules.dataplane.stored import StoredPeerings, conflicts
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import (
    make_admission,
    make_expose,
    make_external,
    make_gateway,
    make_gateway_peering,
    make_subnet,
    make_vpc,
)

SETTINGS = FabricSettings()
SIDES = ("vpc-1", "vpc-2", "vpc-3", "ext.ext-1")
EXPOSES = (
    [{"default": True}],
    [make_expose("10.0.1.0/24")],
    [make_expose("10.0.1.128/25")],
    [make_expose("10.0.2.0/24")],
    [make_expose("2001:db8::/48")],
    [make_expose("10.0.3.0/24", **{"as": [{"cidr": "10.0.1.7/32"}]}, nat={"masquerade": {}})],
    [make_expose("10.0.2.0/24", **{"as": [{"cidr": "10.0.1.0/30"}]}, nat={"masquerade": {}})],
    [{"ips": [{"not": "10.0.1.0/24"}]}],
    [{"ips": [{"vpcSubnet": "default"}]}],
    [],
)
PEERINGS = st.builds(
    lambda sides, one, other, name, group: make_gateway_peering(
        one, other, name=name, sides=tuple(sides), gatewayGroup=group
    ),
    st.lists(st.sampled_from(SIDES), min_size=2, max_size=2, unique=True),
    st.sampled_from(EXPOSES),
    st.sampled_from(EXPOSES),
    st.sampled_from("abcde"),
    st.sampled_from(["default", "other"]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), PEERINGS),
        st.tuples(st.just("remove"), st.sampled_from("abcde")),
        st.tuples(st.just("subnet"), st.integers(1, 3)),
        st.tuples(st.just("forget"), st.just("vpc-2")),
    ),
    max_size=12,
)


def fabric():
    """Three VPCs, an External, two groups with one Gateway."""
    return make_admission(
        make("GatewayGroup", "default"),
        make("GatewayGroup", "other"),
        make_gateway(groups=[{"name": "default"}, {"name": "other"}]),
        *(make_vpc(f"vpc-{number}", {"default": make_subnet(number)}) for number in (1, 2, 3)),
        make_external("ext-1"),
    )


def take(admission, step) -> None:
    """Change the fabric by one step."""
    what, value = step
    if what == "put":
        admission.put(stored(value, SETTINGS))
    elif what == "remove":
        admission.remove("GatewayPeering", value)
    elif what == "forget":
        admission.remove("VPC", value)
    else:
        admission.put(stored(make_vpc("vpc-1", {"default": make_subnet(value)}), SETTINGS))


def anew(state: ClusterState) -> ClusterState:
    """A state of the same objects that knows nothing more."""
    copied = make_admission().state
    for kind in ("GatewayGroup", "Gateway", "VPC", "External", "VPCInfo", "GatewayPeering"):
        for manifest in state.objects(kind).values():
            copied.put(manifest)
    return copied


@settings(max_examples=150, deadline=None)
@given(STEPS, PEERINGS)
def test_the_verdict_does_not_depend_on_how_the_fabric_came_about(steps, written):
    """Whatever was put, removed and changed before; and no conflict hides behind what is known to be right."""
    admission = fabric()
    new = stored(written, SETTINGS)
    for step in steps:
        faults_at_write(new, admission.state)
        take(admission, step)
    found = faults_at_write(new, admission.state)
    assert found == faults_at_write(new, anew(admission.state))
    assert bool(found) == any_fault(anew(admission.state), new)


def any_fault(state: ClusterState, new) -> bool:
    """Whether anything is wrong once *new* is stored, looking at every pair."""
    if any(state.get("VPCInfo", side) is None for side in new["spec"]["peering"]):
        return False
    state.put(new)
    peerings = StoredPeerings(state)
    return bool(peerings.wrong) or any(
        any(conflicts(side, peerings.towards(side, None), Release.V0_24)) for side in SIDES
    )
