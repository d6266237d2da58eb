"""A TCP proxy in front of a real server: slow, cut, refused, silent, or with an action at the n-th message, on demand.

Every connection has two threads. A change of the mode applies to new and open connections.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_CHUNK = 65536
Address = tuple[str, int] | Path
"""Where the server listens: host and port, or a unix socket."""


class Mode(StrEnum):
    """How the proxy treats connections."""

    PASS = "pass"
    REFUSE = "refuse"
    """The port is closed; open connections are reset."""
    RESET = "reset"
    """A connection is accepted and reset at its first message; open connections are reset."""
    SILENT = "silent"
    """A connection is accepted, and nothing is ever answered: half-open, or a server that hangs."""
    SLOW = "slow"
    """Every message is delayed."""
    TRICKLE = "trickle"
    """Answers arrive in small pieces with pauses between them."""
    CUT = "cut"
    """A connection is reset in the middle of its answer."""


@dataclass
class Trip:
    """An action at the *at*-th message from now on: before it is passed on, or after."""

    at: int
    action: Callable[[], None]
    after: bool = False
    seen: int = 0
    done: bool = False


class Proxy:
    """Listens on a port of 127.0.0.1 in front of the server at *target*, from `start` to `stop`."""

    def __init__(self, name: str, target: Address, *, delay: float = 0.05, cut_after: int = 400) -> None:
        self.name, self.target = name, target
        self.mode = Mode.PASS
        self.delay, self.cut_after = delay, cut_after
        self.port = 0
        self.messages = 0
        self._trip: Trip | None = None
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        """Listen; the port stays the same for the life of the proxy."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name=f"proxy {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._close_port()
        self.reset_all()

    def set(self, mode: Mode) -> None:
        """Change how connections are treated."""
        before, self.mode = self.mode, mode
        if mode is Mode.REFUSE:
            self._close_port()
        elif before is Mode.REFUSE:
            self.start()
        if mode in (Mode.REFUSE, Mode.RESET) or before is Mode.SILENT:
            self.reset_all()

    def trip(self, at: int, action: Callable[[], None], *, after: bool) -> Trip:
        """Have *action* done at the *at*-th message from now on; this replaces the previous action."""
        trip = Trip(at, action, after)
        with self._lock:
            self._trip = trip
        return trip

    def disarm(self) -> None:
        """Cancel the action."""
        with self._lock:
            self._trip = None

    def reset_all(self) -> None:
        """End every open connection with a reset, as when the other machine crashes."""
        with self._lock:
            connections, self._open = self._open, set()
        for one in connections:
            _reset(one)

    def _close_port(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # a thread in accept() would keep the port open
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                server = self._connect()
            except OSError:  # the server itself is away
                _reset(client)
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """Serve one connection: requests in their own thread, answers in this one."""
        asking = threading.Thread(target=self._pump, args=(client, server, False), daemon=True)
        asking.start()
        self._pump(server, client, True)
        asking.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _connect(self) -> socket.socket:
        if isinstance(self.target, Path):
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.target))
            return server
        server = socket.create_connection(self.target, timeout=10)
        server.settimeout(None)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        """Pass on what *source* sends until it ends."""
        try:
            while data := source.recv(_CHUNK):
                self._pass(data, sink, is_answer)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(sink)
            _reset(source)

    def _pass(self, data: bytes, sink: socket.socket, is_answer: bool) -> None:
        trip = self._count()
        if trip is not None and not trip.after:
            trip.action()
        match self.mode:
            case Mode.RESET:
                raise OSError("reset")
            case Mode.SILENT:
                while self.mode is Mode.SILENT:
                    time.sleep(0.05)
                raise OSError("reset after silence")
            case Mode.SLOW:
                time.sleep(self.delay)
                sink.sendall(data)
            case Mode.TRICKLE if is_answer:
                for start in range(0, len(data), 512):
                    sink.sendall(data[start : start + 512])
                    time.sleep(self.delay / 10)
            case Mode.CUT if is_answer:
                sink.sendall(data[: self.cut_after])
                raise OSError("cut")
            case _:
                sink.sendall(data)
        if trip is not None and trip.after:
            trip.action()

    def _count(self) -> Trip | None:
        """The action that is due at this message."""
        with self._lock:
            self.messages += 1
            trip = self._trip
            if trip is None or trip.done:
                return None
            trip.seen += 1
            if trip.seen < trip.at:
                return None
            trip.done = True
            return trip


def _reset(one: socket.socket) -> None:
    """Reset a connection; its threads notice and close it."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
