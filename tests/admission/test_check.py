"""A set of objects is admitted as a cluster would admit it, one wave after the other."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.admission.check import check_objects, check_rounds, identified, load
from hedgehog.admission.review import Operation
from hedgehog.fabric.canonical import canonical
from tests.admission.check_lab import SETTINGS, findings, make, make_namespaces, make_peering, make_vpc, ref


def test_valid_objects_have_no_findings_in_any_order():
    """The order of the files says nothing."""
    objects = [*make_namespaces(), make_vpc("a", 1), make_vpc("b", 2), make_peering("a", "b")]
    random.Random(1).shuffle(objects)
    assert findings(objects) == {}


def test_objects_that_refer_to_a_refused_one_name_it_and_the_rest_is_accepted():
    """One violation, however many rules miss the other object; good ones never wait for a bad one."""
    objects = [
        *make_namespaces(),
        make_vpc("bad", 1, vlan=4000),
        make_vpc("a", 2),
        make_vpc("b", 3),
        make_peering("bad", "a"),
        make_peering("a", "b"),
    ]
    found = check_objects(objects, SETTINGS)
    assert found.keys() == {ref("VPC/bad"), ref("VPCPeering/bad--a")}
    waiting = found[ref("VPCPeering/bad--a")]
    assert (waiting.because_of, waiting.stored) == (ref("VPC/bad"), None)
    (violation,) = waiting.violations
    assert (violation.rule.id, violation.path) == ("reference-refused", ("spec", "permit", 0, "bad"))
    assert violation.message == "refers to VPC/default/bad, which is refused"


def test_a_chain_of_references_names_the_refused_object_at_its_end():
    """The namespace is to blame for the peering."""
    spaces = make_namespaces()
    spaces[0]["spec"]["subnets"] = ["10.0.0.0/8", "10.0.0.0/9"]
    found = findings([*spaces, make_vpc("a", 1), make_vpc("b", 2), make_peering("a", "b")])
    assert {name: root for name, (_, _, root) in found.items()} == {
        "IPv4Namespace/default": None,
        "VPC/a": "IPv4Namespace/default",
        "VPC/b": "IPv4Namespace/default",
        "VPCPeering/a--b": "IPv4Namespace/default",
    }


def test_of_two_conflicting_objects_the_existing_one_is_kept():
    """Whatever their names."""
    new, old = make_vpc("a", 7), make_vpc("z", 7)
    together = [*make_namespaces(), new, old]
    assert list(findings(together)) == ["VPC/z"]
    assert list(findings(together, before=[*make_namespaces(), old])) == ["VPC/a"]


def test_unchanged_objects_are_checked_again_only_on_request():
    """The cluster took it once, under whatever rules."""
    objects = [*make_namespaces(), make_vpc("a", 1, vlan=4000)]
    assert findings(objects, before=objects) == {}
    assert list(findings(objects, before=objects, recheck=[ref("VPC/a")])) == ["VPC/a"]


def test_what_the_cluster_adds_to_an_object_is_not_a_change():
    """Identity, status and nulls."""
    plain = [*make_namespaces(), make_vpc("a", 1, vlan=4000)]
    live = [
        {
            **one,
            "metadata": {**one["metadata"], "namespace": "default", "uid": "u", "resourceVersion": "7"},
            "status": {},
        }
        for one in plain
    ]
    assert findings(plain, before=live) == {}


def test_a_change_may_need_what_another_change_frees():
    """Two syncs do it: the VLAN is free once the other VPC has left it, or is gone."""
    spaces = make_namespaces()
    before = [*spaces, make_vpc("z", 7)]
    assert findings([*spaces, make_vpc("z", 8), make_vpc("a", 7)], before=before) == {}
    assert findings([*spaces, make_vpc("a", 7)], before=before) == {}


def test_a_swap_needs_an_intermediate_step():
    """Each is refused while the other has it, as in a cluster."""
    spaces = make_namespaces()
    before = [*spaces, make_vpc("a", 1), make_vpc("b", 2)]
    assert findings([*spaces, make_vpc("a", 2), make_vpc("b", 1)], before=before).keys() == {"VPC/a", "VPC/b"}


@given(st.permutations(range(1, 8)), st.sampled_from([1, -1]))
def test_writes_of_one_step_are_accepted_in_any_order(numbers, direction):
    """Seven VPCs get the VLAN of another one or a free one: none gets it in the round in which it is freed."""
    names = [f"vpc-{i}" for i in range(1, 8)][::direction]
    moves = [number if number > i else 100 + i for i, number in enumerate(numbers, 1)]
    old = [make_vpc(name, i) for i, name in enumerate(names, 1)]
    new = [make_vpc(name, i, vlan=1000 + vlan) for i, (name, vlan) in enumerate(zip(names, moves, strict=True), 1)]
    rehearsal = check_rounds([*make_namespaces(), *new], SETTINGS, before=[*make_namespaces(), *old])
    assert rehearsal.findings == {}
    wanted = {one["metadata"]["name"]: one for one in new}
    fabric = load([*make_namespaces(), *old], SETTINGS)
    for step in rehearsal.rounds:
        verdicts = [fabric.update(wanted.pop(one.name)) for one in sorted(step.writes)]
        assert [verdict.violations for verdict in verdicts] == [()] * len(verdicts)
        for verdict in verdicts:
            fabric.put(verdict.stored)
    assert wanted == {}


def test_a_delete_is_refused_while_a_remaining_object_refers_to_it():
    """The namespace of a VPC; the VPC itself is fine."""
    spaces = make_namespaces()
    before = [*spaces, make_vpc("a", 1)]
    ((name, (operation, rules, _)),) = findings([spaces[0], before[2]], before=before).items()
    assert (name, operation, len(rules)) == ("VLANNamespace/default", "delete", 1)


def test_objects_that_refer_to_each_other_are_deleted_together():
    """In the reverse order of its references."""
    before = [*make_namespaces(), make_vpc("a", 1), make_vpc("b", 2), make_peering("a", "b")]
    assert findings([], before=before) == {}


def test_a_delete_that_only_upstream_allows_is_a_warning():
    """A SwitchGroup can be deleted even while a Switch refers to it."""
    group = make("SwitchGroup", "g", {}, "wiring")
    switch = make("Switch", "s", {"role": "server-leaf", "groups": ["g"]}, "wiring")
    found = check_objects([switch], SETTINGS, before=[group, switch])
    assert [str(one) for one in found] == ["SwitchGroup/default/g"]
    finding = found[ref("SwitchGroup/g")]
    assert (finding.refused, finding.operation) == (False, Operation.DELETE)
    (violation,) = finding.violations
    assert violation.rule.id == "reference-deleted"
    assert violation.message == "SwitchGroup/default/g is deleted, but Switch/default/s still refer to it"
    strict = check_objects([switch], SETTINGS, before=[group, switch], strict=True)
    assert strict[ref("SwitchGroup/g")].refused


def test_a_duplicate_object_is_refused():
    """Which one should it be?"""
    objects = [*make_namespaces(), make_vpc("a", 1), make_vpc("a", 2)]
    assert findings(objects) == {"VPC/a": ("create", ["object-duplicate"], None)}


def test_a_refused_change_leaves_the_existing_object():
    """What refers to the old object may stay, what needs the new one has to wait."""
    spaces = make_namespaces()
    before = [*spaces, make_vpc("a", 1), make_vpc("b", 2)]
    wanted = [*spaces, make_vpc("a", 1, vlan=4000), make_vpc("b", 2), make_peering("a", "b")]
    assert list(findings(wanted, before=before)) == ["VPC/a"]


@pytest.mark.parametrize(
    "manifest",
    [{}, {"kind": "VPC"}, {"kind": 5, "metadata": []}, {"kind": "VPC", "apiVersion": "x", "metadata": {"name": None}}],
)
def test_what_is_not_an_object_is_refused(manifest):
    """Nothing is raised."""
    (finding,) = check_objects([manifest], SETTINGS).values()
    assert finding.refused


def test_a_group_of_another_namespace_is_checked_by_itself():
    """Hedgehog looks into namespace default only, but the API server accepts it."""
    group = {**make("SwitchGroup", "g", {}, "wiring"), "metadata": {"name": "g", "namespace": "racks"}}
    assert findings([make("SwitchGroup", "g", {}, "wiring"), group]) == {}


def test_a_loaded_fabric_answers_single_requests():
    """Nothing happens until it is put."""
    fabric = load([*make_namespaces(), make_vpc("a", 1)], SETTINGS)
    assert fabric.create(make_vpc("b", 2)).accepted
    assert not fabric.create(make_vpc("b", 1)).accepted
    assert not fabric.create(make_vpc("a", 1)).accepted
    assert fabric.update(make_vpc("a", 5)).accepted
    assert not fabric.delete("IPv4Namespace", "default").accepted
    fabric.put(fabric.create(make_vpc("b", 2)).stored)
    assert not fabric.create(make_vpc("c", 2)).accepted


def test_a_canonical_object_is_not_copied():
    """A check of 10,000 objects held seven copies of each: 300 MB where every file of a fabric was rewritten."""
    given = {**make_vpc("a"), "metadata": {"name": "a", "namespace": "default"}}
    assert identified(given)[1] is given
    without = {**given, "metadata": {"name": "a"}}
    found = identified(without)[1]
    assert (found, found["spec"] is given["spec"], without["metadata"]) == (given, True, {"name": "a"})


@pytest.mark.parametrize(
    "change", [{"vlan": 1.0}, {"vlan": None}, {"dhcp": {"options": [{"mtu": 1500.0}]}}], ids=["number", "null", "deep"]
)
def test_an_object_that_is_not_canonical_is_copied(change):
    """1.0 equals 1, and is another text."""
    given = {**make_vpc("a", **change), "metadata": {"name": "a", "namespace": "default"}}
    found = identified(given)[1]
    assert found is not given
    assert json.dumps(found, sort_keys=True) == json.dumps(canonical(given), sort_keys=True)
