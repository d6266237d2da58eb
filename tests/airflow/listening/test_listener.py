"""The scheduler loads what tasks need before it forks them; nothing else is touched, and nothing is raised."""

from __future__ import annotations

import importlib
import logging

import pytest

from hedgehog.airflow.listening import listener
from hedgehog.airflow.listening.listener import Preloader


@pytest.fixture
def imported(monkeypatch):
    """The modules that are asked for; none is really imported."""
    found: list[str] = []
    monkeypatch.setattr(listener.importlib, "import_module", found.append)
    return found


def test_the_scheduler_preloads(imported, monkeypatch):
    """A forked task then finds its modules loaded."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", "scheduler"])
    Preloader().on_starting(component=None)
    assert imported == list(listener._PRELOAD)


@pytest.mark.parametrize("command", ["api-server", "dag-processor", "triggerer", "tasks"])
def test_other_components_are_left_as_they_are(imported, monkeypatch, command):
    """They run no tasks of ours."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", command])
    Preloader().on_starting(component=None)
    assert imported == []


def test_a_module_that_is_missing_is_a_warning(monkeypatch, caplog):
    """A listener that raises would be a line in a log that nobody reads, or worse."""
    monkeypatch.setattr(listener.sys, "argv", ["airflow", "scheduler"])
    monkeypatch.setattr(listener, "_PRELOAD", ("hedgehog.no_such_module", "json"))
    Preloader().on_starting(component=None)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "cannot preload hedgehog.no_such_module"
    ]


@pytest.mark.parametrize("name", listener._PRELOAD)
def test_what_is_preloaded_exists(name):
    """A renamed module would cost every task its seconds again, silently."""
    assert importlib.util.find_spec(name)
