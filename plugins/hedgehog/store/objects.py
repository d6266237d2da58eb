"""The desired objects of fabrics, each with the digest of its content."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2.extras

from hedgehog.fabric.changes import Action, Change, ChangeSet
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.store.database import Connection, UnreadableJSON, jsonb, transaction


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One desired object with the digest of its content."""

    ref: ObjectRef
    manifest: Manifest
    digest: str


_OBJECT = "kind, namespace, name, manifest, digest"


def _object(row: Sequence[Any]) -> StoredObject:
    ref = ObjectRef(*row[:3])
    return StoredObject(ref, _manifest(ref, row[3]), row[4])


def load_objects(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, list[StoredObject]]:
    """All desired objects of the fabrics, each list by kind, namespace, name."""
    found: dict[int, list[StoredObject]] = {fabric_id: [] for fabric_id in fabric_ids}
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT fabric_id, {_OBJECT} FROM hedgehog.fabric_object WHERE fabric_id = ANY(%s) "
            "ORDER BY kind, namespace, name",
            (list(fabric_ids),),
        )
        for row in cursor.fetchall():
            found[row[0]].append(_object(row[1:]))
    return found


def load_named(connection: Connection, fabric_id: int, refs: Collection[ObjectRef]) -> list[StoredObject]:
    """Those of *refs* that are desired objects of a fabric, by kind, namespace, name."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_OBJECT} FROM hedgehog.fabric_object "
            "JOIN unnest(%s::text[], %s::text[], %s::text[]) AS wanted (kind, namespace, name) USING (kind, namespace, name) "
            "WHERE fabric_id = %s ORDER BY kind, namespace, name",
            ([ref.kind for ref in refs], [ref.namespace for ref in refs], [ref.name for ref in refs], fabric_id),
        )
        return [_object(row) for row in cursor.fetchall()]


def object_refs(connection: Connection, fabric_id: int) -> list[ObjectRef]:
    """The desired objects of a fabric by kind, namespace, name, without their content."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT kind, namespace, name FROM hedgehog.fabric_object WHERE fabric_id = %s ORDER BY kind, namespace, name",
            (fabric_id,),
        )
        return [ObjectRef(*row) for row in cursor.fetchall()]


def _manifest(ref: ObjectRef, stored: Any) -> Any:
    """The manifest of a row. A CHECK also passes where a field is missing, so a row that was written manually may lack its name."""
    if isinstance(stored, UnreadableJSON):
        return stored.of(str(ref))
    metadata = stored.get("metadata")
    for field, value in (("namespace", ref.namespace), ("name", ref.name)):
        if not isinstance(metadata, dict) or metadata.get(field) != value:
            why = f"cannot be used: its manifest in the fabric database has no metadata.{field} {value!r}"
            return UnreadableJSON(f"{ref} {why}; import it again, or delete its row")
    if stored.get("kind") != ref.kind:
        why = f"cannot be used: its manifest in the fabric database has no kind {ref.kind!r}"
        return UnreadableJSON(f"{ref} {why}; import it again, or delete its row")
    return stored


def save_objects(
    connection: Connection, fabric_id: int, manifests: Iterable[Manifest], *, delete_missing: bool = False
) -> ChangeSet:
    """Store desired objects in one transaction and say what changed; the generation rises at most once a statement.

    Manifests have kind, metadata.namespace and metadata.name. With *delete_missing* the objects not given are removed.
    """
    wanted = {ObjectRef.of(manifest): manifest for manifest in manifests}
    with transaction(connection) as cursor:
        lock_objects(cursor, fabric_id)
        cursor.execute(
            "SELECT kind, namespace, name, manifest FROM hedgehog.fabric_object WHERE fabric_id = %s", (fabric_id,)
        )
        present = {ObjectRef(*row[:3]): row[3] for row in cursor.fetchall()}
        changes = changes_of(present, wanted, delete_missing=delete_missing)
        rows = [
            (fabric_id, change.ref.kind, change.ref.namespace, change.ref.name, jsonb(wanted[change.ref]))
            for change in changes.having(Action.CREATED, Action.CONFIGURED)
        ]
        if rows:
            psycopg2.extras.execute_values(
                cursor,
                "INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest) VALUES %s "
                "ON CONFLICT (fabric_id, kind, namespace, name) DO UPDATE SET manifest = excluded.manifest",
                rows,
                page_size=5000,
            )
        _delete_objects(cursor, fabric_id, [change.ref for change in changes.having(Action.DELETED)])
    return changes


def changes_of(
    present: Mapping[ObjectRef, Manifest], wanted: Mapping[ObjectRef, Manifest], *, delete_missing: bool = False
) -> ChangeSet:
    """What `save_objects` does to a fabric that has *present*, to store *wanted*. Pure."""

    def action(ref: ObjectRef) -> Action:
        if ref not in present:
            return Action.CREATED
        return Action.UNCHANGED if present[ref] == wanted[ref] else Action.CONFIGURED

    gone = sorted(present.keys() - wanted.keys()) if delete_missing else []
    changes = [Change(ref, action(ref)) for ref in sorted(wanted)]
    return ChangeSet.of([*changes, *(Change(ref, Action.DELETED) for ref in gone)])


def lock_objects(cursor: Any, fabric_id: int) -> None:
    """Keep others from changing the fabric or its objects until the caller's transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('hedgehog.fabric_object', %s))", (fabric_id,))
    cursor.execute("SELECT 1 FROM hedgehog.fabric WHERE id = %s FOR NO KEY UPDATE", (fabric_id,))


def lock_object(cursor: Any, fabric_id: int, ref: ObjectRef) -> str | None:
    """The digest of a desired object, which nobody else changes until the caller's transaction ends; None: no such one."""
    lock_objects(cursor, fabric_id)
    cursor.execute(
        "SELECT digest FROM hedgehog.fabric_object WHERE (fabric_id, kind, namespace, name) = (%s, %s, %s, %s) FOR UPDATE",
        (fabric_id, ref.kind, ref.namespace, ref.name),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def delete_objects(connection: Connection, fabric_id: int, refs: Iterable[ObjectRef]) -> None:
    """Delete desired objects; absent ones are not an error."""
    with transaction(connection) as cursor:
        _delete_objects(cursor, fabric_id, sorted(refs))


def _delete_objects(cursor: Any, fabric_id: int, refs: Sequence[ObjectRef]) -> None:
    if refs:
        psycopg2.extras.execute_values(
            cursor,
            "DELETE FROM hedgehog.fabric_object o USING (VALUES %s) AS d (fabric_id, kind, namespace, name) "
            "WHERE (o.fabric_id, o.kind, o.namespace, o.name) = (d.fabric_id, d.kind, d.namespace, d.name)",
            [(fabric_id, ref.kind, ref.namespace, ref.name) for ref in refs],
            template="(%s::bigint, %s, %s, %s)",
            page_size=5000,
        )
