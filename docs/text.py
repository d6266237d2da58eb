"""The parts of a generated page: the notice at its head, tables, paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTICE = "<!-- Made by docs/generate.py from {source}; edit there, then run `make format`. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. Line breaks and bars in a cell cannot end it."""
    lines = [head, ["---"] * len(head), *([" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def unique(values: Iterable[str]) -> list[str]:
    """Each value once, in order."""
    return list(dict.fromkeys(values))


def join(parts: Iterable[str]) -> str:
    """The paragraphs of a page as its text."""
    return "\n\n".join(parts) + "\n"
