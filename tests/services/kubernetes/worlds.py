"""Fabrics in a real database with a real cluster to be synced to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack.cluster import DevCluster
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef, Target
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import list_live
from hedgehog.services.kubernetes.sync import sync
from hedgehog.store import fabrics, git_files, inventory, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction

WRITES = {"PATCH", "POST", "DELETE"}


@dataclass
class World:
    """A fabric database and a cluster; `calls` are those of the last run."""

    database: Connection
    dev: DevCluster
    api: Cluster
    kubeconfig: Path
    calls: dict[str, int]

    def fabric(self, name: str, *manifests: Manifest, **settings: Any) -> None:
        """Save a fabric, by default without a Fabric resource, and its objects (all of them)."""
        defaults = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_a", "publish_fabric_resource": False}
        fabrics.save_fabric(self.database, name, defaults | settings)
        object_store.save_objects(self.database, self.id(name), manifests, delete_missing=True)

    def id(self, name: str) -> int:
        """The fabric's row id."""
        return fabrics.load_fabric(self.database, name).id

    def sync(self, *names: str, **options: Any) -> Outcome:
        """Sync and return the (last) outcome."""
        return self.sync_all(names, **options)[-1]

    def sync_all(self, names: Sequence[str], **options: Any) -> list[Outcome]:
        """Sync and return all outcomes."""
        self.calls = {}

        def open_cluster(connection_id: str) -> Cluster:
            client = self.dev.connect(self.kubeconfig, name=connection_id)
            self.calls = client.calls
            return client

        values: dict[str, Any] = {"open_cluster": open_cluster, "run_id": "run-1"} | options
        return sync(self.database, names, **values)

    def live(self, *kinds: str) -> dict[ObjectRef, Manifest]:
        """The objects of *kinds* in the cluster."""
        table = {**KINDS, "Fabric": FABRIC}
        found = list_live(self.api, [(table[kind], table[kind].default_namespace) for kind in kinds])
        assert not found.failed
        return dict(found.objects)

    def inventory(self, name: str) -> dict[str, bool]:
        """Names of the objects that a fabric owns, and whether they are adopted."""
        owned = inventory.owned(self.database, "k8s_a", [self.id(name)], [])
        return {ref.name: one.adopted for ref, one in owned.items()}

    def state(self, name: str) -> sync_state.SyncState:
        """What operators see."""
        return next(s for s in sync_state.states(self.database, [name]) if s.target is Target.KUBERNETES)

    @property
    def writes(self) -> int:
        """Writes to the cluster by the last run."""
        return sum(count for verb, count in self.calls.items() if verb in WRITES)


@pytest.fixture
def world(database: Connection, cluster: DevCluster, api: Cluster) -> Iterator[World]:
    """An empty database and an empty cluster."""
    yield World(database, cluster, api, cluster.kubeconfig, {})


def publish(world: World, name: str, *manifests: Manifest, generation: int, wake_kubernetes: bool = True) -> None:
    """What git sync records after a push."""
    row = world.id(name)
    digests = {stored.ref: stored.digest for stored in object_store.load_objects(world.database, [row])[row]}
    files = [
        git_files.GitFile(f"{ref.kind}-{ref.name}.yaml", ref, "0" * 40, digests.get(ref, "old"), manifest)
        for manifest in manifests
        for ref in [ObjectRef.of(manifest)]
    ]
    outcome = Outcome(name, Target.GIT, OutcomeStatus.SUCCESS, generation=generation, revision="main@sha1:" + "a" * 40)
    with transaction(world.database) as cursor:
        git_files.record(cursor, row, written=files, removed=[])
        sync_state.finish(cursor, row, outcome, run_id="git", wake_kubernetes=wake_kubernetes)
