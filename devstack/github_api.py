"""GitHub's published description of the routes that we use: checks requests and answers, and completes answers.

`github_api.json` is a part of GitHub's OpenAPI description as packaged in the npm package `@octokit/openapi` (MIT
License, Copyright (c) 2020 Octokit contributors; https://github.com/octokit/openapi): the operations in `OPERATIONS`,
the deliveries in `DELIVERIES` and the components they refer to, without prose and examples, else as published. To create it again:

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python -m devstack.github_api package/generated/api.github.com.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from devstack.described_api import Operation, Undescribed, operation_of, refuse_unless_valid, typed

FILE = Path(__file__).with_name("github_api.json")
_REPOSITORY = "/repos/{owner}/{repo}"
OPERATIONS = (
    ("get", "/rate_limit"),
    ("get", "/user"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", _REPOSITORY),
    ("get", f"{_REPOSITORY}/pulls"),
    ("post", f"{_REPOSITORY}/pulls"),
    ("get", f"{_REPOSITORY}/pulls/{{pull_number}}"),
    ("patch", f"{_REPOSITORY}/pulls/{{pull_number}}"),
    ("put", f"{_REPOSITORY}/pulls/{{pull_number}}/merge"),
    ("post", f"{_REPOSITORY}/pulls/{{pull_number}}/requested_reviewers"),
    ("get", f"{_REPOSITORY}/pulls/{{pull_number}}/files"),
    ("get", f"{_REPOSITORY}/pulls/{{pull_number}}/comments"),
    ("get", f"{_REPOSITORY}/pulls/{{pull_number}}/reviews"),
    ("post", f"{_REPOSITORY}/pulls/{{pull_number}}/reviews"),
    ("get", f"{_REPOSITORY}/pulls/{{pull_number}}/commits"),
    ("get", f"{_REPOSITORY}/commits/{{commit_sha}}/pulls"),
    ("get", f"{_REPOSITORY}/collaborators/{{username}}/permission"),
    ("get", f"{_REPOSITORY}/contents/{{path}}"),
    ("post", f"{_REPOSITORY}/check-runs"),
    ("patch", f"{_REPOSITORY}/check-runs/{{check_run_id}}"),
    ("post", f"{_REPOSITORY}/statuses/{{sha}}"),
    ("get", f"{_REPOSITORY}/branches/{{branch}}"),
    ("get", f"{_REPOSITORY}/rules/branches/{{branch}}"),
    ("get", f"{_REPOSITORY}/issues/{{issue_number}}"),
    ("post", f"{_REPOSITORY}/issues/{{issue_number}}/labels"),
    ("get", f"{_REPOSITORY}/issues/{{issue_number}}/comments"),
    ("post", f"{_REPOSITORY}/issues/{{issue_number}}/comments"),
    ("patch", f"{_REPOSITORY}/issues/comments/{{comment_id}}"),
    ("get", f"{_REPOSITORY}/hooks"),
    ("post", f"{_REPOSITORY}/hooks"),
    ("patch", f"{_REPOSITORY}/hooks/{{hook_id}}"),
)
DELIVERIES = ("merge-group-checks-requested",)
"""Those of its webhooks that the stand-in makes up; of the others, the tests have published examples."""
_PROSE = frozenset({"description", "summary", "example", "examples", "externalDocs", "tags"})
_SAMPLES = {
    "date-time": "2026-01-02T03:04:05Z",
    "uri": "https://github.example.com/x",
    "email": "ada@example.com",
    "uri-template": "https://github.example.com/x{/y}",
}


def operation(method: str, path: str) -> Operation | None:
    """The operation that serves *path* (without query), if it is one of ours."""
    return operation_of(OPERATIONS, method, path)


def check_request(operation: Operation, query: Mapping[str, str], body: Any) -> None:
    """Raise Undescribed for a parameter or a body that is not described. A misspelt property is not described."""
    described = {name: schema for name, place, schema in _parameters(operation) if place == "query"}
    for name, value in query.items():
        if name not in described:
            raise Undescribed(f"{operation.method} {operation.path}: there is no query parameter {name!r}")
        _check(described[name], int(value) if value.isdigit() else value, f"{operation.path}?{name}")
    for name, place, schema in _parameters(operation):
        if place == "path":
            _check(schema, typed(schema, operation.values[name]), f"{operation.path} {name}")
    schema = _content(_entry(operation).get("requestBody", {}))
    if body is None or schema is None:
        if body is not None:
            raise Undescribed(f"{operation.method} {operation.path} takes no body")
        return
    _check(schema, body, f"{operation.method} {operation.path}")
    unknown = [key for key in body if key not in _properties(schema)]
    if unknown:
        raise Undescribed(f"{operation.method} {operation.path}: no properties {unknown} are described")


def check_answer(operation: Operation, status: int, body: Any) -> None:
    """Raise Undescribed for a body that this status does not have. Errors that are not listed are basic errors."""
    schema = _answer(operation, status)
    if schema is not None:
        _check(schema, body, f"{operation.method} {operation.path} {status}")


def complete(operation: Operation, status: int, body: Any) -> Any:
    """*body* with every property that the description requires, as a plain sample where *body* has none."""
    schema = _answer(operation, status)
    return body if schema is None else _complete(schema, body)


def delivery(name: str, body: Any) -> Any:
    """What a webhook of `DELIVERIES` delivers, completed as an answer is. Raises Undescribed for what is not described."""
    schema = _content(_description()["x-webhooks"][name]["post"]["requestBody"]) or {}
    whole = _complete(schema, body)
    _check(schema, whole, name)
    return whole


def select(description: Mapping[str, Any]) -> dict[str, Any]:
    """The part of *description* that `OPERATIONS` and `DELIVERIES` use."""
    paths: dict[str, Any] = {}
    for method, path in OPERATIONS:
        entry = description["paths"][path][method]
        kept = {key: entry[key] for key in ("operationId", "parameters", "requestBody", "responses") if key in entry}
        paths.setdefault(path, {})[method] = _without_prose(kept)
    hooks = {
        name: {"post": {"requestBody": _without_prose(description["x-webhooks"][name]["post"]["requestBody"])}}
        for name in DELIVERIES
    }
    found: dict[str, Any] = {}
    wanted = [*_references(paths), *_references(hooks), "#/components/schemas/basic-error"]
    while wanted:
        _, _, section, name = wanted.pop().split("/")
        if name not in found.setdefault(section, {}):
            found[section][name] = _without_prose(description["components"][section][name])
            wanted += _references(found[section][name])
    components = {section: dict(sorted(entries.items())) for section, entries in sorted(found.items())}
    version = description["info"]["version"]
    note = f"Part of npm @octokit/openapi {version} (MIT License, Copyright (c) 2020 Octokit contributors); see github_api.py"
    return {
        "openapi": description["openapi"],
        "x-source": note,
        "paths": paths,
        "x-webhooks": hooks,
        "components": components,
    }


@cache
def _description() -> dict[str, Any]:
    return json.loads(FILE.read_text())  # type: ignore[no-any-return]


def _entry(operation: Operation) -> dict[str, Any]:
    return _description()["paths"][operation.path][operation.method]  # type: ignore[no-any-return]


def _resolved(value: Mapping[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        _, _, section, name = value["$ref"].split("/")
        value = _description()["components"][section][name]
    return dict(value)


def _parameters(operation: Operation) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for parameter in map(_resolved, _entry(operation).get("parameters", ())):
        yield parameter["name"], parameter["in"], parameter["schema"]


def _content(body: Mapping[str, Any]) -> dict[str, Any] | None:
    found = _resolved(body).get("content", {}).get("application/json")
    return None if found is None else found["schema"]


def _answer(operation: Operation, status: int) -> dict[str, Any] | None:
    responses = _entry(operation)["responses"]
    if str(status) in responses:
        return _content(responses[str(status)])
    if status < 400:
        raise Undescribed(f"{operation.method} {operation.path}: no answer {status} is described")
    return {"$ref": "#/components/schemas/basic-error"}


def _properties(schema: Mapping[str, Any]) -> set[str]:
    schema = _resolved(schema)
    found = set(schema.get("properties", ()))
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= _properties(branch)
    return found


def _check(schema: Mapping[str, Any], value: Any, subject: str) -> None:
    refuse_unless_valid(_validator(json.dumps(schema, sort_keys=True)), value, subject)


@cache
def _validator(schema: str) -> Any:
    whole = {"allOf": [json.loads(schema)], "components": {"schemas": _description()["components"]["schemas"]}}
    return jsonschema_rs.Draft202012Validator(_nullable(whole), validate_formats=True)


def _nullable(value: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(value, list):
        return [_nullable(one) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _nullable(child) for key, child in value.items()}
    if changed.get("nullable") is True:
        del changed["nullable"]
        return {"anyOf": [changed, {"type": "null"}]}
    return changed


def _complete(schema: Mapping[str, Any], value: Any) -> Any:
    schema = _resolved(schema)
    for branch in schema.get("allOf", ()):
        value = _complete(branch, value)
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        completed = _complete(branch, value)
        if _validator(json.dumps(branch, sort_keys=True)).is_valid(completed):
            return completed
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        value = {name: _complete(properties[name], one) if name in properties else one for name, one in value.items()}
        missing = [name for name in schema.get("required", ()) if name not in value]
        return value | {name: _sample(properties.get(name, {})) for name in missing}
    if isinstance(value, list) and "items" in schema:
        return [_complete(schema["items"], one) for one in value]
    return value


def _sample(schema: Mapping[str, Any]) -> Any:
    schema = _resolved(schema)
    if schema.get("nullable"):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        return _sample(branch)
    plain: dict[Any, Any] = {"integer": 1, "number": 1, "boolean": False, "array": [], "string": "x", None: {}}
    if schema.get("type") == "string":
        return _SAMPLES.get(schema.get("format", ""), "x")
    return plain[schema["type"]] if schema.get("type") in plain and "type" in schema else _complete(schema, {})


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key == "$ref" and isinstance(child, str):
                yield child
            else:
                yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _without_prose(value: Any, *, names: bool = False) -> Any:
    """*names*: the keys of *value* are names of properties, not words of OpenAPI."""
    if isinstance(value, list):
        return [_without_prose(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: child for key, child in value.items() if names or not (key in _PROSE or key.startswith("x-"))}
    return {key: _without_prose(child, names=key == "properties" and not names) for key, child in kept.items()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(select(json.loads(Path(sys.argv[1]).read_text())), indent=1) + "\n")
