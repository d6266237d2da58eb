"""The proxy of a chaos run breaks connections as requested."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from devstack.chaos.proxy import Mode, Proxy
from devstack.in_thread import InThread
from tests.waiting import LIMIT, until


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line * 100)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """In front of a server that repeats everything a hundred times."""
    server = _Server(("127.0.0.1", 0), _Echo)
    with InThread(server, "echo"):
        made = Proxy("echo", ("127.0.0.1", server.server_address[1]), delay=0.001, cut_after=7)
        made.start()
        yield made
        made.stop()


def ask(proxy: Proxy, text: bytes = b"hedgehog\n") -> bytes:
    """The whole answer to one line; empty when the connection is refused or reset before that."""
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            while part := connection.recv(65536):
                found += part
            return found
    except OSError:
        return b""


@pytest.mark.parametrize("mode", [Mode.PASS, Mode.SLOW, Mode.TRICKLE])
def test_slow_data_arrives_completely(proxy: Proxy, mode: Mode) -> None:
    """Every byte of it."""
    proxy.set(mode)
    assert ask(proxy) == b"hedgehog\n" * 100


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.RESET])
def test_refused_and_reset_connections_get_no_answer_until_the_outage_ends(proxy: Proxy, mode: Mode) -> None:
    """Then the same port works again."""
    proxy.set(mode)
    assert ask(proxy) == b""
    proxy.set(Mode.PASS)
    assert ask(proxy) == b"hedgehog\n" * 100


def test_a_cut_answer_ends_in_its_middle(proxy: Proxy) -> None:
    """Not before its beginning."""
    proxy.set(Mode.CUT)
    assert len(ask(proxy)) <= 7


def test_a_silent_server_accepts_data_and_sends_nothing(proxy: Proxy) -> None:
    """Until the outage ends; then the connection is lost."""
    proxy.set(Mode.SILENT)
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(ask(proxy)))
    asking.start()
    until(lambda: proxy.messages, "the question to arrive")
    assert answers == []
    proxy.set(Mode.PASS)
    asking.join()
    assert answers == [b""]


@pytest.mark.parametrize("after", [False, True])
def test_an_action_can_be_triggered_by_a_message(proxy: Proxy, after: bool) -> None:
    """Once, before or after it is passed on."""
    seen: list[bytes] = []
    trip = proxy.trip(1, lambda: seen.append(b"now"), after=after)
    assert ask(proxy) == b"hedgehog\n" * 100
    assert (seen, trip.done) == ([b"now"], True)
