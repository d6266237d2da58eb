"""What is derived from the routes of the API: its description for tools, and the table of permissions in `api.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_TABLE = re.compile(
    r"(?<=<!-- permissions: made by docs/generate\.py from the routes of the API -->\n).*?(?=<!-- /permissions -->)",
    re.S,
)


def description() -> dict[str, Any]:
    """The OpenAPI document of the API."""
    from hedgehog.airflow.web.v1 import v1_app  # noqa: PLC0415 - loads the core of Airflow's API server

    found: dict[str, Any] = v1_app().openapi()
    return found


def openapi_page() -> str:
    """The description as a file."""
    return json.dumps(description(), indent=2, ensure_ascii=False) + "\n"


def with_permissions(page: str, table: Callable[[Sequence[str], Iterable[Sequence[str]]], str]) -> str:
    """*page* with the table of permissions made anew between its marks."""
    rows = [
        (f"`{method.upper()} {path}`", _needed(operation), operation["description"].partition("\n\n")[0])
        for path, operations in description()["paths"].items()
        for method, operation in operations.items()
    ]
    made = table(("request", "permission", "what it does"), rows)
    return _TABLE.sub(lambda _: f"\n{made}\n\n", page)


def _needed(operation: dict[str, Any]) -> str:
    dags = operation.get("x-triggers")
    return "trigger " + ", ".join(f"`{one}`" for one in dags) if dags else "see plugins"
