"""Defaults of externals, their attachments and peerings, and of the peerings of VPCs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hedgehog.fabric import labels
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

EXTERNAL = f"{labels.COMPUTED}external"
"""Key of the label that names the External of an attachment or peering."""
_FIRST_VPC, _SECOND_VPC = f"{labels.COMPUTED}vpc1", f"{labels.COMPUTED}vpc2"
_STATEMENT = {"seq": 0, "action": "", "protocol": "", "srcPrefix": "", "dstPrefix": ""}
"""The fields of a statement that Go writes even where they are not set."""


def peered_vpcs(spec: Mapping[str, Any]) -> tuple[str, str] | None:
    """The two VPCs of a VPCPeering, sorted; None unless each of its permit policies names the same two."""
    permit = spec.get("permit") or ()
    names = sorted({name for policy in permit for name in policy or ()})
    if len(names) != 2 or any(len(policy or ()) != 2 for policy in permit):
        return None
    return names[0], names[1]


def _external(manifest: Manifest, settings: FabricSettings) -> None:
    spec = manifest.setdefault("spec", {})
    if not spec.get("ipv4Namespace"):
        spec["ipv4Namespace"] = "default"
    labels.put_computed(manifest, {labels.IPV4_NAMESPACE: spec["ipv4Namespace"]})


def _external_attachment(manifest: Manifest, settings: FabricSettings) -> None:
    spec, before = manifest.setdefault("spec", {}), manifest["metadata"].get("labels")
    labels.put_computed(manifest, {labels.CONNECTION: spec.get("connection", ""), EXTERNAL: spec.get("external", "")})
    if manifest["metadata"].get("labels") == before:
        # A webhook that changes nothing sends no patch: only then are Go's empty structs not added.
        return
    spec.setdefault("switch", {})
    spec.setdefault("neighbor", {})
    if "static" in spec:
        spec["static"].setdefault("remoteIP", "")
    for statement in (spec.get("inboundACL") or {}).get("statements") or ():
        statement |= {field: zero for field, zero in _STATEMENT.items() if field not in statement}


def _external_peering(manifest: Manifest, settings: FabricSettings) -> None:
    permit = manifest.setdefault("spec", {}).setdefault("permit", {})
    vpc, external = permit.setdefault("vpc", {}), permit.setdefault("external", {})
    labels.put_computed(manifest, {labels.VPC: vpc.get("name", ""), EXTERNAL: external.get("name", "")})
    if "subnets" in vpc:
        vpc["subnets"].sort()
    if "prefixes" in external:
        external["prefixes"].sort(key=lambda one: one.get("prefix", ""))


def _vpc_peering(manifest: Manifest, settings: FabricSettings) -> None:
    vpcs = peered_vpcs(manifest.setdefault("spec", {}))
    computed = {}
    if vpcs is not None:
        computed = {labels.peered_vpc(vpc): labels.SET for vpc in vpcs} | {_FIRST_VPC: vpcs[0], _SECOND_VPC: vpcs[1]}
    labels.put_computed(manifest, computed)


DEFAULTERS: Mapping[str, Callable[[Manifest, FabricSettings], None]] = {
    "External": _external,
    "ExternalAttachment": _external_attachment,
    "ExternalPeering": _external_peering,
    "VPCPeering": _vpc_peering,
}
"""By kind: changes the manifest, which is the caller's own copy, in place."""
