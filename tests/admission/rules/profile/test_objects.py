"""What a cluster says of SwitchProfiles, and the profile of a switch as other rules see it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hedgehog.admission.review import Admission
from hedgehog.admission.rules.profile.objects import breakouts_of, profile_of
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import default_profiles
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests.rule import RULES
from tests.admission.rules.factories import broken_rules, make_admission, make_profile, make_switch

EXTRA = FabricSettings(allow_extra_switch_profiles=True)


def admission_with(*more: Manifest) -> Admission:
    """A fabric that allows profiles that are not built in."""
    return make_admission(*more, settings=EXTRA)


def changed(path: str, value: Any) -> Manifest:
    """The smallest profile with one field set, or removed by None; *path* is `ports E1/3 nos`."""
    manifest = make_profile()
    *parents, last = path.split(" ")
    place = manifest["spec"]
    for step in parents:
        place = place.setdefault(step, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return manifest


def renamed(old: str, new: str) -> Manifest:
    """The smallest profile with a port of another name."""
    manifest = make_profile()
    ports = manifest["spec"]["ports"]
    manifest["spec"]["ports"] = {new if name == old else name: port for name, port in ports.items()}
    return manifest


def test_a_valid_profile_is_accepted_where_extra_ones_are_allowed() -> None:
    """And refused elsewhere."""
    assert (
        broken_rules(admission_with().create(make_profile())),
        broken_rules(make_admission().create(make_profile())),
    ) == (
        [],
        ["profile-not-built-in .metadata.name"],
    )


SPEED, BREAKOUT = "portProfiles SFP speed", "portProfiles QSFP breakout"
REFUSED: dict[str, tuple[Manifest, list[str]]] = {
    "no display name": (changed("displayName", ""), ["profile-field-missing .spec.displayName"]),
    "no platform": (changed("platform", None), ["profile-field-missing .spec.platform"]),
    "software": (changed("nosType", "x"), ["profile-nos-type .spec.nosType"]),
    "six names": (changed("otherNames", list("abcdef")), ["profile-other-names .spec.otherNames"]),
    "name twice": (changed("otherNames", ["a", "a"]), ["profile-other-names .spec.otherNames[1]"]),
    "name empty": (changed("otherNames", [""]), ["profile-other-names .spec.otherNames[0]"]),
    "management name": (renamed("M1", "M0"), ["profile-port-name .spec.ports.M0"]),
    "data name": (renamed("E1/2", "E1"), ["profile-port-name .spec.ports.E1"]),
    "short name": (renamed("E1/3", "E"), ["profile-port-name .spec.ports.E"]),
    "software name": (
        changed("ports E1/2 nos", "Eth1"),
        ['profile-port-software-name .spec.ports["E1/2"].nos'],
    ),
    "no software name": (changed("ports E1/2 nos", None), ['profile-port-software-name .spec.ports["E1/2"].nos']),
    "software name of a port that can be split": (
        changed("ports E1/3 nos", "Ethernet2"),
        ['profile-port-software-name .spec.ports["E1/3"].nos'],
    ),
    "no base name": (
        changed("ports E1/3 baseNOSName", None),
        ['profile-port-software-name .spec.ports["E1/3"].baseNOSName'],
    ),
    "management software name": (
        changed("ports M1 nos", "Management-1"),
        ["profile-port-software-name .spec.ports.M1.nos"],
    ),
    "boot loader name": (
        changed("ports M1 oniePortName", "ma1"),
        ["profile-port-onie-name .spec.ports.M1.oniePortName"],
    ),
    "management port in a group": (changed("ports M1 group", "1"), ["profile-port-kind .spec.ports.M1.group"]),
    "no label": (changed("ports E1/2 label", None), ['profile-port-label .spec.ports["E1/2"].label']),
    "label twice": (changed("ports E1/2 label", "1"), ['profile-port-duplicate .spec.ports["E1/2"].label']),
    "software name twice": (changed("ports E1/2 nos", "Ethernet0"), ['profile-port-duplicate .spec.ports["E1/2"].nos']),
    "two kinds": (changed("ports E1/2 group", "1"), ['profile-port-kind .spec.ports["E1/2"]']),
    "no kind": (changed("ports E1/2 profile", None), ['profile-port-kind .spec.ports["E1/2"]']),
    "unknown kind": (changed("ports E1/2 profile", "no"), ['profile-port-reference .spec.ports["E1/2"].profile']),
    "unknown pipeline": (changed("ports E1/3 pipeline", "2"), ['profile-port-reference .spec.ports["E1/3"].pipeline']),
    "pipeline of a fixed port": (
        changed("ports E1/2 pipeline", "1"),
        ['profile-port-pipeline .spec.ports["E1/2"].pipeline'],
    ),
    "number of a group": (changed("portGroups 1 nos", "one"), ['profile-port-group .spec.portGroups["1"].nos']),
    "kind of a group": (changed("portGroups 1 profile", "no"), ['profile-port-group .spec.portGroups["1"].profile']),
    "group that can be split": (
        changed("portGroups 1 profile", "QSFP"),
        ['profile-port-group .spec.portGroups["1"].profile'],
    ),
    "unused group": (
        changed("portGroups 2", {"nos": "2", "profile": "SFP"}),
        ['profile-unused .spec.portGroups["2"]'],
    ),
    "unused kind": (
        changed("portProfiles XFP", {"speed": {"default": "10G", "supported": ["10G"]}}),
        ["profile-unused .spec.portProfiles.XFP"],
    ),
    "negotiation": (
        changed("portProfiles SFP autoNegDefault", True),
        ["profile-port-profile .spec.portProfiles.SFP.autoNegDefault"],
    ),
    "no speeds": (changed(f"{SPEED} supported", []), ["profile-speeds .spec.portProfiles.SFP.speed.supported"]),
    "default speed": (changed(f"{SPEED} default", "40G"), ["profile-speeds .spec.portProfiles.SFP.speed.default"]),
    "odd speed": (
        changed(f"{SPEED} supported", ["25G", "7G"]),
        ["profile-speeds .spec.portProfiles.SFP.speed.supported[1]"],
    ),
    "default mode": (
        changed(f"{BREAKOUT} default", "8x10G"),
        ["profile-breakouts .spec.portProfiles.QSFP.breakout.default"],
    ),
    "odd mode": (
        changed(f"{BREAKOUT} supported 3x10G", {"offsets": ["0"]}),
        ['profile-breakouts .spec.portProfiles.QSFP.breakout.supported["3x10G"]'],
    ),
    "no offsets": (
        changed(f"{BREAKOUT} supported 4x10G", {}),
        ['profile-breakouts .spec.portProfiles.QSFP.breakout.supported["4x10G"]'],
    ),
    "empty pipeline": (changed("pipelines 1 maxPorts", 0), ['profile-pipeline .spec.pipelines["1"]']),
}


@pytest.mark.parametrize(("manifest", "expected"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_profile_is_refused(manifest: Manifest, expected: list[str]) -> None:
    """Each fault gives its violation at its place, and no follow-ups."""
    assert broken_rules(admission_with().create(manifest)) == expected


def test_built_in_profiles_cannot_be_changed() -> None:
    """Zero values that Go drops are not a difference; nothing else may change, and they cannot be deleted."""
    admission = make_admission()
    profile = copy.deepcopy(
        next(one for one in default_profiles(admission.settings) if one["metadata"]["name"] == "vs")
    )
    assert broken_rules(admission.update(profile)) == []
    profile["spec"]["ports"]["E1/1"]["management"] = False
    profile["spec"]["notes"] = ""
    assert broken_rules(admission.update(profile)) == []
    profile["spec"]["features"]["roce"] = False
    assert broken_rules(admission.update(profile)) == ["profile-built-in .spec"]
    assert broken_rules(admission.delete("SwitchProfile", "vs")) == ["profile-built-in ."]


def test_changing_the_profile_of_a_switch_is_a_warning() -> None:
    """Upstream accepts it without checking the switches."""
    admission = admission_with(make_profile(), make_switch(profile="mine"))
    verdict = admission.update(changed("notes", "new"))
    assert (verdict.accepted, broken_rules(verdict)) == (True, ["profile-in-use .spec"])
    assert broken_rules(admission.update(make_profile())) == []


def test_every_rule_of_profiles_has_a_test() -> None:
    """The table names each of them, or one of the tests."""
    named = {line.split(" ")[0] for _, lines in REFUSED.values() for line in lines}
    others = {"profile-not-built-in", "profile-built-in", "profile-in-use"}
    assert {id for id in RULES if id.startswith("profile-")} == named | others


def test_ports_of_a_switch_follow_its_profile_and_its_breakouts() -> None:
    """`E1/3` stays an alias of its first part."""
    admission = admission_with(make_profile(), make_switch(profile="mine", portBreakouts={"E1/3": "2x50G"}))
    switch = admission.state.get("Switch", "leaf-1")
    assert switch is not None
    profile = profile_of(admission.state, switch)
    named = {
        "M1": "Management0",
        "E1/1": "Ethernet0",
        "E1/2": "Ethernet1",
        "E1/3": "Ethernet2",
        "E1/3/1": "Ethernet2",
        "E1/3/2": "Ethernet4",
    }
    assert {port: profile.nos_name(port, breakouts_of(switch)) for port in named} == named
    for port in ("E1/3/3", "E1/3/01", "E1/2/1", "E9/9", ""):
        assert profile.nos_name(port, breakouts_of(switch)) is None


def test_a_profile_is_parsed_only_once() -> None:
    """Changing the state does not matter; replacing the profile does."""
    admission = admission_with(make_profile(), make_switch(profile="mine"))
    switch = make_switch(profile="mine")
    first = profile_of(admission.state, switch)
    admission.put(make_switch("leaf-2", 2))
    assert profile_of(admission.state, switch) is first
    admission.put(make_profile(features={"roce": True}))
    again = profile_of(admission.state, switch)
    assert again is not None and again.features == {"roce"}
    assert profile_of(admission.state, make_switch(profile="no")) is None
