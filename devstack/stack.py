"""All real parts together, for end-to-end tests and benchmarks: a fabric database, a Git host, a cluster, Airflow."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack import postgres
from devstack.airflow import LIMIT, ROOT, Airflow
from devstack.cluster import DevCluster
from devstack.git_server import GitServer
from hedgehog.fabric.model import Manifest
from hedgehog.store import database, fabrics, migrate, sync_state
from hedgehog.store import objects as object_store

CLUSTER = "e2e_cluster"
GIT = "e2e_git"


@dataclass
class Stack:
    """Running parts. Every fabric made by `add_fabric` uses the one cluster and, unless told otherwise, repository
    `network`; object names must be unique over them."""

    directory: Path
    airflow: Airflow
    cluster: DevCluster
    git: GitServer
    token: str
    parameters: Mapping[str, Any]
    connections: dict[str, database.Connection] = field(default_factory=dict)

    @property
    def database(self) -> database.Connection:
        """An open connection to the fabric database."""
        if "own" not in self.connections or self.connections["own"].closed:
            self.connections["own"] = database.connect(self.parameters)
        return self.connections["own"]

    def hedgehog(self, *arguments: str) -> str:
        """The output of the `hedgehog` command. Raises RuntimeError with what it said when it fails."""
        return hedgehog(self.airflow, *arguments)

    def add_repository(self, name: str, *, url: str | None = None, connection_id: str | None = GIT) -> str:
        """A bare repository on the Git host, and its row."""
        if url is None:
            self.git.create(name)
            url = self.git.url(name)
        fabrics.save_repository(self.database, name, {"url": url, "connection_id": connection_id})
        return name

    def add_fabric(self, name: str, objects: Sequence[Manifest] = (), **settings: Any) -> None:
        """A fabric with both syncs on (unless *settings* say otherwise) and its objects."""
        values = {
            "git_repository": "network",
            "git_directory": f"fabrics/{name}",
            "git_sync_enabled": True,
            "enable_k8s_sync": True,
            "kubernetes_connection_id": CLUSTER,
            **settings,
        }
        fabrics.save_fabric(self.database, name, values)
        if objects:
            self.save(name, objects)

    def save(self, name: str, objects: Sequence[Manifest], *, replace: bool = False) -> None:
        """Store desired objects of a fabric."""
        fabric = fabrics.load_fabric(self.database, name)
        object_store.save_objects(self.database, fabric.id, objects, delete_missing=replace)

    def states(self, *names: str) -> dict[str, sync_state.SyncState]:
        """State by target of one fabric, or by `fabric/target` of several."""
        found = sync_state.states(self.database, names)
        return {state.target.value if len(names) == 1 else f"{state.fabric}/{state.target}": state for state in found}

    def wait_in_sync(self, *names: str, limit: float = LIMIT) -> None:
        """Wait until both targets of the fabrics have reached the newest generation. Raises TimeoutError: how far they are."""
        try:
            self.airflow.wait(lambda: not self._behind(names), f"{', '.join(names[:5])} to be in sync", limit=limit)
        except TimeoutError as error:
            behind = [f"{one.fabric} at {one.target}: {one.status}, {one.reason}" for one in self._behind(names)]
            raise TimeoutError("\n".join([str(error), *behind[:20]])) from error

    def _behind(self, names: Sequence[str]) -> list[sync_state.SyncState]:
        return [state for state in sync_state.states(self.database, names) if state.status != "in_sync"]

    def wait_status(self, name: str, target: str, status: str, *, limit: float = LIMIT) -> sync_state.SyncState:
        """Wait until one target of a fabric has a status, and return its state."""
        seen: list[sync_state.SyncState] = []

        def reached() -> bool:
            seen[:] = [self.states(name)[target]]
            return seen[0].status == status

        self.airflow.wait(reached, f"{name} at {target} to be {status}", limit=limit)
        return seen[0]


@contextmanager
def running(
    *,
    progress: Callable[[str], None] = lambda text: None,
    settings: Mapping[str, str] | None = None,
    airflow: bool = True,
) -> Iterator[Stack]:
    """Start everything in a directory of its own; stop it and delete it at the end.

    `HEDGEHOG_KEEP=1` keeps the directory (logs, data) for inspection.
    """
    with ExitStack() as parts:
        directory = Path(tempfile.mkdtemp(prefix="hedgehog-stack-"))
        directory.chmod(0o755)
        if not os.environ.get("HEDGEHOG_KEEP"):
            parts.callback(shutil.rmtree, directory, ignore_errors=True)
        progress("starting PostgreSQL")
        server = postgres.start(directory / "postgres")
        parts.callback(postgres.stop, directory / "postgres")
        server.tune_for_tests()
        server.database("airflow")
        parameters = server.database("fabrics")
        own = database.connect(parameters)
        migrate.migrate(own)
        own.close()
        progress("starting the Kubernetes API server")
        cluster = DevCluster.of_environment(directory / "cluster")
        cluster.start()
        parts.callback(cluster.stop)
        cluster.install_crds()
        token = secrets.token_urlsafe(24)
        git = parts.enter_context(GitServer(directory / "git", users={"hedgehog": token}))
        environment = {
            "AIRFLOW_CONN_HEDGEHOG_DB": server.uri("fabrics"),
            f"AIRFLOW_CONN_{CLUSTER.upper()}": kubernetes_connection(cluster.kubeconfig),
            f"AIRFLOW_CONN_{GIT.upper()}": json.dumps({"conn_type": "git", "login": "hedgehog", "password": token}),
            "AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY": str(directory / "mirrors"),
            **(settings or {}),
        }
        home = Airflow(directory / "airflow", server.uri("airflow", scheme="postgresql+psycopg2"), environment)
        stack = Stack(directory, home, cluster, git, token, parameters)
        parts.callback(lambda: [connection.close() for connection in stack.connections.values()])
        stack.add_repository("network")
        if airflow:
            progress("starting Airflow")
            parts.callback(home.stop)
            home.migrate()
            set_up(home)
            home.start(progress)
        yield stack


def set_up(home: Airflow) -> None:
    """What an operator runs once."""
    hedgehog(home, "setup")


def hedgehog(home: Airflow, *arguments: str) -> str:
    """The output of the `hedgehog` command of an installation. Raises RuntimeError with what it said when it fails."""
    command = [sys.executable, str(ROOT / "bin" / "hedgehog"), *arguments]
    done = subprocess.run(command, env=home.variables(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hedgehog {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def kubernetes_connection(kubeconfig: Path) -> str:
    """An Airflow connection, as JSON, for a kubeconfig."""
    return json.dumps({"conn_type": "kubernetes", "extra": {"kube_config_path": str(kubeconfig)}})
