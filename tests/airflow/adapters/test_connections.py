"""Connections are read from the environment or from Airflow, and their secrets stay secret."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from hedgehog.airflow.adapters import connections
from hedgehog.airflow.adapters.connections import (
    ConnectionValues,
    database_parameters,
    git_cache_directory,
    read_connection,
)
from hedgehog.errors import InvalidInput, NotFound

SECRET = "s3cr3t-p4ssw0rd"


def connect(monkeypatch: pytest.MonkeyPatch, value: str | dict[str, object], name: str = "FABRIC_DB") -> None:
    """Create the connection *name* from a URI or from JSON."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", value if isinstance(value, str) else json.dumps(value))


def test_a_uri_is_split_into_its_parts(monkeypatch):
    """Passwords contain escaped characters."""
    connect(
        monkeypatch, "postgres://ada%40net:p%3Aw%2F%3F@db.example.com:5433/fabrics?sslmode=require&connect_timeout=3"
    )
    assert read_connection("fabric_db") == ConnectionValues(
        connection_id="fabric_db",
        conn_type="postgres",
        host="db.example.com",
        login="ada@net",
        password="p:w/?",
        port=5433,
        schema="fabrics",
        extra={"sslmode": "require", "connect_timeout": "3"},
    )


def test_a_json_connection_is_read(monkeypatch):
    """The form that `airflow connections export` writes; the extra may be an object or text."""
    parts = {
        "conn_type": "postgres",
        "host": "db",
        "login": "ada",
        "password": SECRET,
        "port": 5433,
        "schema": "fabrics",
    }
    wanted = ConnectionValues("fabric_db", "postgres", "db", "ada", SECRET, 5433, "fabrics", {"sslmode": "require"})
    connect(monkeypatch, {**parts, "extra": {"sslmode": "require"}})
    assert read_connection("fabric_db") == wanted
    connect(monkeypatch, {**parts, "port": "5433", "extra": '{"sslmode": "require"}'})
    assert read_connection("fabric_db") == wanted


def test_a_missing_field_is_none(monkeypatch):
    """Not an empty string, which libpq and git would use as a value."""
    connect(monkeypatch, {"conn_type": "generic"})
    assert read_connection("fabric_db") == ConnectionValues("fabric_db", "generic", None, None, None, None, None, {})
    connect(monkeypatch, "generic://")
    assert read_connection("fabric_db") == ConnectionValues("fabric_db", "generic", None, None, None, None, None, {})


def test_a_uri_may_contain_its_extra_as_json(monkeypatch):
    """Airflow writes an extra that is not flat as `__extra__`."""
    connect(monkeypatch, "kubernetes://?__extra__=%7B%22in_cluster%22%3A+true%7D&namespace=x")
    assert read_connection("fabric_db").extra == {"in_cluster": True, "namespace": "x"}


def test_postgres_and_postgresql_are_one_type(monkeypatch):
    """SQLAlchemy says postgresql, Airflow says postgres."""
    connect(monkeypatch, "postgresql://ada@db/fabrics")
    assert read_connection("fabric_db").conn_type == "postgres"


def test_the_environment_takes_precedence_over_airflow(monkeypatch):
    """As in Airflow itself; the `hedgehog` command then need not start Airflow."""
    monkeypatch.setattr(connections, "_from_airflow", lambda connection_id: pytest.fail("asked Airflow"))
    connect(monkeypatch, "generic://host")
    assert read_connection("fabric_db").host == "host"


def test_a_missing_connection_is_named_with_the_ways_to_create_it(monkeypatch):
    """The message is all that an operator sees."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    def get(connection_id: str) -> Connection:
        raise AirflowNotFoundException(f"The conn_id `{connection_id}` isn't defined")

    monkeypatch.setattr(Connection, "get", get)
    with pytest.raises(NotFound) as caught:
        read_connection("no_such_db")
    for part in ("'no_such_db'", "web UI", "airflow connections add no_such_db", "AIRFLOW_CONN_NO_SUCH_DB"):
        assert part in str(caught.value)


def test_a_connection_from_airflow_has_the_same_parts(monkeypatch):
    """Whatever backend it comes from."""
    from airflow.sdk import Connection

    known = Connection(
        conn_id="fabric_db", conn_type="postgres", host="db", login="ada", password=SECRET, port=5433, schema="fabrics"
    )
    known.extra = '{"sslmode": "require"}'
    monkeypatch.setattr(Connection, "get", lambda connection_id: known)
    assert read_connection("fabric_db") == ConnectionValues(
        "fabric_db", "postgres", "db", "ada", SECRET, 5433, "fabrics", {"sslmode": "require"}
    )


def test_no_secret_is_in_the_repr(monkeypatch):
    """A repr ends up in logs and tracebacks; an extra may hold private keys."""
    connect(monkeypatch, {"conn_type": "git", "password": SECRET, "extra": {"private_key": f"{SECRET}-key"}})
    values = read_connection("fabric_db")
    assert values.password == SECRET
    assert SECRET not in repr(values)
    assert SECRET not in str([values])


@pytest.mark.parametrize(
    "text",
    [
        f'{{"conn_type": "postgres", "password": "{SECRET}"',
        f'{{"conn_type": "postgres", "port": "{SECRET}"}}',
        f"postgres://ada:{SECRET}@db:no-port/fabrics",
        f"postgres://ada:{SECRET}@[db/fabrics",
        f"{SECRET}",
        f"kubernetes://?__extra__={SECRET}",
        f'{{"conn_type": "git", "extra": "{SECRET}"}}',
        f'{{"conn_type": "git", "extra": ["{SECRET}"]}}',
    ],
)
def test_a_broken_connection_is_named_but_not_quoted(monkeypatch, text):
    """The text that cannot be read may hold the password; neither the message nor its causes contain it."""
    connect(monkeypatch, text)
    with pytest.raises(
        InvalidInput, match="AIRFLOW_CONN_FABRIC_DB is neither a connection URI nor a JSON object"
    ) as caught:
        read_connection("fabric_db")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_airflows_log_masks_the_secrets_of_a_connection(monkeypatch):
    """Task logs are read by many people; the password and the secrets of the extra become stars."""
    told: list[tuple[object, str | None]] = []
    monkeypatch.setattr("airflow.sdk.log.mask_secret", lambda secret, name=None: told.append((secret, name)))
    connect(monkeypatch, {"conn_type": "git", "password": SECRET, "extra": {"private_key": "key"}})
    read_connection("fabric_db")
    assert told == [(SECRET, None), ({"private_key": "key"}, "extra")]


def test_the_connection_becomes_libpq_parameters(monkeypatch):
    """Only options of libpq are passed on; Airflow's own extras are not."""
    extra = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "connect_timeout": 5, "cursor": "dictcursor"}
    parts = {
        "conn_type": "postgres",
        "host": "db",
        "login": "ada",
        "password": SECRET,
        "port": 5433,
        "schema": "fabrics",
    }
    connect(monkeypatch, {**parts, "extra": extra}, "HEDGEHOG_DB")
    assert database_parameters() == {
        "host": "db",
        "port": 5433,
        "user": "ada",
        "password": SECRET,
        "dbname": "fabrics",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
        "connect_timeout": 5,
    }


def test_a_uri_may_name_a_socket_directory(monkeypatch):
    """As `host` in the query, as libpq and SQLAlchemy accept it."""
    connect(monkeypatch, "postgresql://ada@/fabrics?host=%2Frun%2Fpostgresql", "HEDGEHOG_DB")
    assert database_parameters() == {"host": "/run/postgresql", "user": "ada", "dbname": "fabrics"}


@pytest.mark.parametrize("conn_type", ["mysql", "generic", ""])
def test_another_kind_of_database_is_refused_by_name(monkeypatch, conn_type):
    """Better than an error of libpq about a host that uses another protocol."""
    connect(monkeypatch, {"conn_type": conn_type, "host": "db", "password": SECRET}, "HEDGEHOG_DB")
    with pytest.raises(InvalidInput, match=f"hedgehog_db has type '{conn_type}'; it must be a postgres connection"):
        database_parameters()


def test_clones_are_kept_below_airflows_home(monkeypatch):
    """One cache for all tasks of a worker; without Airflow it is the user's cache."""
    monkeypatch.setenv("AIRFLOW_HOME", "/opt/airflow")
    assert git_cache_directory() == Path("/opt/airflow/hedgehog/git")
    monkeypatch.delenv("AIRFLOW_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/ada")
    assert git_cache_directory() == Path("/var/cache/ada/hedgehog/git")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", "/srv/git")
    assert git_cache_directory() == Path("/srv/git")


def test_reading_a_connection_logs_nothing(monkeypatch, caplog):
    """Anything logged about it would be a risk."""
    caplog.set_level(logging.DEBUG)
    connect(monkeypatch, {"conn_type": "git", "password": SECRET})
    read_connection("fabric_db")
    assert SECRET not in caplog.text
