"""Whether a cluster's CRDs are what our schemas say."""

from __future__ import annotations

import copy
from pathlib import Path

from hedgehog.kube.crd_diff import CrdDifference, diff, diff_with
from hedgehog.kube.crds import render_all

SCHEMAS = Path(__file__).resolve().parents[2] / "include" / "schemas"


def crds():
    """Ours, by plural, to be changed."""
    return {crd["spec"]["names"]["plural"]: copy.deepcopy(crd) for crd in render_all(SCHEMAS)}


def schema(crd):
    """The schema inside a CRD."""
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_a_cluster_with_our_definitions_fits(api):
    """As `hedgehog crds render` made them."""
    assert diff_with(api) == []


def test_every_kind_of_difference_is_reported_by_its_field():
    """Fields, types, enums, what is required."""
    theirs = crds()
    vpc = schema(theirs["vpcs"])["properties"]["spec"]
    subnet = vpc["properties"]["subnets"]["additionalProperties"]
    subnet["properties"]["vlan"]["type"] = "string"
    subnet["properties"]["colour"] = {"type": "string"}
    del subnet["properties"]["gateway"]
    subnet["required"] = ["subnet"]
    role = schema(theirs["switches"])["properties"]["spec"]["properties"]["role"]
    role["enum"] = [*role["enum"], "super-leaf"]
    found = diff(crds().values(), theirs.values())
    assert [(one.plural, one.path, one.reason) for one in found] == [
        ("switches", ".spec.role", None),
        ("vpcs", ".spec.subnets.*", None),
        ("vpcs", ".spec.subnets.*.colour", None),
        ("vpcs", ".spec.subnets.*.gateway", None),
        ("vpcs", ".spec.subnets.*.vlan", None),
    ]
    assert [one.what for one in found[1:]] == [
        "required subnet",
        "only theirs",
        "only ours",
        "type: ours integer, theirs string",
    ]


def test_a_kind_that_is_not_there_and_another_version_are_reported():
    """One line each, not one a field."""
    theirs = crds()
    del theirs["gateways"]
    theirs["vpcs"]["spec"]["versions"][0]["name"] = "v1"
    assert diff(crds().values(), theirs.values()) == [
        CrdDifference("gateways", "", "the cluster has no such kind"),
        CrdDifference("vpcs", "", "version: ours v1beta1, theirs v1"),
    ]


def test_what_admission_fills_in_is_a_difference_with_a_reason():
    """Upstream's CRDs demand it, ours do not."""
    theirs = crds()
    schema(theirs["externalattachments"])["properties"]["spec"]["required"] = ["neighbor"]
    (found,) = diff(crds().values(), theirs.values())
    assert found.reason
    assert found.reason.startswith("admission fills it in")


def test_prose_and_our_own_kind_are_no_matter():
    """A cluster may lack our Fabric: a sync installs it."""
    theirs = crds()
    schema(theirs["vpcs"])["description"] = "other words"
    del theirs["fabrics"]
    assert diff(crds().values(), theirs.values()) == []
