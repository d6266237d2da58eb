"""Deliveries are kept, worked on by one at a time, retried, and never twice."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from hedgehog.store import database as store_database
from hedgehog.store import inbox
from hedgehog.store.inbox import BRANCH, PULL_REQUEST, DeliveryStatus, InboxCounts, Receipt
from hedgehog.store.sync_state import MAX_ATTEMPTS
from tests.store.inbox_lab import make_arrival, take
from tests.waiting import until_alone


@pytest.fixture
def other(database_parameters):
    """A second worker."""
    connection = store_database.connect(database_parameters)
    yield connection
    connection.close()


def status_of(bench, arrival):
    """Status, reason, attempts of a delivery, and the seconds until its next try (None: never) to the next half minute."""
    return bench.execute(
        "SELECT status, reason, attempts, CASE WHEN next_attempt_at <> 'infinity' "
        "THEN 30 * ceil(extract(epoch FROM next_attempt_at - now()) / 30)::integer END FROM hedgehog.inbox WHERE delivery_id = %s",
        arrival.delivery_id,
    )[0]


def test_a_delivery_comes_out_as_it_went_in(database):
    """With everything that a worker needs to know."""
    inbox.store_delivery(
        database,
        make_arrival(
            kind=PULL_REQUEST,
            event="pull_request",
            action="opened",
            number=7,
            branch="feature",
            after="",
            head="b" * 40,
            base="main",
            summary={"sender": "ada"},
        ),
    )
    (delivery,) = inbox.claim(database, (PULL_REQUEST,), 10)
    assert replace(delivery, id=1, delivery_id="") == inbox.Delivery(
        1,
        "",
        "pull_request",
        "pull_request",
        "opened",
        "acme/net",
        "https://git.example.com/acme/net.git",
        7,
        "feature",
        "",
        "",
        "b" * 40,
        "main",
        {"sender": "ada"},
        1,
    )


def test_a_worker_is_woken_by_what_it_must_work_on_and_by_nothing_else(database, ear):
    """Ignored deliveries and duplicates wake nobody."""
    arrival = make_arrival()
    assert inbox.store_delivery(database, arrival) is Receipt.ACCEPTED
    assert ear.heard() == [("hedgehog_inbox", "branch")]
    assert inbox.store_delivery(database, arrival) is Receipt.DUPLICATE
    assert inbox.store_delivery(database, make_arrival(ignored="a tag")) is Receipt.IGNORED
    assert ear.heard() == []


def test_what_is_ignored_is_recorded_with_the_reason(bench):
    """Somebody will ask why nothing happened."""
    arrival = make_arrival(ignored="a tag was pushed")
    inbox.store_delivery(bench.connection, arrival)
    assert status_of(bench, arrival)[:2] == ("ignored", "a tag was pushed")
    assert take(bench.connection) == []


def test_each_worker_gets_other_deliveries(database, other):
    """One delivery, one worker, oldest first."""
    for _ in range(3):
        inbox.store_delivery(database, make_arrival())
    first, second = take(database, limit=2), take(other, limit=2)
    assert [one.id for one in first + second] == sorted(one.id for one in first + second)
    assert (len(first), len(second)) == (2, 1)


def test_what_a_killed_worker_had_is_taken_by_the_next(bench, database_parameters):
    """Its connection ends with it, and so does its claim; no clock is involved."""
    arrival = make_arrival()
    inbox.store_delivery(bench.connection, arrival)
    killed = store_database.connect(database_parameters)
    (taken,) = take(killed)
    assert status_of(bench, arrival)[0] == "processing"
    assert take(bench.connection) == []
    bench.execute("SELECT pg_terminate_backend(%s)", killed.get_backend_pid())
    until_alone(bench.connection)
    assert take(bench.connection) == [replace(taken, attempts=2, killed=1)]


def test_a_worker_takes_only_kinds_and_ids_that_it_asks_for(database):
    """Pull requests and branches have DAGs of their own; a mapped task has its own deliveries."""
    for kind in (BRANCH, PULL_REQUEST, BRANCH):
        inbox.store_delivery(database, make_arrival(kind=kind))
    waiting = inbox.pending(database, (BRANCH,))
    assert [one.kind for one in waiting] == [BRANCH, BRANCH]
    assert inbox.claim(database, (BRANCH,), ids=[waiting[1].id]) == [replace(waiting[1], attempts=1)]


def test_what_is_done_stays_done(bench):
    """Even when the host delivers it again."""
    arrival = make_arrival()
    inbox.store_delivery(bench.connection, arrival)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.DONE, "main at aaaa")
    assert inbox.store_delivery(bench.connection, arrival) is Receipt.DUPLICATE
    assert status_of(bench, arrival) == ("done", "main at aaaa", 1, None)
    assert take(bench.connection) == []


def test_a_replay_under_another_id_is_a_duplicate(database):
    """The header that carries the id is not signed; the body is."""
    arrival = make_arrival()
    inbox.store_delivery(database, arrival)
    assert inbox.store_delivery(database, replace(arrival, delivery_id="made-up")) is Receipt.DUPLICATE


def test_a_redelivery_of_a_failed_one_is_taken_up_again(bench, ear):
    """At once, with all its tries before it."""
    arrival = make_arrival()
    inbox.store_delivery(bench.connection, arrival)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "no token", retryable=False)
    assert status_of(bench, arrival) == ("failed", "no token", 1, None)
    ear.heard()
    assert inbox.store_delivery(bench.connection, arrival) is Receipt.TAKEN_UP_AGAIN
    assert ear.heard() == [("hedgehog_inbox", "branch")]
    assert status_of(bench, arrival) == ("received", "", 0, 0)


def test_a_failed_delivery_is_tried_again_later_and_later_and_given_up_in_the_end(bench):
    """The store waits, no worker does."""
    arrival = make_arrival()
    inbox.store_delivery(bench.connection, arrival)
    waits = []
    for _ in range(MAX_ATTEMPTS):
        bench.execute("UPDATE hedgehog.inbox SET next_attempt_at = now()")
        (taken,) = take(bench.connection)
        inbox.finish(bench.connection, taken.id, DeliveryStatus.FAILED, "the host is unreachable", jitter=Longest())
        waits.append(status_of(bench, arrival)[3])
        assert take(bench.connection) == []
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, None]


class Longest(random.Random):
    """Always the longest wait."""

    def uniform(self, a, b):
        """The upper end."""
        return b


def test_retry_after_of_the_host_sets_the_next_try(bench):
    """A rate limit says when to come back."""
    arrival = make_arrival()
    inbox.store_delivery(bench.connection, arrival)
    inbox.finish(bench.connection, take(bench.connection)[0].id, DeliveryStatus.FAILED, "slow down", retry_after=900)
    assert status_of(bench, arrival) == ("failed", "slow down", 1, 900)


def test_a_dag_without_a_schedule_is_reminded_of_what_waits_but_not_endlessly(bench, ear):
    """A reminder wakes both DAGs of the inbox: were it repeated at once, they would wake each other without end."""
    inbox.store_delivery(bench.connection, make_arrival(kind=PULL_REQUEST))
    ear.heard()
    assert inbox.remind(bench.connection, PULL_REQUEST) == 0
    bench.execute("UPDATE hedgehog.inbox SET next_attempt_at = now() - interval '2 minutes'")
    assert inbox.remind(bench.connection, PULL_REQUEST) == 1
    assert inbox.remind(bench.connection, PULL_REQUEST) == 0
    assert ear.heard() == [("hedgehog_inbox", "pull_request")]


def test_refusals_are_counted_by_reason(database):
    """And nothing else of them is kept."""
    inbox.store_delivery(database, make_arrival())
    inbox.count_refusals(database, {"bad signature": 2, "too large": 1})
    inbox.count_refusals(database, {"bad signature": 1})
    assert inbox.count_deliveries(database) == InboxCounts(
        {"received": 1, "processing": 0, "done": 0, "failed": 0, "ignored": 0}, {"bad signature": 3, "too large": 1}
    )
