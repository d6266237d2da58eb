"""How our web applications open the fabric database: within seconds or not at all, because somebody waits for an answer
and Airflow's own pages share the process.
"""

from __future__ import annotations

from hedgehog.airflow.adapters.connections import DATABASE_CONNECTION, database_parameters
from hedgehog.errors import NotFound
from hedgehog.store import database, migrate
from hedgehog.store.database import Connection

_CONNECT_TIMEOUT = 3
STATEMENT_TIMEOUT = 10.0
"""Seconds of one statement."""


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
