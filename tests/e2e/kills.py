"""Stopping a sync in the middle, and what Airflow reports about the killed task."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from devstack.stack import CLUSTER, Stack
from hedgehog.fabric.model import ObjectRef
from hedgehog.store import fabrics, inventory
from tests.e2e.looks import git, live

TaskInstance = dict[str, Any]


def task_instances(stack: Stack, dag_id: str = "~", **filters: str) -> list[TaskInstance]:
    """The task instances of the newest runs, at most a hundred, of one DAG or of all.

    Ordered by start, those that have not started would come first.
    """
    query = "&".join(f"{key}={value}" for key, value in {"limit": "100", "order_by": "-run_after", **filters}.items())
    return list(stack.airflow.call("GET", f"/dags/{dag_id}/dagRuns/~/taskInstances?{query}")["task_instances"])


def hold_pushes(stack: Stack, repository: str) -> Path:
    """Have the next push wait on the host after the branch moved, and return the file that is there while it waits.

    Removing the file lets it end, at the latest it does so after ten minutes.
    """
    held = stack.directory / f"{repository}-held"
    hook = stack.git.path(repository) / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        touch {held}
        for second in $(seq 600); do [ -e {held} ] || exit 0; sleep 1; done
        """)
    )
    hook.chmod(0o755)
    return held


def running_tasks(stack: Stack, dag_id: str) -> list[TaskInstance]:
    """The running tasks of the DAG."""
    return task_instances(stack, dag_id, state="running")


def tries(stack: Stack, task: TaskInstance) -> list[str]:
    """The state of each try of a task instance, in order."""
    path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/{task['map_index']}"
    found = stack.airflow.call("GET", f"{path}/tries")["task_instances"]
    return [entry["state"] for entry in sorted(found, key=lambda entry: entry["try_number"])]


def repaired(stack: Stack, lost: list[TaskInstance]) -> bool:
    """Whether Airflow has carried out every task that was killed."""
    return all(tries(stack, task)[-1] == "success" for task in lost)


def written(stack: Stack, name: str, repository: str) -> dict[str, Any]:
    """The effects for a fabric of `small_fabric`: commits, writes of each object's spec, owned objects."""
    fabric = fabrics.load_fabric(stack.database, name)
    owned = inventory.owned(stack.database, CLUSTER, [fabric.id], [])
    found = live(stack, "SwitchGroup", "Server", "VPC", "Connection", "VPCAttachment")
    return {
        "commits": int(git(stack, "rev-list", "--count", "main", repository=repository)),
        "written": {ref: it["metadata"]["generation"] for ref, it in found.items() if ref.name.startswith(f"{name}-")},
        "owned": {ref for ref in owned if ref.kind != "Fabric"},
    }


def once(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The result of `written` when everything was done once."""
    refs = [ObjectRef.of(manifest) for manifest in objects]
    return {"commits": 1, "written": dict.fromkeys(refs, 1), "owned": set(refs)}
