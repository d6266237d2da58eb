"""Fixtures shared by all rooms: real servers, started once per session and deleted after it."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from devstack import postgres as devpostgres
from devstack.cluster import DevCluster
from devstack.files import workplace
from devstack.gitea.server import Gitea
from hedgehog.__main__ import main
from hedgehog.store import database as store_database
from hedgehog.store.migrate import migrate
from tests.waiting import until_unused

SHARED = Path(__file__).resolve().parents[2] / "shared" / "reference"

# Machines are shared and noisy: no test fails for being slow.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_REAL = frozenset({"postgres", "database", "database_parameters", "cluster", "git_server", "stack", "gitea"})
"""Fixtures that start a server: tests with one of them are not quick and pure."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that `make test-unit` can leave it out."""
    for item in items:
        if _REAL & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)


_GIGABYTES = 4
"""In memory, for the databases of all test processes: much more than they take."""


@pytest.fixture(scope="session")
def reference() -> Path:
    """Upstream's reference data, which is beside the project on the developers' machines only."""
    if not SHARED.is_dir():
        pytest.skip("upstream's reference data (../shared/reference) is not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def postgres() -> Iterator[devpostgres.Postgres]:
    """A PostgreSQL server for this test process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    directory = Path(tempfile.mkdtemp(prefix=f"hedgehog-pg-{worker}-", dir=workplace(_GIGABYTES)))
    directory.chmod(0o755)
    server = devpostgres.start(directory / "data")
    server.tune_for_tests()
    parameters = server.database("hedgehog_template")
    connection = store_database.connect(parameters)
    migrate(connection)
    connection.close()
    with closing(store_database.connect({**server.parameters, "dbname": "postgres"})) as elsewhere:
        until_unused("hedgehog_template", elsewhere)
    yield server
    devpostgres.stop(directory / "data")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def api_server() -> Iterator[DevCluster]:
    """A Kubernetes API server for this test process. It ends with the session, for a worker of xdist whose exit takes
    long is killed, and would leave it behind."""
    directory = Path(tempfile.mkdtemp(prefix="hedgehog-k8s-"))
    cluster = DevCluster.of_environment(directory / "cluster")
    cluster.start()
    cluster.install_crds()
    yield cluster
    cluster.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def gitea() -> Iterator[Gitea]:
    """A Gitea for this test process; a test uses repositories of its own."""
    if not any(map(shutil.which, (os.environ.get("CC", "cc"), "gcc"))):
        pytest.skip("Gitea cannot be built: there is no C compiler on this machine (Debian: gcc)")
    directory = Path(tempfile.mkdtemp(prefix="hedgehog-gitea-"))
    with Gitea(directory / "gitea") as server:
        yield server
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def _loggers_on() -> None:
    """Undo what others do to logging in this process: Airflow switches loggers off, the `hedgehog` command makes them
    quiet."""
    logging.disable(logging.NOTSET)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("hedgehog") and isinstance(logger, logging.Logger):
            logger.disabled = False
            logger.propagate = True
            logger.setLevel(logging.NOTSET)


_numbers = itertools.count(1)


@pytest.fixture
def database_parameters(postgres: devpostgres.Postgres) -> Iterator[dict[str, Any]]:
    """libpq parameters of a migrated, empty fabric database that only this test uses."""
    name = f"fabrics_{os.getpid()}_{next(_numbers)}"
    yield postgres.database(name, template="hedgehog_template")
    postgres.drop(name)


@pytest.fixture
def database(database_parameters: dict[str, Any]) -> Iterator[store_database.Connection]:
    """An open connection to a migrated, empty fabric database that only this test uses."""
    connection = store_database.connect(database_parameters)
    yield connection
    connection.close()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    """Run the `hedgehog` command in this process; returns (status, stdout, stderr)."""

    def run(*arguments: object) -> tuple[Any, str, str]:
        try:
            status: Any = main([str(argument) for argument in arguments])
        except SystemExit as left:
            status = left.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
