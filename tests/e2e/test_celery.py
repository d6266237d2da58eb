"""A real CeleryExecutor: Redis as broker, one worker per queue, and a worker that is lost during a sync."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack import celery as devcelery
from devstack.celery import Celery, worker_name
from devstack.objects import small_fabric
from devstack.stack import Stack
from hedgehog.airflow.names import POOLS
from tests.e2e.kills import hold_pushes, once, repaired, running_tasks, task_instances, tries, written

QUICK_REPAIR = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "40",
}
"""Seconds until a lost worker's task is retried and its message is delivered again; a deployment has minutes."""


@pytest.fixture(scope="module")
def celery(stack: Stack) -> Iterator[Celery]:
    """The stack with CeleryExecutor."""
    with devcelery.running(stack.airflow, list(POOLS), QUICK_REPAIR) as running:
        yield running


def test_every_task_is_run_by_the_worker_of_its_queue(stack: Stack, celery: Celery, name: str) -> None:
    """A change passes through both syncs; the pool, the queue and the worker of each task have one name."""
    stack.add_fabric(name, small_fabric(name, 30))
    stack.wait_in_sync(name)

    ran = [
        ti for ti in task_instances(stack, "hedgehog_git_sync") if (ti["unixname"] or "").startswith(worker_name(""))
    ]
    assert {"git_sync", "kubernetes"} <= {ti["queue"] for ti in ran}
    assert [ti for ti in ran if (ti["pool"], ti["unixname"]) != (ti["queue"], worker_name(ti["queue"]))] == []


def test_the_self_test_reaches_every_queue_through_the_broker(stack: Stack, celery: Celery) -> None:
    """The worker of each queue ran the task of that queue."""
    run_id = stack.airflow.trigger("hedgehog_self_test")
    stack.airflow.finished("hedgehog_self_test", run_id)
    checks = {one["check"]: one["passed"] for one in stack.airflow.xcom("hedgehog_self_test", run_id, "check")}
    assert {queue: checks.get(f"queue {queue}") for queue in POOLS} == dict.fromkeys(POOLS, True)


def test_a_worker_killed_during_a_sync_loses_nothing_and_repeats_nothing(
    stack: Stack, celery: Celery, name: str
) -> None:
    """SIGKILL after the push and before it is recorded: one commit, each object written once, no task and no
    message left."""
    repository, objects = stack.add_repository(f"{name}-lost"), small_fabric(name, 31)
    held = hold_pushes(stack, repository)
    stack.add_fabric(name, objects, git_repository=repository)
    stack.airflow.wait(held.exists, "a push to be under way")
    lost = running_tasks(stack, "hedgehog_git_sync")

    celery.kill_worker("git_sync")
    held.unlink()
    celery.start_worker("git_sync")
    stack.wait_in_sync(name)

    assert written(stack, name, repository) == once(objects)
    stack.airflow.wait(lambda: repaired(stack, lost), "the lost tasks to be retried")
    assert {tuple(tries(stack, task)) for task in lost} == {("failed", "success")}
    stack.airflow.wait(lambda: celery.unacknowledged() == 0, "the lost message to be delivered again")
    assert written(stack, name, repository) == once(objects)
