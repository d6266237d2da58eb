"""Stores objects as the change of those who wrote them elsewhere: the authors of commits, the field managers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedgehog.fabric.changes import Action, Change, ChangeSet
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.gitops.history import Edit
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin


def save_as_written(
    connection: Connection, fabric_id: int, written: Sequence[tuple[ObjectRef, Manifest | None, Origin]]
) -> ChangeSet:
    """Store each object, or remove it where there is no manifest, as the change of its origin; all of it or nothing."""
    by_origin: dict[Origin, list[tuple[ObjectRef, Manifest | None]]] = {}
    for ref, manifest, origin in written:
        by_origin.setdefault(origin, []).append((ref, manifest))
    changes: list[Change] = []
    with transaction(connection) as cursor:
        for origin, objects in by_origin.items():
            set_origin(cursor, origin)
            changes += _save(connection, fabric_id, objects)
    return ChangeSet.of(changes)


def _save(
    connection: Connection, fabric_id: int, objects: Sequence[tuple[ObjectRef, Manifest | None]]
) -> Iterator[Change]:
    gone = [ref for ref, manifest in objects if manifest is None]
    kept = [manifest for _, manifest in objects if manifest is not None]
    yield from object_store.save_objects(connection, fabric_id, kept).changes
    object_store.delete_objects(connection, fabric_id, gone)
    yield from (Change(ref, Action.DELETED) for ref in gone)


def of_commit(edit: Edit | None, *, why: str = "", run: str | None = None) -> Origin:
    """The origin of what a commit says; *why* replaces its subject. Without a known commit, somebody's."""
    if edit is None:
        return Origin(who="somebody", via=Via.GIT, why=why, run=run)
    return Origin(who=edit.author, via=Via.GIT, why=why or edit.subject, run=run, commit=edit.commit)


def of_manager(manager: str, *, why: str, run: str | None = None) -> Origin:
    """The origin of what *manager* wrote in a cluster; the cluster may not have named it."""
    return Origin(who=manager or "somebody", via=Via.CLUSTER, why=why, run=run)


def adopted_by(origin: Origin) -> str:
    """The reason of a change that somebody took over from elsewhere."""
    return f"adopted by {origin.who}{f': {origin.why}' if origin.why else ''}"
