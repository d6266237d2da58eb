"""A short version of `make soak`, and a test that it detects faults."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from devstack import stack as stacks
from devstack.soak.__main__ import connect_the_api, soak
from devstack.soak.clocks import settings
from devstack.soak.watching import Watching
from devstack.stack import Stack
from hedgehog.store.database import transaction

RUNS = 3


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """An Airflow whose schedules all run every minute."""
    with stacks.running(settings=settings()) as running:
        connect_the_api(running)
        yield running


def test_an_undisturbed_installation_stays_healthy(stack: Stack) -> None:
    """Every schedule runs three times, including cleanup and backup: nothing is red, wrong, too old or growing."""
    found = soak(stack, runs=RUNS, say=lambda text: None)
    assert found.findings == [], found.text()


def test_a_red_run_and_a_traceback_are_detected(stack: Stack) -> None:
    """Otherwise every installation would pass."""
    run_id = stack.airflow.trigger("hedgehog_git_sync", fabrics=["nobody"])
    assert stack.airflow.finished("hedgehog_git_sync", run_id) == "failed"
    (stack.airflow.home / "part.log").write_text("Traceback (most recent call last):\n")
    watching = Watching(stack)
    watching.look()
    assert f"hedgehog_git_sync {run_id}" in watching.red
    assert watching.logged["part.log"].startswith("part.log has a traceback")
    assert [name for name in watching.logged if f"run_id={run_id}" in name]


def test_rows_and_logs_older_than_their_retention_are_detected(stack: Stack) -> None:
    """Otherwise every cleanup would pass."""
    logs = stack.airflow.home / "logs" / "dag_id=hedgehog_self_test"
    logs.mkdir(parents=True)
    for number in range(5):
        old = logs / f"attempt={number}.gz"
        old.touch()
        os.utime(old, (0, 0))
    with transaction(stack.database) as cursor:
        cursor.execute("INSERT INTO hedgehog.metric_sample VALUES (now() - interval '9 days', 'old', '[]')")
    found = Watching(stack).too_old()
    assert "2 logs of dag_id=hedgehog_self_test are older than their retention" in found
    assert any("of metric_sample are older than" in one for one in found)
