"""Numbers as Go reads them, in which the cluster's own admission is written. Pure."""

from __future__ import annotations

_LONGEST = 19
"""Decimal digits of the greatest 64-bit integer."""


def atoi(text: str) -> int | None:
    """The number that Go's strconv.Atoi reads: ASCII digits with an optional sign, 64 bits; None where that fails."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        return None
    significant = digits.lstrip("0")
    number = int(significant or "0") if len(significant) <= _LONGEST else 1 << 64
    number = -number if text[0] == "-" else number
    return number if -(1 << 63) <= number < 1 << 63 else None
