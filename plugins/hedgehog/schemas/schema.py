"""Does an object have the shape of its kind? Checked against `include/schemas`, the one description of every kind.

All violations are reported, not the first. What only Hedgehog's admission knows (VLAN ranges, references) is not looked
at here, nor are nulls: a null map value means "not set" to the API server, so drop them first.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from hedgehog.fabric.kinds import FABRIC, GATEWAY, KINDS, WIRING, Kind

SCHEMAS = Path(__file__).resolve().parents[3] / "include" / "schemas"

_ADMITTED = (
    Kind("SwitchProfile", WIRING, "v1beta1", "switchprofiles", 0),
    Kind("VPCInfo", GATEWAY, "v1alpha1", "vpcinfos", 0),
)
"""Written by controllers, but admission has rules for them too."""
_KNOWN = {**KINDS, **{kind.kind: kind for kind in (FABRIC, *_ADMITTED)}}

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_VALUE = 60
_GO_TYPE = "x-go-type"
"""Keyword of our schemas: the Go type upstream reads an integer into, where it is narrower than the schema says."""
_INTEGERS = {
    **{f"int{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (32, 64)},
    **{f"uint{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
}
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
class Violation:
    """One place where an object is not what its schema allows; printed `.spec.subnets.a.vlan: what is wrong`."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        return f"{printed(self.path)}: {self.message}"


def printed(path: tuple[str | int, ...]) -> str:
    """A path as people write it: `.spec.links[0].switch`, `.spec.portBreakouts["E1/1"]`; the whole object is `.`."""
    return "".join(map(_step, path)) or "."


def _step(part: str | int) -> str:
    if isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
        return f".{part}"
    return f"[{json.dumps(part, ensure_ascii=False)}]"


def check(manifest: Mapping[str, Any]) -> list[str]:
    """The violations of *manifest* as text, in the order of their paths; empty when its shape is right."""
    return [str(violation) for violation in violations(manifest)]


def violations(manifest: Mapping[str, Any]) -> list[Violation]:
    """The violations of *manifest*, in the order of their paths. A kind or version without schema is one itself."""
    kind = _row(manifest)
    if isinstance(kind, Violation):
        return [kind]
    schema, validator = _load(kind)
    found = [violation for error in validator.iter_errors(manifest) for violation in _translate(error, schema)]
    return sorted(found, key=lambda violation: (printed(violation.path), violation.message))


def _row(manifest: Mapping[str, Any]) -> Kind | Violation:
    name = manifest.get("kind")
    row = _KNOWN.get(name) if isinstance(name, str) else None
    if row is None:
        return Violation(("kind",), f"{_short(name)} is no kind that a fabric holds")
    if manifest.get("apiVersion") != row.api_version:
        return Violation(("apiVersion",), f"{_short(manifest.get('apiVersion'))}: {name} is {row.api_version}")
    return row


@functools.cache
def _load(kind: Kind) -> tuple[dict[str, Any], jsonschema_rs.Draft7Validator]:
    path = SCHEMAS / kind.group / f"{kind.kind.lower()}_{kind.version}.json"
    schema = json.loads(path.read_text(encoding="utf-8"), object_hook=_bounded)
    return schema, jsonschema_rs.Draft7Validator(schema)


def _bounded(node: dict[str, Any]) -> dict[str, Any]:
    """A node of a schema whose integers have the bounds of their Go type and of their format."""
    bounds = [_INTEGERS[name] for name in (node.get(_GO_TYPE), node.get("format")) if name in _INTEGERS]
    if bounds:
        node["minimum"] = max([low for low, _ in bounds] + [node.get("minimum", -math.inf)])
        node["maximum"] = min([high for _, high in bounds] + [node.get("maximum", math.inf)])
    return node


def _translate(error: jsonschema_rs.ValidationError, schema: Mapping[str, Any]) -> list[Violation]:
    path = tuple(error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties":
        known = _known(schema, error.schema_path)
        return [Violation((*path, name), _unknown(name, known)) for name in kind.unexpected]
    if kind.name == "required":
        return [Violation((*path, kind.property), "is missing")]
    return [Violation(path, _wrong_value(error.instance, kind) or " ".join(error.message.split())[:200])]


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
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"there is no such field; did you mean {near[0]}?"
    return f"there is no such field; known here are {', '.join(known)}" if known else "there is no such field"


def _wrong_type(value: Any, types: list[str]) -> str:
    wanted = " or ".join(_TYPES.get(name, name) for name in types)
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+|true|false", value) and "string" not in types:
        hint = "; remove the quotes"
    elif isinstance(value, bool | int | float) and types == ["string"]:
        hint = "; write it in quotes"
    return f"{_short(value)} is not {wanted}{hint}"


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
