"""A repository is asked when its time has come, and remembers what it saw."""

from __future__ import annotations

import pytest

from hedgehog.store import fabrics, repository_heads

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def repository(bench):
    """The id of a repository with one fabric whose Git sync is on."""
    bench.repository()
    bench.fabric("lab", git_repository="net", git_sync_enabled=True)
    return fabrics.load_repositories(bench.connection)[0].id


def due(bench):
    """The repositories to look at, by a look every four minutes."""
    return repository_heads.due(bench.connection, seconds=240)


def looked(bench, repository, seconds, commit=OLD):
    """A look that long ago, which left the fabric in sync."""
    repository_heads.record(bench.connection, repository, commit)
    bench.execute("UPDATE hedgehog.repository_head SET checked_at = now() - make_interval(secs => %s)", seconds)
    bench.execute("UPDATE hedgehog.sync_state SET due_at = 'infinity'")


def test_a_head_is_remembered_until_another_one_is_seen(bench, repository):
    """A look that could not learn it keeps the last one."""
    assert repository_heads.last_seen(bench.connection, repository) is None
    for commit, expected in ((OLD, OLD), (None, OLD), (NEW, NEW)):
        repository_heads.record(bench.connection, repository, commit)
        assert repository_heads.last_seen(bench.connection, repository) == expected


def test_what_a_forced_push_dropped_stays_on_record(bench, repository):
    """The last one."""
    repository_heads.record(bench.connection, repository, NEW, replaced=OLD)
    repository_heads.record(bench.connection, repository, NEW)
    assert bench.execute("SELECT commit_id, replaced_commit FROM hedgehog.repository_head") == [(NEW, OLD)]


def test_a_repository_is_read_every_few_minutes(bench, repository):
    """However often the DAG runs for webhooks of others."""
    assert due(bench) == {repository}
    looked(bench, repository, 60)
    assert due(bench) == set()
    looked(bench, repository, 241)
    assert due(bench) == {repository}


def test_a_repository_without_an_enabled_fabric_is_not_read(bench, repository):
    """Nobody would act on it."""
    bench.fabric("lab", git_sync_enabled=False)
    assert due(bench) == set()


def test_the_repository_of_a_due_fabric_that_follows_git_is_read(bench, repository):
    """One of the database is the business of the sync to Git; a suspended one of nobody."""
    looked(bench, repository, 0)
    bench.execute("UPDATE hedgehog.sync_state SET due_at = now()")
    assert due(bench) == set()
    bench.fabric("lab", source_of_truth="git")
    assert due(bench) == {repository}
    fabrics.suspend(bench.connection, "lab", reason="maintenance", until=None)
    bench.execute("UPDATE hedgehog.sync_state SET due_at = now()")
    assert due(bench) == set()


def test_a_deleted_repository_is_not_an_error(bench):
    """It was deleted while it was looked at."""
    repository_heads.record(bench.connection, 77, OLD)
    assert bench.execute("SELECT * FROM hedgehog.repository_head") == []


def test_the_fabrics_of_a_repository_are_those_that_are_enabled(bench, repository):
    """By name."""
    bench.fabric("also", git_repository="net", git_directory="also", git_sync_enabled=True)
    bench.fabric("off", git_repository="net", git_directory="off")
    assert repository_heads.enabled_fabrics(bench.connection, repository) == ["also", "lab"]
