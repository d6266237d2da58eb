"""Cursors and pages: a cursor is the place of the last row, in a form that only we read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from hedgehog.errors import InvalidInput
from hedgehog.store.listings.keyset import Row


@dataclass(frozen=True, slots=True)
class Paged:
    """A part of a list; `next_cursor` is None at its end."""

    items: Sequence[Any]
    next_cursor: str | None = None
    total: int | None = None


def page_of(rows: Sequence[Row], limit: int, place: Callable[[Row], Sequence[Any]], order: str = "") -> Paged:
    """The first *limit* of *rows*, of which one more was read; *place* says where the next page begins."""
    if len(rows) <= limit:
        return Paged(list(rows))
    return Paged(list(rows[:limit]), encoded([order, *place(rows[limit - 1])]))


def encoded(values: Sequence[Any]) -> str:
    """A cursor for these values."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def decoded(cursor: str | None, types: Sequence[type], order: str = "") -> list[Any] | None:
    """The values of a cursor of this *order*. Raises InvalidInput for one that is not ours, or of another order."""
    if cursor is None:
        return None
    try:
        found = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        found = None
    if not isinstance(found, list) or len(found) != len(types) + 1 or found[0] != order:
        raise InvalidInput("this cursor does not belong to this list and order; begin without one")
    values: list[Any] = found[1:]
    if not all(_fits(value, wanted) for value, wanted in zip(values, types, strict=True)):
        raise InvalidInput("this cursor does not belong to this list and order; begin without one")
    return [_moment(value) if wanted is datetime else value for value, wanted in zip(values, types, strict=True)]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = {int: 2**62, datetime: 200_000_000_000_000_000}
"""Of a number in a cursor; of a time in microseconds, which is in the year 8307."""


def _fits(value: Any, wanted: type) -> bool:
    if wanted is str:
        return isinstance(value, str) and "\0" not in value
    return type(value) is int and abs(value) <= _LARGEST[wanted] // (1 if wanted is int or value > 0 else 10)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """A time as a cursor has it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
