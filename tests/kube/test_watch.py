"""Watches as bytes and as sockets: events wherever the network cuts, every end told apart."""

from __future__ import annotations

import selectors

import orjson
import pytest

from devstack.objects import make_server
from hedgehog.errors import DefinitionMissing, RemoteUnavailable
from hedgehog.fabric.kinds import KINDS, Kind
from hedgehog.kube import live
from hedgehog.kube.client import Cluster
from hedgehog.kube.watch import Lines, StreamEnd, StreamEvents, WatchEvent, list_scope, open_stream
from tests.kube.clusters import api, cluster
from tests.kube.fake_server import Reply, serve, status
from tests.kube.objects_lab import create
from tests.waiting import LIMIT

__all__ = ["api", "cluster"]

SERVER = KINDS["Server"]


def event(number: int, kind: str = "MODIFIED") -> WatchEvent:
    """An event that made version *number*."""
    return WatchEvent(kind, {"metadata": {"name": "a", "namespace": "b", "resourceVersion": str(number)}})


def line(one: WatchEvent) -> bytes:
    """As an API server writes it."""
    return orjson.dumps({"type": one.type, "object": one.manifest}) + b"\n"


def chunk(data: bytes) -> bytes:
    """One chunk of the transfer coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("chunked", [True, False])
def test_events_are_found_wherever_the_bytes_are_cut(size, chunked):
    """In the length of a chunk, between its two line ends, in a line; also when a chunk is half a line."""
    wanted = tuple(event(number) for number in range(20))
    text = b"".join(map(line, wanted))
    data = b"".join(chunk(text[at : at + 50]) for at in range(0, len(text), 50)) if chunked else text
    lines = Lines(chunked=chunked)
    found = [one for at in range(0, len(data), size) for one in lines.feed(data[at : at + size]).events]
    assert tuple(found) == wanted
    assert lines.feed(b"0\r\n\r\n" if chunked else b"", closed=not chunked) == StreamEvents((), StreamEnd.CLOSED)


def test_a_million_bytes_at_once_are_read_in_one_go():
    """After a list of another kind took long; in a time that grows with their number only."""
    data = b"".join(chunk(line(event(number))) for number in range(20_000))
    assert len(Lines(chunked=True).feed(data).events) == 20_000


@pytest.mark.parametrize(
    "told",
    [
        b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n',
        b"<html>a proxy's page</html>\n",
        b'{"type":"ADDED"}\n',
        b'{"type":"ADDED","object":{"metadata":{}}}\n',
        b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"2"}}}\n',
        b'{"type":"DELETED","object":{"metadata":{"name":{},"namespace":"b","resourceVersion":"2"}}}\n',
        b'{"type":"ADDED","object":7}\n',
        b"[]\n",
    ],
)
def test_what_is_not_an_event_is_a_reason_to_list(told):
    """The events before it count."""
    assert Lines(chunked=False).feed(line(event(1)) + told) == StreamEvents((event(1),), StreamEnd.EXPIRED)


def test_a_broken_chunk_ends_the_watch():
    """It goes on from the last version that was read."""
    data = chunk(line(event(1))) + b"no length\r\n"
    assert Lines(chunked=True).feed(data) == StreamEvents((event(1),), StreamEnd.CLOSED)


def test_a_list_and_the_watch_after_it_miss_nothing(api: Cluster) -> None:
    """On a real API server: pages, then what happens later, then the end that was asked for."""
    create(api, make_server("before"))
    items, version = list_scope(api, SERVER, "default")
    create(api, make_server("after"))
    stream = open_stream(api, SERVER, "default", version, seconds=1)
    assert stream is not None
    found = stream.read()
    events = list(found.events)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while found.end is None:
            assert selector.select(LIMIT)
            found = stream.read()
            events += found.events
    stream.close()
    told = [(one.type, one.manifest["metadata"].get("name")) for one in events if one.type != "BOOKMARK"]
    assert ([item["metadata"]["name"] for item in items], told) == (["before"], [("ADDED", "after")])
    assert (found.end, items[0]["kind"]) == (StreamEnd.CLOSED, "Server")


def test_a_refused_watch_is_the_error_that_it_is(api: Cluster) -> None:
    """A kind that is not served; a version that is forgotten is not an error."""
    unknown = Kind("Nothing", "wiring.githedgehog.com", "v1beta1", "nothings", 0)
    with pytest.raises(DefinitionMissing, match=r"nothings\.wiring\.githedgehog\.com"):
        open_stream(api, unknown, "default", "0", seconds=1)
    with serve(lambda _: status(410, "too old resource version")) as server:
        assert open_stream(server.cluster, SERVER, "default", "1", seconds=1) is None


def test_a_list_that_begins_a_watch_and_has_no_end_is_an_error(monkeypatch):
    """The triggerer reads it: what always has another page would fill its memory."""
    monkeypatch.setattr(live, "MOST_PAGES", 5)
    page = {"metadata": {"continue": "again", "resourceVersion": "1"}, "items": [make_server("a")]}
    with serve(lambda _: Reply(body=page)) as fake, pytest.raises(RemoteUnavailable, match="more than 5 pages"):
        list_scope(fake.cluster, SERVER, "default")
    assert len(fake.requests) == 5


@pytest.mark.parametrize("body", [{"status": "ok"}, {"metadata": {"resourceVersion": "1"}}, []])
def test_an_answer_that_is_no_list_begins_no_watch(body):
    """It would say that every object is gone."""
    with serve(lambda _: Reply(body=body)) as fake, pytest.raises(RemoteUnavailable, match="is not an API server"):
        list_scope(fake.cluster, SERVER, "default")
