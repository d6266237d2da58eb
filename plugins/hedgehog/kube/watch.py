"""Watches: what happens to the objects of a kind, as it happens. Many of them need one thread.

A watch is an answer that does not end: lines of JSON, read without blocking whenever its socket has something, so that
a selector can wait for all of them at once.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson
import urllib3

from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.kinds import Kind
from hedgehog.fabric.model import Manifest
from hedgehog.kube import live
from hedgehog.kube.client import Cluster
from hedgehog.kube.failures import Answer, failure, is_object
from hedgehog.kube.resources import collection_path, crd_name

_READ = 1 << 16
_LONGEST_LINE = 1 << 25
"""An object of etcd has at most 1.5 MB; a longer line is not a watch."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """What happened (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`) and the object after it; for a deletion, before."""

    type: str
    manifest: Manifest

    @property
    def version(self) -> str:
        """The version of the cluster that this event made: a watch resumes after it."""
        return str(self.manifest["metadata"]["resourceVersion"])


class StreamEnd(Enum):
    """Why a watch gives no more events."""

    CLOSED = "closed"
    """The server closed it, or was lost: go on from the last version."""
    EXPIRED = "expired"
    """The server has forgotten the version, or does not know it: list again."""


@dataclass(frozen=True, slots=True)
class StreamEvents:
    """The events that came since the last reading, and whether that was all."""

    events: tuple[WatchEvent, ...]
    end: StreamEnd | None = None


def list_scope(cluster: Cluster, kind: Kind, namespace: str) -> tuple[list[Manifest], str]:
    """All objects of a kind in a namespace and the version of the list, from which a watch misses nothing.

    Raises what the server's refusal means; RetryableError when the list expired on the way, has no end, or is none.
    """
    subject = f"list of {kind.plural} in {namespace}"
    items: list[Manifest] = []
    query: dict[str, Any] = {"limit": live.PAGE}
    path, crd = collection_path(kind, namespace), crd_name(kind)
    for _ in range(live.MOST_PAGES):
        answer = cluster.call("LIST", "GET", path, subject=subject, query=query, crd=crd)
        listing = live.listing_of(cluster, subject, answer.json())
        items += live.items_of(kind, listing)
        metadata = listing["metadata"]
        if not metadata.get("continue"):
            return items, str(metadata.get("resourceVersion", ""))
        query = {"limit": live.PAGE, "continue": metadata["continue"]}
    raise live.without_end(cluster, subject)


class Stream:
    """One open watch. Has a file number to wait for; belongs to one thread at a time."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        connection: Any = response.connection
        self._response = response
        self._socket = connection.sock
        self._socket.settimeout(0)
        self._lines = Lines(chunked=response.headers.get("Transfer-Encoding", "").lower() == "chunked")
        self._early = _buffered(response)

    def fileno(self) -> int:
        """The number of the socket."""
        return int(self._socket.fileno())

    def read(self) -> StreamEvents:
        """What has come; never waits. Call it once after opening: something may have come with the head."""
        data, self._early = self._early, b""
        closed = False
        while not closed:
            try:
                received = self._socket.recv(_READ)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except OSError:
                received = b""
            data += received
            closed = not received
        return self._lines.feed(data, closed=closed)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        self._response.close()


def _buffered(response: Any) -> bytes:
    """What http.client has read beyond the head of the answer. The socket must not block."""
    reader = response._fp.fp
    data = b""
    try:
        while found := reader.peek():
            data += reader.read1(len(found))
    except (BlockingIOError, ssl.SSLWantReadError):
        pass
    return data


def open_stream(cluster: Cluster, kind: Kind, namespace: str, version: str, *, seconds: int) -> Stream | None:
    """A watch that yields what happened after *version*, and that the server ends after *seconds*.

    None when the server has forgotten the version. Raises what its refusal means.
    """
    subject = f"watch of {kind.plural} in {namespace}"
    query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": seconds}
    response = cluster.stream("WATCH", collection_path(kind, namespace), subject=subject, query=query)
    if response.status == 200:
        return Stream(response)
    try:
        answer = Answer(response.status, response.data)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise RemoteUnavailable(f"{subject}: {cluster.name} broke off its answer ({response.status})") from error
    finally:
        response.close()
    if answer.status == 410:
        return None
    raise failure(answer, subject, cluster=cluster.name, crd=crd_name(kind))


class Lines:
    """The events in the bytes of a watch, wherever the network has cut them."""

    def __init__(self, *, chunked: bool) -> None:
        self._chunked = chunked
        self._raw = bytearray()
        """What is not taken out of its chunks yet."""
        self._missing = 0
        """Bytes of the open chunk that are still to come."""
        self._text = bytearray()
        """What is not a whole line yet."""

    def feed(self, data: bytes, *, closed: bool = False) -> StreamEvents:
        """The events that *data* completes; *closed* says that nothing follows it."""
        done = closed
        if self._chunked:
            self._raw += data
            done |= self._unchunk()
        else:
            self._text += data
        *lines, rest = bytes(self._text).split(b"\n") if b"\n" in self._text else (bytes(self._text),)
        self._text = bytearray(rest)
        return _events_of(lines, done or len(rest) > _LONGEST_LINE)

    def _unchunk(self) -> bool:
        """Move the content of chunks to the text; True after the last chunk, and when these are not chunks."""
        at, ended = 0, False
        while at < len(self._raw) and not ended:
            if self._missing:
                content = self._raw[at : at + self._missing]
                self._text += content
                self._missing -= len(content)
                at += len(content)
                continue
            line_end = self._raw.find(b"\n", at)
            if line_end < 0:
                break
            ended = not self._open_chunk(bytes(self._raw[at:line_end]).strip())
            at = line_end + 1
        del self._raw[:at]
        return ended

    def _open_chunk(self, head: bytes) -> bool:
        """Read the line before a chunk, or the empty one after it; False when no chunk follows."""
        if not head:
            return True
        try:
            self._missing = int(head.partition(b";")[0], 16)
        except ValueError:
            return False
        return self._missing > 0


def _events_of(lines: list[bytes], closed: bool) -> StreamEvents:
    events: list[WatchEvent] = []
    for line in lines:
        if not line.strip():
            continue
        try:
            parsed = orjson.loads(line)
            event = WatchEvent(parsed["type"], parsed["object"])
            if event.type == "ERROR":
                return StreamEvents(tuple(events), StreamEnd.EXPIRED)
            event.version  # noqa: B018 - an event without a version is none
            if event.type != "BOOKMARK" and not is_object(event.manifest):
                raise KeyError("name")
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return StreamEvents(tuple(events), StreamEnd.EXPIRED)
        events.append(event)
    return StreamEvents(tuple(events), StreamEnd.CLOSED if closed else None)
