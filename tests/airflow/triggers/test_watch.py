"""The trigger that watches the clusters: starts, wakes, never ends alone, and ends at once when it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hedgehog.airflow.assets import CLUSTER_CHANGED
from hedgehog.airflow.triggers.watch import ClusterWatchTrigger
from hedgehog.services.kubernetes import watch
from tests.waiting import LIMIT

STARTED = {"reason": "started"}


class FakeWatch:
    """A watch that reports the prepared drift, or breaks."""

    made: list[FakeWatch]

    def __init__(self, *, wake: Callable[[list[str]], None], **_: Any) -> None:
        self.wake = wake
        self.ended = threading.Event()
        self.broken = threading.Event()
        self.ran = False
        self.made.append(self)

    def run(self) -> None:
        """Wait for the end."""
        self.ran = True
        while not self.ended.is_set():
            if self.broken.wait(0.005):
                raise RuntimeError("something unforeseen")

    def stop(self) -> None:
        """End it."""
        self.ended.set()


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> list[FakeWatch]:
    """The created watches, the running one last."""
    FakeWatch.made = []
    monkeypatch.setattr(watch, "Watch", FakeWatch)
    monkeypatch.setattr("hedgehog.airflow.triggers.watch.random.uniform", lambda low, high: 0.01)
    monkeypatch.setattr("hedgehog.airflow.triggers.watch._SPACING_SECONDS", 0.05)
    return FakeWatch.made


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[list[dict[str, Any]]]:
    """The payloads of a running trigger's events."""
    events: list[dict[str, Any]] = []

    async def collect() -> None:
        async for event in ClusterWatchTrigger().run():
            events.append(event.payload)

    task = asyncio.ensure_future(collect())
    try:
        yield events
        assert not task.done(), "the trigger ended"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Any]) -> None:
    """Wait until *condition* holds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < LIMIT
        await asyncio.sleep(0.005)


def test_a_triggerer_can_rebuild_the_trigger():
    """The class path and the arguments are all that Airflow keeps of a trigger; it is the watcher of our asset."""
    path, arguments = ClusterWatchTrigger("other_db").serialize()
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**arguments)
    assert again.serialize() == (path, {"connection_id": "other_db"})
    assert type(CLUSTER_CHANGED.watchers[0].trigger) is ClusterWatchTrigger


def test_it_fires_when_it_starts_and_when_fabrics_become_due(watches):
    """The previous one may have died between the database and the event. A burst becomes one event."""

    async def scenario() -> list[dict[str, Any]]:
        async with running() as events:
            await until(lambda: watches and watches[-1].ran)
            watches[-1].wake(["b"])
            await until(lambda: len(events) == 2)
            for name in ("c", "a", "c"):
                watches[-1].wake([name])
            await until(lambda: len(events) == 3)
            await asyncio.sleep(0.1)
            return events

    assert asyncio.run(scenario()) == [
        STARTED,
        {"reason": "drift", "fabrics": ["b"]},
        {"reason": "drift", "fabrics": ["a", "c"]},
    ]


def test_a_broken_watch_is_started_again(watches, caplog):
    """Airflow would restart an ended trigger every two seconds, for ever."""

    async def scenario() -> int:
        async with running() as events:
            for number in range(3):
                await until(lambda number=number: len(watches) > number and watches[number].ran)
                watches[number].broken.set()
            await until(lambda: len(watches) == 4)
            assert events == [STARTED]
        return len(watches)

    assert asyncio.run(scenario()) == 4
    assert caplog.text.count("the watch of the clusters broke") == 3


def test_it_ends_at_once_together_with_its_watch(watches):
    """When the triggerer shuts down, or no DAG uses the asset."""

    async def scenario() -> FakeWatch:
        async with running():
            await until(lambda: watches and watches[-1].ran)
        return watches[-1]

    assert asyncio.run(scenario()).ended.wait(LIMIT)
