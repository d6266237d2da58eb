"""Somebody edits an object in the cluster while Airflow runs: the triggerer notices, the sync does what the policy says."""

from __future__ import annotations

import time
from typing import Any

from devstack.objects import make_server
from devstack.stack import Stack
from hedgehog.fabric.model import ObjectRef
from hedgehog.store import fabrics, open_drift
from hedgehog.store import objects as object_store
from tests.e2e.looks import live


def edit(stack: Stack, name: str, description: str) -> None:
    """Change server `name`-a as `kubectl edit` does."""
    stack.cluster.apply_as("kubectl-edit", make_server(f"{name}-a", description))


def description(stack: Stack, name: str) -> str:
    """The description in the cluster."""
    found: str = live(stack, "Server")[ObjectRef("Server", "default", f"{name}-a")]["spec"]["description"]
    return found


def drifts(stack: Stack, name: str) -> list[open_drift.ListedDrift]:
    """The fabric's own drift."""
    return [one for one in open_drift.listing(stack.database, name) if one.drift.fabric_id is not None]


def test_an_edit_is_reported_corrected_or_adopted_by_policy(stack: Stack, name: str) -> None:
    """It is noticed, with its author; the policy is applied at once, and then nothing more happens."""
    settings: dict[str, Any] = {"drift_policy": "report", "conflict_policy": "force", "resync_seconds": 86400}
    stack.add_fabric(name, [make_server(f"{name}-a")], **settings)
    stack.wait_in_sync(name)

    edit(stack, name, "reported")
    stack.airflow.wait(lambda: bool(drifts(stack, name)), "the drift to be noticed")
    (found,) = drifts(stack, name)
    assert (found.drift.manager, found.drift.paths) == ("kubectl-edit", (".spec.description",))
    stack.wait_status(name, "kubernetes", "out_of_sync")
    assert description(stack, name) == "reported"

    stack.add_fabric(name, drift_policy="correct")
    stack.airflow.wait(lambda: description(stack, name) == "a server", "the drift to be corrected")
    stack.airflow.wait(lambda: not drifts(stack, name), "the row to go")
    edit(stack, name, "corrected")
    stack.airflow.wait(lambda: description(stack, name) == "a server", "the next drift to be corrected")

    stack.add_fabric(name, drift_policy="adopt")
    stack.wait_in_sync(name)
    edit(stack, name, "adopted")
    stack.airflow.wait(lambda: wanted(stack, name) == "adopted", "the drift to be adopted")
    stack.wait_in_sync(name)
    stack.airflow.wait(lambda: not drifts(stack, name), "the drift to be over")
    assert description(stack, name) == "adopted"


def wanted(stack: Stack, name: str) -> str:
    """The description in the fabric database."""
    row_id = fabrics.load_fabric(stack.database, name).id
    (row,) = object_store.load_objects(stack.database, [row_id])[row_id]
    found: str = row.manifest["spec"]["description"]
    return found


def test_the_watch_continues_after_a_restart_of_the_api_server(stack: Stack, name: str) -> None:
    """An edit right after the restart is noticed and corrected without a scheduled run."""
    stack.add_fabric(name, [make_server(f"{name}-a")], conflict_policy="force", resync_seconds=86400)
    stack.wait_in_sync(name)
    stack.cluster.stop()
    time.sleep(2)
    stack.cluster.start()
    edit(stack, name, "right after the restart")
    stack.airflow.wait(lambda: description(stack, name) == "a server", "the drift to be corrected")
    stack.wait_in_sync(name)
