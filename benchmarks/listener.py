"""What the listener adds to a task: its start is recorded before the work, its end after Airflow has the state.

Each round is a fresh fork of a process that has loaded what the scheduler preloads, as LocalExecutor's tasks are; it
connects to a real PostgreSQL, twice, as a task does. Then the same against a server that takes connections and never
answers: what is lost once, and what the next tasks of the machine lose.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

HOME = Path(tempfile.mkdtemp(prefix="hedgehog-bench-listener-"))
os.environ |= {"AIRFLOW_HOME": str(HOME), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}"}

ROUNDS = 200
WORK = 0.05
"""Seconds that a task works: as short as one that finds nothing to do."""
GOAL_MS = 15.0


def _in_fork(work: Callable[[], list[float]]) -> list[float]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            pipe.write(json.dumps(work()))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        found: list[float] = json.load(pipe)
    os.waitpid(child, 0)
    return found


def task_instance(number: int) -> Any:
    """A task of ours in its own process, without a supervisor."""
    from datetime import UTC, datetime
    from uuid import uuid4

    from airflow.sdk import BaseOperator
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    task = BaseOperator(task_id="sync", pool="git_sync", queue="git_sync")
    task.fabrics = ["fabric-1", "fabric-2"]
    return RuntimeTaskInstance.model_construct(
        id=uuid4(),
        dag_id="hedgehog_git_sync",
        run_id=f"scheduled__{number}",
        task_id="sync",
        map_index=0,
        try_number=1,
        max_tries=3,
        queue="git_sync",
        hostname="worker-1",
        task=task,
        start_date=datetime.now(UTC),
        end_date=None,
        state=None,
    )


def hooks(number: int) -> list[float]:
    """Milliseconds of the hook at the start and of the one at the end."""
    from hedgehog.airflow.listening.task_recorder import TaskRecorder

    recorder, instance = TaskRecorder(), task_instance(number)
    before = _took(lambda: recorder.on_task_instance_running(task_instance=instance))
    time.sleep(WORK)
    return [before, _took(lambda: recorder.on_task_instance_success(task_instance=instance))]


def _took(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def main() -> int:
    """Measure and emit."""
    from benchmarks.report import Figure, emit
    from devstack import postgres
    from hedgehog.airflow.listening import listener
    from hedgehog.store import database, migrate

    for name in listener._PRELOAD:
        __import__(name)
    directory = HOME / "data"
    server = postgres.start(directory)
    connection = database.connect(server.database("fabrics"))
    migrate.migrate(connection)
    os.environ["AIRFLOW_CONN_HEDGEHOG_DB"] = server.uri("fabrics", scheme="postgres")
    measured = [_in_fork(partial(hooks, number)) for number in range(ROUNDS)]
    with database.transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.task_run WHERE state = 'success'")
        row = cursor.fetchone()
    connection.close()
    if row is None or row[0] != ROUNDS:
        raise RuntimeError(f"{row} of {ROUNDS} tasks were recorded")
    lost, paused = _without_an_answer()
    postgres.stop(directory)
    both = statistics.median(sum(found) for found in measured)
    emit(
        [
            Figure.of("listener: before a task's work", statistics.median(found[0] for found in measured), "ms"),
            Figure.of("listener: everything it adds to a task", both, "ms", goal=GOAL_MS),
            Figure.of("listener: a database that does not answer, once a minute", lost, "ms"),
            Figure.of("listener: and every other task of that minute", paused, "ms"),
        ]
    )
    return 0


def _without_an_answer() -> tuple[float, float]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        os.environ["AIRFLOW_CONN_HEDGEHOG_DB"] = f"postgres://nobody@127.0.0.1:{port}/fabrics"
        first, second = (_in_fork(partial(hooks, number)) for number in (-1, -2))
    return sum(first), sum(second)


if __name__ == "__main__":
    sys.exit(main())
