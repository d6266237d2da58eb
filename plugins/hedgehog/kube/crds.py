"""Custom resource definitions, rendered from the JSON Schemas of the kinds.

The schemas under ``include/schemas`` are the one description of each kind; validation reads them as they are. A cluster
without Hedgehog (demo, tests, benchmarks) needs the same knowledge as CustomResourceDefinitions, and any cluster needs
that of our own kind Fabric. This module makes them. It talks to no cluster and reads only the files it is given.

The two forms differ: a JSON Schema refuses unknown fields (``additionalProperties: false``), a *structural* schema
cannot say so, there the API server prunes or refuses them by itself. And apiVersion, kind and metadata are its own to
check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hedgehog.errors import InvalidInput

Schema = dict[str, Any]
Manifest = dict[str, Any]

EXTENSION = "x-hedgehog"
FABRIC_KIND = "Fabric"

# What the API server demands of every object by itself; a structural schema does not repeat it.
_SERVER_FIELDS = ("apiVersion", "kind", "metadata")
# For readers of the JSON Schema only.
_DROPPED = frozenset({"$schema", "title", EXTENSION, "x-go-type", "x-since"})
# Same word, same meaning in both forms. Anything else is refused rather than lost on the way.
_KEPT = frozenset(
    {"description", "format", "enum", "pattern", "default", "required", "nullable"}
    | {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
    | {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-map-type"}
)


def load_schema(path: Path) -> Schema:
    """Read one schema file; property order is the file's. Errors of reading or parsing pass through."""
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema


def render_crd(schema: Mapping[str, Any]) -> Manifest:
    """Return the CustomResourceDefinition of the kind that *schema* describes.

    One version, served and stored, with a status subresource. Everything the schema says reaches the cluster except the
    ban on unknown fields; a keyword without a counterpart raises InvalidInput rather than being lost.
    """
    group, version = schema["properties"]["apiVersion"]["const"].split("/")
    return _manifest(schema, group, version)


def render_fabric_crd(schema: Mapping[str, Any], group: str, version: str) -> Manifest:
    """Return the CustomResourceDefinition of our own kind Fabric, under *group* and *version*.

    A cluster holds one CRD of a name, and upstream prepares a Fabric of its own in the Hedgehog group: where that one
    exists, ours moves to another group. Refuses any other kind, because their groups are Hedgehog's to choose.
    """
    kind = schema["properties"]["kind"]["const"]
    if kind != FABRIC_KIND:
        raise InvalidInput(f"{kind}: only the kind {FABRIC_KIND} may be rendered under another group")
    return _manifest(schema, group, version)


def render_all(directory: Path) -> list[Manifest]:
    """Return the CustomResourceDefinition of every schema file below *directory*, sorted by name."""
    crds = [render_crd(load_schema(path)) for path in directory.glob("*/*.json")]
    return sorted(crds, key=lambda crd: str(crd["metadata"]["name"]))


def _manifest(schema: Mapping[str, Any], group: str, version: str) -> Manifest:
    extension = schema[EXTENSION]
    kind = schema["properties"]["kind"]["const"]
    served: dict[str, Any] = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root(schema)},
        "subresources": {"status": {}},
    }
    if extension["additionalPrinterColumns"]:
        served["additionalPrinterColumns"] = [dict(column) for column in extension["additionalPrinterColumns"]]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{extension['plural']}.{group}"},
        "spec": {
            "group": group,
            "names": _names(extension, kind),
            "scope": extension["scope"],
            "versions": [served],
        },
    }


def _names(extension: Mapping[str, Any], kind: str) -> dict[str, Any]:
    names = {key: extension[key] for key in ("plural", "singular")} | {"kind": kind, "listKind": f"{kind}List"}
    return names | {key: list(extension[key]) for key in ("shortNames", "categories") if extension.get(key)}


def _root(schema: Mapping[str, Any]) -> Schema:
    """The top level, where apiVersion and kind become plain strings and metadata an object without fields."""
    rest = {key: value for key, value in schema.items() if key not in {"properties", "required"}}
    own = {name: node for name, node in schema["properties"].items() if name not in _SERVER_FIELDS}
    required = [name for name in schema.get("required", ()) if name not in _SERVER_FIELDS]
    root = _structural(rest, "")
    root["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    } | {name: _structural(node, f".{name}") for name, node in own.items()}
    return root | ({"required": required} if required else {})


def _structural(node: Mapping[str, Any], path: str) -> Schema:
    """Translate *node* and everything below it; *path* is for the error message."""
    result: Schema = {}
    for key, value in node.items():
        if key in _DROPPED:
            continue
        result |= {key: value} if key in _KEPT else _translated(key, value, path)
    if "type" not in result:
        raise InvalidInput(f"{path or '.'}: no type; name one in the schema file")
    return result


def _translated(key: str, value: Any, path: str) -> Schema:
    """A keyword that a structural schema says differently, or cannot say and need not."""
    match key, value:
        case "type", _:
            return _type(value, path)
        case "const", _:
            return {"enum": [value]}
        case "properties", _:
            return {key: {name: _structural(child, f"{path}.{name}") for name, child in value.items()}}
        case "items", _:
            return {key: _structural(value, f"{path}[]")}
        case "additionalProperties", dict():
            return {key: _structural(value, f"{path}.*")}
        case "additionalProperties", False:
            return {}
    raise InvalidInput(f"{path or '.'}: {key} has no counterpart in a CustomResourceDefinition; say it otherwise")


def _type(value: str | list[str], path: str) -> Schema:
    """A JSON Schema allows null by a second type, a structural schema by ``nullable``."""
    types = [value] if isinstance(value, str) else [name for name in value if name != "null"]
    if len(types) != 1:
        raise InvalidInput(f"{path or '.'}: a field has one type beside null, not {value}")
    return {"type": types[0]} | ({"nullable": True} if "null" in value else {})
