"""From what somebody sent to plain data of the right types, and the shape that the API server demands afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from hedgehog.schemas import schema
from hedgehog.schemas.rules.rule import Violation, rule

EXISTS = rule(
    "object-exists",
    what="A create names no object that exists.",
    why="The API server answers 409.",
    source="Kubernetes API server",
    fix="update the object, or choose another name",
)
ABSENT = rule(
    "object-absent",
    what="An update or delete names an object that exists.",
    why="The API server answers 404.",
    source="Kubernetes API server",
    fix="create the object first, or correct the name",
)
SHAPE = rule(
    "schema",
    what="An object has the fields and types of its kind.",
    why="The API server refuses unknown fields and wrong types under strict validation.",
    source="CRD of the kind",
    fix="see the message",
)


def decode(manifest: Mapping[str, Any], settings: FabricSettings) -> tuple[Manifest | None, list[Violation]]:
    """The manifest with null map values dropped, or None and every reason why it cannot be decoded."""
    plain = _plain(manifest)
    found = [SHAPE.at(one.path, one.message) for one in schema.violations(plain)]
    return (None, found) if found else (plain, [])


def shape_violations(new: Manifest, old: Manifest | None) -> list[Violation]:
    """What of the defaulted object the CRD's schema and Kubernetes' own metadata rules refuse."""
    return []


def merge(target: Any, patch: Any) -> Any:
    """The result of an RFC 7386 merge patch; *target* is left alone."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return value
