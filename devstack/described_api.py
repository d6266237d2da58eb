"""What the stand-ins for GitHub and GitLab share in keeping to the descriptions that these publish."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


class Undescribed(AssertionError):
    """A request or an answer does not match the host's description."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route and method, with the values of the placeholders of its path."""

    method: str
    path: str
    values: Mapping[str, str]


def operation_of(operations: Iterable[tuple[str, str]], method: str, path: str) -> Operation | None:
    """The one of *operations* (method and path) that serves *path* (without query), if any."""
    for verb, pattern in operations:
        found = _pattern(pattern).fullmatch(path)
        if verb == method.lower() and found:
            return Operation(verb, pattern, found.groupdict())
    return None


def typed(schema: Mapping[str, Any], value: str) -> str | int:
    """*value* of a path or a query, as a number where *schema* wants one."""
    return int(value) if schema.get("type") == "integer" and value.isdigit() else value


def refuse_unless_valid(validator: Any, value: Any, subject: str) -> None:
    """Raise Undescribed with the first errors that *validator* finds in *value*."""
    errors = list(validator.iter_errors(value))
    if errors:
        places = "; ".join(f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors[:5])
        raise Undescribed(f"{subject}: {places}")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    # A file's path has slashes; no other placeholder has.
    escaped = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(
        re.sub(r"{(\w+)}", lambda found: f"(?P<{found[1]}>{'.*' if found[1] == 'path' else '[^/]+'})", escaped)
    )
