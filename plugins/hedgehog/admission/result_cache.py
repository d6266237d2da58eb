"""What follows from one object alone, computed once, however often the object is checked.

A caller that keeps the documents of unchanged blobs keeps a `ResultCache` with them; what depends on other objects is
checked again each time.
"""

from __future__ import annotations

import contextlib
import functools
import gc
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

Subject = TypeVar("Subject")
Result = TypeVar("Result")

LARGEST = 1_000_000
"""At most so many results are kept; with one more all are dropped."""
_MANY = 20_000
"""New objects that a check of some thousand manifests leaves; one of a few dozen leaves some hundred."""


class ResultCache:
    """Results by the identity of the object from which they follow: an object that was passed in must not be changed.

    Keeps objects and results as long as it exists. For one set of settings.
    """

    def __init__(self, settings: FabricSettings) -> None:
        self.settings = settings
        self._stored = functools.partial(stored, settings=settings)
        self._results: dict[tuple[object, int], tuple[object, Any]] = {}

    def memoize(self, work: Callable[[Subject], Result], subject: Subject) -> Result:
        """`work(subject)`, which must depend on *subject* alone."""
        key = work, id(subject)
        known = self._results.get(key)
        if known is None:
            if len(self._results) >= LARGEST:
                self._results.clear()
            known = self._results[key] = subject, work(subject)
        result: Result = known[1]
        return result

    def stored(self, manifest: Manifest) -> Manifest:
        """The object as the cluster would store it."""
        return self.memoize(self._stored, manifest)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Pause Python's garbage collector for reference cycles, for work that creates many objects and no cycles.

    It would examine every object of a fabric repeatedly while the fabric grows: a third of the time of a check.
    Where that is many objects, they count as old afterwards, so that the collector does not examine all of them at once.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # Do not unfreeze what somebody else froze. Counting it takes 40 ms in a task: Airflow freezes all before it forks.
            if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
