"""What upstream accepts in a GatewayPeering, although it is almost certainly a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules import peered_pairs
from hedgehog.admission.rules.gateway import acls as gateway_acls
from hedgehog.admission.rules.gateway.exposes import STATEFUL, STATELESS
from hedgehog.fabric.addresses import parse_prefix
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
ONLY_EXCLUDED = rule(
    "gateway-peering-only-excluded",
    what="An expose includes something, not only excludes.",
    why="With only `not` it exposes nothing; upstream counts it as an IP block all the same.",
    source="ours",
    fix="add a cidr or vpcSubnet that the excluded addresses are part of",
    severity=Severity.WARNING,
)
STATIC_SIZES = rule(
    "gateway-peering-static-sizes",
    what="Static NAT has as many addresses in `ips` as in `as`.",
    why="It is one to one; otherwise some addresses have no counterpart.",
    source="ours",
    fix="list the same number of addresses in `ips` and `as`",
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
        subnets = ((state.get("VPC", name) or {}).get("spec") or {}).get("subnets") or {}
        for index, expose in enumerate(side.get("expose") or ()):
            yield from _expose(expose, (*path, name, "expose", index), subnets)
    yield from gateway_acls.warnings(spec.get("acl") or {})


def _expose(expose: Mapping[str, Any], path: Path, subnets: Mapping[str, Any]) -> Iterator[Violation]:
    for field in ("ips", "as"):
        blocks = expose.get(field) or ()
        if blocks and all(block.get("not") for block in blocks):
            yield ONLY_EXCLUDED.at((*path, field), "has only `not`")
    yield from _nat(expose, expose.get("nat") or {}, path, subnets)


def _nat(
    expose: Mapping[str, Any], nat: Mapping[str, Any], path: Path, subnets: Mapping[str, Any]
) -> Iterator[Violation]:
    if STATELESS in nat:
        inside, outside = (_size(expose.get(field) or (), subnets) for field in ("ips", "as"))
        if inside != outside:
            yield STATIC_SIZES.at((*path, "nat", STATELESS), f"{inside} addresses become {outside}")
    for kind in STATEFUL:
        text = nat.get(kind, {}).get("idleTimeout", "")
        if (parse_duration(text) or 0) < 0:
            yield IDLE_TIMEOUT_NEGATIVE.at((*path, "nat", kind, "idleTimeout"), f"{text} is negative")


def _size(blocks: Sequence[Mapping[str, Any]], subnets: Mapping[str, Any]) -> int:
    """How many addresses the blocks include, without those that they exclude."""
    total = 0
    for block in blocks:
        text = (
            block.get("cidr") or block.get("not") or (subnets.get(block.get("vpcSubnet", "")) or {}).get("subnet", "")
        )
        prefix = parse_prefix(text)
        size = prefix.size if prefix is not None else 0
        total += -size if block.get("not") else size
    return total
