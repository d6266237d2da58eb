"""The servers of a chaos run, each behind a proxy: PostgreSQL, a Git host, a Kubernetes API server; a disk that can be filled."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from devstack import postgres
from devstack.chaos.processes import Workers
from devstack.chaos.proxy import Proxy
from devstack.cluster import DevCluster
from devstack.git_server import GitServer, Person
from devstack.github import GitHub
from hedgehog.errors import RemoteUnavailable
from hedgehog.kube.client import Cluster
from hedgehog.store import database, fabrics, migrate
from hedgehog.store.database import Connection

CLUSTER, GIT, GITHUB = "chaos_cluster", "chaos_git", "chaos_github"
DISK = "16m"
"""The disk of the kept clones."""
SOURCE = "acme/source"
"""The repository of the fabric that Git owns; it takes pull requests."""
REPOSITORIES = {"network": GIT, SOURCE: GITHUB}
"""The repositories, each with its connection."""


@dataclass(frozen=True)
class Place:
    """A fabric and its settings."""

    name: str
    source: str
    repository: str | None
    settings: dict[str, Any]


_LOOSE = {"prune_max_objects": 1000, "prune_max_percent": 100}
"""No threshold: a wrong delete must be detected, not held."""
PLACES = (
    Place("alpha", "database", "network", {**_LOOSE}),
    Place("beta", "database", "network", {**_LOOSE, "git_drift_policy": "overwrite", "conflict_policy": "force"}),
    Place("gamma", "git", SOURCE, {**_LOOSE, "source_of_truth": "git", "conflict_policy": "force"}),
    Place("delta", "database", None, {**_LOOSE, "conflict_policy": "force"}),
)


class Disk:
    """A small file system of its own, if this machine lets us mount one; else a directory that cannot be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path)]
        self.mounted = os.geteuid() == 0 and not subprocess.run(mount, capture_output=True, check=False).returncode
        self.clones = path / "clones"

    def fill(self, *, leave: int) -> None:
        """Fill the disk; leave *leave* bytes free."""
        free = shutil.disk_usage(self.path).free
        with (self.path / "filler").open("ab") as filler:
            filler.write(b"x" * max(0, free - leave))

    def free(self) -> None:
        """Free the space."""
        (self.path / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)


@dataclass
class World:
    """All running servers, and direct access to them that bypasses every fault."""

    directory: Path
    parameters: dict[str, Any]
    cluster: DevCluster
    api: Cluster
    git: GitServer
    hub: GitHub
    people: dict[str, Person]
    """The person who pushes to each repository, bypassing every proxy."""
    proxies: dict[str, Proxy]
    disk: Disk
    workers: Workers
    environment: dict[str, str]
    """Connections and settings as the product's processes have them; all of them lead through the proxies."""
    server: postgres.Postgres
    connection: Connection | None = None

    @property
    def database(self) -> Connection:
        """An open connection through the socket, bypassing the proxy."""
        for _ in range(600):  # a database that has crashed recovers first
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = database.connect(self.parameters)
                with database.transaction(self.connection) as cursor:
                    cursor.execute("SELECT 1")
                return self.connection
            except RemoteUnavailable:
                self.connection = None
                time.sleep(0.1)
        raise RuntimeError("the database of the chaos run has not recovered")

    def close(self) -> None:
        """Close everything."""
        self.api.close()
        if self.connection is not None:
            self.connection.close()

    def proxied_url(self, repository: str) -> str:
        """The URL by which the product reaches a repository."""
        return f"http://127.0.0.1:{self.proxies['git'].port}/{repository}.git"

    def clone_url(self, repository: str) -> str:
        """The URL by which people reach it: bypassing the proxy, whether the host answers or not."""
        return str(self.git.path(repository))

    def airflow_uri(self) -> str:
        """A database for Airflow itself, on the same server, bypassing the proxy."""
        self.server.database("airflow")
        return self.server.uri("airflow", scheme="postgresql+psycopg2")

    @property
    def log(self) -> Path:
        """The output of the workers."""
        return self.directory / "workers.log"


@contextmanager
def running(say: Callable[[str], None]) -> Iterator[World]:
    """Start everything in a directory of its own; stop it and delete it at the end (HEDGEHOG_KEEP=1 keeps it)."""
    with ExitStack() as parts:
        directory = Path(tempfile.mkdtemp(prefix="hedgehog-chaos-"))
        directory.chmod(0o755)
        if os.environ.get("HEDGEHOG_KEEP"):
            say(f"everything is in {directory}")
        else:
            parts.callback(shutil.rmtree, directory, ignore_errors=True)
        say("starting PostgreSQL, the Kubernetes API server and the Git host")
        server = postgres.start(directory / "postgres")
        parts.callback(postgres.stop, directory / "postgres")
        server.tune_for_tests()
        parameters = server.database("fabrics")
        cluster = DevCluster(directory / "cluster")
        cluster.start()
        parts.callback(cluster.stop)
        cluster.install_crds()
        token = secrets.token_urlsafe(24)
        git = parts.enter_context(GitServer(directory / "git", users={"hedgehog": token}))
        hub = parts.enter_context(GitHub(git, token=token))
        disk = Disk(directory / "disk")
        parts.callback(disk.close)
        api_port = _server_port(cluster.kubeconfig)
        proxies = {
            "database": Proxy("database", Path(str(parameters["host"])) / ".s.PGSQL.5432"),
            "git": Proxy("git", ("127.0.0.1", git.port)),
            "api": Proxy("api", ("127.0.0.1", api_port)),
            "github": Proxy("github", ("127.0.0.1", urlsplit(hub.url).port or 0)),
        }
        for proxy in proxies.values():
            proxy.start()
            parts.callback(proxy.stop)
        kubeconfig = _through(cluster.kubeconfig, proxies["api"].port, directory / "kubeconfig")
        ports = {name: proxy.port for name, proxy in proxies.items()}
        environment = _environment(parameters["user"], ports, kubeconfig, token, disk.clones)
        workers = Workers(environment, directory / "workers.log")
        parts.callback(workers.stop)
        for name in REPOSITORIES:
            git.create(name)
        people = {name: Person(directory / "ada" / name, str(git.path(name))) for name in REPOSITORIES}
        world = World(
            directory,
            parameters,
            cluster,
            cluster.connect(),
            git,
            hub,
            people,
            proxies,
            disk,
            workers,
            environment,
            server,
        )
        parts.callback(world.close)
        migrate.migrate(world.database)
        make_fabrics(world)
        yield world


def make_fabrics(world: World) -> None:
    """The rows of PLACES and of their repositories, which are reached through the proxy."""
    for name, connection_id in REPOSITORIES.items():
        row = {"url": world.proxied_url(name), "connection_id": connection_id}
        fabrics.save_repository(world.database, name, row)
    for place in PLACES:
        values: dict[str, Any] = {"enable_k8s_sync": True, "kubernetes_connection_id": CLUSTER, **place.settings}
        if place.repository is not None:
            values |= {"git_repository": place.repository, "git_directory": f"fabrics/{place.name}"}
            values |= {"git_sync_enabled": True}
        fabrics.save_fabric(world.database, place.name, values)


def _environment(user: str, ports: Mapping[str, int], kubeconfig: Path, token: str, clones: Path) -> dict[str, str]:
    fabric_database = {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": ports["database"],
        "login": user,
        "schema": "fabrics",
    }
    extra = {"sslmode": "disable", "connect_timeout": "3"}
    return {
        "AIRFLOW_CONN_HEDGEHOG_DB": json.dumps({**fabric_database, "extra": extra}),
        f"AIRFLOW_CONN_{CLUSTER.upper()}": json.dumps(
            {"conn_type": "kubernetes", "extra": {"kube_config_path": str(kubeconfig)}}
        ),
        f"AIRFLOW_CONN_{GIT.upper()}": json.dumps({"conn_type": "git", "login": "hedgehog", "password": token}),
        f"AIRFLOW_CONN_{GITHUB.upper()}": json.dumps(
            {
                "conn_type": "github",
                "host": f"http://127.0.0.1:{ports['github']}/api/v3",
                "login": "hedgehog",
                "password": token,
            }
        ),
        "AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY": str(clones),
    }


def _server_port(kubeconfig: Path) -> int:
    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return int(server.rpartition(":")[2].strip("/"))


def _through(kubeconfig: Path, port: int, target: Path) -> Path:
    """A kubeconfig that uses the proxy."""
    values = yaml.safe_load(kubeconfig.read_text())
    values["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    target.write_text(yaml.safe_dump(values))
    return target
