"""Airflow executes every file below plugins/ under its bare name, unless `.airflowignore` keeps it out."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from airflow import plugins_manager

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"


@pytest.fixture(scope="module")
def plugin():
    """Our plugin as Airflow loads it."""
    plugins_manager.ensure_plugins_loaded()
    (found,) = [plugin for plugin in plugins_manager._get_plugins()[0] if plugin.name == "hedgehog"]
    return found


def test_the_plugin_loads_without_an_import_error(plugin):
    """An import error is only a line in a log, and our listener would be missing."""
    assert plugins_manager.get_import_errors() == {}
    assert [type(listener).__name__ for listener in plugin.listeners] == ["Preloader", "TaskRecorder", "FailureLines"]


def test_the_list_of_plugins_makes_no_application_again(plugin):
    """Every page of Airflow asks for it, and making ours takes half a second."""
    plugins_manager.get_plugin_info()
    apps = plugin.fastapi_apps
    plugins_manager.get_plugin_info()
    assert plugin.fastapi_apps is apps
    assert plugin.react_apps is plugin.react_apps


def test_what_the_api_server_has_loaded_is_not_collected_again(plugin):
    """A full collection of it takes 0.2 s, in the middle of an answer."""
    before = gc.get_freeze_count()
    type(plugin)().fastapi_apps  # noqa: B018 - made for what it does
    assert gc.get_freeze_count() > before


def test_a_starting_component_logs_wrong_settings(plugin, monkeypatch, caplog):
    """The plugin is loaded nevertheless."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMOUT", "7200")
    plugin.on_load()
    assert [(one.levelname, "did you mean git_timeout?" in one.message) for one in caplog.records] == [("ERROR", True)]


def test_no_module_of_ours_has_the_name_of_another_package(plugin):
    """A `plugins/hedgehog/gitops/git.py` executed as `git` would replace GitPython in every Airflow process."""
    ours = {
        name
        for name, module in list(sys.modules.items())
        if PLUGINS in Path(getattr(module, "__file__", None) or "/").parents
    }
    assert "hedgehog_plugin" in ours
    assert [name for name in ours if "hedgehog" not in name] == []


def test_the_package_is_ignored_by_one_line():
    """A negation in this file would load no plugin at all."""
    assert (PLUGINS / ".airflowignore").read_text() == "hedgehog/\n"


def test_airflow_scans_only_one_file_beside_the_package():
    """All other modules of ours are imported as `hedgehog`."""
    assert [path.name for path in PLUGINS.glob("*.py")] == ["hedgehog_plugin.py"]
