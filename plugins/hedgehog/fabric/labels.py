"""The labels that admission computes, by which upstream and our rules find who refers to whom. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.fabric.model import Manifest

COMPUTED = "fabric.githedgehog.com/"
"""Labels with this in their key are admission's own: what users write there is dropped."""
IPV4_NAMESPACE = f"{COMPUTED}ipv4ns"
VLAN_NAMESPACE = f"{COMPUTED}vlanns"
VPC = f"{COMPUTED}vpc"
SUBNET = f"{COMPUTED}subnet"
CONNECTION = f"{COMPUTED}connection"
NATIVE_VLAN = f"{COMPUTED}nativevlan"
SET = "true"
"""Value of a label whose key says it all."""


def switch_vlan_namespace(namespace: str) -> str:
    """Key of the label that a Switch has for each of its VLANNamespaces."""
    return f"vlanns.{COMPUTED}{namespace}"


def peered_vpc(vpc: str) -> str:
    """Key of the label that a VPCPeering has for each of its VPCs."""
    return f"vpc.{COMPUTED}{vpc}"


def gateway_peered_vpc(vpc: str) -> str:
    """Key of the label that a GatewayPeering has for each of its VPCs and externals."""
    return f"vpc.gateway.githedgehog.com/{vpc}"


def put_computed(manifest: Manifest, computed: Mapping[str, str]) -> None:
    """Replace the labels that are admission's own by *computed*; the others stay."""
    metadata = manifest["metadata"]
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if COMPUTED not in key}
    labels.update(computed)
    if labels:
        metadata["labels"] = labels
    else:
        metadata.pop("labels", None)
