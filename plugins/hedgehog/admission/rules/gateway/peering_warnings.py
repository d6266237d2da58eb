"""What upstream accepts in a GatewayPeering, although it is almost certainly a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules import peered_pairs
from hedgehog.admission.rules.gateway.exposes import STATEFUL
from hedgehog.fabric.durations import parse_duration
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.manifests.rule import Path, Severity, Violation, rule

NO_VPC = rule(
    "gateway-peering-no-vpc",
    what="At least one side of a GatewayPeering is a VPC.",
    why="Between two Externals, the fabric only passes traffic through.",
    source="ours",
    fix="name a VPC on one side",
    severity=Severity.WARNING,
)
IDLE_TIMEOUT_NEGATIVE = rule(
    "gateway-peering-idle-timeout-negative",
    what="idleTimeout is not negative.",
    why="Flows cannot expire before they are idle.",
    source="ours",
    fix="write a positive duration, or leave it out for two minutes",
    severity=Severity.WARNING,
)


def warn(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """Warn of a GatewayPeering that upstream accepts."""
    spec, path = new["spec"], ("spec", "peering")
    yield from peered_pairs.duplicate_warnings(new, path, state)
    if all(name.startswith(EXTERNAL_PREFIX) for name in spec["peering"]):
        yield NO_VPC.at(path, f"{' and '.join(spec['peering'])} are both Externals")
    for name, side in spec["peering"].items():
        for index, expose in enumerate(side.get("expose") or ()):
            yield from _timeouts(expose.get("nat") or {}, (*path, name, "expose", index, "nat"))


def _timeouts(nat: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    for kind in STATEFUL:
        text = nat.get(kind, {}).get("idleTimeout", "")
        if (parse_duration(text) or 0) < 0:
            yield IDLE_TIMEOUT_NEGATIVE.at((*path, kind, "idleTimeout"), f"{text} is negative")
