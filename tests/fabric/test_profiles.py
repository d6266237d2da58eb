"""Built-in switch models answer as upstream's SwitchProfiles do, and a profile answers what rules ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.atoi import atoi
from hedgehog.fabric.profiles import Profile, default_profiles, default_spec, parse_profile
from hedgehog.fabric.settings import FabricSettings, Upstream

OLDER = FabricSettings(upstream=Upstream.V0_126)
WITH_CUMULUS = FabricSettings(upstream=Upstream.V0_126, include_cumulus=True)


def profile(name: str) -> Profile:
    """A built-in profile of the newer release."""
    settings = FabricSettings(include_clsp=True, include_cumulus=True)
    return next(parse_profile(one) for one in default_profiles(settings) if one["metadata"]["name"] == name)


@pytest.mark.parametrize(
    ("file", "settings"), [("default", OLDER), ("air", WITH_CUMULUS), ("v0129", FabricSettings())], ids=str
)
def test_the_catalogue_agrees_with_upstreams_profiles(reference: Path, file: str, settings: FabricSettings) -> None:
    """Every field of every model, and so everything that rules ask."""
    rows = json.loads((reference / "admission" / "fabrics" / f"_switchprofiles-{file}.json").read_text())
    upstream = {row["metadata"]["name"]: row["spec"] for row in rows}
    ours = {one["metadata"]["name"]: one["spec"] for one in default_profiles(settings)}
    assert ours == upstream


def test_some_models_depend_on_settings() -> None:
    """Those of CLS+ and Cumulus are built in on request; every fabric has the same sixteen others."""
    names = {one["metadata"]["name"] for one in default_profiles(FabricSettings())}
    more = {
        one["metadata"]["name"] for one in default_profiles(FabricSettings(include_clsp=True, include_cumulus=True))
    }
    assert (len(names), sorted(more - names)) == (
        16,
        [
            "celestica-ds2000-clsp",
            "celestica-ds3000-clsp",
            "celestica-ds4000-clsp",
            "celestica-ds4101-clsp",
            "celestica-ds5000-clsp",
            "cumulus-vx",
            "vs-clsp",
        ],
    )
    assert default_spec("cumulus-vx", FabricSettings()) is None


def test_locator_lights_came_with_the_newer_release() -> None:
    """Of the same model."""
    older = {one["metadata"]["name"]: parse_profile(one) for one in default_profiles(OLDER)}
    name = "celestica-ds3000"
    assert (profile(name).supports("portLocator"), older[name].supports("portLocator")) == (True, False)


NAMED = [
    ("celestica-ds3000", "M1", {}, "Management0"),
    ("celestica-ds3000", "E1/2", {}, "Ethernet4"),
    ("celestica-ds3000", "E1/2/1", {}, "Ethernet4"),
    ("celestica-ds3000", "E1/2/2", {}, None),
    ("celestica-ds3000", "E1/2/2", {"E1/2": "2x50G"}, "Ethernet6"),
    ("celestica-ds3000", "E1/2", {"E1/2": "2x50G"}, "Ethernet4"),
    ("celestica-ds3000", "E1/2/0", {"E1/2": "2x50G"}, None),
    ("celestica-ds3000", "E1/2/+1", {"E1/2": "2x50G"}, None),
    ("celestica-ds3000", "E1/2", {"E1/2": "9x9G"}, None),
    ("celestica-ds3000", "E1/33/1", {}, None),
    ("celestica-ds3000", "E1/34", {}, None),
    ("celestica-ds4101", "E1/1/2", {}, "Ethernet4"),
    ("edgecore-dcs203", "E1/58", {}, "Ethernet81"),
]


@pytest.mark.parametrize(("model", "port", "breakouts", "expected"), NAMED)
def test_a_port_has_its_name_in_the_switch_software(
    model: str, port: str, breakouts: dict[str, str], expected: str | None
) -> None:
    """By its own name, by a part's, or by the alias of the first part."""
    assert profile(model).nos_name(port, breakouts) == expected


def test_parts_are_available_and_whole_ports_are_aliases_only() -> None:
    """Locators and auto-negotiation need an available port; FEC accepts the alias while the port is not split."""
    model = profile("celestica-ds5000")
    breakouts = {"E1/1": "8x100G"}
    ports = ["E1/1", "E1/1/8", "E1/1/9", "E1/2", "E1/2/1", "E1/65", "M1", "E1/x"]
    assert [model.is_available(port, breakouts) for port in ports] == [
        False,
        True,
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert [model.allows_fec(port, breakouts) for port in ports] == [False, True, False, True, True, True, False, False]
    negotiating = [model.allows_auto_negotiation(port, breakouts) for port in ports]
    assert negotiating == [False, True, False, False, True, False, False, False]


@given(st.sampled_from([one["metadata"]["name"] for one in default_profiles(FabricSettings())]), st.data())
def test_totals_count_the_ports_that_are_available(name: str, data: st.DataObject) -> None:
    """Whatever is split, and however."""
    model = profile(name)
    modes = {port: sorted(one.kind.modes) for port, one in model.ports.items() if one.kind and one.kind.modes}
    split = data.draw(st.lists(st.sampled_from(sorted(modes)), unique=True)) if modes else []
    breakouts = {port: data.draw(st.sampled_from(modes[port])) for port in split}
    names = [name for port in model.ports for name in (port, *(f"{port}/{part}" for part in range(1, 9)))]
    available = [name for name in names if model.is_available(name, breakouts)]
    total, by_pipeline = model.totals(breakouts)
    assert (total, model.fault(breakouts)) == (len(available), "")
    assert sum(by_pipeline.values()) <= total


def test_a_profile_changed_while_in_use_names_its_fault() -> None:
    """Connections of the switch are refused then."""
    assert profile("celestica-ds3000").fault({"E1/1": "8x10G"}) == "port E1/1 has no breakout mode 8x10G"


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("+07", 7), ("-7", -7), ("", None), ("-", None), ("1_0", None), ("٣", None), (" 1", None)],
)
def test_numbers_are_parsed_as_in_go(text: str, number: int | None) -> None:
    """Sign and leading zeros are fine, anything else is not."""
    assert atoi(text) == number


@given(st.integers(min_value=-(1 << 70), max_value=1 << 70))
def test_numbers_have_sixty_four_bits(number: int) -> None:
    """More do not fit."""
    assert atoi(str(number)) == (number if -(1 << 63) <= number < 1 << 63 else None)
