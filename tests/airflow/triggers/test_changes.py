"""The trigger that listens to PostgreSQL: loses no wake-up, survives a lost server, never blocks the triggerer's loop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hedgehog.airflow.assets import FABRIC_CHANGED, INBOX, REVISION_PUBLISHED
from hedgehog.airflow.triggers.changes import NotificationTrigger
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from tests.store.benches import Ear
from tests.waiting import LIMIT, until

CHANNEL = "hedgehog_fabric_changed"
CONNECTED = {"channel": CHANNEL, "reason": "connected"}
NOTIFIED = {"channel": CHANNEL, "reason": "notified", "fabrics": ["fabric-1"]}


@pytest.fixture
def person(database_parameters, fabric_database):
    """Somebody else's connection to the fabric database, in autocommit mode."""
    connection = store_database.connect(database_parameters)
    connection.autocommit = True
    yield connection
    connection.close()


def execute(person: store_database.Connection, statement: str) -> None:
    """Run one statement."""
    with person.cursor() as cursor:
        cursor.execute(statement)


def notify(person: store_database.Connection, payload: str = "fabric-1") -> None:
    """Raise the notification that the tables raise."""
    execute(person, f"SELECT pg_notify('{CHANNEL}', '{payload}')")


LISTENERS = "FROM pg_stat_activity WHERE application_name LIKE 'hedgehog listen%' AND datname = current_database()"


def listeners(person: store_database.Connection) -> int:
    """How many triggers are connected."""
    with person.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {LISTENERS}")
        return cursor.fetchone()[0]


class Running:
    """A trigger that runs in a task, as in the triggerer, and the payloads of its events."""

    def __init__(self, trigger: NotificationTrigger) -> None:
        self.events: list[dict[str, Any]] = []
        self.task = asyncio.ensure_future(self._run(trigger))

    async def _run(self, trigger: NotificationTrigger) -> None:
        async for event in trigger.run():
            self.events.append(event.payload)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds; a trigger that ended fails the test at once."""
        started = time.monotonic()
        while not condition():
            assert not self.task.done(), "the trigger ended"
            assert time.monotonic() - started < LIMIT, f"waited {LIMIT} s; events: {self.events}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Running]:
    """A trigger that has connected and fired once."""
    found = Running(NotificationTrigger(CHANNEL))
    try:
        await found.until(lambda: bool(found.events))
        yield found
    finally:
        found.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await found.task


def test_a_triggerer_can_rebuild_the_trigger():
    """The class path and the arguments are all that Airflow keeps of a trigger."""
    trigger = NotificationTrigger(CHANNEL, connection_id="other_db")
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**arguments)
    assert type(again) is NotificationTrigger
    assert again.serialize() == trigger.serialize()
    assert (again.channel, again.connection_id) == (CHANNEL, "other_db")


@pytest.mark.parametrize(
    ("asset", "settings"),
    [
        (FABRIC_CHANGED, {"git_sync_enabled": True}),
        (INBOX, {"git_sync_enabled": True, "source_of_truth": "git"}),
        (REVISION_PUBLISHED, {"enable_k8s_sync": True, "kubernetes_connection_id": "cluster"}),
    ],
)
def test_the_assets_listen_to_the_channels_that_the_database_notifies(database, database_parameters, asset, settings):
    """Two places name them; after a typing error only the schedule would be left, silently."""
    ear = Ear(database_parameters)
    with contextlib.closing(ear.connection):
        fabrics.save_repository(database, "net", {"url": "https://git.example.com/acme/net.git"})
        fabrics.save_fabric(database, "lab", {"git_repository": "net", "git_directory": "d", **settings})
        assert [channel for channel, _ in ear.heard()] == [watcher.trigger.channel for watcher in asset.watchers]


def test_it_fires_when_it_connects(person):
    """Because changes may have been missed; afterwards only when something changes."""

    async def scenario() -> list[dict[str, Any]]:
        async with running() as trigger:
            await asyncio.sleep(0.2)
            return trigger.events

    assert asyncio.run(scenario()) == [CONNECTED]


def test_a_change_in_the_database_fires_the_trigger(person):
    """The tables notify automatically."""

    async def scenario() -> list[dict[str, Any]]:
        async with running() as trigger:
            execute(person, "INSERT INTO hedgehog.git_repository (name, url) VALUES ('network', 'file:///network')")
            execute(
                person,
                "INSERT INTO hedgehog.fabric (name, git_sync_enabled, git_repository_id) "
                "SELECT 'fabric-1', true, id FROM hedgehog.git_repository",
            )
            await trigger.until(lambda: len(trigger.events) > 1)
            return trigger.events

    assert asyncio.run(scenario()) == [CONNECTED, NOTIFIED]


def test_the_last_notification_of_a_burst_is_never_lost(person):
    """Two hundred notifications cause few events, and one of them comes after the last notification."""

    async def scenario() -> tuple[int, int]:
        async with running() as trigger:
            for number in range(199):
                await asyncio.to_thread(notify, person, str(number))
            before_the_last = len(trigger.events)
            await asyncio.to_thread(notify, person, "last")
            await trigger.until(lambda: len(trigger.events) > before_the_last)
            await asyncio.sleep(0.2)
            return before_the_last, len(trigger.events)

    before_the_last, in_all = asyncio.run(scenario())
    assert in_all > before_the_last
    assert in_all < 100


def test_notifications_of_one_transaction_are_one_event(person):
    """An import of a thousand fabrics is one event."""

    async def scenario() -> list[dict[str, Any]]:
        async with running() as trigger:
            execute(person, f"SELECT pg_notify('{CHANNEL}', 'f' || n) FROM generate_series(100, 299) n")
            await trigger.until(lambda: len(trigger.events) > 1)
            await asyncio.sleep(0.2)
            return trigger.events

    told = [f"f{number}" for number in range(100, 120)]
    assert asyncio.run(scenario()) == [CONNECTED, {**NOTIFIED, "fabrics": told}]


def test_a_lost_connection_is_replaced(person, monkeypatch):
    """A restart of the database costs seconds; the trigger fires for changes made meanwhile."""
    monkeypatch.setattr("hedgehog.airflow.triggers.changes.random.uniform", lambda low, high: 0.05)

    async def scenario() -> list[dict[str, Any]]:
        async with running() as trigger:
            execute(person, f"SELECT pg_terminate_backend(pid) {LISTENERS}")
            await trigger.until(lambda: len(trigger.events) > 1)
            notify(person)
            await trigger.until(lambda: len(trigger.events) > 2)
            return trigger.events

    assert asyncio.run(scenario()) == [CONNECTED, CONNECTED, NOTIFIED]


def test_a_quiet_connection_is_probed_and_kept(person, monkeypatch):
    """A probe that is answered is not an event."""
    monkeypatch.setattr("hedgehog.airflow.triggers.changes._PROBE_SECONDS", 0.05)

    async def scenario() -> list[dict[str, Any]]:
        async with running() as trigger:
            await asyncio.sleep(0.5)
            notify(person)
            await trigger.until(lambda: len(trigger.events) > 1)
            return trigger.events

    assert asyncio.run(scenario()) == [CONNECTED, NOTIFIED]


def test_without_a_database_it_waits_instead_of_ending(monkeypatch, caplog):
    """Airflow restarts a trigger that ends every two seconds, for ever; here, a missing database is only a warning."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "postgres://nobody:s3cr3t-word@/none?host=%2Fnowhere")
    monkeypatch.setattr("hedgehog.airflow.triggers.changes.random.uniform", lambda low, high: 0.01)

    async def scenario() -> bool:
        trigger = Running(NotificationTrigger(CHANNEL))
        await trigger.until(lambda: caplog.text.count("lost hedgehog_fabric_changed") >= 3)
        trigger.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await trigger.task
        return trigger.events == []

    assert asyncio.run(scenario())
    assert "s3cr3t-word" not in caplog.text


def test_it_ends_at_once_when_it_is_cancelled_and_leaves_no_connection(person, monkeypatch):
    """When the triggerer shuts down, or no DAG uses the asset: it does not wait for the next probe."""
    monkeypatch.setattr("hedgehog.airflow.triggers.changes._PROBE_SECONDS", 3600.0)

    async def scenario() -> None:
        async with running():
            assert listeners(person) == 1

    asyncio.run(asyncio.wait_for(scenario(), LIMIT))
    until(lambda: listeners(person) == 0, "the session of the trigger to end")


def test_the_other_triggers_of_the_loop_keep_running(person, monkeypatch):
    """Connecting never blocks the event loop that all triggers share."""
    monkeypatch.setattr("hedgehog.airflow.triggers.changes._PROBE_SECONDS", 0.1)
    monkeypatch.setattr("hedgehog.airflow.triggers.changes.random.uniform", lambda low, high: 0.05)
    connect = store_database.connect

    waited: list[bool] = []
    ticked = threading.Event()

    def connect_when_the_loop_turns(parameters):
        ticked.clear()
        waited.append(ticked.wait(LIMIT))
        return connect(parameters)

    monkeypatch.setattr(store_database, "connect", connect_when_the_loop_turns)

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.01)
            ticked.set()

    async def scenario() -> None:
        ticking = asyncio.ensure_future(tick())
        async with running() as trigger:
            await asyncio.to_thread(notify, person)
            await trigger.until(lambda: NOTIFIED in trigger.events)
            await asyncio.to_thread(execute, person, f"SELECT pg_terminate_backend(pid) {LISTENERS}")
            await trigger.until(lambda: trigger.events.count(CONNECTED) == 2)
        ticking.cancel()

    asyncio.run(scenario())
    assert waited == [True, True]
