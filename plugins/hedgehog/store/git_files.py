"""The files that we wrote to Git: blob ids, by which an edit is noticed, and manifests exactly as published."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2.extras

from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.store.database import Connection, jsonb, transaction
from hedgehog.store.objects import StoredObject


@dataclass(frozen=True, slots=True)
class GitFile:
    """One managed file. `ref` and `manifest` are None for a README; `object_digest` is None for what is not a row
    of fabric_object (README, fabric.yaml)."""

    path: str
    ref: ObjectRef | None
    blob_id: str
    object_digest: str | None = None
    manifest: Manifest | None = None
    held_reason: str | None = None


_COLUMNS = "g.path, g.kind, g.namespace, g.name, g.blob_id, g.object_digest, g.held_reason"


def row_values(file: GitFile) -> tuple[Any, ...]:
    """The columns path, kind, namespace, name, blob_id, object_digest and manifest of a row about *file*."""
    ref = (file.ref.kind, file.ref.namespace, file.ref.name) if file.ref else (None, None, None)
    manifest = jsonb(file.manifest) if file.manifest is not None else None
    return (file.path, *ref, file.blob_id, file.object_digest, manifest)


def _file(row: Sequence[Any], manifest: Manifest | None = None) -> GitFile:
    ref = ObjectRef(row[1], row[2], row[3]) if row[1] is not None else None
    return GitFile(row[0], ref, row[4], row[5], manifest, row[6])


def files(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, dict[str, GitFile]]:
    """Every managed file of the fabrics by path, without manifests. A fabric without files has an empty entry."""
    found: dict[int, dict[str, GitFile]] = {fabric_id: {} for fabric_id in fabric_ids}
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT g.fabric_id, {_COLUMNS} FROM hedgehog.git_file g WHERE g.fabric_id = ANY(%s)", (list(fabric_ids),)
        )
        for row in cursor.fetchall():
            found[row[0]][row[1]] = _file(row[1:])
    return found


def changed_objects(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, list[StoredObject]]:
    """The objects whose content is not what was last written to Git (new, changed, or held): cost follows the change."""
    found: dict[int, list[StoredObject]] = {fabric_id: [] for fabric_id in fabric_ids}
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT o.fabric_id, o.kind, o.namespace, o.name, o.manifest, o.digest FROM hedgehog.fabric_object o "
            "LEFT JOIN hedgehog.git_file g USING (fabric_id, kind, namespace, name) "
            "WHERE o.fabric_id = ANY(%s) AND g.object_digest IS DISTINCT FROM o.digest ORDER BY o.kind, o.namespace, o.name",
            (list(fabric_ids),),
        )
        for row in cursor.fetchall():
            found[row[0]].append(StoredObject(ObjectRef(*row[1:4]), row[4], row[5]))
    return found


def unpublished(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, int]:
    """How many objects of each fabric are missing in Git, or differ from what was written there."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT o.fabric_id, count(*) FROM hedgehog.fabric_object o "
            "LEFT JOIN hedgehog.git_file g USING (fabric_id, kind, namespace, name) "
            "WHERE o.fabric_id = ANY(%s) AND g.object_digest IS DISTINCT FROM o.digest GROUP BY 1",
            (list(fabric_ids),),
        )
        return dict(cursor.fetchall())


def removed_files(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, list[GitFile]]:
    """The files whose object is no longer in the database."""
    found: dict[int, list[GitFile]] = {fabric_id: [] for fabric_id in fabric_ids}
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT g.fabric_id, {_COLUMNS} FROM hedgehog.git_file g LEFT JOIN hedgehog.fabric_object o "
            "USING (fabric_id, kind, namespace, name) "
            "WHERE g.fabric_id = ANY(%s) AND g.object_digest IS NOT NULL AND o.id IS NULL ORDER BY g.path",
            (list(fabric_ids),),
        )
        for row in cursor.fetchall():
            found[row[0]].append(_file(row[1:]))
    return found


def published(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, list[Manifest]]:
    """The manifests of the fabrics exactly as Git has them (held files: as we last wrote them); fabric.yaml left out."""
    found: dict[int, list[Manifest]] = {fabric_id: [] for fabric_id in fabric_ids}
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id, manifest FROM hedgehog.git_file WHERE fabric_id = ANY(%s) AND object_digest IS NOT NULL "
            "ORDER BY path",
            (list(fabric_ids),),
        )
        for fabric_id, manifest in cursor.fetchall():
            found[fabric_id].append(manifest)
    return found


def manifests_at(connection: Connection, fabric_id: int, paths: Collection[str]) -> dict[str, Manifest]:
    """What the files at *paths* say, as they were written last, by path; files without an object are left out."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT path, manifest FROM hedgehog.git_file WHERE fabric_id = %s AND path = ANY(%s) AND manifest IS NOT NULL",
            (fabric_id, list(paths)),
        )
        return dict(cursor.fetchall())


def record(
    cursor: Any,
    fabric_id: int,
    *,
    written: Iterable[GitFile],
    removed: Iterable[str],
    held: Iterable[tuple[str, str | None]] = (),
) -> None:
    """Record what a push did, inside the caller's transaction: files written, paths removed, and (path, reason) held, or no
    longer held if the reason is None."""
    paths = sorted(removed)
    if paths:
        cursor.execute("DELETE FROM hedgehog.git_file WHERE fabric_id = %s AND path = ANY(%s)", (fabric_id, paths))
    rows = [(fabric_id, *row_values(file), file.held_reason) for file in written]
    if rows:
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.git_file (fabric_id, path, kind, namespace, name, blob_id, object_digest, manifest, held_reason) "
            "VALUES %s ON CONFLICT (fabric_id, path) DO UPDATE SET kind = excluded.kind, namespace = excluded.namespace, "
            "name = excluded.name, blob_id = excluded.blob_id, object_digest = excluded.object_digest, "
            "manifest = excluded.manifest, held_reason = excluded.held_reason, written_at = now()",
            rows,
            page_size=1000,
        )
    for path, reason in held:
        cursor.execute(
            "UPDATE hedgehog.git_file SET held_reason = %s WHERE fabric_id = %s AND path = %s",
            (reason, fabric_id, path),
        )
