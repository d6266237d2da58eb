"""Work that kills its process is counted when it is claimed, goes behind other work, and is given up in the end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services import claims
from hedgehog.store import database as store_database
from hedgehog.store import dead_letters, inbox, repository_heads, retention, sync_state
from hedgehog.store.dead_letters import Selection
from hedgehog.store.inbox import BRANCH, MOST_KILLED, PULL_REQUEST, DeliveryStatus
from hedgehog.store.problems import open_problems
from tests.store.inbox_lab import make_arrival, take
from tests.waiting import until_alone


@pytest.fixture
def kill(bench, database_parameters):
    """Claims deliveries and dies with them."""

    def claim_and_die(**options):
        victim = store_database.connect(database_parameters)
        taken = take(victim, **options)
        bench.execute("SELECT pg_terminate_backend(%s)", victim.info.backend_pid)
        victim.close()
        until_alone(bench.connection)
        return taken

    return claim_and_die


def receive(bench, **values):
    """A delivery comes in; its id."""
    inbox.store_delivery(bench.connection, make_arrival(**values))
    ((number,),) = bench.execute("SELECT max(id) FROM hedgehog.inbox")
    return number


def test_a_delivery_that_killed_a_worker_comes_after_others(bench, kill):
    """It was first before, and kept everybody else waiting."""
    poison = receive(bench)
    kill()
    good = receive(bench)
    assert [one.id for one in inbox.pending(bench.connection, (BRANCH,))] == [good, poison]
    assert [one.id for one in take(bench.connection, limit=1)] == [good]


def test_a_claimed_delivery_shows_how_many_workers_it_killed(bench, kill):
    """And is to say so, instead of being the next."""
    receive(bench)
    assert [kill()[0].killed for _ in range(MOST_KILLED)] == list(range(MOST_KILLED))
    (last,) = take(bench.connection)
    assert (last.killed, last.attempts) == (MOST_KILLED, MOST_KILLED + 1)


def test_a_failure_between_deaths_begins_a_new_count(bench, kill):
    """A host that is unreachable kills nobody."""
    receive(bench)
    kill()
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "away", retry_after=0)
    bench.execute("UPDATE hedgehog.inbox SET next_attempt_at = now()")
    assert take(bench.connection)[0].killed == 0


@pytest.mark.parametrize(
    ("values", "verb", "conf", "about"),
    [
        ({}, "repository_changes", {"repository": "acme/net", "branch": "main"}, "acme/net main"),
        (
            {"kind": PULL_REQUEST, "number": 7, "base": "main"},
            "pull_request_validation",
            {"repository": "acme/net", "pull_request": 7},
            "acme/net#7",
        ),
    ],
)
def test_a_delivery_that_is_given_up_is_a_dead_letter_and_a_problem(bench, values, verb, conf, about):
    """Of every fabric of the branch, until it is replayed."""
    bench.repository("net", url="git@git.example.com:acme/net")
    bench.fabric("lab", git_repository="net", git_sync_enabled=True)
    receive(bench, **values)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "no token", retryable=False)
    (letter,) = dead_letters.letters(bench.connection, Selection())
    assert (letter.fabric, letter.verb, letter.conf) == ("acme/net", verb, conf)
    assert letter.message == f"{about}: no token"
    (problem,) = open_problems(bench.connection)
    assert (problem.fabric, problem.verb, problem.kind.value) == ("lab", verb, "given-up-delivery")
    assert problem.command == f"hedgehog dead-letters replay {letter.id}"

    replayed, left = dead_letters.replay(bench.connection, Selection(ids=[letter.id]), by="ann")
    assert ([one.id for one in replayed], left) == ([letter.id], [])
    assert open_problems(bench.connection) == []
    (again,) = take(bench.connection)
    assert (again.attempts, again.killed) == (1, 0)
    assert dead_letters.letter(bench.connection, letter.id).closed_by == "ann"


def test_a_given_up_delivery_is_done_once_its_branch_was_read(bench):
    """And its letter with it."""
    number = receive(bench)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "no token", retryable=False)
    assert [one.id for one in inbox.given_up(bench.connection, BRANCH)] == [number]
    inbox.mark_handled(bench.connection, [number], "read main")
    (letter,) = dead_letters.letters(bench.connection, Selection(), closed=True)
    assert (letter.status.value, letter.note) == ("resolved", "read main")
    assert inbox.given_up(bench.connection, BRANCH) == []


def test_a_discarded_delivery_leaves_the_list(bench):
    """Nobody wants to hear of it."""
    receive(bench)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "no token", retryable=False)
    dead_letters.discard(bench.connection, Selection(), by="ann", why="gone")
    assert dead_letters.letters(bench.connection, Selection()) == []


def test_a_given_up_delivery_is_kept_while_its_letter_waits(bench):
    """It is what a replay needs."""
    receive(bench)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "no token", retryable=False)
    bench.execute("UPDATE hedgehog.inbox SET received_at = now() - interval '1 year'")
    history = next(one for one in retention.HISTORIES if one.name == "inbox")
    assert retention.sweep(bench.connection, history, 14).rows == 0
    dead_letters.discard(bench.connection, Selection(), by="ann", why="gone")
    assert retention.sweep(bench.connection, history, 14).rows == 1


def die(bench, *fabrics):
    """A run begins with these fabrics and dies."""
    sync_state.begin(bench.connection, Target.KUBERNETES, [fabric.id for fabric in fabrics], run_id="run")


@pytest.fixture
def three(bench):
    """Fabrics `a`, `b`, `c` of one cluster, all due."""
    settings = {"enable_k8s_sync": True, "kubernetes_connection_id": "site"}
    return [bench.fabric(name, **settings) for name in "abc"]


def plan(bench):
    """The batches of the next run."""
    return claims.plan(bench.connection, Target.KUBERNETES, now=datetime.now(UTC))


def claim(bench, *names, due_only=True):
    """Which of *names* a run gets to work on, and what it says of the others."""
    options = {"skip_reason": lambda fabric: "", "now": bench.execute("SELECT now()")[0][0], "dry_run": False}
    with claims.claim(bench.connection, Target.KUBERNETES, names, due_only=due_only, **options) as (taken, others):
        return [fabric.name for fabric in taken], others


def test_a_fabric_whose_run_died_comes_last_and_alone(bench, three):
    """So that it takes no other with it again."""
    die(bench, three[0], three[1])
    assert plan(bench) == [["c"], ["a"], ["b"]]


def test_a_fabric_whose_runs_keep_dying_is_parked(bench, three):
    """After three of them, with the reason; the others go on."""
    for _ in range(sync_state.MOST_KILLED):
        assert claim(bench, "a", "b")[0] == ["a", "b"]
        die(bench, three[0])
    taken, (parked,) = claim(bench, "a", "b")
    assert (taken, parked.status, parked.error_class) == (["b"], OutcomeStatus.ERROR, "WorkKilled")
    assert "the last 3 runs that worked on it were killed" in parked.reason
    assert bench.state("a", Target.KUBERNETES).status is SyncStatus.PARKED
    assert [(one.fabric, one.kind.value) for one in open_problems(bench.connection)] == [("a", "parked")]


def test_a_fabric_requested_by_name_is_tried_nevertheless(bench, three):
    """By hand means now."""
    for _ in range(sync_state.MOST_KILLED):
        die(bench, three[0])
    assert claim(bench, "a", due_only=False) == (["a"], [])


def test_a_parked_fabric_that_killed_runs_gets_one_try_each_time_it_is_due(bench, three):
    """Its slow look is one more death at most."""
    for _ in range(sync_state.MOST_KILLED):
        die(bench, three[0])
    claim(bench, "a")
    bench.execute("UPDATE hedgehog.sync_state SET due_at = now() WHERE status = 'parked'")
    assert claim(bench, "a")[0] == ["a"]
    die(bench, three[0])
    assert claim(bench, "a")[0] == []


@pytest.mark.parametrize("status", [OutcomeStatus.SUCCESS, OutcomeStatus.ERROR])
def test_an_outcome_between_deaths_begins_a_new_count(bench, three, status):
    """It lived to tell."""
    for _ in range(sync_state.MOST_KILLED - 1):
        die(bench, three[0])
    outcome = Outcome("a", Target.KUBERNETES, status, generation=bench.generation("a"), error_class="X", retryable=True)
    bench.finish(three[0], outcome)
    die(bench, three[0])
    die(bench, three[0])
    assert sync_state.killed_repeatedly(bench.connection, Target.KUBERNETES, [three[0].id]) == set()


def test_killed_reads_of_a_repository_are_counted_until_one_ends(bench):
    """Only those of the last hour: then it is tried once more."""
    bench.synced_fabric()
    ((repository,),) = bench.execute("SELECT id FROM hedgehog.git_repository")
    for _ in range(2):
        repository_heads.begin(bench.connection, repository)
    assert repository_heads.killed(bench.connection) == {repository: 2}
    bench.execute("UPDATE hedgehog.repository_head SET begun_at = now() - interval '61 min'")
    assert repository_heads.killed(bench.connection) == {}
    repository_heads.begin(bench.connection, repository)
    assert repository_heads.killed(bench.connection) == {repository: 3}
    repository_heads.end(bench.connection, repository)
    assert repository_heads.killed(bench.connection) == {}
