"""Connections to the fabric database that requests share: opening one for each would cost more than most answers."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from hedgehog.store.database import Connection

_MOST_IDLE = 8
"""Connections that are kept though nobody uses them; more than that are opened when more requests come at once."""
_KEPT = 300.0
"""Seconds after which a connection is replaced, so that edited credentials and a failover are noticed."""


@dataclass(frozen=True, slots=True)
class _Idle:
    connection: Connection
    opened: float


class ConnectionPool:
    """Idle connections, the one that was used last first."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = Lock()
        self._idle: list[_Idle] = []

    @contextmanager
    def borrowed(self) -> Iterator[Connection]:
        """A connection for the block. After an error it is closed: nobody knows what state it is in."""
        one = self._take() or _Idle(self._connect(), time.monotonic())
        try:
            yield one.connection
        except BaseException:
            one.connection.close()
            raise
        self._give_back(one)

    def _take(self) -> _Idle | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                one = self._idle.pop()
            if time.monotonic() - one.opened < _KEPT and _is_alive(one.connection):
                return one
            one.connection.close()

    def _give_back(self, one: _Idle) -> None:
        with self._lock:
            if len(self._idle) < _MOST_IDLE and not one.connection.closed:
                self._idle.append(one)
                return
        one.connection.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.connection.close()


def _is_alive(connection: Connection) -> bool:
    """Whether the server has not hung up: then there is nothing to read from a connection on which nothing was asked."""
    if connection.closed:
        return False
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poller.poll(0)
