"""Rules of the ports of a SwitchProfile: their names here and in the switch software, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.atoi import atoi
from hedgehog.manifests.rule import Path, Violation, rule

_SOURCE = "api/wiring/v1beta1/switchprofile_types.go SwitchProfile.Validate"
Spec = Mapping[str, Any]

NAME = rule(
    "profile-port-name",
    what="Management ports are M1, M2, …; data ports are E<asic>/<port>, e.g. E1/48.",
    why="Connections and settings use these names.",
    source=_SOURCE,
    fix="rename the port; a management port has `management: true`",
)
SOFTWARE_NAME = rule(
    "profile-port-software-name",
    what="Ports have the names of the switch software: Management0, Ethernet48; 1/49 with base Ethernet48 if split.",
    why="The switch is configured with these names.",
    source=_SOURCE,
    fix="see the message; a built-in profile with such ports is an example",
)
ONIE_NAME = rule(
    "profile-port-onie-name",
    what="A management port has the name that the boot loader gives it, e.g. eth0.",
    why="The switch boots through it.",
    source=_SOURCE,
    fix="write `oniePortName: eth0`",
)
LABEL = rule(
    "profile-port-label",
    what="A data port has the label that is printed beside it.",
    why="People find the port by its label.",
    source=_SOURCE,
    fix='write it, e.g. `label: "48"`',
)
DUPLICATE = rule(
    "profile-port-duplicate",
    what="No two ports share a name in the switch software, a base name or a label.",
    why="They could not be distinguished.",
    source=_SOURCE,
    fix="correct one of them",
)
ONE_KIND = rule(
    "profile-port-kind",
    what="A data port has either a port profile or a port group; a management port has neither.",
    why="The speeds of a data port come from there.",
    source=_SOURCE,
    fix="leave out one of `profile` and `group`, or write one",
)
REFERENCE = rule(
    "profile-port-reference",
    what="The port profile, port group and pipeline of a port exist in the same SwitchProfile.",
    why="They say what the port can do.",
    source=_SOURCE,
    fix="correct the name, or add the entry",
)
PIPELINE_PORT = rule(
    "profile-port-pipeline",
    what="Only ports that can be split have a pipeline.",
    why="Only the ports after a breakout count against it.",
    source=_SOURCE,
    fix="remove `pipeline`",
)


def port_violations(spec: Spec) -> Iterator[Violation]:
    """Everything that is wrong with the ports, one by one and together."""
    ports = spec.get("ports") or {}
    for name, port in ports.items():
        path = ("spec", "ports", name)
        if len(name) < 2:
            yield NAME.at(path, f"{name!r} is too short for a port")
        elif port.get("management"):
            yield from _management_violations(path, name, port)
        else:
            yield from _data_violations(path, name, port, spec)
    yield from _duplicates(ports)


def _management_violations(path: Path, name: str, port: Spec) -> Iterator[Violation]:
    if not name.startswith("M") or (atoi(name[1:]) or 0) <= 0:
        yield NAME.at(path, f"management port {name} is not M and a number")
    if not _numbered(port.get("nos", ""), "Management"):
        yield SOFTWARE_NAME.at(
            (*path, "nos"), f"management port {name} has {_shown_field(port, 'nos')}, not Management0"
        )
    if not _numbered(port.get("oniePortName", ""), "eth"):
        yield ONIE_NAME.at(
            (*path, "oniePortName"), f"management port {name} has {_shown_field(port, 'oniePortName')}, not eth0"
        )
    for field in ("group", "profile"):
        if port.get(field):
            yield ONE_KIND.at((*path, field), f"management port {name} has {field} {port[field]}")
    if port.get("baseNOSName"):
        yield SOFTWARE_NAME.at((*path, "baseNOSName"), f"management port {name} cannot be split")


def _data_violations(path: Path, name: str, port: Spec, spec: Spec) -> Iterator[Violation]:
    if not _is_data_port(name):
        yield NAME.at(path, f"data port {name} is not E<asic>/<port>")
    if not port.get("label"):
        yield LABEL.at((*path, "label"), f"port {name} has no label")
    if bool(port.get("profile")) == bool(port.get("group")):
        yield ONE_KIND.at(path, f"port {name} has {'both' if port.get('group') else 'neither'} profile and group")
    yield from _reference_violations(path, name, port, spec)
    can_be_split = _can_be_split(port, spec)
    if port.get("pipeline") and can_be_split is False:
        yield PIPELINE_PORT.at((*path, "pipeline"), f"port {name} cannot be split")
    yield from _software_name_violations(path, name, port, can_be_split)


def _is_data_port(name: str) -> bool:
    parts = name[1:].split("/")
    return name.startswith("E") and len(parts) == 2 and all((atoi(part) or 0) > 0 for part in parts)


def _can_be_split(port: Spec, spec: Spec) -> bool | None:
    """None where the port profile, which says it, does not exist."""
    kind = (spec.get("portProfiles") or {}).get(port.get("profile", ""))
    if kind is None:
        return None if port.get("profile") else False
    return "breakout" in kind


def _software_name_violations(path: Path, name: str, port: Spec, can_be_split: bool | None) -> Iterator[Violation]:
    if not port.get("nos"):
        yield SOFTWARE_NAME.at((*path, "nos"), f"port {name} has no name in the switch software")
    elif can_be_split:
        yield from _split_name_violations(path, name, port)
    elif can_be_split is False and not _numbered(port["nos"], "Ethernet"):
        yield SOFTWARE_NAME.at((*path, "nos"), f"port {name} has {port['nos']!r}, not Ethernet and a number")


def _reference_violations(path: Path, name: str, port: Spec, spec: Spec) -> Iterator[Violation]:
    for field, table in (("profile", "portProfiles"), ("group", "portGroups"), ("pipeline", "pipelines")):
        if port.get(field) and port[field] not in (spec.get(table) or {}):
            yield REFERENCE.at((*path, field), f"port {name} names {field} {port[field]!r}, which is not in {table}")


def _split_name_violations(path: Path, name: str, port: Spec) -> Iterator[Violation]:
    if not port["nos"].startswith("1/") or atoi(port["nos"].removeprefix("1/")) is None:
        yield SOFTWARE_NAME.at((*path, "nos"), f"port {name} can be split and has {port['nos']!r}, not 1/<number>")
    if not _numbered(port.get("baseNOSName", ""), "Ethernet"):
        message = f"port {name} can be split and has {_shown_field(port, 'baseNOSName')}, not Ethernet and a number"
        yield SOFTWARE_NAME.at((*path, "baseNOSName"), message)


def _duplicates(ports: Mapping[str, Spec]) -> Iterator[Violation]:
    for field in ("nos", "baseNOSName", "label"):
        first: dict[str, str] = {}
        for name, port in ports.items():
            value = port.get(field)
            if not value or (field == "label" and port.get("management")):
                continue
            if value in first:
                message = f"ports {first[value]} and {name} both have {field} {value!r}"
                yield DUPLICATE.at(("spec", "ports", name, field), message)
            first.setdefault(value, name)


def _numbered(text: str, prefix: str) -> bool:
    """Whether *text* is *prefix* and a number from 0."""
    number = atoi(text.removeprefix(prefix)) if text.startswith(prefix) else None
    return number is not None and number >= 0


def _shown_field(port: Spec, field: str) -> str:
    return f"{port[field]!r}" if port.get(field) else f"no {field}"
