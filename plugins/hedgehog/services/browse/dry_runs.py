"""What the last dry runs of a fabric found."""

from __future__ import annotations

from hedgehog.store.database import Connection
from hedgehog.store.dry_runs import dry_run_rows
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.keyset import Row


def last_dry_runs(connection: Connection, name: str) -> list[Row]:
    """The last dry run at each target. Raises NotFound."""
    rows = dry_run_rows(connection, load_fabric(connection, name).id)
    return [{**row, "dag_id": _DAGS[row["target"]]} for row in rows]


_DAGS = {"git": "hedgehog_git_sync", "kubernetes": "hedgehog_kubernetes_sync"}
