"""An expected failure is one line in the task log; an unforeseen one keeps its traceback."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.failure_lines import one_line
from hedgehog.airflow.trouble import FabricTrouble
from hedgehog.errors import AuthenticationFailed, RemoteUnavailable

ROOT = Path(__file__).resolve().parents[2]


def caught(error: Exception) -> tuple[Any, Any, Any]:
    """The error as it is caught somewhere above."""
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise error from cause
    except Exception:
        return sys.exc_info()


@pytest.mark.parametrize(
    "error",
    [
        AirflowFailException("lab: x"),
        FabricTrouble("lab: x"),
        AuthenticationFailed("lab: x"),
        RemoteUnavailable("lab: x"),
    ],
)
@pytest.mark.parametrize("given", [True, "tuple", "error"])
def test_an_expected_failure_is_reported_by_its_text(error, given, caplog):
    """However the logger received it. The traceback is logged at DEBUG."""
    caplog.set_level(logging.DEBUG, logger="hedgehog")
    information = caught(error)
    try:
        raise information[1]
    except Exception:
        exc_info = {"tuple": information, "error": information[1]}.get(str(given), True)
        event = one_line(None, "error", {"event": "Task failed with exception", "exc_info": exc_info})
    assert event == {"event": "Task failed with exception: lab: x"}
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize("given", [None, False, KeyError("x"), "text"])
def test_other_failures_keep_their_traceback(given):
    """A bug needs it."""
    assert one_line(None, "error", {"event": "e", "exc_info": given}) == {"event": "e", "exc_info": given}


_PROGRAM = """
import io, sys
from types import SimpleNamespace
import structlog
from airflow.sdk.log import configure_logging
from airflow.sdk.execution_time import task_runner
from hedgehog.airflow import failure_lines
from hedgehog.errors import NotFound

configure_logging(json_output=True, output=sys.stdout.buffer)
log = structlog.get_logger("task")
log.info("bound before")  # the logger keeps its processors from now on
failure_lines.is_ours = lambda _: True
for _ in range(2):
    failure_lines.FailureLines().on_task_instance_running(SimpleNamespace())
for error in (NotFound("no branch main; push it"), ZeroDivisionError("a bug")):
    try:
        raise error
    except Exception:
        log.exception("Task failed with exception")
"""


def test_airflows_own_logger_of_tasks_writes_one_line() -> None:
    """As it is configured in the process of a task, with loggers that already exist."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    environment["PYTHONPATH"] = str(ROOT / "plugins")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    lines = [json.loads(line) for line in io.StringIO(done.stdout) if line.startswith("{")]
    errors = [line for line in lines if line["level"] == "error"]
    assert errors[0]["event"] == "Task failed with exception: no branch main; push it"
    assert ["error_detail" in line or "exception" in line for line in errors] == [False, True]


def test_the_text_of_an_error_cannot_act_on_a_terminal():
    """A reason may contain the names of objects."""
    event = one_line(None, "error", {"event": "failed", "exc_info": FabricTrouble("VPC/default/\x1b[2J: refused")})
    assert event["event"] == "failed: VPC/default/\N{REPLACEMENT CHARACTER}[2J: refused"
