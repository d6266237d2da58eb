"""What hhfab refuses in control nodes and others."""

from __future__ import annotations

import pytest

from devstack.unhydrated import make_fab
from hedgehog.admission.hhfab.nodes import length_violations, node_violations
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.settings import FabricSettings


def control(**spec):
    node = make_fab()[1]
    return {**node, "spec": {**node["spec"], **spec}}


def other(name="gateway-1", **spec):
    node = make_fab(gateways=1)[2]
    return {**node, "metadata": {**node["metadata"], "name": name}, "spec": {**node["spec"], **spec}}


def broken(*nodes):
    return {(".".join(map(str, one.path)), one.rule.id) for _, one in node_violations(nodes)}


def test_the_nodes_that_hhfab_makes_are_accepted():
    """One control node, and one per gateway."""
    assert broken(control(), other()) == set()


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ((control(), control()), ("", "node-count")),
        ((control(), other("control-1")), ("metadata.name", "node-name-taken")),
        ((control(bootstrap={}),), ("spec.bootstrap.disk", "node-field")),
        ((control(external={"interface": "e1", "ip": "10.0.0.1"}),), ("spec.external.ip", "node-field")),
        ((control(), other(management={})), ("spec.management.interface", "node-field")),
        ((control(), other(roles=["gateway", "gateway"])), ("spec.roles.1", "node-roles")),
        ((control(), other(roles=["router"])), ("spec.roles.0", "node-roles")),
    ],
)
def test_each_wrong_field_is_named(nodes, expected):
    """And nothing else is."""
    assert broken(*nodes) == {expected}


def test_nodes_live_in_the_namespace_of_the_installation():
    """hhfab looks nowhere else."""
    node = control()
    node["metadata"] = {**node["metadata"], "namespace": "default"}
    assert broken(node) == {("metadata.namespace", "node-namespace")}


def test_a_management_address_has_the_length_of_its_subnet():
    """The installer takes it for the length of the network."""
    node = control(management={"interface": "enp2s1", "ip": "172.30.0.5/24"})
    found = list(length_violations([node], ranges_of(FabricSettings())))
    assert [(one.rule.id, one.path) for _, one in found] == [("node-address", ("spec", "management", "ip"))]
