"""The pull request of each fabric whose repository takes changes in no other way, and what it asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2.extras

from hedgehog.fabric.model import GitRepository, Target
from hedgehog.store import schedule
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_files import GitFile, row_values

_NOTE_LIMIT = 2000
_NAME_LIMIT = 300


@dataclass(frozen=True, slots=True)
class RequestedChange:
    """The pull request of a fabric, as it was when we looked last."""

    number: int
    url: str
    head: str
    """The commit that we pushed to its branch."""
    base: str
    """The head of the repository's branch on which that commit was made."""
    generation: int
    files: Mapping[str, str | None]
    """What it asks for: path → blob id; None: the file is to be removed."""
    rejected_by: str | None = None
    """Who closed it without merging."""
    merge_asked: bool = False
    """Whether the host is to merge this head when its rules allow it."""
    note: str = ""
    """What could not be done about it: a reviewer who was not found, an auto-merge that the host refused."""


def find(connection: Connection, fabric_id: int, repository: GitRepository) -> RequestedChange | None:
    """The pull request of a fabric in *repository*."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT number, url, head, base, generation, rejected_by, merge_asked, note FROM hedgehog.pull_request "
            "WHERE (fabric_id, git_repository_id) = (%s, %s)",
            (fabric_id, repository.id),
        )
        row = cursor.fetchone()
        if row is None:
            return None
        number, url, head, base, generation, *since = row
        cursor.execute("SELECT path, blob_id FROM hedgehog.pull_request_file WHERE fabric_id = %s", (fabric_id,))
        return RequestedChange(number, url, head, base, generation, dict(cursor.fetchall()), *since)


def save(
    cursor: Any, fabric_id: int, repository: GitRepository, request: RequestedChange, written: Iterable[GitFile]
) -> None:
    """Make *request* that of a fabric, inside the caller's transaction; *written* are its files that are not removed."""
    forget(cursor, fabric_id)
    cursor.execute(
        "INSERT INTO hedgehog.pull_request (fabric_id, git_repository_id, number, url, head, base, generation, note) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            fabric_id,
            repository.id,
            request.number,
            request.url,
            request.head,
            request.base,
            request.generation,
            request.note[:_NOTE_LIMIT],
        ),
    )
    rows: list[tuple[Any, ...]] = [(fabric_id, *row_values(file)) for file in written]
    rows += [(fabric_id, path, *[None] * 6) for path, blob in request.files.items() if blob is None]
    psycopg2.extras.execute_values(
        cursor,
        "INSERT INTO hedgehog.pull_request_file (fabric_id, path, kind, namespace, name, blob_id, object_digest, manifest) "
        "VALUES %s",
        rows,
        page_size=1000,
    )


def note(cursor: Any, fabric_id: int, *, rejected_by: str | None, merge_asked: bool, note: str) -> None:
    """Record what became of a pull request, inside the caller's transaction."""
    cursor.execute(
        "UPDATE hedgehog.pull_request SET rejected_by = %s, merge_asked = %s, note = %s WHERE fabric_id = %s",
        (rejected_by[:_NAME_LIMIT] if rejected_by else None, merge_asked, note[:_NOTE_LIMIT], fabric_id),
    )


def forget(cursor: Any, fabric_id: int) -> None:
    """Delete the pull request of a fabric from the records, inside the caller's transaction."""
    cursor.execute("DELETE FROM hedgehog.pull_request WHERE fabric_id = %s", (fabric_id,))


def record_merged(cursor: Any, fabric_id: int, paths: Collection[str]) -> None:
    """Have those of the requested files at *paths* count as written, inside the caller's transaction."""
    chosen = (fabric_id, list(paths))
    cursor.execute(
        "DELETE FROM hedgehog.git_file g USING hedgehog.pull_request_file p WHERE p.fabric_id = %s AND p.path = ANY(%s) "
        "AND p.blob_id IS NULL AND (g.fabric_id, g.path) = (p.fabric_id, p.path)",
        chosen,
    )
    cursor.execute(
        "INSERT INTO hedgehog.git_file (fabric_id, path, kind, namespace, name, blob_id, object_digest, manifest) "
        "SELECT fabric_id, path, kind, namespace, name, blob_id, object_digest, manifest FROM hedgehog.pull_request_file "
        "WHERE fabric_id = %s AND path = ANY(%s) AND blob_id IS NOT NULL ON CONFLICT (fabric_id, path) DO UPDATE SET "
        "kind = excluded.kind, namespace = excluded.namespace, name = excluded.name, blob_id = excluded.blob_id, "
        "object_digest = excluded.object_digest, manifest = excluded.manifest, held_reason = NULL, written_at = now()",
        chosen,
    )


def asking_fabrics(connection: Connection, repository: GitRepository) -> set[int]:
    """The ids of the fabrics that have a pull request in *repository*."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id FROM hedgehog.pull_request WHERE git_repository_id = %s AND rejected_by IS NULL",
            (repository.id,),
        )
        return {row[0] for row in cursor.fetchall()}


def wake_requester(connection: Connection, repositories: Collection[int], number: int) -> None:
    """Have the next sync to Git look at the fabric whose pull request *number* of these repositories was closed."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id FROM hedgehog.pull_request WHERE git_repository_id = ANY(%s) AND number = %s",
            (list(repositories), number),
        )
        found = [row[0] for row in cursor.fetchall()]
    if found:
        schedule.make_due(connection, Target.GIT, found)
