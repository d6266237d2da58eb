"""Clusters whose health is checked at a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.objects import make_server
from hedgehog.fabric.health import Health
from hedgehog.kube.client import Cluster
from hedgehog.services.observe.health import check_fabrics
from hedgehog.store import health as health_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.health import HealthResult, HealthRow, Scope
from tests.services.kubernetes.worlds import World

AGENTS = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
GATEWAY_AGENTS = "/apis/gwint.githedgehog.com/v1alpha1/namespaces/default/gatewayagents"
FABRICATORS = "/apis/fabricator.githedgehog.com/v1beta1/namespaces/fab/fabricators"
SECOND = timedelta(seconds=1)
HEALTHY, PROGRESSING, DEGRADED = Health.HEALTHY, Health.PROGRESSING, Health.DEGRADED
MISSING, UNKNOWN = Health.MISSING, Health.UNKNOWN


@dataclass
class Ward:
    """A world whose clusters' health is checked at a clock of the test's own."""

    world: World
    clock: datetime

    @property
    def database(self) -> Connection:
        """The fabric database."""
        return self.world.database

    def look(self, *names: str, **options: Any) -> HealthResult:
        """Check and return the (last) look."""
        self.world.calls = {}

        def open_cluster(connection_id: str) -> Cluster:
            client = self.world.dev.connect(self.world.kubeconfig, name=connection_id)
            self.world.calls = client.calls
            return client

        values: dict[str, Any] = {"open_cluster": open_cluster, "run_id": "run-1", "now": lambda: self.clock} | options
        return check_fabrics(self.database, names or ("lab",), **values)[-1]

    def found(self, *names: str, **options: Any) -> tuple[Health, tuple[str, ...]]:
        """What a look says."""
        summary = self.look(*names, **options).summary
        return summary.health, summary.reasons

    def agent(self, name: str, *, spec: dict[str, Any] | None = None, **status: Any) -> None:
        """Make an Agent that is well, or change what it says."""
        self.put(AGENTS, "agent.githedgehog.com/v1beta1", "Agent", name, spec or {"role": "server-leaf"}, status)

    def put(self, path: str, version: str, kind: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
        """Write an object with its status, as controller and switch would."""
        namespace = path.split("/")[5]
        body = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
        query = {"fieldManager": "upstream", "force": "true"}
        options: dict[str, Any] = {"subject": name, "query": query, "content_type": "application/apply-patch+yaml"}
        self.world.api.call("PATCH", "PATCH", f"{path}/{name}", body=body, **options)
        well = {
            "lastHeartbeat": text(self.clock - 9 * SECOND),
            "lastAppliedGen": 1,
            "lastAppliedTime": text(self.clock),
        }
        del body["spec"]
        self.world.api.call("PATCH", "PATCH", f"{path}/{name}/status", body=body | {"status": well | status}, **options)

    def row(self, name: str = "lab") -> HealthRow:
        """What is stored."""
        return health_store.latest(self.database, Scope.FABRIC, [name])[0]


def text(time: datetime) -> str:
    """A time as Kubernetes writes it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def ward(world: World) -> Iterator[Ward]:
    """A fabric `lab` with one server in the cluster, and no Agent there; a minute has passed since."""
    for path in (AGENTS, GATEWAY_AGENTS, FABRICATORS):
        world.api.send("DELETE", "DELETE", path, subject="objects of controllers")
    world.fabric("lab", make_server("a"))
    world.sync("lab")
    yield Ward(world, datetime.now(UTC) + timedelta(minutes=1))


def with_switches(ward: Ward, *names: str) -> None:
    """Let the fabric own switches in the cluster, as a sync of them would leave it."""
    with transaction(ward.database) as cursor:
        for name in names:
            cursor.execute(
                "INSERT INTO hedgehog.inventory (fabric_id, connection_id, kind, namespace, name, manifest) "
                "VALUES (%s, 'k8s_a', 'Switch', 'default', %s, '{}')",
                (ward.world.id("lab"), name),
            )
