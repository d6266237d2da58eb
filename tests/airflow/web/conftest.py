"""The API on a fabric database, for somebody who may do everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hedgehog.store.database import Connection, connect
from tests.airflow.web.api_lab import client_of


@pytest.fixture
def database(fabric_database: dict[str, Any]) -> Iterator[Connection]:
    """The fabric database that the API reads."""
    connection = connect(fabric_database)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def application() -> FastAPI:
    """The application of the API, which keeps nothing between two requests. Making it takes half a second."""
    from hedgehog.airflow.web.v1 import v1_app

    return v1_app()


@pytest.fixture
def api(application: FastAPI, fabric_database: dict[str, Any]) -> Iterator[TestClient]:
    """The API, for somebody who may do everything."""
    with client_of(application) as client:
        yield client


@pytest.fixture
def read(api: TestClient) -> Callable[..., Any]:
    """What the API answers to a GET."""

    def get(path: str, **parameters: Any) -> Any:
        answer = api.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return plain(answer.json())

    return get


_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)")


def plain(value: Any) -> Any:
    """*value* with each time as `TIME`."""
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return "TIME" if isinstance(value, str) and _TIME.fullmatch(value) else value
