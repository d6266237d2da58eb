"""Rules of GatewayPeerings: the object as a whole, and its relation to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules import peered_pairs
from hedgehog.admission.rules.gateway import acls as gateway_acls
from hedgehog.admission.rules.gateway import exposes as gateway_exposes
from hedgehog.admission.rules.vpc import infos as vpc_infos
from hedgehog.fabric.addresses import Prefix, parse_prefix
from hedgehog.fabric.labels import SET, gateway_peered_vpc
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.manifests.rule import Path, Violation, rule

_LABEL = gateway_peered_vpc("")
_SHOWN = 3
_VALIDATE = "api/gateway/v1alpha1/gatewaypeering_types.go Validate"

TWO_SIDES = rule(
    "gateway-peering-two-sides",
    what="A GatewayPeering has exactly two sides.",
    why=(
        "It joins two VPCs, or a VPC and an External. A side without a value (`vpc-1:`) is dropped before "
        "admission sees it."
    ),
    source=_VALIDATE,
    fix="write both as `peering: {vpc-1: {expose: […]}, vpc-2: {expose: […]}}`",
)
GROUP_ABSENT = rule(
    "gateway-peering-group-absent",
    what="The GatewayGroup of a GatewayPeering exists.",
    why="Its members implement the peering.",
    source=_VALIDATE,
    fix="create the GatewayGroup first, or correct the name",
    absent="GatewayGroup",
)
GROUP_EMPTY = rule(
    "gateway-peering-group-empty",
    what="The GatewayGroup of a GatewayPeering has a Gateway.",
    why="Upstream tries the peering on the first of them, and refuses it if there is none.",
    source="pkg/ctrl/gateway_ctrl.go BuildGatewayAgentForPeering",
    fix="add the group to a Gateway's spec.groups first, or use another group",
    absent="Gateway",
)
VPC_ABSENT = rule(
    "gateway-peering-vpc-absent",
    what="The VPCs of a GatewayPeering exist.",
    why="Otherwise there is nothing to peer.",
    source=_VALIDATE,
    fix="create the VPC first, or correct the name (an External is written with `ext.`)",
    absent="VPC",
)
EXTERNAL_ABSENT = rule(
    "gateway-peering-external-absent",
    what="The Externals of a GatewayPeering exist.",
    why="Otherwise there is nothing to peer with.",
    source=_VALIDATE,
    fix="create the External first, or correct the name",
    absent="External",
)
CIDR_FOREIGN = rule(
    "gateway-peering-cidr-foreign",
    what="A VPC exposes only addresses that are in one of its own subnets.",
    why="Otherwise it could attract the traffic of others (githedgehog/fabric#1421).",
    source=_VALIDATE,
    fix="expose a part of one subnet of the VPC; a block of its own for each subnet",
)
SUBNET_ABSENT = rule(
    "gateway-peering-subnet-absent",
    what="A vpcSubnet that is exposed exists in its VPC.",
    why="Otherwise there is nothing to expose.",
    source=_VALIDATE,
    fix="correct the name",
)
OVERLAP = rule(
    "gateway-peering-overlap",
    what="The addresses that peerings expose to one side do not overlap.",
    why="It would be undefined which one gets the traffic.",
    source=_VALIDATE,
    fix="expose less, or translate one of them to other addresses with `as` and `nat`",
)
SHORTHAND = rule(
    "gateway-peering-shorthand",
    what="Where several peerings expose something to one side, all list it by cidr, without vpcSubnet and not.",
    why="Upstream compares them by cidr and fails on blocks that have none (githedgehog/fabric#1582).",
    source=_VALIDATE,
    fix="write the subnet's CIDR instead of vpcSubnet, and smaller CIDRs instead of not, in the peering that is named",
)


def member_of(group: str) -> Fact:
    """The fact by which `ClusterState` finds the Gateways of a GatewayGroup."""
    return "gateway-group", group


def validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    """What upstream's webhook refuses in a GatewayPeering."""
    spec = new["spec"]
    peering = spec.get("peering") or {}
    yield from vpc_infos.not_enabled(state)
    yield from gateway_exposes.validate(peering)
    if len(peering) != 2:
        named = ", ".join(peering) or "none"
        yield TWO_SIDES.at(("spec", "peering"), f"names {len(peering)} sides ({named}), not two")
        return
    vpcs = {name: None if name.startswith(EXTERNAL_PREFIX) else state.get("VPC", name) for name in peering}
    yield from gateway_acls.validate(spec.get("acl") or {}, vpcs)
    yield from _group(spec["gatewayGroup"], state)
    for name, side in peering.items():
        yield from _side(name, side, vpcs[name], state)
    yield from peered_pairs.pair_violations(new, ("spec", "peering"), state)
    yield from _exposed_twice(new, state)
    yield from vpc_infos.not_ready(state)


def _group(name: str, state: ClusterState) -> Iterator[Violation]:
    path = ("spec", "gatewayGroup")
    if state.get("GatewayGroup", name) is None:
        yield GROUP_ABSENT.at(path, f"there is no GatewayGroup {name!r}")
    elif not any(True for _ in state.users(member_of(name))):
        yield GROUP_EMPTY.at(path, f"no Gateway is in GatewayGroup {name}")


def _side(name: str, side: Mapping[str, Any], vpc: Manifest | None, state: ClusterState) -> Iterator[Violation]:
    path = ("spec", "peering", name)
    if name.startswith(EXTERNAL_PREFIX):
        if state.get("External", name[len(EXTERNAL_PREFIX) :]) is None:
            yield EXTERNAL_ABSENT.at(path, f"there is no External {name[len(EXTERNAL_PREFIX) :]}")
    elif vpc is None:
        yield VPC_ABSENT.at(path, f"there is no VPC {name}")
    else:
        subnets = vpc["spec"].get("subnets") or {}
        for at, expose in enumerate(side.get("expose") or ()):
            for index, block in enumerate(() if expose.get("default") else expose.get("ips") or ()):
                yield from _block(name, block, subnets, (*path, "expose", at, "ips", index))


def _block(name: str, block: Mapping[str, Any], subnets: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    subnet, prefix = block.get("vpcSubnet"), parse_prefix(block.get("cidr", ""))
    if subnet and subnet not in subnets:
        known = ", ".join(sorted(subnets))
        yield SUBNET_ABSENT.at((*path, "vpcSubnet"), f"VPC {name} has no subnet {subnet!r}; it has {known}")
    if prefix is not None and not any(_covers(one.get("subnet", ""), prefix) for one in subnets.values()):
        yield CIDR_FOREIGN.at((*path, "cidr"), f"{prefix} is in no subnet of VPC {name}")


def _covers(subnet: str, prefix: Prefix) -> bool:
    parsed = parse_prefix(subnet)
    return parsed is not None and parsed.covers(prefix)


def _exposed_twice(new: Manifest, state: ClusterState) -> Iterator[Violation]:
    """Compare what each side exposes with what other peerings expose to the opposite side."""
    me = ("GatewayPeering", new["metadata"]["name"])
    one, other = new["spec"]["peering"]
    for origin, target in ((one, other), (other, one)):
        blocks = list(_exposed(new["spec"]["peering"][origin], ("spec", "peering", origin)))
        others = _some_others(_exposed_to(target), me, state) if blocks else ""
        if not others:
            continue
        for path, text in blocks:
            prefix = parse_prefix(text)
            if prefix is not None:
                yield from _overlapping(prefix, (*path, "cidr"), target, me, state)
            elif not text:
                yield SHORTHAND.at(path, f"has no cidr to compare with what {others} exposes to {target} as well")
        odd = _some_others(_uncomparable_to(target), me, state)
        if odd:
            message = f"{odd} exposes something without a cidr to {target} as well"
            yield SHORTHAND.at(("spec", "peering", origin), message)


def _some_others(fact: Fact, me: tuple[str, str], state: ClusterState) -> str:
    """The names of the first other objects that have the fact, of which there may be thousands."""
    return ", ".join(name for _, name in islice((user for user in state.users(fact) if user != me), _SHOWN))


def _overlapping(
    prefix: Prefix, path: Path, target: str, me: tuple[str, str], state: ClusterState
) -> Iterator[Violation]:
    found = sorted((user[1], other) for other, user in state.overlapping(_exposed_to(target), prefix) if user != me)
    if found:
        message = ", ".join(f"{other} of {name}" for name, other in dict(found).items())
        yield OVERLAP.at(path, f"{prefix} overlaps {message}, which is exposed to {target} as well")


def _exposed(side: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Path and CIDR of each block that one side exposes, after translation; the text is empty for a block without one."""
    for at, expose in enumerate(side.get("expose") or ()):
        field = "as" if expose.get("as") else "ips"
        if not expose.get("default"):
            for index, block in enumerate(expose.get(field) or ()):
                yield (*path, "expose", at, field, index), block.get("cidr", "")


def _exposed_to(target: str) -> Fact:
    """Fact, and space of prefixes, of what is exposed to a VPC or External."""
    return "gateway-exposed", target


def _uncomparable_to(target: str) -> Fact:
    return "gateway-exposed-without-cidr", target


def _shown(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Target and CIDR of what a peering exposes. Upstream finds peerings by labels, and users may add some."""
    peering = (manifest.get("spec") or {}).get("peering") or {}
    for key, value in (manifest["metadata"].get("labels") or {}).items():
        if key.startswith(_LABEL) and value == SET:
            target = key[len(_LABEL) :]
            for origin, side in peering.items():
                if origin != target:
                    yield from ((target, text) for _, text in _exposed(side, ()))


def _facts(manifest: Manifest) -> Iterator[Fact]:
    yield from peered_pairs.pair_facts(manifest)
    for target, text in _shown(manifest):
        yield _exposed_to(target)
        if parse_prefix(text) is None:
            yield _uncomparable_to(target)


def _prefixes(manifest: Manifest) -> Iterator[tuple[Fact, Prefix]]:
    for target, text in _shown(manifest):
        prefix = parse_prefix(text)
        if prefix is not None:
            yield _exposed_to(target), prefix


INDEXER = Indexer(_facts, _prefixes)
