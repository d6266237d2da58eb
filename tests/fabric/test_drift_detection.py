"""Where an object is not what was applied, how much of it, who did it, and what a fabric takes over. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devstack.objects import make, make_server
from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.drift_detection import (
    Drift,
    DriftState,
    adopted_manifest,
    drift_of_foreign,
    drift_of_owned,
    last_manager,
    policy_of,
)
from hedgehog.fabric.model import DriftPolicy, Fabric, Manifest, ObjectRef
from hedgehog.fabric.tools import Installation

HERE = Installation("here", frozenset({"", "here"}))
REF = ObjectRef("Server", "default", "a")


def live(spec: dict[str, Any], *managers: tuple[str, str, dict[str, Any]], **metadata: Any) -> Manifest:
    """A server in a cluster; *managers* are (name, time, fields)."""
    entries = [
        {"manager": name, "operation": "Apply", "time": time, "fieldsV1": fields} for name, time, fields in managers
    ]
    return make("Server", "a", spec, managedFields=entries, **metadata)


def test_an_object_as_applied_is_not_drift():
    """Fields that only the cluster has are others' business."""
    found = live({"description": "a server", "more": 1})
    assert drift_of_owned(REF, 1, make_server("a"), found) is None


@pytest.mark.parametrize(("fields", "score"), [(1, 1.0), (4, 0.25), (20, 0.05)])
def test_the_score_is_the_share_of_the_applied_fields(fields, score):
    """One field of many is a small drift: a score that is always 1 says nothing."""
    applied = make("Server", "a", {f"f{number}": number for number in range(fields)})
    found = live({**applied["spec"], "f0": "edited"})
    assert drift_of_owned(REF, 1, applied, found) == Drift(REF, DriftState.CHANGED, 1, (".spec.f0",), "", score)


def test_a_deleted_or_terminating_object_is_missing():
    """A finalizer may hold it for a while; its end is another drift."""
    going = live({"description": "a server"}, deletionTimestamp="2026-01-01T00:00:00Z")
    missing = Drift(REF, DriftState.MISSING, 1)
    assert [drift_of_owned(REF, 1, make_server("a"), one) for one in (None, going)] == [
        missing,
        replace(missing, paths=(".metadata.deletionTimestamp",)),
    ]


def test_the_manager_is_the_last_that_set_a_differing_field():
    """Not the one who was there last, nor the one who owns something else, nor we."""
    owns = {"f:spec": {"f:description": {}}}
    found = live(
        {},
        ("early", "2026-01-01T00:00:00Z", owns),
        ("late", "2026-01-02T00:00:00Z", owns),
        ("elsewhere", "2026-01-03T00:00:00Z", {"f:spec": {"f:profile": {}}}),
        ("hedgehog-airflow", "2026-01-04T00:00:00Z", owns),
    )
    assert last_manager(found, [".spec.description"]) == "late"
    assert last_manager(found, [".spec.other"]) == ""


def test_each_difference_names_the_manager_of_its_field():
    """Several people may have edited one object."""
    applied = make("Server", "a", {"description": "a server", "profile": "p"})
    found = live(
        {"description": "moved", "profile": "q"},
        ("kubectl-edit", "2026-01-01T00:00:00Z", {"f:spec": {"f:description": {}}}),
        ("rancher", "2026-01-02T00:00:00Z", {"f:spec": {"f:profile": {}}}),
    )
    drift = drift_of_owned(REF, 1, applied, found)
    assert drift is not None
    assert {one.path: one.by for one in drift.differences} == {
        ".spec.description": "kubectl-edit",
        ".spec.profile": "rancher",
    }
    assert [FieldDifference.of(one.as_dict()) for one in drift.differences] == list(drift.differences)


@pytest.mark.parametrize(
    ("fields", "path", "owned"),
    [
        ({"f:metadata": {"f:labels": {".": {}, "f:a.b/c": {}}}}, ".metadata.labels.a.b/c", True),
        ({"f:metadata": {"f:labels": {".": {}, "f:a.b/c": {}}}}, ".metadata.labels.a.b/d", False),
        ({"f:spec": {"f:list": {}}}, ".spec.list[2].x", True),
        ({"f:spec": {"f:atomic": {}}}, ".spec.atomic.x", True),
        ({"f:spec": {"f:abc": {}}}, ".spec.ab", False),
    ],
)
def test_a_path_is_found_among_the_fields_of_a_manager(fields, path, owned):
    """Keys may hold dots; a list or an atomic map is owned as a whole."""
    assert last_manager(live({}, ("somebody", "", fields)), [path]) == ("somebody" if owned else "")


def test_an_object_of_no_fabric_is_an_orphan_unowned_or_a_controller_s():
    """By who wrote it."""
    by_us, by_kubectl = ("hedgehog-airflow", "", {"f:spec": {}}), ("kubectl", "", {"f:spec": {}})
    owner = [{"kind": "VPC", "name": "v"}]
    assert drift_of_foreign(REF, live({}, by_us, by_kubectl), HERE) == Drift(REF, DriftState.ORPHAN)
    assert drift_of_foreign(REF, live({}, by_kubectl), HERE) == Drift(REF, DriftState.UNOWNED, manager="kubectl")
    assert drift_of_foreign(REF, live({}, by_kubectl, ownerReferences=owner), HERE) is None
    assert drift_of_foreign(REF, None, HERE) is None
    made = ObjectRef("GatewayGroup", "default", "default")
    assert drift_of_foreign(made, live({}, by_kubectl), HERE) is None
    assert drift_of_foreign(made, live({}, by_us), HERE) == Drift(made, DriftState.ORPHAN)
    there = live({}, by_us)
    there["metadata"]["annotations"] = {"hedgehog-airflow/installation": "there"}
    assert drift_of_foreign(REF, there, HERE) == Drift(
        REF, DriftState.UNOWNED, manager="hedgehog-airflow of installation there"
    )


def test_the_policy_of_a_kind_overrides_that_of_the_fabric():
    """The kind's word is the narrower one."""
    fabric = Fabric(1, "f", "f", drift_policy=DriftPolicy.ADOPT, drift_policies={"VPC": "report"})
    assert (policy_of(fabric, "VPC"), policy_of(fabric, "Server")) == (DriftPolicy.REPORT, DriftPolicy.ADOPT)


def test_adopting_takes_differences_but_not_defaults():
    """`mtu` is a default, `mac` another spelling; `vlan` and `name` are somebody's, `old` was removed."""
    want = {"spec": {"vlan": 1, "mac": "AA", "old": True}}
    default = {"spec": {"vlan": 1, "mac": "aa", "old": True, "mtu": 9036}}
    there = {"spec": {"vlan": 2, "mac": "aa", "mtu": 9036, "name": "x"}}
    assert adopted_manifest(there, want, default) == {"spec": {"vlan": 2, "mac": "AA", "name": "x"}}


def test_a_drift_is_reported_in_one_line():
    """The first paths and how many more."""
    many = Drift(REF, DriftState.CHANGED, 1, tuple(f".spec.{letter}" for letter in "abcde"), "kubectl-edit")
    assert str(many) == (
        "Server/default/a: differs at .spec.a, .spec.b, .spec.c and 2 more, last set by 'kubectl-edit'"
    )
    assert str(Drift(REF, DriftState.MISSING, 1)) == "Server/default/a: missing"
