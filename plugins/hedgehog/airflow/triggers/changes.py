"""The event trigger on PostgreSQL notifications. Nothing here blocks the one event loop of the triggerer."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

INBOX_CHANNEL = "hedgehog_inbox"
_GATHER_SECONDS = 0.05
"""A burst of notifications becomes one event: the time to wait for the rest of it."""
_SPACING_SECONDS = 2.0
"""Least time between two events: the first of a burst wakes at once, the rest of it together."""
_MOST_NAMED = 20
"""Names in the event of a large burst: it is for people who read the asset's page, the plan reads the tables."""
_PROBE_SECONDS = 30.0
"""A quiet connection is probed this often, so that a half-open one is noticed."""
_LONGEST_PAUSE = 60.0


class NotificationTrigger(BaseEventTrigger):
    """Fires when PostgreSQL notifies *channel* of the fabric database.

    Never ends and never raises: a lost database is retried with growing, jittered pauses. After every (re)connect
    it fires once, for changes may have been made while nobody listened. A burst becomes one event, which names what
    it is about.
    """

    def __init__(self, channel: str, connection_id: str = "hedgehog_db") -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.channel = channel
        self.connection_id = connection_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, from which a triggerer builds it again."""
        return (
            "hedgehog.airflow.triggers.changes.NotificationTrigger",
            {"channel": self.channel, "connection_id": self.connection_id},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Listen for ever."""
        pause = 1.0
        while True:
            connection: Connection | None = None
            try:
                connection = await self._listen()
                logger.info("listening to %s", self.channel)
                pause = 1.0
                yield TriggerEvent({"channel": self.channel, "reason": "connected"})
                while True:
                    if payloads := await self._notified(connection):
                        key = "deliveries" if self.channel == INBOX_CHANNEL else "fabrics"
                        yield TriggerEvent({"channel": self.channel, "reason": "notified", key: payloads[:_MOST_NAMED]})
                        await asyncio.sleep(_SPACING_SECONDS)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever it is, a trigger that ends would be restarted every two seconds
                logger.warning("lost %s, next try in about %.0f s: %s", self.channel, pause, error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, _LONGEST_PAUSE)
            finally:
                if connection is not None:
                    connection.close()

    async def _listen(self) -> Connection:
        parameters = await asyncio.to_thread(self._parameters)
        return await asyncio.to_thread(self._connect, parameters)

    def _parameters(self) -> dict[str, Any]:
        from hedgehog.airflow.adapters.connections import database_parameters

        return database_parameters(self.connection_id)

    def _connect(self, parameters: dict[str, Any]) -> Connection:
        from hedgehog.store import database

        connection = database.connect({**parameters, "application_name": f"hedgehog listen {self.channel}"})
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'LISTEN "{self.channel}"')
        return connection

    async def _notified(self, connection: Connection) -> list[str]:
        """Wait for notifications and return what they are about (fabrics, kinds of deliveries), each once.

        Empty when the connection was quiet and still answers. Raises when it is lost.
        """
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(connection.fileno(), readable.set)
        try:
            await asyncio.wait_for(readable.wait(), _PROBE_SECONDS)
            await asyncio.sleep(_GATHER_SECONDS)
        except TimeoutError:
            await asyncio.to_thread(self._probe, connection)
        finally:
            loop.remove_reader(connection.fileno())
        connection.poll()
        payloads = sorted({notification.payload for notification in connection.notifies})
        connection.notifies.clear()
        return payloads

    @staticmethod
    def _probe(connection: Connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
