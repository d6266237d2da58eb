"""Read models: real values, renewed in time, dropped when old, and nothing decided by them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from devstack.objects import make_server, make_vpc
from hedgehog.errors import NotFound
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.services import claims
from hedgehog.services.observe import cache
from hedgehog.services.observe.cache import TTL, ReadModel
from hedgehog.store import fabrics, open_drift, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, connect, transaction

ALL = {model.value: 1 for model in ReadModel}


@pytest.fixture
def lab(database: Connection) -> int:
    """A synced fabric with three objects; its row id."""
    fabrics.save_repository(database, "net", {"url": "https://git.example.com/net.git"})
    settings = {
        "git_repository": "net",
        "git_directory": "fabrics/lab",
        "git_sync_enabled": True,
        "enable_k8s_sync": True,
        "kubernetes_connection_id": "k8s_a",
    }
    fabrics.save_fabric(database, "lab", settings)
    row_id = fabrics.load_fabric(database, "lab").id
    object_store.save_objects(database, row_id, [make_server("a"), make_server("b"), make_vpc("v")])
    finish(database, row_id, reason="no route", status=OutcomeStatus.HELD)
    return row_id


def finish(database: Connection, row_id: int, **values: Any) -> None:
    """Record a sync to the cluster."""
    outcome = Outcome(
        "lab", Target.KUBERNETES, **({"status": OutcomeStatus.SUCCESS, "counts": {"created": 3}} | values)
    )
    with transaction(database) as cursor:
        sync_state.finish(cursor, row_id, outcome, run_id="run-1")


def execute(database: Connection, statement: str) -> None:
    """Run one statement."""
    with transaction(database) as cursor:
        cursor.execute(statement)


def age(database: Connection, seconds: int) -> None:
    """Let time pass for the cache."""
    execute(database, f"UPDATE hedgehog.cache_entry SET expires_at = expires_at - interval '{seconds} s'")


def test_every_model_says_what_is_in_the_tables(database, lab):
    """No constant, no sample: each figure changes when its cause does."""
    drift = Drift(ObjectRef("Server", "default", "a"), DriftState.MISSING, lab)
    with transaction(database) as cursor:
        open_drift.note(cursor, "k8s_a", [drift])
    execute(database, "INSERT INTO hedgehog.health (scope, name, fabric_id, health, reasons, since, checked_at) "
                      f"VALUES ('fabric', 'lab', {lab}, 'Degraded', '[\"leaf-1 is stuck\"]', now(), now())")  # fmt: skip
    execute(
        database,
        f"INSERT INTO hedgehog.circuit (fabric_id, service, failures, opened_at) VALUES ({lab}, 'git', 5, now())",
    )
    found = {model: entry.value for model, entry in cache.models_of(database, "lab").items()}
    assert found.keys() == set(ReadModel)
    assert (found[ReadModel.BASICS]["name"], found[ReadModel.BASICS]["sync"]["kubernetes"]["status"]) == (
        "lab",
        "out_of_sync",
    )
    assert found[ReadModel.OBJECTS] == {"total": 3, "kinds": {"Server": 2, "VPC": 1}, "drift": {"missing": 1}}
    assert {one["name"] for one in found[ReadModel.CHANGES]["objects"]} == {"a", "b", "v"}
    assert [(one["status"], one["reason"]) for one in found[ReadModel.CHANGES]["syncs"]] == [("held", "no route")]
    assert (found[ReadModel.HEALTH]["health"], found[ReadModel.HEALTH]["reasons"]) == ("Degraded", ["leaf-1 is stuck"])
    assert found[ReadModel.CONNECTION]["kubernetes"] == {
        "connection_id": "k8s_a",
        "namespace": "default",
        "enabled": True,
    }
    assert (found[ReadModel.CONNECTION]["git"]["repository"], found[ReadModel.CONNECTION]["git"]["health"]) == (
        "net",
        "Unknown",
    )
    assert found[ReadModel.CONNECTION]["open_circuits"]["git"]["failures"] == 5


def test_a_fabric_without_anything_has_its_models_as_well(database):
    """Zero is told as zero, and what nobody looked at as unknown."""
    fabrics.save_fabric(database, "bare", {})
    found = {model: entry.value for model, entry in cache.models_of(database, "bare").items()}
    assert found[ReadModel.OBJECTS] == {"total": 0, "kinds": {}, "drift": {}}
    assert found[ReadModel.CHANGES] == {"objects": [], "syncs": []}
    assert found[ReadModel.CONNECTION] == {"git": None, "kubernetes": None, "open_circuits": {}}
    assert (found[ReadModel.BASICS]["sync"], found[ReadModel.HEALTH]["health"]) == ({}, "Unknown")


def test_a_refresh_renews_what_would_end_before_the_next_one(database, lab):
    """The first makes everything; then each model in its own time."""
    assert cache.refresh(database) == ALL
    assert cache.refresh(database) == {**dict.fromkeys(ALL, 0), "health": 1}
    age(database, 300)
    assert cache.refresh(database) == {**dict.fromkeys(ALL, 0), "changes": 1, "health": 1, "connection": 1}
    entry = cache.models_of(database, "lab")[ReadModel.BASICS]
    assert (entry.expires_at - entry.refreshed_at).total_seconds() == TTL[ReadModel.BASICS] - 300


def test_a_sync_renews_everything_of_its_fabrics(database, lab):
    """Whatever time it has left; of no other fabric."""
    fabrics.save_fabric(database, "other", {})
    cache.refresh(database)
    finish(database, lab)
    assert cache.refresh(database, ["lab"]) == ALL
    assert cache.models_of(database, "lab")[ReadModel.BASICS].value["sync"]["kubernetes"]["status"] == "in_sync"


def test_an_invalidated_fabric_is_read_again(database, lab):
    """Until then a reader gets what was kept."""
    cache.refresh(database)
    object_store.save_objects(database, lab, [make_server("c")])
    assert cache.models_of(database, "lab")[ReadModel.OBJECTS].value["total"] == 3
    assert cache.invalidate(database, ["lab"], dry_run=True) == cache.invalidate(database, ["lab"]) == 5
    assert cache.models_of(database, "lab")[ReadModel.OBJECTS].value["total"] == 4


def test_what_is_too_old_is_dropped_and_never_shown(database, lab):
    """A dry run only counts."""
    cache.refresh(database)
    object_store.save_objects(database, lab, [make_server("c")])
    age(database, 1900)
    assert cache.expire(database, dry_run=True) == 4
    assert cache.models_of(database, "lab")[ReadModel.OBJECTS].value["total"] == 4
    age(database, 1900)
    assert (cache.expire(database), cache.expire(database)) == (5, 0)


def test_what_is_due_and_in_step_is_never_read_from_the_cache(database, lab):
    """Emptied or full of nonsense, it changes nothing but what readers see."""
    cache.refresh(database)
    before = (claims.plan(database, Target.GIT, now=datetime.now(UTC)), sync_state.states(database))
    execute(database, 'UPDATE hedgehog.cache_entry SET value = \'{"sync": "in_sync"}\'')
    assert (claims.plan(database, Target.GIT, now=datetime.now(UTC)), sync_state.states(database)) == before
    execute(database, "DELETE FROM hedgehog.cache_entry")
    assert (claims.plan(database, Target.GIT, now=datetime.now(UTC)), sync_state.states(database)) == before


def test_a_deleted_fabric_takes_its_models_along(database, lab):
    """And a name that no fabric has is answered with near ones."""
    cache.refresh(database)
    fabrics.save_fabric(database, "lap", {})
    fabrics.delete_fabric(database, "lab")
    assert cache.refresh(database, ["lab"]) == dict.fromkeys(ALL, 0)
    with pytest.raises(NotFound, match="did you mean lap"):
        cache.models_of(database, "lab")


def test_a_fabric_that_is_being_deleted_keeps_no_other_waiting(database, lab, database_parameters):
    """Whoever deletes it may hang; its own entries wait for the next refresh."""
    fabrics.save_fabric(database, "other", {})
    deleter = connect(database_parameters)
    with transaction(deleter) as cursor:
        cursor.execute("SELECT 1 FROM hedgehog.fabric WHERE name = 'lab' FOR UPDATE")
        execute(database, "SET statement_timeout = '20s'")
        assert cache.refresh(database) == ALL
    deleter.close()
    assert cache.refresh(database, ["lab"]) == ALL


def test_the_cost_does_not_grow_with_statements(database, monkeypatch):
    """One statement a model, for one fabric as for fifty."""
    for number in range(50):
        fabrics.save_fabric(database, f"f{number}", {})
    statements: list[str] = []
    original = cache.store.transaction

    def counting(connection: Connection) -> Any:
        statements.append("transaction")
        return original(connection)

    monkeypatch.setattr(cache.store, "transaction", counting)
    assert cache.refresh(database) == dict.fromkeys(ALL, 50)
    assert len(statements) == len(ReadModel)
