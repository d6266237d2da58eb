"""The event trigger that watches all clusters. The watch has threads of its own; the triggerer's loop only waits."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from hedgehog.services.kubernetes.watch import Watch
    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

_MOST_NAMED = 20
_SPACING_SECONDS = 2.0
"""Least time between two events: the first drift of a burst wakes at once, the rest of it together."""
_LONGEST_PAUSE = 60.0


class ClusterWatchTrigger(BaseEventTrigger):
    """Fires when others touched our objects in any cluster that a fabric of the fabric database is synced to.

    What was found is in the fabric database before it fires, and the fabrics are due there: an event that is lost
    costs minutes. Fires once when it starts, because the trigger before it may have been killed. Never ends and never raises:
    a watch that breaks is started again after growing, jittered pauses.
    """

    def __init__(self, connection_id: str = "hedgehog_db") -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.connection_id = connection_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, from which a triggerer builds it again."""
        return "hedgehog.airflow.triggers.watch.ClusterWatchTrigger", {"connection_id": self.connection_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch for ever."""
        yield TriggerEvent({"reason": "started"})
        woken: asyncio.Queue[list[str]] = asyncio.Queue()
        thread = _WatchThread(self.connection_id, asyncio.get_running_loop(), woken)
        thread.start()
        try:
            while True:
                names = set(await woken.get())
                while not woken.empty():
                    names |= set(woken.get_nowait())
                yield TriggerEvent({"reason": "drift", "fabrics": sorted(names)[:_MOST_NAMED]})
                await asyncio.sleep(_SPACING_SECONDS)
        finally:
            thread.stop()
            # Not waited for: a worker may be at a cluster that does not answer. All its threads end with the process.


class _WatchThread(threading.Thread):
    """Runs a watch, and the next one when it breaks, until it is stopped."""

    def __init__(self, connection_id: str, loop: asyncio.AbstractEventLoop, woken: asyncio.Queue[list[str]]) -> None:
        super().__init__(name="hedgehog watch", daemon=True)
        self._connection_id, self._loop, self._woken = connection_id, loop, woken
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        """Watch until `stop`."""
        pause = 1.0
        while not self._stopped.is_set():
            try:
                watch = self._open_watch()
                with self._lock:
                    self._watch = watch
                if self._stopped.is_set():
                    watch.stop()
                watch.run()
            except Exception:  # whatever it is, Airflow would start an ended trigger every two seconds
                logger.exception("the watch of the clusters broke, next try in about %.0f s", pause)
                self._stopped.wait(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self) -> None:
        """End soon; for any thread."""
        self._stopped.set()
        with self._lock:
            if self._watch is not None:
                self._watch.stop()

    def _open_watch(self) -> Watch:
        from hedgehog.airflow.adapters.hooks import open_cluster
        from hedgehog.services.kubernetes.watch import Watch

        return Watch(open_database=self._open_database, open_cluster=open_cluster, wake=self._wake)

    def _open_database(self) -> Connection:
        from hedgehog.airflow.adapters.hooks import open_database

        return open_database(self._connection_id)

    def _wake(self, names: list[str]) -> None:
        logger.info("drift in the clusters of %s", ", ".join(names[:_MOST_NAMED]))
        self._loop.call_soon_threadsafe(self._woken.put_nowait, names)
