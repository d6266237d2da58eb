"""What the API server demands of a structural schema holds for every kind, and nothing is lost on the way."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.kinds import CONTROLLER_KINDS, FABRIC, KINDS
from hedgehog.kube.crds import load_schema, render_all, render_crd, render_fabric_crd

SCHEMAS = Path(__file__).resolve().parents[2] / "include" / "schemas"
FILES = sorted(SCHEMAS.glob("*/*.json"))
Node = dict[str, Any]


def make_schema(**spec: Any) -> Node:
    """The smallest schema of a kind; *spec* goes into the node of that name."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Widget",
        "x-hedgehog": {
            "plural": "widgets",
            "singular": "widget",
            "shortNames": ["wd"],
            "categories": [],
            "scope": "Namespaced",
            "writtenBy": "user",
            "additionalPrinterColumns": [],
        },
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": "example.com/v1"},
            "kind": {"const": "Widget"},
            "metadata": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            "spec": {"type": "object", "additionalProperties": False} | spec,
        },
    }


def openapi(crd: Node) -> Node:
    """The schema inside a CRD."""
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every schema node below *node*, itself included, with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}.*")


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def schema_file(request: pytest.FixtureRequest) -> Path:
    """One schema file after the other."""
    return request.param


@pytest.fixture
def schema(schema_file: Path) -> Node:
    return load_schema(schema_file)


@pytest.fixture
def crd(schema: Node) -> Node:
    return render_crd(schema)


def test_every_kind_of_the_table_has_a_schema_of_its_group_and_version() -> None:
    described = {
        (s["properties"]["kind"]["const"], s["properties"]["apiVersion"]["const"], s["x-hedgehog"]["plural"])
        for s in map(load_schema, FILES)
    }
    user = {(row.kind, row.api_version, row.plural) for row in (*KINDS.values(), FABRIC)}
    assert user <= described
    assert {kind for kind, _, _ in described - user} == CONTROLLER_KINDS


def test_the_file_name_is_the_one_kubeconform_looks_for(schema_file: Path, schema: Node) -> None:
    group, version = schema["properties"]["apiVersion"]["const"].split("/")
    kind = schema["properties"]["kind"]["const"]
    assert (schema_file.parent.name, schema_file.stem) == (group, f"{kind.lower()}_{version}")


def test_every_object_either_refuses_unknown_fields_or_says_that_it_keeps_them(schema: Node) -> None:
    undecided = [
        path
        for path, node in nodes(schema)
        if node.get("type") == "object"
        and "additionalProperties" not in node
        and not node.get("x-kubernetes-preserve-unknown-fields")
        and not path.startswith((".metadata.ownerReferences", ".metadata.managedFields"))
    ]
    assert undecided == []


def test_every_field_is_described(schema: Node) -> None:
    named = [(path, node) for path, node in nodes(schema) if path and not path.endswith(("[]", ".*"))]
    undescribed = [path for path, node in named if "description" not in node and "const" not in node]
    assert undescribed == []


def test_controller_kinds_are_marked(schema: Node) -> None:
    written_by = "controller" if schema["properties"]["kind"]["const"] in CONTROLLER_KINDS else "user"
    assert schema["x-hedgehog"]["writtenBy"] == written_by


def test_no_node_has_properties_beside_additional_properties(crd: Node) -> None:
    both = [path for path, node in nodes(openapi(crd)) if {"properties", "additionalProperties"} <= node.keys()]
    assert both == []


def test_every_node_has_exactly_one_type(crd: Node) -> None:
    untyped = [path for path, node in nodes(openapi(crd)) if not isinstance(node.get("type"), str)]
    assert untyped == []


def test_arrays_have_items_and_only_objects_have_fields(crd: Node) -> None:
    for path, node in nodes(openapi(crd)):
        assert ("items" in node) == (node["type"] == "array"), path
        assert node["type"] == "object" or not {"properties", "additionalProperties", "required"} & node.keys(), path


def test_required_fields_exist(crd: Node) -> None:
    dangling = [
        f"{path}.{name}"
        for path, node in nodes(openapi(crd))
        for name in node.get("required", ())
        if name not in node["properties"]
    ]
    assert dangling == []


def test_metadata_api_version_and_kind_are_left_to_the_api_server(crd: Node) -> None:
    fields = openapi(crd)["properties"]
    assert [fields[name] for name in ("apiVersion", "kind", "metadata")] == [
        {"type": "string"},
        {"type": "string"},
        {"type": "object"},
    ]


def test_the_definition_is_named_after_plural_and_group(schema: Node, crd: Node) -> None:
    kind = schema["properties"]["kind"]["const"]
    group, version = schema["properties"]["apiVersion"]["const"].split("/")
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{names['plural']}.{group}"
    assert (names["kind"], names["listKind"], names["singular"]) == (kind, f"{kind}List", kind.lower())
    assert crd["spec"]["versions"][0]["name"] == version


def test_rendering_leaves_the_schema_alone(schema: Node) -> None:
    before = copy.deepcopy(schema)
    render_crd(schema)
    assert schema == before


def test_all_definitions_come_in_one_order_and_always_the_same() -> None:
    first, second = render_all(SCHEMAS), render_all(SCHEMAS)
    assert json.dumps(first) == json.dumps(second)
    names = [crd["metadata"]["name"] for crd in first]
    assert names == sorted(names)
    assert len(names) == len(FILES)


def test_a_whole_definition_is_as_the_api_server_wants_it() -> None:
    size = {"description": "How big.", "type": ["integer", "null"], "format": "int32", "minimum": 1}
    rendered = render_crd(make_schema(properties={"size": size, "shape": {"type": "string", "const": "round"}}))
    assert rendered == {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": {
                "kind": "Widget",
                "listKind": "WidgetList",
                "plural": "widgets",
                "singular": "widget",
                "shortNames": ["wd"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": openapi(rendered)},
                }
            ],
        },
    }
    assert openapi(rendered) == {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {
                    "size": {
                        "description": "How big.",
                        "type": "integer",
                        "nullable": True,
                        "format": "int32",
                        "minimum": 1,
                    },
                    "shape": {"type": "string", "enum": ["round"]},
                },
            },
        },
    }


@pytest.mark.parametrize(
    ("node", "complaint"),
    [
        ({"$ref": "#/definitions/x"}, r"\.spec\.odd: \$ref has no counterpart"),
        ({"type": "object", "additionalProperties": True}, r"\.spec\.odd: additionalProperties has no counterpart"),
        ({"type": "array", "items": {"oneOf": []}}, r"\.spec\.odd\[\]: oneOf has no counterpart"),
        ({"description": "?"}, r"\.spec\.odd: no type"),
        ({"type": ["string", "integer"]}, r"\.spec\.odd: a field has one type"),
    ],
)
def test_what_a_definition_cannot_say_is_refused_with_its_path(node: Node, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        render_crd(make_schema(properties={"odd": node}))


def test_our_own_kind_moves_to_another_group_and_version() -> None:
    path = SCHEMAS / FABRIC.group / f"fabric_{FABRIC.version}.json"
    moved = render_fabric_crd(load_schema(path), "fabrics.example.com", "v1")
    usual = render_crd(load_schema(path))
    assert usual["metadata"]["name"] == "fabrics.wiring.githedgehog.com"
    assert (moved["metadata"]["name"], moved["spec"]["group"]) == ("fabrics.fabrics.example.com", "fabrics.example.com")
    assert moved["spec"]["versions"][0]["name"] == "v1"
    assert openapi(moved) == openapi(usual)


def test_a_hedgehog_kind_never_moves() -> None:
    with pytest.raises(InvalidInput, match="Widget: only the kind Fabric"):
        render_fabric_crd(make_schema(), "example.org", "v1")
