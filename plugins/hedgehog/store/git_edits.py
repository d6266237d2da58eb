"""Files in Git that a sync left alone because people changed them: one row per file, as long as it is held.

Every sync to Git compares all files of the fabric and replaces its rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg2.extras

from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.model import ObjectRef
from hedgehog.store.database import Connection, jsonb, transaction


class EditState(StrEnum):
    """How a file in Git differs from what we wrote."""

    CHANGED = "changed"
    """A person changed a file that we wrote."""
    UNWANTED = "unwanted"
    """A person changed a file whose object the fabric no longer has."""
    FOREIGN = "foreign"
    """A person wrote a file at a path that we need for one of ours."""
    OBSTACLE = "obstacle"
    """There is a link or a directory where we need a file, or a file where we need a directory."""


@dataclass(frozen=True, slots=True)
class GitEdit:
    """One file that waits for a decision."""

    path: str
    ref: ObjectRef | None
    state: EditState
    blob_id: str | None = None
    """The version of the file; None for an obstacle."""
    author: str = ""
    """Who made it, and in which commit, if known."""
    problem: str = ""
    """Why its content cannot be adopted; empty if it can."""
    differences: tuple[FieldDifference, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.state}" + (f" by {self.author}" if self.author else "")


@dataclass(frozen=True, slots=True)
class ListedEdit:
    """An edit as operators see it."""

    fabric: str
    edit: GitEdit
    revert: bool
    found_at: datetime


_COLUMNS = "e.path, e.kind, e.namespace, e.name, e.state, e.blob_id, e.author, e.problem, e.differences"


def _edit(row: Sequence[Any]) -> GitEdit:
    ref = ObjectRef(*row[1:4]) if row[1] is not None else None
    differences = tuple(FieldDifference.of(one) for one in row[8])
    return GitEdit(row[0], ref, EditState(row[4]), row[5], row[6], row[7], differences)


def replace_rows(cursor: Any, fabric_id: int, found: Iterable[GitEdit], *, undecided: Collection[str] = ()) -> None:
    """Replace the rows of a fabric by *found*, inside the caller's transaction; those of the paths *undecided* stay.

    A version that has a row keeps its time, its author, and what a person decided about it.
    """
    rows = [
        (
            fabric_id,
            one.path,
            *((one.ref.kind, one.ref.namespace, one.ref.name) if one.ref else (None, None, None)),
            *(one.state.value, one.blob_id, one.author[:300], one.problem[:1000]),
            jsonb([difference.as_dict() for difference in one.differences]),
        )
        for one in found
    ]
    cursor.execute(
        "DELETE FROM hedgehog.git_edit WHERE fabric_id = %s AND NOT path = ANY(%s)",
        (fabric_id, [*(row[1] for row in rows), *undecided]),
    )
    if rows:
        same = "e.blob_id IS NOT DISTINCT FROM excluded.blob_id"
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.git_edit AS e (fabric_id, path, kind, namespace, name, state, blob_id, author, problem, "
            "differences) VALUES %s ON CONFLICT (fabric_id, path) DO UPDATE SET kind = excluded.kind, "
            "namespace = excluded.namespace, name = excluded.name, state = excluded.state, blob_id = excluded.blob_id, "
            "problem = excluded.problem, differences = excluded.differences, "
            f"author = CASE WHEN {same} AND excluded.author = '' THEN e.author ELSE excluded.author END, "
            f"revert = e.revert AND {same}, found_at = CASE WHEN {same} THEN e.found_at ELSE now() END",
            rows,
            page_size=1000,
        )


def forget(cursor: Any, fabric_id: int, paths: Collection[str]) -> None:
    """Delete the rows of files whose content is now in the database."""
    cursor.execute("DELETE FROM hedgehog.git_edit WHERE fabric_id = %s AND path = ANY(%s)", (fabric_id, list(paths)))


def listing(connection: Connection, fabric: str | None = None) -> list[ListedEdit]:
    """The edits of a fabric, or of all, by fabric and path; without those of fabrics that are not written to Git."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT f.name, {_COLUMNS}, e.revert, e.found_at FROM hedgehog.git_edit e JOIN hedgehog.fabric f "
            "ON f.id = e.fabric_id WHERE f.git_sync_enabled AND f.source_of_truth = 'database' "
            "AND (%(fabric)s::text IS NULL OR f.name = %(fabric)s) ORDER BY f.name, e.path",
            {"fabric": fabric},
        )
        return [ListedEdit(row[0], _edit(row[1:10]), row[10], row[11]) for row in cursor.fetchall()]


def to_revert(connection: Connection, fabric_id: int) -> dict[str, GitEdit]:
    """The files that a person wants overwritten, by path; the decision covers only the version named there."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.git_edit e WHERE e.revert AND e.blob_id IS NOT NULL AND e.fabric_id = %s",
            (fabric_id,),
        )
        return {one.path: one for one in map(_edit, cursor.fetchall())}


def revert(connection: Connection, fabric_id: int, paths: Collection[str]) -> None:
    """Note that a person wants these files of a fabric overwritten."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.git_edit SET revert = true WHERE fabric_id = %s AND path = ANY(%s)",
            (fabric_id, list(paths)),
        )
