"""What changed since a page last asked. The cursor is the end of the snapshot that it saw, so that nothing is missed:
a transaction that ended in between is behind it, whenever it began.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hedgehog.store.database import Connection
from hedgehog.store.listings.change_marks import KEPT, Mark, marks_since

MOST_FABRICS = 1000
_MOST_MARKS = 5000
_FRESH = KEPT / 4
"""Seconds after which a page gets a new cursor though nothing changed, so that none becomes too old."""
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,12})-([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """What changed: names of fabrics and other topics. Not `complete`: nobody knows, read everything again."""

    cursor: str
    complete: bool
    fabrics: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


def changed_since(connection: Connection, cursor: str) -> ChangedSince | None:
    """What changed since the answer with this *cursor*; None: nothing. One query, whatever the fleet."""
    known = _CURSOR.fullmatch(cursor)
    if known is None:
        look = marks_since(connection, None, limit=1)
        # What was committed beside this snapshot has marks from its end on; this reader has seen none of them.
        return ChangedSince(_cursor(look.beginning, look.at.timestamp(), ()), complete=False)
    beginning, at, seen = int(known[1]), int(known[2]), known[3]
    look = marks_since(connection, beginning, limit=_MOST_MARKS)
    now = look.at.timestamp()
    fresh = _cursor(look.beginning, now, look.marks)
    fabrics = sorted({mark.fabric for mark in look.marks if mark.topic == "fabric"})
    if now - at > KEPT / 2 or len(look.marks) >= _MOST_MARKS or len(fabrics) > MOST_FABRICS:
        return ChangedSince(fresh, complete=False)
    if _digest(look.marks, beginning) == seen:
        return ChangedSince(fresh, complete=True) if now - at > _FRESH else None
    topics = sorted({mark.topic for mark in look.marks} - {"fabric"})
    return ChangedSince(fresh, True, tuple(fabrics), tuple(topics))


def _cursor(beginning: int, at: float, marks: Iterable[Mark]) -> str:
    return f"{beginning}-{int(at)}-{_digest(marks, beginning)}"


def _digest(marks: Iterable[Mark], beginning: int) -> str:
    """Which marks from *beginning* on were seen."""
    seen = sorted({one.transaction for one in marks if one.transaction >= beginning})
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
