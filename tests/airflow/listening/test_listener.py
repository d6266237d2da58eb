"""The scheduler loads the modules of tasks before it forks them; other components do nothing, and nothing is raised."""

from __future__ import annotations

import importlib
import logging

import pytest

from hedgehog.airflow.listening import listener
from hedgehog.airflow.listening.listener import Preloader


@pytest.fixture
def imported(monkeypatch):
    """The requested modules; none is really imported."""
    found: list[str] = []
    monkeypatch.setattr(listener.importlib, "import_module", found.append)
    return found


def test_the_scheduler_preloads_modules(imported, monkeypatch):
    """A forked task then finds its modules loaded."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", "scheduler"])
    Preloader().on_starting(component=None)
    assert imported == list(listener._PRELOAD)


@pytest.mark.parametrize("command", ["api-server", "dag-processor", "triggerer", "tasks"])
def test_other_components_preload_nothing(imported, monkeypatch, command):
    """They run none of our tasks."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", command])
    Preloader().on_starting(component=None)
    assert imported == []


def test_a_missing_module_is_a_warning(monkeypatch, caplog):
    """A listener that raises would leave only a line in a log, or worse."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", "scheduler"])
    monkeypatch.setattr(listener, "_PRELOAD", ("hedgehog.no_such_module", "json"))
    Preloader().on_starting(component=None)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "cannot preload hedgehog.no_such_module"
    ]


@pytest.mark.parametrize("name", listener._PRELOAD)
def test_every_preloaded_module_exists(name):
    """A renamed module would silently make every task slower again."""
    assert importlib.util.find_spec(name)
