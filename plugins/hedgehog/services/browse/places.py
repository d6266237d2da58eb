"""Everything around fabrics: what has a health, which clusters there are, what waits, and what Git hosts sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hedgehog.services.browse.paging import Paged, decoded, page_of
from hedgehog.store.database import Connection
from hedgehog.store.health import Scope, latest
from hedgehog.store.inbox import DeliveryStatus
from hedgehog.store.listings import places as listing
from hedgehog.store.listings.keyset import Row


def health_overview(connection: Connection) -> Row:
    """Repositories, credentials, services, clusters and queues, as they were last checked."""
    rows = [row for scope in Scope if scope is not Scope.FABRIC for row in latest(connection, scope)]
    clusters = listing.cluster_rows(connection)
    return {
        "rows": rows,
        "clusters": [{**one, "health": dict(sorted(Counter(one["healths"]).items()))} for one in clusters],
        "queues": listing.queue_rows(connection),
    }


def delivery_page(
    connection: Connection,
    *,
    repository: str | None,
    statuses: Sequence[DeliveryStatus],
    limit: int,
    cursor: str | None,
) -> Paged:
    """At most *limit* deliveries, the newest first. Raises InvalidInput for a cursor."""
    rows = listing.delivery_rows(
        connection,
        repository=repository,
        statuses=[status.value for status in statuses],
        after=decoded(cursor, (int,)),
        limit=limit + 1,
    )
    return page_of(rows, limit, lambda row: [row["id"]])


def pull_request_page(connection: Connection, *, repository: str | None, limit: int, cursor: str | None) -> Paged:
    """At most *limit* pull requests, each by its last delivery, the newest first. Raises InvalidInput for a cursor."""
    after = decoded(cursor, (int,))
    rows = listing.pull_request_rows(connection, repository=repository, after=after, limit=limit + 1)
    paged = page_of(rows, limit, lambda row: [row["id"]])
    return Paged([_pull_request(row) for row in paged.items], paged.next_cursor)


def _pull_request(row: Row) -> Row:
    same = (
        "repository",
        "number",
        "branch",
        "base",
        "head",
        "status",
        "action",
        "received_at",
        "checked_at",
        "fabrics",
    )
    return {
        **{name: row[name] for name in same},
        "url": row["url"],
        "host": row["host"],
        "author": row["sender"] or "",
        "result": row["reason"],
    }
