"""What all errors share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import LONGEST_WAIT, RateLimited, RetryableError, wait_of


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, None),
        (0.0, 0.0),
        (37.5, 37.5),
        (-1.0, 0.0),
        (1e12, LONGEST_WAIT),
        (1e300, LONGEST_WAIT),
        (float("inf"), LONGEST_WAIT),
        (float("-inf"), 0.0),
        (float("nan"), None),
    ],
)
def test_no_server_can_demand_a_wait_of_more_than_an_hour(asked: float | None, kept: float | None) -> None:
    """Whatever raises the error: every requested wait passes through here."""
    assert RetryableError("x", retry_after=asked).retry_after == kept
    assert RateLimited("x", retry_after=asked).retry_after == kept


@given(st.text() | st.floats().map(str))
def test_any_retry_after_header_is_a_finite_wait_or_none(header: str) -> None:
    """The date form counts as none."""
    wait = wait_of(header)
    assert wait is None or 0 <= wait <= LONGEST_WAIT
