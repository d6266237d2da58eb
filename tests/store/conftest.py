"""Fixtures of the store's tests."""

from __future__ import annotations

import os

import pytest

from hedgehog.store import database as store_database
from tests.store.benches import Bench, Ear


@pytest.fixture
def bench(database):
    """An empty fabric database."""
    return Bench(database)


@pytest.fixture(scope="module")
def settled(postgres):
    """A database that many tests may try to change in vain: repository `net` and fabric `lab` in its directory `d`."""
    name = f"settled_{os.getpid()}"
    connection = store_database.connect(postgres.database(name, template="hedgehog_template"))
    bench = Bench(connection)
    bench.repository()
    bench.fabric("lab", git_repository="net", git_directory="d")
    yield bench
    connection.close()
    postgres.drop(name)


@pytest.fixture
def ear(database_parameters):
    """What the triggerer would hear."""
    listening = Ear(database_parameters)
    yield listening
    listening.connection.close()
