"""A SwitchProfile as a value, for rules: which ports a switch has, and what each of them can do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.atoi import atoi
from hedgehog.fabric.model import Manifest

Breakouts = Mapping[str, str]
"""Breakout mode by port, as in `Switch.spec.portBreakouts`; other ports have the mode that their profile gives them."""

DATA_PORT_NOS = "Ethernet"


@dataclass(frozen=True, slots=True)
class PortKind:
    """What the ports of one port profile can do: their speed can be set, or they can be split, never both."""

    speeds: tuple[str, ...] | None
    """None where the speed cannot be set."""
    modes: Mapping[str, tuple[str, ...]] | None
    """Breakout mode → offset of each part in the name of the switch software. None where the port cannot be split."""
    default_mode: str
    auto_negotiation: bool
    """Whether auto-negotiation may be set."""


@dataclass(frozen=True, slots=True)
class Port:
    """One port of the front panel."""

    nos_name: str
    base_nos_name: str
    kind: PortKind | None
    """None for a port of a group, for a management port, and where the port profile does not exist."""
    group: str
    pipeline: str
    management: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """One switch model. Made by `parse_profile`; of a profile that admission would refuse, what can be read."""

    name: str
    features: frozenset[str]
    """What it supports: subinterfaces, acls, l2vni, l3vni, roce, mclag, eslag, ecmpRoCEQPN, portLocator."""
    ports: Mapping[str, Port]
    groups: Mapping[str, PortKind | None]
    max_ports: int
    """Limit of the ports after breakout; 0 for none."""
    pipelines: Mapping[str, int]
    """Limit of the ports after breakout by pipeline; empty for none."""
    default_total: int
    """How many data ports there are when the switch sets no breakouts."""
    default_by_pipeline: Mapping[str, int]
    default_fault: str
    """Why the ports cannot be named even without breakouts of the switch; empty for a valid profile."""

    def supports(self, feature: str) -> bool:
        """Whether the model has the *feature*."""
        return feature in self.features

    def parts(self, port: str, breakouts: Breakouts) -> int:
        """Into how many ports *port* is split: 1 where it cannot be split, 0 for a mode that it does not have."""
        offsets = self._offsets(port, breakouts)
        return 1 if offsets is None else len(offsets)

    def nos_name(self, port: str, breakouts: Breakouts) -> str | None:
        """The name of a Connection's port in the switch software; None when there is no such port.

        Of a port that can be split, `E1/4` is an alias of `E1/4/1`, whatever its mode: both have the same name. Other
        ports have no parts. Management ports are included.
        """
        offsets = self._offsets(port, breakouts)
        if offsets is not None:
            return _part_name(self.ports[port], offsets, 1)
        if port in self.ports:
            return self.ports[port].nos_name
        whole, number = _part_of(port)
        offsets = self._offsets(whole, breakouts)
        return None if offsets is None else _part_name(self.ports[whole], offsets, number)

    def is_available(self, port: str, breakouts: Breakouts) -> bool:
        """Whether *port* names a data port: one that can be split is named by its parts only, such as `E1/4/1`."""
        found = self.ports.get(port)
        if found is not None:
            return not found.management and self._offsets(port, breakouts) is None
        whole, number = _part_of(port)
        return 1 <= number <= len(self._offsets(whole, breakouts) or ())

    def allows_auto_negotiation(self, port: str, breakouts: Breakouts) -> bool:
        """Whether it may be set for *port*. A port that can be split is named by its parts; ports of groups have none."""
        found = self.ports.get(port) or self.ports.get(_part_of(port)[0])
        return (
            found is not None
            and found.kind is not None
            and found.kind.auto_negotiation
            and self.is_available(port, breakouts)
        )

    def allows_fec(self, port: str, breakouts: Breakouts) -> bool:
        """Whether forward error correction may be set for *port*: for any data port, but for a split one only by part."""
        if self._offsets(port, breakouts) is not None:
            return self.parts(port, breakouts) == 1
        return self.is_available(port, breakouts)

    def _offsets(self, port: str, breakouts: Breakouts) -> tuple[str, ...] | None:
        """Offsets of the parts of *port*; None where it cannot be split."""
        found = self.ports.get(port)
        if found is None or found.kind is None or found.kind.modes is None:
            return None
        return found.kind.modes.get(breakouts.get(port, found.kind.default_mode), ())

    def fault(self, breakouts: Breakouts) -> str:
        """Why the ports of a switch with these *breakouts* cannot be named, or an empty string.

        Admission refuses every Connection of such a switch. The cause is a profile that was changed while in use.
        """
        for name, mode in breakouts.items():
            if self._offsets(name, breakouts) == ():
                return f"port {name} has no breakout mode {mode}"
        return self.default_fault

    def totals(self, breakouts: Breakouts) -> tuple[int, Mapping[str, int]]:
        """How many data ports there are after breakout, on the switch and by pipeline. Looks at *breakouts* only."""
        total, by_pipeline = self.default_total, dict(self.default_by_pipeline)
        for name in breakouts:
            more = self.parts(name, breakouts) - self.parts(name, {})
            total += more
            if more and self.ports[name].pipeline:
                by_pipeline[self.ports[name].pipeline] += more
        return total, by_pipeline


def parse_profile(manifest: Manifest) -> Profile:
    """The value of a SwitchProfile manifest, which has the types of its schema. Goes through all its ports once."""
    spec = manifest.get("spec") or {}
    kinds = {name: _kind(one) for name, one in _entries(spec, "portProfiles")}
    ports = {name: _port(one, kinds) for name, one in _entries(spec, "ports")}
    by_pipeline = _default_totals(ports.values())
    return Profile(
        name=manifest["metadata"]["name"],
        features=frozenset(name for name, on in _entries(spec, "features") if on),
        ports=ports,
        groups={name: kinds.get(one.get("profile", "")) for name, one in _entries(spec, "portGroups")},
        max_ports=spec.get("maxPorts", 0),
        pipelines={name: one.get("maxPorts", 0) for name, one in _entries(spec, "pipelines")},
        default_total=by_pipeline.total(),
        default_by_pipeline={name: count for name, count in by_pipeline.items() if name},
        default_fault=next(filter(None, (_fault(name, port) for name, port in ports.items())), ""),
    )


def _entries(spec: Mapping[str, Any], field: str) -> Iterable[tuple[str, Any]]:
    entries: Mapping[str, Any] = spec.get(field) or {}
    return entries.items()


def _default_totals(ports: Iterable[Port]) -> Counter[str]:
    """How many data ports there are by pipeline when the switch sets no breakouts."""
    by_pipeline: Counter[str] = Counter()
    for port in ports:
        if not port.management:
            by_pipeline[port.pipeline] += len(_default_offsets(port))
    return by_pipeline


def _kind(profile: Mapping[str, Any]) -> PortKind:
    speed, breakout = profile.get("speed"), profile.get("breakout")
    supported = (breakout or {}).get("supported") or {}
    return PortKind(
        speeds=None if speed is None else tuple(speed.get("supported") or ()),
        modes=None if breakout is None else {mode: tuple(one.get("offsets") or ()) for mode, one in supported.items()},
        default_mode=(breakout or {}).get("default", ""),
        auto_negotiation=bool(profile.get("autoNegAllowed")),
    )


def _port(port: Mapping[str, Any], kinds: Mapping[str, PortKind]) -> Port:
    return Port(
        nos_name=port.get("nos", ""),
        base_nos_name=port.get("baseNOSName", ""),
        kind=kinds.get(port.get("profile", "")),
        group=port.get("group", ""),
        pipeline=port.get("pipeline", ""),
        management=bool(port.get("management")),
    )


def _default_offsets(port: Port) -> tuple[str, ...]:
    if port.kind is None or port.kind.modes is None:
        return ("0",)
    return port.kind.modes.get(port.kind.default_mode, ())


def _fault(name: str, port: Port) -> str:
    if port.management or port.kind is None or port.kind.modes is None:
        return ""
    offsets = port.kind.modes.get(port.kind.default_mode)
    if offsets is None:
        return f"port {name} has no breakout mode {port.kind.default_mode or '(empty)'}"
    base = port.base_nos_name
    if not base.startswith(DATA_PORT_NOS) or atoi(base.removeprefix(DATA_PORT_NOS)) is None:
        return f"port {name} has the base name {base}, which is not {DATA_PORT_NOS} and a number"
    if any(atoi(offset) is None for offset in offsets):
        return f"breakout mode {port.kind.default_mode} of port {name} has an offset that is not a number"
    return ""


def _part_of(port: str) -> tuple[str, int]:
    """`E1/4/2` as E1/4 and 2; 0 where the end is not a number as upstream would write it."""
    whole, _, number = port.rpartition("/")
    return whole, 0 if number[:1] in ("0", "+", "-") else atoi(number) or 0


def _part_name(port: Port, offsets: tuple[str, ...], number: int) -> str | None:
    if not 1 <= number <= len(offsets):
        return None
    base, offset = atoi(port.base_nos_name.removeprefix(DATA_PORT_NOS)), atoi(offsets[number - 1])
    return None if base is None or offset is None else f"{DATA_PORT_NOS}{base + offset}"
