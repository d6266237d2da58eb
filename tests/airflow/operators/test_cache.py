"""The tasks of the cache, and the syncs that renew it."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.cache import CleanUpCacheOperator, RefreshCacheOperator
from hedgehog.airflow.operators.sync import FabricGitSyncOperator
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.services.observe import cache
from hedgehog.store import cache as store
from hedgehog.store import fabrics


@pytest.fixture
def two(fabric_database, database):
    """A database with two fabrics, behind the connection `hedgehog_db`."""
    fabrics.save_fabric(database, "one", {})
    fabrics.save_fabric(database, "two", {})
    return database


def kept(database):
    """The number of models of each fabric."""
    return {name: len(models) for name, models in store.load(database, ["one", "two"]).items()}


def test_a_refresh_renews_missing_models_or_all_of_named_fabrics(two, context):
    """The counts are its result."""
    assert RefreshCacheOperator(task_id="t", fabrics=["two"]).execute(context) == dict.fromkeys(store.ReadModel, 1)
    assert kept(two) == {"one": 0, "two": 5}
    assert RefreshCacheOperator(task_id="t").execute(context)["basics"] == 1
    assert kept(two) == {"one": 5, "two": 5}


def test_a_clean_up_drops_old_models_or_all_of_named_fabrics(two, context):
    """A dry run drops nothing."""
    cache.refresh(two)
    assert CleanUpCacheOperator(task_id="t").execute(context) == 0
    assert CleanUpCacheOperator(task_id="t", fabrics=["one"], dry_run=True).execute(context) == 5
    assert CleanUpCacheOperator(task_id="t", fabrics=["one"]).execute(context) == 5
    assert kept(two) == {"one": 0, "two": 5}


@pytest.mark.parametrize("operator", [CleanUpCacheOperator, RefreshCacheOperator])
def test_a_mistyped_fabric_fails_at_once(two, context, operator):
    """Instead of doing nothing and being green."""
    with pytest.raises(AirflowFailException, match="there is no fabric 'tow'; did you mean two"):
        operator(task_id="t", fabrics=["one", "tow"]).execute(context)


@pytest.mark.parametrize(("dry_run", "models"), [(False, 5), (True, 0)])
def test_a_sync_renews_the_models_of_its_fabrics(two, context, monkeypatch, dry_run, models):
    """A dry run has changed nothing worth renewing."""
    outcome = Outcome("one", Target.GIT, OutcomeStatus.SKIPPED)
    monkeypatch.setattr("hedgehog.services.git.sync.sync", lambda *_, **options: [outcome])
    FabricGitSyncOperator(task_id="sync", fabrics=["one"], dry_run=dry_run).execute(context)
    assert kept(two) == {"one": models, "two": 0}


def test_an_unwritable_cache_does_not_fail_a_sync(two, context, monkeypatch, caplog):
    """The sync is done and recorded; the pages follow later."""

    def broken(connection, names):
        raise RuntimeError("no room")

    monkeypatch.setattr("hedgehog.services.observe.cache.refresh", broken)
    monkeypatch.setattr("hedgehog.services.git.sync.sync", lambda *_, **options: [])
    FabricGitSyncOperator(task_id="sync", fabrics=["one"]).execute(context)
    assert "the read models of one were not renewed: no room" in caplog.text
