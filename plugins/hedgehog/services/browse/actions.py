"""What people did with the API."""

from __future__ import annotations

from hedgehog.services.browse.paging import Paged, decoded, page_of
from hedgehog.store.actions import action_rows
from hedgehog.store.database import Connection


def action_page(connection: Connection, *, fabric: str | None, limit: int, cursor: str | None) -> Paged:
    """At most *limit* actions, the newest first."""
    rows = action_rows(connection, fabric, after=decoded(cursor, (int,)), limit=limit + 1)
    return page_of(rows, limit, lambda row: [row["id"]])
