"""The table of rooms in `architecture.md`, from the docstring of each package: what it holds, and what it never does."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

_TABLE = re.compile(
    r"(?<=<!-- rooms: made by docs/generate\.py from the docstrings of the packages -->\n).*?(?=<!-- /rooms -->)", re.S
)
_IN_DETAIL = ("services", "airflow")
"""Rooms whose folders have rows of their own."""


def promises(package: Path) -> Iterator[tuple[Path, str, str]]:
    """Each package below *package*, what its docstring says it holds, and its paragraph that begins with "Never"."""
    for file in sorted(package.rglob("__init__.py")):
        if file.parent != package:
            what, never, *_ = [
                *inspect.cleandoc(ast.get_docstring(ast.parse(file.read_text())) or "").split("\n\n"),
                "",
                "",
            ]
            yield file.parent.relative_to(package), " ".join(what.split()), " ".join(never.split())


def with_rooms(page: str, package: Path) -> str:
    """*page* with the table created again between its marks."""
    rows = [
        f"| `{room}/` | {what} | {never} |"
        for room, what, never in promises(package)
        if len(room.parts) == 1 or (room.parts[0] in _IN_DETAIL and len(room.parts) == 2)
    ]
    table = "\n".join(["", "| room | what belongs there | what it never does |", "| --- | --- | --- |", *rows, "", ""])
    return _TABLE.sub(lambda _: table, page)
