"""Where two forms of an object differ, with both values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.differences import FieldDifference, at, between, value

JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.[0]", max_size=4), inner, max_size=3),
    max_leaves=8,
)


def test_a_difference_is_printed_in_one_line():
    """What we have, then what they made of it; nothing is said as such."""
    ours = {"spec": {"vlan": 1001, "tags": ["a"], "x": {"gone": True}}}
    theirs = {"spec": {"vlan": "1001", "tags": ["a", "b"], "x": {}}}
    assert list(map(str, between(ours, theirs))) == [
        '.spec.tags: ["a"] → ["a","b"]',
        ".spec.vlan: 1001 → 1001",
        ".spec.x.gone: true → (none)",
    ]


def test_a_key_may_contain_dots():
    """Labels do."""
    ours = {"metadata": {"labels": {"a.b/c": "1"}}, "spec": {"list": [{"x": 1}]}}
    assert value(ours, ".metadata.labels.a.b/c") == "1"
    assert value(ours, ".spec.list[0].x") == 1
    assert at(ours, {}, [".metadata.labels.a.b/c"]) == [FieldDifference(".metadata.labels.a.b/c", "1", None)]


def test_secrets_are_hidden_and_long_values_cut():
    """They end on screens and in a table."""
    found = between(
        {"spec": {"user": {"password": "canary"}}},
        {"spec": {"user": {"password": "canary2"}, "url": "https://u:canary@h/x", "long": "x" * 5000}},
    )
    text = "\n".join(map(str, found))
    assert "canary" not in text
    assert len(text) < 1000


@given(JSON, JSON)
def test_equal_objects_do_not_differ_and_different_ones_do(one, other):
    """Whatever they hold; a difference comes back from the table as it went in."""
    assert between({"a": one}, {"a": one}) == []
    for found in between({"a": one}, {"a": other}):
        assert FieldDifference.of(found.as_dict()) == found


@given(JSON, st.text(".[]ab01", max_size=8))
def test_every_path_has_a_value_or_none(data, path):
    """No path of a stranger raises."""
    value({"a": data}, path)
