"""What the last dry runs of a fabric found, and what that concerns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hedgehog.fabric.blast_radius import blast_radius
from hedgehog.fabric.changes import WRITES
from hedgehog.fabric.model import ObjectRef
from hedgehog.store import git_files
from hedgehog.store.database import Connection
from hedgehog.store.dry_runs import dry_run_rows
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.keyset import Row
from hedgehog.store.objects import load_objects


def last_dry_runs(connection: Connection, name: str) -> list[Row]:
    """The last dry run at each target. Raises NotFound."""
    fabric = load_fabric(connection, name)
    rows = dry_run_rows(connection, fabric.id)
    if not rows:
        return []
    before = {ObjectRef.of(one): one for one in git_files.published(connection, [fabric.id])[fabric.id]}
    after = {one.ref: one.manifest for one in load_objects(connection, [fabric.id])[fabric.id]}
    return [
        {
            **row,
            "dag_id": _DAGS[row["target"]],
            "blast_radius": blast_radius(_written(row["changes"]), before, after).as_dict(),
        }
        for row in rows
    ]


def _written(changes: Iterable[Row]) -> Iterator[ObjectRef]:
    """The objects that would be written or deleted; what is a path of a file is none."""
    for change in changes:
        if change["action"] in WRITES:
            try:
                yield ObjectRef.parse(change["subject"])
            except ValueError:
                continue


_DAGS = {"git": "hedgehog_git_sync", "kubernetes": "hedgehog_kubernetes_sync"}
