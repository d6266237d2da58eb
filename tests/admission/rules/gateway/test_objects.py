"""What a cluster says of Gateways, GatewayGroups and VPCInfos."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make
from hedgehog.admission.review import Admission
from hedgehog.admission.rules.vpc.infos import vpc_info
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import (
    broken_rules,
    make_admission,
    make_external,
    make_gateway,
    make_gateway_peering,
    make_subnet,
    make_switch,
    make_vpc,
)

INTERFACE = {"ips": ["172.30.128.1/31"]}
NEIGHBOR = {"ip": "172.30.128.0", "asn": 65101}


def fabric(*more: Manifest, settings: FabricSettings | None = None) -> Admission:
    """GatewayGroup `default`, and nothing else of gateways."""
    return make_admission(make("GatewayGroup", "default"), *more, settings=settings)


def make_info(**status: Any) -> Manifest:
    """A VPCInfo as a controller begins it."""
    return {
        "apiVersion": "gateway.githedgehog.com/v1alpha1",
        "kind": "VPCInfo",
        "metadata": {"name": "vpc-1", "namespace": "default"},
        "spec": {"vni": 100, "subnets": {"default": {"cidr": "10.0.1.0/24"}}},
        "status": status,
    }


def linked(name: str = "enp2s1", **interface: Any) -> Manifest:
    """A Gateway with one interface, and no interface named by its neighbour."""
    return make_gateway(interfaces={name: {**INTERFACE, **interface}}, neighbors=[NEIGHBOR])


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        (make_gateway(), []),
        (make_gateway(workers=65), ["gateway-workers .spec.workers"]),
        (make_gateway(protocolIP=None), ["gateway-protocol-ip .spec.protocolIP"]),
        (make_gateway(protocolIP="172.30.8.200/31"), ["gateway-protocol-ip .spec.protocolIP"]),
        (make_gateway(vtepIP="fd00::1/32"), ["gateway-vtep-ip .spec.vtepIP"]),
        (make_gateway(vtepIP="224.0.0.1/32"), ["gateway-vtep-ip .spec.vtepIP"]),
        (make_gateway(vtepIP="127.0.0.1/32"), ["gateway-vtep-ip .spec.vtepIP"]),
        (make_gateway(vtepMAC="x"), ["gateway-vtep-mac .spec.vtepMAC"]),
        (make_gateway(vtepMAC="00-00-00-00-00-00"), ["gateway-vtep-mac .spec.vtepMAC"]),
        (make_gateway(vtepMAC="01:00:5e:00:00:01"), ["gateway-vtep-mac .spec.vtepMAC"]),
        (make_gateway(asn=None), ["gateway-asn .spec.asn"]),
        (make_gateway(neighbors=None), ["gateway-neighbors-empty .spec.neighbors"]),
        (
            make_gateway(neighbors=[{"ip": "0.0.0.0"}]),
            ["gateway-neighbor-ip .spec.neighbors[0].ip", "gateway-neighbor-asn .spec.neighbors[0].asn"],
        ),
        (make_gateway(interfaces=None, neighbors=[NEIGHBOR]), ["gateway-interfaces-empty .spec.interfaces"]),
        (linked(pci="0000:02:00.0"), []),
        (linked(kernel="eth0"), []),
        (linked("e"), ["gateway-interface-name .spec.interfaces.e"]),
        (linked("abcdefghijk"), ["gateway-interface-name .spec.interfaces.abcdefghijk"]),
        (linked(kernel="9x"), ["gateway-interface-name .spec.interfaces.enp2s1.kernel"]),
        (linked(kernel="enp2s1"), ["gateway-interface-kernel .spec.interfaces.enp2s1.kernel"]),
        (linked(ips=[]), ["gateway-interface-ips .spec.interfaces.enp2s1.ips"]),
        (linked(ips=["fd00::1/64"]), ["gateway-interface-ips .spec.interfaces.enp2s1.ips[0]"]),
        (linked(pci="0000:02:00.0", kernel="eth0"), ["gateway-interface-driver .spec.interfaces.enp2s1"]),
        (linked(pci="0000:2:00.0"), ["gateway-interface-pci .spec.interfaces.enp2s1.pci"]),
        (linked(pci="0000:02:20.0"), ["gateway-interface-pci .spec.interfaces.enp2s1.pci"]),
        (
            make_gateway(groups=[{"name": "default"}, {"name": "default"}, {"name": "nope"}]),
            ["gateway-group-twice .spec.groups[1].name", "gateway-group-absent .spec.groups[2].name"],
        ),
        (
            make_gateway(protocolIP="10.1.1.1/32", vtepIP="10.1.1.2/32"),
            ["gateway-address-foreign .spec.protocolIP", "gateway-address-foreign .spec.vtepIP"],
        ),
        (make_gateway(asn=65000), ["gateway-asn-foreign .spec.asn"]),
        (make_gateway(vtepMAC="02:00:5e:10:00:00:00:01"), ["gateway-vtep-mac-length .spec.vtepMAC"]),
        (
            make_gateway(logs={"default": "loud", "tags": {"all": "info", "net": ""}}),
            ["gateway-log-level .spec.logs.default", "gateway-log-level .spec.logs.tags.net"],
        ),
        (
            make_gateway(neighbors=[{**NEIGHBOR, "source": "eth9"}]),
            ["gateway-neighbor-source .spec.neighbors[0].source"],
        ),
    ],
)
def test_a_gateway_has_addresses_interfaces_and_neighbours(gateway: Manifest, expected: list[str]) -> None:
    """What upstream accepts by mistake is a warning."""
    assert broken_rules(fabric().create(gateway)) == expected


def test_addresses_of_gateways_are_unique() -> None:
    """Neither another Gateway has them, nor a Switch; however a MAC address is written."""
    admission = fabric(make_gateway("other", 2), make_switch())
    twin = make_gateway("gw-1", 2, vtepMAC="CA-FE-BA-BE-00-02")
    assert broken_rules(admission.create(twin)) == [
        f"gateway-address-taken .spec.{field}" for field in ("protocolIP", "vtepIP", "vtepMAC")
    ]
    switch = make_switch()["spec"]
    assert broken_rules(admission.create(make_gateway(protocolIP=switch["protocolIP"]))) == [
        "gateway-address-taken .spec.protocolIP"
    ]
    assert broken_rules(admission.update(make_gateway("other", 2))) == []


def test_a_group_has_at_most_as_many_gateways_as_there_are_communities() -> None:
    """A member may be updated in a full one."""
    admission = fabric(*(make_gateway(f"gw-{n}", n) for n in (1, 2)), settings=FabricSettings(gateway_communities=2))
    assert broken_rules(admission.create(make_gateway("gw-3", 3))) == ["gateway-group-full .spec.groups[0].name"]
    assert broken_rules(admission.update(make_gateway("gw-1", 1))) == []


def test_without_gateways_all_gateway_kinds_are_refused() -> None:
    """And for that reason only."""
    admission = fabric(make_vpc("vpc-1"), settings=FabricSettings(gateway_enabled=False))
    for manifest in (make_gateway(), make("GatewayGroup", "mine"), make_info()):
        assert broken_rules(admission.create(manifest)) == ["gateway-not-enabled ."]
    assert "gateway-not-enabled ." in broken_rules(admission.create(make_gateway_peering()))


def test_gateways_wait_until_every_vpcinfo_is_ready() -> None:
    """The one that is not is named."""
    waiting = fabric(make_info()).create(make_gateway())
    assert [str(one) for one in waiting.violations] == [".: VPCInfo vpc-1 has no internalID yet"]
    assert broken_rules(fabric(make_info(internalID="00001")).create(make_gateway())) == []


def test_a_vpcinfo_has_a_vni_and_cidrs() -> None:
    """Controllers write them, but admission looks."""
    unsound = {**make_info(), "spec": {"subnets": {"default": {"cidr": "x"}}}}
    assert broken_rules(fabric().create(unsound)) == [
        "vpcinfo-vni .spec.vni",
        "vpcinfo-cidr .spec.subnets.default.cidr",
    ]


def test_controllers_create_one_vpcinfo_per_vpc_and_external() -> None:
    """Ready for use; of nothing else."""
    vpc = stored(make_vpc("vpc-1", {"default": make_subnet(1), "web": make_subnet(2)}), FabricSettings())
    head = {"apiVersion": "gateway.githedgehog.com/v1alpha1", "kind": "VPCInfo"}
    assert vpc_info(vpc) == {
        **head,
        "metadata": {"name": "vpc-1", "namespace": "default"},
        "spec": {"subnets": {"default": {"cidr": "10.0.1.0/24"}, "web": {"cidr": "10.0.2.0/24"}}},
        "status": {"internalID": "00000"},
    }
    assert vpc_info(stored(make_external("ext-1"), FabricSettings())) == {
        **head,
        "metadata": {"name": "ext.ext-1", "namespace": "default"},
        "spec": {"subnets": {"external": {"cidr": "0.0.0.0/0"}}},
        "status": {"internalID": "00000"},
    }
    assert vpc_info(make_gateway()) is None


def test_gateway_objects_can_always_be_deleted() -> None:
    """Upstream looks at nothing."""
    admission = fabric(make_gateway(), make_info(internalID="00001"))
    for kind, name in (("GatewayGroup", "default"), ("Gateway", "gw-1"), ("VPCInfo", "vpc-1")):
        assert admission.delete(kind, name).accepted
