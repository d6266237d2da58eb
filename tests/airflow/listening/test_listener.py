"""The scheduler loads the modules of tasks before it forks them; other components do nothing, and nothing is raised."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hedgehog.airflow.listening import listener
from hedgehog.airflow.listening.listener import Preloader

ROOT = Path(__file__).resolve().parents[3]
DAGS = sorted((ROOT / "dags").glob("*.py"))
READ_EACH = """
import runpy, sys
sys.argv[0] = "scheduler"
from airflow.sdk.execution_time import task_runner
from hedgehog.airflow.listening.listener import Preloader

Preloader().on_starting(None)
before = set(sys.modules)
from airflow.dag_processing.dagbag import BundleDagBag

for file in sys.argv[1:]:
    runpy.run_path(file)
print("new:", *sorted(set(sys.modules) - before))
"""


@pytest.fixture
def imported(monkeypatch):
    """The requested modules; none is really imported."""
    found: list[str] = []
    monkeypatch.setattr(listener.importlib, "import_module", found.append)
    return found


def test_the_scheduler_preloads_modules(imported, monkeypatch):
    """A forked task then finds its modules loaded."""
    monkeypatch.setattr(listener, "task_modules", lambda: iter(["json", "yaml"]))
    monkeypatch.setattr(listener.sys, "argv", ["airflow", "scheduler"])
    Preloader().on_starting(component=None)
    assert imported == ["json", "yaml"]


@pytest.mark.parametrize("command", ["api-server", "dag-processor", "triggerer", "tasks"])
def test_other_components_preload_nothing(imported, monkeypatch, command):
    """They run none of our tasks."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", command])
    Preloader().on_starting(component=None)
    assert imported == []


def test_a_missing_module_is_a_warning(monkeypatch, caplog):
    """A listener that raises would leave only a line in a log, or worse."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", "scheduler"])
    monkeypatch.setattr(listener, "task_modules", lambda: iter(["hedgehog.no_such_module", "json"]))
    Preloader().on_starting(component=None)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "cannot preload hedgehog.no_such_module"
    ]


def test_a_task_reads_its_dag_file_without_loading_a_module():
    """Each would cost every task of every run; and what a renamed module is called now is preloaded."""
    done = subprocess.run(
        [sys.executable, "-c", READ_EACH, *map(str, DAGS)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "new:"
    assert "cannot preload" not in done.stdout + done.stderr
