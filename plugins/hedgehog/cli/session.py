"""The database connection of one command: opened late, closed early, never with a secret on the command line."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn

from hedgehog.airflow.adapters.connections import database_parameters
from hedgehog.errors import InvalidInput
from hedgehog.fabric.origin import Origin, Via
from hedgehog.store import database, migrate
from hedgehog.store.database import Connection


def parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """libpq keywords of the fabric database. Raises InvalidInput for a URL that carries a password."""
    if not arguments.database:
        return database_parameters()
    try:
        found: dict[str, Any] = parse_dsn(arguments.database)
    except psycopg2.ProgrammingError:
        raise InvalidInput("--database is not a PostgreSQL URL; write postgresql://user@host:5432/name") from None
    if found.get("password"):
        raise InvalidInput(
            "--database carries a password, which every user of this machine can read in the list of processes; "
            "use the connection AIRFLOW_CONN_HEDGEHOG_DB, or PGPASSWORD"
        )
    return found


@contextmanager
def fabric_database(arguments: argparse.Namespace, *, migrated: bool = True) -> Iterator[Connection]:
    """The fabric database for the block; migrated first, unless *migrated* is False."""
    connection = database.connect(parameters(arguments))
    try:
        if migrated:
            migrate.ensure_migrated(connection)
        yield connection
    finally:
        connection.close()


def run_id() -> str:
    """The id of this run in the history: who ran the command, and where."""
    return f"hedgehog-command/{user()}/{os.getpid()}"


def origin(arguments: argparse.Namespace, via: Via = Via.CLI) -> Origin:
    """What the history says of a change that this command makes."""
    return Origin(who=user(), via=via, why=arguments.reason or "", run=run_id())


def user() -> str:
    """Who ran the command and on which machine, as the record of what people did shows it."""
    try:
        name = getpass.getuser()
    except (KeyError, ImportError, OSError):  # in a container, a number without a name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
