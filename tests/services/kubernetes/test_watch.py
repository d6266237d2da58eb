"""The watch of the clusters, on a real database and real API servers: what others do is noticed, what we do is not."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devstack.cluster import DevCluster
from devstack.objects import make, make_server, make_vpc, small_fabric
from hedgehog.errors import RateLimited, RemoteUnavailable
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.watch import Stream, WatchEvent
from hedgehog.services.kubernetes.watch_feeds import Times
from hedgehog.store import fabrics, open_drift, schedule, sync_state
from hedgehog.store import watch as watch_store
from hedgehog.store.database import Connection, Lock, transaction, try_locks, unlock
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import create
from tests.services.kubernetes.watch_lab import QUICK, cursors, drifts, edit, remove, synced, watch, watching
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "watch", "world"]

A = ObjectRef("Server", "default", "a")


def test_what_others_change_and_delete_is_noticed_and_the_fabric_is_due(world, watch):
    """With who it was, where, and how much of the object; and it is over when they undo it."""
    synced(world, "lab", make("Server", "a", {"description": "d", "profile": "p"}), make_server("b"))
    with watch() as running:
        running.settled()
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: drifts(world.database) == {"a": "changed"} and running.woken)
        (found,) = open_drift.listing(world.database, "lab")
        assert (found.drift.paths, found.drift.manager, found.drift.score) == (
            (".spec.description",),
            "kubectl-edit",
            0.5,
        )
        assert schedule.due(world.database, sync_state.Target.KUBERNETES)[0].name == "lab"
        remove(world.api, ObjectRef("Server", "default", "b"))
        running.until(lambda: drifts(world.database) == {"a": "changed", "b": "missing"})
        edit(world.api, make_server("a", "d"))
        running.until(lambda: drifts(world.database) == {"b": "missing"})
        assert {name for names in running.woken for name in names} == {"lab"}


def test_our_own_syncs_are_not_drift_and_wake_nobody(world, watch):
    """Creating, changing, deleting, and the status of our own resource; fabrics and kinds at once."""
    with watch() as running:
        world.fabric("lab", *small_fabric("x"), publish_fabric_resource=True)
        running.settled()
        world.sync("lab")
        for number in range(3):
            world.fabric("lab", *small_fabric("x", number + 2), make_server(f"s{number}"), publish_fabric_resource=True)
            world.sync("lab")
        create(world.api, make_server("witness"))
        running.until(lambda: drifts(world.database))
        assert (drifts(world.database), running.woken) == ({"witness": "unowned"}, [])


def test_a_drift_is_corrected_and_that_is_the_end_of_it(world, watch):
    """The correction is our own write: no row is left, and nobody is woken again."""
    synced(world, "lab", make_server("a"), conflict_policy="force")
    with watch() as running:
        running.settled()
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: running.woken)
        assert world.sync("lab").counts["configured"] == 1
        create(world.api, make_server("witness"))
        running.until(lambda: drifts(world.database) == {"witness": "unowned"})
        assert running.woken == [["lab"]]


def test_what_a_fabric_s_run_does_is_not_judged_before_it_is_done(world, watch):
    """Between a write and its entry in the inventory nobody can tell ours from others'."""
    synced(world, "lab", make_server("a"))
    with watch() as running:
        running.settled()
        assert try_locks(world.database, Lock.KUBERNETES, [world.id("lab")])
        edit(world.api, make_server("a", "edited"))
        version = cursors(world.database)["servers.wiring.githedgehog.com", "default"]
        time.sleep(0.5)
        assert drifts(world.database) == {}
        assert cursors(world.database)["servers.wiring.githedgehog.com", "default"] == version
        unlock(world.database, Lock.KUBERNETES, [world.id("lab")])
        running.until(lambda: drifts(world.database) == {"a": "changed"})


def test_orphans_and_what_nobody_owns_are_reported_and_left_alone(world, watch):
    """Also what was there before the watch began. A fabric that takes an object in ends its row."""
    synced(world, "old", make_server("left"))
    fabrics.delete_fabric(world.database, "old")
    create(world.api, make_server("foreign"))
    synced(world, "lab", make_server("a"))
    with watch() as running:
        running.until(lambda: drifts(world.database, "lab") == {"foreign": "unowned", "left": "orphan"})
        world.fabric("lab", make_server("a"), make_server("foreign"))
        world.sync("lab")
        running.until(lambda: drifts(world.database) == {"left": "orphan"})
        assert len(world.live("Server")) == 3
        assert running.woken == []
        remove(world.api, ObjectRef("Server", "default", "left"))
        running.until(lambda: drifts(world.database) == {})


def test_a_watch_goes_on_where_the_last_one_stopped(world, watch):
    """What happened meanwhile is told by the cluster, without a list."""
    synced(world, "lab", make_server("a"), make_server("b"))
    with watch() as running:
        running.settled()
    edit(world.api, make_server("a", "edited"))
    remove(world.api, ObjectRef("Server", "default", "b"))
    clients: list[Cluster] = []

    def open_cluster(name: str) -> Cluster:
        clients.append(world.dev.connect(world.kubeconfig, name=name))
        return clients[-1]

    with watch(open_cluster=open_cluster) as running:
        running.until(lambda: drifts(world.database) == {"a": "changed", "b": "missing"})
        running.until(lambda: sum(client.calls["WATCH"] for client in clients) >= len(KINDS))
    assert sum(client.calls["LIST"] for client in clients) == 0


def test_a_bookmark_moves_the_watch_on_and_is_not_an_object(world, watch, monkeypatch):
    """A server sends one per minute when it is asked to, so that a quiet kind need not be listed after a restart."""
    asked: list[dict[str, Any]] = []
    real_stream, real_read = Cluster.stream, Stream.read
    told = WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "999999999"}})

    def stream(client: Cluster, verb: str, path: str, **options: Any) -> Any:
        asked.append(options["query"])
        return real_stream(client, verb, path, **options)

    monkeypatch.setattr(Cluster, "stream", stream)
    monkeypatch.setattr(Stream, "read", lambda self: replace(real_read(self), events=(told,)))
    synced(world, "lab", make_server("a"))
    with watch() as running:
        running.settled()
        running.until(lambda: set(cursors(world.database).values()) == {told.version})
        assert (drifts(world.database), running.woken) == ({}, [])
    assert {query["allowWatchBookmarks"] for query in asked} == {"true"}


@pytest.mark.parametrize("version", ["1", "999999999", "no number"])
def test_a_version_that_the_cluster_does_not_know_any_more_is_a_reason_to_list(world, watch, version):
    """Compacted, of another cluster, or nonsense: nothing is missed."""
    synced(world, "lab", make_server("a"), make_server("b"))
    with transaction(world.database) as cursor:
        place = ("servers.wiring.githedgehog.com", "default")
        watch_store.save_cursors(cursor, {("k8s_a", place): version})
    edit(world.api, make_server("a", "edited"))
    remove(world.api, ObjectRef("Server", "default", "b"))
    with watch(replace(QUICK, silence=1.0)) as running:
        running.until(lambda: drifts(world.database) == {"a": "changed", "b": "missing"})
        edit(world.api, make_server("a"))
        running.until(lambda: drifts(world.database) == {"b": "missing"})


@pytest.mark.parametrize("times", [replace(QUICK, stream=1.0), replace(QUICK, silence=0.4)])
def test_watches_that_end_or_fall_silent_are_opened_again(world, watch, times):
    """The server ends them every second, or sends nothing for longer than we wait. No event is lost."""
    synced(world, "lab", *[make_server(f"s{number}") for number in range(12)])
    with watch(times) as running:
        running.settled()
        for number in range(12):
            edit(world.api, make_server(f"s{number}", "edited"))
            time.sleep(0.3)
        running.until(lambda: len(drifts(world.database)) == 12)


def test_clusters_come_and_go_with_the_fabrics(world, watch):
    """Without a restart; what is known of a cluster goes with it."""
    synced(world, "lab", make_server("a"))
    with watch() as running:
        running.settled()
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: drifts(world.database))
        world.fabric("more", make_server("z"), kubernetes_connection_id="k8s_b")
        running.until(lambda: len(cursors(world.database, "k8s_b")) >= len(KINDS))
        fabrics.save_fabric(world.database, "lab", {"enable_k8s_sync": False})
        running.until(lambda: not cursors(world.database) and "a" not in drifts(world.database, "lab"))
        assert cursors(world.database, "k8s_b")


def test_a_cluster_that_is_unreachable_does_not_hold_up_the_others(world, watch):
    """It is retried, and taken up when it is back."""
    synced(world, "lab", make_server("a"))
    world.fabric("far", make_server("z"), kubernetes_connection_id="k8s_far")
    tries: list[str] = []
    back = threading.Event()

    def open_cluster(name: str) -> Cluster:
        if name == "k8s_far" and not back.is_set():
            tries.append(name)
            raise RemoteUnavailable("it is unreachable")
        return world.dev.connect(world.kubeconfig, name=name)

    with watch(open_cluster=open_cluster) as running:
        running.settled()
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: drifts(world.database, "lab") == {"a": "changed"})
        running.until(lambda: len(tries) > 2)
        assert cursors(world.database, "k8s_far") == {}
        back.set()
        running.until(lambda: len(cursors(world.database, "k8s_far")) >= len(KINDS))


def test_a_kind_that_the_server_is_not_ready_for_waits_alone(world, watch, monkeypatch):
    """As right after its start: each kind is refused once, and the cluster is not taken for overloaded."""
    synced(world, "lab", make_server("a"))
    refused: set[str] = set()
    real = Cluster.stream

    def stream(client: Cluster, verb: str, path: str, **options: Any) -> Any:
        if path not in refused:
            refused.add(path)
            raise RateLimited("storage is (re)initializing", retry_after=0.01)
        return real(client, verb, path, **options)

    monkeypatch.setattr(Cluster, "stream", stream)
    with watch(Times()) as running:
        running.settled()
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: drifts(world.database) == {"a": "changed"})
    assert len(refused) >= len(KINDS)


def test_a_lost_database_is_tried_again_and_nothing_is_forgotten(world, watch):
    """What was seen while it was unreachable is judged when it is back."""
    synced(world, "lab", make_server("a"))
    with watch() as running:
        running.settled()
        with transaction(world.database) as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: drifts(world.database) == {"a": "changed"})


def test_a_kind_that_the_cluster_does_not_let_us_read_is_left_out(world, watch):
    """The others are watched; the cluster is not taken for away."""
    synced(world, "lab", make_server("a"))
    rules = [{"apiGroups": ["wiring.githedgehog.com"], "resources": ["servers"], "verbs": ["list", "watch"]}]
    kubeconfig = world.dev.user(f"reader-{time.monotonic_ns()}", rules)
    with watch(open_cluster=lambda name: world.dev.connect(kubeconfig, name=name)) as running:
        running.until(lambda: len(cursors(world.database)) == 1)
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: drifts(world.database) == {"a": "changed"})


def test_a_restarted_api_server_costs_no_event(
    database: Connection, database_parameters: dict[str, Any], tmp_path: Path
) -> None:
    """Changes before, while it is down (there are none then) and right after it is back."""
    own = DevCluster(tmp_path / "cluster")
    own.start()
    try:
        own.install_crds()
        client = own.connect()
        world = World(database, own, client, own.kubeconfig, {})
        synced(world, "lab", *[make_server(f"s{number}") for number in range(3)], make_vpc("v"))

        def open_cluster(name: str) -> Cluster:
            return own.connect(own.kubeconfig, name=name)

        with watching(database_parameters, database, open_cluster) as running:
            running.settled()
            edit(client, make_server("s0", "edited"))
            own.stop()
            own.start()
            edit(client, make_server("s1", "edited"))
            remove(client, ObjectRef("Server", "default", "s2"))
            running.until(lambda: drifts(database) == {"s0": "changed", "s1": "changed", "s2": "missing"})
            remove(client, ObjectRef.of(make_vpc("v")))
            running.until(lambda: drifts(database).get("v") == "missing")
        client.close()
    finally:
        own.stop()


def test_an_edit_is_noticed_at_once_with_the_times_of_the_product(world, watch):
    """None of them but the first tenth of a second stands between the edit and the wake-up."""
    synced(world, "lab", make_server("a"))
    with watch(Times(save=0.1)) as running:
        running.settled()
        edit(world.api, make_server("a", "edited"))
        running.until(lambda: running.woken == [["lab"]])
