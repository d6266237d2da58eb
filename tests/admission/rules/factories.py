"""Smallest valid objects and fabrics for tests of rules."""

from __future__ import annotations

from typing import Any

from devstack.objects import make
from hedgehog.admission.controllers import ControlledFabric
from hedgehog.admission.review import Admission, AdmissionResponse
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings


def make_switch(name: str = "leaf-1", number: int = 1, **spec: Any) -> Manifest:
    """A leaf with addresses of its own; *spec* replaces fields, None removes one."""
    fields = {
        "role": "server-leaf",
        "profile": "dell-s5248f-on",
        "asn": 65100 + number,
        "ip": f"172.30.0.{number + 9}/21",
        "protocolIP": f"172.30.8.{number + 1}/32",
        "vtepIP": f"172.30.12.{number}/32",
        **spec,
    }
    return make("Switch", name, {field: value for field, value in fields.items() if value is not None})


def make_spine(name: str = "spine-1", number: int = 100, **spec: Any) -> Manifest:
    """A spine."""
    return make_switch(name, number, **{"role": "spine", "profile": "vs", "asn": 65100, "vtepIP": None, **spec})


def make_profile(name: str = "mine", **spec: Any) -> Manifest:
    """A SwitchProfile with a management port, a port in a group, a fixed one and one that can be split; see `make_switch`."""
    fields = {
        "displayName": "Mine",
        "switchSilicon": "vs",
        "nosType": "sonic-bcm-vs",
        "platform": "x86_64-mine-r0",
        "features": {"l2vni": True, "l3vni": True, "eslag": True},
        "ports": {
            "M1": {"nos": "Management0", "management": True, "oniePortName": "eth0"},
            "E1/1": {"nos": "Ethernet0", "label": "1", "group": "1"},
            "E1/2": {"nos": "Ethernet1", "label": "2", "profile": "SFP"},
            "E1/3": {"nos": "1/3", "baseNOSName": "Ethernet2", "label": "3", "profile": "QSFP", "pipeline": "1"},
        },
        "portGroups": {"1": {"nos": "1", "profile": "SFP"}},
        "portProfiles": {
            "SFP": {"speed": {"default": "25G", "supported": ["10G", "25G"]}},
            "QSFP": {
                "breakout": {
                    "default": "1x100G",
                    "supported": {
                        "1x100G": {"offsets": ["0"]},
                        "2x50G": {"offsets": ["0", "2"]},
                        "4x25G": {"offsets": ["0", "1", "2", "3"]},
                    },
                },
                "autoNegAllowed": True,
            },
        },
        "pipelines": {"1": {"maxPorts": 4}},
        **spec,
    }
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "SwitchProfile",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {field: value for field, value in fields.items() if value is not None},
    }


def make_admission(*more: Manifest, settings: FabricSettings | None = None) -> Admission:
    """A fabric with the built-in profiles, VLANNamespace and IPv4Namespace `default`, SwitchGroup `pair`, and *more*."""
    settings = settings or FabricSettings()
    return ControlledFabric(
        settings,
        [
            make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
            make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"]}),
            make("SwitchGroup", "pair"),
            *more,
        ],
    )


def broken_rules(verdict: AdmissionResponse) -> list[str]:
    """Rule and place of each violation, as `rule-id .spec.field`."""
    return [f"{one.rule.id} {str(one).split(': ')[0]}" for one in verdict.violations]


def make_subnet(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A subnet of a VPC, 10.0.1.0/24 with VLAN 1001 for *number* 1; *fields* replace, None removes one."""
    subnet = {"subnet": f"10.0.{number}.0/24", "vlan": 1000 + number, **fields}
    return {field: value for field, value in subnet.items() if value is not None}


def make_vpc(name: str = "vpc-1", subnets: dict[str, Any] | None = None, **spec: Any) -> Manifest:
    """A VPC, with subnet `default` unless others are given."""
    return make("VPC", name, {"subnets": {"default": make_subnet()} if subnets is None else subnets, **spec})


def make_link(name: str, kind: str = "unbundled", *switches: str) -> Manifest:
    """A Connection of type *kind* from server `srv-1` to the *switches*, `leaf-1` where none is named."""
    ends = [
        {"server": {"port": f"srv-1/{name}-{number}"}, "switch": {"port": f"{switch}/E1/{number}"}}
        for number, switch in enumerate(switches or ("leaf-1",), start=1)
    ]
    return make("Connection", name, {kind: {"link": ends[0]} if kind == "unbundled" else {"links": ends}})


def make_external(name: str = "ext-1", **spec: Any) -> Manifest:
    """An External, reached by BGP unless `static` is given."""
    communities = {} if "static" in spec else {"inboundCommunity": "65000:1", "outboundCommunity": "65000:2"}
    return make("External", name, {**communities, **spec})


def make_external_attachment(
    name: str = "attached", external: str = "ext-1", connection: str = "border", **spec: Any
) -> Manifest:
    """An ExternalAttachment in the BGP form unless `static` is given; *spec* replaces fields."""
    bgp = {"switch": {"ip": "100.1.0.1/24", "vlan": 10}, "neighbor": {"asn": 65001, "ip": "100.1.0.2"}}
    return make(
        "ExternalAttachment",
        name,
        {"external": external, "connection": connection, **({} if "static" in spec else bgp), **spec},
    )


def make_external_peering(
    vpc: dict[str, Any] | None = None, external: dict[str, Any] | None = None, name: str = "peering"
) -> Manifest:
    """An ExternalPeering of `vpc-1` and `ext-1`."""
    sides = {
        "vpc": {"name": "vpc-1"} if vpc is None else vpc,
        "external": {"name": "ext-1"} if external is None else external,
    }
    return make("ExternalPeering", name, {"permit": sides})


def make_vpc_peering(*permit: dict[str, Any], name: str = "peering", **spec: Any) -> Manifest:
    """A VPCPeering of `vpc-1` and `vpc-2`, unless policies are given."""
    return make("VPCPeering", name, {"permit": list(permit) or [{"vpc-1": {}, "vpc-2": {}}], **spec})


def make_gateway(name: str = "gw-1", number: int = 1, **spec: Any) -> Manifest:
    """A Gateway with addresses of its own; *spec* replaces fields, None removes one."""
    fields = {
        "asn": 65534,
        "protocolIP": f"172.30.8.{number + 199}/32",
        "vtepIP": f"172.30.12.{number + 199}/32",
        "vtepMAC": f"ca:fe:ba:be:00:{number:02x}",
        "interfaces": {"enp2s1": {"ips": ["172.30.128.1/31"]}},
        "neighbors": [{"ip": "172.30.128.0", "asn": 65101, "source": "enp2s1"}],
        **spec,
    }
    return make("Gateway", name, {field: value for field, value in fields.items() if value is not None})


def make_expose(*cidrs: str, **fields: Any) -> dict[str, Any]:
    """One expose of a GatewayPeering, of these CIDRs."""
    return {"ips": [{"cidr": cidr} for cidr in cidrs], **fields}


def make_gateway_peering(
    one: list[dict[str, Any]] | None = None,
    other: list[dict[str, Any]] | None = None,
    name: str = "peering",
    sides: tuple[str, str] = ("vpc-1", "vpc-2"),
    **spec: Any,
) -> Manifest:
    """A GatewayPeering with what each side exposes: 10.0.1.0/24 and the default unless given."""
    exposed = (
        [make_expose("10.0.1.0/24")] if one is None else one,
        [{"default": True}] if other is None else other,
    )
    return make(
        "GatewayPeering",
        name,
        {"peering": {side: {"expose": what} for side, what in zip(sides, exposed, strict=True)}, **spec},
    )
