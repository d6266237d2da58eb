"""Which lines of the new files a diff shows: only those can be commented on. Pure."""

from __future__ import annotations

import re

_HUNK = re.compile(r"@@ -(?P<before>\d+)(?:,(?P<old>\d+))? \+(?P<first>\d+)(?:,(?P<new>\d+))? @@")
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_SIGNS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def lines_shown(patch: str) -> frozenset[int]:
    """The numbers, in the new file, of the lines that a unified diff of one file shows."""
    return frozenset(line_pairs(patch))


def line_pairs(patch: str) -> dict[int, int | None]:
    """Each line that a unified diff of one file shows, by its number in the new file: its number in the old one.

    None for a line that was added.
    """
    return next(iter(_pairs_by_file(f"+++ b/x\n{patch}").values()), {})


def lines_by_file(diff: str) -> dict[str, frozenset[int]]:
    """New path → the lines of it that a unified diff of several files shows, as git writes it."""
    return {path: frozenset(pairs) for path, pairs in _pairs_by_file(diff).items()}


def _pairs_by_file(diff: str) -> dict[str, dict[int, int | None]]:
    found: dict[str, dict[int, int | None]] = {}
    shown: dict[int, int | None] = {}
    number = before = old = new = 0
    for line in diff.split("\n"):
        if old > 0 or new > 0:  # within a hunk, whatever a line looks like
            sign = line[:1]
            if sign in ("+", " ", ""):
                shown[number] = None if sign == "+" else before
                number, new = number + 1, new - 1
            if sign in ("-", " ", ""):
                before, old = before + 1, old - 1
        elif line.startswith("+++ "):
            shown = found.setdefault(_path(line[4:].rstrip("\t\r")), {})
        elif hunk := _HUNK.match(line):
            before, number = int(hunk["before"]), int(hunk["first"])
            old, new = int(hunk["old"] or 1), int(hunk["new"] or 1)
    return found


def _path(text: str) -> str:
    """The path after `+++ `: quoted by git where it has unusual characters."""
    if text.startswith('"') and text.endswith('"'):
        raw = _ESCAPED.sub(lambda found: _unescaped(found[1]), text[1:-1].encode())
        text = raw.decode("utf-8", "replace")
    return text.removeprefix("b/")


def _unescaped(sign: bytes) -> bytes:
    return bytes([int(sign, 8) & 0xFF]) if len(sign) == 3 else _SIGNS.get(sign, sign)
