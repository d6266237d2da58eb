"""Fixtures of the store's tests."""

from __future__ import annotations

import pytest

from tests.store.benches import Bench, Ear


@pytest.fixture
def bench(database):
    """An empty fabric database."""
    return Bench(database)


@pytest.fixture
def ear(database_parameters):
    """What the triggerer would hear."""
    listening = Ear(database_parameters)
    yield listening
    listening.connection.close()
