"""Files that people wrote, changed in as few places as possible."""

from __future__ import annotations

import copy
import difflib

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.fabric.render import dump
from hedgehog.manifests import yaml
from hedgehog.manifests.round_trip import ABSENT, changes_between, set_fields

FILE = """\
# Tenants of the first floor
---
kind:   VPC   # web
metadata:
    name: 'web'
    labels: {site: "fra", tier:  gold}
spec:
    vlan:  1001    # until May
    subnets:
      - 10.0.1.0/24
      - "10.0.2.0/24"
---
# the second
kind: List
items:
- kind: VPC
  metadata: {name: db}
- kind: VPC
  metadata: {name: log}
"""


def changed(edits, content=FILE):
    """The lines that differ afterwards, as a diff has them."""
    text = set_fields(content.encode(), edits, file="f.yaml").decode()
    lines = difflib.unified_diff(content.splitlines(), text.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        (("spec", "vlan"), 1002, ["-    vlan:  1001    # until May", "+    vlan:  1002    # until May"]),
        (("metadata", "name"), "o'hare", ["-    name: 'web'", "+    name: 'o''hare'"]),
        (("spec", "subnets", 1), "10.0.3.0/24", ['-      - "10.0.2.0/24"', '+      - "10.0.3.0/24"']),
        (("spec", "subnets", 0), "1001", ["-      - 10.0.1.0/24", '+      - "1001"']),
        (
            ("metadata", "labels", "tier"),
            None,
            ['-    labels: {site: "fra", tier:  gold}', '+    labels: {site: "fra", tier:  null}'],
        ),
    ],
)
def test_a_changed_value_changes_its_own_characters(path, value, lines):
    """Blanks, comments, quotes and the order of everything stay."""
    assert changed({0: {path: value}}) == lines


def test_fields_documents_and_items_are_removed():
    """A document with its separator; items of a list from the end, so that none is mistaken for another."""
    assert changed({0: {("spec", "vlan"): ABSENT}}) != []
    assert "second" in set_fields(FILE.encode(), {0: {("spec", "subnets"): ABSENT}}, file="f.yaml").decode()
    items = {("items", 0): ABSENT, ("items", 1): ABSENT}
    assert pyyaml.safe_load(set_fields(b"items: [a, b, c]", {0: items}, file="f")) == {"items": ["c"]}
    left = set_fields(FILE.encode(), {0: {(): ABSENT}}, file="f.yaml")
    assert [one.manifest["kind"] for one in yaml.load(left, file="f")] == ["List"]
    assert set_fields(FILE.encode(), {0: {(): ABSENT}, 1: {(): ABSENT}}, file="f.yaml").strip() == b""
    assert changed({0: {("spec", "nothing"): ABSENT}}) == []


def test_a_file_that_cannot_be_changed_alone_is_left():
    """Two objects share a value: yaml.load refuses such a file before anything is written."""
    with pytest.raises(InvalidInput):
        set_fields(b"a: &x {b: 1}\nc: *x\n", {0: {("a", "b"): 2}}, file="f.yaml")


leaves = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text("abXY01:#-'\"{}[],&*!|>%@ é\n", max_size=12)
keys = st.text("abcdefg", min_size=1, max_size=3)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
manifests = st.dictionaries(keys, values, min_size=1, max_size=4)


@given(old=manifests, new=manifests)
def test_changes_make_the_old_the_new(old, new):
    """In the file, and in its data."""
    edits = dict(changes_between(old, new))
    written = set_fields(dump(old), {0: edits}, file="f")
    assert [one.manifest for one in yaml.load(written, file="f")] == ([new] if new else [])
    assert dict(changes_between(new, copy.deepcopy(new))) == {}
