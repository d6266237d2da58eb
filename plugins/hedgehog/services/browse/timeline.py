"""The syncs of a fabric that did something, were held, or failed."""

from __future__ import annotations

from datetime import datetime

from hedgehog.fabric.model import Target
from hedgehog.services.browse.paging import Paged, decoded, microseconds, page_of
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.events import event_rows


def timeline_page(connection: Connection, name: str, *, target: Target | None, limit: int, cursor: str | None) -> Paged:
    """At most *limit* syncs, the newest first. Raises NotFound, InvalidInput for a cursor."""
    fabric = load_fabric(connection, name)
    after = decoded(cursor, (datetime, int))
    rows = event_rows(connection, fabric.id, target, after=after, limit=limit + 1)
    paged = page_of(rows, limit, lambda row: [microseconds(row["finished_at"]), row["id"]])
    return Paged(
        [{**row, "repository": fabric.git_repository} for row in paged.items],
        paged.next_cursor,
    )
