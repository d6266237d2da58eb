"""Transactions that can be put together, locks that die with their holder, errors in our own words."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.chaos.proxy import Proxy
from hedgehog.errors import AuthenticationFailed, InvalidInput, NotFound, RemoteUnavailable, SchemaMismatch
from hedgehog.fabric.model import Target
from hedgehog.store import database as store_database
from hedgehog.store.database import Lock, transaction, try_locks, unlock
from tests.waiting import until_alone

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def test_a_block_that_raises_leaves_nothing(bench):
    """Neither its own rows nor those of the blocks inside it."""
    with pytest.raises(ZeroDivisionError), transaction(bench.connection):
        bench.repository()
        bench.fabric()
        raise ZeroDivisionError
    assert bench.execute("SELECT count(*) FROM hedgehog.fabric") == [(0,)]


def test_a_block_inside_a_block_is_committed_with_it(bench, database_parameters):
    """Others see nothing of it before."""
    other = store_database.connect(database_parameters)
    with transaction(bench.connection):
        bench.fabric()
        with transaction(other) as cursor:
            cursor.execute("SELECT count(*) FROM hedgehog.fabric")
            assert cursor.fetchone() == (0,)
    with transaction(other) as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.fabric")
        assert cursor.fetchone() == (1,)
    other.close()


def test_a_connection_can_be_used_after_a_failed_block(bench):
    """The failure is over with the block."""
    with pytest.raises(SchemaMismatch), transaction(bench.connection) as cursor:
        cursor.execute("SELECT nonsense")
    assert bench.execute("SELECT 1") == [(1,)]


def test_a_lost_server_is_retried(bench):
    """Whoever ended the session."""
    with pytest.raises(RemoteUnavailable, match="the fabric database went away"):
        bench.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(RemoteUnavailable):
        bench.execute("SELECT 1")


def test_a_lock_excludes_another_session_until_it_is_freed(bench, database_parameters):
    """Different rows and different kinds of lock do not meet."""
    other = store_database.connect(database_parameters)
    assert try_locks(bench.connection, Lock.GIT, [1])
    assert not try_locks(other, Lock.GIT, [1])
    assert try_locks(other, Lock.GIT, [2])
    assert try_locks(other, Lock.KUBERNETES, [1])
    unlock(bench.connection, Lock.GIT, [1])
    assert try_locks(other, Lock.GIT, [1])
    other.close()


def test_a_killed_process_frees_its_lock(bench, database_parameters):
    """And the fabric is due again, for another run to take up."""
    fabric = bench.synced_fabric()
    script = (
        "import sys, time, ast\n"
        "from hedgehog.store.database import Lock, connect, try_locks\n"
        "connection = connect(ast.literal_eval(sys.argv[1]))\n"
        "print(bool(try_locks(connection, Lock.GIT, [int(sys.argv[2])])), flush=True)\n"
        "time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, repr(dict(database_parameters)), str(fabric.id)],
        env={**os.environ, "PYTHONPATH": str(PLUGINS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "True\n"
    assert not try_locks(bench.connection, Lock.GIT, [fabric.id])
    assert bench.due(Target.GIT) == []
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    until_alone(bench.connection)
    assert bench.due(Target.GIT) == ["lab"]
    assert try_locks(bench.connection, Lock.GIT, [fabric.id])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"dbname": "absent"}, NotFound, "create it, then run `hedgehog migrate`"),
        ({"host": "/nowhere"}, RemoteUnavailable, "the fabric database at /nowhere:5432 cannot be reached"),
        ({"colour": "red"}, InvalidInput, "connection hedgehog_db has an unknown setting"),
        ({"user": "ghost"}, AuthenticationFailed, "refused the login; correct the connection hedgehog_db"),
        ({"user": "pg_monitor"}, AuthenticationFailed, "refused the login; correct the connection hedgehog_db"),
        ({"port": 99999}, InvalidInput, "invalid port number"),
        ({"sslmode": "always"}, InvalidInput, "invalid sslmode value"),
        ({"ssl_min_protocol_version": "9"}, InvalidInput, 'invalid "ssl_min_protocol_version" value'),
        ({"host": "a,b", "port": "1,2,3"}, InvalidInput, "could not match 3 port numbers to 2 hosts"),
        ({"hostaddr": "10.0.0.0.1"}, InvalidInput, "could not parse network address"),
        ({"service": "absent"}, InvalidInput, 'definition of service "absent" not found'),
        ({"dbname": "a\0b"}, InvalidInput, "has a value with NUL"),
        ({"user": "\udc80"}, InvalidInput, "of bytes that are not text"),
        ({"options": "-c nonsense=1"}, InvalidInput, "unrecognized configuration parameter"),
        ({"options": "-c statement_timeout=soon"}, InvalidInput, "invalid value for parameter"),
    ],
)
def test_a_connection_that_fails_says_why_without_the_password(database_parameters, change, error, said):
    """A password reaches no message."""
    with pytest.raises(error) as refused:
        store_database.connect({**database_parameters, "password": "canary-7f3a", **change})
    assert said in str(refused.value)
    assert "canary-7f3a" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sslmode": "require"}, "server does not support SSL, but SSL was required; correct it"),
        ({"keepalives_count": -1}, "Invalid argument"),
        ({"keepalives": "often"}, 'invalid integer value "often"'),
    ],
)
def test_a_wrong_setting_that_only_tcp_reveals_is_reported_as_one(database_parameters, change, said):
    """No try later would find it otherwise: encryption that the server has not, for example."""
    proxy = Proxy("database", Path(database_parameters["host"]) / ".s.PGSQL.5432")
    proxy.start()
    try:
        with pytest.raises(InvalidInput) as refused:
            store_database.connect({**database_parameters, "host": "127.0.0.1", "port": proxy.port, **change})
        assert said in str(refused.value)
    finally:
        proxy.stop()


def test_a_connection_that_a_firewall_dropped_is_given_up_after_a_minute(database_parameters):
    """The kernel's own patience is a quarter of an hour, in which a task waits for nobody."""
    proxy = Proxy("database", Path(database_parameters["host"]) / ".s.PGSQL.5432")
    proxy.start()
    try:
        connection = store_database.connect({**database_parameters, "host": "127.0.0.1", "port": proxy.port})
        with socket.socket(fileno=os.dup(connection.fileno())) as own:
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        connection.close()
    finally:
        proxy.stop()
