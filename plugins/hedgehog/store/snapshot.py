"""What backup and restore need of the database in addition to the fabrics: a consistent read, and ids that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hedgehog.store.database import Connection, transaction

_Found = TypeVar("_Found")


@contextmanager
def consistent_read(connection: Connection) -> Iterator[Any]:
    """Read everything in the block as of one moment, whatever others write meanwhile; nothing can be written."""
    with transaction(connection) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield cursor


def in_savepoint(cursor: Any, read: Callable[[], _Found]) -> _Found | Exception:
    """What *read* returns, or the error that it raised; the transaction continues in both cases.

    Raises when the transaction cannot continue, for example because the server is gone.
    """
    cursor.execute("SAVEPOINT apart")
    try:
        found = read()
    except Exception as error:  # whatever it is, it concerns only what is read here
        cursor.execute("ROLLBACK TO SAVEPOINT apart")
        return error
    cursor.execute("RELEASE SAVEPOINT apart")
    return found


def schema_version(cursor: Any) -> int:
    """The number of the newest migration."""
    cursor.execute("SELECT max(version) FROM hedgehog.migration")
    return int(cursor.fetchone()[0])


def revisions(cursor: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """By fabric and target: the generation reached, the revision, and the last success."""
    cursor.execute(
        "SELECT f.name, s.target, s.status, s.observed_generation, s.revision, s.last_success_at "
        "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id ORDER BY f.name, s.target"
    )
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for fabric, target, *values in cursor.fetchall():
        names = ("status", "observed_generation", "revision", "last_success_at")
        found.setdefault(fabric, {})[target] = dict(zip(names, values, strict=True))
    return found


def repository_heads(cursor: Any) -> dict[str, str]:
    """The commit of each repository's branch that was last ingested, by the name of the repository."""
    cursor.execute(
        "SELECT r.name, h.commit_id FROM hedgehog.repository_head h JOIN hedgehog.git_repository r "
        "ON r.id = h.git_repository_id WHERE h.commit_id IS NOT NULL ORDER BY r.name"
    )
    return dict(cursor.fetchall())


def known_branches(cursor: Any) -> list[list[str]]:
    """URL and name of every branch that has been found."""
    cursor.execute("SELECT url, branch FROM hedgehog.known_branch ORDER BY url, branch")
    return [list(row) for row in cursor.fetchall()]


def remember_branches(cursor: Any, branches: Iterable[tuple[str, str]]) -> None:
    """Note that these *branches* have been found, too."""
    cursor.executemany(
        "INSERT INTO hedgehog.known_branch (url, branch) VALUES (%s, %s) ON CONFLICT DO NOTHING", list(branches)
    )


def lock_tables(cursor: Any) -> None:
    """Keep others from creating or changing fabrics and repositories until the transaction ends."""
    cursor.execute("LOCK TABLE hedgehog.git_repository, hedgehog.fabric IN SHARE ROW EXCLUSIVE MODE")


def reserve_id(cursor: Any, fabric_id: int, name: str) -> bool:
    """Create the row of a missing fabric with its former id; False if another fabric has that id.

    The id is part of the published `fabric.yaml`: with another id, that file would count as edited.
    """
    cursor.execute(
        "INSERT INTO hedgehog.fabric (id, name) OVERRIDING SYSTEM VALUE SELECT %(id)s, %(name)s WHERE NOT EXISTS "
        "(SELECT 1 FROM hedgehog.fabric WHERE id = %(id)s OR name = %(name)s)",
        {"id": fabric_id, "name": name},
    )
    cursor.execute("SELECT id = %s FROM hedgehog.fabric WHERE name = %s", (fabric_id, name))
    row = cursor.fetchone()
    cursor.execute(
        "SELECT setval(pg_get_serial_sequence('hedgehog.fabric', 'id'), greatest((SELECT max(id) FROM hedgehog.fabric), "
        "nextval(pg_get_serial_sequence('hedgehog.fabric', 'id'))))"
    )
    return bool(row and row[0])


def delete_repositories(cursor: Any, kept: list[str]) -> list[str]:
    """Delete the repositories that are not among *kept* and that no fabric uses; returns their names."""
    cursor.execute(
        "DELETE FROM hedgehog.git_repository r WHERE name <> ALL(%s) AND NOT EXISTS "
        "(SELECT 1 FROM hedgehog.fabric f WHERE f.git_repository_id = r.id) RETURNING name",
        (kept,),
    )
    return sorted(row[0] for row in cursor.fetchall())
