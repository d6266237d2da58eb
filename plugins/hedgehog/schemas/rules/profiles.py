"""Rules of SwitchProfiles, and the profile of a switch for the rules of others."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import Breakouts, Profile, parse
from hedgehog.schemas.rules.registry import KindRules
from hedgehog.schemas.world import World

_PARSED: dict[int, tuple[Manifest, Profile]] = {}
"""Parsed once per manifest, which is a cache by identity: manifests of a world are replaced, never changed."""
_PARSED_AT_MOST = 256

KINDS: Mapping[str, KindRules] = {}


def profile_of(world: World, switch: Manifest) -> Profile | None:
    """The profile of a Switch, or None when it names one that is not there. Two dictionary accesses."""
    manifest = world.get("SwitchProfile", switch["spec"].get("profile", ""))
    return None if manifest is None else parsed(manifest)


def parsed(manifest: Manifest) -> Profile:
    """The value of a SwitchProfile of a world."""
    found = _PARSED.get(id(manifest))
    if found is not None and found[0] is manifest:
        return found[1]
    if len(_PARSED) >= _PARSED_AT_MOST:
        _PARSED.clear()
    profile = parse(manifest)
    _PARSED[id(manifest)] = manifest, profile
    return profile


def breakouts_of(switch: Manifest) -> Breakouts:
    """What the Switch sets itself."""
    return switch["spec"].get("portBreakouts") or {}


def has_port(world: World, switch: Manifest, port: str) -> bool:
    """Whether a Connection may use *port* of the Switch: `E1/4`, its alias `E1/4/1`, or `M1`. False without a profile."""
    profile = profile_of(world, switch)
    return profile is not None and profile.nos_name(port, breakouts_of(switch)) is not None


def ports_of(switch: Manifest, world: World) -> Mapping[str, str]:
    """Every port name that a Connection may use, with its name in the switch software; two names for one are aliases.

    Builds the whole table: to ask for one port, use `has_port` or `Profile.nos_name`. Empty without a profile.
    """
    profile = profile_of(world, switch)
    if profile is None:
        return {}
    breakouts = breakouts_of(switch)
    named = ((name, profile.nos_name(name, breakouts)) for name in profile.names(breakouts))
    return {name: nos_name for name, nos_name in named if nos_name is not None}
