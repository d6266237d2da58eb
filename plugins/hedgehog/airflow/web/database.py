"""How our web applications open the fabric database: within seconds or not at all, because somebody waits for an answer
and Airflow's own pages share the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hedgehog.airflow.adapters.connections import DATABASE_CONNECTION, database_parameters
from hedgehog.airflow.web.pool import ConnectionPool
from hedgehog.errors import NotFound
from hedgehog.store import database, migrate
from hedgehog.store.database import REPEATABLE_READ, Connection, transaction

_CONNECT_TIMEOUT = 3
STATEMENT_TIMEOUT = 10.0
"""Seconds of one statement."""
ACTIONS_DATABASE_CONNECTION = "hedgehog_actions_db"
"""The fabric database with a role that may do what the actions of the API do; where there is none, `hedgehog_db` is used."""


def open_for_web(
    application: str, *, connection_id: str = "", statement_timeout: float = STATEMENT_TIMEOUT
) -> Connection:
    """The fabric database for the web application *application*, migrated if it was not; the caller closes it.

    Of Airflow's connections *connection_id* is taken, where there is one, else `hedgehog_db`. Raises only
    `hedgehog.errors`.
    """
    parameters = {"connect_timeout": _CONNECT_TIMEOUT, **_parameters(connection_id), "application_name": application}
    connection = database.connect(parameters)
    try:
        migrate.ensure_migrated(connection)
        with database.transaction(connection) as cursor:
            milliseconds = str(round(statement_timeout * 1000))
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", (milliseconds,))
    except BaseException:
        connection.close()
        raise
    return connection


def _parameters(connection_id: str) -> dict[str, object]:
    if connection_id:
        try:
            return database_parameters(connection_id)
        except NotFound:
            pass
    return database_parameters(DATABASE_CONNECTION)


def _for_reading() -> Connection:
    connection = open_for_web("hedgehog api")
    try:
        connection.set_session(isolation_level=REPEATABLE_READ, readonly=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _for_actions() -> Connection:
    return open_for_web("hedgehog api actions", connection_id=ACTIONS_DATABASE_CONNECTION)


_READING = ConnectionPool(_for_reading)
_ACTING = ConnectionPool(_for_actions)


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for one request of the API: it writes nothing, and sees everything as it is at one moment."""
    with _READING.borrowed() as connection, transaction(connection):
        yield connection


@contextmanager
def acting() -> Iterator[Connection]:
    """A connection for one action of the API."""
    with _ACTING.borrowed() as connection:
        yield connection


def close_idle() -> None:
    """Close the connections that nobody uses."""
    _READING.close()
    _ACTING.close()
