"""What GitLab's published description says of the routes that we use: checks requests and answers.

`gitlab_api.json` is a table of our own. What it says was compared with GitLab's OpenAPI description, at the place that
`checked_against` names: of each operation the parameters that we send, and of each answer the fields that the stand-in
gives. A form in it is the name of a type or of an object, `[form]` for a list, or fields with their forms, where `*` marks
those that a request must have. GitLab describes no field of an answer as always there or never null; none is here.
`differences` has what GitLab does otherwise than its description says, with where its source says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from devstack.described_api import Operation, Undescribed, operation_of, refuse_unless_valid, typed

FILE = Path(__file__).with_name("gitlab_api.json")
_NOT_LOGGED_IN = 401
"""Any request may have this answer, which the description lists at some."""
_ERROR = {
    "type": "object",
    "properties": {"message": {"type": ["string", "array", "object"]}, "error": {"type": "string"}},
    "minProperties": 1,
    "additionalProperties": False,
}
"""The forms of errors, of which the description says nothing: https://docs.gitlab.com/api/rest/troubleshooting/"""


@cache
def operations() -> tuple[tuple[str, str], ...]:
    """Method and path of every operation of the table."""
    keys = (key.split(" ", 1) for key in table()["operations"])
    return tuple((method.lower(), path) for method, path in keys)


def operation(method: str, path: str) -> Operation | None:
    """The operation that serves *path* (below `/api/v4`, without query), if it is one of ours."""
    return operation_of(operations(), method, path)


def check_request(operation: Operation, query: Mapping[str, str], body: Any) -> None:
    """Raise Undescribed for a parameter or a body that is not described, or of another type."""
    entry, name = _entry(operation), _key(operation)
    for key, value in operation.values.items():
        schema = _schema(table()["placeholders"][key])
        refuse_unless_valid(_validator(json.dumps(schema)), typed(schema, value), f"{name}: {key}")
    described = _fields(entry.get("query", {}))
    given = {key: typed(described["properties"].get(key, {}), value) for key, value in query.items()}
    refuse_unless_valid(_validator(json.dumps(described)), given, f"{name}: query")
    if "body" in entry:
        refuse_unless_valid(_validator(json.dumps(_fields(entry["body"]))), {} if body is None else body, name)
    elif body is not None:
        raise Undescribed(f"{name} takes no body")


def check_answer(operation: Operation, status: int, body: Any) -> None:
    """Raise Undescribed for a status that the operation does not have, or a body that this status does not have."""
    entry, name = _entry(operation), f"{_key(operation)} {status}"
    if str(status) in entry["answers"]:
        schema = _schema(entry["answers"][str(status)], nullable=True)
    elif status in (*entry["errors"], _NOT_LOGGED_IN):
        schema = _ERROR
    else:
        raise Undescribed(f"{name}: no such answer is described")
    refuse_unless_valid(_validator(json.dumps(schema)), body, name)


@cache
def table() -> dict[str, Any]:
    """All of the table."""
    return json.loads(FILE.read_text())  # type: ignore[no-any-return]


def _key(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def _entry(operation: Operation) -> dict[str, Any]:
    return table()["operations"][_key(operation)]  # type: ignore[no-any-return]


def _schema(form: Any, *, nullable: bool = False) -> dict[str, Any]:
    """The JSON Schema of a form of the table. *nullable*: all fields may be null."""
    if form is None:
        return {"type": "null"}
    if isinstance(form, list):
        return {"type": "array", "items": _schema(form[0], nullable=nullable)}
    if isinstance(form, dict):
        return form
    if form in table()["objects"]:
        return _fields(table()["objects"][form], nullable=nullable)
    return {"type": "string", "format": form} if form == "date-time" else {"type": form}


def _fields(forms: Mapping[str, Any], *, nullable: bool = False) -> dict[str, Any]:
    found = {key.removesuffix("*"): _schema(form, nullable=nullable) for key, form in forms.items()}
    if nullable:
        found = {key: {"anyOf": [schema, {"type": "null"}]} for key, schema in found.items()}
    return {
        "type": "object",
        "properties": found,
        "required": [key.removesuffix("*") for key in forms if key.endswith("*")],
        "additionalProperties": False,
    }


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)
