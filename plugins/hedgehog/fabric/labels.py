"""The labels that admission computes, by which upstream and our rules find what refers to an object. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.fabric.model import Manifest

COMPUTED = "fabric.githedgehog.com/"
"""Labels, and annotations of some kinds, with this in their key belong to admission: what users write there is dropped."""
IPV4_NAMESPACE = f"{COMPUTED}ipv4ns"
VLAN_NAMESPACE = f"{COMPUTED}vlanns"
VPC = f"{COMPUTED}vpc"
SUBNET = f"{COMPUTED}subnet"
CONNECTION = f"{COMPUTED}connection"
PROFILE = f"{COMPUTED}profile"
NATIVE_VLAN = f"{COMPUTED}nativevlan"
INSTALLATION = "hedgehog-airflow/installation"
"""Key of the annotation with the id of the installation (the fabric database) that wrote an object last. It is added to
each write, and is not part of what is compared."""
SET = "true"
"""Value of a label of which only the key matters."""


def switch_vlan_namespace(namespace: str) -> str:
    """Key of the label that a Switch has for each of its VLANNamespaces."""
    return f"vlanns.{COMPUTED}{namespace}"


def switch_group(group: str) -> str:
    """Key of the label that a Switch has for each of its SwitchGroups."""
    return f"switchgroup.{COMPUTED}{group}"


def connected_switch(switch: str) -> str:
    """Key of the label that a Connection has for each of its Switches."""
    return f"switch.{COMPUTED}{switch}"


def connected_server(server: str) -> str:
    """Key of the label that a Connection has for each of its Servers."""
    return f"server.{COMPUTED}{server}"


def peered_vpc(vpc: str) -> str:
    """Key of the label that a VPCPeering has for each of its VPCs."""
    return f"vpc.{COMPUTED}{vpc}"


def gateway_peered_vpc(vpc: str) -> str:
    """Key of the label that a GatewayPeering has for each of its VPCs and externals."""
    return f"vpc.gateway.githedgehog.com/{vpc}"


def put_computed(manifest: Manifest, computed: Mapping[str, str]) -> None:
    """Replace the labels that belong to admission by *computed*; the others stay."""
    _replace_computed(manifest, "labels", computed)


def drop_computed_annotations(manifest: Manifest) -> None:
    """Drop the annotations that belong to admission; the others stay."""
    _replace_computed(manifest, "annotations", {})


def _replace_computed(manifest: Manifest, field: str, computed: Mapping[str, str]) -> None:
    metadata = manifest["metadata"]
    kept = {key: value for key, value in (metadata.get(field) or {}).items() if COMPUTED not in key}
    kept.update(computed)
    if kept:
        metadata[field] = kept
    else:
        metadata.pop(field, None)
