"""The release of a cluster is told by the definitions that it has."""

from __future__ import annotations

import pytest

from hedgehog.fabric.settings import Upstream
from hedgehog.kube.release import detect_release
from tests.kube.fake_server import Reply, serve, status

VPCS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/vpcs.vpc.githedgehog.com"


def definition(spec=(), subnet=()):
    """The CRD of VPCs with more fields in its spec and in its subnets."""
    fields = {"type": "object", "properties": {key: {"type": "integer"} for key in subnet}}
    properties = {**{key: {"type": "object"} for key in spec}, "subnets": {"additionalProperties": fields}}
    schema = {"openAPIV3Schema": {"properties": {"spec": {"properties": properties}}}}
    return {"spec": {"versions": [{"name": "v1beta1", "schema": schema}]}}


def served(*names):
    """What a cluster says of a group and version."""
    return {"resources": [{"name": name} for name in names]}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({VPCS: definition()}, Upstream.V0_126),
        ({VPCS: definition(subnet=["hostBGPMinPrefixLen"])}, Upstream.V0_129),
        ({VPCS: definition(spec=["topology"], subnet=["hostBGPMinPrefixLen"])}, Upstream.NEWER),
        ({"/apis/vpc.githedgehog.com/v1beta1": served("vpcs", "vpcinterconnects")}, Upstream.NEWER),
        ({"/apis/wiring.githedgehog.com/v1beta1": served("switches", "fabrics")}, Upstream.NEWER),
        ({"/apis/fcint.githedgehog.com/v1alpha1": served("fabriccontrollers")}, Upstream.NEWER),
        ({"/apis/wiring.githedgehog.com/v1beta1": served("switches"), VPCS: definition()}, Upstream.V0_126),
        ({}, None),
    ],
)
def test_a_release_is_known_by_its_kinds_and_fields(answers, expected):
    """Our own Fabric, which has another version, is not upstream's."""
    with serve(
        lambda request: Reply(body=answers[request.path]) if request.path in answers else status(404, "no")
    ) as fake:
        assert detect_release(fake.cluster) == expected


def test_definitions_that_may_not_be_read_say_nothing():
    """The release stays what the fabric's settings say."""
    with serve(lambda request: status(403 if "customresource" in request.path else 404, "no")) as fake:
        assert detect_release(fake.cluster) is None
