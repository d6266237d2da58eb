"""Whatever an object holds, a check has an answer, and the other objects have theirs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgehog.admission.check import check_objects, check_rounds
from hedgehog.admission.files import check_files
from hedgehog.admission.review import Operation
from hedgehog.admission.rules.vpc import objects as vpcs
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import limits
from tests.admission.check_lab import findings, make, make_namespaces, make_peering, make_vpc, ref
from tests.admission.damage import EXAMPLES, damaged, examples

OBJECTS = examples()
SETTINGS = FabricSettings()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_a_check_never_raises_whatever_the_objects_are(data):
    """Rows changed by hand, objects of a cluster with odd values: they are refused by themselves."""
    number = data.draw(st.integers(0, len(OBJECTS) - 1))
    broken = data.draw(damaged(OBJECTS[number]))
    wanted, before = list(OBJECTS), list(OBJECTS)
    if data.draw(st.booleans()):
        wanted[number] = broken
    if data.draw(st.booleans()):
        before[number] = broken
    for finding in check_rounds(wanted, SETTINGS, before=before).findings.values():
        assert finding.violations


def test_an_object_on_which_a_rule_fails_is_refused_and_the_others_are_checked(monkeypatch):
    """A fault of ours in one rule costs the objects that it meets."""

    def fail(new, state, old):
        if new["metadata"]["name"] == "b":
            raise KeyError("port")
        return iter(())

    monkeypatch.setattr(vpcs.KINDS["VPC"], "validate", fail)
    objects = [*make_namespaces(), make_vpc("a", 1), make_vpc("b", 2), make_peering("a", "b")]
    assert findings(objects) == {"VPC/b": ("create", ["object-unverified"], None), "VPCPeering/a--b": ANY_REFERENCE}


ANY_REFERENCE = ("create", ["reference-refused"], "VPC/b")


@pytest.mark.parametrize("spec", ["text", {"subnets": 5}, {"subnets": {"a": {"subnet": [], "vlan": {}}}}, []])
def test_an_impossible_old_object_does_not_block_new_ones(spec):
    """A row that was changed by hand is refused by itself."""
    stored = make("VPC", "odd", spec)
    before = [*make_namespaces(), stored]
    assert findings([*before, make_vpc("new", 7)], before=before).keys() <= {"VPC/odd"}


def test_a_delete_is_answered_although_the_old_object_is_damaged():
    """It is not a reason to keep it for ever."""
    before = [*make_namespaces(), make("VPC", "odd", "text")]
    assert check_objects(make_namespaces(), SETTINGS, before=before) == {}


def test_an_object_nested_without_end_is_refused():
    """Copying it would run out of stack."""
    deep: dict[str, object] = {}
    here = deep
    for _ in range(5000):
        here["a"] = here = {}
    found = findings([*make_namespaces(), make_vpc("a", 1), make("VPC", "deep", deep)])
    assert found == {"VPC/deep": ("create", ["object-unverified"], None)}


def test_an_object_that_is_not_reached_in_time_is_refused(monkeypatch):
    """Nothing is accepted unchecked."""
    monkeypatch.setattr(limits, "SECONDS", -1.0)
    monkeypatch.setattr(limits, "SECONDS_PER_OBJECT", 0.0)
    found = check_objects(make_namespaces(), SETTINGS)
    assert {one.name: finding.violations[0].rule.id for one, finding in found.items()} == {
        "default": "object-unverified"
    }
    assert all("too large" in finding.violations[0].message for finding in found.values())


def test_a_fabricator_whose_settings_cannot_be_read_is_refused_by_itself():
    """The others are judged by what can be read of it, or by the one before it."""
    fabricator = {
        "apiVersion": "fabricator.githedgehog.com/v1beta1",
        "kind": "Fabricator",
        "metadata": {"name": "default", "namespace": "fab"},
        "spec": {"config": {"control": {"managementSubnet": "nonsense"}}},
    }
    found = check_objects([*make_namespaces(), make_vpc("a", 1), fabricator], SETTINGS)
    assert {one: finding.operation for one, finding in found.items()} == {
        ObjectRef("Fabricator", "fab", "default"): Operation.CREATE
    }


def test_an_unchanged_object_is_not_an_update():
    """The webhook refuses every update of this VLANNamespace; spelt otherwise it is still the same."""
    host = make("VPC", "host", {"subnets": {"a": {"subnet": "10.0.9.0/24", "hostBGP": True}}})
    ipv4, vlan = make_namespaces()
    everything = [ref("VLANNamespace/default"), ref("IPv4Namespace/default"), ref("VPC/host")]
    assert findings([ipv4, vlan, host], before=[ipv4, vlan, host], recheck=everything) == {}
    spelt = {**vlan, "spec": {"ranges": [{"from": 1000, "to": 2998}, {"from": 2999}]}}
    before = {**vlan, "spec": {"ranges": [{"from": 1000, "to": 2998}, {"from": 2999, "to": 2999}]}}
    assert findings([ipv4, spelt, host], before=[ipv4, before, host]) == {}
    assert findings([ipv4, vlan, host], before=[ipv4, before, host]).keys() == {"VLANNamespace/default"}


def test_the_unchanged_files_of_a_fabric_are_valid_against_it():
    """`hedgehog validate --fabric gen` of the files that it was imported from."""
    files = {path.name: path.read_bytes() for path in EXAMPLES.glob("*.yaml")}
    report = check_files(files, SETTINGS, before=examples(1000), partial=True)
    assert [str(remark) for _, remark in report.remarks()] == []
