"""The cost of a plan: ten fabrics are due in a fleet of ten and of a hundred thousand.

The peer does what the Celery design does: read every enabled fabric and compare its times one by one. Both ask the
same PostgreSQL in the same run, one after the other; figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from benchmarks.report import Figure, emit, say
from devstack import postgres
from hedgehog.fabric.model import Target
from hedgehog.services.git import sync as git_sync
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.store import schedule
from hedgehog.store.database import Connection, connect, transaction
from hedgehog.store.migrate import migrate

DUE = 10
ROUNDS = 20
GOAL_MS = 20.0

_FLEET = """
INSERT INTO hedgehog.git_repository (name, url) SELECT 'r' || i, 'https://git.example.com/' || i FROM generate_series(1, 100) i;
INSERT INTO hedgehog.fabric (name, git_repository_id, git_directory, git_sync_enabled, enable_k8s_sync, kubernetes_connection_id)
SELECT 'fabric-' || i, 1 + mod(i, 100), 'fabrics/' || i, true, true, 'cluster_' || mod(i, 1000) FROM generate_series(1, %(size)s) i;
UPDATE hedgehog.sync_state SET status = 'in_sync', observed_generation = 1, last_success_at = now(),
    due_at = now() + make_interval(secs => 600 + mod(fabric_id, 600));
"""


def fill(connection: Connection, size: int) -> None:
    """A fleet that is in sync, except for DUE fabrics."""
    with transaction(connection) as cursor:
        cursor.execute(_FLEET, {"size": size})
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.autocommit = False
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.sync_state SET due_at = now() - interval '1 second', observed_generation = 0 "
            "WHERE mod(fabric_id, %s / %s) = 1",
            (size, DUE),
        )


def naive(connection: Connection) -> list[str]:
    """The Celery design: read every fabric."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name, f.generation, f.last_updated, s.observed_generation, s.last_success_at "
            "FROM hedgehog.fabric f JOIN hedgehog.sync_state s ON s.fabric_id = f.id AND s.target = 'git' "
            "WHERE f.git_sync_enabled"
        )
        return [
            name
            for name, generation, updated, observed, success in cursor.fetchall()
            if success is None or observed != generation or updated > success
        ]


def milliseconds(work: Callable[[], Sequence[object]]) -> float:
    """The median of ROUNDS, after a warm-up; every round must find all that is due."""
    if len(work()) != DUE:
        raise AssertionError("the fleet does not have the expected due fabrics")
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def measure(connection: Connection, size: int) -> list[Figure]:
    """The figures of one fleet."""
    peer = milliseconds(lambda: naive(connection))
    works: dict[str, Callable[[], Sequence[object]]] = {
        "due fabrics, query": lambda: schedule.due(connection, Target.GIT),
        "plan of a Git sync": lambda: list(chain.from_iterable(git_sync.plan(connection))),
        "plan of a Kubernetes sync": lambda: list(chain.from_iterable(kubernetes_sync.plan(connection))),
    }
    return [
        Figure.of(f"{name}, {DUE} of {size}", milliseconds(work), "ms", "read and compare all", peer, goal=GOAL_MS)
        for name, work in works.items()
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fabrics", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the fleet")
    sizes: list[int] = parser.parse_args().fabrics
    figures = []
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-") as directory:
        Path(directory).chmod(0o755)
        server = postgres.start(Path(directory) / "data")
        server.tune_for_tests()
        try:
            for size in sizes:
                say(f"preparing {size} fabrics")
                connection = connect(server.database(f"fleet_{size}"))
                migrate(connection)
                fill(connection, size)
                figures += measure(connection, size)
                connection.close()
        finally:
            postgres.stop(Path(directory) / "data")
    emit(figures)


if __name__ == "__main__":
    main()
