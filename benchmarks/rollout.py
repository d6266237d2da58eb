"""The cost of a rollout beside that of the syncs that it makes: one change to a fleet, in waves and all at once.

The peer imports the change into each fabric and syncs the whole fleet to Git. The rollout plans and validates the change
for every fabric, stores it wave by wave and syncs each wave, on a database and a repository of its own. Same
PostgreSQL, same Git host, one after the other.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Figure, emit, say
from devstack import postgres
from devstack.git_server import GitServer
from devstack.objects import make_server, make_vpc
from hedgehog.fabric.model import GitRepository
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import RolloutPolicy
from hedgehog.fabric.selectors import Selector
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.kube.client import Cluster
from hedgehog.manifests import yaml
from hedgehog.services.git import sync as git_sync
from hedgehog.services.rollouts.start import begin_rollout, plan_rollout
from hedgehog.services.rollouts.step import step
from hedgehog.services.rollouts.template import read_template
from hedgehog.services.transfer.load import import_documents
from hedgehog.store import fabrics, rollouts
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, connect
from hedgehog.store.migrate import migrate

OVERHEAD = 1.2
"""The most times that a rollout may take what the peer takes."""
OBJECTS = 50
CHANGE = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {{name: s-0}}
spec: {{description: "{description}"}}
"""
SIZES = ("1", "10%", "50%")

OpenMirror = Callable[[GitRepository], Mirror]


@contextmanager
def fleet(server: postgres.Postgres, host: GitServer, name: str, size: int) -> Iterator[tuple[Connection, OpenMirror]]:
    """Fabrics of OBJECTS objects each, in sync with a repository of their own."""
    connection = connect(server.database(f"fleet_{name}"))
    migrate(connection)
    host.create(name)
    fabrics.save_repository(connection, "net", {"url": host.url(name)})
    manifests = [*(make_server(f"s-{n}") for n in range(OBJECTS - 5)), *(make_vpc(f"v-{n}", n) for n in range(5))]
    for number in range(size):
        fabric = f"f-{number:04}"
        settings = {"git_repository": "net", "git_directory": fabric, "git_sync_enabled": True}
        fabrics.save_fabric(connection, fabric, settings | {"variables": {"rack": number}})
        object_store.save_objects(connection, fabrics.load_fabric(connection, fabric).id, manifests)
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-") as cache:

        def open_mirror(repository: GitRepository) -> Mirror:
            return Mirror(Path(cache), Remote(repository.url, repository.branch, GitCredentials(), timeout=600))

        git_sync.sync(connection, fabrics.fabric_names(connection), open_mirror=open_mirror, run_id="first")
        yield connection, open_mirror
    connection.close()


def all_at_once(connection: Connection, open_mirror: OpenMirror) -> float:
    """Seconds to import the change into each fabric, and to sync all of them."""
    started = time.perf_counter()
    names, origin = fabrics.fabric_names(connection), Origin(who="bench", via=Via.CLI)
    for number, name in enumerate(names):
        documents = yaml.load(CHANGE.format(description=f"rack {number}").encode(), file="change.yaml")
        import_documents(connection, documents, fabric=name, origin=origin)
    git_sync.sync(connection, names, open_mirror=open_mirror, run_id="peer")
    return time.perf_counter() - started


def no_cluster(connection_id: str) -> Cluster:
    """None of these fabrics has one."""
    raise AssertionError(connection_id)


def in_waves(connection: Connection, open_mirror: OpenMirror) -> float:
    """Seconds to plan, validate and carry out the same as a rollout, without a soak."""
    started = time.perf_counter()
    template = read_template(CHANGE.format(description="rack ${rack}").encode(), file="change.yaml")
    plan = plan_rollout(connection, "bench", template, Selector(), policy=RolloutPolicy(), sizes=SIZES)
    begin_rollout(connection, plan, why="", actor="bench")
    while rollouts.load_rollout(connection, "bench").ended_at is None:
        step(
            connection, "bench", open_mirror=open_mirror, open_cluster=no_cluster, run_id="bench", now=datetime.now(UTC)
        )
    return time.perf_counter() - started


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fabrics", type=int, default=1000, help="the size of the fleet")
    size: int = parser.parse_args().fabrics
    taken = {}
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-") as directory:
        Path(directory).chmod(0o755)
        server = postgres.start(Path(directory) / "data")
        server.tune_for_tests()
        try:
            with GitServer(Path(directory) / "host") as host:
                for name, work in (("plain", all_at_once), ("rollout", in_waves)):
                    say(f"preparing {size} fabrics of {OBJECTS} objects")
                    with fleet(server, host, name, size) as (connection, open_mirror):
                        taken[name] = work(connection, open_mirror)
        finally:
            postgres.stop(Path(directory) / "data")
    name = f"rollout to {size} fabrics in {len(SIZES) + 1} waves"
    emit([Figure.of(name, taken["rollout"], "s", "import and sync", taken["plain"], times=1 / OVERHEAD)])


if __name__ == "__main__":
    main()
