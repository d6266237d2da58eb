"""The notation in which the built-in switch models are written, and what SwitchProfile it stands for. Pure.

Ports are ranges (`1-48 sfp28-25`), what they can do is named once, and names in the switch software follow from counting
lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgehog.fabric.settings import Upstream


@dataclass(frozen=True, slots=True)
class Fixed:
    """Ports that have one of some speeds; the first is the default."""

    name: str
    speeds: str
    lanes: int = 1
    """How many port numbers of the switch software one port takes."""
    auto_negotiation: bool = False
    """Allowed, and on by default."""

    def port_profile(self) -> dict[str, Any]:
        """The entry of `portProfiles`."""
        default, *_ = speeds = self.speeds.split()
        negotiation = {"autoNegAllowed": True, "autoNegDefault": True} if self.auto_negotiation else {}
        return {"speed": {"default": default, "supported": sorted(speeds, key=_gigabits)}, **negotiation}


@dataclass(frozen=True, slots=True)
class Split:
    """Ports that can be split; the first mode is the default.

    `4x100G` uses every `lanes / 4`-th lane for its parts, `4x10G/1` every lane, and so on.
    """

    name: str
    modes: str
    lanes: int
    auto_negotiation: bool = False
    """Allowed, and off by default."""

    def port_profile(self) -> dict[str, Any]:
        """The entry of `portProfiles`."""
        supported = dict(map(self._mode, self.modes.split()))
        negotiation = {"autoNegAllowed": True} if self.auto_negotiation else {}
        return {"breakout": {"default": next(iter(supported)), "supported": supported}, **negotiation}

    def _mode(self, text: str) -> tuple[str, dict[str, list[str]]]:
        mode, _, step = text.partition("/")
        parts = int(mode.partition("x")[0])
        width = int(step) if step else self.lanes // parts
        return mode, {"offsets": [str(part * width) for part in range(parts)]}


_QSFP28 = "1x100G 1x40G 4x25G 4x10G"
_400G = "1x400G 1x100G 1x40G 1x25G 1x10G 2x200G 2x100G 2x40G 4x100G 4x10G/1 8x50G 8x25G 8x10G"
_800G = "1x800G 1x400G 1x100G 1x50G 2x400G 2x200G 2x100G 2x50G/2 4x200G 4x100G 8x100G"

KINDS: Mapping[str, Fixed | Split] = {
    "rj45-1": Fixed("RJ45-1G", "1G", auto_negotiation=True),
    "rj45-2.5": Fixed("RJ45-2.5G", "2.5G 1G", auto_negotiation=True),
    "rj45-10": Fixed("RJ45-10G", "10G 1G", auto_negotiation=True),
    "sfp28-10": Fixed("SFP28-10G", "10G 1G"),
    "sfp28-25": Fixed("SFP28-25G", "25G 10G"),
    "sfp28-25-1": Fixed("SFP28-25G", "25G 10G 1G"),
    "qsfp28-fixed": Fixed("QSFP28-100G-nb", "100G 40G", lanes=4),
    "qsfp28-virtual": Fixed("QSFP28-100G", "100G 50G 25G 10G"),
    "qsfp28": Split("QSFP28-100G", _QSFP28, lanes=4),
    "qsfp28-50": Split("QSFP28-100G", f"{_QSFP28} 1x50G 2x50G", lanes=4, auto_negotiation=True),
    "qsfp28-all": Split("QSFP28-100G", f"{_QSFP28} 1x50G 1x25G 1x10G 2x50G", lanes=4),
    "qsfpdd": Split("QSFPDD-400G", f"{_400G} 4x25G/1", lanes=8),
    "qsfpdd-50": Split("QSFPDD-400G", f"{_400G} 4x25G/1 1x200G 1x50G", lanes=8),
    "qsfp56dd": Split("QSFP56DD-400G", f"{_400G} 1x50G 2x50G/2", lanes=8, auto_negotiation=True),
    "osfp-2x400": Split(
        "OSFP-2x400G",
        "2x400G 2x200G 2x100G 2x40G 1x400G 1x200G 1x100G 4x200G 4x100G 4x50G 8x100G 8x50G 8x25G 8x10G",
        lanes=8,
        auto_negotiation=True,
    ),
    "osfp-800": Split("OSFP-800G", _800G, lanes=8, auto_negotiation=True),
    "osfp-800-200": Split("OSFP-800G", f"{_800G} 1x200G", lanes=8, auto_negotiation=True),
}
"""What a port can do, by our own name; `name` is upstream's."""


@dataclass(frozen=True, slots=True)
class SwitchModel:
    """One switch model. Ports are `1-48 sfp28-25, 49 qsfp28`; `1-48/4 sfp28-25` puts them into groups of four."""

    name: str
    display_name: str
    silicon: str
    features: str
    ports: str
    platform: str
    other_names: tuple[str, ...] = ()
    nos_type: str = "sonic-bcm-base"
    port_locator: bool = False
    """A feature since v0.129."""
    max_ports: int = 0
    pipelines: str = ""
    """`4 ports, 18`: every four ports share a pipeline of 18 ports; `inner 2, 10`: of every four ports, the inner two and
    the outer two share one."""
    labels: Mapping[int, str] = field(default_factory=dict)
    """The labels that are not the number of the port."""
    numbered_by_lane: bool = False
    """Whether the software numbers ports that can be split by their first lane instead of their label."""
    onie_port: str = "eth0"
    max_paths: int = 0
    notes: str = ""

    def spec(self, upstream: Upstream) -> dict[str, Any]:
        """The spec of its SwitchProfile; empty values are left out."""
        layout = list(self._layout())
        kinds = {kind.name: kind.port_profile() for _, kind, _ in layout}
        features = [
            *self.features.split(),
            *(["portLocator"] if self.port_locator and upstream != Upstream.V0_126 else []),
        ]
        spec = {
            "displayName": self.display_name,
            "otherNames": list(self.other_names),
            "switchSilicon": self.silicon,
            "features": dict.fromkeys(features, True),
            "notes": self.notes,
            "maxPorts": self.max_ports,
            "ports": {
                "M1": {"nos": "Management0", "management": True, "oniePortName": self.onie_port},
                **self._ports(),
            },
            "portGroups": {group: {"nos": group, "profile": kind.name} for _, kind, group in layout if group},
            "portProfiles": kinds,
            "pipelines": {str(number): {"maxPorts": most} for number, most in self._pipelines().items()},
            "nosType": self.nos_type,
            "platform": self.platform,
        }
        config = {"maxPathsEBGP": self.max_paths} if self.max_paths else {}
        return {**{key: value for key, value in spec.items() if value}, "config": config}

    def _layout(self) -> Iterator[tuple[int, Fixed | Split, str]]:
        """Number, kind and group of every port."""
        for entry in self.ports.split(", "):
            numbers, kind = entry.split(" ")
            numbers, _, size = numbers.partition("/")
            first, _, last = numbers.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield number, KINDS[kind], str((number - int(first)) // int(size) + 1) if size else ""

    def _ports(self) -> dict[str, Any]:
        ports = {}
        lane = 0
        for number, kind, group in self._layout():
            port = {
                "label": self.labels.get(number, str(number)),
                "group": group,
                "profile": "" if group else kind.name,
            }
            if isinstance(kind, Split):
                port["nos"] = f"1/{lane + 1 if self.numbered_by_lane else number}"
                port["baseNOSName"] = f"Ethernet{lane}"
                port["pipeline"] = str(self._pipeline(number)) if self.pipelines else ""
            else:
                port["nos"] = f"Ethernet{lane}"
            ports[f"E1/{number}"] = {key: value for key, value in port.items() if value}
            lane += kind.lanes
        return ports

    def _pipeline(self, number: int) -> int:
        how = self.pipelines.partition(", ")[0]
        if how == "inner 2":
            block, place = divmod(number - 1, 4)
            return block * 2 + (2 if place in (1, 2) else 1)
        return (number - 1) // int(how.removesuffix(" ports")) + 1

    def _pipelines(self) -> dict[int, int]:
        if not self.pipelines:
            return {}
        most = int(self.pipelines.partition(", ")[2])
        return {self._pipeline(number): most for number, kind, _ in self._layout() if isinstance(kind, Split)}


def _gigabits(speed: str) -> float:
    return float(speed.removesuffix("G"))
