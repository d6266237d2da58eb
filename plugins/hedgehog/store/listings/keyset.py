"""Pages by keyset: a page begins after the last row of the one before, wherever rows came and went in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order: SQL expressions that are never null, the last of them unique, each with its direction."""

    columns: tuple[tuple[str, bool], ...]
    """Expression, and whether it falls."""

    def order(self) -> str:
        """The ORDER BY clause."""
        return ", ".join(f"{column} DESC" if falls else column for column, falls in self.columns)

    def after(self, values: Sequence[Any] | None) -> tuple[str, list[Any]]:
        """The condition of being behind the row with these *values*, and its parameters."""
        if values is None:
            return "true", []
        parts, parameters = [], []
        for number, (column, falls) in enumerate(self.columns):
            same = [f"{before} = %s" for before, _ in self.columns[:number]]
            parts.append(" AND ".join([*same, f"{column} {'<' if falls else '>'} %s"]))
            parameters += list(values[: number + 1])
        return "(" + " OR ".join(f"({part})" for part in parts) + ")", parameters


def rising(*columns: str) -> Keyset:
    """The order of *columns*, all of them rising."""
    return Keyset(tuple((column, False) for column in columns))


def falling(*columns: str) -> Keyset:
    """The order of *columns*, all of them falling."""
    return Keyset(tuple((column, True) for column in columns))


def rows_of(cursor: Any) -> list[Row]:
    """What a statement found, each row by the names of its columns."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def like(text: str) -> str:
    """A pattern for ILIKE that finds *text* anywhere, whatever it holds."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
