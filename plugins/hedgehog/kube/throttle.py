"""How much may be asked of one cluster: fewer requests at once when it says it is overloaded, no more writes when they
keep failing for one reason or the time is up."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hedgehog.errors import HedgehogError, NotReached
from hedgehog.kube.failures import outage

_ALL = ""
"""In place of a kind: all kinds."""

MOST_OUTAGES = 3
"""Writes in a row that may fail for one and the same reason before the others are not tried."""


class Throttle:
    """A limit on concurrent requests that halves on overload and grows by one after as many successes as it allows.

    Never below one and never above *most*. Python clients have no limiter of their own, and mapped tasks start all at once.
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


class Halt:
    """Says when a run must send no more writes to a cluster, and why.

    After MOST_OUTAGES failures in a row for one reason that is not the objects' own: of an admission webhook for the
    kinds that it failed for, of the cluster for all. And after *deadline*, of `time.monotonic`. Safe for threads.
    """

    def __init__(self, deadline: float = math.inf) -> None:
        self._deadline = deadline
        self._failures: Counter[tuple[str, str]] = Counter()
        self._stopped: dict[str, HedgehogError] = {}
        self._lock = threading.Lock()

    def obstacle(self, kind: str) -> HedgehogError | None:
        """Why no object of *kind* must be written now; None when it may be."""
        stopped = self._stopped.get(kind) or self._stopped.get(_ALL)
        if stopped is not None:
            return stopped
        if time.monotonic() >= self._deadline:
            return NotReached("the time limit of the task came first; the next run goes on")
        return None

    def note(self, kind: str, error: HedgehogError | None) -> None:
        """An object of *kind* was written, which neither the cluster nor its webhooks hinder; or *error* ended that."""
        if error is None:
            self._forget(kind)
            return
        found = outage(error)
        if found is None:
            return
        reason, is_webhook = found
        scope = kind if is_webhook else _ALL
        with self._lock:
            self._failures[scope, reason] += 1
            if self._failures[scope, reason] >= MOST_OUTAGES:
                self._stopped.setdefault(scope, error)

    def _forget(self, kind: str) -> None:
        if self._failures:
            with self._lock:
                self._failures = Counter({key: n for key, n in self._failures.items() if key[0] not in (kind, _ALL)})
