"""The keywords that our schema files add to JSON Schema."""

from __future__ import annotations

import pytest

from hedgehog.fabric.settings import Upstream
from hedgehog.manifests.keywords import all_keywords, decoding


def make_schema(**fields):
    """A schema with these fields beside its metadata."""
    return {"type": "object", "properties": {"metadata": {"type": "object", "properties": {}}, **fields}}


@pytest.mark.parametrize(
    ("node", "decoded", "stored"),
    [
        ({"x-go-type": "uint16"}, (0, 65535), (0, 65535)),
        ({"x-go-type": "uint32", "format": "int32"}, (0, 2**32 - 1), (0, 2**31 - 1)),
        ({"format": "int32"}, (-(2**63), 2**63 - 1), (-(2**31), 2**31 - 1)),
        ({"x-go-type": "uint8", "minimum": 1, "maximum": 32}, (0, 255), (1, 32)),
        ({}, (-(2**63), 2**63 - 1), (-(2**63), 2**63 - 1)),
    ],
)
def test_an_integer_has_the_bounds_of_its_go_type_and_later_of_its_format(node, decoded, stored):
    """Go reads uint32, the API server then refuses more than int32."""
    schema = make_schema(n={"type": "integer", **node})
    early = decoding(schema, Upstream.V0_129)["properties"]["n"]
    late = all_keywords(schema)["properties"]["n"]
    assert (early["minimum"], early["maximum"]) == decoded
    assert (late["minimum"], late["maximum"]) == stored


def test_decoding_ignores_what_is_checked_in_the_stored_form():
    """Required fields, enums, patterns, lengths."""
    node = {"type": "array", "items": {"type": "string", "enum": ["a"], "pattern": "a"}, "minItems": 1}
    schema = {**make_schema(n=node), "required": ["n"]}
    assert decoding(schema, Upstream.V0_129)["properties"]["n"] == {"type": "array", "items": {"type": "string"}}
    assert "required" not in decoding(schema, Upstream.V0_129)
    assert all_keywords(schema)["properties"]["n"] == node


def test_a_field_exists_since_its_release():
    """Before, it is unknown."""
    schema = make_schema(n={"type": "string", "x-since": "v0.129"})
    assert "n" in decoding(schema, Upstream.V0_129)["properties"]
    assert "n" not in decoding(schema, Upstream.V0_126)["properties"]
