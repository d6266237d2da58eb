"""Which changes need approval, and who may give it."""

from __future__ import annotations

import pytest

from hedgehog.fabric.blast_radius import BlastRadius
from hedgehog.fabric.change_plan import ChangePlan, PlanEntry, PlanKind, PlanPart, PlanPlace
from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.proposals import ApprovalRule, NeededApproval, is_same_person, needed_approval
from hedgehog.fabric.selectors import parse_selector


def plan(deleted: int = 0, switches: int = 0, kind: str = "VPC") -> ChangePlan:
    """A plan that configures one object, deletes some, and concerns some switches."""
    changes = [PlanEntry(ObjectRef(kind, "default", "x"), Action.CONFIGURED)]
    changes += [PlanEntry(ObjectRef(kind, "default", f"d{number}"), Action.DELETED) for number in range(deleted)]
    blast = BlastRadius(switches=tuple(f"leaf-{number}" for number in range(switches)))
    return ChangePlan("gen", PlanKind.CHANGE, 1, (PlanPart(PlanPlace.DATABASE, tuple(changes)),), blast)


def rule(name: str = "r", **limits: object) -> ApprovalRule:
    """A rule of all fabrics."""
    return ApprovalRule(name, parse_selector("fabric=*"), **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limits", "change", "reasons"),
    [
        ({}, {}, ["rule r: every change"]),
        ({"max_deleted": 2}, {"deleted": 2}, []),
        ({"max_deleted": 2}, {"deleted": 3}, ["rule r: 3 deleted objects, more than 2"]),
        ({"max_deleted": 0}, {"deleted": 1}, ["rule r: 1 deleted objects, more than 0"]),
        ({"max_switches": 1}, {"switches": 1}, []),
        ({"max_switches": 1}, {"switches": 2}, ["rule r: 2 switches concerned, more than 1: leaf-0, leaf-1"]),
        ({"kinds": frozenset({"Switch"})}, {}, []),
        ({"kinds": frozenset({"Switch"})}, {"kind": "Switch"}, ["rule r: objects of Switch"]),
    ],
)
def test_a_rule_asks_above_its_limits(limits, change, reasons):
    """At a limit it does not, and a rule without limits always does."""
    assert list(rule(**limits).reasons(plan(**change))) == reasons


def test_a_change_that_changes_nothing_needs_no_approval():
    """An import of what is there already must go through."""
    nothing = ChangePlan("gen", PlanKind.CHANGE, 1, (PlanPart(PlanPlace.DATABASE),))
    assert needed_approval([rule()], nothing) is None
    assert needed_approval([], plan()) is None


def test_the_author_may_approve_only_if_every_rule_that_asks_allows_it():
    """A lenient rule does not lift a strict one; a rule that does not ask has no say."""
    lenient, strict, silent = rule("a", author_may_approve=True), rule("b"), rule("c", max_deleted=9)
    assert needed_approval([lenient, strict], plan()) == NeededApproval(
        ("rule a: every change", "rule b: every change"), author_may_approve=False, review_decides=True
    )
    assert needed_approval([lenient, silent], plan()) == NeededApproval(
        ("rule a: every change",), author_may_approve=True, review_decides=True
    )


def test_a_review_decides_only_if_every_rule_that_asks_allows_it():
    """The same, and the default is the other way round."""
    lenient, strict = rule("a"), rule("b", review_decides=False)
    silent = rule("c", max_deleted=9, review_decides=False)
    found = [needed_approval(rules, plan()) for rules in ([lenient, silent], [lenient, strict])]
    assert [one.review_decides for one in found if one] == [True, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada", "ada", True),
        ("ada", "Ada@laptop", True),
        ("ada@one", "ada@two", True),
        ("Ada <ada@example.com>", "ada", True),
        ("Ada Lovelace <al@example.com>", "al@laptop", True),
        ("Ada Lovelace <al@example.com>", "ada lovelace", True),
        ("ada", "bob", False),
        ("ada@host", "bob@host", False),
        ("Ada <ada@example.com>", "Bob <bob@example.com>", False),
        ("Ada <ada@example.com>, Lovelace, Eve <eve@example.com>", "ada", True),
        ("Ada <ada@example.com>, Lovelace, Eve <eve@example.com>", "eve@laptop", True),
        ("Ada <ada@example.com>, Lovelace, Eve <eve@example.com>", "bob", False),
        ("", "", False),
    ],
)
def test_a_person_is_recognised_under_the_names_of_every_way_in(one, other, same):
    """The command, Airflow and Git write one person differently."""
    assert is_same_person(one, other) is same
