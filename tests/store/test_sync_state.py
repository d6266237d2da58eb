"""Which fabrics are due, and what every outcome does to that."""

from __future__ import annotations

import random

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.store import fabrics, inbox, schedule, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from tests.store.benches import CHANGED, PUBLISHED, make_vpc

READ = (inbox.CHANNEL, "branch")
"""What wakes the DAG that reads repositories."""


def make_outcome(status=OutcomeStatus.SUCCESS, target=Target.GIT, generation=1, **values):
    """What a run did for fabric lab."""
    return Outcome("lab", target, status, generation=generation, **values)


def failed(**values):
    """A failure that may go away by itself."""
    told = {"reason": "no route", "error_class": "RemoteUnavailable", "retryable": True}
    return make_outcome(OutcomeStatus.ERROR, **told | values)


def seconds_to_next_look(bench, target=Target.GIT):
    """From now to due_at; None for infinity."""
    ((value,),) = bench.execute(
        "SELECT extract(epoch FROM nullif(due_at, 'infinity') - now())::float FROM hedgehog.sync_state WHERE target = %s",
        target.value,
    )
    return value


def test_a_success_is_checked_again_after_the_resync_interval(bench):
    """Not earlier, and never exactly together with all others."""
    fabric = bench.synced_fabric(resync_seconds=1000)
    bench.finish(fabric, make_outcome(revision="main@sha1:" + "a" * 40, counts={"created": 2}, reason=""))
    assert bench.due(Target.GIT) == []
    assert 899 < seconds_to_next_look(bench) < 1101
    state = bench.state()
    assert (state.status, state.observed_generation, state.attempts) == (SyncStatus.IN_SYNC, 1, 0)
    assert state.last_success_at == state.last_change_at == state.last_attempt_at
    assert bench.execute("SELECT status, fabric, run_id FROM hedgehog.sync_event") == [("success", "lab", "run-1")]


def test_a_run_that_found_nothing_to_do_leaves_no_history(bench):
    """But it was a success."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, make_outcome(OutcomeStatus.SKIPPED))
    state = bench.state()
    assert (state.status, state.observed_generation, state.last_change_at) == (SyncStatus.IN_SYNC, 1, None)
    assert bench.execute("SELECT count(*) FROM hedgehog.sync_event") == [(0,)]


def test_what_is_held_is_shown_as_out_of_sync(bench):
    """With the reason, until a later run finds it solved."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, make_outcome(OutcomeStatus.HELD, reason="somebody edited vpcs/a.yaml"))
    assert (bench.state().status, bench.state().reason) == (SyncStatus.OUT_OF_SYNC, "somebody edited vpcs/a.yaml")


def test_a_published_generation_makes_the_cluster_due_and_wakes_it(bench, ear):
    """Once; a second publication of the same is not news."""
    fabric = bench.synced_fabric()
    ear.heard()
    bench.finish(fabric, make_outcome())
    assert bench.due(Target.KUBERNETES) == ["lab"]
    assert ear.heard() == [(PUBLISHED, "lab")]
    bench.finish(fabric, make_outcome(target=Target.KUBERNETES))
    bench.finish(fabric, make_outcome())
    assert bench.due(Target.KUBERNETES) == []
    assert ear.heard() == []


def test_a_change_wakes_the_scheduler_once_a_transaction(bench, ear):
    """However many objects it touches; equal content wakes nobody."""
    fabric = bench.synced_fabric()
    assert ear.heard() == [(CHANGED, "lab")]
    object_store.save_objects(bench.connection, fabric.id, [make_vpc("a"), make_vpc("b")])
    assert ear.heard() == [(CHANGED, "lab")]
    object_store.save_objects(bench.connection, fabric.id, [make_vpc("a"), make_vpc("b")])
    assert ear.heard() == []


def test_only_the_dag_with_something_to_do_is_woken(bench, ear):
    """Without Git sync a change is at once for the cluster, without any sync for nobody."""
    fabric = bench.synced_fabric(git_sync_enabled=False)
    quiet = bench.fabric("quiet")
    ear.heard()
    for one in (fabric, quiet):
        object_store.save_objects(bench.connection, one.id, [make_vpc("a")])
    assert ear.heard() == [(PUBLISHED, "lab")]


def test_a_fabric_whose_source_is_git_wakes_the_dag_that_reads_repositories(bench, ear):
    """When it is new, when it is to be read again, and for every way of making it due."""
    fabric = bench.synced_fabric(source_of_truth="git")
    assert ear.heard() == [READ]
    fabrics.suspend(bench.connection, "lab", reason="work", until=None)
    assert ear.heard() == []
    fabrics.resume(bench.connection, "lab")
    assert sorted(ear.heard()) == [READ, (PUBLISHED, "lab")]
    schedule.make_due(bench.connection, Target.GIT, [fabric.id])
    assert ear.heard() == [READ]
    sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id="run-1")
    fabrics.save_fabric(bench.connection, "lab", {"git_directory": "elsewhere"})
    ear.heard()
    bench.finish(fabric, make_outcome(generation=1))
    assert READ in ear.heard()


def test_what_was_read_from_git_wakes_nobody_but_its_cluster(bench, ear):
    """It is stored and recorded as synced in one transaction."""
    fabric = bench.synced_fabric(source_of_truth="git")
    ear.heard()
    with transaction(bench.connection):
        object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
        bench.finish(fabric, make_outcome(generation=2))
    assert bench.due(Target.KUBERNETES) == ["lab"]
    assert ear.heard() == [(PUBLISHED, "lab")]


def test_a_change_during_a_sync_leaves_the_fabric_due_and_repeats_the_wake_up(bench, ear):
    """Nothing waits for a clock."""
    fabric = bench.synced_fabric()
    sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id="run-1")
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    ear.heard()
    bench.finish(fabric, make_outcome(generation=1))
    assert bench.due(Target.GIT) == ["lab"]
    assert (CHANGED, "lab") in ear.heard()
    state = bench.state()
    assert (state.observed_generation, state.generation, state.status) == (1, 2, SyncStatus.OUT_OF_SYNC)


def test_a_publication_during_a_cluster_sync_leaves_the_cluster_due(bench, ear):
    """It is compared with what is published, not with what is wanted."""
    fabric = bench.synced_fabric()
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    bench.finish(fabric, make_outcome(generation=1))
    bench.finish(fabric, make_outcome(generation=1, target=Target.KUBERNETES))
    assert bench.due(Target.KUBERNETES) == []
    bench.finish(fabric, make_outcome(generation=2))
    ear.heard()
    bench.finish(fabric, make_outcome(generation=1, target=Target.KUBERNETES))
    assert bench.due(Target.KUBERNETES) == ["lab"]
    assert ear.heard() == [(PUBLISHED, "lab")]


def test_a_change_that_comes_while_a_run_fails_is_not_put_off(bench):
    """The back-off is for what failed, not for what is new."""
    fabric = bench.synced_fabric()
    sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id="run-1")
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    bench.finish(fabric, failed())
    assert bench.due(Target.GIT) == ["lab"]


def test_a_run_that_was_killed_leaves_its_fabric_due(bench):
    """It began and never finished."""
    fabric = bench.synced_fabric()
    sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id="run-1")
    assert bench.state().status is SyncStatus.SYNCING
    assert bench.due(Target.GIT) == ["lab"]
    assert bench.state().last_success_at is None


def test_failures_back_off_with_full_jitter_up_to_an_hour(bench):
    """Later and later, never at once, counted."""
    fabric = bench.synced_fabric()
    highest = type("Highest", (random.Random,), {"uniform": lambda self, low, high: high})()
    waits = []
    for _ in range(8):
        bench.finish(fabric, failed(), jitter=highest)
        waits.append(round(seconds_to_next_look(bench)))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    lowest = type("Lowest", (random.Random,), {"uniform": lambda self, low, high: low})()
    bench.finish(fabric, failed(), jitter=lowest)
    assert round(seconds_to_next_look(bench)) == sync_state.BACKOFF_FLOOR
    state = bench.state()
    assert (state.status, state.attempts, state.error_class, state.reason) == (
        SyncStatus.ERROR,
        9,
        "RemoteUnavailable",
        "no route",
    )
    assert (state.last_success_at, state.observed_generation) == (None, 0)


def test_retry_after_of_a_remote_is_respected(bench):
    """Instead of the back-off."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed(retry_after=1234.0))
    assert round(seconds_to_next_look(bench)) == 1234


@pytest.mark.parametrize(("attempts", "outcome"), [(1, failed(retryable=False)), (sync_state.MAX_ATTEMPTS, failed())])
def test_what_is_given_up_is_parked_and_retried_slowly(bench, attempts, outcome):
    """At once, or after the last attempt; about once an hour, for most causes end elsewhere."""
    fabric = bench.synced_fabric()
    for _ in range(attempts):
        assert bench.state().status is not SyncStatus.PARKED
        bench.finish(fabric, outcome)
    for looks in range(3):
        assert (bench.state().status, bench.state().attempts) == (SyncStatus.PARKED, attempts + looks)
        assert 2600 < seconds_to_next_look(bench) <= 4500
        assert bench.due(Target.GIT) == []
        bench.execute("UPDATE hedgehog.sync_state SET due_at = now() WHERE target = 'git'")
        assert (bench.due(Target.GIT), bench.state().status) == (["lab"], SyncStatus.PARKED)
        bench.finish(fabric, outcome)
    bench.finish(fabric, make_outcome())
    assert (bench.state().status, bench.state().attempts) == (SyncStatus.IN_SYNC, 0)


def test_data_of_a_fabric_that_is_wrong_waits_for_its_change(bench):
    """Nothing else can help; a person may force it."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed(retryable=False, error_class="InvalidInput"))
    assert (bench.state().status, bench.state().due_at, seconds_to_next_look(bench)) == (SyncStatus.PARKED, None, None)
    assert (bench.due(Target.GIT), bench.due(Target.GIT, force=True)) == ([], ["lab"])
    bench.finish(fabric, failed(retryable=False, error_class="InvalidInput", target=Target.KUBERNETES))
    assert bench.state(target=Target.KUBERNETES).due_at is not None  # another version of the cluster may take it


def test_a_failure_that_lasts_for_weeks_is_still_counted(bench):
    """The pause has a ceiling that the count cannot break."""
    fabric = bench.synced_fabric()
    bench.execute("UPDATE hedgehog.sync_state SET attempts = 5000, status = 'parked'")
    bench.finish(fabric, failed(retryable=False))
    assert bench.state().attempts == 5001
    assert sync_state.backoff(5000, 60.0, None, random.Random(1)) <= sync_state.BACKOFF_CAP


@pytest.mark.parametrize("column", ["url", "branch", "connection_id"])
def test_what_failed_is_tried_at_once_when_its_repository_is_corrected(bench, ear, column):
    """Another URL, branch or credential; another author is not a reason."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed(retryable=False, error_class="InvalidInput"))
    ear.heard()
    bench.execute("UPDATE hedgehog.git_repository SET author_name = 'somebody else'")
    assert (bench.due(Target.GIT), ear.heard()) == ([], [])
    bench.execute(f"UPDATE hedgehog.git_repository SET {column} = 'other'")
    assert (bench.due(Target.GIT), ear.heard(), bench.state().attempts) == (["lab"], [(CHANGED, "lab")], 0)


def test_a_change_makes_a_parked_fabric_due_again(bench):
    """With a fresh count of attempts."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed(retryable=False))
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    assert bench.due(Target.GIT) == ["lab"]
    assert bench.state().attempts == 0


def test_a_success_forgets_the_failures_before_it(bench):
    """The next failure is the first again."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failed())
    bench.finish(fabric, make_outcome())
    assert (bench.state().attempts, bench.state().reason, bench.state().error_class) == (0, "", None)


def test_a_failure_keeps_the_last_success(bench):
    """A failing sync never advances it."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, make_outcome(revision="main@sha1:" + "a" * 40))
    before = bench.state()
    bench.finish(fabric, failed())
    after = bench.state()
    assert (after.last_success_at, after.revision) == (before.last_success_at, before.revision)
    assert after.last_attempt_at > before.last_attempt_at


def test_a_suspended_fabric_is_not_due_and_says_so(bench):
    """Until it is resumed; then at once, at both targets."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, make_outcome())
    bench.finish(fabric, make_outcome(target=Target.KUBERNETES))
    fabrics.suspend(bench.connection, "lab", reason="work", until=None)
    object_store.save_objects(bench.connection, fabric.id, [make_vpc()])
    assert bench.due(Target.GIT, force=True) == []
    assert (bench.state().status, bench.state().due_at) == (SyncStatus.SUSPENDED, None)
    fabrics.resume(bench.connection, "lab")
    assert (bench.due(Target.GIT), bench.due(Target.KUBERNETES)) == (["lab"], ["lab"])


def test_a_suspension_ends_by_itself(bench):
    """Nobody has to resume it."""
    fabric = bench.synced_fabric()
    ((soon,),) = bench.execute("SELECT now() + interval '1 hour'")
    fabrics.suspend(bench.connection, "lab", reason="work", until=soon)
    assert bench.due(Target.GIT) == []
    bench.execute("UPDATE hedgehog.fabric SET suspended_until = now() - interval '1 second'")
    assert bench.due(Target.GIT) == ["lab"]
    assert bench.state().status is not SyncStatus.SUSPENDED
    assert fabrics.load_fabric(bench.connection, "lab").generation == fabric.generation


def test_suspending_wakes_nobody_and_resuming_does(bench, ear):
    """There is something to do again."""
    bench.synced_fabric()
    ear.heard()
    fabrics.suspend(bench.connection, "lab", reason="work", until=None)
    assert ear.heard() == []
    fabrics.resume(bench.connection, "lab")
    assert sorted(ear.heard()) == [(CHANGED, "lab"), (PUBLISHED, "lab")]


def test_turning_git_off_makes_the_cluster_due(bench):
    """It follows the database then."""
    bench.synced_fabric()
    bench.fabric("lab", git_sync_enabled=False)
    assert (bench.due(Target.GIT), bench.due(Target.KUBERNETES)) == ([], ["lab"])


def test_turning_the_cluster_on_later_needs_no_new_commit(bench):
    """The next look at Git makes it due."""
    fabric = bench.synced_fabric(enable_k8s_sync=False)
    bench.finish(fabric, make_outcome(generation=1))
    bench.fabric("lab", enable_k8s_sync=True)
    assert bench.due(Target.GIT) == ["lab"]
    bench.finish(fabric, make_outcome(OutcomeStatus.SKIPPED, generation=2))
    assert bench.due(Target.KUBERNETES) == ["lab"]


def test_a_dry_run_leaves_no_trace(bench):
    """Neither state nor history."""
    fabric = bench.synced_fabric()
    before = bench.execute("SELECT to_jsonb(s) FROM hedgehog.sync_state s ORDER BY target")
    bench.finish(fabric, make_outcome(dry_run=True))
    assert bench.execute("SELECT to_jsonb(s) FROM hedgehog.sync_state s ORDER BY target") == before


def test_the_outcome_of_a_fabric_that_was_deleted_meanwhile_is_dropped(bench):
    """There is nobody left to tell."""
    fabric = bench.synced_fabric()
    fabrics.delete_fabric(bench.connection, "lab")
    bench.finish(fabric, make_outcome())
    assert bench.execute("SELECT count(*) FROM hedgehog.sync_event") == [(0,)]


@pytest.mark.parametrize("status", list(OutcomeStatus))
@pytest.mark.parametrize("target", list(Target))
def test_every_outcome_that_code_can_make_fits_the_tables(bench, status, target):
    """No status that only one side knows."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, make_outcome(status, target, reason="x" * 5000, details=("y",) * 500, counts={"failed": 1}))
    assert bench.state(target=target).status in SyncStatus


def test_states_come_by_name_and_target(bench):
    """All, or those that are named."""
    for name in ("b", "a"):
        bench.synced_fabric(name)
    found = [(state.fabric, state.target.value) for state in sync_state.states(bench.connection)]
    assert found == [("a", "git"), ("a", "kubernetes"), ("b", "git"), ("b", "kubernetes")]
    assert {state.fabric for state in sync_state.states(bench.connection, ["b", "absent"])} == {"b"}
