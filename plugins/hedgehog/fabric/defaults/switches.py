"""Defaults of Switch and SwitchProfile (upstream api/wiring/v1beta1/switch_types.go and switchprofile_types.go)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from hedgehog.fabric import labels
from hedgehog.fabric.durations import locator_has_expired
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

PORTS_ANNOTATION = f"{labels.COMPUTED}ports"
ALL_PORTS = "*"
"""Key of `portLocators` for all ports at once."""
_LINK_FLAP = {"flapThreshold": 3, "samplingInterval": 30, "recoveryInterval": 300}
_NOT_SPLIT = "-nb"
"""Suffix of port profiles whose ports cannot be split although others of the same type can."""


def _fill_switch(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    for name in ("redundancy", "boot", "ecmp"):
        spec.setdefault(name, {})
    for name in ("portGroupSpeeds", "portSpeeds"):
        for port, speed in (spec.get(name) or {}).items():
            spec[name][port] = speed.removeprefix("SPEED_")
    _fill_locators(spec)
    spec["vlanNamespaces"] = sorted(spec.get("vlanNamespaces") or ["default"])
    _fill_groups(spec)
    if "linkFlapErrDisable" in spec:
        spec["linkFlapErrDisable"] = {**_LINK_FLAP, **spec["linkFlapErrDisable"]}
    computed = {labels.switch_group(group): labels.SET for group in spec.get("groups") or ()}
    computed |= {labels.switch_vlan_namespace(namespace): labels.SET for namespace in spec["vlanNamespaces"]}
    labels.put_computed(manifest, computed | {labels.PROFILE: spec.get("profile", "")})


def _fill_groups(spec: dict[str, Any]) -> None:
    groups = spec.get("groups") or []
    own = spec["redundancy"].get("group")
    if own and own not in groups:
        groups = [*groups, own]
    if groups:
        spec["groups"] = sorted(groups)


def _fill_locators(spec: dict[str, Any]) -> None:
    """Drop what has expired. Durations are not turned into times, as admission does: those would differ each time."""
    locators = spec.get("portLocators")
    if not locators:
        return
    if ALL_PORTS in locators:
        locators = {ALL_PORTS: locators[ALL_PORTS]}
    spec["portLocators"] = {port: until for port, until in locators.items() if not locator_has_expired(until)}
    if not spec["portLocators"]:
        del spec["portLocators"]


def _fill_profile(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    for name in ("features", "config"):
        spec.setdefault(name, {})
    summary = _ports_summary(spec)
    if summary is not None:
        manifest["metadata"].setdefault("annotations", {})[PORTS_ANNOTATION] = summary


def _ports_summary(spec: Mapping[str, Any]) -> str | None:
    """`48xSFP28-25G, 8xQSFP28-100G`; None where a port has neither port profile nor group.

    Upstream leaves open which of two equally frequent ones comes first; here it is the first by name.
    """
    groups = spec.get("portGroups") or {}
    counted: Counter[str] = Counter()
    for port in (spec.get("ports") or {}).values():
        if port.get("management"):
            continue
        profile = port.get("profile", "")
        if port.get("group"):
            if port["group"] not in groups:
                return None
            profile = groups[port["group"]].get("profile", "")
        if not profile:
            return None
        counted[profile.removesuffix(_NOT_SPLIT)] += 1
    return ", ".join(
        f"{count}x{profile}" for profile, count in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    )


DEFAULTERS: Mapping[str, Callable[[Manifest, FabricSettings], None]] = {
    "Switch": _fill_switch,
    "SwitchProfile": _fill_profile,
}
"""By kind: changes the manifest, which is the caller's own copy, in place."""
