"""VPCInfos, which controllers write for gateways: their own rules, and what gateway kinds ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hedgehog.admission.cluster_state import ClusterState, Fact, Indexer
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.addresses import parse_prefix
from hedgehog.fabric.kinds import GATEWAY
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.references import EXTERNAL_PREFIX
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Violation, rule

_SHOWN = 3
_UNREADY: Fact = ("vpcinfo-not-ready",)
_ID = "00000"
"""Stands for the internal ID that a controller would choose."""

NOT_ENABLED = rule(
    "gateway-not-enabled",
    what="Only fabrics with gateways switched on have objects of gateways.",
    why="Nothing would implement them.",
    source="api/gateway/v1alpha1/*_types.go Validate",
    fix="set spec.config.gateway.enable in the Fabricator, or leave these objects out",
)
NOT_READY = rule(
    "gateway-vpcinfo-not-ready",
    what="Gateways and GatewayPeerings are written after every VPCInfo has its internalID.",
    why="Upstream builds the configuration of the whole gateway, which needs all of them; shortly after a VPC was "
    "created, its VPCInfo is not ready yet.",
    source="pkg/ctrl/gateway_ctrl.go BuildGatewayAgent",
    fix="try again in a moment",
)
VNI = rule(
    "vpcinfo-vni",
    what="A VPCInfo has a VNI.",
    why="Gateways send the VPC's traffic with it.",
    source="api/gateway/v1alpha1/vpcinfo_types.go Validate",
    fix="leave VPCInfos to the controller, which creates them from VPCs and Externals",
)
CIDR = rule(
    "vpcinfo-cidr",
    what="The subnets of a VPCInfo are CIDRs.",
    why="Gateways route by them.",
    source="api/gateway/v1alpha1/vpcinfo_types.go Validate",
    fix="leave VPCInfos to the controller, which creates them from VPCs and Externals",
)


def vpc_info(manifest: Manifest) -> Manifest | None:
    """The VPCInfo, ready for use, that controllers make of a VPC or External in stored form; None for other kinds.

    It follows upstream's pkg/ctrl/gateway_sync.go, except for the VNI: a controller allocates it, and no rule needs it.
    """
    name, spec = manifest["metadata"]["name"], manifest.get("spec") or {}
    if manifest["kind"] == "VPC":
        subnets = {key: {"cidr": subnet.get("subnet", "")} for key, subnet in (spec.get("subnets") or {}).items()}
    elif manifest["kind"] == "External":
        name, subnets = EXTERNAL_PREFIX + name, {"external": {"cidr": "0.0.0.0/0"}}
    else:
        return None
    return {
        "apiVersion": f"{GATEWAY}/v1alpha1",
        "kind": "VPCInfo",
        "metadata": {"name": name, "namespace": manifest["metadata"].get("namespace", "default")},
        "spec": {"subnets": subnets},
        "status": {"internalID": _ID},
    }


def not_enabled(state: ClusterState) -> Iterator[Violation]:
    """What upstream answers to an object of any gateway kind in a fabric without gateways."""
    if not state.settings.gateway_enabled:
        yield NOT_ENABLED.at((), "this fabric has no gateways")


def not_ready(state: ClusterState) -> Iterator[Violation]:
    """What upstream answers while a VPCInfo waits for its controller."""
    waiting = sorted(name for _, name in state.users(_UNREADY))
    if waiting:
        yield NOT_READY.at((), f"VPCInfo {listed(waiting, _SHOWN)} has no internalID yet")


def _validate(new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
    spec = new.get("spec") or {}
    yield from not_enabled(state)
    if not spec.get("vni"):
        yield VNI.at(("spec", "vni"), "is missing")
    for name, subnet in (spec.get("subnets") or {}).items():
        if parse_prefix(subnet.get("cidr", "")) is None:
            yield CIDR.at(("spec", "subnets", name, "cidr"), f"{subnet.get('cidr', '')!r} is not a CIDR")


def _facts(manifest: Manifest) -> Iterator[Fact]:
    if not (manifest.get("status") or {}).get("internalID"):
        yield _UNREADY


KINDS: Mapping[str, KindRules] = {"VPCInfo": KindRules(_validate, indexer=Indexer(facts=_facts))}
