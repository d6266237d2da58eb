"""The connections and pools in Airflow's own database, read without the four seconds that importing Airflow takes.

For commands only: a task asks Airflow. What is set here in another way than as plain text (a secrets backend, options
from a command or a secret, a database that is not PostgreSQL) or looks otherwise than this expects is left to Airflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hedgehog.airflow import configuration
from hedgehog.errors import InvalidInput, RemoteUnavailable

_CONNECTION = (
    "SELECT conn_type, host, login, password, port, schema, extra, is_encrypted, is_extra_encrypted FROM connection "
    "WHERE conn_id = %s AND team_name IS NULL"
)
_POOLS = "SELECT pool FROM slot_pool"
_CONNECT_TIMEOUT = 10
_ELSEWHERE = (("secrets", "backend"), ("database", "sql_alchemy_schema"), ("database", "sql_alchemy_connect_args"))
"""Options that make Airflow look, or find its tables, in another way."""
_INDIRECT = ("_cmd", "_secret")


class NeedsAirflow(Exception):
    """Only Airflow itself can tell."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of Airflow's table of connections, decrypted."""

    conn_type: str
    host: str | None
    login: str | None
    password: str | None
    port: int | None
    schema: str | None
    extra: str | None

    def __repr__(self) -> str:
        return f"Stored({self.conn_type!r})"


def connection(connection_id: str) -> Stored | None:
    """The connection of that id in Airflow's database; None when there is none, or no Airflow at all.

    Raises NeedsAirflow, RemoteUnavailable when the database is unreachable, and InvalidInput for a wrong Fernet key.
    """
    rows = _query(_CONNECTION, (connection_id,))
    if not rows:
        return None
    kind, host, login, password, port, schema, extra, is_encrypted, is_extra_encrypted = rows[0]
    return Stored(
        kind,
        host,
        login,
        _decrypted(password, connection_id) if is_encrypted else password,
        port,
        schema,
        _decrypted(extra, connection_id) if is_extra_encrypted else extra,
    )


def pools() -> set[str]:
    """The names of Airflow's pools. Raises as `connection` does."""
    return {row[0] for row in _query(_POOLS, ())}


def _query(statement: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
    import psycopg2

    url = _database_url()
    if url is None:
        return []
    try:
        session = psycopg2.connect(url, connect_timeout=_CONNECT_TIMEOUT)
    except psycopg2.OperationalError as error:  # its text may quote the URL
        raise RemoteUnavailable(
            f"Airflow's own database cannot be reached ({type(error).__name__}), by [database] sql_alchemy_conn of "
            f"{configuration.config_file()} or the environment; run `airflow db check`"
        ) from None
    except psycopg2.Error:
        raise NeedsAirflow from None
    try:
        with session, session.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()
    except psycopg2.Error:  # other tables than those of the Airflow that this is written for
        raise NeedsAirflow from None
    finally:
        session.close()


def _database_url() -> str | None:
    """For psycopg2; None where no Airflow was ever set up."""
    url = _plain("database", "sql_alchemy_conn")
    if any(_plain(section, key) for section, key in _ELSEWHERE):
        raise NeedsAirflow
    if url is None:
        if (configuration.home() / "airflow.db").exists():
            raise NeedsAirflow
        return None
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise NeedsAirflow
    return f"postgresql://{rest}"


def _plain(section: str, key: str) -> str | None:
    """The option. Raises NeedsAirflow when a command or a secret gives it."""
    if any(configuration.written_option(section, key + suffix) for suffix in _INDIRECT):
        raise NeedsAirflow
    return configuration.written_option(section, key)


def _decrypted(text: str | None, connection_id: str) -> str | None:
    """With one of the Fernet keys, as Airflow does it."""
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet

    if not text:
        return text
    keys = _plain("core", "fernet_key")
    if not keys:
        raise NeedsAirflow
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")]).decrypt(text.encode()).decode()
    except (InvalidToken, ValueError):
        raise InvalidInput(
            f"connection {connection_id} cannot be decrypted with [core] fernet_key; check that it is the key of the Airflow that stored it"
        ) from None
