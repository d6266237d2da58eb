"""Peered pairs: each pair should be peered only once, by the fabric or by a gateway.

Upstream's later releases refuse what is a warning here (api/valid/peering.go); v0.126 and v0.129 accept it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hedgehog.admission.cluster_state import ClusterState, Fact
from hedgehog.fabric.defaults.externals import peered_vpcs
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.fabric.settings import Upstream
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Path, Severity, Violation, rule

_SHOWN = 3
"""Peerings that a warning names."""
_KINDS = ("VPCPeering", "ExternalPeering", "GatewayPeering")
_SOURCE = "ours; upstream api/valid/peering.go Peering, in later releases"
_DUPLICATE = {
    "VPCPeering": rule(
        "vpc-peering-duplicate",
        what="Two VPCs have at most one VPCPeering.",
        why="With two, it is undefined which one the switches use (githedgehog/fabric#1552).",
        source=_SOURCE,
        fix="put all permit policies into one VPCPeering and delete the other",
        severity=Severity.WARNING,
    ),
    "ExternalPeering": rule(
        "external-peering-duplicate",
        what="A VPC and an External have at most one ExternalPeering.",
        why="With two, it is undefined which one the switches use (githedgehog/fabric#1553).",
        source=_SOURCE,
        fix="put all subnets and prefixes into one ExternalPeering and delete the other",
        severity=Severity.WARNING,
    ),
}
GATEWAY_DUPLICATE = rule(
    "gateway-peering-duplicate",
    what="Two sides have at most one GatewayPeering.",
    why="With two, their address translations and filters contradict each other.",
    source="githedgehog/dataplane config/src/external/overlay/vpc.rs check_peering_count",
    fix="put all exposes into one GatewayPeering and delete the other",
)
_BOTH = rule(
    "peering-fabric-and-gateway",
    what="A pair is peered by the fabric or by a gateway, not by both.",
    why="Upstream calls it undefined behaviour: traffic may go around the gateway (githedgehog/fabric#1551).",
    source=_SOURCE,
    fix="delete the VPCPeering or ExternalPeering, or else the GatewayPeering",
    severity=Severity.WARNING,
)


_PAIR = rule(
    "peering-pair-duplicate",
    what="A pair has one peering, of whichever kind (after v0.129).",
    why="With two, it is undefined which one applies.",
    source="api/valid/peering.go Peering, after v0.129",
    fix="delete one of them",
)


def pair_facts(manifest: Manifest) -> Iterator[Fact]:
    """The pair of a peering of any kind; nothing where it does not name exactly two."""
    pair = _pair(manifest)
    if pair is not None:
        yield ("peered", manifest["kind"], *pair)


def duplicate_warnings(manifest: Manifest, path: Path, state: ClusterState) -> Iterator[Violation]:
    """Warn of other peerings of the same pair; *path* is where *manifest* names it."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    for _, _, one, other in pair_facts(manifest):
        same = _others(state, ("peered", kind, one, other), name)
        across = [
            f"{user} {peering}"
            for user in _KINDS
            if user != kind
            for peering in _others(state, ("peered", user, one, other), "")
        ]
        for which, violated in ((same, _DUPLICATE.get(kind)), (across, _BOTH)):
            if which and violated:
                more = " and others" if len(which) > _SHOWN else ""
                yield violated.at(
                    path, f"{one} and {other} are already peered by {', '.join(sorted(which[:_SHOWN]))}{more}"
                )


def pair_violations(manifest: Manifest, path: Path, state: ClusterState) -> Iterator[Violation]:
    """The other peerings of the same pair, which releases after v0.129 refuse."""
    if state.settings.upstream is not Upstream.NEWER:
        return
    me = manifest["kind"], manifest["metadata"]["name"]
    for _, _, one, other in pair_facts(manifest):
        found = [
            f"{kind} {name}"
            for kind in _KINDS
            for name in _others(state, ("peered", kind, one, other), me[1] if kind == me[0] else "")
        ]
        if found:
            yield _PAIR.at(path, f"{one} and {other} are already peered by {listed(found, _SHOWN)}")


def _others(state: ClusterState, fact: Fact, me: str) -> list[str]:
    """The other peerings with this fact, but only one more than are named, because there may be thousands."""
    return list(itertools.islice((name for _, name in state.users(fact) if name != me), _SHOWN + 1))


def _pair(manifest: Manifest) -> tuple[str, str] | None:
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "VPCPeering":
        return peered_vpcs(spec)
    if manifest["kind"] == "ExternalPeering":
        permit = spec.get("permit") or {}
        sides = [
            (permit.get("vpc") or {}).get("name", ""),
            EXTERNAL_PREFIX + (permit.get("external") or {}).get("name", ""),
        ]
    else:
        sides = list(spec.get("peering") or ())
    sides.sort()
    return (sides[0], sides[1]) if len(sides) == 2 else None
