"""Which documents hhfab loads."""

from __future__ import annotations

import pytest

from devstack.objects import make
from devstack.unhydrated import make_fab, make_wiring
from hedgehog.admission.hhfab.documents import FAB_KINDS, WIRING_KINDS, fab_violations, load
from hedgehog.fabric.settings import FabricSettings

SPINE = make("Switch", "spine-01", {"role": "spine"})


def refused(*documents, kinds=WIRING_KINDS):
    return [one.rule.id for _, one in load(documents, kinds, FabricSettings())[1]]


def test_a_namespace_that_is_left_out_is_default():
    """Also that of a node, which then is in the wrong one."""
    bare = {**SPINE, "metadata": {"name": "spine-01"}}
    assert load([bare], WIRING_KINDS, FabricSettings())[0][0]["metadata"]["namespace"] == "default"


@pytest.mark.parametrize(
    ("documents", "rule"),
    [
        ([make_fab()[1]], "kind-unknown"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}], "kind-unknown"),
        ([{**SPINE, "apiVersion": "wiring.githedgehog.com/v1alpha2"}], "api-version-old"),
        ([{**SPINE, "metadata": {"name": "Spine"}}], "metadata-name"),
        ([{**SPINE, "spec": {"role": "spine", "ASN": 1}}], "field-unknown"),
        ([{**SPINE, "spec": {"role": "spine", "asn": "65100"}}], "field-type"),
        ([SPINE, SPINE], "object-duplicate"),
    ],
)
def test_each_document_that_cannot_be_loaded_is_refused(documents, rule):
    """With the rule that says why."""
    assert refused(*documents) == [rule]


def test_an_empty_vpc_in_a_peering_is_read_as_go_reads_it():
    """An API server drops it, and then refuses the peering."""
    peering = make("VPCPeering", "a--b", {"permit": [{"a": None, "b": None}]})
    loaded, _ = load([peering], WIRING_KINDS, FabricSettings())
    assert loaded[0]["spec"] == {"permit": [{"a": {}, "b": {}}]}


@pytest.mark.parametrize(
    ("left_out", "rule"), [(0, "fabricator-count"), (1, "node-count")], ids=["Fabricator", "ControlNode"]
)
def test_fab_yaml_has_a_fabricator_and_a_control_node(left_out, rule):
    """hhfab does not work without them."""
    fab = make_fab()
    del fab[left_out]
    loaded, _ = load(fab, FAB_KINDS, FabricSettings())
    assert [one.rule.id for _, one in fab_violations(loaded)] == [rule]


def test_a_whole_wiring_is_loaded():
    """Nothing is lost."""
    wiring = make_wiring(gateways=1, servers=2)
    assert load(wiring, WIRING_KINDS, FabricSettings()) == (wiring, [])
