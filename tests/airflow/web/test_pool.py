"""Connections that requests share."""

from __future__ import annotations

import pytest

from hedgehog.airflow.web.database import reading
from hedgehog.airflow.web.pool import ConnectionPool
from hedgehog.errors import RemoteUnavailable
from hedgehog.store import database as store_database
from hedgehog.store.database import connect


def test_one_connection_serves_requests_one_after_the_other(database_parameters):
    """And a second one only while both are needed."""
    opened = []
    pool = ConnectionPool(lambda: opened.append(connect(database_parameters)) or opened[-1])
    for _ in range(3):
        with pool.borrowed() as one:
            pass
    assert len(opened) == 1
    with pool.borrowed() as one, pool.borrowed() as other:
        assert one is not other
    pool.close()
    assert [one.closed for one in opened] == [1, 1]


def test_a_connection_that_the_server_closed_is_not_lent_again(database_parameters):
    """A failover or a restart in between costs no request."""
    pool = ConnectionPool(lambda: connect(database_parameters))
    with pool.borrowed() as one:
        pid = one.info.backend_pid
    other = connect(database_parameters)
    other.autocommit = True
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
    with pool.borrowed() as again, store_database.transaction(again) as cursor:
        cursor.execute("SELECT 1")
    other.close()
    pool.close()


def test_a_connection_on_which_something_failed_is_closed(database_parameters):
    """Nobody knows what state it is in."""
    pool = ConnectionPool(lambda: connect(database_parameters))
    with pytest.raises(ValueError, match="x"), pool.borrowed() as one:
        raise ValueError("x")
    assert one.closed


def test_a_request_that_reads_can_write_nothing(fabric_database):
    """Whatever a route would try."""
    from hedgehog.airflow.web.database import close_idle

    with pytest.raises(RemoteUnavailable), reading() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM hedgehog.fabric")
    close_idle()
