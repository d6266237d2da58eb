"""The cost of the product when nothing happens: processor time of all schedules, triggers and the listener.

The same Airflow, set as `deploy/helm` sets it: first without our DAGs and plugin, then with them and 10 fabrics, then
with 1,000, all in sync, their regular checks spread as in a fleet that has been there for long. The peer is a
controller that polls each fabric: `git ls-remote`, and a server-side dry run of each of its objects; of those, only the
processor time of git and of the API server is counted, measured on a sample and scaled to the fleet.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil
import yaml

from benchmarks.report import Figure, emit, say
from devstack import stack as devstack
from devstack.airflow import ROOT
from devstack.objects import small_fabric
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.resources import object_path
from hedgehog.store import database

FLEETS = (10, 1000)
GOAL = 10.0
SETTLE = 45
"""Seconds to wait until starts and imports are over."""
POLLED = 20
"""Fabrics in the sample of the peer."""
POLL_INTERVAL = 180
"""Seconds: how often Argo CD checks an application by default (timeout.reconciliation)."""
SHIPPED = ROOT / "deploy" / "helm" / "values.yaml"
Seconds = Mapping[str, float]


def spent(processes: Mapping[str, int]) -> Seconds:
    """Processor seconds by name so far, of each process with all its descendants, ended ones included."""
    return {name: sum(map(_of_process, _tree(pid))) for name, pid in processes.items()}


def _tree(pid: int) -> Iterator[psutil.Process]:
    root = psutil.Process(pid)
    yield root
    yield from root.children(recursive=True)


def _of_process(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])  # its own, and that of children that it has waited for
    except psutil.NoSuchProcess:
        return 0.0


def parts(stack: devstack.Stack) -> dict[str, int]:
    """The process of each part, by its name."""
    postgres = int((stack.directory / "postgres" / "postmaster.pid").read_text().split()[0])
    airflow = {name: process.pid for name, process in stack.airflow.processes.items()}
    return {**airflow, "PostgreSQL": postgres, "Kubernetes API server": stack.cluster.pid}


def measure(stack: devstack.Stack, minutes: float, what: str) -> Seconds:
    """Percent of a core by part over *minutes*, from the start of one."""
    time.sleep(SETTLE)
    time.sleep(60 - time.time() % 60)
    processes, started = parts(stack), time.monotonic()
    before = spent(processes)
    while (left := started + minutes * 60 - time.monotonic()) > 0:
        say(f"{what}: {left:.0f} s to go")
        time.sleep(min(60, left))
    elapsed = time.monotonic() - started
    return {name: (seconds - before[name]) / elapsed * 100 for name, seconds in spent(processes).items()}


def production() -> dict[str, str]:
    """The settings of Airflow's loops that we ship, and its own default where the development stack has another."""
    config = yaml.safe_load(SHIPPED.read_text())["config"]
    shipped = {
        f"AIRFLOW__{section}__{name}".upper(): value
        for section in ("scheduler", "dag_processor")
        for name, value in config[section].items()
    }
    return {"AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "300", **shipped}


@contextmanager
def without_us(stack: devstack.Stack) -> Iterator[None]:
    """The stack's Airflow, with no DAG and no plugin."""
    empty = stack.directory / "empty"
    empty.mkdir()
    ours = stack.airflow.environment
    folders = {"AIRFLOW__CORE__DAGS_FOLDER": str(empty), "AIRFLOW__CORE__PLUGINS_FOLDER": str(empty)}
    stack.airflow.environment = {**ours, **folders}
    stack.airflow.start()
    try:
        yield
    finally:
        stack.airflow.stop()
        stack.airflow.environment = ours


def grow(stack: devstack.Stack, fleet: int) -> None:
    """Make it *fleet* fabrics of five objects, all in sync, their regular checks anywhere in the interval."""
    with database.transaction(stack.database) as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.fabric")
        (there,) = cursor.fetchone()
    names = [f"f{number:05d}" for number in range(there, fleet)]
    for number, name in enumerate(names, there):
        stack.add_fabric(name, small_fabric(name, number))
    stack.wait_in_sync(*names, limit=900)
    with database.transaction(stack.database) as cursor:
        cursor.execute(
            "UPDATE hedgehog.sync_state s SET due_at = now() + random() * make_interval(secs => f.resync_seconds) "
            "FROM hedgehog.fabric f WHERE f.id = s.fabric_id AND s.status = 'in_sync'"
        )


def poll(stack: devstack.Stack) -> float:
    """Processor seconds of git and the API server that a controller needs to check one fabric once."""
    cluster = stack.cluster.connect()
    url = stack.git.url("network").replace("http://", f"http://hedgehog:{stack.token}@")
    server = {"server": stack.cluster.pid}
    own, before = resource.getrusage(resource.RUSAGE_CHILDREN), spent(server)["server"]
    for number in range(POLLED):
        os.spawnlp(os.P_WAIT, "git", "git", "ls-remote", "--quiet", url, "refs/heads/none")
        for manifest in small_fabric(f"f{number:05d}", number):
            ref = ObjectRef.of(manifest)
            cluster.call(
                "APPLY",
                "PATCH",
                object_path(KINDS[ref.kind], ref),
                subject=str(ref),
                query={"fieldManager": "hedgehog-airflow", "force": "true", "dryRun": "All"},
                body=manifest,
                content_type="application/apply-patch+yaml",
            )
    git = resource.getrusage(resource.RUSAGE_CHILDREN)
    cluster.close()
    seconds = git.ru_utime + git.ru_stime - own.ru_utime - own.ru_stime + spent(server)["server"] - before
    return seconds / POLLED


def figures(fleet: int, ours: Seconds, bare: Seconds, poll_seconds: float) -> list[Figure]:
    """What the product adds with *fleet* fabrics: in total, and for each component compared with the same one without it."""
    unit, added = "% of a core", sum(ours.values()) - sum(bare.values())
    polled = poll_seconds * fleet / POLL_INTERVAL * 100
    peer = f"a poll per fabric each {POLL_INTERVAL} s"
    total = Figure.of(f"idle, {fleet} fabrics: added by us", added, unit, peer, polled, goal=GOAL)
    return [
        total,
        *(Figure.of(f"idle, {fleet} fabrics: {name}", ours[name], unit, "without us", bare[name]) for name in ours),
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=5, help="of each of the three measurements; 30 cover every schedule"
    )
    minutes = parser.parse_args().minutes
    found = []
    with devstack.running(progress=say, settings=production(), airflow=False) as stack:
        stack.airflow.migrate()
        with without_us(stack):
            bare = measure(stack, minutes, "Airflow without us")
        devstack.set_up(stack.airflow)
        stack.airflow.start(say)
        for fleet in FLEETS:
            say(f"{fleet} fabrics")
            grow(stack, fleet)
            ours = measure(stack, minutes, f"{fleet} fabrics")
            if not found:
                say("the peer: a poll per fabric")
            found += figures(fleet, ours, bare, poll(stack))
        stack.airflow.stop()
    emit(found)


if __name__ == "__main__":
    main()
