"""What is refused of a fabric's changes is answered for every object, whatever is stored."""

from __future__ import annotations

import pytest

from hedgehog.fabric.model import Fabric
from hedgehog.services import validation
from hedgehog.services.validation import find_refusals
from tests.admission.check_lab import make, make_namespaces, make_vpc

LAB = Fabric(1, "lab", "lab")


def stored(manifest):
    """As the fabric database has it."""
    return {**manifest, "metadata": {"namespace": "default", **manifest["metadata"]}}


def make_fabricator(**config):
    """A Fabricator with *config*."""
    return {
        "apiVersion": "fabricator.githedgehog.com/v1beta1",
        "kind": "Fabricator",
        "metadata": {"name": "default", "namespace": "fab"},
        "spec": {"config": config},
    }


@pytest.mark.parametrize(
    "config", [{"fabric": {"spineASN": "x"}}, {"gateway": {"communities": ["a"]}}, {"control": {"controlVIP": 5}}]
)
def test_a_fabricator_that_cannot_be_read_is_held_and_the_rest_is_judged(config):
    """Import takes it; an exception would end the batch of its cluster."""
    objects = [stored(one) for one in (*make_namespaces(), make_vpc("a", 1), make_vpc("bad", 2, vlan=4000))]
    refusals = find_refusals(LAB, [*objects, make_fabricator(**config)], [])
    assert {str(ref) for ref in refusals.writes} == {"Fabricator/fab/default", "VPC/default/bad"}


def test_the_fabricator_before_stays_in_force_while_the_new_one_is_held():
    """The cluster keeps it, so its ranges count."""
    before = make_fabricator(fabric={"vpcIRBVLANs": [{"from": 1000, "to": 1999}]})
    wanted = make_fabricator(fabric={"vpcIRBVLANs": "none"})
    spaces = [stored(one) for one in make_namespaces()]
    refusals = find_refusals(LAB, [*spaces, wanted], [before])
    assert {str(ref) for ref in refusals.writes} == {"Fabricator/fab/default", "VLANNamespace/default/default"}


def test_a_judge_that_fails_holds_everything_that_would_change(monkeypatch):
    """In doubt nothing is done, and no batch ends."""

    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(validation, "check_rounds", fail)
    a, b, c = (stored(make_vpc(name, number)) for number, name in enumerate("abc", start=1))
    refusals = find_refusals(LAB, [a, b], [a, c])
    assert (sorted(map(str, refusals.writes)), sorted(map(str, refusals.deletes))) == (
        ["VPC/default/b"],
        ["VPC/default/c"],
    )
    assert "could not be verified: ZeroDivisionError" in refusals.writes.popitem()[1]


def test_an_object_in_the_database_that_no_cluster_can_have_is_held_alone():
    """Somebody wrote the row by hand."""
    odd = stored(make("VPC", "odd", "text"))
    spaces = [stored(one) for one in make_namespaces()]
    refusals = find_refusals(LAB, [*spaces, odd, stored(make_vpc("a", 1))], [])
    assert [str(ref) for ref in refusals.writes] == ["VPC/default/odd"]
