"""Tasks are recorded, and recording never fails a task, slows it down, or reveals a secret."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.log import mask_secret

from hedgehog.airflow.listening import task_recorder
from hedgehog.airflow.listening.task_recorder import PAUSE, Breaker, TaskRecorder
from hedgehog.errors import AuthenticationFailed
from hedgehog.store import database as store_database
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState
from tests.store.histories import task_runs

STARTED = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENDED = STARTED + timedelta(seconds=7)


def make_task_instance(state: str | None = None, fabrics: Any = ("fabric-1", "fabric-2"), **given: Any) -> Any:
    """A mapped sync task in its own process."""
    task = BaseOperator(task_id="sync", pool="git_sync", queue="git_sync")
    task.fabrics = fabrics
    return RuntimeTaskInstance.model_construct(
        **{
            "dag_id": "hedgehog_git_sync",
            "run_id": "scheduled__1",
            "task_id": "sync",
            "map_index": 4,
            "try_number": 2,
            "max_tries": 3,
            "queue": "git_sync",
            "hostname": "worker-1",
            "task": task,
            "start_date": STARTED,
            "end_date": ENDED if state else None,
            "state": state,
            **given,
        }
    )


def make_run(state: TaskState, **given: Any) -> TaskRun:
    """The data of the run that must be recorded."""
    return TaskRun(
        Attempt("hedgehog_git_sync", "scheduled__1", "sync", 4, 2),
        state,
        STARTED,
        **{
            "ended_at": ENDED,
            "max_tries": 3,
            "queue": "git_sync",
            "pool": "git_sync",
            "hostname": "worker-1",
            "pid": os.getpid(),
            "fabrics": ("fabric-1", "fabric-2"),
            **given,
        },
    )


class Task:
    """A task process with its listener."""

    def __init__(self, breaker: Breaker) -> None:
        self.recorder = TaskRecorder(breaker)

    def starts(self, **given: Any) -> None:
        """Airflow calls the hook before the work."""
        self.recorder.on_task_instance_running(task_instance=make_task_instance(**given))

    def succeeds(self, **given: Any) -> None:
        """Its work is done."""
        self.recorder.on_task_instance_success(task_instance=make_task_instance("success", **given))

    def fails(self, error: BaseException | str | None, state: str = "failed", **given: Any) -> None:
        """Its work raised."""
        self.recorder.on_task_instance_failed(task_instance=make_task_instance(state, **given), error=error)

    def skips(self) -> None:
        """It had nothing to do."""
        self.recorder.on_task_instance_skipped(task_instance=make_task_instance("skipped"))


@pytest.fixture
def breaker(tmp_path):
    """A machine on which recording has not failed yet."""
    return Breaker(tmp_path / "hedgehog" / "task_recorder.off")


@pytest.fixture
def task(breaker):
    """A task process."""
    return Task(breaker)


@pytest.fixture
def recorded(fabric_database, monkeypatch):
    """The records now. The recorder has enough time, so that a busy machine does not fail the test."""
    monkeypatch.setattr(task_recorder, "_LIMITS", {**task_recorder._LIMITS, "connect_timeout": 60})
    monkeypatch.setattr(task_recorder, "_SESSION", "-c statement_timeout=60000 -c lock_timeout=60000")
    connection = store_database.connect(fabric_database)
    yield lambda: task_runs(connection)
    connection.close()


def test_a_running_task_is_recorded(task, recorded):
    """So that a killed task leaves a trace."""
    task.starts()
    assert recorded() == [make_run(TaskState.RUNNING, ended_at=None)]


def test_a_successful_task_is_recorded_with_its_duration(task, recorded):
    """One row per try; the end updates the row of the start."""
    task.starts()
    task.succeeds()
    assert recorded() == [make_run(TaskState.SUCCESS)]


def test_an_unwritten_start_is_recorded_with_the_end(task, recorded):
    """The end contains everything."""
    task.skips()
    assert recorded() == [make_run(TaskState.SKIPPED)]


@pytest.mark.parametrize("state", ["up_for_retry", "failed"])
def test_a_retried_failure_is_distinguished_from_a_final_one(task, recorded, state):
    """Airflow calls the same hook for both."""
    task.fails(AuthenticationFailed("the token of gen is refused"), state)
    failed = make_run(TaskState(state), error_class="AuthenticationFailed", error="the token of gen is refused")
    assert recorded() == [failed]


@pytest.mark.parametrize("place", [0, 995, 3000])
def test_a_failure_is_masked_before_it_is_cut(task, recorded, place):
    """Otherwise half of a secret could remain."""
    secret = "recorded-7f3a9c"  # no other test of this process has a part of it masked
    mask_secret(secret)
    task.fails(ValueError("x" * place + secret + "y" * 3000))
    (run,) = recorded()
    assert run.error == ("x" * place + "***" + "y" * 3000)[:1000]


def test_a_failure_without_an_exception_is_recorded_as_text(task, recorded):
    """Of a process that Airflow lost, for example. Characters that PostgreSQL refuses are removed."""
    task.fails("heart\0beat lost")
    assert recorded() == [make_run(TaskState.FAILED, error="heartbeat lost")]


@pytest.mark.parametrize(
    ("named", "fabrics"),
    [("gen", ("gen",)), ([], ()), (None, ()), ("", ()), (["a", 7, "b"], ("a", "b")), ({"a": 1}, ())],
)
def test_the_fabrics_of_a_task_come_from_its_arguments(task, recorded, named, fabrics):
    """Every operator has them as `fabrics`."""
    task.succeeds(fabrics=named)
    assert [run.fabrics for run in recorded()] == [fabrics]


def test_an_unmapped_task_has_no_index(task, recorded):
    """Airflow says None, or -1."""
    task.succeeds(map_index=None)
    assert [run.attempt.map_index for run in recorded()] == [-1]


def test_tasks_of_other_dags_are_ignored(task, recorded):
    """The listener is called for every DAG of the installation."""
    task.succeeds(dag_id="accounting")
    assert recorded() == []


def test_hooks_outside_a_task_process_do_nothing(task, recorded):
    """The scheduler calls them in its loop, with a row of its database instead of a running task."""
    row = SimpleNamespace(dag_id="hedgehog_git_sync", state="failed")
    task.recorder.on_task_instance_failed(task_instance=row, error="process died")
    assert recorded() == []


@pytest.fixture
def silent(monkeypatch):
    """A fabric database that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"postgres://nobody:hunter2-hunter2@127.0.0.1:{server.getsockname()[1]}/fabrics"
        monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", uri)
        yield server


def test_a_task_waits_once_for_a_database_that_does_not_answer(task, silent, breaker, caplog):
    """The log says at the start that nothing is recorded; the end does not wait again."""
    threads = threading.active_count()
    task.starts()
    assert threading.active_count() == threads
    assert breaker.is_open()
    task.succeeds()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith(
        "this task is not recorded (RemoteUnavailable: the fabric database at 127.0.0.1"
    )
    assert "hunter2" not in caplog.text
    assert breaker.is_open()


def test_the_next_tasks_on_the_machine_do_not_try_to_connect(breaker, silent, caplog):
    """Each is a new process, and learns it from a file."""
    breaker.trip()
    task = Task(Breaker(breaker.path))
    task.recorder.on_task_instance_running(task_instance=make_task_instance())
    task.succeeds()
    assert caplog.messages == []


def test_after_a_minute_tasks_are_recorded_again(task, recorded, breaker):
    """The database may be reachable again."""
    breaker.trip()
    os.utime(breaker.path, (time.time() - PAUSE - 1,) * 2)
    task.succeeds()
    assert recorded() == [make_run(TaskState.SUCCESS)]


def test_a_missing_database_connection_does_not_fail_a_task(task, monkeypatch, caplog):
    """An installation that is not set up yet."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "http://example.com")
    task.starts()
    assert ["InvalidInput" in message for message in caplog.messages] == [True]


def test_a_machine_without_writable_files_is_not_a_failure(tmp_path):
    """Each task then tries to connect."""
    (tmp_path / "file").write_text("")
    breaker = Breaker(tmp_path / "file" / "below")
    breaker.trip()
    assert not breaker.is_open()


def test_the_file_is_beside_the_kept_clones(monkeypatch):
    """Where this Airflow may write."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", "/var/lib/hedgehog/git")
    assert str(Breaker().path) == "/var/lib/hedgehog/task_recorder.off"


def test_the_options_of_the_connection_are_kept(task, recorded, fabric_database, monkeypatch):
    """Limits are added to the operator's options."""
    values = json.loads(os.environ["AIRFLOW_CONN_HEDGEHOG_DB"])
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEDGEHOG_DB", json.dumps({**values, "extra": {"options": "-c search_path=hedgehog"}})
    )
    task.succeeds()
    assert [run.state for run in recorded()] == [TaskState.SUCCESS]
    assert task_recorder._SESSION.startswith("-c statement_timeout")
