"""Rules of what a Switch sets on its ports: the profile must have the ports and support the settings."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.profile.objects import breakouts_of, profile_of
from hedgehog.fabric.durations import is_locator_expiry
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import Profile
from hedgehog.manifests.rule import Violation, rule

_SOURCE = "api/wiring/v1beta1/switch_types.go Switch.Validate"
ALL_PORTS = "*"

NO_PROFILE = rule(
    "switch-profile-missing",
    what="The SwitchProfile of a switch exists.",
    why="It says which ports the switch has and what they can do.",
    source=_SOURCE,
    fix="correct the name; `kubectl get switchprofiles` lists them (vs-clsp and cumulus-vx must be switched on)",
)
NO_PORT_GROUP = rule(
    "switch-port-group-missing",
    what="Speeds are set for port groups that the profile has.",
    why="Nothing else can be set.",
    source=_SOURCE,
    fix='take a group of the profile, e.g. `portGroupSpeeds: {"1": 10G}`; ports without a group have portSpeeds',
)
GROUP_SPEED = rule(
    "switch-port-group-speed",
    what="The profile supports the speed of each port group.",
    why="The switch would refuse it.",
    source=_SOURCE,
    fix="take one of the speeds that the message names",
)
NO_PORT = rule(
    "switch-port-missing",
    what="Settings of ports are for ports that the profile has.",
    why="Nothing else can be set.",
    source=_SOURCE,
    fix="take a port of the profile; speeds and breakouts are set for whole ports such as E1/49, never for E1/49/1",
)
NO_SPEED = rule(
    "switch-port-speed-fixed",
    what="Speeds are set for ports that have a speed of their own.",
    why="Others get it from their port group or their breakout mode.",
    source=_SOURCE,
    fix="set portGroupSpeeds for a port in a group, portBreakouts (e.g. 1x40G) for one that can be split",
)
SPEED = rule(
    "switch-port-speed",
    what="The profile supports the speed of each port.",
    why="The switch would refuse it.",
    source=_SOURCE,
    fix="take one of the speeds that the message names",
)
NO_BREAKOUT = rule(
    "switch-port-breakout-fixed",
    what="Breakouts are set for ports that can be split.",
    why="Other ports cannot be split.",
    source=_SOURCE,
    fix="remove the entry, or take another port",
)
BREAKOUT = rule(
    "switch-port-breakout",
    what="The profile supports the breakout mode of each port.",
    why="The switch would refuse it.",
    source=_SOURCE,
    fix="take one of the modes that the message names",
)
AUTO_NEGOTIATION = rule(
    "switch-port-auto-negotiation",
    what="Auto-negotiation is set for ports whose profile allows it.",
    why="The switch would refuse it.",
    source=_SOURCE,
    fix="remove the entry; of a port that can be split, name the parts, e.g. E1/1/1",
)
FEC = rule(
    "switch-port-fec",
    what="Forward error correction is set for data ports, and of split ports for their parts.",
    why="Each part of a split port has its own setting.",
    source=_SOURCE,
    fix="name the parts of a split port, e.g. E1/53/1",
)
NO_LOCATORS = rule(
    "switch-port-locators-unsupported",
    what="Locator lights are set only on models that have them.",
    why="Other models have no such lights.",
    source=f"{_SOURCE} (since v0.129)",
    fix="remove portLocators",
)
LOCATOR_PORT = rule(
    "switch-port-locator-port",
    what="Locator lights are set for data ports, for the parts of those that can be split, or for all with `*`.",
    why="No other port has a locator light.",
    source=f"{_SOURCE} (since v0.129)",
    fix='name a port such as E1/1, a part such as E1/53/1, or "*"',
)
LOCATOR_EXPIRY = rule(
    "switch-port-locator-expiry",
    what="The value of a locator light is a duration or a UTC time.",
    why="Anything else cannot be read.",
    source="api/wiring/v1beta1/switch_types.go NormalizePortLocator (since v0.129)",
    fix='write a duration such as 10m, a time such as "2026-08-05 18:45:47", or an empty string for five minutes',
)
NO_ROCE = rule(
    "switch-roce-unsupported",
    what="RoCE is switched on only on models that support it.",
    why="Lossless queues need hardware support.",
    source=_SOURCE,
    fix="remove `roce: true`, or take another model",
)
NO_QPN = rule(
    "switch-roce-qpn-unsupported",
    what="ECMP hashing on RoCE queue pairs is switched on only on models that support it.",
    why="It needs hardware support.",
    source=_SOURCE,
    fix="remove `ecmp.roceQPN: true`, or take another model",
)
NO_ESLAG = rule(
    "switch-eslag-unsupported",
    what="ESLAG redundancy is for models that support it.",
    why="Multihoming needs L2VNIs.",
    source=_SOURCE,
    fix="remove redundancy, or take another model",
)
TOO_MANY = rule(
    "switch-ports-exceeded",
    what="After breakout the switch has no more ports than its model supports.",
    why="The chip has a limited number of ports.",
    source=_SOURCE,
    fix="split fewer ports, or give others a mode with fewer parts, e.g. 1x400G",
)
PIPELINE_FULL = rule(
    "switch-pipeline-exceeded",
    what="After breakout no pipeline of the chip has more ports than it supports.",
    why="Neighbouring ports share a pipeline, which has a limited number of ports.",
    source=_SOURCE,
    fix="split fewer of the ports that the message names",
)


def port_violations(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    """What the profile of the switch does not have or support. That none is named is reported elsewhere."""
    name = new["spec"].get("profile")
    if not name:
        return
    profile = profile_of(state, new)
    if profile is None:
        yield NO_PROFILE.at(("spec", "profile"), f"there is no SwitchProfile {name!r}")
        return
    yield from _group_speed_violations(new, profile)
    yield from _speed_violations(new, profile)
    broken = list(_breakout_violations(new, profile))
    yield from broken
    if not broken:
        yield from _negotiation_violations(new, profile)
        yield from _locator_violations(new, profile)
        yield from _limit_violations(new, profile)
    yield from _feature_violations(new, profile)


def _group_speed_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    for name, speed in (new["spec"].get("portGroupSpeeds") or {}).items():
        path = ("spec", "portGroupSpeeds", name)
        kind = profile.groups.get(name)
        if kind is None or kind.speeds is None:
            yield NO_PORT_GROUP.at(path, f"profile {profile.name} has no port group {name}")
        elif speed not in kind.speeds:
            yield GROUP_SPEED.at(path, f"port group {name} has no speed {speed}; it has {', '.join(kind.speeds)}")


def _speed_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    for name, speed in (new["spec"].get("portSpeeds") or {}).items():
        path = ("spec", "portSpeeds", name)
        port = profile.ports.get(name)
        if port is None:
            yield NO_PORT.at(path, f"profile {profile.name} has no port {name}")
        elif port.kind is None or port.kind.speeds is None:
            why = f"it is in port group {port.group}" if port.group else "its kind has no speeds"
            yield NO_SPEED.at(path, f"the speed of port {name} cannot be set: {why}")
        elif speed not in port.kind.speeds:
            yield SPEED.at(path, f"port {name} has no speed {speed}; it has {', '.join(port.kind.speeds)}")


def _breakout_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    for name, mode in breakouts_of(new).items():
        path = ("spec", "portBreakouts", name)
        port = profile.ports.get(name)
        if port is None:
            yield NO_PORT.at(path, f"profile {profile.name} has no port {name}")
        elif port.kind is None or port.kind.modes is None:
            yield NO_BREAKOUT.at(path, f"port {name} cannot be split")
        elif mode not in port.kind.modes:
            yield BREAKOUT.at(path, f"port {name} has no mode {mode}; it has {', '.join(sorted(port.kind.modes))}")


def _negotiation_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    breakouts = breakouts_of(new)
    for name in new["spec"].get("portAutoNegs") or ():
        if not profile.allows_auto_negotiation(name, breakouts):
            yield AUTO_NEGOTIATION.at(("spec", "portAutoNegs", name), f"auto-negotiation cannot be set on port {name}")
    for name in new["spec"].get("portFECs") or ():
        if not profile.allows_fec(name, breakouts):
            yield FEC.at(("spec", "portFECs", name), f"FEC cannot be set on port {name}")


def _locator_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    locators = new["spec"].get("portLocators")
    if not locators:
        return
    if not profile.supports("portLocator"):
        yield NO_LOCATORS.at(("spec", "portLocators"), f"model {profile.name} has no locator lights")
        return
    breakouts = breakouts_of(new)
    for name, expiry in locators.items():
        path = ("spec", "portLocators", name)
        if name != ALL_PORTS and not profile.is_available(name, breakouts):
            yield LOCATOR_PORT.at(path, f"port {name} has no locator light")
        elif not is_locator_expiry(expiry):
            yield LOCATOR_EXPIRY.at(path, f"{expiry!r} is neither a duration nor a time")


def _feature_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    spec, model = new["spec"], f"model {profile.name} does not support"
    if spec.get("roce") and not profile.supports("roce"):
        yield NO_ROCE.at(("spec", "roce"), f"{model} RoCE")
    if spec.get("ecmp", {}).get("roceQPN") and not profile.supports("ecmpRoCEQPN"):
        yield NO_QPN.at(("spec", "ecmp", "roceQPN"), f"{model} hashing on RoCE queue pairs")
    if spec.get("redundancy", {}).get("type") == "eslag" and not profile.supports("eslag"):
        yield NO_ESLAG.at(("spec", "redundancy", "type"), f"{model} ESLAG")


def _limit_violations(new: Manifest, profile: Profile) -> Iterator[Violation]:
    if not profile.max_ports and not profile.pipelines:
        return
    total, by_pipeline = profile.totals(breakouts_of(new))
    path = ("spec", "portBreakouts")
    if 0 < profile.max_ports < total:
        yield TOO_MANY.at(path, f"{total} ports after breakout; model {profile.name} has at most {profile.max_ports}")
    if not profile.pipelines:
        return
    for pipeline, count in by_pipeline.items():
        most = profile.pipelines.get(pipeline, 0)
        if count > most:
            ports = ", ".join(name for name, port in profile.ports.items() if port.pipeline == pipeline)
            yield PIPELINE_FULL.at(path, f"ports {ports} are {count} after breakout; together they can be {most}")
