"""A watch of a real cluster, and what others do there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hedgehog.fabric.drift_detection import DriftState
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.resources import object_path
from hedgehog.services.kubernetes.watch import Watch
from hedgehog.services.kubernetes.watch_feeds import Times
from hedgehog.store import open_drift
from hedgehog.store import watch as watch_store
from hedgehog.store.database import Connection, connect
from tests.kube.objects_lab import write_as
from tests.services.kubernetes.worlds import World

LIMIT = 60.0
QUICK = Times(look=0.2, gather=0.02, deferred=0.05, save=0.05, short=0.05, longest_pause=0.2)


@dataclass
class Watching:
    """A watch that runs in a thread, as in the triggerer, and what it made known."""

    database: Connection
    woken: list[list[str]] = field(default_factory=list)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until *condition* holds and return what it returns."""
        started = time.monotonic()
        while not (found := condition()):
            assert time.monotonic() - started < LIMIT, (drifts(self.database), self.woken)
            time.sleep(0.01)
        return found

    def settled(self) -> None:
        """Wait until every kind of every cluster is watched and nothing is left to compare."""
        self.until(lambda: len(cursors(self.database)) >= len(KINDS))


@contextmanager
def watching(
    parameters: dict[str, Any], database: Connection, open_cluster: Callable[[str], Cluster], times: Times = QUICK
) -> Iterator[Watching]:
    """A running watch."""
    found = Watching(database)
    watch = Watch(
        open_database=lambda: connect(parameters), open_cluster=open_cluster, wake=found.woken.append, times=times
    )
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        watch.stop()
        thread.join(LIMIT)
        assert not thread.is_alive()


def drifts(database: Connection, fabric: str | None = None) -> dict[str, DriftState]:
    """The state of each drift by the object's name."""
    return {one.drift.ref.name: one.drift.state for one in open_drift.listing(database, fabric)}


def cursors(database: Connection, connection_id: str = "k8s_a") -> dict[tuple[str, str], str]:
    """How far the watches of a cluster have come."""
    return watch_store.cursors(database, connection_id)


def remove(client: Cluster, ref: ObjectRef) -> None:
    """Delete an object as a person does."""
    client.call("DELETE", "DELETE", object_path(KINDS[ref.kind], ref), subject=str(ref))


def edit(client: Cluster, manifest: Manifest) -> None:
    """Change an object as `kubectl edit` does, and own what was changed."""
    write_as(client, "kubectl-edit", manifest, force="true")


@pytest.fixture
def watch(world: World, database_parameters: dict[str, Any]) -> Callable[..., Any]:
    """Starts a watch of the world's cluster."""

    def start(times: Times = QUICK, open_cluster: Callable[[str], Cluster] | None = None) -> Any:
        return watching(
            database_parameters,
            world.database,
            open_cluster or (lambda name: world.dev.connect(world.kubeconfig, name=name)),
            times,
        )

    return start


def synced(world: World, name: str, *manifests: Manifest, **settings: Any) -> None:
    """A fabric that is in sync with its cluster."""
    world.fabric(name, *manifests, **settings)
    assert world.sync(name).counts["failed"] == 0
