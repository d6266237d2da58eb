"""What hhfab refuses in a hydrated wiring, and where it differs from a cluster."""

from __future__ import annotations

import pytest

from devstack.objects import make, make_attachment, make_vpc
from devstack.unhydrated import make_wiring
from hedgehog.admission.check import check_objects
from hedgehog.admission.hhfab.objects import object_violations
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.settings import FabricSettings

SETTINGS = FabricSettings()


def hydrated(*more):
    wiring = [*make_wiring(servers=2), *more]
    after = hydrate(wiring, ranges_of(SETTINGS), HydrationMode.IF_NOT_PRESENT).objects
    return list({**{ObjectRef.of(one): one for one in wiring}, **{ObjectRef.of(one): one for one in after}}.values())


def by_hhfab(*objects):
    return {one.rule.id for _, one in object_violations(objects, SETTINGS)}


def by_cluster(*objects):
    return {
        one.rule.id for found in check_objects(objects, SETTINGS).values() if found.refused for one in found.violations
    }


def test_a_hydrated_wiring_is_accepted_by_both():
    """Every object beside all others."""
    assert (by_hhfab(*hydrated()), by_cluster(*hydrated())) == (set(), set())


MCLAG = make(
    "Connection",
    "server-0001--mclag--leaf-01--leaf-02",
    {
        "mclag": {
            "links": [{"server": {"port": f"server-0001/e{n}"}, "switch": {"port": f"leaf-0{n}/E1/9"}} for n in (1, 2)]
        }
    },
)
WITHIN = make(
    "Connection",
    "leaf-01--external",
    {
        "staticExternal": {
            "link": {"switch": {"port": "leaf-01/E1/40", "ip": "10.9.0.1/24", "nextHop": "10.9.0.2"}},
            "withinVPC": "vpc-1",
        }
    },
)
ELSEWHERE = make("SwitchGroup", "group", namespace="default") | {"metadata": {"name": "group", "namespace": "fab"}}


@pytest.mark.parametrize(
    ("extra", "hhfab", "cluster"),
    [
        (MCLAG, set(), {"connection-mclag-removed"}),
        (WITHIN, set(), {"connection-vpc-missing"}),
        (ELSEWHERE, {"metadata-namespace"}, set()),
    ],
    ids=["MCLAG", "withinVPC", "SwitchGroup elsewhere"],
)
def test_hhfab_and_a_cluster_differ_where_upstream_differs(extra, hhfab, cluster):
    """Rules of the webhooks' own, of the API server's, and of kinds without a webhook."""
    assert by_hhfab(*hydrated(extra)) == hhfab
    assert by_cluster(*hydrated(extra)) >= cluster


@pytest.mark.parametrize("namespaces", [[], ["default"]])
def test_other_objects_are_seen_without_their_defaults(namespaces):
    """Therefore an attachment needs a switch that names its VLANNamespaces; a cluster has filled them in."""
    vpc = make_vpc("vpc-1")
    attached = make_attachment("vpc-1--server-0001", "vpc-1", "server-0001--unbundled--leaf-01")
    objects = hydrated(vpc, attached)
    for one in objects:
        if one["kind"] == "Switch" and namespaces:
            one["spec"]["vlanNamespaces"] = namespaces
    assert by_hhfab(*objects) == (set() if namespaces else {"attachment-vlan-namespace"})
    assert by_cluster(*objects) == set()


def test_what_upstream_finds_by_labels_it_does_not_find_here():
    """Nobody has computed them: two attachments of one subnet to one connection pass."""
    vpc = make_vpc("vpc-1")
    twice = [make_attachment(f"a-{n}", "vpc-1", "server-0001--unbundled--leaf-01") for n in (1, 2)]
    objects = hydrated(vpc, *twice)
    for one in objects:
        if one["kind"] == "Switch":
            one["spec"]["vlanNamespaces"] = ["default"]
    assert by_hhfab(*objects) == set()
    assert by_cluster(*objects) == {"attachment-duplicate"}


def test_an_object_that_its_schema_refuses_does_not_end_the_check():
    """Rules rely on the schema, which hhfab does not have."""
    broken = make("Switch", "odd", {"profile": "vs"})
    assert "field-value" in by_hhfab(*hydrated(), broken)
