"""Variables in a change: replaced where they are, refused where anything is unclear."""

from __future__ import annotations

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.templates import filled, names_in

VARIABLES = {"vlan": 1200, "site": "fra", "on": True, "ratio": 0.5}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${vlan}", 1200),
        ("${on}", True),
        ("vpc-${site}-${vlan}", "vpc-fra-1200"),
        ("${on}!", "true!"),
        ("a $ b $site {x}", "a $ b $site {x}"),
        ("$${vlan}", "${vlan}"),
        ("$${vlan} ${vlan}", "${vlan} 1200"),
        (["${site}", 1, None], ["fra", 1, None]),
        ({"a": {"b": "${ratio}"}}, {"a": {"b": 0.5}}),
    ],
)
def test_a_variable_is_replaced_by_its_value(template, expected):
    """Alone it keeps its type, inside a text it is text."""
    found = filled(template, VARIABLES)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"spec": {"vlan": "${vlam}"}}, ".spec.vlan: there is no variable 'vlam'; did you mean vlan?"),
        (["${nothing}"], "[0]: there is no variable 'nothing'; set it under `variables`"),
        ("${vlan", "has a ${ that is not a variable"),
        ("${a-b}", "has a ${ that is not a variable"),
        ("${}", "has a ${ that is not a variable"),
        ("${${vlan}}", "has a ${ that is not a variable"),
    ],
)
def test_what_has_no_value_is_refused_with_its_place(template, said):
    """Nothing is left in an object by mistake."""
    with pytest.raises(InvalidInput) as caught:
        filled(template, VARIABLES)
    assert said in str(caught.value)


def test_values_are_not_templates_themselves():
    """What a variable holds is put in as it is."""
    assert filled("${a}", {"a": "${b}", "b": 1}) == "${b}"


def test_the_names_of_a_template_are_found():
    """Escaped ones are none."""
    assert sorted(names_in({"a": ["${x} ${y}", "$${z}"], "b": "${x}"})) == ["x", "x", "y"]
