"""Values and texts that others wrote, quoted in our messages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST = 80
LONGEST_REASON = 4000
"""Characters of the reason of an outcome."""
# Control characters, which move a cursor; marks of direction and without width, which make a text look like another.
_DECEIVING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_TOO_MANY_DIGITS = "a number of thousands of digits"


def printable(text: str) -> str:
    """*text* with a replacement for every character that controls a terminal or is not visible.

    Line breaks and tabs stay.
    """
    return _DECEIVING.sub(_REPLACEMENT, text)


def printable_json(text: str) -> str:
    """The same for JSON, whose value does not change: such characters occur only in strings, where they are escaped."""
    return _DECEIVING.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def counted(number: int, noun: str) -> str:
    """`1 problem`, `2 problems`, `2 repositories`."""
    plural = f"{noun[:-1]}ies" if noun.endswith(("ory", "ery")) else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(names: Iterable[object], most: int, *, where: str = "") -> str:
    """The first *most* of *names*, and how many more there are: `a, b and 3 more`; *where*: see `and_more`."""
    found = list(map(str, names))
    shown = ", ".join(found[:most])
    return f"{shown} {and_more(len(found) - most, where)}" if len(found) > most else shown


def first_lines(lines: Iterable[str], most: int, *, where: str = "") -> list[str]:
    """The first *most* of *lines*, and one that says how many more there are; *where*: see `and_more`."""
    found = list(lines)
    return [*found[:most], *([and_more(len(found) - most, where)] if len(found) > most else [])]


def and_more(count: int, where: str = "") -> str:
    """How many are left out, and *where* to see them: `and 3 more; --verbose shows all`."""
    return f"and {count} more; {where}" if where else f"and {count} more"


def reason_of(lines: Sequence[str], *, rest: str) -> str:
    """*lines* as one reason: all of them, or as many as fit, how many there are, and *rest*, which says where to find
    all.
    """
    whole = "; ".join(lines)
    if len(whole) <= LONGEST_REASON:
        return whole
    count, size = 0, 0
    while size + len(lines[count]) <= LONGEST_REASON:
        size += len(lines[count]) + len("; ")
        count += 1
    first = [*lines[:count]] or [f"{lines[0][: LONGEST_REASON - 1]}…"]
    more = len(lines) - len(first)
    return "; ".join([*first, *([f"{and_more(more)}, {len(lines)} in all: {rest}"] if more else [])])


def shown(value: Any, longest: int = LONGEST) -> str:
    """`repr` of *value*, cut where it is long. Raises nothing, although Python refuses to print very large integers."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return _TOO_MANY_DIGITS if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
