"""The form in which a cluster stores Gateways and GatewayPeerings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream

LABELS = {"vpc.gateway.githedgehog.com/vpc-1": "true", "vpc.gateway.githedgehog.com/vpc-2": "true"}


def gateway(**spec: Any) -> Any:
    """The spec of a Gateway as stored."""
    return stored(make("Gateway", "gw-1", spec), FabricSettings())["spec"]


def peering(
    expose: dict[str, Any] | None = None, upstream: Upstream = Upstream.V0_129, metadata: Any = None, **spec: Any
) -> Manifest:
    """A GatewayPeering whose first side exposes something, as stored."""
    sides = {"vpc-2": {}, "vpc-1": {"expose": [] if expose is None else [expose]}}
    manifest = make("GatewayPeering", "mine", {"peering": sides, **spec}, **(metadata or {}))
    return stored(manifest, FabricSettings(upstream=upstream))


def masquerading(timeout: str) -> Any:
    """What happens to an idleTimeout."""
    spec = peering({"nat": {"masquerade": {"idleTimeout": timeout}}})["spec"]
    return spec["peering"]["vpc-1"]["expose"][0]["nat"]["masquerade"]["idleTimeout"]


def test_a_gateway_gets_workers_logs_and_a_group() -> None:
    """What is zero counts as not set."""
    filled = {
        "workers": 4,
        "groups": [{"name": "default"}],
        "logs": {"default": "info", "tags": {"all": "info"}},
        "profiling": {},
    }
    assert gateway() == filled
    assert gateway(workers=0, groups=[], logs={"default": "", "tags": {}}) == filled


def test_a_rate_limit_gets_its_defaults_only_where_it_is_set() -> None:
    """Each half for itself."""
    assert gateway(logs={"rateLimit": {"burst": 7}})["logs"]["rateLimit"] == {"burst": 7, "replenishPerSecond": 5}
    assert gateway(logs={"rateLimit": {"burst": 0}})["logs"]["rateLimit"] == {"burst": 50, "replenishPerSecond": 5}


def test_groups_of_a_gateway_are_sorted() -> None:
    """With their priorities."""
    groups = [{"name": "b", "priority": 1}, {"name": "a"}]
    assert gateway(groups=groups)["groups"] == [{"name": "a"}, {"name": "b", "priority": 1}]


def test_an_object_that_needs_no_default_is_stored_unchanged() -> None:
    """No empty structs are added, and durations keep their spelling."""
    whole = {"workers": 8, "groups": [{"name": "a"}], "logs": {"default": "off", "tags": {"all": "off"}}}
    assert gateway(**whole) == whole
    nat = {"nat": {"masquerade": {"idleTimeout": "90s"}}}
    settled = peering(nat, Upstream.V0_126, {"labels": LABELS}, gatewayGroup="default")
    assert settled["spec"]["peering"]["vpc-1"]["expose"] == [nat]


def test_a_peering_gets_defaults_and_labels() -> None:
    """Group, timeouts, and the filter where there is one."""
    nat = {"nat": {"portForward": {}}}
    made = peering(nat, Upstream.V0_126, acl={"rules": [{"action": "deny", "from": "vpc-1"}]})
    assert made["metadata"]["labels"] == LABELS
    assert "annotations" not in made["metadata"]
    assert made["spec"] == {
        "gatewayGroup": "default",
        "peering": {"vpc-1": {"expose": [{"nat": {"portForward": {"idleTimeout": "2m0s"}}}]}, "vpc-2": {}},
        "acl": {
            "default": "deny-unless-exposed",
            "rules": [{"action": "deny", "from": "vpc-1", "scope": "flow", "match": {}}],
        },
    }


def test_a_newer_release_lists_vpcs_and_nat_in_annotations() -> None:
    """What it does not find goes."""
    stale = {"annotations": {"mine": "x", "gateway.githedgehog.com/nat": "static"}}
    vpcs = {"mine": "x", "gateway.githedgehog.com/vpcs": "vpc-1,vpc-2"}
    assert peering(metadata=stale)["metadata"]["annotations"] == vpcs
    nat = {"nat": {"portForward": {}, "masquerade": {}}}
    assert peering(nat, metadata=stale)["metadata"]["annotations"] == {
        **vpcs,
        "gateway.githedgehog.com/nat": "masquerade,port-forward",
    }


def test_a_peering_without_two_sides_gets_no_defaults() -> None:
    """Nothing is filled in."""
    lonely = make("GatewayPeering", "mine", {"peering": {"vpc-1": {}}})
    assert stored(lonely, FabricSettings()) == lonely


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0s", "2m0s"),
        ("90s", "1m30s"),
        ("60m", "1h0m0s"),
        ("1500ms", "1.5s"),
        ("250ms", "250ms"),
        ("1.5us", "1.5µs"),
        ("7ns", "7ns"),
        ("-5m", "-5m0s"),
        ("100h", "100h0m0s"),
        ("1h0.05s", "1h0m0.05s"),
        ("soon", "soon"),
    ],
)
def test_durations_are_spelled_as_in_go(written: str, kept: str) -> None:
    """What is not a duration is left for the rules to refuse; a missing one becomes two minutes."""
    assert masquerading(written) == kept


durations = st.sampled_from(["", "0", "1s", "90s", "1.5h", "-1ms", "what"])
nats = st.dictionaries(
    st.sampled_from(["masquerade", "portForward"]), st.fixed_dictionaries({}, optional={"idleTimeout": durations})
)
exposes = st.lists(st.fixed_dictionaries({}, optional={"nat": nats}), max_size=2)
sides = st.fixed_dictionaries({}, optional={"expose": exposes})
rules = st.fixed_dictionaries({"action": st.just("deny")}, optional={"scope": st.sampled_from(["", "packet"])})
acls = st.fixed_dictionaries({}, optional={"default": st.just(""), "rules": st.lists(rules, max_size=2)})
peerings = st.fixed_dictionaries(
    {}, optional={"peering": st.dictionaries(st.sampled_from("abc"), sides), "acl": acls, "gatewayGroup": st.just("")}
)
groups = st.lists(st.fixed_dictionaries({}, optional={"name": st.sampled_from("ab")}), max_size=3)
limits = st.dictionaries(st.sampled_from(["burst", "replenishPerSecond"]), st.integers(0, 9))
logs = st.fixed_dictionaries({}, optional={"default": st.just(""), "rateLimit": limits})
gateways = st.fixed_dictionaries({}, optional={"workers": st.integers(0, 9), "groups": groups, "logs": logs})
objects = st.one_of(st.tuples(st.just("GatewayPeering"), peerings), st.tuples(st.just("Gateway"), gateways))


@given(objects, st.sampled_from(Upstream))
def test_storing_twice_changes_nothing(drawn: tuple[str, Any], upstream: Upstream) -> None:
    """Whatever is stored."""
    settings = FabricSettings(upstream=upstream)
    once = stored(make(drawn[0], "mine", drawn[1]), settings)
    assert stored(once, settings) == once
