"""Selectors: the grammar of Kubernetes, and nothing that only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.fabric.selectors import (
    Operator,
    Requirement,
    Selector,
    labels_fault,
    parse_selector,
    variables_fault,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("site=fra", "site=fra"),
        (" site == fra ", "site=fra"),
        ("tier != lab", "tier!=lab"),
        ("env in (b, a,b)", "env in (a,b)"),
        ("env in(a)", "env=a"),
        ("env notin (a,b)", "env notin (a,b)"),
        ("site,!retired", "!retired,site"),
        ("! retired", "!retired"),
        ("acme.com/site=fra,cluster=dc1_*", "acme.com/site=fra,cluster=dc1_*"),
        ("tier=,tier=", "tier="),
        ("repository=acme/net", "repository=acme/net"),
    ],
)
def test_a_selector_has_one_text(text, canonical):
    """Equal selectors are equal text, whatever order and blanks they were written with."""
    assert str(parse_selector(text)) == canonical
    assert str(parse_selector(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "selects nothing"),
        (" , ", "selects nothing"),
        ("site=fra,", "'' is not a condition"),
        ("=fra", "'=fra' is not a condition"),
        ("site=fra=ber", "'site=fra=ber' is not a condition"),
        ("site in fra", "'site in fra' is not a condition"),
        ("site in (fra", "'site in (fra' is not a condition"),
        ("site=f*", "'f*' is not the value of a label"),
        ("cluster=", "'' is not a name or a pattern"),
        ("fabric=a%", "'a%' is not a name or a pattern"),
        ("site>3", "'site>3' is not a condition"),
        ("-site=1", "'-site=1' is not a condition"),
        ("x" * 2001, "at most 2000 characters"),
    ],
)
def test_what_is_no_selector_is_refused_with_the_part_that_is_wrong(text, said):
    """Nothing is guessed: a selector decides what is written."""
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(").replace("*", r"\*")):
        parse_selector(text)


_keys = st.from_regex(r"[a-z]([a-z0-9_]{0,5}[a-z0-9])?", fullmatch=True)
_values = st.lists(st.from_regex(r"[A-Za-z0-9]{0,5}", fullmatch=True), min_size=1, max_size=3, unique=True)
_requirements = st.one_of(
    st.builds(Requirement, _keys, st.sampled_from([Operator.EXISTS, Operator.MISSING])),
    st.builds(
        lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
        _keys,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        _values,
    ),
)


@given(st.lists(_requirements, min_size=1, max_size=4))
def test_text_and_data_give_the_selector_back(requirements):
    """What is stored and shown is what was meant."""
    selector = Selector.all_of([Selector((one,)) for one in requirements if one.key not in ("fabric", "cluster")])
    if selector.requirements:
        assert parse_selector(str(selector)) == selector
    assert Selector.of(selector.as_data()) == selector


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"site": "fra", "acme.com/tier": ""}, ""),
        ({"site": 1}, "1 is not the value of a label"),
        ({"site": "a b"}, "'a b' is not the value of a label"),
        ({"my site": "a"}, "'my site' is not the key of a label"),
        ({"cluster": "a"}, "'cluster' cannot be a label"),
        ({f"l{number}": "" for number in range(65)}, "has 65 labels; at most 64"),
    ],
)
def test_labels_have_the_syntax_of_kubernetes(labels, said):
    """So that one selector works at both places."""
    assert labels_fault(labels).startswith(said)
    assert bool(labels_fault(labels)) == bool(said)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"vlan": 1200, "site": "fra", "ratio": 0.5, "on": True}, ""),
        ({"a-b": 1}, "'a-b' is not the name of a variable"),
        ({"a": None}, "None is not the value of a variable"),
        ({"a": [1]}, "[1] is not the value of a variable"),
        ({"a": float("nan")}, "nan is not a finite number"),
        ({"a": "x" * 1001}, "a has 1001 characters"),
    ],
)
def test_variables_are_scalars(variables, said):
    """Anything else would make manifests out of data."""
    assert variables_fault(variables).startswith(said)
    assert bool(variables_fault(variables)) == bool(said)
