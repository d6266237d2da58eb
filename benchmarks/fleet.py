"""A fleet through the real scheduler: many fabrics due at once, and one change in an idle fleet.

Everything is real and on this machine: PostgreSQL, git over HTTP, the Kubernetes API server, Airflow with its
LocalExecutor. The peer of the burst is what a script per fabric does (clone, write, commit, push, `kubectl apply`),
measured on a sample in the same run and scaled to the fleet.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from benchmarks.report import Figure, emit, say
from devstack import stack as devstack
from devstack.cluster import build
from devstack.objects import make_server, small_fabric
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.resources import object_path
from hedgehog.store import database, open_drift

REPOSITORIES = 10
CHANGES = 20
SAMPLE = 10
BURST_GOAL = 60.0
CHANGE_GOAL = 2.0
CHANGE_LIMIT = 3.5
EDITS = 10
NOTICE_GOAL = 5.0


def add_fleet(stack: devstack.Stack, count: int, offset: int) -> list[str]:
    """*count* fabrics of five objects, in place but not enabled yet."""
    names = [f"f{offset + i:05d}" for i in range(count)]
    for i in range(REPOSITORIES):
        stack.add_repository(f"fleet{i}")
    for i, name in enumerate(names):
        objects = small_fabric(name, i)
        settings = {"git_repository": f"fleet{i % REPOSITORIES}", "git_sync_enabled": False, "enable_k8s_sync": False}
        stack.add_fabric(name, objects, **settings)
    return names


def burst(stack: devstack.Stack, names: Sequence[str]) -> float:
    """Seconds from one transaction that makes all fabrics due until each is in Git and in the cluster."""
    started = time.monotonic()
    with database.transaction(stack.database) as cursor:
        cursor.execute(
            "UPDATE hedgehog.fabric SET git_sync_enabled = true, enable_k8s_sync = true WHERE name = ANY(%s)",
            (list(names),),
        )
    told = 0.0
    while True:
        with database.transaction(stack.database) as cursor:
            cursor.execute(
                "SELECT s.target, count(*) FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
                "WHERE f.name = ANY(%s) AND s.status = 'in_sync' AND s.observed_generation = f.generation GROUP BY 1",
                (list(names),),
            )
            done = dict(cursor.fetchall())
        elapsed = time.monotonic() - started
        if done.get("kubernetes", 0) == len(names):
            return elapsed
        if elapsed > 900:
            raise TimeoutError(f"after {elapsed:.0f} s only {done} of {len(names)} are in sync")
        if elapsed - told > 5:
            say(f"{elapsed:.0f} s: {done.get('git', 0)} in Git, {done.get('kubernetes', 0)} in the cluster")
            told = elapsed
        time.sleep(0.5)  # checking costs processor time that is being measured


def server_path(name: str) -> str:
    """The path of the server of fabric *name* that is changed."""
    return object_path(KINDS["Server"], ObjectRef("Server", "default", f"{name}-srv"))


def described(cluster: Cluster, path: str) -> str | None:
    """The description of the server at *path*, as the cluster has it."""
    return cluster.call("GET", "GET", path, subject=path).json()["spec"].get("description")


def change_latencies(stack: devstack.Stack, name: str) -> list[float]:
    """Seconds from the commit of one changed row until the object in the cluster has it, CHANGES times."""
    cluster = stack.cluster.connect()
    path = server_path(name)
    found = []
    try:
        for i in range(CHANGES):
            time.sleep(3)  # an idle fleet: let the runs of the last change end
            text = f"change {i}"
            stack.save(name, [make_server(f"{name}-srv", text)])
            started = time.monotonic()
            while described(cluster, path) != text:
                if time.monotonic() - started > 120:
                    raise TimeoutError("a change did not arrive within 120 s")
                time.sleep(0.02)
            found.append(time.monotonic() - started)
            say(f"change {i + 1}/{CHANGES}: {found[-1]:.2f} s")
    finally:
        cluster.close()
    return found


def is_on_record(stack: devstack.Stack, name: str) -> bool:
    """Whether the fabric has drifted; unowned objects in its cluster (those of the peer) do not count."""
    return any(one.drift.fabric_id is not None for one in open_drift.listing(stack.database, name))


def edit_latencies(stack: devstack.Stack, names: Sequence[str]) -> tuple[list[float], list[float]]:
    """Seconds from the answer to an edit in the cluster until it is recorded, and until it is undone, one edit for each of
    the fabrics: the more often an object is edited, the longer it is left as it is."""
    for name in names:
        stack.add_fabric(name, drift_policy="correct", conflict_policy="force")
    stack.wait_in_sync(*names)
    cluster = stack.cluster.connect()
    noticed, undone = [], []
    try:
        for name in names:
            time.sleep(3)
            seconds = edit_latency(stack, cluster, name)
            noticed.append(seconds[0])
            undone.append(seconds[1])
            say(f"edit {len(noticed)}/{EDITS}: noticed after {seconds[0]:.2f} s, undone after {seconds[1]:.2f} s")
    finally:
        cluster.close()
    return noticed, undone


def edit_latency(stack: devstack.Stack, cluster: Cluster, name: str) -> tuple[float, float]:
    """The same for one edit."""
    path = server_path(name)
    wanted = described(cluster, path)
    query = {"fieldManager": "kubectl-edit", "force": "true"}
    manifest, kind = make_server(f"{name}-srv", "an edit"), "application/apply-patch+yaml"
    cluster.call("APPLY", "PATCH", path, subject=name, query=query, body=manifest, content_type=kind)
    started = time.monotonic()
    stack.airflow.wait(lambda: is_on_record(stack, name), "the edit to be noticed")
    noticed = time.monotonic() - started
    stack.airflow.wait(lambda: described(cluster, path) == wanted, "the edit to be undone")
    undone = time.monotonic() - started
    stack.airflow.wait(lambda: not is_on_record(stack, name), "the record to go")
    return noticed, undone


def p95(found: Sequence[float]) -> float:
    """The value that 95 % do not exceed."""
    return sorted(found)[math.ceil(0.95 * len(found)) - 1]


def script_per_fabric(stack: devstack.Stack) -> float:
    """Seconds per fabric that the peer needs: a fresh clone, files, commit, push, then `kubectl apply`."""
    stack.add_repository("peer")
    kubectl = build("kubectl")
    url = stack.git.url("peer").replace("http://", f"http://hedgehog:{stack.token}@")
    started = time.monotonic()
    for i in range(SAMPLE):
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory) / "tree"
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", url, str(tree)], check=True, capture_output=True)
            for manifest in small_fabric(f"peer{i}", i):
                target = tree / f"peer{i}" / manifest["kind"] / f"{manifest['metadata']['name']}.yaml"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(yaml.safe_dump(manifest))
            identity = ["-c", "user.name=peer", "-c", "user.email=peer@example.com"]
            for command in (
                ["add", "."],
                [*identity, "commit", "-qm", "Update"],
                ["push", "-q", "origin", "HEAD:main"],
            ):
                subprocess.run(["git", "-C", str(tree), *command], check=True, capture_output=True)
            apply = ["apply", "--server-side", "--recursive", "-f", str(tree / f"peer{i}")]
            subprocess.run(
                [str(kubectl), "--kubeconfig", str(stack.cluster.kubeconfig), *apply], check=True, capture_output=True
            )
    return (time.monotonic() - started) / SAMPLE


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fabrics", type=int, nargs="+", default=[200, 1000], help="sizes of the burst")
    arguments = parser.parse_args()
    figures = []
    with devstack.running(progress=say, settings={}) as stack:
        stack.airflow.wait(lambda: len(stack.airflow.call("GET", "/dags")["dags"]) >= 2, "the DAGs to be there")
        stack.add_fabric("warm", small_fabric("warm", 249))
        stack.wait_in_sync("warm")  # the first sync of all installs our CRD
        say("the peer: a script per fabric")
        per_fabric = script_per_fabric(stack)
        offset, names = 0, []
        for count in arguments.fabrics:
            say(f"preparing {count} fabrics")
            names = add_fleet(stack, count, offset)
            offset += count
            seconds = burst(stack, names)
            figures.append(
                Figure.of(
                    f"{count} fabrics due at once, in Git and cluster",
                    seconds,
                    "s",
                    f"script per fabric ×{count}",
                    per_fabric * count,
                    goal=BURST_GOAL if count == 1000 else None,
                )
            )
        say("one change in an idle fleet")
        latencies = change_latencies(stack, names[-1])
        p50 = statistics.median(latencies)
        # The seed waits for its schedules: half of 300 s until the Git sync, then 30 s until Kubernetes follows.
        peer = 300 / 2 + 30
        figures.append(
            Figure.of("one change applied, p50", p50, "s", "the Celery design's mean wait", peer, goal=CHANGE_GOAL)
        )
        figures.append(
            Figure.of(
                "one change applied, p95", p95(latencies), "s", "the Celery design's mean wait", peer, goal=CHANGE_LIMIT
            )
        )
        say("an edit by others in the cluster")
        noticed, undone = edit_latencies(stack, names[-EDITS:])
        # Who polls finds an edit after half an interval: 180 s is what Argo CD waits, and the Celery design.
        figures.append(Figure.of("an edit noticed, p95", p95(noticed), "s", "a poll each 180 s", 90, goal=NOTICE_GOAL))
        figures.append(Figure.of("an edit undone, p95", p95(undone), "s", "a poll each 180 s", 90))
    emit(figures)


if __name__ == "__main__":
    main()
