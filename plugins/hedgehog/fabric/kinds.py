"""The one table of kinds: what a fabric may hold, where it is in the API, and in which wave it is applied.

A new kind has a row here; CONTRIBUTING.md names what else it needs. Waves follow the references that Hedgehog's
admission webhooks check (fabric repository, `api/*` `Validate`): an object refers only to objects of lower waves, so
that applying wave by wave never ends in "not found", and deleting in reverse never in "in use". References inside one
wave (VPC relay, `withinVPC`) are ordered by `hedgehog.fabric.references`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WIRING = "wiring.githedgehog.com"
VPC_GROUP = "vpc.githedgehog.com"
GATEWAY = "gateway.githedgehog.com"
FABRICATOR = "fabricator.githedgehog.com"

FABRIC_NAMESPACE = "hedgehog-system"
"""Namespace of the product's own `Fabric` resource."""

FIELD_MANAGER = "hedgehog-airflow"
"""The one field manager of every write to a cluster."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table. `namespace` is the only one its admission accepts (`None`: any existing one)."""

    kind: str
    group: str
    version: str
    plural: str
    wave: int
    namespace: str | None = "default"

    @property
    def api_version(self) -> str:
        """`group/version`, as in a manifest."""
        return f"{self.group}/{self.version}"

    @property
    def default_namespace(self) -> str:
        """The namespace of a manifest that names none."""
        return self.namespace or "default"


FABRIC = Kind("Fabric", WIRING, "v1alpha2", "fabrics", 0, FABRIC_NAMESPACE)
"""The product's own summary resource of a fabric; not a Hedgehog kind and never imported."""

_ROWS = (
    Kind("Fabricator", FABRICATOR, "v1beta1", "fabricators", 0, "fab"),
    Kind("ControlNode", FABRICATOR, "v1beta1", "controlnodes", 0, "fab"),
    Kind("FabNode", FABRICATOR, "v1beta1", "fabnodes", 0, "fab"),
    Kind("VLANNamespace", WIRING, "v1beta1", "vlannamespaces", 1),
    Kind("IPv4Namespace", VPC_GROUP, "v1beta1", "ipv4namespaces", 1),
    Kind("SwitchGroup", WIRING, "v1beta1", "switchgroups", 1, None),
    Kind("ServerProfile", WIRING, "v1beta1", "serverprofiles", 1, None),
    Kind("GatewayGroup", GATEWAY, "v1alpha1", "gatewaygroups", 1),
    Kind("Switch", WIRING, "v1beta1", "switches", 2),
    Kind("Server", WIRING, "v1beta1", "servers", 2),
    Kind("Gateway", GATEWAY, "v1alpha1", "gateways", 2),
    Kind("VPC", VPC_GROUP, "v1beta1", "vpcs", 3),
    Kind("External", VPC_GROUP, "v1beta1", "externals", 3),
    Kind("Connection", WIRING, "v1beta1", "connections", 4),
    Kind("VPCAttachment", VPC_GROUP, "v1beta1", "vpcattachments", 5),
    Kind("ExternalAttachment", VPC_GROUP, "v1beta1", "externalattachments", 5),
    Kind("VPCPeering", VPC_GROUP, "v1beta1", "vpcpeerings", 6),
    Kind("ExternalPeering", VPC_GROUP, "v1beta1", "externalpeerings", 6),
    Kind("GatewayPeering", GATEWAY, "v1alpha1", "gatewaypeerings", 7),
)

KINDS: Mapping[str, Kind] = MappingProxyType({row.kind: row for row in _ROWS})
"""Every kind that users write, by its name. Names are unique over all groups."""

NEWER_KINDS: Mapping[str, Kind] = MappingProxyType(
    {row.kind: row for row in (Kind("VPCInterconnect", VPC_GROUP, "v1beta1", "vpcinterconnects", 5),)}
)
"""Kinds of releases that are newer than this package knows: kept and synced as they are, and not judged."""

ALL_KINDS: Mapping[str, Kind] = MappingProxyType({**KINDS, **NEWER_KINDS})
"""Every kind that a fabric can hold, by its name; that a cluster has it is only certain of those in `KINDS`."""

DEFAULT_GROUP = ("GatewayGroup", "default")
"""Kind and name of the object that a controller makes with the first Gateway or GatewayPeering; people may change it."""
JUDGED_TOGETHER = frozenset({"Gateway", "GatewayPeering"})
"""Kinds of which a cluster judges all stored objects at each write of any."""
CONTROLLER_KINDS = frozenset({"SwitchProfile", "VPCInfo", "GatewayAgent", "Agent", "Catalog", "DHCPSubnet"})
"""Kinds that Hedgehog's controllers write; a fabric never holds them."""
