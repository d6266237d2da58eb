"""Rules of a SwitchProfile's port groups, port profiles and pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.atoi import atoi
from hedgehog.manifests.rule import Path, Violation, rule

_SOURCE = "api/wiring/v1beta1/switchprofile_types.go SwitchProfile.Validate"
Spec = Mapping[str, Any]

GROUP = rule(
    "profile-port-group",
    what=(
        "A port group has its number in the switch software and a port profile with speeds and without "
        "auto-negotiation."
    ),
    why="The speed of all its ports is set at once.",
    source=_SOURCE,
    fix='write it like `"1": {nos: "1", profile: SFP28-25G}`',
)
UNUSED = rule(
    "profile-unused",
    what="Every port group has ports, every port profile has ports or groups.",
    why="An unused entry is most likely a misspelt name somewhere.",
    source=_SOURCE,
    fix="remove the entry, or name it in a port",
)
KIND = rule(
    "profile-port-profile",
    what="A port profile has either speeds or breakouts, and auto-negotiation by default only where it is allowed.",
    why="A port either has a speed or can be split.",
    source=_SOURCE,
    fix="leave out one of `speed` and `breakout`; write `autoNegAllowed: true` beside `autoNegDefault: true`",
)
SPEEDS = rule(
    "profile-speeds",
    what="The speeds exist, and the default is one of those that are supported.",
    why="Nothing else can be set.",
    source=f"{_SOURCE}, ValidatePortSpeed",
    fix="write them like `speed: {default: 25G, supported: [10G, 25G]}`",
)
MODES = rule(
    "profile-breakouts",
    what="Breakout modes are <1, 2, 4 or 8>x<speed> with one offset per part, and the default is one of them.",
    why="Nothing else can be set.",
    source=f"{_SOURCE}, ValidatePortBreakoutMode",
    fix='write them like `supported: {4x25G: {offsets: ["0", "1", "2", "3"]}}`',
)
PIPELINE = rule(
    "profile-pipeline",
    what="A pipeline has a name and a number of ports.",
    why="Breakouts are counted against it.",
    source=_SOURCE,
    fix='write it like `"1": {maxPorts: 18}`',
)
KNOWN_SPEEDS = ("1G", "2.5G", "5G", "10G", "20G", "25G", "40G", "50G", "100G", "200G", "400G", "800G")
_PARTS = ("1", "2", "4", "8")


def group_violations(spec: Spec) -> Iterator[Violation]:
    """Everything that is wrong with the port groups."""
    used = {port.get("group") for port in (spec.get("ports") or {}).values() if not port.get("management")}
    kinds = spec.get("portProfiles") or {}
    for name, group in (spec.get("portGroups") or {}).items():
        path = ("spec", "portGroups", name)
        if name not in used:
            yield UNUSED.at(path, f"no port is in group {name}")
        if (atoi(group.get("nos", "")) or 0) <= 0:
            yield GROUP.at((*path, "nos"), f"group {name} has {group.get('nos', '')!r}, which is not a positive number")
        kind = kinds.get(group.get("profile", ""))
        if kind is None:
            yield GROUP.at(
                (*path, "profile"),
                f"group {name} names port profile {group.get('profile', '')!r}, which does not exist",
            )
        elif "speed" not in kind:
            yield GROUP.at((*path, "profile"), f"port profile {group['profile']} of group {name} has no speeds")
        elif kind.get("autoNegAllowed"):
            yield GROUP.at((*path, "profile"), f"port profile {group['profile']} of group {name} negotiates speeds")


def kind_violations(spec: Spec) -> Iterator[Violation]:
    """Everything that is wrong with the port profiles."""
    ports = (port for port in (spec.get("ports") or {}).values() if not port.get("management"))
    used = {one.get("profile") for one in (*ports, *(spec.get("portGroups") or {}).values())}
    for name, kind in (spec.get("portProfiles") or {}).items():
        path = ("spec", "portProfiles", name)
        if name not in used:
            yield UNUSED.at(path, f"no port and no group has port profile {name}")
        yield from _port_profile_violations(path, name, kind)


def _port_profile_violations(path: Path, name: str, kind: Spec) -> Iterator[Violation]:
    if ("speed" in kind) == ("breakout" in kind):
        yield KIND.at(path, f"port profile {name} has {'both' if 'speed' in kind else 'neither'} speed and breakout")
    if kind.get("autoNegDefault") and not kind.get("autoNegAllowed"):
        yield KIND.at((*path, "autoNegDefault"), f"port profile {name} negotiates by default, but may not")
    if "speed" in kind:
        yield from _speed_violations((*path, "speed"), kind["speed"])
    if "breakout" in kind:
        yield from _mode_violations((*path, "breakout"), kind["breakout"])


def _speed_violations(path: Path, speed: Spec) -> Iterator[Violation]:
    default, supported = speed.get("default", ""), speed.get("supported") or ()
    if not supported:
        yield SPEEDS.at((*path, "supported"), "no speed is supported")
    elif default not in supported:
        yield SPEEDS.at((*path, "default"), f"{default!r} is none of {', '.join(supported)}")
    for index, one in enumerate(supported):
        if one not in KNOWN_SPEEDS:
            yield SPEEDS.at((*path, "supported", index), f"{one!r} is none of {', '.join(KNOWN_SPEEDS)}")


def _mode_violations(path: Path, breakout: Spec) -> Iterator[Violation]:
    default, supported = breakout.get("default", ""), breakout.get("supported") or {}
    if not supported:
        yield MODES.at((*path, "supported"), "no mode is supported")
    elif default not in supported:
        yield MODES.at((*path, "default"), f"{default!r} is none of {', '.join(supported)}")
    for mode, one in supported.items():
        parts, x, speed = mode.partition("x")
        if not x or parts not in _PARTS or speed not in KNOWN_SPEEDS:
            yield MODES.at((*path, "supported", mode), f"{mode!r} is not <1, 2, 4 or 8>x<speed>")
        if not one.get("offsets"):
            yield MODES.at((*path, "supported", mode), f"mode {mode} has no offsets")


def pipeline_violations(spec: Spec) -> Iterator[Violation]:
    """Everything that is wrong with the pipelines."""
    for name, pipeline in (spec.get("pipelines") or {}).items():
        path = ("spec", "pipelines", name)
        if not name:
            yield PIPELINE.at(path, "a pipeline has no name")
        if not pipeline.get("maxPorts"):
            yield PIPELINE.at(path, f"pipeline {name} has no ports")
