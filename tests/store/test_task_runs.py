"""One row a try, whoever writes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.store.database import transaction
from hedgehog.store.task_runs import Attempt, TaskRun, TaskState, fill_in, keep, unended, unknown
from tests.store.histories import task_runs

START = datetime.now(UTC) - timedelta(hours=10)
RUNNING = TaskRun(Attempt("hedgehog_backup", "r1", "backup", -1, 1), TaskState.RUNNING, START, fabrics=("a",))
ENDED = replace(RUNNING, state=TaskState.SUCCESS, ended_at=START + timedelta(seconds=3))
LOST = replace(
    RUNNING, state=TaskState.FAILED, ended_at=START + timedelta(seconds=9), error_class="ProcessLost", error="?"
)


@pytest.fixture
def kept(database):
    """Write what a listener writes."""

    def write(*found):
        for run in found:
            with transaction(database) as cursor:
                keep(cursor, run)
        return task_runs(database)

    return write


def test_an_end_replaces_its_start(kept):
    """And nothing else of the row."""
    assert kept(RUNNING, ENDED) == [ENDED]


def test_a_start_that_comes_late_changes_nothing(kept):
    """It is written beside the work."""
    assert kept(ENDED, RUNNING) == [ENDED]


def test_what_the_task_says_stands_over_what_was_filled_in(kept, database):
    """A process that was taken for dead may still tell."""
    kept(RUNNING)
    assert fill_in(database, LOST)
    assert kept(ENDED) == [ENDED]


def test_nothing_is_filled_in_over_what_the_task_said(kept, database):
    """It knows better."""
    kept(ENDED)
    assert not fill_in(database, LOST)
    assert task_runs(database) == [ENDED]


def test_only_what_began_long_ago_is_missed(kept, database):
    """A task may well take a while."""
    kept(RUNNING, replace(ENDED, attempt=replace(ENDED.attempt, run_id="r2")))
    assert unended(database, older_than=timedelta(hours=9), limit=9) == [RUNNING]
    assert unended(database, older_than=timedelta(hours=11), limit=9) == []


def test_tries_without_a_row_are_unknown(kept, database):
    """The second try is another one."""
    kept(RUNNING)
    second = replace(RUNNING.attempt, try_number=2)
    assert unknown(database, [RUNNING.attempt, second]) == {second}
    assert unknown(database, []) == set()
