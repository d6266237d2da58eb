"""Dead letters: work that was given up, why, and what happened to it. Triggers on sync_state and inbox write and
resolve them.

A letter is parked as long as its sync state is; discarding it only takes it off the list, its state stays parked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.model import Target
from hedgehog.store import inbox, schedule
from hedgehog.store.database import Connection, transaction


class LetterStatus(StrEnum):
    """What happened to a letter."""

    PARKED = "parked"
    """It waits for a person, or for a change of the fabric."""
    REPLAYED = "replayed"
    RESOLVED = "resolved"
    """The work succeeded, or a change of the fabric made it due again."""
    DISCARDED = "discarded"
    """A person took it off the list; the fabric stays parked until it changes."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that was given up. `verb` is the DAG without its prefix, `conf` what to trigger it with."""

    id: int
    fabric: str
    """Its name; for a delivery of a Git host, that of the repository."""
    target: Target
    status: LetterStatus
    verb: str
    conf: dict[str, Any]
    attempts: int
    error_class: str | None
    message: str
    run_id: str | None
    first_failed_at: datetime
    last_failed_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    note: str


_COLUMNS = (
    "d.id, coalesce(f.name, i.repository), d.target, d.status, d.verb, d.conf, d.attempts, d.error_class, d.message, d.run_id, "
    "d.first_failed_at, d.last_failed_at, d.closed_at, d.closed_by, d.note"
)
_SELECT = (
    f"SELECT {_COLUMNS} FROM hedgehog.dead_letter d LEFT JOIN hedgehog.fabric f ON f.id = d.fabric_id "
    "LEFT JOIN hedgehog.inbox i ON i.id = d.inbox_id"
)
_OPEN = "d.status = 'parked'"
_MATCHES = (
    "(%(ids)s::bigint[] IS NULL OR d.id = ANY(%(ids)s)) AND (%(fabrics)s::text[] IS NULL OR f.name = ANY(%(fabrics)s)) "
    "AND (%(target)s::text IS NULL OR d.target = %(target)s)"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The letters that match everything given; None matches all."""

    ids: Sequence[int] | None = None
    fabrics: Sequence[str] | None = None
    target: Target | None = None

    def parameters(self) -> dict[str, Any]:
        """The values of `_MATCHES`."""
        return {
            "ids": list(self.ids) if self.ids is not None else None,
            "fabrics": list(self.fabrics) if self.fabrics is not None else None,
            "target": self.target.value if self.target else None,
        }


def _letter(row: Sequence[Any]) -> DeadLetter:
    return DeadLetter(row[0], row[1], Target(row[2]), LetterStatus(row[3]), *row[4:])


def letters(
    connection: Connection, selection: Selection, *, closed: bool = False, limit: int = 1000
) -> list[DeadLetter]:
    """The parked letters of *selection*, with *closed* the others too; the newest failure first."""
    where = f"{_MATCHES} AND ({_OPEN} OR %(closed)s)"
    with transaction(connection) as cursor:
        cursor.execute(
            f"{_SELECT} WHERE {where} ORDER BY d.last_failed_at DESC, d.id DESC LIMIT %(limit)s",
            selection.parameters() | {"closed": closed, "limit": limit},
        )
        return [_letter(row) for row in cursor.fetchall()]


def letter(connection: Connection, letter_id: int) -> DeadLetter:
    """One letter, whatever its status. Raises NotFound."""
    with transaction(connection) as cursor:
        cursor.execute(f"{_SELECT} WHERE d.id = %s", (letter_id,))
        row = cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no dead letter {letter_id}; `hedgehog dead-letters list --closed` shows them all")
    return _letter(row)


def replay(connection: Connection, selection: Selection, *, by: str) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """Make the parked letters of *selection* due again, with the attempts counted from zero, and wake the DAGs.

    Returns the letters replayed, and those that stay parked because their fabric is suspended or its sync switched off.
    """
    with transaction(connection) as cursor:
        found = _locked(cursor, selection)
        due_again: set[tuple[Target, str]] = set()
        for target in Target:
            owners = [fabric_id for fabric_id, one in found if one.target is target]
            due_again |= {(target, name) for name in schedule.make_due(connection, target, owners)}
        replayed = [one for _, one in found if (one.target, one.fabric) in due_again]
        deliveries = _locked_deliveries(cursor, selection)
        inbox.take_up_again(cursor, [delivery for delivery, _ in deliveries])
        replayed += [one for _, one in deliveries]
        # This overwrites what the trigger on sync_state has just noted: a person did it.
        _close(cursor, replayed, LetterStatus.REPLAYED, by=by, note="")
    return replayed, [one for _, one in found if one not in replayed]


def discard(connection: Connection, selection: Selection, *, by: str, why: str) -> list[DeadLetter]:
    """Take the parked letters of *selection* off the list; their fabrics stay parked until they change. Returns them."""
    with transaction(connection) as cursor:
        found = _locked(cursor, selection)
        for fabric_id, one in found:
            cursor.execute(
                "UPDATE hedgehog.sync_state SET quiet = true WHERE fabric_id = %s AND target = %s",
                (fabric_id, one.target.value),
            )
        closed = [one for _, one in [*found, *_locked_deliveries(cursor, selection)]]
        _close(cursor, closed, LetterStatus.DISCARDED, by=by, note=why)
    return closed


def _locked(cursor: Any, selection: Selection) -> list[tuple[int, DeadLetter]]:
    """The parked letters with the ids of their fabrics; sync states are locked first, as everywhere."""
    cursor.execute(
        f"SELECT d.fabric_id, {_COLUMNS} FROM hedgehog.sync_state s JOIN hedgehog.dead_letter d "
        "ON (d.fabric_id, d.target) = (s.fabric_id, s.target) JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        "LEFT JOIN hedgehog.inbox i ON i.id = d.inbox_id "
        f"WHERE {_MATCHES} AND {_OPEN} ORDER BY s.fabric_id, s.target FOR UPDATE OF s, d",
        selection.parameters(),
    )
    return [(row[0], _letter(row[1:])) for row in cursor.fetchall()]


def _locked_deliveries(cursor: Any, selection: Selection) -> list[tuple[int, DeadLetter]]:
    """The parked letters of deliveries, with the ids of the deliveries."""
    cursor.execute(
        f"SELECT d.inbox_id, {_COLUMNS} FROM hedgehog.inbox i JOIN hedgehog.dead_letter d ON d.inbox_id = i.id "
        f"LEFT JOIN hedgehog.fabric f ON f.id = d.fabric_id WHERE {_MATCHES} AND {_OPEN} "
        "ORDER BY i.id FOR UPDATE OF i, d",
        selection.parameters(),
    )
    return [(row[0], _letter(row[1:])) for row in cursor.fetchall()]


def _close(cursor: Any, closed: Sequence[DeadLetter], status: LetterStatus, *, by: str, note: str) -> None:
    cursor.execute(
        "UPDATE hedgehog.dead_letter SET status = %s, closed_at = now(), closed_by = %s, note = %s WHERE id = ANY(%s)",
        (status.value, by[:300], note[:1000], [one.id for one in closed]),
    )
