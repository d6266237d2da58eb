"""The cost of every `hedgehog` command, compared with Airflow's own import: its connections are stored in Airflow's database.

Processor time of fresh processes, children included, so that other work on the machine does not stretch it: the best of
some rounds. The database of the fabrics and that of Airflow, the Git host and the API server are made for it.

    python -m benchmarks.command
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from cryptography.fernet import Fernet

from benchmarks.report import Figure, emit
from devstack import postgres
from devstack.cluster import DevCluster
from devstack.git_server import GitServer

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
GOAL = 1.5
"""Seconds of any command, on an idle machine."""
EXAMPLE = str(ROOT / "examples" / "gen")
SETUP = """
import json, sys
from airflow import settings
from airflow.models import Connection
from airflow.models.base import Base
from airflow.models.pool import Pool
from airflow.models.team import Team
from airflow.utils.session import create_session
from hedgehog.airflow.names import POOLS

Base.metadata.create_all(settings.engine, tables=[m.__table__ for m in (Team, Connection, Pool)])
with create_session() as session:
    for name, parts in json.load(sys.stdin).items():
        session.add(Connection(name, **parts))
    for name, (slots, text) in POOLS.items():
        session.add(Pool(pool=name, slots=slots, description=text, include_deferred=False))
"""
FABRIC = """
apiVersion: hedgehog-airflow/v1
kind: GitRepository
metadata: {{name: net}}
spec: {{url: "{url}", branch: main, connection_id: net_git}}
---
apiVersion: hedgehog-airflow/v1
kind: Fabric
metadata: {{name: lab}}
spec:
  git_repository: net
  git_directory: fabrics/lab
  git_sync_enabled: true
  enable_k8s_sync: true
  kubernetes_connection_id: k8s
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {{name: server-1}}
spec: {{}}
"""
COMMANDS = (
    ("--help",),
    ("validate", EXAMPLE),
    ("validate", "--fabric", "lab", "FABRIC"),
    ("validate", "--against-cluster", "k8s", "FABRIC"),
    ("crds", "render"),
    ("migrate",),
    ("fabric", "import", "--dry-run", "FABRIC"),
    ("fabric", "import", "--dry-run", "--from-cluster", "k8s", "--fabric", "lab"),
    ("fabric", "list"),
    ("fabric", "show", "lab"),
    ("fabric", "export", "lab"),
    ("repository", "list"),
    ("repository", "show", "net"),
    ("pull",),
    ("sync", "git", "lab"),
    ("sync", "kubernetes", "lab"),
    ("status",),
    ("explain", "lab"),
    ("drift", "list"),
    ("dead-letters", "list"),
    ("health",),
    ("health", "--check"),
    ("self-test",),
    ("schemas", "diff", "--connection", "k8s"),
    ("metrics",),
    ("backup", "--dry-run", "--directory", "BACKUP"),
    ("setup", "--check"),
)


def seconds(command: Sequence[str], environment: Mapping[str, str], good: Sequence[int] = (0, 1)) -> float:
    """The processor time of *command*, the best of ROUNDS. A check may end with 1."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode not in good or "hedgehog: error" in done.stderr or "Traceback" in done.stderr:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(ROUNDS))


def measure(directory: Path, server: postgres.Postgres, cluster: DevCluster, url: str) -> list[Figure]:
    """Set up an installation and run each command in it."""
    for name in ("command", "airflow"):
        server.database(name)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT / "plugins"),
        "AIRFLOW_HOME": str(directory / "home"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.uri("airflow", scheme="postgresql+psycopg2"),
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
    }
    parameters = server.parameters
    connections = {
        "hedgehog_db": {
            "conn_type": "postgres",
            "login": parameters["user"],
            "schema": "command",
            "extra": {"host": str(parameters["host"])},
        },
        "net_git": {"conn_type": "git", "login": "robot", "password": "t0ken"},
        "k8s": {"conn_type": "kubernetes", "extra": {"kube_config_path": str(cluster.kubeconfig)}},
    }
    subprocess.run([sys.executable, "-c", SETUP], check=True, input=orjson.dumps(connections), env=environment)
    fabric = directory / "fabric.yaml"
    fabric.write_text(FABRIC.format(url=url))
    places = {"FABRIC": str(fabric), "BACKUP": str(directory / "backup")}
    command = [sys.executable, str(ROOT / "bin" / "hedgehog")]
    for words in (["migrate"], ["fabric", "import", str(fabric)]):
        subprocess.run([*command, *words], check=True, stdout=subprocess.DEVNULL, env=environment)
    peer = seconds([sys.executable, "-c", "import airflow.sdk; airflow.sdk.Connection"], environment)
    return [
        Figure.of(
            f"hedgehog {' '.join(Path(word).name for word in words)}",
            seconds([*command, *(places.get(word, word) for word in words)], environment),
            "s of processor",
            "python -c 'import airflow.sdk'",
            peer,
            goal=GOAL,
        )
        for words in COMMANDS
    ]


def main() -> None:
    """Measure and print."""
    directory = Path(tempfile.mkdtemp(prefix="hedgehog-bench-"))
    directory.chmod(0o755)
    server = postgres.start(directory / "data")
    cluster = DevCluster.of_environment(directory / "cluster")
    try:
        cluster.start()
        cluster.install_crds()
        with GitServer(directory / "host", {"robot": "t0ken"}) as host:
            host.create("net")
            figures = measure(directory, server, cluster, host.url("net"))
    finally:
        cluster.stop()
        postgres.stop(directory / "data")
        shutil.rmtree(directory, ignore_errors=True)
    emit(figures)


if __name__ == "__main__":
    main()
