"""Whether the time of a function grows faster than its input, measured on a machine that may be busy."""

from __future__ import annotations

import time
from collections.abc import Callable

SHORT, TIMES = 400, 16
"""Characters, and how many times as long the long text is."""
TOO_MUCH = 64
"""Times the time of the short text: linear growth is TIMES, quadratic growth 256; a factor of four to either."""
QUICK = 0.004
"""Seconds for the long text that no quadratic growth is as quick as: it takes twenty million steps."""
LEAST, MOST = 5, 15
"""Rounds before the first answer, and before "yes": a busy machine makes single ones longer, never shorter."""


def grows_too_fast(use: Callable[[str], object], text: Callable[[int], str], *, short: int = SHORT) -> bool:
    """Whether *use* takes more than time in proportion to a *text* of a length.

    The least of many rounds counts, long and short in turns, so that what else is busy meets both. One good round is
    enough for "no", and only all of them together say "yes".
    """
    shorter, longer = text(short), text(short * TIMES)
    little = much = float("inf")
    for number in range(MOST):
        much = min(much, _seconds(use, longer))
        if much < QUICK:
            return False
        little = min(little, _seconds(use, shorter))
        if number + 1 >= LEAST and much < TOO_MUCH * little:
            return False
    return True


def _seconds(use: Callable[[str], object], text: str) -> float:
    started = time.thread_time()
    use(text)
    return time.thread_time() - started
