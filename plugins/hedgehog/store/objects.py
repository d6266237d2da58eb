"""The desired objects of fabrics, each with the digest of its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def load_objects(connection: Connection, fabric_ids: Sequence[int]) -> dict[int, list[StoredObject]]:
    """All desired objects of the fabrics, each list by kind, namespace, name."""
    found: dict[int, list[StoredObject]] = {fabric_id: [] for fabric_id in fabric_ids}
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id, kind, namespace, name, manifest, digest FROM hedgehog.fabric_object WHERE fabric_id = ANY(%s) "
            "ORDER BY kind, namespace, name",
            (list(fabric_ids),),
        )
        for row in cursor.fetchall():
            ref = ObjectRef(*row[1:4])
            found[row[0]].append(StoredObject(ref, _manifest(ref, row[4]), row[5]))
    return found


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
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('hedgehog.fabric_object', %s))", (fabric_id,))
        cursor.execute(
            "SELECT kind, namespace, name, manifest FROM hedgehog.fabric_object WHERE fabric_id = %s", (fabric_id,)
        )
        present = {ObjectRef(*row[:3]): row[3] for row in cursor.fetchall()}
        changes = [
            Change(
                ref,
                Action.CREATED
                if ref not in present
                else Action.UNCHANGED
                if present[ref] == manifest
                else Action.CONFIGURED,
            )
            for ref, manifest in sorted(wanted.items())
        ]
        rows = [
            (fabric_id, change.ref.kind, change.ref.namespace, change.ref.name, jsonb(wanted[change.ref]))
            for change in changes
            if change.action is not Action.UNCHANGED
        ]
        if rows:
            psycopg2.extras.execute_values(
                cursor,
                "INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest) VALUES %s "
                "ON CONFLICT (fabric_id, kind, namespace, name) DO UPDATE SET manifest = excluded.manifest",
                rows,
                page_size=5000,
            )
        if delete_missing:
            to_delete = sorted(present.keys() - wanted.keys())
            _delete_objects(cursor, fabric_id, to_delete)
            changes += [Change(ref, Action.DELETED) for ref in to_delete]
    return ChangeSet.of(changes)


def lock_object(cursor: Any, fabric_id: int, ref: ObjectRef) -> str | None:
    """The digest of a desired object, which nobody else changes until the caller's transaction ends; None: no such one."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('hedgehog.fabric_object', %s))", (fabric_id,))
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
