"""What the command prints: tables for people, JSON for machines, notes and progress on stderr.

While a command runs, stdout is for results only: `own_stdout` keeps it for `show` and `write` and sends whatever else
is printed (Airflow logs there) to stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from typing import Any

import orjson

PATIENCE = 2.0
"""Seconds after which a person is told what the command is doing."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_AGES = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@contextmanager
def own_stdout(arguments: argparse.Namespace) -> Iterator[None]:
    """Keep stdout for the results of the block."""
    arguments.stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        yield
    arguments.stdout.flush()


def show(arguments: argparse.Namespace, data: Any, text: Callable[[], str]) -> None:
    """Print *data* as JSON, or *text* of it, whichever was asked for."""
    if arguments.output == "json":
        say(arguments, orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())
    else:
        say(arguments, text())


def say(arguments: argparse.Namespace, text: str) -> None:
    """Print *text* as a result."""
    print(text, file=arguments.stdout)


def write(arguments: argparse.Namespace, data: bytes) -> None:
    """Write *data* as a result."""
    arguments.stdout.buffer.write(data)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, nothing: str) -> str:
    """Aligned columns under upper-case headings, a line a row; *nothing* when there are no rows."""
    if not rows:
        return nothing
    cells = [[heading.upper() for heading in columns], *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def pairs(values: Mapping[str, Any]) -> str:
    """One `name  value` a line, the values aligned."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{name.ljust(width)}  {cell(value)}".rstrip() for name, value in values.items())


def cell(value: Any) -> str:
    """A value as one line of text; text of remote origin cannot move the cursor."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _CONTROL.sub(" ", orjson.dumps(value).decode())
    return _CONTROL.sub(" ", str(value))


def age(moment: datetime | None, now: datetime) -> str | None:
    """How long ago: `45s`, `3m`, `2h`, `5d`; None for never."""
    return None if moment is None else _span((now - moment).total_seconds())


def until(moment: datetime | None, now: datetime) -> str | None:
    """How long from now: `now` or `in 3m`; None for not by itself."""
    if moment is None:
        return None
    seconds = (moment - now).total_seconds()
    return "now" if seconds < 1 else f"in {_span(seconds)}"


def _span(seconds: float) -> str:
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _AGES if whole >= size), (1, "s"))
    return f"{whole // size}{unit}"


def note(text: str) -> None:
    """A remark that is no result."""
    print(f"hedgehog: note: {text}", file=sys.stderr)


@contextmanager
def progress(arguments: argparse.Namespace, text: str) -> Iterator[None]:
    """Say *text* on stderr once the block has taken PATIENCE, if a person looks on or wants to know."""
    if not (arguments.verbose or sys.stderr.isatty()):
        yield
        return
    timer = threading.Timer(PATIENCE, lambda: print(f"hedgehog: {text} …", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
