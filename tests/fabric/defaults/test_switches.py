"""The form in which a cluster stores Switches and SwitchProfiles."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devstack.objects import make
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import make_profile

SETTINGS = FabricSettings()


def spec_of(**spec: Any) -> Any:
    """The spec of a Switch as stored."""
    return stored(make("Switch", "leaf-1", spec), SETTINGS)["spec"]


def test_empty_structs_and_the_default_namespace_are_added() -> None:
    """What the user wrote stays, empty or not."""
    empty = {"redundancy": {}, "boot": {}, "ecmp": {}, "vlanNamespaces": ["default"]}
    assert spec_of(groups=[], roce=False) == {"groups": [], "roce": False, **empty}


def test_groups_and_namespaces_are_sorted_and_include_the_redundancy_group() -> None:
    """It is added where it is missing."""
    spec = spec_of(groups=["rack-2", "a"], redundancy={"group": "pair", "type": "eslag"}, vlanNamespaces=["b", "a"])
    assert (spec["groups"], spec["vlanNamespaces"]) == (["a", "pair", "rack-2"], ["a", "b"])


def test_speeds_lose_their_old_prefix() -> None:
    """Of ports and of groups."""
    spec = spec_of(portSpeeds={"E1/1": "SPEED_25G"}, portGroupSpeeds={"1": "SPEED_10G", "2": "25G"})
    assert (spec["portSpeeds"], spec["portGroupSpeeds"]) == ({"E1/1": "25G"}, {"1": "10G", "2": "25G"})


def test_link_flap_protection_has_its_three_values() -> None:
    """Wherever the struct is set."""
    assert spec_of(linkFlapErrDisable={"flapThreshold": 5})["linkFlapErrDisable"] == {
        "flapThreshold": 5,
        "samplingInterval": 30,
        "recoveryInterval": 300,
    }


def test_expired_locators_are_dropped_and_one_for_all_ports_replaces_the_rest() -> None:
    """Durations stay as they are: the time that a cluster makes of them is another each time."""
    kept = {"E1/1": "10m", "E1/2": "", "E1/3": "2999-01-01 00:00:00", "E1/4": "what"}
    assert spec_of(portLocators={**kept, "E1/5": "-5m", "E1/6": "2001-01-01 00:00:00"})["portLocators"] == kept
    assert spec_of(portLocators={"*": "10m", "E1/1": "5m"})["portLocators"] == {"*": "10m"}
    assert "portLocators" not in spec_of(portLocators={"E1/1": "0"})
    assert spec_of(portLocators={})["portLocators"] == {}


def test_labels_are_computed_again_and_those_of_users_are_kept() -> None:
    """One for each group and namespace, one for the profile."""
    labels = {"team": "a", "fabric.githedgehog.com/profile": "old", "vlanns.fabric.githedgehog.com/old": "true"}
    switch = make("Switch", "leaf-1", {"profile": "vs", "groups": ["pair"]}, labels=labels)
    assert stored(switch, SETTINGS)["metadata"]["labels"] == {
        "team": "a",
        "fabric.githedgehog.com/profile": "vs",
        "switchgroup.fabric.githedgehog.com/pair": "true",
        "vlanns.fabric.githedgehog.com/default": "true",
    }


def summary(profile: Manifest) -> str | None:
    """The ports of a SwitchProfile, for people."""
    annotations = stored(profile, SETTINGS)["metadata"].get("annotations") or {}
    return annotations.get("fabric.githedgehog.com/ports")


def test_a_profile_lists_its_ports() -> None:
    """Unless a port has no kind."""
    unsound = make_profile(ports={"E1/1": {"nos": "Ethernet0"}})
    assert (summary(make_profile()), summary(make_profile(ports={})), summary(unsound)) == ("2xSFP, 1xQSFP", "", None)


NAMES = st.sampled_from(["a", "b", "default", "pair"])
SPEEDS = st.dictionaries(st.sampled_from(["E1/1", "1"]), st.sampled_from(["25G", "SPEED_25G", "x"]))
SWITCHES = st.fixed_dictionaries(
    {},
    optional={
        "profile": NAMES,
        "groups": st.lists(NAMES),
        "vlanNamespaces": st.lists(NAMES),
        "redundancy": st.fixed_dictionaries({}, optional={"group": NAMES, "type": st.just("eslag")}),
        "portSpeeds": SPEEDS,
        "portGroupSpeeds": SPEEDS,
        "portLocators": st.dictionaries(
            st.sampled_from(["*", "E1/1", "M1"]),
            st.sampled_from(["", "10m", "-1h", "0", "x", "2001-01-01 00:00:00", "2999-01-01 1:00:00"]),
        ),
        "linkFlapErrDisable": st.fixed_dictionaries({}, optional={"flapThreshold": st.integers(1, 50)}),
    },
)


@given(SWITCHES, st.dictionaries(st.sampled_from(["team", "fabric.githedgehog.com/x"]), st.just("a")))
def test_a_stored_object_is_not_changed_again(spec: dict[str, Any], labels: dict[str, str]) -> None:
    """Defaulting twice changes nothing."""
    once = stored(make("Switch", "s", spec, labels=labels), SETTINGS)
    assert stored(once, SETTINGS) == once


@given(st.sampled_from(["config", "features", "ports", "portGroups", "notes"]), st.booleans())
def test_a_stored_profile_is_not_changed_again(field: str, there: bool) -> None:
    """Whatever it lacks."""
    change: dict[str, Any] = {field: {} if there and field != "notes" else None}
    once = stored(make_profile(**change), SETTINGS)
    assert stored(once, SETTINGS) == once
