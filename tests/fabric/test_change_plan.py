"""The plan as a value: what counts for its id, in which order it is applied, how it is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devstack.objects import make, make_attachment, make_vpc
from hedgehog.fabric.blast_radius import BlastRadius
from hedgehog.fabric.change_plan import (
    ChangePlan,
    LostDrift,
    PlanEntry,
    PlanKind,
    PlannedHold,
    PlanPart,
    PlanPlace,
    Wave,
    planned_change,
    planned_waves,
)
from hedgehog.fabric.changes import Action, Round
from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.model import ObjectRef

A, B = ObjectRef("VPC", "default", "a"), ObjectRef("VPC", "default", "b")
AT = ObjectRef("VPCAttachment", "default", "at")
PART = PlanPart(
    PlanPlace.DATABASE,
    (
        PlanEntry(A, Action.CONFIGURED, (FieldDifference(".spec.vlan", 1, 2),), "because"),
        PlanEntry(B, Action.DELETED),
    ),
    (PlannedHold("VPC/default/c", "breaks a rule", refused=True), PlannedHold("x.yaml", "was edited")),
    ("a warning",),
    (LostDrift("VPC/default/a", "differs at .spec"),),
    (Wave(False, (A,)), Wave(True, (B,))),
    unchanged=7,
)
PLAN = ChangePlan(
    "gen", PlanKind.CHANGE, 3, (PART,), BlastRadius(vpcs=("a", "b")), "main@sha1:" + "a" * 40, base="digest"
)


def test_a_plan_is_plain_data_and_back():
    """As JSON, too: that is how it is stored and what pages draw."""
    assert ChangePlan.of(json.loads(json.dumps(PLAN.as_dict()))) == PLAN
    assert PLAN.as_dict()["id"] == PLAN.id


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, generation=4),
        replace(PLAN, base="another"),
        replace(PLAN, fabric="other"),
        replace(PLAN, parts=(replace(PART, changes=PART.changes[:1]),)),
        replace(PLAN, parts=(replace(PART, held=()),)),
        replace(PLAN, parts=(replace(PART, unverified="cannot be read"),)),
        replace(PLAN, parts=(replace(PART, place=PlanPlace.GIT),)),
    ],
)
def test_what_is_decided_makes_the_id(other):
    """Another base, another change, another refusal: another plan."""
    assert other.id != PLAN.id


def test_what_is_only_said_about_a_plan_does_not_make_the_id():
    """Reasons name moments and people; a plan that is made again a minute later is the same."""
    said = replace(
        PART,
        held=tuple(replace(one, reason="other words") for one in PART.held),
        changes=tuple(replace(one, reason="") for one in PART.changes),
        warnings=(),
    )
    assert replace(PLAN, parts=(said,), revision=None).id == PLAN.id


def test_refusals_and_places_that_cannot_be_read_make_a_plan_bad():
    """Holds that wait for somebody do not."""
    assert not PLAN.is_good
    held = replace(PART, held=PART.held[1:])
    assert replace(PLAN, parts=(held,)).is_good
    assert not replace(PLAN, parts=(replace(held, unverified="no answer"),)).is_good


def test_a_secret_is_in_no_difference():
    """That it changes is shown, and nothing else."""
    before, after = (make("VPC", "a", {"password": word}) for word in ("old-secret", "new-secret"))
    change = planned_change(A, before, after)
    assert change is not None
    assert [one.path for one in change.differences] == [".spec.password"]
    assert "old-secret" not in str(change)
    assert "new-secret" not in str(change)


def test_equal_contents_are_no_change():
    """Also where only what the cluster sets differs."""
    one = make_vpc("a")
    assert planned_change(A, one, dict(one)) is None
    assert planned_change(A, one, {**one, "status": {"x": 1}}) is None
    assert planned_change(A, None, None) is None


def test_what_is_referred_to_is_written_first_and_deleted_last():
    """A cluster accepts it in no other order."""
    objects = {A: make_vpc("a"), AT: make_attachment("at", "a", "c")}
    created = [PlanEntry(ref, Action.CREATED) for ref in (AT, A)]
    assert planned_waves(created, {}, objects) == (Wave(False, (A,)), Wave(False, (AT,)))
    deleted = [PlanEntry(ref, Action.DELETED) for ref in (A, AT)]
    assert planned_waves(deleted, objects, {}) == (Wave(True, (AT,)), Wave(True, (A,)))


def test_a_write_that_needs_a_deletion_comes_after_it():
    """In the rounds that admission asks for."""
    rounds = (Round(frozenset(), frozenset({B})), Round(frozenset({A}), frozenset()))
    changes = [PlanEntry(A, Action.CREATED), PlanEntry(B, Action.DELETED)]
    found = planned_waves(changes, {B: make_vpc("b")}, {A: make_vpc("a")}, rounds)
    assert found == (Wave(True, (B,)), Wave(False, (A,)))
