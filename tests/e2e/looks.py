"""The state as seen from outside: the cluster, the Git host, Airflow's runs."""

from __future__ import annotations

import subprocess
from typing import Any

from devstack.stack import CLUSTER, Stack
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.live import list_live
from hedgehog.store import fabrics


def live(stack: Stack, *kinds: str) -> dict[ObjectRef, dict[str, Any]]:
    """The objects of *kinds* in the cluster."""
    table = {**KINDS, "Fabric": FABRIC}
    cluster = stack.cluster.connect(name=CLUSTER)
    try:
        found = list_live(cluster, [(table[kind], table[kind].default_namespace) for kind in kinds])
        assert not found.failed, found.failed
        return dict(found.objects)
    finally:
        cluster.close()


def git(stack: Stack, *arguments: str, repository: str = "network") -> str:
    """The output of plain git for the repository on the host."""
    command = ["git", "-C", str(stack.git.path(repository)), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run(stack: Stack, target: str, *names: str, **conf: Any) -> tuple[str, dict[str, Any]]:
    """Trigger the sync DAG of *target* for fabrics; its end state and the entry of each fabric in the summary."""
    dag_id = f"hedgehog_{target}_sync"
    run_id = stack.airflow.trigger(dag_id, fabrics=list(names), **conf)
    state = stack.airflow.finished(dag_id, run_id)
    summary = stack.airflow.xcom(dag_id, run_id, "summary")
    return state, {entry["fabric"]: entry for entry in summary["fabrics"]}


def suspend_all(stack: Stack, prefix: str = "") -> None:
    """Suspend the fabrics whose names begin with *prefix*: their tests are over."""
    for fabric in fabrics.fabric_names(stack.database):
        if fabric.startswith(prefix):
            fabrics.suspend(stack.database, fabric, reason="its test is over", until=None)
