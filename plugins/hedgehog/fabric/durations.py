"""Durations and times as Go's time package reads them, for the expiry of port locators. Pure: never asks for the time."""

from __future__ import annotations

import re
from datetime import datetime

_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = r"([0-9]*)(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"([-+]?)((?:{_PART})+)", re.ASCII)
_PARTS = re.compile(_PART, re.ASCII)
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{1,2}):([0-9]{2}):([0-9]{2})([.,][0-9]+)?", re.ASCII)
_LONGEST = 1 << 63
_SECOND = 10**9
_DIGITS = 19
"""More digits than this are too long in any unit."""

LOCATORS_BEGIN = datetime(2026, 8, 1)
"""Before upstream's release with port locators: an earlier expiry has passed, whatever the time is now."""


def parse_duration(text: str) -> int | None:
    """The nanoseconds that Go's `time.ParseDuration` reads; None where that fails."""
    if text in ("0", "+0", "-0"):
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    total = 0
    for whole, fraction, unit in _PARTS.findall(match[2]):
        digits = fraction[1:]
        if not whole and not digits:
            return None
        significant = whole.lstrip("0")
        total += int(significant or "0") * _UNITS[unit] if len(significant) <= _DIGITS else _LONGEST
        total += int(digits[:_DIGITS] or "0") * _UNITS[unit] // 10 ** len(digits[:_DIGITS])
    total = -total if match[1] == "-" else total
    return total if -_LONGEST <= total < _LONGEST else None


def parse_time(text: str) -> datetime | None:
    """The time that Go reads in its layout `2006-01-02 15:04:05`; None where that fails. The year 0 counts as 4."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        return datetime(year or 4, month, day, hour, minute, second)
    except ValueError:
        return None


def is_locator_expiry(text: str) -> bool:
    """Whether upstream can read it: nothing (five minutes), a duration, or an exact UTC time."""
    return not text or parse_duration(text) is not None or parse_time(text) is not None


def locator_has_expired(text: str) -> bool:
    """Whether a port locator with this expiry has expired already.

    A duration of less than a second has, and a time before there were locators. A later time may have, too, but that
    would need a clock; such entries are kept.
    """
    duration = parse_duration(text)
    if duration is not None:
        return duration < _SECOND
    time = parse_time(text) if text else None
    return time is not None and time < LOCATORS_BEGIN
