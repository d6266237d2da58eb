"""Rules of Externals. `KINDS` also has the row of their attachments."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.external import attachments as external_attachments
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.defaults.externals import EXTERNAL
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Severity, Violation, rule

LONGEST_NAME = 11
_SHOWN = 3
_PART = r"(?:0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_COMMUNITY = re.compile(f"{_PART}:{_PART}")
_VALIDATE = "api/vpc/v1beta1/external_types.go Validate"

NAME_TOO_LONG = rule(
    "external-name-too-long",
    what="The name of an External has at most 11 characters.",
    why="Switches derive names of VRFs and route maps from it, which cannot be longer.",
    source=_VALIDATE,
    fix="choose a shorter name",
)
COMMUNITY = rule(
    "external-community",
    what="A community is two numbers from 0 to 65535 with a colon between them.",
    why="BGP has no others.",
    source=_VALIDATE,
    fix='write it in quotes, like "50000:50001": YAML reads some as a number without them',
)
STATIC_COMMUNITIES = rule(
    "external-static-communities",
    what="A static External has no communities.",
    why="There is no BGP session whose routes could carry them.",
    source=_VALIDATE,
    fix="leave out either `static`, or both communities",
)
STATIC_EMPTY = rule(
    "external-static-empty",
    what="A static External has at least one prefix.",
    why="Nothing would be reachable through it.",
    source=_VALIDATE,
    fix="list what is reachable, for example `prefixes: [0.0.0.0/0]`",
)
STATIC_PREFIX = rule(
    "external-static-prefix",
    what="The prefixes of a static External are CIDRs.",
    why="They become static routes.",
    source=_VALIDATE,
    fix="write address/length, for example 203.0.113.0/24",
)
STATIC_OVERLAP = rule(
    "external-static-overlap",
    what="The prefixes of a static External do not overlap.",
    why="One of them is superfluous, or a mistake.",
    source=_VALIDATE,
    fix="keep the larger one, or correct them",
)
IPV4_NAMESPACE_ABSENT = rule(
    "external-ipv4-namespace-absent",
    what="The IPv4Namespace of an External exists.",
    why="It says which VPCs may peer with the External.",
    source=_VALIDATE,
    fix="create the IPv4Namespace first, or correct the name",
    absent="IPv4Namespace",
)
IN_USE = rule(
    "external-in-use",
    what="An External is deleted after its attachments and peerings.",
    why="They would point to nothing.",
    source="pkg/ctrl/external_wh.go ValidateDelete",
    fix="delete its ExternalAttachments and ExternalPeerings first",
)
FORM_CHANGED = rule(
    "external-form-changed",
    what="An External does not turn from static to BGP, or back, while it is attached.",
    why="Its attachments keep the old form, which no longer fits, and can only be replaced, not changed.",
    source="ours",
    fix="delete the attachments first, or create another External",
    severity=Severity.WARNING,
)
NAMESPACE_CHANGED = rule(
    "external-ipv4-namespace-changed",
    what="An External keeps its IPv4Namespace while it is attached or peered.",
    why="Its peerings join it with VPCs of the old namespace, which admission would refuse if they were created now.",
    source="ours",
    fix="delete the peerings and attachments first, or create another External",
    severity=Severity.WARNING,
)
STATIC_RESERVED = rule(
    "external-static-reserved",
    what="A prefix of a static External is not inside a subnet that the fabric itself uses.",
    why="Traffic within the fabric would be routed out of it.",
    source="ours",
    fix="choose prefixes outside the reserved subnets of the fabric",
    severity=Severity.WARNING,
)
STATIC_UNUSUAL = rule(
    "external-static-unusual",
    what="The prefixes of a static External are IPv4 networks without host bits.",
    why="The fabric routes IPv4 only, and a route to 10.0.0.1/8 goes to all of 10.0.0.0/8.",
    source="ours",
    fix="write the IPv4 network address",
    severity=Severity.WARNING,
)
NAME_MARKED = rule(
    "external-name-marked",
    what="The name of an External does not begin with `ext.`.",
    why="GatewayPeerings mark an External with it, so this one would have to be named as `ext.ext.…`.",
    source="ours",
    fix="choose a name without `ext.`",
    severity=Severity.WARNING,
)


def _external(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    name, spec = new["metadata"]["name"], new["spec"]
    if len(name) > LONGEST_NAME:
        yield NAME_TOO_LONG.at(("metadata", "name"), f"has {len(name)} characters")
    if "static" in spec:
        yield from _static(spec)
    else:
        yield from _communities(spec)
    if state.get("IPv4Namespace", spec["ipv4Namespace"]) is None:
        message = f"there is no IPv4Namespace {spec['ipv4Namespace']}"
        yield IPV4_NAMESPACE_ABSENT.at(("spec", "ipv4Namespace"), message)


def _communities(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for field in ("inboundCommunity", "outboundCommunity"):
        if spec.get(field) and not _COMMUNITY.fullmatch(spec[field]):
            yield COMMUNITY.at(("spec", field), f"{spec[field]!r} is not a community")


def _static(spec: Mapping[str, Any]) -> Iterator[Violation]:
    for field in ("inboundCommunity", "outboundCommunity"):
        if spec.get(field):
            yield STATIC_COMMUNITIES.at(("spec", field), "is set beside static")
    texts = spec["static"].get("prefixes") or ()
    if not texts:
        yield STATIC_EMPTY.at(("spec", "static", "prefixes"), "names no prefix")
    prefixes = []
    for index, text in enumerate(texts):
        prefix = parse_prefix(text)
        if prefix is None:
            yield STATIC_PREFIX.at(("spec", "static", "prefixes", index), f"{text!r} is not a CIDR")
        else:
            prefixes.append((prefix, index))
    for one, other, index in _overlaps(prefixes):
        yield STATIC_OVERLAP.at(("spec", "static", "prefixes", index), f"{one} overlaps {other}")


def _overlaps(prefixes: list[tuple[Prefix, int]]) -> Iterator[tuple[Prefix, Prefix, int]]:
    """Each prefix inside a wider or equal one, that one, and the index of the first. Prefixes are nested or disjoint."""
    widest: Prefix | None = None
    for prefix, index in sorted(prefixes, key=lambda one: (one[0].version, one[0].first, one[0].bits)):
        if widest is not None and widest.overlaps(prefix):
            yield prefix, widest, index
        else:
            widest = prefix


def _warnings(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    name, spec = new["metadata"]["name"], new["spec"]
    if name.startswith(EXTERNAL_PREFIX):
        yield NAME_MARKED.at(("metadata", "name"), f"begins with {EXTERNAL_PREFIX}")
    for index, text in enumerate((spec.get("static") or {}).get("prefixes") or ()):
        yield from _prefix_warnings(text, ("spec", "static", "prefixes", index), state)
    if old is not None:
        yield from _changes(new, old, state)


def _prefix_warnings(text: str, path: tuple[str | int, ...], state: ClusterState) -> Iterator[Violation]:
    prefix = parse_prefix(text)
    if prefix is None:
        return
    if prefix.version != 4:
        yield STATIC_UNUSUAL.at(path, f"{text} is IPv6")
    elif prefix != prefix.network:
        yield STATIC_UNUSUAL.at(path, f"{text} has host bits; its network is {prefix.network}")
    for reserved in _parsed(state.settings.reserved_subnets):
        if reserved.covers(prefix):
            yield STATIC_RESERVED.at(path, f"{text} is inside {reserved}, which the fabric uses")


@functools.cache
def _parsed(subnets: tuple[str, ...]) -> tuple[Prefix, ...]:
    return tuple(prefix for prefix in map(parse_prefix, subnets) if prefix is not None)


def _changes(new: Manifest, old: Manifest, state: ClusterState) -> Iterator[Violation]:
    name = new["metadata"]["name"]
    was, now = old["spec"], new["spec"]
    if ("static" in was) != ("static" in now):
        users = _users(state, name, ("ExternalAttachment",))
        if users:
            form = "static" if "static" in now else "BGP"
            yield FORM_CHANGED.at(("spec", "static"), f"becomes {form} under {users}")
    if was.get("ipv4Namespace") != now["ipv4Namespace"]:
        users = _users(state, name, ("ExternalAttachment", "ExternalPeering"))
        if users:
            message = f"changes from {was.get('ipv4Namespace')} to {now['ipv4Namespace']} under {users}"
            yield NAMESPACE_CHANGED.at(("spec", "ipv4Namespace"), message)


def _users(state: ClusterState, name: str, kinds: tuple[str, ...]) -> str:
    users = [f"{kind} {one['metadata']['name']}" for kind in kinds for one in state.labelled(kind, EXTERNAL, name)]
    return listed(users, _SHOWN)


def _delete(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    users = _users(state, old["metadata"]["name"], ("ExternalAttachment", "ExternalPeering"))
    if users:
        yield IN_USE.at((), f"is used by {users}")


KINDS: Mapping[str, KindRules] = {
    "External": KindRules(_external, delete=_delete, warn=_warnings),
    **external_attachments.KINDS,
}
