"""What the watch is made of: its times, its clusters with their feeds, and the opening of one feed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import Scope
from hedgehog.kube.resources import crd_name
from hedgehog.kube.watch import Stream, list_scope, open_stream
from hedgehog.store.watch import Watched, WatchPlace


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds."""

    look: float = 30.0
    """Between looks for clusters that came or went."""
    stream: float = 300.0
    """A server ends a watch after about this long; it goes on at once."""
    silence: float = 150.0
    """A watch that is this quiet is taken for lost, and its kind is listed: servers send a bookmark a minute."""
    relist: float = 3600.0
    """A list is compared about this often: what became an orphan by a change of the database makes no event."""
    refused: float = 30.0
    """Until a kind is retried that the cluster does not serve, or does not let us read: one request."""
    gather: float = 0.1
    """A burst of events is compared together."""
    deferred: float = 1.0
    """Until objects of a fabric that was being synced are compared again."""
    save: float = 10.0
    """Between savings of how far the watches have come."""
    short: float = 5.0
    """A watch that ended sooner is opened again at growing intervals, and a lost database is tried this often."""
    longest_pause: float = 60.0

    def pause(self, failures: int) -> float:
        """Full seconds to wait after so many failures in a row, half of it by chance."""
        return min(2.0 ** (failures - 1), self.longest_pause) * random.uniform(0.5, 1.5)


@dataclass(slots=True, eq=False)
class Feed:
    """One kind in one namespace of one cluster. `pending` is what was seen and not compared yet (None: it is gone)."""

    cluster: FollowedCluster
    scope: Scope
    version: str
    """After which it goes on; "" to list first."""
    listed_at: float
    stream: Stream | None = None
    pending: dict[ObjectRef, Manifest | None] = field(default_factory=dict)
    opened_at: float = 0.0
    heard_at: float = 0.0
    short: int = 0
    """Watches in a row that ended at once."""
    refusal: str = ""
    """Why the cluster did not serve this kind, or not to us, the last time."""
    broken: bool = False
    """Whether its last watch ended before its time, as it does when a CRD is deleted."""

    @property
    def place(self) -> WatchPlace:
        """What its cursor is stored under."""
        return crd_name(self.scope[0]), self.scope[1]

    @property
    def is_followed(self) -> bool:
        """Whether it still is one of its cluster's."""
        return self.cluster.feeds.get(self.scope) is self


@dataclass(slots=True, eq=False)
class FollowedCluster:
    """One cluster: its feeds, those that wait for a worker, and how it has been."""

    connection_id: str
    feeds: dict[Scope, Feed] = field(default_factory=dict)
    client: Cluster | None = None
    waiting: deque[Feed] = field(default_factory=deque)
    working: int = 0
    failures: int = 0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What a worker brings: the list, if it made one, and the open watch; None when the version is forgotten."""

    client: Cluster
    version: str
    items: list[Manifest] | None
    stream: Stream | None


def open_feed(
    open_cluster: Callable[[str], Cluster], feed: Feed, client: Cluster | None, version: str, seconds: float
) -> Opened | Exception:
    """List, if there is no *version*, and watch for about *seconds*; or what went wrong. Blocks: for a worker thread."""
    used = client
    try:
        used = used or open_cluster(feed.cluster.connection_id)
        items = None
        if not version:
            items, version = list_scope(used, *feed.scope)
        seconds = max(1, round(seconds * random.uniform(0.8, 1.2)))
        return Opened(used, version, items, open_stream(used, *feed.scope, version, seconds=seconds))
    except Exception as error:  # whatever it is, it must reach the thread that decides
        if used is not None and client is None:
            used.close()
        return error


def scopes(watched: Watched) -> Iterator[Scope]:
    """What is watched in a cluster: every kind that fabrics hold, and our own Fabric resources."""
    for kind in KINDS.values():
        for namespace in [kind.namespace] if kind.namespace is not None else sorted(watched.namespaces):
            yield kind, namespace
    for api_version in sorted(watched.fabric_versions):
        group, _, version = api_version.partition("/")
        ours = replace(FABRIC, group=group, version=version)
        yield ours, ours.default_namespace


def discard(feed: Feed, result: Opened | Exception) -> None:
    """Close what was opened for a feed that nobody follows any more."""
    if isinstance(result, Opened):
        if result.stream is not None:
            result.stream.close()
        if result.client is not feed.cluster.client:
            result.client.close()
