"""Parked work has a letter, from the transaction that parks it until it is replayed, resolved or discarded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hedgehog.errors import NotFound
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.store import dead_letters, fabrics, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from hedgehog.store.dead_letters import LetterStatus, Selection
from tests.store.benches import CHANGED, make_vpc
from tests.waiting import until_alone

ROOT = Path(__file__).resolve().parents[2]
ALL = Selection()


def failed(target=Target.GIT, *, retryable=False, reason="401 from the host"):
    """The outcome of a sync that was refused."""
    error = "RemoteUnavailable" if retryable else "AuthenticationFailed"
    return Outcome("lab", target, OutcomeStatus.ERROR, reason=reason, error_class=error, retryable=retryable)


def succeeded(bench, target=Target.GIT):
    """The outcome of a sync that worked."""
    return Outcome("lab", target, OutcomeStatus.SUCCESS, generation=bench.generation())


def told(bench, *, closed=True):
    """Target, status and note of every letter, the oldest first."""
    found = dead_letters.letters(bench.connection, ALL, closed=closed)
    return [(one.target.value, one.status.value, one.note) for one in sorted(found, key=lambda one: one.id)]


@pytest.fixture
def parked(bench):
    """A fabric that is parked at Git; returns it."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed())
    return fabric


def test_a_letter_says_what_was_given_up_and_why(bench, parked):
    """All that is needed to understand it, and to trigger it by hand."""
    (letter,) = dead_letters.letters(bench.connection, ALL)
    assert (letter.fabric, letter.target, letter.verb, letter.conf) == (
        "lab",
        Target.GIT,
        "git_sync",
        {"fabrics": ["lab"]},
    )
    assert (letter.status, letter.attempts, letter.error_class) == (LetterStatus.PARKED, 1, "AuthenticationFailed")
    assert (letter.message, letter.run_id) == ("401 from the host", "run-1")
    assert letter.first_failed_at == letter.last_failed_at == bench.state().last_attempt_at
    assert (letter.closed_at, letter.closed_by) == (None, None)


def test_the_first_failure_is_that_of_the_whole_series(bench):
    """Not of the last attempt, and not of failures before the last success."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed(retryable=True))
    bench.finish(fabric, succeeded(bench))
    for _ in range(sync_state.MAX_ATTEMPTS):
        assert told(bench) == []
        bench.finish(fabric, failed(retryable=True))
    ((first,),) = bench.execute(
        "SELECT finished_at FROM hedgehog.sync_event WHERE status = 'error' ORDER BY id OFFSET 1 LIMIT 1"
    )
    (letter,) = dead_letters.letters(bench.connection, ALL)
    assert (letter.attempts, letter.first_failed_at) == (sync_state.MAX_ATTEMPTS, first)
    assert letter.last_failed_at > first


@pytest.mark.parametrize(
    ("target", "settings", "verb"),
    [
        (Target.KUBERNETES, {}, "kubernetes_sync"),
        (Target.GIT, {"source_of_truth": "git"}, "repository_changes"),
    ],
)
def test_a_letter_names_the_dag_that_gave_up(bench, target, settings, verb):
    """`airflow dags trigger hedgehog_<verb> --conf <conf>` is the same work."""
    bench.finish(bench.synced_fabric(**settings), failed(target))
    (letter,) = dead_letters.letters(bench.connection, ALL)
    assert letter.verb == verb


def test_an_outcome_that_is_rolled_back_leaves_no_letter(bench):
    """Letter and state are one transaction."""
    fabric = bench.synced_fabric()
    with pytest.raises(ZeroDivisionError), transaction(bench.connection) as cursor:
        sync_state.finish(cursor, fabric.id, failed(), run_id="run-1")
        raise ZeroDivisionError
    assert (told(bench), bench.state().status) == ([], SyncStatus.NEVER_SYNCED)


def test_a_forced_try_that_fails_again_is_reported_in_the_same_letter(bench, parked):
    """One thing is given up, however often somebody tries."""
    sync_state.begin(bench.connection, Target.GIT, [parked.id], run_id="run-2")
    assert told(bench) == [("git", "parked", "")]
    bench.finish(parked, failed(reason="403 now"))
    (letter,) = dead_letters.letters(bench.connection, ALL)
    assert (letter.attempts, letter.message) == (2, "403 now")
    assert letter.first_failed_at < letter.last_failed_at


def test_a_discarded_letter_is_not_written_again_by_the_next_slow_retry(bench, parked):
    """Who wants to hear no more of it does not, until the fabric changes or works."""
    dead_letters.discard(bench.connection, ALL, by="me", why="taken down")
    for _ in range(3):
        sync_state.begin(bench.connection, Target.GIT, [parked.id], run_id="run-2")
        bench.finish(parked, failed())
    assert (told(bench), bench.state().status) == ([("git", "discarded", "taken down")], SyncStatus.PARKED)
    object_store.save_objects(bench.connection, parked.id, [make_vpc()])
    sync_state.begin(bench.connection, Target.GIT, [parked.id], run_id="run-3")
    bench.finish(parked, failed())
    assert told(bench) == [("git", "discarded", "taken down"), ("git", "parked", "")]


def test_a_success_resolves_a_letter(bench, parked):
    """Forced, or whatever brought it about."""
    bench.finish(parked, succeeded(bench))
    assert told(bench) == [("git", "resolved", "it was synced")]
    assert told(bench, closed=False) == []


def test_a_change_of_the_fabric_resolves_its_letters_at_both_targets(bench, parked):
    """It is retried, which may make another letter."""
    bench.finish(parked, failed(Target.KUBERNETES))
    object_store.save_objects(bench.connection, parked.id, [make_vpc()])
    assert told(bench) == [("git", "resolved", "it is tried again"), ("kubernetes", "resolved", "it is tried again")]
    assert bench.state().status is SyncStatus.ERROR
    bench.finish(parked, failed())
    assert told(bench, closed=False) == [("git", "parked", "")]


def test_a_change_while_the_failing_run_worked_leaves_nothing_parked(bench):
    """The failure is that of an older generation: it is due at once."""
    fabric = bench.synced_fabric()
    sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id="run-1")
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    bench.finish(fabric, failed())
    assert (told(bench), bench.state().status, bench.due(Target.GIT)) == ([], SyncStatus.ERROR, ["lab"])


def test_a_deleted_fabric_leaves_no_letter(bench, parked):
    """There is nothing to replay."""
    fabrics.delete_fabric(bench.connection, "lab")
    assert told(bench) == []


def test_replayed_work_is_due_at_once_and_its_dag_is_woken(bench, parked, ear):
    """With all its attempts, and with the name of who did it."""
    ear.heard()
    replayed, left = dead_letters.replay(bench.connection, ALL, by="ada@desk")
    assert ([one.fabric for one in replayed], left) == (["lab"], [])
    assert ear.heard() == [(CHANGED, "lab")]
    assert (bench.due(Target.GIT), bench.state().attempts, bench.state().status) == (["lab"], 0, SyncStatus.ERROR)
    (letter,) = dead_letters.letters(bench.connection, ALL, closed=True)
    assert (letter.status, letter.closed_by) == (LetterStatus.REPLAYED, "ada@desk")


def test_a_suspended_fabric_is_not_replayed(bench):
    """It is left alone on purpose; suspending it has not made it due either."""
    fabric = bench.synced_fabric()
    fabrics.suspend(bench.connection, "lab", reason="work", until=None)
    bench.finish(fabric, failed())
    replayed, left = dead_letters.replay(bench.connection, ALL, by="ada@desk")
    assert (replayed, [one.fabric for one in left]) == ([], ["lab"])
    assert told(bench) == [("git", "parked", "")]


def test_only_selected_letters_are_replayed(bench, parked):
    """By number, by fabric, by target."""
    bench.finish(parked, failed(Target.KUBERNETES))
    dead_letters.replay(bench.connection, Selection(fabrics=["lab"], target=Target.KUBERNETES), by="ada")
    assert told(bench) == [("git", "parked", ""), ("kubernetes", "replayed", "")]
    dead_letters.replay(bench.connection, Selection(fabrics=["other"]), by="ada")
    assert told(bench, closed=False) == [("git", "parked", "")]


def test_a_discarded_letter_is_off_the_list_and_its_fabric_stays_parked(bench, parked):
    """With who and why; a change still takes the fabric up again."""
    (letter,) = dead_letters.discard(bench.connection, ALL, by="ada@desk", why="site closed")
    assert (told(bench, closed=False), bench.state().status) == ([], SyncStatus.PARKED)
    kept = dead_letters.letter(bench.connection, letter.id)
    assert (kept.status, kept.closed_by, kept.note) == (LetterStatus.DISCARDED, "ada@desk", "site closed")
    assert bench.due(Target.GIT) == []
    object_store.save_objects(bench.connection, parked.id, [make_vpc()])
    assert (bench.due(Target.GIT), told(bench)) == (["lab"], [("git", "discarded", "site closed")])


def test_an_unknown_number_says_where_to_look(bench):
    """A typing error, or swept away."""
    with pytest.raises(NotFound, match=r"no dead letter 7; .*dead-letters list --closed"):
        dead_letters.letter(bench.connection, 7)


_KILLED = """
import os, signal, sys
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import database, sync_state
connection = database.connect(eval(sys.argv[1]))
database.try_locks(connection, database.Lock.GIT, [1])
sync_state.begin(connection, Target.GIT, [1], run_id="killed")
with database.transaction(connection) as cursor:
    outcome = Outcome("lab", Target.GIT, OutcomeStatus.ERROR, reason="no", error_class="RemoteUnavailable", retryable=True)
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    sync_state.finish(cursor, 1, outcome, run_id="killed")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("moment", "letters"), [("before", []), ("after", [("git", "parked", "")])])
def test_a_kill_in_the_last_attempt_loses_nothing(bench, database_parameters, moment, letters):
    """Before the outcome is recorded the fabric is due again; after it, the letter is there."""
    fabric = bench.synced_fabric()
    for _ in range(sync_state.MAX_ATTEMPTS - 1):
        bench.finish(fabric, failed(retryable=True))
    bench.execute("UPDATE hedgehog.sync_state SET due_at = now() WHERE target = 'git'")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "plugins")}
    command = [sys.executable, "-c", _KILLED, repr(database_parameters), moment]
    assert subprocess.run(command, env=environment, check=False).returncode == -9
    until_alone(bench.connection)
    assert (told(bench), bench.due(Target.GIT)) == (letters, [] if letters else ["lab"])


def test_a_run_that_died_counts_as_an_attempt(bench):
    """The next one notices, or a fabric that kills every worker would be tried for ever."""
    fabric = bench.synced_fabric()
    for run in ("killed-1", "killed-2", "alive"):
        sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id=run)
    assert bench.state().attempts == 2
    bench.finish(fabric, succeeded(bench))
    assert bench.state().attempts == 0
