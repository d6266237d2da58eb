"""Whatever the database or its client says, what leaves the store is one of our errors, with what to do."""

from __future__ import annotations

import threading

import psycopg2
import psycopg2.errorcodes
import pytest

from hedgehog.errors import (
    AlreadyExists,
    HedgehogError,
    InvalidInput,
    LockHeld,
    PermissionDenied,
    RemoteUnavailable,
    SchemaMismatch,
)
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store.database import jsonb, transaction
from hedgehog.store.failures import translated
from tests.waiting import until

_CODES = sorted(
    code
    for name, code in vars(psycopg2.errorcodes).items()
    if name.isupper() and isinstance(code, str) and len(code) == 5 and not code.startswith(("00", "01", "02"))
)


@pytest.mark.parametrize(
    ("statements", "error", "said"),
    [
        (["SET LOCAL statement_timeout = 50", "SELECT pg_sleep(60)"], RemoteUnavailable, "statement timeout"),
        (["SET LOCAL TRANSACTION READ ONLY", "DELETE FROM hedgehog.fabric"], RemoteUnavailable, "is a standby"),
        (["SELECT pg_terminate_backend(pg_backend_pid())"], RemoteUnavailable, "went away"),
        (["SELECT * FROM hedgehog.gone"], SchemaMismatch, "run `hedgehog migrate`"),
        (["SELECT gone FROM hedgehog.fabric"], SchemaMismatch, "run `hedgehog migrate`"),
        (["SET LOCAL ROLE pg_monitor", "SELECT * FROM hedgehog.fabric"], PermissionDenied, "permission denied for"),
        (["INSERT INTO hedgehog.fabric (name) VALUES ('a'), ('a')"], AlreadyExists, "duplicate key"),
        (["INSERT INTO hedgehog.fabric (name) VALUES ('-')"], InvalidInput, "fabric_name_is_dns_1123"),
        (["SELECT 'x'::integer"], InvalidInput, "invalid input syntax"),
        (["SELECT repeat('x', 2000000000) || repeat('x', 2000000000)"], InvalidInput, "too large"),
        (["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$"], RemoteUnavailable, "its disk is full"),
        (["SELECT pg_advisory_xact_lock(5, g) FROM generate_series(1, 100000) g"], RemoteUnavailable, "increase"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(bench, statements, error, said):
    """Read from its SQLSTATE, whatever the language of the server."""
    with pytest.raises(error) as caught, transaction(bench.connection) as cursor:
        for statement in statements:
            cursor.execute(statement)
    assert type(caught.value) is error
    assert said in str(caught.value)
    assert str(caught.value).startswith("the fabric database")
    assert isinstance(caught.value.__cause__, psycopg2.Error)


def test_every_state_that_postgresql_knows_is_one_of_our_errors(bench):
    """Those of tomorrow as well: what nobody knows is told with its number."""
    for code in [*_CODES, "ZZ123"]:
        with pytest.raises(HedgehogError, match="the fabric database"):
            bench.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")
        assert bench.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", jsonb({"a": "\0"}), jsonb({"a": "\ud800"}), jsonb({"a": 2**70}), jsonb({"\0": 1})],
    ids=["nul", "surrogate", "json nul", "json surrogate", "json integer", "json key"],
)
def test_a_value_that_no_column_can_hold_is_bad_input(bench, value):
    """Whether the client notices or the server."""
    with pytest.raises(InvalidInput, match="the fabric database"):
        bench.execute("SELECT %s::jsonb" if not isinstance(value, str) else "SELECT %s::text", value)
    assert bench.execute("SELECT 1") == [(1,)]


def test_an_error_of_our_own_code_in_a_block_is_not_translated(bench):
    """Only what the client raises is translated."""
    with pytest.raises(ValueError, match="no number"), transaction(bench.connection):
        raise ValueError("no number")


def test_a_block_inside_a_block_raises_our_errors_too(bench):
    """For who handles them before the outer block ends."""
    with pytest.raises(SchemaMismatch), transaction(bench.connection), transaction(bench.connection) as cursor:
        try:
            cursor.execute("SELECT gone FROM hedgehog.fabric")
        except HedgehogError:
            pytest.fail("the inner block has not ended yet")
    with transaction(bench.connection):
        with pytest.raises(InvalidInput):
            fabrics.save_repository(bench.connection, "net", {"url": "x" * 501})
        bench.connection.rollback()


@pytest.fixture
def other(database_parameters):
    """Another session."""
    opened = store_database.connect(database_parameters)
    yield opened
    opened.close()


def test_a_lock_that_is_not_obtained_in_time_is_retried(bench, other):
    """Somebody works on it."""
    bench.fabric()
    with transaction(other) as cursor:
        cursor.execute("LOCK TABLE hedgehog.fabric")
        with pytest.raises(LockHeld, match="lock timeout"), transaction(bench.connection) as waiting:
            waiting.execute("SET LOCAL lock_timeout = 50")
            waiting.execute("SELECT * FROM hedgehog.fabric")


def test_a_deadlock_is_retried(bench, other):
    """One of the two is told so."""
    raised = []

    def lock(connection, first, second, ready, go):
        try:
            with transaction(connection) as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = 100")
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (first,))
                ready.set()
                assert go.wait(60)
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (second,))
        except HedgehogError as error:
            raised.append(error)

    marks = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=lock, args=(bench.connection, 1, 2, marks[0], marks[1])),
        threading.Thread(target=lock, args=(other, 2, 1, marks[1], marks[0])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [type(error) for error in raised] == [LockHeld]
    assert "deadlock detected" in str(raised[0])


def test_a_concurrent_change_is_retried(bench, other):
    """A serialization failure."""
    bench.fabric()
    with pytest.raises(LockHeld, match="concurrent update"), transaction(bench.connection) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT * FROM hedgehog.fabric")
        with transaction(other) as quick:
            quick.execute("UPDATE hedgehog.fabric SET description = 'quick'")
        cursor.execute("UPDATE hedgehog.fabric SET description = 'slow'")


def test_a_connection_lost_during_a_block_is_retried(bench, other):
    """Nothing of the block is kept."""
    with pytest.raises(RemoteUnavailable, match="went away"), transaction(bench.connection) as cursor:
        cursor.execute("INSERT INTO hedgehog.fabric (name) VALUES ('lost')")
        with transaction(other) as killer:
            killer.execute("SELECT pg_terminate_backend(%s)", (bench.connection.info.backend_pid,))
        until(lambda: _is_gone(other, bench.connection.info.backend_pid), "the session to end")
        cursor.execute("SELECT 1")
    with transaction(other) as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.fabric")
        assert cursor.fetchone() == (0,)


def _is_gone(connection, pid):
    with transaction(connection) as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,))
        return cursor.fetchone() is None


def test_a_server_without_free_connections_is_reported(bench, database_parameters):
    """As any that has reached its max_connections."""
    bench.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    try:
        with pytest.raises(RemoteUnavailable, match="has no connection left; raise its max_connections"):
            store_database.connect({**database_parameters, "user": "crowd"})
    finally:
        bench.execute("DROP ROLE crowd")


def test_a_server_that_dies_during_a_statement_is_retried() -> None:
    """The client then raises its bare DatabaseError, without a state, as seen when a back end was killed."""
    with pytest.raises(RemoteUnavailable, match="went away: server closed the connection"), translated():
        raise psycopg2.DatabaseError("server closed the connection unexpectedly")
