"""Work that was given up, page by page."""

from __future__ import annotations

from datetime import datetime

from hedgehog.fabric.model import Target
from hedgehog.services.browse.paging import Paged, decoded, microseconds, page_of
from hedgehog.services.browse.runs import run_of
from hedgehog.services.upkeep.dead_letters import letter_as_dict
from hedgehog.store import dead_letters as store
from hedgehog.store.database import Connection
from hedgehog.store.listings.dead_letters import letter_rows
from hedgehog.store.listings.keyset import Row


def letter_page(
    connection: Connection,
    *,
    fabric: str | None,
    target: Target | None,
    closed: bool,
    limit: int,
    cursor: str | None,
) -> Paged:
    """At most *limit* dead letters, the newest failure first. Raises InvalidInput for a cursor."""
    after = decoded(cursor, (datetime, int))
    rows = letter_rows(connection, fabric=fabric, target=target, closed=closed, after=after, limit=limit + 1)
    paged = page_of(rows, limit, lambda row: [microseconds(row["last_failed_at"]), row["id"]])
    return Paged([_with_dag(row) for row in paged.items], paged.next_cursor)


def letter_detail(connection: Connection, number: int) -> Row:
    """One dead letter, whatever happened to it. Raises NotFound."""
    return _with_dag(letter_as_dict(store.letter(connection, number)))


def _with_dag(row: Row) -> Row:
    return {**row, "dag": f"hedgehog_{row['verb']}", **run_of(row["run_id"])}
