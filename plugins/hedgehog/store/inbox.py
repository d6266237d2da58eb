"""Deliveries of Git hosts, kept until they are processed.

A delivery only says where something happened: processing it reads the host itself. A replayed, lost or reordered
delivery therefore changes only the time at which something is noticed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hedgehog.store.database import Connection, Lock, jsonb, transaction, try_locks, unlock
from hedgehog.store.sync_state import MAX_ATTEMPTS, backoff

CHANNEL = "hedgehog_inbox"
BRANCH = "branch"
"""The kind of a delivery: a branch has a new head."""
PULL_REQUEST = "pull_request"
"""The kind of a delivery: a pull request is to be checked."""

BACKOFF_BASE = 30.0
"""The longest wait, in seconds, before a failed delivery is tried a second time; doubled with each try."""
MOST_KILLED = 3
"""How many times in a row a process may die while it works on a delivery before the delivery is given up."""
_FORGOTTEN_AFTER = "1 minute"
_REMIND_EVERY = "4 minutes"


class DeliveryStatus(StrEnum):
    """What happened to a delivery."""

    RECEIVED = "received"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    """It is retried automatically until it has failed `MAX_ATTEMPTS` times; a redelivery retries it at once."""
    IGNORED = "ignored"


class Receipt(StrEnum):
    """What `store_delivery` did with a delivery."""

    ACCEPTED = "accepted"
    TAKEN_UP_AGAIN = "taken up again"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery as it comes in. `digest` is the SHA-256 of its body; `ignored` says why it needs no processing."""

    delivery_id: str
    digest: str
    kind: str
    event: str
    repository: str
    url: str
    action: str = ""
    number: int | None = None
    branch: str = ""
    before: str = ""
    after: str = ""
    head: str = ""
    base: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that is being processed.

    Of kind BRANCH: *branch* of the repository was at *before* and is at *after* (either may be empty). Of kind
    PULL_REQUEST: *number* asks to merge the commit *head* of *branch* into the branch *base*; without a number, a merge
    queue does.
    """

    id: int
    delivery_id: str
    kind: str
    event: str
    action: str
    repository: str
    """`owner/name` as the host says it."""
    url: str
    """The clone URL, which tells the host as well."""
    number: int | None
    branch: str
    before: str
    after: str
    head: str
    base: str
    summary: dict[str, Any]
    attempts: int
    """How often it was claimed, including this time."""
    killed: int = 0
    """How often in a row the process that worked on it died."""


_COLUMNS = "id, delivery_id, kind, event, action, repository, url, number, branch, before, after, head, base, summary, attempts, killed"
_ORDER = "ORDER BY killed + (status = 'processing')::integer, id"
_OPEN = "status IN ('received', 'processing', 'failed') AND next_attempt_at <= now()"


def store_delivery(connection: Connection, arrival: Arrival) -> Receipt:
    """Store a delivery, and wake the DAG that processes it. A repeated one is a duplicate, unless it had failed.

    A repeated delivery has the same id or the same body: the header that carries the id is not signed. Needs only the
    permissions that the role `hedgehog_webhook` has (include/sql/roles).
    """
    status = DeliveryStatus.IGNORED if arrival.ignored else DeliveryStatus.RECEIVED
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.inbox (delivery_id, digest, kind, event, action, repository, url, number, branch, "
            "before, after, head, base, summary, status, reason, finished_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, "
            "%s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END) ON CONFLICT DO NOTHING",
            (
                arrival.delivery_id,
                arrival.digest,
                arrival.kind,
                arrival.event,
                arrival.action,
                arrival.repository,
                arrival.url,
                arrival.number,
                arrival.branch,
                arrival.before,
                arrival.after,
                arrival.head,
                arrival.base,
                jsonb(dict(arrival.summary)),
                status.value,
                arrival.ignored,
                bool(arrival.ignored),
            ),
        )
        if cursor.rowcount:
            return Receipt.IGNORED if arrival.ignored else Receipt.ACCEPTED
        cursor.execute("SELECT hedgehog.take_up_again(%s, %s)", (arrival.delivery_id, arrival.digest))
        taken_up = cursor.fetchone()
        return Receipt.TAKEN_UP_AGAIN if taken_up and taken_up[0] else Receipt.DUPLICATE


def pending(connection: Connection, kinds: Sequence[str], limit: int = 1000) -> list[Delivery]:
    """The deliveries that wait, oldest first, those whose process was killed last. For plans: claims nothing, see `claim`."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.inbox WHERE kind = ANY(%s) AND {_OPEN} {_ORDER} LIMIT %s",
            (list(kinds), limit),
        )
        return [Delivery(*row) for row in cursor.fetchall()]


def claim(
    connection: Connection, kinds: Sequence[str], limit: int = 100, *, ids: Sequence[int] | None = None
) -> list[Delivery]:
    """Claim deliveries to process, oldest first; only those of *ids*, if given. Each needs one `finish`.

    They belong to this connection: when the process dies, or the connection is closed, they wait again, behind the
    others. The attempt is counted now, and so is a previous process that died; the caller reports and finishes a
    delivery whose `killed` is MOST_KILLED or more.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT id FROM hedgehog.inbox WHERE kind = ANY(%(kinds)s) AND {_OPEN} "
            "AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s)) "
            f"{_ORDER} LIMIT %(limit)s",
            {"kinds": list(kinds), "ids": list(ids) if ids is not None else None, "limit": limit},
        )
        candidates = [row[0] for row in cursor.fetchall()]
    locked = try_locks(connection, Lock.INBOX, candidates)
    with transaction(connection) as cursor:
        cursor.execute(
            # Another process may have finished one before we locked it.
            "UPDATE hedgehog.inbox SET status = 'processing', attempts = attempts + 1, "
            f"killed = killed + (status = 'processing')::integer WHERE id = ANY(%s) AND {_OPEN} RETURNING {_COLUMNS}",
            (sorted(locked),),
        )
        taken = sorted((Delivery(*row) for row in cursor.fetchall()), key=lambda delivery: delivery.id)
    unlock(connection, Lock.INBOX, locked - {delivery.id for delivery in taken})
    return taken


def finish(
    connection: Connection,
    delivery_id: int,
    status: DeliveryStatus,
    reason: str = "",
    *,
    retry_after: float | None = None,
    retryable: bool = True,
    jitter: random.Random | None = None,
) -> None:
    """Record what happened to the delivery with this `id`, and release it.

    One that FAILED is retried after *retry_after* seconds or the back-off; after `MAX_ATTEMPTS` tries, or when it
    is not *retryable*, only when the host delivers it again.
    """
    with transaction(connection) as cursor:
        cursor.execute("SELECT attempts FROM hedgehog.inbox WHERE id = %s FOR UPDATE", (delivery_id,))
        row = cursor.fetchone()
        attempts = row[0] if row else 0
        delay = None
        if status is DeliveryStatus.FAILED and retryable and attempts < MAX_ATTEMPTS:
            delay = backoff(attempts, BACKOFF_BASE, retry_after, jitter or random.SystemRandom())
        cursor.execute(
            "UPDATE hedgehog.inbox SET status = %s, reason = %s, finished_at = now(), "
            # One that was killed too often stays given up.
            "killed = CASE WHEN killed >= %s THEN killed ELSE 0 END, "
            "next_attempt_at = CASE WHEN %s THEN now() + make_interval(secs => %s) ELSE 'infinity' END WHERE id = %s",
            (status.value, reason[:1000], MOST_KILLED, delay is not None, delay or 0.0, delivery_id),
        )
    unlock(connection, Lock.INBOX, [delivery_id])


def given_up(connection: Connection, kind: str) -> list[Delivery]:
    """The deliveries of *kind* that are not retried automatically."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM hedgehog.inbox WHERE kind = %s AND status = 'failed' "
            "AND next_attempt_at = 'infinity' ORDER BY id",
            (kind,),
        )
        return [Delivery(*row) for row in cursor.fetchall()]


def mark_handled(connection: Connection, delivery_ids: Sequence[int], reason: str) -> None:
    """Mark deliveries that were given up as done: the branch has been read since."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.inbox SET status = 'done', reason = %s WHERE id = ANY(%s) AND status = 'failed' "
            "AND next_attempt_at = 'infinity'",
            (reason[:1000], list(delivery_ids)),
        )


def take_up_again(cursor: Any, delivery_ids: Sequence[int]) -> set[int]:
    """Make failed deliveries due again, inside the caller's transaction, and return their ids."""
    cursor.execute(
        "UPDATE hedgehog.inbox SET status = 'received', reason = '', attempts = 0, next_attempt_at = now(), "
        "finished_at = NULL WHERE id = ANY(%s) AND status = 'failed' RETURNING id",
        (list(delivery_ids),),
    )
    return {row[0] for row in cursor.fetchall()}


def remind(connection: Connection, kind: str) -> int:
    """Repeat the wake-up for deliveries of *kind* that are overdue, and return how many there are.

    For a DAG without a schedule. A delivery is announced again only every few minutes, so that reminders cannot cause
    each other endlessly.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            f"UPDATE hedgehog.inbox SET reminded_at = now() WHERE kind = %s AND {_OPEN} "
            f"AND next_attempt_at < now() - interval '{_FORGOTTEN_AFTER}' "
            f"AND coalesce(reminded_at, '-infinity') < now() - interval '{_REMIND_EVERY}'",
            (kind,),
        )
        found = cursor.rowcount
        if found:
            cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, kind))
    return found


def count_refusals(connection: Connection, refusals: Mapping[str, int]) -> None:
    """Add to the counters of refused deliveries, by reason."""
    with transaction(connection) as cursor:
        for reason in sorted(refusals):
            cursor.execute(
                "INSERT INTO hedgehog.webhook_refusal (reason, count) VALUES (%s, %s) ON CONFLICT (reason) DO UPDATE "
                "SET count = hedgehog.webhook_refusal.count + excluded.count, last_at = now()",
                (reason, refusals[reason]),
            )


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """The number of deliveries by status, and of refused ones by reason."""

    deliveries: dict[str, int]
    refusals: dict[str, int]


def count_deliveries(connection: Connection) -> InboxCounts:
    """Count the deliveries in the inbox, and those that were refused."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT status, count(*) FROM hedgehog.inbox GROUP BY status ORDER BY status")
        deliveries = dict(cursor.fetchall())
        cursor.execute("SELECT reason, count FROM hedgehog.webhook_refusal ORDER BY reason")
        return InboxCounts(
            {status.value: deliveries.get(status.value, 0) for status in DeliveryStatus}, dict(cursor.fetchall())
        )
