"""Plain YAML scalars as Kubernetes reads them.

The rules are those of `resolve` in go.yaml.in/yaml/v2 (v2.4.3, resolve.go), which sigs.k8s.io/yaml and with it kubectl,
the API server and Hedgehog's tools use, followed by a conversion to JSON. They are YAML 1.1 without base 60: `50000:50`
and `2024-01-01` are strings, `yes`, `on` and `y` are booleans, `0777` is octal, `1_000` and `1e3` are numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

Scalar = str | int | float | bool | None

_WORDS: Mapping[str, Scalar] = {
    **{word: True for words in ("y Y yes Yes YES", "true True TRUE", "on On ON") for word in words.split()},
    **{word: False for words in ("n N no No NO", "false False FALSE", "off Off OFF") for word in words.split()},
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_NUMBER_START = frozenset("+-.0123456789")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)")
"""`0b-1` is -1: the Go loader parses binary numbers in a second way, which accepts a sign."""
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_POINT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?", re.ASCII)
_BASES = (16, 2, 8, 10)
_LONGEST_DECIMAL = 20
"""Digits of the largest number of 64 bits; Python refuses to read thousands of them."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar. NaN and infinities are returned as such, although JSON lacks them."""
    if not text or text[0] not in _NUMBER_START:
        return _WORDS.get(text, text)
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _float(text, text) if _POINT_FLOAT.fullmatch(text) else text
    plain = text.replace("_", "")
    integer = _integer(plain)
    if integer is not None:
        return integer
    return _float(plain, text) if _FLOAT.fullmatch(plain) else text


def _integer(plain: str) -> int | None:
    """An integer that fits into 64 bits, signed or, without a sign, unsigned; anything else is tried as a float."""
    match = _INTEGER.fullmatch(plain)
    if match is None:
        signed = _SIGNED_BINARY.fullmatch(plain)
        return int(signed[1], 2) if signed and len(signed[1]) <= 64 else None
    sign, *digits = match.groups()
    if digits[-1] is not None and len(digits[-1]) > _LONGEST_DECIMAL:
        return None
    value = next(int(part, base) for part, base in zip(digits, _BASES, strict=True) if part is not None)
    if sign == "-":
        value = -value
    return value if -(2**63) <= value < (2**63 if sign else 2**64) else None


def _float(digits: str, text: str) -> float | int | str:
    """1e3 becomes 1000: JSON has one kind of number, and Go writes whole ones without a point. Too large ones are text."""
    value = float(digits)
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 2**63 else value
