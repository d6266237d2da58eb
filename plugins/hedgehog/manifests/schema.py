"""Does an object have the shape of its kind? Checked against `include/schemas`, the one description of every kind.

All violations are reported, not the first. An API server looks twice: at what it is sent (`decode_violations`: unknown
fields, types, widths of Go integers) and at what the mutating webhooks made of it (`shape_violations`: required fields,
enums, patterns, bounds). `schema_violations` is both at once, for objects that no webhook changes or that have their
defaults. What only Hedgehog's admission knows (VLAN ranges, references) is not checked here, nor are nulls: a null map
value means "not set" to the API server, so drop them first.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import jsonschema_rs

from hedgehog.fabric.kinds import ALL_KINDS, FABRIC, GATEWAY, KINDS, NEWER_KINDS, WIRING, Kind
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.settings import Upstream
from hedgehog.fabric.shown import shown
from hedgehog.manifests.keywords import all_keywords, decoding
from hedgehog.manifests.rule import Path, printed

SCHEMAS = File(__file__).resolve().parents[3] / "include" / "schemas"

_ADMITTED = (
    Kind("SwitchProfile", WIRING, "v1beta1", "switchprofiles", 0),
    Kind("VPCInfo", GATEWAY, "v1alpha1", "vpcinfos", 0),
)
"""Written by controllers, but admission has rules for them too."""
KNOWN: Mapping[str, Kind] = {**ALL_KINDS, **{kind.kind: kind for kind in (FABRIC, *_ADMITTED)}}
"""Every kind that is checked, by name."""
NEWEST = Upstream.V0_129
"""The newest release whose fields are known."""

_LONGEST_VALUE = 60
MOST_ERRORS = 1000
"""At most so many errors of one object: nobody reads more, and each costs time."""
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_MOST_BITS = 64
_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """One place where an object is not what its schema allows; printed `.spec.subnets.a.vlan: what is wrong`."""

    path: Path
    message: str
    keyword: str = field(default="", compare=False)
    """The keyword of the schema that says so: additionalProperties, type, required, enum …"""

    def __str__(self) -> str:
        return f"{printed(self.path)}: {self.message}"


def schema_violations(manifest: Mapping[str, Any], upstream: Upstream = NEWEST) -> list[SchemaViolation]:
    """The violations of *manifest*, sorted by path. A kind or version without a schema is a violation itself.

    Where *upstream* is newer than what is known here, fields of `spec` that are not known are none.
    """
    kind = _row(manifest)
    if isinstance(kind, SchemaViolation):
        return [kind]
    return _judged(_faults(manifest, _load(kind)), upstream)


def unknown_fields(manifest: Mapping[str, Any]) -> list[SchemaViolation]:
    """The fields of the `spec` of *manifest*, whose kind is known, that no release which is known here has."""
    return [one for one in decode_violations(manifest) if _is_unknown_field(one)]


def _judged(found: list[SchemaViolation], upstream: Upstream) -> list[SchemaViolation]:
    return [one for one in found if not _is_unknown_field(one)] if upstream is Upstream.NEWER else found


def _is_unknown_field(one: SchemaViolation) -> bool:
    return one.keyword == "additionalProperties" and one.path[:1] == ("spec",) and len(one.path) > 1


def decode_violations(manifest: Mapping[str, Any], upstream: Upstream = NEWEST) -> list[SchemaViolation]:
    """Why an API server cannot decode *manifest*, whose kind and apiVersion are known: unknown fields, wrong types."""
    return _judged(_faults(manifest, _decoder(KNOWN[manifest["kind"]], upstream)), upstream)


def shape_violations(manifest: Mapping[str, Any], upstream: Upstream = NEWEST) -> list[SchemaViolation]:
    """What an API server refuses in *manifest* after the mutating webhooks. Its metadata is not checked."""
    return _judged(_faults(manifest, _shape(KNOWN[manifest["kind"]])), upstream)


def decoding_schema(kind: str, upstream: Upstream = NEWEST) -> Mapping[str, Any]:
    """The JSON Schema behind `decode_violations`."""
    return _decoder(KNOWN[kind], upstream)[0]


def _faults(manifest: Mapping[str, Any], loaded: Loaded) -> list[SchemaViolation]:
    schema, validator = loaded
    try:
        if validator.is_valid(manifest):
            return []
        errors = itertools.islice(validator.iter_errors(manifest), MOST_ERRORS)
        found = itertools.islice((one for error in errors for one in _translate(error, schema)), MOST_ERRORS)
        return sorted(found, key=lambda violation: (printed(violation.path), violation.message))
    except ValueError as error:
        # Half a surrogate pair, an integer of thousands of digits, endless nesting: JSON has none of these.
        return list(unwritable(manifest)) or [SchemaViolation((), f"cannot be read: {str(error)[:200]}")]


def unwritable(value: Any) -> Iterator[SchemaViolation]:
    """What no database or API server accepts in *value*: NUL, halves of surrogate pairs, integers that are too large.

    It does not recurse, so that no nesting is too deep for it.
    """
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, Mapping):
            for key, child in one.items():
                if isinstance(key, str) and (bad := _UNWRITABLE.search(key)):
                    yield SchemaViolation(path, f"a key has the character U+{ord(bad[0]):04X}; remove it")
                else:
                    waiting.append(((*path, key), child))
        elif isinstance(one, list):
            waiting += [((*path, index), child) for index, child in enumerate(one)]
        elif isinstance(one, str) and (bad := _UNWRITABLE.search(one)):
            yield SchemaViolation(path, f"has the character U+{ord(bad[0]):04X}; remove it")
        elif isinstance(one, int) and one.bit_length() > _MOST_BITS:
            yield SchemaViolation(path, f"is a number of {one.bit_length()} bits; at most {_MOST_BITS} are allowed")


def _row(manifest: Mapping[str, Any]) -> Kind | SchemaViolation:
    name = manifest.get("kind")
    row = KNOWN.get(name) if isinstance(name, str) else None
    if row is None:
        return SchemaViolation(("kind",), f"{_short(name)} is not a kind that a fabric holds")
    if manifest.get("apiVersion") != row.api_version:
        return SchemaViolation(("apiVersion",), f"{_short(manifest.get('apiVersion'))}: {name} is {row.api_version}")
    return row


Loaded = tuple[dict[str, Any], jsonschema_rs.Draft7Validator]


@functools.cache
def _load(kind: Kind) -> Loaded:
    return _compiled(all_keywords(_read(kind)))


@functools.cache
def _decoder(kind: Kind, upstream: Upstream) -> Loaded:
    return _compiled(decoding(_read(kind), upstream))


@functools.cache
def _shape(kind: Kind) -> Loaded:
    schema = all_keywords(_read(kind))
    return _compiled({**schema, "properties": {**schema["properties"], "metadata": True}})


def _read(kind: Kind) -> dict[str, Any]:
    if kind.kind in NEWER_KINDS:
        return _any_spec(kind)
    path = SCHEMAS / kind.group / f"{kind.kind.lower()}_{kind.version}.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _any_spec(kind: Kind) -> dict[str, Any]:
    """The schema of a kind of which only the name is known."""
    constants = {"apiVersion": {"const": kind.api_version}, "kind": {"const": kind.kind}}
    any_fields = {"type": "object"}
    metadata = _read(KINDS["GatewayGroup"])["properties"]["metadata"]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {**constants, "metadata": metadata, "spec": any_fields, "status": any_fields},
    }


def _compiled(schema: dict[str, Any]) -> Loaded:
    return schema, jsonschema_rs.Draft7Validator(schema)


def _translate(error: jsonschema_rs.ValidationError, schema: Mapping[str, Any]) -> list[SchemaViolation]:
    path = tuple(error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties":
        known = _known(schema, error.schema_path)
        return [SchemaViolation((*path, name), _unknown(name, known), kind.name) for name in kind.unexpected]
    if kind.name == "required":
        return [SchemaViolation((*path, kind.property), "is missing", kind.name)]
    return [
        SchemaViolation(path, _wrong_value(error.instance, kind) or " ".join(error.message.split())[:200], kind.name)
    ]


def _wrong_value(value: Any, kind: Any) -> str | None:
    match kind.name:
        case "type":
            return _wrong_type(value, kind.types)
        case "enum":
            return f"{_short(value)} is none of {', '.join(map(str, kind.options))}"
        case "pattern":
            return f"{_short(value)} does not match {kind.pattern}"
        case "minItems" | "maxItems":
            bound = "at least" if kind.name == "minItems" else "at most"
            return f"has {len(value)} items; {bound} {kind.limit} are allowed"
        case "minimum" | "maximum":
            bound = "at least" if kind.name == "minimum" else "at most"
            return f"{_short(value)} is out of bounds; {bound} {kind.limit} is allowed"
    return None


def _known(schema: Any, path: list[str | int]) -> list[str]:
    """The fields that the schema has where *path*, which ends in `additionalProperties`, points to."""
    for part in path[:-1]:
        schema = schema[part]
    return sorted(schema.get("properties", ()))


def _unknown(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known, otherwise=f"known here are {', '.join(known)}" if known else "")
    return f"there is no such field; {hint}" if hint else "there is no such field"


def _wrong_type(value: Any, types: list[str]) -> str:
    wanted = " or ".join(_TYPES.get(name, name) for name in types)
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+|true|false", value) and "string" not in types:
        hint = "; remove the quotes"
    elif isinstance(value, bool | int | float) and types == ["string"]:
        hint = "; write it in quotes"
    return f"{_short(value)} is not {wanted}{hint}"


def _short(value: Any) -> str:
    if isinstance(value, str) or (isinstance(value, int) and value.bit_length() > _MOST_BITS):
        return shown(value, _LONGEST_VALUE)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
