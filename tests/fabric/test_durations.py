"""Durations and times are read as Go reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.durations import is_locator_expiry, locator_has_expired, parse_duration

SECOND = 10**9
DURATIONS = {
    "10m": 600 * SECOND,
    "-1.5h": -5400 * SECOND,
    "1h2m3s": 3723 * SECOND,
    "+.5s": SECOND // 2,
    "5.s": 5 * SECOND,
    "1µs": 1000,
    "0": 0,
    "-0": 0,
    "": None,
    "10": None,
    ".s": None,
    "s": None,
    "1d": None,
    " 1s": None,
    "1s ": None,
    "--1s": None,
    "9223372036854775807ns": (1 << 63) - 1,
    "9223372036854775808ns": None,
    "9" * 40 + "s": None,
}


@pytest.mark.parametrize(("text", "expected"), DURATIONS.items())
def test_durations_are_parsed_as_in_go(text: str, expected: int | None) -> None:
    """In nanoseconds; None where Go refuses."""
    assert parse_duration(text) == expected


@given(st.integers(-(10**9), 10**9))
def test_whole_seconds_are_parsed_back(seconds: int) -> None:
    """Whatever their sign."""
    assert parse_duration(f"{seconds}s") == seconds * SECOND


EXPIRIES = {
    "": (True, False),
    "10m": (True, False),
    "999ms": (True, True),
    "-5m": (True, True),
    "2001-01-01 00:00:00": (True, True),
    "2999-12-31 9:59:59.5": (True, False),
    "2999-02-29 00:00:00": (False, False),
    "2999-1-1 00:00:00": (False, False),
    "2999-01-01T00:00:00": (False, False),
    "2999-01-01 00:00": (False, False),
    "0000-02-29 00:00:00": (True, True),
    "soon": (False, False),
}


@pytest.mark.parametrize(("text", "expected"), EXPIRIES.items())
def test_a_locator_expires_after_a_duration_or_at_a_time(text: str, expected: tuple[bool, bool]) -> None:
    """Whether it can be read, and whether it is over at once."""
    assert (is_locator_expiry(text), locator_has_expired(text)) == expected
