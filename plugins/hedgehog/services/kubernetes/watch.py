"""The watch: sees what happens to our kinds in all clusters at once, and has `watched_drift` compare it.

One thread waits for all watches together; a few workers do what may take long (connecting, listing). A watch starts
after the version up to which its events are in the fabric database, else after a list. It is a hint: a lost one costs
latency, because every sync lists again. Ends only when it is asked to.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from hedgehog.errors import DefinitionMissing, HedgehogError, PermissionDenied, RateLimited
from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.kube.client import Cluster
from hedgehog.kube.watch import StreamEnd
from hedgehog.services.kubernetes.watch_feeds import Feed, FollowedCluster, Opened, Times, discard, open_feed, scopes
from hedgehog.services.kubernetes.watched_drift import update_drift_halving
from hedgehog.store import open_drift, schedule
from hedgehog.store import watch as store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.watch import Watched, WatchPlace

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

WORKERS = 16
PER_CLUSTER = 2
"""Workers that one cluster gets at once, so that dead ones cannot hold up the others."""

EARLY = 0.7
"""A watch that ended before this part of its time was broken off."""


class Watch:
    """Watches every cluster that fabrics are synced to, for as long as `run` runs. Other threads may only call `stop`."""

    def __init__(
        self,
        *,
        open_database: Callable[[], Connection],
        open_cluster: Callable[[str], Cluster],
        wake: Callable[[list[str]], None],
        times: Times | None = None,
    ) -> None:
        """*wake* is called with the fabrics that were made due, in the thread of `run`."""
        self._open_database, self._open_cluster, self._wake = open_database, open_cluster, wake
        self._times = times or Times()
        self._connection: Connection | None = None
        self._clusters: dict[str, FollowedCluster] = {}
        self._saved: dict[tuple[str, WatchPlace], str] = {}
        self._selector = selectors.DefaultSelector()
        self._results: queue.SimpleQueue[tuple[Feed, Opened | Exception]] = queue.SimpleQueue()
        self._wakeup_receiver, self._wakeup_sender = socket.socketpair()
        self._workers = ThreadPoolExecutor(WORKERS, "watch")
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stopped = threading.Event()
        self._comparing = False

    def run(self) -> None:
        """Watch until `stop`; a lost database or cluster is retried at growing intervals."""
        self._selector.register(self._wakeup_receiver, selectors.EVENT_READ, None)
        try:
            self._find_clusters()
            self._save()
            while not self._stopped.is_set():
                self._run_once()
        finally:
            self._close()

    def stop(self) -> None:
        """End `run` soon; for any thread."""
        self._stopped.set()
        self._wake_up()

    def _wake_up(self) -> None:
        """Have the thread of `run` look at what other threads left it."""
        with suppress(OSError):  # it ended meanwhile
            self._wakeup_sender.send(b".")

    def _run_once(self) -> None:
        """Do what is due, then wait for what comes next."""
        while self._timers and self._timers[0][0] <= time.monotonic():
            self._guarded(heapq.heappop(self._timers)[2])
        for key, _ in self._selector.select(max(0.0, self._timers[0][0] - time.monotonic())):
            if isinstance(key.data, Feed):
                self._guarded(partial(self._read, key.data), key.data)
            else:
                self._wakeup_receiver.recv(4096)
                self._take_results()

    def _guarded(self, action: Callable[[], None], feed: Feed | None = None) -> None:
        """Do *action*; an unexpected error in one cluster (logged with its *feed* if there is one) must not stop the
        others.
        """
        try:
            action()
        except Exception as error:
            if feed is None:
                logger.exception("the watch goes on after what nobody foresaw")
            else:
                self._close_stream(feed)
                self._failed(feed, error)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), action))

    def _close(self) -> None:
        for cluster in self._clusters.values():
            self._drop(cluster)
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._discard_results()
        if self._connection is not None:
            self._connection.close()
        self._selector.close()
        self._wakeup_receiver.close()
        self._wakeup_sender.close()

    def _feeds(self) -> Iterator[Feed]:
        return (feed for cluster in self._clusters.values() for feed in cluster.feeds.values())

    # Which clusters there are ------------------------------------------------------------------------------------------

    def _find_clusters(self) -> None:
        """Take up clusters that came, drop those that went, and notice watches that fell silent."""
        self._after(self._times.look, self._find_clusters)
        found = self._database(store.clusters)
        if found is not None:
            gone = self._clusters.keys() - found.keys()
            if gone or not self._clusters:
                self._database(lambda connection: store.forget_others(connection, found))
            for connection_id in gone:
                logger.info("%s: no fabric is synced there any more", connection_id)
                self._drop(self._clusters.pop(connection_id))
                self._saved = {key: version for key, version in self._saved.items() if key[0] != connection_id}
            for connection_id, watched in found.items():
                self._guarded(partial(self._follow, connection_id, watched))
        for feed in [feed for feed in self._feeds() if feed.stream is not None]:
            if time.monotonic() - feed.heard_at > self._times.silence:
                logger.info("%s: the watch of %s was silent", feed.cluster.connection_id, feed.place[0])
                # A server that was reset to an earlier state silently accepts a version of its future.
                self._reopen(feed, 0.0, relist=True)

    def _follow(self, connection_id: str, watched: Watched) -> None:
        """Make the feeds of a cluster those that its fabrics need."""
        wanted = set(scopes(watched))
        if connection_id in self._clusters and self._clusters[connection_id].feeds.keys() == wanted:
            return
        cursors = self._database(lambda connection: store.cursors(connection, connection_id))
        if cursors is None:
            return
        cluster = self._clusters.setdefault(connection_id, FollowedCluster(connection_id))
        for scope in cluster.feeds.keys() - wanted:
            self._close_stream(cluster.feeds.pop(scope))
        for scope in sorted(wanted - cluster.feeds.keys(), key=str):
            feed = cluster.feeds[scope] = Feed(cluster, scope, "", time.monotonic())
            feed.version = cursors.get(feed.place, "")
            self._open(feed)

    def _drop(self, cluster: FollowedCluster) -> None:
        for feed in cluster.feeds.values():
            self._close_stream(feed)
        cluster.feeds.clear()
        cluster.waiting.clear()
        if cluster.client is not None:
            cluster.client.close()

    # Opening watches: in a worker, then here ---------------------------------------------------------------------------

    def _open(self, feed: Feed) -> None:
        """Have a worker open the watch of *feed* as soon as its cluster has one free."""
        if feed.is_followed and feed.stream is None and feed not in feed.cluster.waiting:
            feed.cluster.waiting.append(feed)
            self._start(feed.cluster)

    def _start(self, cluster: FollowedCluster) -> None:
        # One at a time until the cluster has answered: a dead one is asked by one worker only.
        most = PER_CLUSTER if cluster.client is not None and not cluster.failures else 1
        while cluster.waiting and cluster.working < most and not cluster.paused:
            cluster.working += 1
            feed = cluster.waiting.popleft()
            self._workers.submit(self._work, feed, cluster.client, feed.version)

    def _work(self, feed: Feed, client: Cluster | None, version: str) -> None:
        self._results.put((feed, open_feed(self._open_cluster, feed, client, version, self._times.stream)))
        self._wake_up()
        if self._stopped.is_set():
            self._discard_results()

    def _discard_results(self) -> None:
        """Close what workers opened and nobody takes any more; for any thread."""
        with suppress(queue.Empty):
            while True:
                discard(*self._results.get_nowait())

    def _take_results(self) -> None:
        while not self._results.empty():
            feed, result = self._results.get()
            feed.cluster.working -= 1
            if not feed.is_followed:
                discard(feed, result)
            elif isinstance(result, Opened):
                self._guarded(partial(self._take, feed, result), feed)
            else:
                self._failed(feed, result)
            self._start(feed.cluster)

    def _take(self, feed: Feed, opened: Opened) -> None:
        """Go on with what a worker has opened."""
        cluster = feed.cluster
        back = cluster.failures > 0 or cluster.client is None
        if back:
            logger.info("%s is watched", cluster.connection_id)
        if feed.refusal:
            logger.info("%s: %s is watched again", cluster.connection_id, feed.place[0])
        if back or feed.refusal or feed.broken:
            self._look_again(cluster.connection_id, parked_only=not feed.refusal)
        cluster.client, cluster.failures = opened.client, 0
        feed.refusal, feed.broken = "", False
        feed.version = opened.version
        if opened.items is not None:
            self._take_list(feed, opened)
        if opened.stream is None:
            logger.info("%s: it has forgotten this version of %s", cluster.connection_id, feed.place[0])
            self._reopen(feed, self._pause(feed), relist=True)
            return
        feed.stream = opened.stream
        feed.opened_at = feed.heard_at = time.monotonic()
        self._selector.register(feed.stream, selectors.EVENT_READ, feed)
        self._read(feed)

    def _look_again(self, connection_id: str, *, parked_only: bool) -> None:
        """Have syncs tried that failed at a cluster: it is there (again), or serves a kind that it did not serve."""
        woken = self._database(partial(_due_again, connection_id, parked_only))
        if woken:
            self._wake(woken)

    def _take_list(self, feed: Feed, opened: Opened) -> None:
        """Have the whole list compared, with what it should show and does not."""
        kind, namespace = feed.scope
        connection_id = feed.cluster.connection_id
        known = self._database(lambda connection: open_drift.known(connection, connection_id, kind.kind, namespace))
        if known is None:  # without the database nothing can be said: make the list again
            self._after(self._times.longest_pause, lambda: self._reopen(feed, 0.0, relist=True))
        feed.pending = {**dict.fromkeys(known or ()), **{ObjectRef.of(item): item for item in opened.items or ()}}
        feed.listed_at = time.monotonic()
        self._compare_soon(self._times.gather)

    def _failed(self, feed: Feed, error: Exception) -> None:
        """A kind that cannot be read waits alone; else the whole cluster waits, longer each time."""
        cluster = feed.cluster
        if isinstance(error, DefinitionMissing | PermissionDenied):
            if feed.refusal != str(error):
                logger.warning("%s: %s is not watched: %s", cluster.connection_id, feed.place[0], error)
            feed.refusal, feed.version = str(error), ""
            self._after(self._times.refused, partial(self._open, feed))
            return
        if isinstance(error, RateLimited):  # of a server that has just started, for each kind that it is not ready for
            feed.short += 1
            pause = max(error.retry_after or 0.0, self._times.pause(feed.short))
            logger.info("%s: %s is watched in %.0f s: %s", cluster.connection_id, feed.place[0], pause, error)
            self._after(pause, partial(self._open, feed))
            return
        cluster.failures += 1
        pause = self._times.pause(cluster.failures)
        unforeseen = None if isinstance(error, HedgehogError) else error
        logger.warning(
            "%s is not wholly watched, next try in %.0f s: %s", cluster.connection_id, pause, error, exc_info=unforeseen
        )
        feed.version = ""  # it may be what the server does not like
        cluster.waiting.append(feed)
        if cluster.client is not None and not cluster.working:
            cluster.client.close()  # the connection may hold another credential by then
            cluster.client = None
        cluster.paused = True
        self._after(pause, partial(self._resume, cluster))

    def _resume(self, cluster: FollowedCluster) -> None:
        cluster.paused = False
        self._start(cluster)

    # Reading -----------------------------------------------------------------------------------------------------------

    def _read(self, feed: Feed) -> None:
        """Take what a watch tells; open it again when it ended."""
        if feed.stream is None:
            return
        received = feed.stream.read()
        head = {"apiVersion": feed.scope[0].api_version, "kind": feed.scope[0].kind}
        for event in received.events:
            feed.version = event.version
            if event.type != "BOOKMARK":
                manifest = {**head, **event.manifest}
                feed.pending[ObjectRef.of(manifest)] = None if event.type == "DELETED" else manifest
        feed.heard_at = time.monotonic()
        if feed.pending:
            self._compare_soon(self._times.gather)
        if received.end is not None:
            feed.broken = feed.heard_at - feed.opened_at < self._times.stream * EARLY
            stale = feed.heard_at - feed.listed_at > self._times.relist * random.uniform(0.8, 1.2)
            self._reopen(feed, self._pause(feed), relist=stale or received.end is StreamEnd.EXPIRED)

    def _pause(self, feed: Feed) -> float:
        """Until a watch that ended is opened again: at once, unless it never lasts."""
        lasted = time.monotonic() - feed.opened_at > self._times.short
        feed.short = 0 if lasted else feed.short + 1
        return random.uniform(0.05, 0.5) if feed.short <= 1 else self._times.pause(feed.short)

    def _reopen(self, feed: Feed, pause: float, *, relist: bool = False) -> None:
        self._close_stream(feed)
        if relist:
            feed.version = ""
        self._after(pause, partial(self._open, feed))

    def _close_stream(self, feed: Feed) -> None:
        stream, feed.stream = feed.stream, None
        if stream is not None:
            with suppress(KeyError, ValueError):  # it was not registered yet, or lost its socket
                self._selector.unregister(stream)
            stream.close()

    # Comparing and remembering -------------------------------------------------------------------------------------------

    def _compare_soon(self, seconds: float) -> None:
        if not self._comparing:
            self._comparing = True
            self._after(seconds, self._compare)

    def _compare(self) -> None:
        """Have what was seen compared with what we applied; what cannot be compared yet is kept."""
        self._comparing = False
        woken: set[str] = set()
        for cluster in [
            cluster for cluster in self._clusters.values() if any(f.pending for f in cluster.feeds.values())
        ]:
            seen = {ref: live for feed in cluster.feeds.values() for ref, live in feed.pending.items()}
            update = self._database(partial(update_drift_halving, connection_id=cluster.connection_id, seen=seen))
            if update is None:
                self._compare_soon(self._times.short)
                break
            woken |= set(update.woken)
            for feed in cluster.feeds.values():
                feed.pending = {ref: live for ref, live in feed.pending.items() if ref in update.deferred}
        if woken:
            self._wake(sorted(woken))
        if any(feed.pending for feed in self._feeds()):
            self._compare_soon(self._times.deferred)

    def _save(self) -> None:
        """Note how far the watches have come whose events are all compared."""
        self._after(self._times.save, self._save)
        at = {(feed.cluster.connection_id, feed.place): feed.version for feed in self._feeds() if not feed.pending}
        moved = {key: version for key, version in at.items() if version and self._saved.get(key) != version}
        if moved:
            self._saved |= self._database(partial(_save, moved)) or {}

    def _database(self, action: Callable[[Connection], _T]) -> _T | None:
        """What *action* returns; None when the fabric database is unreachable: the next need of it is the next try."""
        try:
            if self._connection is None:
                self._connection = self._open_database()
            return action(self._connection)
        except HedgehogError as error:
            logger.warning("the watch cannot use the fabric database: %s", error)
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            return None


def _due_again(connection_id: str, parked_only: bool, connection: Connection) -> list[str]:
    with transaction(connection) as cursor:
        return schedule.make_failed_due(cursor, Target.KUBERNETES, connection_id=connection_id, parked_only=parked_only)


def _save(moved: Mapping[tuple[str, WatchPlace], str], connection: Connection) -> Mapping[tuple[str, WatchPlace], str]:
    with transaction(connection) as cursor:
        store.save_cursors(cursor, moved)
    return moved
