"""How many requests may be under way at one cluster: fewer when it says it is overloaded, more again when it copes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Throttle:
    """A limit on concurrent requests that halves on overload and grows by one after as many successes as it allows.

    Never below one and never above *most*. Python clients have no limiter of their own, and mapped tasks come in herds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = most
        self._busy = 0
        self._successes = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """The number of requests allowed at this moment."""
        return self._limit

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free place and hold it for the block."""
        with self._changed:
            while self._busy >= self._limit:
                self._changed.wait()
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def overloaded(self) -> None:
        """The cluster refused for load."""
        with self._changed:
            self._limit = max(1, self._limit // 2)
            self._successes = 0

    def succeeded(self) -> None:
        """A request was served."""
        if self._limit == self._most:
            return
        with self._changed:
            self._successes += 1
            if self._successes >= self._limit:
                self._limit = min(self._most, self._limit + 1)
                self._successes = 0
                self._changed.notify()
