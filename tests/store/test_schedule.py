"""Which fabrics are due for a sync, and who else is left out."""

from __future__ import annotations

import pytest

from hedgehog.errors import NotFound
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, schedule, sync_state
from hedgehog.store.database import Lock, try_locks


def test_a_new_fabric_is_due_at_git_and_its_cluster_waits_for_that(bench):
    """Clusters never run ahead of Git."""
    bench.synced_fabric()
    assert (bench.due(Target.GIT), bench.due(Target.KUBERNETES)) == (["lab"], [])
    assert bench.state().status is SyncStatus.NEVER_SYNCED


def test_without_git_the_cluster_is_due_at_once(bench):
    """There is nothing to wait for."""
    bench.synced_fabric(git_sync_enabled=False)
    assert (bench.due(Target.GIT), bench.due(Target.KUBERNETES)) == ([], ["lab"])


def test_a_fabric_without_sync_is_never_due(bench):
    """And has no state to show."""
    bench.fabric()
    assert bench.due(Target.GIT, force=True) == bench.due(Target.KUBERNETES, force=True) == []
    assert sync_state.states(bench.connection) == []


def test_due_fabrics_come_longest_due_first_with_their_group(bench):
    """The group is the repository or the cluster."""
    for name in ("one", "two"):
        bench.synced_fabric(name)
    bench.execute(
        "UPDATE hedgehog.sync_state SET due_at = now() - interval '1 day' WHERE fabric_id = 2 AND target = 'git'"
    )
    found = schedule.due(bench.connection, Target.GIT)
    assert [(one.name, one.group) for one in found] == [("two", "2"), ("one", "1")]
    bench.fabric("two", git_sync_enabled=False)
    assert [one.group for one in schedule.due(bench.connection, Target.KUBERNETES)] == ["two-cluster"]


def test_force_takes_every_enabled_fabric_but_no_suspended_or_busy_one(bench, database_parameters):
    """Force is about being due, not about locks."""
    for name in ("busy", "idle", "quiet"):
        bench.synced_fabric(name)
    bench.execute("UPDATE hedgehog.sync_state SET due_at = 'infinity'")
    fabrics.suspend(bench.connection, "quiet", reason="r", until=None)
    other = store_database.connect(database_parameters)
    assert try_locks(other, Lock.GIT, [fabrics.load_fabric(bench.connection, "busy").id])
    assert bench.due(Target.GIT) == []
    assert bench.due(Target.GIT, force=True) == ["idle"]
    other.close()


def test_locks_of_another_target_or_database_do_not_matter(bench, postgres, database_parameters):
    """Ids are the same everywhere."""
    fabric = bench.synced_fabric()
    elsewhere = store_database.connect({**database_parameters, "dbname": "hedgehog_template"})
    other = store_database.connect(database_parameters)
    assert try_locks(elsewhere, Lock.GIT, [fabric.id])
    assert try_locks(other, Lock.KUBERNETES, [fabric.id])
    assert bench.due(Target.GIT) == ["lab"]
    other.close()
    elsewhere.close()


def test_named_fabrics_are_taken_due_or_not(bench):
    """In the order of their names."""
    for name in ("b", "a"):
        bench.synced_fabric(name)
    bench.execute("UPDATE hedgehog.sync_state SET due_at = 'infinity'")
    assert [one.name for one in schedule.named(bench.connection, Target.GIT, ["b", "a"])] == ["a", "b"]


def test_a_name_that_is_unknown_or_not_enabled_is_refused(bench):
    """With what to do."""
    bench.synced_fabric("fabric-1")
    bench.fabric("fabric-2")
    with pytest.raises(NotFound, match="there is no fabric 'fabric-3'; did you mean"):
        schedule.named(bench.connection, Target.GIT, ["fabric-1", "fabric-3"])
    with pytest.raises(NotFound, match="fabric-2: git sync is not enabled; set git_sync_enabled"):
        schedule.named(bench.connection, Target.GIT, ["fabric-2"])
