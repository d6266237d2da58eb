"""One running stack for all end-to-end tests: real PostgreSQL, git over HTTP, Kubernetes API server and Airflow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from devstack import stack as devstack

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an e2e test."""
    for item in items:
        if "/tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def stack() -> Iterator[devstack.Stack]:
    """The running parts. The clocks tick every minute here, so that what only they do can be waited for."""
    settings = {
        "AIRFLOW__HEDGEHOG__GIT_SYNC_SCHEDULE": "* * * * *",
        "AIRFLOW__HEDGEHOG__KUBERNETES_SYNC_SCHEDULE": "* * * * *",
    }
    with devstack.running(settings=settings) as running:
        yield running


@pytest.fixture
def name() -> str:
    """A fabric name that no other test uses, short enough to start the names of its objects."""
    return f"t{next(_numbers):02d}"
