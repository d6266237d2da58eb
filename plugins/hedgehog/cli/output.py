"""What the command prints: tables for people, JSON for machines, notes and progress on stderr.

While a command runs, stdout is only for results: `own_stdout` reserves it for `show` and `write_result`, and sends other
output (such as logs of Airflow) to stderr.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hedgehog.fabric.shown import first_lines, printable, printable_json

PATIENCE = 2.0
"""Seconds after which a note says what the command is doing."""

VERBOSE = "--verbose shows all"
"""How to see the rest of a list that was cut."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_COLOUR = re.compile(r"(\x1b\[[0-9]{0,2}m)")
_COLOURS = {
    **dict.fromkeys(("in_sync", "success", "Healthy", "passed", "corrected"), "32"),
    **dict.fromkeys(("out_of_sync", "waiting", "held", "syncing", "Progressing", "never_synced"), "33"),
    **dict.fromkeys(("error", "parked", "Degraded", "Missing", "FAILED"), "31"),
    **dict.fromkeys(("suspended", "Unknown", "skipped"), "2"),
}
"""The colours of states in a terminal: good, not yet, broken, unknown."""
_NARROWEST = 32
"""The fewest columns to which text is wrapped; a last column with less room is put below its row."""
_INDENT = 4
_AGES = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@contextmanager
def own_stdout(arguments: argparse.Namespace) -> Iterator[None]:
    """Reserve stdout for the results of the block."""
    arguments.stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        yield
    arguments.stdout.flush()


def first_lines_of(lines: Iterable[str], most: int, *, every: bool) -> list[str]:
    """*every* line, or the first ones and the number of the others."""
    return list(lines) if every else first_lines(lines, most, where=VERBOSE)


def show(arguments: argparse.Namespace, data: Any, text: Callable[[], str]) -> None:
    """Print *data* as JSON, or its *text*, depending on --output."""
    if arguments.output == "json":
        text_of_data = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        print(printable_json(text_of_data), file=arguments.stdout)
    else:
        say(arguments, text())


def say(arguments: argparse.Namespace, text: str) -> None:
    """Print *text* as a result. Of all control sequences, only our own colours reach the terminal."""
    parts = _COLOUR.split(text)
    parts[::2] = map(printable, parts[::2])
    print("".join(parts), file=arguments.stdout)


def print_error(message: str) -> None:
    """Print an error to stderr, line by line."""
    for line in message.splitlines():
        print(f"hedgehog: error: {printable(line)}", file=sys.stderr)


def write_result(arguments: argparse.Namespace, data: bytes) -> None:
    """Write *data* as a result."""
    arguments.stdout.buffer.write(data)


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text is shown. Without a terminal (pipe, file), nothing is wrapped or coloured."""

    width: int | None = None
    colours: bool = False

    def wrap(self, text: str, indent: int) -> list[str]:
        """*text* as lines that fit right of *indent* columns."""
        if self.width is None:
            return [text]
        room = max(self.width - indent, _NARROWEST)
        return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]

    def paint(self, text: str) -> str:
        """*text* in its colour, if it is a word that has one."""
        colour = _COLOURS.get(text.strip()) if self.colours else None
        return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def screen(arguments: argparse.Namespace) -> Screen:
    """The screen for results. NO_COLOR and terminals without colours are respected."""
    if not arguments.stdout.isatty():
        return Screen()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Screen(shutil.get_terminal_size().columns, colours=not plain)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, nothing: str, screen: Screen | None = None) -> str:
    """Aligned columns under upper-case headings; *nothing* when there are no rows.

    A row is one line, except that the last column may be a list of lines; it is wrapped to the width of *screen*.
    """
    if not rows:
        return nothing
    screen = screen or Screen()
    cells = [[heading.upper() for heading in columns], *([cell(value) for value in row[:-1]] for row in rows)]
    lasts = [[columns[-1].upper()], *(_lines(row[-1]) for row in rows)]
    cells[0].pop()
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns) - 1)]
    start = sum(widths) + 2 * len(widths)
    below = screen.width is not None and screen.width - start < _NARROWEST
    indent = _INDENT if below else start
    text = []
    for row, last in zip(cells, lasts, strict=True):
        head = "".join(
            f"{screen.paint(one)}{' ' * (width - len(one) + 2)}" for one, width in zip(row, widths, strict=True)
        )
        lines = [part for line in last for part in screen.wrap(line, indent)]
        if below and lines != ["-"] and row is not cells[0]:
            text += [head, *(" " * indent + line for line in lines)]
        else:
            text += [head + screen.paint(lines[0]), *(" " * indent + line for line in lines[1:])]
    return "\n".join(line.rstrip() for line in text)


def _lines(value: Any) -> list[str]:
    return [cell(one) for one in value] if isinstance(value, list) and value else [cell(value or None)]


def pairs(values: Mapping[str, Any]) -> str:
    """One `name value` per line, the values aligned."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{name.ljust(width)}  {cell(value)}".rstrip() for name, value in values.items())


def cell(value: Any) -> str:
    """A value as one line of text, without control characters."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _CONTROL.sub(" ", printable_json(orjson.dumps(value).decode()))
    return printable(_CONTROL.sub(" ", str(value)))


def age(moment: datetime | None, now: datetime) -> str | None:
    """How long ago: `45s`, `3m`, `2h`, `5d`; None for never."""
    return None if moment is None else _span((now - moment).total_seconds())


def until(moment: datetime | None, now: datetime) -> str | None:
    """How long from now: `now` or `in 3m`; None for never without intervention."""
    if moment is None:
        return None
    seconds = (moment - now).total_seconds()
    return "now" if seconds < 1 else f"in {_span(seconds)}"


def _span(seconds: float) -> str:
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _AGES if whole >= size), (1, "s"))
    return f"{whole // size}{unit}"


def note(text: str) -> None:
    """Print a note to stderr."""
    print(f"hedgehog: note: {printable(text)}", file=sys.stderr)


@contextmanager
def progress(arguments: argparse.Namespace, text: str) -> Iterator[None]:
    """Print *text* to stderr once the block has taken PATIENCE, if stderr is a terminal or --verbose is given."""
    if not (arguments.verbose or sys.stderr.isatty()):
        yield
        return
    timer = threading.Timer(PATIENCE, lambda: print(f"hedgehog: {printable(text)} …", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
