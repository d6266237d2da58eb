"""Rendering: the same data gives the same bytes, and every YAML reader reads the data back."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.fabric import render
from hedgehog.fabric.model import Fabric, GitDriftPolicy, ObjectRef

FABRIC = Fabric(id=7, name="Lab-1", resource_name="lab-1", git_directory="fabrics/lab-1")

anything = st.text(st.characters(codec="utf-8"), max_size=20)
text = anything | st.text("-+.0123456789abcdefxo_:eETZ ", min_size=1, max_size=12)
json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def shuffled(value: Any, dice: random.Random) -> Any:
    """*value* with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        dice.shuffle(items)
        return {key: shuffled(item, dice) for key, item in items}
    return [shuffled(item, dice) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(text, json_data, max_size=5))
def test_rendered_data_is_parsed_back_equal(manifest: dict[str, Any]) -> None:
    """Nothing is lost or turned into another type."""
    assert yaml.load(render.dump(manifest), yaml.CSafeLoader) == manifest


@given(st.dictionaries(text, json_data, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_makes_no_difference(manifest: dict[str, Any], dice: random.Random) -> None:
    """Two rows with the same data are the same file."""
    assert render.dump(shuffled(manifest, dice)) == render.dump(manifest)


NUMBERS = "50000:50 10:20:30 0o14 0x1F 0b101 1e3 1_000 .5 1. +1 -1 012 0c:20:12:fe:01:00 1.2.3.4 2024-01-01T00:00:00Z"
WORDS = "yes No ON off y N true Null ~ = << .inf -.Inf .nan NaN inf"
SIGNS = "- --- ... ? : * & ! % @ ` | > { } [ ] , # #a a:"
AMBIGUOUS = (*NUMBERS.split(), *WORDS.split(), *SIGNS.split(), "", " ", "a ", " a", "a #b", "a: b", "a:\tb", "\ufeffa")
PLAIN = ("vpc-1", "E1/5", "leaf-01/E1/1", "10.0.0.0/24", "my fabric (lab)", "spine:1", "/a/b", "a.githedgehog.com/v1")


@pytest.mark.parametrize("ambiguous", [*AMBIGUOUS, "a\u2028b"])
def test_an_ambiguous_string_is_quoted(ambiguous: str) -> None:
    """YAML 1.1, YAML 1.2 and Go differ in what is a number, a date or a boolean."""
    as_value = render.dump({"k": ambiguous}).decode()
    as_key = render.dump({ambiguous: 1}).decode()
    assert as_value.startswith('k: "')
    assert as_key.removeprefix("? ").startswith('"')


@pytest.mark.parametrize("plain", PLAIN)
def test_an_unambiguous_word_is_not_quoted(plain: str) -> None:
    """Files are for people, too."""
    assert render.dump({"k": plain}) == f"k: {plain}\n".encode()


def test_a_multi_line_string_is_a_block() -> None:
    """A text of several lines is written as a block, a long line is not folded, letters are not escaped."""
    assert render.dump({"a": "one\ntwo\n", "b": "x y " * 60 + "z", "c": "Zürich"}).decode() == (
        "a: |\n  one\n  two\nb: " + "x y " * 60 + 'z\nc: "Zürich"\n'
    )


def test_equal_parts_are_repeated_without_anchors() -> None:
    """Shared data gives no anchors."""
    shared = {"x": [1]}
    assert render.dump({"a": shared, "b": shared}) == b"a:\n  x:\n  - 1\nb:\n  x:\n  - 1\n"


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        ("Switch/default/leaf-01", "fabrics/lab-1/switches/leaf-01.yaml"),
        ("VPC/default/vpc-1", "fabrics/lab-1/vpcs/vpc-1.yaml"),
        ("FabNode/fab/node-1", "fabrics/lab-1/fabnodes/node-1.yaml"),
        ("ServerProfile/default/p", "fabrics/lab-1/serverprofiles/p.yaml"),
        ("ServerProfile/edge/p", "fabrics/lab-1/serverprofiles/edge/p.yaml"),
        ("Fabric/hedgehog-system/lab-1", "fabrics/lab-1/fabric.yaml"),
    ],
)
def test_the_path_shows_kind_and_name(ref: str, path: str) -> None:
    """The namespace shows only where it is not the usual one."""
    assert render.object_path(FABRIC, ObjectRef.parse(ref)) == path


def test_a_fabric_may_be_at_the_root() -> None:
    """No directory, no leading slash."""
    at_root = replace(FABRIC, git_directory="")
    assert render.object_path(at_root, ObjectRef.parse("VPC/default/v")) == "vpcs/v.yaml"
    assert render.in_directory(at_root, render.README_FILE) == "README.md"


def test_a_kind_that_fabrics_do_not_hold_has_no_path() -> None:
    """Better refused here than written somewhere."""
    with pytest.raises(InvalidInput, match="Agent"):
        render.object_path(FABRIC, ObjectRef("Agent", "default", "leaf-01"))


def test_the_fabric_resource_has_the_eight_fields_and_zero_stays_zero() -> None:
    """0 is a value, not an absence."""
    fabric = replace(FABRIC, description="", asn=65001, spine_leaf_links={"a": 1})
    assert render.fabric_resource(fabric, version="v1") == {
        "apiVersion": "wiring.githedgehog.com/v1",
        "kind": "Fabric",
        "metadata": {
            "name": "lab-1",
            "namespace": "hedgehog-system",
            "labels": {"app.kubernetes.io/managed-by": "hedgehog-airflow", "hedgehog-airflow/fabric-id": "7"},
        },
        "spec": {
            "name": "Lab-1",
            "description": "",
            "asn": 65001,
            "spine_count": 0,
            "leaf_count": 0,
            "spine_leaf_links": {"a": 1},
            "vpc_peering_config": {},
            "switch_config": {},
        },
    }
    assert ObjectRef.of(render.fabric_resource(fabric)) == render.fabric_ref(fabric)


@pytest.mark.parametrize("policy", list(GitDriftPolicy))
def test_the_readme_says_what_happens_to_edits(policy: GitDriftPolicy) -> None:
    """Every policy has its sentence, and rendering twice gives the same file."""
    fabric = replace(FABRIC, git_drift_policy=policy)
    assert b"# Fabric Lab-1\n" in render.readme(fabric)
    assert render.readme(fabric) == render.readme(fabric)
    assert len({render.readme(replace(FABRIC, git_drift_policy=other)) for other in GitDriftPolicy}) == 3
