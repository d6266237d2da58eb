"""A run of the fuzzer gives input to every target."""

from __future__ import annotations

from hypothesis import strategies as st

from devstack.fuzz.__main__ import _Fuzzing
from devstack.fuzz.targets import Target


def test_every_target_gets_at_least_one_input() -> None:
    """On a busy machine, drawing the first may take all of the time."""
    read: list[int] = []
    fuzzing = _Fuzzing(Target("numbers", st.integers(), read.append), 1)
    fuzzing._turn(1, until=0.0)
    assert len(read) == fuzzing.told.inputs == 1
