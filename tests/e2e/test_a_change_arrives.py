"""The main path, with woken and scheduled runs only: database, commit, object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import yaml

from devstack.objects import make_server, make_vpc, small_fabric
from devstack.stack import Stack
from hedgehog.fabric.model import ObjectRef
from tests.e2e.looks import git, live


def test_a_new_fabric_is_committed_and_applied_automatically(stack: Stack, name: str) -> None:
    """Rows are written; the notification wakes the run that publishes and applies them."""
    objects = small_fabric(name, 1)
    stack.add_fabric(name, objects)
    stack.wait_in_sync(name)

    files = git(stack, "ls-tree", "-r", "--name-only", "main", f"fabrics/{name}").split()
    assert f"fabrics/{name}/vpcs/{name}-v.yaml" in files
    assert f"fabrics/{name}/fabric.yaml" in files
    committed = yaml.safe_load(git(stack, "show", f"main:fabrics/{name}/vpcs/{name}-v.yaml"))
    assert committed == objects[2]
    found = live(stack, "SwitchGroup", "Server", "VPC", "Connection", "VPCAttachment")
    for wanted in objects:
        assert found[ObjectRef.of(wanted)]["spec"] == wanted["spec"]
    message = git(stack, "log", "-1", "--format=%B", "main", "--", f"fabrics/{name}")
    assert f"Hedgehog-Fabric: {name}" in message


def test_a_changed_object_causes_one_commit_and_one_write(stack: Stack, name: str) -> None:
    """Only the change is committed and written; the rest of the fabric keeps its resource versions."""
    stack.add_fabric(name, small_fabric(name, 2))
    stack.wait_in_sync(name)
    commits = int(git(stack, "rev-list", "--count", "main", "--", f"fabrics/{name}"))
    before = live(stack, "Server", "VPC")

    stack.save(name, [make_server(f"{name}-srv", "another description")])
    stack.wait_in_sync(name)

    after = live(stack, "Server", "VPC")
    server, vpc = ObjectRef("Server", "default", f"{name}-srv"), ObjectRef("VPC", "default", f"{name}-v")
    assert after[server]["spec"]["description"] == "another description"
    assert after[vpc]["metadata"]["resourceVersion"] == before[vpc]["metadata"]["resourceVersion"]
    assert int(git(stack, "rev-list", "--count", "main", "--", f"fabrics/{name}")) == commits + 1


def test_the_run_that_published_a_change_has_applied_it(stack: Stack, name: str) -> None:
    """An operator sees the whole way in one run, and no second one is woken for the same change."""
    stack.add_fabric(name, small_fabric(name, 7))
    stack.wait_in_sync(name)
    since = datetime.now(UTC)
    git_run = next(run for run in (one_run(stack, name, text) for text in "abcde") if run)

    dag_id, _, run_id = git_run.partition("/")
    assert dag_id == "hedgehog_git_sync"
    stack.airflow.succeed(dag_id, run_id)
    summary = stack.airflow.xcom(dag_id, run_id, "summary")
    halves = [one for half in ("fabrics", "applied") for one in summary[half] if one["fabric"] == name]
    assert [(one["target"], one["counts"]["configured"]) for one in halves] == [("git", 1), ("kubernetes", 1)]
    assert woken(stack, "hedgehog_kubernetes_sync", since) == []


def one_run(stack: Stack, name: str, text: str) -> str:
    """The run that published and applied a change; empty if the clock of the clusters came in between."""
    stack.save(name, [make_server(f"{name}-srv", text)])
    stack.wait_in_sync(name)
    states = stack.states(name)
    return str(states["git"].run_id) if states["git"].run_id == states["kubernetes"].run_id else ""


def woken(stack: Stack, dag_id: str, since: datetime) -> list[dict[str, Any]]:
    """The runs of a DAG that an event has started *since* then."""
    query = f"run_after_gte={since.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}&run_type=asset_triggered"
    found: list[dict[str, Any]] = stack.airflow.call("GET", f"/dags/{dag_id}/dagRuns?{query}")["dag_runs"]
    return found


def test_a_removed_object_leaves_git_and_the_cluster(stack: Stack, name: str) -> None:
    """The file is removed in a commit, the object is pruned, the others are kept."""
    objects = small_fabric(name, 3)
    stack.add_fabric(name, objects)
    stack.wait_in_sync(name)
    assert ObjectRef("VPCAttachment", "default", f"{name}-attach") in live(stack, "VPCAttachment")

    stack.save(name, objects[:-1], replace=True)
    stack.wait_in_sync(name)

    assert ObjectRef("VPCAttachment", "default", f"{name}-attach") not in live(stack, "VPCAttachment")
    assert not git(stack, "ls-tree", "-r", "--name-only", "main", f"fabrics/{name}/vpcattachments")
    assert ObjectRef("VPC", "default", f"{name}-v") in live(stack, "VPC")


def test_a_burst_of_two_hundred_changes_loses_none(stack: Stack, name: str) -> None:
    """200 transactions in a row: however many notifications are combined, the last state of every object arrives."""
    stack.add_fabric(name, [make_server(f"{name}-s{i}") for i in range(20)])
    for i in range(200):
        stack.save(name, [make_server(f"{name}-s{i % 20}", f"change {i}")])
    stack.wait_in_sync(name)

    found = live(stack, "Server")
    texts = [found[ObjectRef("Server", "default", f"{name}-s{i}")]["spec"]["description"] for i in range(20)]
    assert texts == [f"change {180 + i}" for i in range(20)]


def test_the_schedule_alone_syncs_a_change_when_every_notification_is_lost(stack: Stack, name: str) -> None:
    """Without the triggerer, nothing receives notifications; the schedules still do the work."""
    stack.airflow.stop_part("triggerer")
    try:
        stack.add_fabric(name, [make_vpc(f"{name}-v", 4)])
        stack.wait_in_sync(name)
    finally:
        stack.airflow.start_part("triggerer")
    assert ObjectRef("VPC", "default", f"{name}-v") in live(stack, "VPC")
    stack.airflow.wait(stack.airflow.healthy, "the triggerer to be back")


def test_a_mistyped_conf_fails_the_run_and_nothing_is_done(stack: Stack, name: str) -> None:
    """Airflow accepts any key, so the first task refuses it; the fabric is unchanged."""
    stack.add_fabric(name, [make_server(f"{name}-srv")], git_sync_enabled=False, enable_k8s_sync=False)
    run_id = stack.airflow.trigger("hedgehog_git_sync", fabric=[name], dryrun=True)
    assert stack.airflow.finished("hedgehog_git_sync", run_id) == "failed"
    said = stack.airflow.log("hedgehog_git_sync", run_id, "plan")
    assert "did you mean 'fabrics'?" in said
    assert "did you mean 'dry_run'?" in said
