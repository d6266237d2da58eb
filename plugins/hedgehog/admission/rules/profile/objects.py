"""Rules of SwitchProfiles as a whole, and the profile of a switch for the rules of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.profile.kinds import group_violations, kind_violations, pipeline_violations
from hedgehog.admission.rules.profile.ports import port_violations
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric import labels
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import Breakouts, Profile, default_spec, parse_profile
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Severity, Violation, rule

_VALIDATE = "api/wiring/v1beta1/switchprofile_types.go SwitchProfile.Validate"
_WEBHOOK = "pkg/ctrl/switchprofile_wh.go"

MISSING = rule(
    "profile-field-missing",
    what="A SwitchProfile has displayName, switchSilicon, nosType and platform.",
    why="They decide which switch software is installed.",
    source=_VALIDATE,
    fix="write the field, as in a built-in profile of the same vendor",
)
OTHER_NAMES = rule(
    "profile-other-names",
    what="A SwitchProfile has at most five other names, all different and none empty.",
    why="They are shown to people.",
    source=_VALIDATE,
    fix="remove names",
)
NOS_TYPE = rule(
    "profile-nos-type",
    what="nosType is one of the known kinds of switch software.",
    why="No other can be installed.",
    source=_VALIDATE,
    fix="take one of the types that the message names",
)
BUILT_IN = rule(
    "profile-built-in",
    what="Built-in SwitchProfiles stay as they are: neither changed nor deleted.",
    why="The fabric controller restores them, and switches depend on them.",
    source=f"{_WEBHOOK} validate, ValidateDelete",
    fix="leave built-in profiles out of what you write",
)
EXTRA = rule(
    "profile-not-built-in",
    what="Only built-in SwitchProfiles are created, unless the fabric allows others.",
    why="Others are not tested, and the fabric controller deletes them.",
    source=f"{_WEBHOOK} ValidateCreate",
    fix="use a built-in profile (allowExtraSwitchProfiles is for development only)",
)
IN_USE = rule(
    "profile-in-use",
    what="A profile that switches use does not change.",
    why="Upstream does not check switches and connections again: removed ports can no longer be used or changed.",
    source="ours",
    fix="create a profile of another name, and move the switches to it one by one",
    severity=Severity.WARNING,
)
NOS_TYPES = (
    "sonic-bcm-base",
    "sonic-bcm-campus",
    "sonic-bcm-vs",
    "sonic-cls-plus-broadcom",
    "sonic-cls-plus-marvell",
    "sonic-cls-plus-vs",
    "cumulus-vx",
    "cumulus-mlx",
)
_MOST_NAMES = 5
_LISTED = 5
"""How many names a message lists."""
_MAPPINGS = frozenset({"ports", "portGroups", "portProfiles", "supported", "pipelines"})
"""Fields whose keys are names that users choose: an empty entry is significant there."""

_PARSED: dict[int, tuple[Manifest, Profile]] = {}
"""Parsed once per manifest, by its identity: manifests of a cluster state are replaced, never changed."""
_PARSED_AT_MOST = 256


def validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """Everything that the webhook refuses, on create and update."""
    name, spec = new["metadata"]["name"], new["spec"]
    built_in = default_spec(name, state.settings)
    if old is None and built_in is None and not state.settings.allow_extra_switch_profiles:
        yield EXTRA.at(("metadata", "name"), f"there is no built-in SwitchProfile {name}")
        return
    if built_in is not None:
        # Built-in profiles are valid, so that nothing else needs to be checked.
        if _significant(built_in) != _significant(spec):
            fields = sorted(field for field in {*built_in, *spec} if _differs(field, built_in, spec))
            yield BUILT_IN.at(("spec",), f"differs from the built-in profile in {', '.join(fields)}")
        return
    yield from _field_violations(spec)
    yield from port_violations(spec)
    yield from group_violations(spec)
    yield from kind_violations(spec)
    yield from pipeline_violations(spec)


def _field_violations(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for field in ("displayName", "switchSilicon", "nosType", "platform"):
        if not spec.get(field):
            yield MISSING.at(("spec", field), f"the profile has no {field}")
    if spec.get("nosType") and spec["nosType"] not in NOS_TYPES:
        yield NOS_TYPE.at(("spec", "nosType"), f"{spec['nosType']!r} is none of {', '.join(NOS_TYPES)}")
    names = spec.get("otherNames") or ()
    if len(names) > _MOST_NAMES:
        yield OTHER_NAMES.at(("spec", "otherNames"), f"{len(names)} names; at most {_MOST_NAMES} are allowed")
    for index, name in enumerate(names):
        if not name:
            yield OTHER_NAMES.at(("spec", "otherNames", index), "is empty")
        elif name in names[:index]:
            yield OTHER_NAMES.at(("spec", "otherNames", index), f"{name!r} appears twice")


def _differs(field: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(_significant({field: one.get(field)}) != _significant({field: other.get(field)}))


def _significant(value: Any) -> Any:
    """*value* without what Go does not distinguish from absent: zero values of fields, except entries of mappings."""
    if not isinstance(value, Mapping):
        return value
    result = {}
    for field, child in value.items():
        if field in _MAPPINGS and isinstance(child, Mapping):
            kept: Any = {name: _significant(entry) for name, entry in child.items()}
        else:
            kept = _significant(child)
        if kept not in (None, "", 0, [], {}):
            result[field] = kept
    return result


def _delete(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    name = old["metadata"]["name"]
    if default_spec(name, state.settings) is not None:
        yield BUILT_IN.at((), f"SwitchProfile {name} is built in")


def _warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    if old is None or _significant(old["spec"]) == _significant(new["spec"]):
        return
    name = new["metadata"]["name"]
    switches = [one["metadata"]["name"] for one in state.labelled("Switch", labels.PROFILE, name)]
    if switches:
        yield IN_USE.at(("spec",), f"is the profile of {listed(switches, _LISTED)}")


KINDS: Mapping[str, KindRules] = {"SwitchProfile": KindRules(validate, delete=_delete, warn=_warnings)}


def profile_of(state: ClusterState, switch: Manifest) -> Profile | None:
    """The profile of a Switch, or None when it names one that does not exist. Two dictionary accesses."""
    manifest = state.get("SwitchProfile", switch["spec"].get("profile", ""))
    return None if manifest is None else parsed(manifest)


def parsed(manifest: Manifest) -> Profile:
    """The value of a SwitchProfile in stored form."""
    found = _PARSED.get(id(manifest))
    if found is not None and found[0] is manifest:
        return found[1]
    if len(_PARSED) >= _PARSED_AT_MOST:
        _PARSED.clear()
    profile = parse_profile(manifest)
    _PARSED[id(manifest)] = manifest, profile
    return profile


def breakouts_of(switch: Manifest) -> Breakouts:
    """What the Switch sets itself."""
    breakouts: Breakouts = switch["spec"].get("portBreakouts") or {}
    return breakouts
