"""Bodies of requests in bounded memory. Their senders are unknown until all of a body is read and its signature checked.

A sender who fills the memory must not keep others out for as long as a body may take. When it is full, the address that
holds most loses the body that it began first: a flood from one address harms only itself, and where all have the same
address (a proxy's), a body that is sent at once gets through while slow ones are dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import IPv6Address, ip_address

BODIES_LIMIT = 32 * 1024 * 1024
"""Bytes of all bodies at once."""
_SITE = 64
"""Bits of an IPv6 address that tell one sender from another: the sender chooses the rest."""


class NoRoom(Exception):
    """The body was dropped for others, or no other body can be dropped."""


class Body:
    """The part of one body that has arrived. It may be dropped for others while it is being read, but not afterwards."""

    def __init__(self, bodies: Bodies, sender: str) -> None:
        self.content = bytearray()
        self._bodies = bodies
        self._sender = sender
        self._timeout: asyncio.Timeout | None = None
        self._is_given_up = False

    @asynccontextmanager
    async def reading(self, seconds: float) -> AsyncIterator[None]:
        """The block that reads it. Raises NoRoom when it is given up, TimeoutError after *seconds*."""
        self._bodies.begin(self._sender, self)
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                yield
            self.refuse_given_up()
        except TimeoutError:
            if self._is_given_up:
                raise NoRoom from None
            raise
        finally:
            self._bodies.end(self._sender, self)

    def take(self, chunk: bytes) -> None:
        """Add *chunk*. Raises NoRoom when this body has to be dropped."""
        self._bodies.make_room(self, len(chunk))
        self.content += chunk
        self._bodies.held += len(chunk)

    def give_up(self) -> None:
        """Drop what has arrived, and wake the reader."""
        self._is_given_up = True
        self.clear()
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    def clear(self) -> None:
        """Free the memory."""
        self._bodies.held -= len(self.content)
        self.content = bytearray()

    def refuse_given_up(self) -> None:
        """Raise NoRoom for a body that was dropped."""
        if self._is_given_up:
            raise NoRoom


class Bodies:
    """All bodies of one event loop. `held` is the number of their bytes, including bodies that are read completely."""

    def __init__(self) -> None:
        self.held = 0
        self._read_by: dict[str, dict[Body, None]] = {}

    @contextmanager
    def of(self, address: str) -> Iterator[Body]:
        """A new body of the sender with *address*, which holds its memory until the end of the block."""
        body = Body(self, _sender(address))
        try:
            yield body
        finally:
            body.clear()

    def begin(self, sender: str, body: Body) -> None:
        """*body* is being read from now on."""
        self._read_by.setdefault(sender, {})[body] = None

    def end(self, sender: str, body: Body) -> None:
        """*body* is no longer being read."""
        del self._read_by[sender][body]
        if not self._read_by[sender]:
            del self._read_by[sender]

    def make_room(self, body: Body, size: int) -> None:
        """Drop other bodies until *size* more bytes fit. Raises NoRoom when *body* itself has to be dropped."""
        body.refuse_given_up()
        while self.held + size > BODIES_LIMIT:
            found = self._first_of_largest()
            if found is None:  # all of it was read completely
                raise NoRoom
            found.give_up()
            body.refuse_given_up()

    def _first_of_largest(self) -> Body | None:
        """The body that was begun first, of those that are not empty, of the sender who holds most."""
        largest = max(self._read_by.values(), key=lambda bodies: sum(len(one.content) for one in bodies), default={})
        return next((one for one in largest if one.content), None)


def _sender(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or int(found) >> (128 - _SITE))
