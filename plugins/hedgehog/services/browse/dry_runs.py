"""What the last dry runs of a fabric found."""

from __future__ import annotations

from hedgehog.store.database import Connection
from hedgehog.store.dry_runs import dry_run_rows
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.keyset import Row


def last_dry_runs(connection: Connection, name: str) -> list[Row]:
    """The last dry run at each target. Raises NotFound."""
    return dry_run_rows(connection, load_fabric(connection, name).id)
