"""SIGKILL of each process that takes part in a sync, started again as by a supervisor: the state is repaired.

A task alone is killed in `test_trouble_with_git`, a Celery worker in `test_celery`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from devstack.airflow import scheduling_with
from devstack.objects import small_fabric
from devstack.stack import Stack
from tests.e2e.kills import hold_pushes, once, repaired, running_tasks, written

QUICK_REPAIR = {"AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10"}
"""Seconds between two looks for what a dead scheduler left; that it is dead is known after 30 s."""


@pytest.fixture(scope="module")
def quick(stack: Stack) -> Iterator[Stack]:
    """The stack with a scheduler that quickly notices that another one is dead."""
    with scheduling_with(stack.airflow, QUICK_REPAIR):
        yield stack


def test_a_scheduler_killed_with_its_tasks_during_a_sync_loses_nothing(quick: Stack, name: str) -> None:
    """LocalExecutor: its tasks die with it, after the push and before it is recorded; there is one commit, and
    every task ends."""
    repository, objects = quick.add_repository(f"{name}-lost"), small_fabric(name, 32)
    held = hold_pushes(quick, repository)
    quick.add_fabric(name, objects, git_repository=repository)
    quick.airflow.wait(held.exists, "a push to be under way")
    lost = running_tasks(quick, "hedgehog_git_sync")
    assert lost

    quick.airflow.kill_part("scheduler")
    held.unlink()
    quick.airflow.start_part("scheduler")
    quick.wait_in_sync(name)

    assert written(quick, name, repository) == once(objects)
    quick.airflow.wait(lambda: repaired(quick, lost), "the lost tasks to be retried")
    assert written(quick, name, repository) == once(objects)


def test_a_killed_triggerer_receives_changes_again_after_its_restart(stack: Stack, name: str) -> None:
    """Changes made meanwhile are not lost, and the next change wakes a run before any schedule."""
    stack.airflow.kill_part("triggerer")
    stack.add_fabric(name, small_fabric(name, 33))
    stack.airflow.start_part("triggerer")
    stack.wait_in_sync(name)

    since = datetime.now(UTC)
    stack.airflow.wait(lambda: woken(stack, name, since), "a change to wake a run")
    stack.wait_in_sync(name)


def woken(stack: Stack, name: str, since: datetime) -> bool:
    """Change the fabric, and say whether a change since then has started a run of Git sync."""
    stack.save(name, small_fabric(name, 34 + datetime.now(UTC).second))
    query = f"run_after_gte={since.strftime('%Y-%m-%dT%H:%M:%SZ')}&run_type=asset_triggered"
    return bool(stack.airflow.call("GET", f"/dags/hedgehog_git_sync/dagRuns?{query}")["dag_runs"])
