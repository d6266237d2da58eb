"""Migrations: numbered SQL files applied once, in order, under an advisory lock; append-only."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hedgehog.errors import SchemaMismatch
from hedgehog.store.database import Connection, Lock, transaction

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).resolve().parents[3] / "include" / "sql"
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; `digest` is the SHA-256 of its text."""

    version: int
    name: str
    digest: str
    sql: str


def load(directory: Path = MIGRATIONS) -> list[Migration]:
    """The migrations of *directory* by version. Raises SchemaMismatch on a gap or a file that is not one."""
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise SchemaMismatch(f"{path.name} is not a migration; name it NNNN_what_it_does.sql")
        sql = path.read_text()
        found.append(Migration(int(match[1]), path.stem, hashlib.sha256(sql.encode()).hexdigest(), sql))
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise SchemaMismatch(f"the migrations in {directory.name}/ are not numbered 1, 2, 3 … without a gap")
    return found


def migrate(connection: Connection, directory: Path = MIGRATIONS) -> list[str]:
    """Bring the database to this package's version and return the names of the migrations applied now.

    Several processes may call it at once: one migrates, the others wait and find nothing left to do. Roles of the server
    that have a file in include/sql/roles get their permissions. All of it is one transaction, so a failing migration
    leaves the database as it was. Raises SchemaMismatch when the database is newer than the package or an applied file
    was edited.
    """
    wanted = load(directory)
    applied_now = []
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", (int(Lock.MIGRATE),))
        cursor.execute("CREATE SCHEMA IF NOT EXISTS hedgehog")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS hedgehog.migration ("
            "version integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
        cursor.execute("SELECT version, digest FROM hedgehog.migration ORDER BY version")
        applied = dict(cursor.fetchall())
        _refuse_mismatch(wanted, applied)
        for migration in wanted:
            if migration.version in applied:
                continue
            cursor.execute(migration.sql)
            cursor.execute(
                "INSERT INTO hedgehog.migration (version, name, digest) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.digest),
            )
            applied_now.append(migration.name)
            logger.info("applied migration %s", migration.name)
        _grant(cursor, directory / "roles")
    return applied_now


def _grant(cursor: Any, directory: Path) -> None:
    """Run the file of each role in *directory* that exists on this server."""
    files = {path.stem: path for path in directory.glob("*.sql")}
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(files),))
    for (role,) in cursor.fetchall():
        cursor.execute(files[role].read_text())


def ensure_migrated(connection: Connection, directory: Path = MIGRATIONS) -> None:
    """Migrate if needed; a database that is up to date, which is the usual case, costs one cheap query."""
    if missing(connection, directory):
        migrate(connection, directory)


def missing(connection: Connection, directory: Path = MIGRATIONS) -> list[str]:
    """The names of the migrations that have not been applied; changes nothing. Raises SchemaMismatch as `migrate` does."""
    wanted = load(directory)
    with transaction(connection) as cursor:
        cursor.execute("SELECT to_regclass('hedgehog.migration')")
        row = cursor.fetchone()
        applied: dict[int, str] = {}
        if row and row[0]:
            cursor.execute("SELECT version, digest FROM hedgehog.migration")
            applied = dict(cursor.fetchall())
    _refuse_mismatch(wanted, applied)
    return [migration.name for migration in wanted if migration.version not in applied]


def _refuse_mismatch(wanted: list[Migration], applied: dict[int, str]) -> None:
    newest = max(applied, default=0)
    if newest > len(wanted):
        raise SchemaMismatch(
            f"the fabric database is at version {newest}, this package knows only up to {len(wanted)}; "
            "install the newer package on every Airflow component (nothing was read or written)"
        )
    for migration in wanted:
        digest = applied.get(migration.version)
        if digest is not None and digest != migration.digest:
            raise SchemaMismatch(
                f"migration {migration.name} was edited after it was applied; restore the released file and put the "
                "change into a new migration"
            )
