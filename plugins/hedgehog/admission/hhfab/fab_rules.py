"""Rules of the Fabricator and of the nodes, which `hhfab` has and a fabric's cluster does not."""

from __future__ import annotations

from hedgehog.manifests.rule import rule

_FABRICATOR = "githedgehog/fabricator: api/fabricator/v1beta1/fabricator_types.go Fabricator.Validate"
_CONFIG = "api/meta/config.go FabricConfig.Init"
_NODES = "githedgehog/fabricator: pkg/fab/config.go GetFabAndNodes"

COUNT = rule(
    "fabricator-count",
    what="There is one Fabricator: default, in namespace fab.",
    why="It holds the settings of the whole installation, and hhfab reads no other.",
    source=_NODES,
    fix="keep one Fabricator with name: default and namespace: fab",
)
REGISTRY = rule(
    "fabricator-registry",
    what="The registry mode is airgap without an upstream registry, or upstream with one.",
    why="The installer must know where its images come from.",
    source=_FABRICATOR,
    fix="write registry: {mode: airgap}, or mode: upstream with upstream.repo",
)
SUBNET = rule(
    "fabricator-subnet",
    what="The subnets of a Fabricator are IPv4 subnets.",
    why="Addresses are assigned from them.",
    source=_FABRICATOR,
    fix="write a subnet as in 172.30.0.0/21",
)
SUBNET_OVERLAP = rule(
    "fabricator-subnet-overlap",
    what="The subnets of a Fabricator do not overlap.",
    why="Two devices could get the same address.",
    source=_FABRICATOR,
    fix="choose another subnet for one of the two; those left out have defaults, which count as well",
)
MANAGEMENT = rule(
    "fabricator-management-address",
    what="Control VIP and DHCP range are IPv4 addresses in the management subnet, the VIP as a /32.",
    why="Control nodes and switches talk to each other in this subnet.",
    source=_FABRICATOR,
    fix="write addresses of control.managementSubnet, which is 172.30.0.0/21 where it is left out",
)
CLUSTER_DNS = rule(
    "fabricator-cluster-dns",
    what="The address of the cluster DNS is in the subnet of services.",
    why="It is the address of a Kubernetes service.",
    source=_FABRICATOR,
    fix="write an address of control.kubeServiceSubnet, usually its tenth",
)
USER = rule(
    "fabricator-user",
    what="There is a password hash of the control user and of each switch user, and a switch user admin of role admin.",
    why="Nobody could log in otherwise; names of system users are taken.",
    source=_FABRICATOR,
    fix="write the users as `hhfab init` does: role admin or operator, password a hash that begins with $5$",
)
MODE = rule(
    "fabricator-mode",
    what="The mode of a fabric is spine-leaf.",
    why="Hedgehog has no other mode since release 25.05.",
    source=_FABRICATOR,
    fix="write mode: spine-leaf, or leave it out",
)
ASN = rule(
    "fabricator-asn",
    what="The ASNs of leaves are a range that begins below its end and has neither that of spines nor that of gateways.",
    why="BGP tells the devices apart by their ASN.",
    source=_FABRICATOR,
    fix="leave the ASNs out, or choose leafASNStart < leafASNEnd without spineASN and gateway.asn",
)
VLANS = rule(
    "fabricator-vlans",
    what="The VLANs of the TH5 workaround and those of IRB interfaces do not overlap.",
    why="A switch needs each of them for one thing.",
    source=_FABRICATOR,
    fix="choose other VLANs for one of the two; by default these are 3900-3999 and 3000-3899",
)
COMMUNITY = rule(
    "fabricator-gateway-community",
    what="A gateway community is a priority (a number) with a community of two numbers of 16 bits.",
    why="Switches prefer a gateway by its community.",
    source=_FABRICATOR,
    fix='write communities as in "0": "50001:0"',
)
OBSERVABILITY = rule(
    "fabricator-observability",
    what="The defaults of observability are all (empty), minimal or none.",
    why="hhfab knows no others.",
    source=_FABRICATOR,
    fix='write defaults: "", minimal or none',
)
ESLAG = rule(
    "fabricator-eslag",
    what="The ESLAG MAC base is a MAC address of 48 bits, and the ESI prefix has 12 characters.",
    why="The identifiers of ESLAG port channels are made from them.",
    source=_CONFIG,
    fix='leave them out, or write as in eslagMACBase: "f2:00:00:00:00:00" and eslagESIPrefix: "00:f2:00:00:"',
)
NODE_COUNT = rule(
    "node-count",
    what="There is exactly one ControlNode.",
    why="Upstream supports no other number.",
    source=_NODES,
    fix="keep one ControlNode in fab.yaml; add one if there is none",
)
NODE_NAME = rule(
    "node-name-taken",
    what="ControlNode and FabNodes have different names.",
    why="They are nodes of one Kubernetes cluster.",
    source=_NODES,
    fix="rename one of the two",
)
NODE_NAMESPACE = rule(
    "node-namespace",
    what="ControlNodes and FabNodes live in namespace fab.",
    why="hhfab looks nowhere else.",
    source="githedgehog/fabricator: api/fabricator/v1beta1 ControlNode.Validate, FabNode.Validate",
    fix="write namespace: fab",
)
NODE_FIELD = rule(
    "node-field",
    what="A node has a disk, a management interface and, if it is a ControlNode, an external interface and address.",
    why="The installer needs them.",
    source="githedgehog/fabricator: api/fabricator/v1beta1 ControlNode.Validate, FabNode.Validate",
    fix="write bootstrap.disk, management.interface, external.interface and external.ip (dhcp, or as in 10.0.0.5/24)",
)
NODE_ROLES = rule(
    "node-roles",
    what="The roles of a FabNode are gateway, once.",
    why="Upstream knows no other role.",
    source="githedgehog/fabricator: api/fabricator/v1beta1/fabnode_types.go FabNode.Validate",
    fix="write roles: [gateway]",
)
NODE_ADDRESS = rule(
    "node-address",
    what="The management address of a node is written with the length of the management subnet.",
    why="The node takes the length for that of its network.",
    source="githedgehog/fabricator: api/fabricator/v1beta1 ControlNode.Validate, FabNode.Validate",
    fix="write the address with the length of control.managementSubnet",
)
