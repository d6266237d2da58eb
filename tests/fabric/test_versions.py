"""What differs between two contents, who gave a field its value, and what people call a moment."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.versions import Content, ObjectVersion, RecordedChange, blame, compare, moment_of

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
A, B, C = (ObjectRef("VPC", "default", name) for name in "abc")


def content(manifest):
    """As the database has it."""
    return Content(hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest(), manifest)


def change(number, who="ann"):
    """The change that made a generation."""
    return RecordedChange(number, "lab", number, NOW, who, "cli", "", None, None, "hedgehog")


def versions(*manifests):
    """The versions of an object that was each of *manifests* in turn (None: not there), the newest first."""
    found = [None, *(one if one is None else content(one) for one in manifests)]
    return [ObjectVersion(change(number), found[number - 1], found[number]) for number in range(len(manifests), 0, -1)]


def test_two_states_differ_object_by_object_and_field_by_field():
    """What is the same is not mentioned."""
    before = {A: content({"spec": {"mtu": 1500}}), B: content({"spec": {}})}
    after = {A: content({"spec": {"mtu": 9000}}), C: content({"spec": {}})}
    found = compare(before, after)
    assert [(one.ref, one.action) for one in found] == [
        (A, Action.CONFIGURED),
        (B, Action.DELETED),
        (C, Action.CREATED),
    ]
    assert [str(one) for one in found[0].fields] == [".spec.mtu: 1500 → 9000"]
    assert compare(before, before) == []


def test_a_content_that_is_not_kept_any_more_still_differs():
    """Its digest is kept."""
    (found,) = compare({A: Content("one", None)}, {A: content({"spec": {}})})
    assert (found.action, found.fields, found.note) == (Action.CONFIGURED, (), "its content is not kept any more")


def test_a_field_belongs_to_the_change_that_gave_it_its_value():
    """Also where it had this value before."""
    history = versions(
        {"a": 1, "b": {"c": 1, "d": [1]}}, {"a": 2, "b": {"c": 1, "d": [1]}}, {"a": 1, "b": {"c": 1, "d": [1, 2]}}
    )
    assert [(one.path, one.value, one.change.generation) for one in blame(history)] == [
        (".a", 1, 3),
        (".b.c", 1, 1),
        (".b.d", [1, 2], 3),
    ]


def test_true_is_not_one():
    """Python would say so."""
    assert [one.change.generation for one in blame(versions({"a": 1}, {"a": True}))] == [2]


def test_a_secret_is_blamed_and_not_shown():
    """Who set it is asked most of all when it is wrong."""
    (one,) = blame(versions({"password": "a"}, {"password": "b"}, {"password": "b"}))
    assert (one.path, one.value, one.change.generation) == (".password", "(a secret)", 2)


def test_an_object_that_came_back_belongs_to_who_brought_it():
    """Its former life does not count."""
    assert [one.change.generation for one in blame(versions({"a": 1}, None, {"a": 1}))] == [3]
    assert blame(versions({"a": 1}, None)) == []


def test_what_is_older_than_the_kept_contents_belongs_to_nobody():
    """Rather than to the oldest change that is known."""
    newest = ObjectVersion(change(2), Content("gone", None), content({"a": 1}))
    assert [(one.path, one.change) for one in blame([newest])] == [(".a", None)]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1), min_size=1, max_size=12))
def test_blame_names_the_last_change_of_each_field(manifests):
    """For every history, against the definition."""
    expected = {}
    for number, manifest in enumerate(manifests, 1):
        former = manifests[number - 2] if number > 1 else {}
        expected = {
            key: number if key not in former or former[key] != value else expected[key]
            for key, value in manifest.items()
        }
    assert {one.path[1:]: one.change.generation for one in blame(versions(*manifests))} == expected


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", None),
        ("12", 12),
        ("2d", NOW - timedelta(days=2)),
        ("90m", NOW - timedelta(minutes=90)),
        ("5394cb7", "5394cb7"),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T18:00+02:00", datetime(2026, 5, 1, 16, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_generation_a_time_or_a_commit(text, moment):
    """As people have them at hand."""
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "abc", "5394CB7F", "2d ago", "1e3", "main"])
def test_anything_else_is_refused_with_what_there_is(text):
    """A mistyped word is not taken for a moment."""
    with pytest.raises(InvalidInput, match="is neither a generation"):
        moment_of(text, NOW)
