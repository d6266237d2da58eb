"""Who works on what: due again at the moment of work, suspended, locked, gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, Target
from hedgehog.services import claims
from hedgehog.store import fabrics, sync_state
from hedgehog.store.database import Connection, Lock, connect, transaction, try_locks
from tests.waiting import until_alone

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def lab(database: Connection) -> Fabric:
    """A fabric that is due at Git."""
    fabrics.save_repository(database, "network", {"url": "file:///network"})
    fabrics.save_fabric(database, "lab", {"git_repository": "network", "git_sync_enabled": True})
    return fabrics.load_fabric(database, "lab")


def claimed(database: Connection, *names: str, **options: bool) -> tuple[list[str], dict[str, str]]:
    """The names that may be worked on, and the reasons of the others."""
    settings = {"skip_reason": lambda fabric: "", "now": NOW, "dry_run": False, "due_only": False, **options}
    with claims.claim(database, Target.GIT, names, **settings) as (taken, skipped):
        return [fabric.name for fabric in taken], {outcome.fabric: outcome.reason for outcome in skipped}


def finish(database: Connection, lab: Fabric) -> None:
    """Another run brings the fabric in sync."""
    with transaction(database) as cursor:
        outcome = Outcome("lab", Target.GIT, OutcomeStatus.SUCCESS, generation=lab.generation)
        sync_state.finish(cursor, lab.id, outcome, run_id="another")


def test_a_due_fabric_is_taken(database: Connection, lab: Fabric) -> None:
    """And an unknown name is a reason, not an error."""
    assert claimed(database, "lab", "gone") == (["lab"], {"gone": "there is no such fabric any more"})


def test_a_fabric_that_another_run_was_quicker_with_is_left_out(database: Connection, lab: Fabric) -> None:
    """Two runs may plan the same fabric; the second does nothing, unless it was asked for by name."""
    finish(database, lab)
    assert claimed(database, "lab", due_only=True) == ([], {"lab": "another run was quicker"})
    assert claimed(database, "lab") == (["lab"], {})


def test_a_fabric_under_work_is_left_to_the_one_who_works(
    database: Connection, lab: Fabric, database_parameters
) -> None:
    """The lock is of a session: when its connection ends, the fabric is free again."""
    other = connect(database_parameters)
    assert try_locks(other, Lock.GIT, [lab.id]) == {lab.id}
    assert claimed(database, "lab") == ([], {"lab": "another run works on it"})
    assert claimed(database, "lab", dry_run=True) == (["lab"], {})
    other.close()
    until_alone(database)
    assert claimed(database, "lab") == (["lab"], {})


def test_no_lock_is_left_behind(database: Connection, lab: Fabric, database_parameters) -> None:
    """Not even when the work raises."""
    with (
        pytest.raises(ZeroDivisionError),
        claims.claim(
            database, Target.GIT, ["lab"], skip_reason=lambda fabric: "", now=NOW, dry_run=False, due_only=False
        ),
    ):
        raise ZeroDivisionError
    other = connect(database_parameters)
    assert try_locks(other, Lock.GIT, [lab.id]) == {lab.id}
    other.close()


def test_a_suspension_has_its_reason_and_its_end(database: Connection, lab: Fabric) -> None:
    """After its end the fabric is taken up again without anybody resuming it."""
    fabrics.suspend(database, "lab", reason="CHG-17", until=NOW + timedelta(hours=1))
    assert claimed(database, "lab") == ([], {"lab": "suspended until 2026-01-01 01:00 UTC: CHG-17"})
    fabrics.suspend(database, "lab", reason="CHG-17", until=NOW - timedelta(hours=1))
    assert claimed(database, "lab") == (["lab"], {})


def test_a_fabric_that_is_not_to_be_synced_says_why(database: Connection, lab: Fabric) -> None:
    """What speaks against it comes before everything else."""
    fabrics.suspend(database, "lab", reason="CHG-17", until=None)
    taken, reasons = claimed(database, "lab", skip_reason=lambda fabric: "not enabled")
    assert (taken, reasons) == ([], {"lab": "not enabled"})


def test_a_few_fabrics_get_a_batch_each_and_many_share(database: Connection) -> None:
    """Never more than MOST_BATCHES, and fabrics of one repository lie side by side."""
    for repository in ("a", "b"):
        fabrics.save_repository(database, repository, {"url": f"file:///{repository}"})
    for number in range(claims.MOST_BATCHES * 3):
        settings = {"git_repository": "ab"[number % 2], "git_directory": f"f{number}", "git_sync_enabled": True}
        fabrics.save_fabric(database, f"f{number:02d}", settings)
    batches = claims.plan(database, Target.GIT, now=datetime.now(UTC))
    assert len(batches) == claims.MOST_BATCHES
    order = ["ab"[int(name[1:]) % 2] for batch in batches for name in batch]
    assert order == sorted(order)
    named = claims.plan(database, Target.GIT, now=datetime.now(UTC), fabrics=["f01", "f05"])
    assert sorted(named) == [["f01"], ["f05"]]


@pytest.mark.parametrize(("repositories", "tasks"), [(1, 1), (12, 2)])
def test_regular_checks_share_few_tasks_and_what_changed_comes_first(
    database: Connection, repositories: int, tasks: int
) -> None:
    """A look at a repository serves all of its fabrics; one that was changed waits behind none of them."""
    for number in range(24):
        repository = f"r{number % repositories}"
        fabrics.save_repository(database, repository, {"url": f"file:///{repository}"})
        settings = {"git_repository": repository, "git_directory": f"f{number}", "git_sync_enabled": True}
        fabrics.save_fabric(database, f"f{number:02d}", settings)
    with transaction(database) as cursor:
        cursor.execute(
            "UPDATE hedgehog.sync_state s SET status = 'in_sync', observed_generation = f.generation, due_at = now() "
            "FROM hedgehog.fabric f WHERE f.id = s.fabric_id"
        )
    fabrics.save_fabric(database, "f07", {"description": "changed"})
    first, *others = claims.plan(database, Target.GIT, now=datetime.now(UTC))
    assert (first, len(others)) == (["f07"], tasks)
    assert len([name for batch in others for name in batch]) == 23
    assert len(claims.plan(database, Target.GIT, now=datetime.now(UTC), force=True)) == claims.MOST_BATCHES
