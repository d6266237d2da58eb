"""A short part of `make fuzz`."""

from __future__ import annotations

from devstack.fuzz.__main__ import TARGETS, fuzz_all, table

SEED, MINUTES = 5, 0.5


def test_nothing_but_our_own_errors_comes_out_of_hostile_input() -> None:
    """No input costs more memory or time than is promised either."""
    told = fuzz_all(SEED, MINUTES)
    assert [one for one in told if one.findings] == [], table(told)
    assert len(told) == TARGETS
    assert all(one.inputs for one in told), table(told)
