"""Answers to single requests: which stage refuses, and that asking changes nothing."""

from __future__ import annotations

import copy

import pytest

from devstack.objects import make, make_server
from hedgehog.admission.review import Admission, AdmissionResponse, Stage
from hedgehog.fabric.settings import FabricSettings

SETTINGS = FabricSettings()


@pytest.fixture
def fabric() -> Admission:
    """A fabric with one server, whose cluster gave it an identity, and one group."""
    server = make_server("srv-1")
    server["metadata"] |= {"uid": "u-1", "resourceVersion": "5"}
    return Admission(SETTINGS, [server, make("SwitchGroup", "g-1")])


def stage_and_rules(verdict: AdmissionResponse) -> tuple[Stage | None, list[str]]:
    """The stage that refused, and the rules that said why."""
    return verdict.stage, [violation.rule.id for violation in verdict.violations]


def test_an_accepted_create_says_what_would_be_stored(fabric):
    """The fabric itself does not change until it is told so."""
    verdict = fabric.create(make_server("srv-2"))
    assert stage_and_rules(verdict) == (None, [])
    assert verdict.stored == make_server("srv-2")
    assert fabric.state.get("Server", "srv-2") is None
    fabric.put(verdict.stored)
    assert stage_and_rules(fabric.create(make_server("srv-2"))) == (Stage.OTHER, ["object-exists"])


def test_what_only_the_server_sets_is_not_stored(fabric):
    """Whoever writes it; status is the controllers'."""
    sent = make_server("srv-2") | {"status": {}}
    sent["metadata"] |= {"uid": "x", "resourceVersion": "1", "generation": 7, "creationTimestamp": None}
    assert fabric.create(sent).stored == make_server("srv-2")


def test_the_same_name_in_another_namespace_is_another_object(fabric):
    """Of the kinds that may live anywhere."""
    group = make("SwitchGroup", "g-1")
    assert stage_and_rules(fabric.create(group)) == (Stage.OTHER, ["object-exists"])
    group["metadata"]["namespace"] = "fab"
    assert stage_and_rules(fabric.create(group)) == (None, [])
    group["metadata"]["namespace"] = "nowhere"
    assert stage_and_rules(fabric.create(group)) == (Stage.OTHER, ["namespace-absent"])


def test_a_hedgehog_object_is_in_namespace_default(fabric):
    """Its webhook refuses every other namespace."""
    server = make_server("srv-2")
    server["metadata"]["namespace"] = "fab"
    assert stage_and_rules(fabric.create(server)) == (Stage.WEBHOOK, ["metadata-namespace"])


def test_a_generated_name_is_valid(fabric):
    """A server draws the rest of it."""
    server = make_server("x")
    server["metadata"] = {"generateName": "srv-"}
    stored = fabric.create(server).stored
    assert stored is not None and stored["metadata"]["name"].startswith("srv-")


@pytest.mark.parametrize(
    ("metadata", "answer"),
    [
        ({"name": "srv-1"}, (None, [])),
        ({"name": "srv-1", "namespace": ""}, (None, [])),
        ({"name": "srv-1", "uid": "u-1", "resourceVersion": "5"}, (None, [])),
        ({"name": "srv-1", "resourceVersion": "4"}, (Stage.OTHER, ["object-stale"])),
        ({"name": "srv-1", "uid": "u-2"}, (Stage.OTHER, ["object-stale"])),
        ({"name": "srv-1", "namespace": "fab"}, (Stage.DECODE, ["object-renamed"])),
        ({"name": "srv-2"}, (Stage.DECODE, ["object-renamed"])),
        ({}, (Stage.DECODE, ["object-renamed"])),
    ],
)
def test_an_update_names_the_current_version_of_the_object(fabric, metadata, answer):
    """Name and namespace; uid and resourceVersion where it has them."""
    sent = {**make_server("x"), "metadata": metadata}
    assert stage_and_rules(fabric.update(sent, name="srv-1")) == answer


def test_an_update_keeps_the_identity_of_the_object(fabric):
    """And its status, which a write of the object cannot change."""
    stored = fabric.update(make_server("srv-1", "other")).stored
    assert stored is not None
    assert stored["metadata"] == {"name": "srv-1", "namespace": "default", "uid": "u-1", "resourceVersion": "5"}
    assert stored["spec"] == {"description": "other"}


def test_an_object_that_does_not_exist_cannot_be_changed(fabric):
    """Three ways to ask."""
    absent = (Stage.OTHER, ["object-absent"])
    assert stage_and_rules(fabric.update(make_server("srv-9"))) == absent
    assert stage_and_rules(fabric.patch("Server", "srv-9", {})) == absent
    assert stage_and_rules(fabric.delete("Server", "srv-9")) == absent


@pytest.mark.parametrize(
    ("patch", "answer"),
    [
        ({}, (None, [])),
        ({"spec": {"description": None}}, (None, [])),
        ({"metadata": {"labels": {"team": "x"}}}, (None, [])),
        ({"spec": {"nope": 1}}, (Stage.DECODE, ["field-unknown"])),
        ({"metadata": {"name": "other"}}, (Stage.DECODE, ["object-renamed"])),
        ({"metadata": {"resourceVersion": "1"}}, (Stage.OTHER, ["object-stale"])),
        ({"metadata": {"labels": {"a b": "x"}}}, (Stage.SCHEMA, ["metadata-label-key"])),
        ("spec", (Stage.DECODE, ["patch-invalid"])),
    ],
)
def test_a_patch_is_checked_by_its_result(fabric, patch, answer):
    """RFC 7386."""
    before = copy.deepcopy(fabric.state.get("Server", "srv-1"))
    assert stage_and_rules(fabric.patch("Server", "srv-1", patch)) == answer
    assert fabric.state.get("Server", "srv-1") == before


def test_an_unused_object_can_be_deleted(fabric):
    """Nothing refers to it."""
    assert stage_and_rules(fabric.delete("Server", "srv-1")) == (None, [])
