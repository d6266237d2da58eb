"""Our schema files have keywords of their own, which are translated here to those of JSON Schema.

`x-go-type` names the Go type that upstream reads an integer into, `x-since` the release a field came with, and `format:
int32` is a bound since Kubernetes 1.36. The same file serves two checks: `all_keywords` is everything that it says,
`decoding` only what an API server and a webhook need in order to read an object.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hedgehog.fabric.settings import Upstream

Schema = dict[str, Any]

GO_TYPE = "x-go-type"
SINCE = "x-since"

_INTEGERS = {
    **{f"int{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (32, 64)},
    **{f"uint{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
}
_WIDEST = _INTEGERS["int64"]
_DECODED = frozenset({"type", "const", "properties", "items", "additionalProperties"})
_RELEASES = [release.value for release in Upstream]
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_OWNER: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), _FLAG),
    },
}
_MANAGED: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("manager", "operation", "apiVersion", "time", "fieldsType", "subresource"), _TEXT),
        "fieldsV1": {"type": "object"},
    },
}
_LISTED = {"ownerReferences": _OWNER, "managedFields": _MANAGED}
"""Fields of the metadata of every kind whose items the schema files do not describe."""


def all_keywords(schema: Schema) -> Schema:
    """The schema with the bounds of Go types and formats, fields of every release included."""
    return {key: _every(key, value) for key, value in schema.items()} | _bounds(schema, (GO_TYPE, "format"))


def decoding(schema: Schema, upstream: Upstream) -> Schema:
    """The schema of what *upstream* can decode: fields, types and the widths of Go's integers.

    A null that stays (in a list of lists or of maps, where Go has nil) is allowed.
    """
    root = _decoding(schema, _RELEASES.index(upstream.value))
    metadata = root["properties"]["metadata"]["properties"]
    for name, item in _LISTED.items():
        metadata[name] = {"type": "array", "items": copy.deepcopy(item)}
    return root


def is_nil(schema: Mapping[str, Any]) -> bool:
    """Whether the zero value of this type is null in Go: a list, or a map (a struct is empty, not null)."""
    return schema.get("type") == "array" or isinstance(schema.get("additionalProperties"), dict)


def _every(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: all_keywords(child) for name, child in value.items()}
    return all_keywords(value) if key in ("items", "additionalProperties") and isinstance(value, dict) else value


def _decoding(schema: Schema, release: int) -> Schema:
    result = {key: value for key, value in schema.items() if key in _DECODED}
    if "properties" in schema:
        known = {name: child for name, child in schema["properties"].items() if _is_in(child, release)}
        result["properties"] = {name: _decoding(child, release) for name, child in known.items()}
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _decoding(schema["additionalProperties"], release)
    if "items" in schema:
        item = _decoding(schema["items"], release)
        result["items"] = item | {"type": [item["type"], "null"]} if is_nil(item) else item
    return result | _bounds(schema, (GO_TYPE,))


def _is_in(schema: Mapping[str, Any], release: int) -> bool:
    return SINCE not in schema or _RELEASES.index(schema[SINCE]) <= release


def _bounds(schema: Mapping[str, Any], keywords: tuple[str, ...]) -> Schema:
    """The narrowest bounds that *keywords* set, and for `all_keywords` those of the schema itself."""
    if schema.get("type") != "integer":
        return {}
    ranges = [_INTEGERS[schema[word]] for word in keywords if schema.get(word) in _INTEGERS] or [_WIDEST]
    lows, highs = [low for low, _ in ranges], [high for _, high in ranges]
    if "format" in keywords:
        lows += [schema[word] for word in ("minimum",) if word in schema]
        highs += [schema[word] for word in ("maximum",) if word in schema]
    return {"minimum": max(lows), "maximum": min(highs)}
