"""One fabric to one cluster: cold, unchanged, ten objects changed; against kubectl and a bare parallel writer.

Each subject gets a fresh API server of its own (devcluster, no webhooks) and the same objects. Ours is the whole
service, the fabric database included, for a fabric that was published to Git; our own CRD is there already, as for
every fabric but a cluster's first, because installing one makes the API server rebuild its API description for a
second. The bare writer sends one server-side apply per object over as many connections as ours, without a comparison,
a record or an order: what a cold apply could reach at best. kubectl is that of devcluster, `apply --server-side -f`
one file. The best of a subject's rounds counts, because other work on the machine can only add to it; with --patience
each measurement first waits for an idle machine.

    PYTHONPATH=plugins:. python benchmarks/kube_sync.py --objects 1000 4000 --rounds 3
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import orjson
import urllib3
import yaml
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

from benchmarks.report import Figure, emit, say
from devstack import pods, postgres
from devstack.cluster import DevCluster, build
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef, Revision, Target
from hedgehog.fabric.references import waves
from hedgehog.kube.client import CONCURRENCY, Cluster
from hedgehog.kube.resources import kind_of, object_path
from hedgehog.services.kubernetes.sync import sync
from hedgehog.store import database, fabrics, git_files, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_files import GitFile
from hedgehog.store.migrate import migrate

CHANGED = 10
CALLS_GOAL = 25
"""Calls of a run that finds 1,000 objects unchanged."""
NO_OP_GOAL = 10.0
"""Times faster than kubectl at finding nothing to do."""
COLD_GOAL = 2.5
"""Times faster than kubectl at a cold apply."""
WRITER_GOAL = 0.85
"""Share of the bare writer's rate."""

QUIET = 0.15
"""Share of the processors' time that others may use on a quiet machine."""

FABRIC = {
    "git_repository": "bench",
    "git_sync_enabled": True,
    "enable_k8s_sync": True,
    "kubernetes_connection_id": "k8s",
    "settings": pods.SETTINGS.as_dict(),
}
Seconds = dict[str, float]


def changed(objects: list[Manifest]) -> list[Manifest]:
    """The same with another annotation on CHANGED objects of the middle."""
    result = list(objects)
    for index in range(len(objects) // 2, len(objects) // 2 + CHANGED):
        metadata = objects[index]["metadata"] | {"annotations": {"example.com/change": "1"}}
        result[index] = objects[index] | {"metadata": metadata}
    return result


@contextmanager
def fresh_cluster() -> Iterator[DevCluster]:
    """An API server with all Hedgehog kinds and no objects."""
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-") as directory:
        cluster = DevCluster(Path(directory) / "cluster")
        cluster.start()
        try:
            cluster.install_crds()
            time.sleep(2)  # let the server's own start-up work end
            yield cluster
        finally:
            cluster.stop()


def wait_for_quiet(patience: float) -> None:
    """Return when the processors have been idle for two seconds, or when the time to wait is over."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = _processor_times()
        time.sleep(2)
        busy, total = (after - was for after, was in zip(_processor_times(), before, strict=True))
        if busy < QUIET * total:
            return


def _processor_times() -> tuple[int, int]:
    """Busy and all ticks of all processors since the start (Linux)."""
    ticks = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def timed(work: Callable[[], object], patience: float) -> float:
    """Seconds of *work*, without garbage of what came before."""
    gc.collect()
    wait_for_quiet(patience)
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def publish(connection: Connection, row: int) -> None:
    """Note that Git has the fabric's objects as they are now, as the Git sync does after its push."""
    fabric = fabrics.load_fabric(connection, "bench")
    objects = object_store.load_objects(connection, [row])[row]
    written = [GitFile(str(one.ref), one.ref, "0" * 40, one.digest, one.manifest) for one in objects]
    revision = str(Revision("main", "0" * 40))
    outcome = Outcome("bench", Target.GIT, OutcomeStatus.SUCCESS, generation=fabric.generation, revision=revision)
    with transaction(connection) as cursor:
        git_files.record(cursor, row, written=written, removed=[])
        sync_state.finish(cursor, row, outcome, run_id="bench")


def measure_ours(
    objects: list[Manifest], parameters: dict[str, object], patience: float
) -> tuple[Seconds, dict[str, int]]:
    """Seconds of the three runs of the service, and the calls each made."""
    connection = database.connect(parameters)
    calls: dict[str, int] = {}
    with fresh_cluster() as dev:
        fabrics.save_repository(connection, "bench", {"url": "https://git.example.com/bench.git"})
        fabrics.save_fabric(connection, "bench", FABRIC)
        row = fabrics.load_fabric(connection, "bench").id

        def run(name: str, wanted: list[Manifest], status: OutcomeStatus) -> float:
            object_store.save_objects(connection, row, wanted, delete_missing=True)
            publish(connection, row)
            client: Cluster = dev.connect()

            def work() -> None:
                (outcome,) = sync(connection, ["bench"], open_cluster=lambda _: client, run_id="bench")
                assert outcome.status is status, outcome

            seconds = timed(work, patience)
            calls[name] = sum(client.calls.values())
            return seconds

        run("first", [], OutcomeStatus.SUCCESS)
        time.sleep(2)
        seconds = {
            "cold": run("cold", objects, OutcomeStatus.SUCCESS),
            "no-op": run("no-op", objects, OutcomeStatus.SKIPPED),
            "changed": run("changed", changed(objects), OutcomeStatus.SUCCESS),
        }
    connection.close()
    return seconds, calls


def measure_kubectl(objects: list[Manifest], patience: float) -> Seconds:
    """Seconds of three `kubectl apply --server-side` of one file."""
    kubectl = build("kubectl")
    with fresh_cluster() as dev, tempfile.TemporaryDirectory() as directory:

        def run(name: str, wanted: list[Manifest]) -> float:
            file = Path(directory) / f"{name}.yaml"
            ordered = [manifest for wave in waves(wanted) for manifest in wave]
            file.write_text(yaml.dump_all(ordered, Dumper=yaml.CSafeDumper))
            command = [str(kubectl), "--kubeconfig", str(dev.kubeconfig), "apply", "--server-side", "-f", str(file)]
            return timed(lambda: subprocess.run(command, check=True, capture_output=True), patience)

        return {
            "cold": run("cold", objects),
            "no-op": run("no-op", objects),
            "changed": run("changed", changed(objects)),
        }


def measure_writer(objects: list[Manifest], patience: float) -> Seconds:
    """Seconds of a cold apply by bare urllib3 over CONCURRENCY connections."""
    with fresh_cluster() as dev:
        configuration = type.__call__(Configuration)
        load_kube_config(str(dev.kubeconfig), client_configuration=configuration, persist_config=False)
        pool = urllib3.PoolManager(
            maxsize=CONCURRENCY,
            ca_certs=configuration.ssl_ca_cert,
            cert_file=configuration.cert_file,
            key_file=configuration.key_file,
        )
        headers = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}

        def write(manifest: Manifest) -> None:
            path = object_path(kind_of(manifest), ObjectRef.of(manifest))
            url = f"{configuration.host}{path}?fieldManager=writer"
            response = pool.request("PATCH", url, body=orjson.dumps(manifest), headers=headers)
            assert response.status == 201, response.data

        def work() -> None:
            with ThreadPoolExecutor(CONCURRENCY) as threads:
                list(threads.map(write, objects))

        return {"cold": timed(work, patience)}


def best(rounds: list[Seconds]) -> Seconds:
    """The least of each figure."""
    return {name: min(one[name] for one in rounds) for name in rounds[0]}


def compare(count: int, rounds: int, server: postgres.Postgres, *, patience: float) -> list[Figure]:
    """All figures for fabrics of *count* objects; the subjects take turns."""
    objects = pods.objects(count)
    kinds = {manifest["kind"] for manifest in objects}
    assert len(objects) == count
    assert kinds <= KINDS.keys()
    ours: list[Seconds] = []
    kubectl: list[Seconds] = []
    writer: list[Seconds] = []
    calls: dict[str, int] = {}
    for number in range(rounds):
        name = f"bench_{count}_{number}"
        seconds, calls = measure_ours(objects, server.database(name, template="bench_template"), patience)
        ours.append(seconds)
        writer.append(measure_writer(objects, patience))
        kubectl.append(measure_kubectl(objects, patience))
        say(f"{count} objects, round {number + 1}: ours {ours[-1]}, writer {writer[-1]}, kubectl {kubectl[-1]}")
    mine, bare, tool = best(ours), best(writer), best(kubectl)
    rate, bare_rate, tool_rate = count / mine["cold"], count / bare["cold"], count / tool["cold"]
    return [
        Figure.of(f"{count} objects unchanged", calls["no-op"], "calls", goal=CALLS_GOAL if count <= 1000 else None),
        Figure.of(f"{count} objects unchanged", mine["no-op"], "s", "kubectl", tool["no-op"], times=NO_OP_GOAL),
        Figure.of(f"{count} objects, {CHANGED} changed", calls["changed"], "calls"),
        Figure.of(f"{count} objects, {CHANGED} changed", mine["changed"], "s", "kubectl", tool["changed"]),
        Figure.of(f"{count} objects cold", rate, "objects/s", "bare writer", bare_rate, times=WRITER_GOAL),
        Figure.of(f"{count} objects cold", rate, "objects/s", "kubectl", tool_rate, times=COLD_GOAL),
        Figure.of(f"{count} objects cold: the limit, the bare writer", bare_rate, "objects/s", "kubectl", tool_rate),
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, nargs="+", default=[1000, 4000], help="sizes of the fabric")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the best counts")
    parser.add_argument("--patience", type=float, default=0.0, help="seconds to wait for an idle machine each time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-pg-") as directory:
        Path(directory).chmod(0o755)
        server = postgres.start(Path(directory) / "data")
        try:
            connection = database.connect(server.database("bench_template"))
            migrate(connection)
            connection.close()
            figures = []
            for count in arguments.objects:
                figures += compare(count, arguments.rounds, server, patience=arguments.patience)
        finally:
            postgres.stop(Path(directory) / "data")
    emit(figures)


if __name__ == "__main__":
    main()
