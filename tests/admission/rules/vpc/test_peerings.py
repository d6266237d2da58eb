"""What a cluster says of VPCPeerings and ExternalPeerings."""

from __future__ import annotations

import pytest

from hedgehog.admission.review import Admission
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from tests.admission.rules.factories import (
    broken_rules,
    make_admission,
    make_external,
    make_external_peering,
    make_gateway_peering,
    make_subnet,
    make_vpc,
    make_vpc_peering,
)


def fabric(*more: Manifest, settings: FabricSettings | None = None) -> Admission:
    """Two VPCs and an External of one namespace, and `far` and `away` of others."""
    return make_admission(
        make_vpc("vpc-1"),
        make_vpc("vpc-2", {"default": make_subnet(2)}),
        make_vpc("far", {"default": make_subnet(3)}, ipv4Namespace="other", vlanNamespace="other"),
        make_external("ext-1"),
        make_external("away", ipv4Namespace="other"),
        *more,
        settings=settings,
    )


@pytest.mark.parametrize(
    ("peering", "expected"),
    [
        (make_vpc_peering(), []),
        (make_vpc_peering({"vpc-1": {"subnets": ["default"]}, "vpc-2": {}}, {"vpc-2": {}, "vpc-1": {}}), []),
        (make_vpc_peering(remote="spines"), ["vpc-peering-remote .spec.remote"]),
        (make_vpc_peering({"vpc-1": {}}), ["vpc-peering-two-vpcs .spec.permit[0]"]),
        (
            make_vpc_peering({"vpc-1": {}, "vpc-2": {}}, {"vpc-1": {}, "far": {}}),
            ["vpc-peering-two-vpcs .spec.permit"],
        ),
        (make_vpc_peering({"vpc-1": {}, "vpc-9": {}}), ["vpc-peering-vpc-absent .spec.permit[0].vpc-9"]),
        (
            make_vpc_peering({"vpc-1": {}, "far": {}}),
            ["vpc-peering-ipv4-namespaces .spec.permit", "vpc-peering-vlan-namespaces .spec.permit"],
        ),
        (
            make_vpc_peering({"vpc-1": {"subnets": ["default", "nope"]}, "vpc-2": {}}),
            ["vpc-peering-subnet-absent .spec.permit[0].vpc-1.subnets[1]"],
        ),
    ],
)
def test_a_vpc_peering_joins_two_vpcs_of_the_same_namespaces(peering: Manifest, expected: list[str]) -> None:
    """With existing subnets."""
    assert broken_rules(fabric().create(peering)) == expected


def test_vpc_peering_can_be_switched_off() -> None:
    """For a whole fabric."""
    settings = FabricSettings(vpc_peering_disabled=True)
    assert broken_rules(fabric(settings=settings).create(make_vpc_peering())) == ["vpc-peering-disabled ."]


@pytest.mark.parametrize(
    ("peering", "expected"),
    [
        (make_external_peering(), []),
        (make_external_peering({"name": "vpc-1", "subnets": ["default"]}), []),
        (make_external_peering({}), ["external-peering-vpc-required .spec.permit.vpc.name"]),
        (make_external_peering(external={}), ["external-peering-external-required .spec.permit.external.name"]),
        (make_external_peering({"name": "vpc-9"}), ["external-peering-vpc-absent .spec.permit.vpc.name"]),
        (
            make_external_peering(external={"name": "ext.ext-1"}),
            ["external-peering-external-absent .spec.permit.external.name"],
        ),
        (make_external_peering(external={"name": "away"}), ["external-peering-ipv4-namespaces .spec.permit"]),
        (
            make_external_peering({"name": "vpc-1", "subnets": ["nope"]}),
            ["external-peering-subnet-absent .spec.permit.vpc.subnets[0]"],
        ),
        (
            make_external_peering(external={"name": "ext-1", "prefixes": [{"prefix": ""}]}),
            ["external-peering-prefix-required .spec.permit.external.prefixes[0].prefix"],
        ),
        (
            make_external_peering(external={"name": "ext-1", "prefixes": [{"prefix": "0.0.0.0/0"}, {"prefix": "x"}]}),
            ["external-peering-prefix .spec.permit.external.prefixes[1].prefix"],
        ),
    ],
)
def test_an_external_peering_joins_a_vpc_and_an_external(peering: Manifest, expected: list[str]) -> None:
    """Of one IPv4Namespace; what is not a prefix is only warned of."""
    assert broken_rules(fabric().create(peering)) == expected


def test_a_refused_peering_names_the_existing_subnets() -> None:
    """The object, the field, what is wrong."""
    verdict = fabric().create(make_external_peering({"name": "vpc-1", "subnets": ["nope"]}))
    assert [str(one) for one in verdict.violations] == [
        ".spec.permit.vpc.subnets[0]: VPC vpc-1 has no subnet 'nope'; it has default"
    ]


def test_a_second_peering_of_a_pair_is_a_warning() -> None:
    """Upstream accepts it (#1552, #1553), except for the same object twice."""
    admission = fabric(make_vpc_peering(name="first"), make_external_peering(name="first"))
    again = admission.create(make_vpc_peering({"vpc-2": {}, "vpc-1": {}}, name="second"))
    assert (again.accepted, broken_rules(again)) == (True, ["vpc-peering-duplicate .spec.permit"])
    assert broken_rules(admission.create(make_external_peering(name="second"))) == [
        "external-peering-duplicate .spec.permit"
    ]
    assert broken_rules(admission.update(make_vpc_peering(name="first"))) == []
    assert broken_rules(admission.update(make_external_peering(name="first"))) == []


def test_peering_a_pair_by_fabric_and_gateway_is_a_warning() -> None:
    """Whichever of them comes second (#1551)."""
    admission = fabric(
        make_gateway_peering(name="gate"), make_gateway_peering(sides=("ext.ext-1", "vpc-1"), name="gate-out")
    )
    assert broken_rules(admission.create(make_vpc_peering())) == ["peering-fabric-and-gateway .spec.permit"]
    assert broken_rules(admission.create(make_external_peering())) == ["peering-fabric-and-gateway .spec.permit"]


def test_peerings_can_always_be_deleted() -> None:
    """Nothing refers to them."""
    admission = fabric(make_vpc_peering(), make_external_peering())
    assert admission.delete("VPCPeering", "peering").accepted
    assert admission.delete("ExternalPeering", "peering").accepted
