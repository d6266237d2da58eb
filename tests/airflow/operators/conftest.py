"""Operators without a database, and services with prepared answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.airflow.operators.fakes import FakeDatabase, Service, make_fabric


@pytest.fixture
def fake_database(monkeypatch: pytest.MonkeyPatch) -> FakeDatabase:
    """The stand-in for the fabric database of operators."""
    found = FakeDatabase()
    monkeypatch.setattr("hedgehog.airflow.adapters.hooks.open_database", lambda: found)
    monkeypatch.setattr("hedgehog.services.observe.cache.refresh", lambda connection, names: {})
    monkeypatch.setattr("hedgehog.store.dry_runs.record_dry_runs", lambda connection, outcomes, *, run_id: None)
    monkeypatch.setattr("hedgehog.services.connection_edits.wake", lambda connection, target, digest: [])
    monkeypatch.setattr("hedgehog.store.problems.open_problems", lambda connection, fabrics, *, verbs: [])
    monkeypatch.setattr(
        "hedgehog.store.fabrics.load_fabrics", lambda connection, names: [make_fabric(n) for n in names]
    )
    return found


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, fake_database: FakeDatabase) -> Callable[[str, Any], Service]:
    """Puts a Service in the place of a function below `hedgehog.services`."""

    def put(name: str, answer: Any) -> Service:
        found = Service(answer)
        monkeypatch.setattr(f"hedgehog.services.{name}", found)
        return found

    return put
