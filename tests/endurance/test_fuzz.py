"""A short version of `make fuzz`."""

from __future__ import annotations

from devstack.fuzz.__main__ import TARGETS, fuzz_all, table

SEED, MINUTES = 5, 0.5


def test_hostile_input_causes_only_our_own_errors() -> None:
    """No input takes more memory or time than promised."""
    told = fuzz_all(SEED, MINUTES)
    assert [one for one in told if one.findings] == [], table(told)
    assert len(told) == TARGETS
    assert all(one.inputs for one in told), table(told)
