"""Histories shrink: what is old goes, in bounded batches, and never the last good state or what is still open."""

from __future__ import annotations

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import fabrics, inbox, retention
from hedgehog.store.inbox import Arrival, DeliveryStatus
from hedgehog.store.retention import HISTORIES, SweepResult

BY_NAME = {history.name: history for history in HISTORIES}


def outcome(status, target=Target.GIT):
    """How a sync ended."""
    return Outcome("lab", target, status, reason="why", retryable=True)


def age(bench, table, column, days):
    """Make all rows of a table *days* old."""
    bench.execute(f"UPDATE hedgehog.{table} SET {column} = now() - make_interval(days => %s)", days)


def statuses(bench):
    """Fabric, target and status of the events, the oldest first."""
    return bench.execute("SELECT fabric, target, status FROM hedgehog.sync_event ORDER BY id")


def test_every_table_that_only_grows_is_swept(bench):
    """A table with a name like a history and no retention is a disk that fills."""
    tables = {
        row[0]
        for row in bench.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'hedgehog' "
            "AND (table_name LIKE '%%\\_event' OR table_name LIKE '%%\\_run' OR table_name LIKE '%%\\_history' "
            "OR table_name LIKE '%%\\_sample' OR table_name IN ('inbox', 'dead_letter', 'convergence'))"
        )
    }
    assert tables - set(BY_NAME) == set()


def test_old_events_go_but_never_the_newest_success_of_a_target(bench):
    """It is the last good state: what was published when, at which revision."""
    fabric = bench.synced_fabric()
    for status in (OutcomeStatus.SUCCESS, OutcomeStatus.SUCCESS, OutcomeStatus.ERROR):
        bench.finish(fabric, outcome(status))
        bench.finish(fabric, outcome(status, Target.KUBERNETES))
    age(bench, "sync_event", "finished_at", 31)
    bench.finish(fabric, outcome(OutcomeStatus.ERROR))
    assert retention.sweep(bench.connection, BY_NAME["sync_event"], 30) == SweepResult(30, 4)
    assert statuses(bench) == [
        ("lab", "git", "success"),
        ("lab", "kubernetes", "success"),
        ("lab", "git", "error"),
    ]


def test_all_events_of_a_deleted_fabric_are_deleted(bench):
    """There is no state any more that they could be the last good of."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.SUCCESS))
    fabrics.delete_fabric(bench.connection, "lab")
    age(bench, "sync_event", "finished_at", 31)
    assert retention.sweep(bench.connection, BY_NAME["sync_event"], 30) == SweepResult(30, 1)


@pytest.mark.parametrize(
    ("status", "options", "gone"),
    [
        (DeliveryStatus.DONE, {}, 1),
        (DeliveryStatus.IGNORED, {}, 1),
        (DeliveryStatus.FAILED, {"retryable": False}, 0),
        (DeliveryStatus.FAILED, {"retryable": True}, 0),
        (None, {}, 0),
    ],
)
def test_only_finished_deliveries_are_deleted(bench, status, options, gone):
    """One that waits for its next try, or for a person, is work, not history."""
    inbox.store_delivery(bench.connection, Arrival("d", "0" * 64, inbox.BRANCH, "push", "a/b", "https://h/a/b"))
    if status is not None:
        (delivery,) = inbox.claim(bench.connection, [inbox.BRANCH])
        inbox.finish(bench.connection, delivery.id, status, **options)
    age(bench, "inbox", "received_at", 15)
    assert retention.sweep(bench.connection, BY_NAME["inbox"], 14) == SweepResult(14, gone)


def test_only_closed_dead_letters_are_deleted(bench):
    """A parked one stays however long nobody looks."""
    fabric = bench.synced_fabric()
    parked = Outcome("lab", Target.GIT, OutcomeStatus.ERROR, reason="no", retryable=False)
    bench.finish(fabric, parked)
    bench.finish(fabric, outcome(OutcomeStatus.SUCCESS))
    bench.finish(fabric, parked)
    bench.execute(
        "UPDATE hedgehog.dead_letter SET last_failed_at = now() - interval '1 year', "
        "closed_at = closed_at - interval '1 year'"
    )
    assert retention.sweep(bench.connection, BY_NAME["dead_letter"], 30) == SweepResult(30, 1)
    assert bench.execute("SELECT status FROM hedgehog.dead_letter") == [("parked",)]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_every_history_is_sql_that_the_database_takes(bench, history):
    """Columns are renamed, tables go."""
    assert retention.count_expired(bench.connection, history, 1) == 0
    assert retention.sweep(bench.connection, history, 1) == SweepResult(1, 0)


def test_rows_are_deleted_in_batches_the_oldest_first_up_to_a_limit(bench):
    """The rest is said to be left, and goes next time."""
    bench.execute(
        "INSERT INTO hedgehog.sync_event (fabric_id, fabric, target, status, generation, counts, reason, duration, "
        "finished_at) SELECT 0, n::text, 'git', 'error', 1, '{}', '', 0, now() - make_interval(days => 100 - n) "
        "FROM generate_series(1, 20) n"
    )
    history = BY_NAME["sync_event"]
    assert retention.count_expired(bench.connection, history, 30) == 20
    assert retention.sweep(bench.connection, history, 30, most=7, batch=3) == SweepResult(30, 7, more=True)
    assert [row[0] for row in statuses(bench)] == [str(number) for number in range(8, 21)]
    assert retention.sweep(bench.connection, history, 30, most=13, batch=5) == SweepResult(30, 13)


def test_a_report_replaces_the_one_before(bench):
    """One row a job: when it last ended well."""
    for report in ({"gone": 1}, {"gone": 2}):
        retention.note_run(bench.connection, "result_cleanup", report)
    assert bench.execute("SELECT job, report FROM hedgehog.maintenance") == [("result_cleanup", {"gone": 2})]
