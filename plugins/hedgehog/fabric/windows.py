"""Change windows: when fabrics may be written, by the clocks of their time zones. Pure: never asks for the time.

A window opens at the times of a cron expression on the clock of its time zone, and stays open for its duration, which is
real time. A time that the clock skips is as much later as the clock is put forward; of a time that it shows twice, the
first counts. Where the expression says "every hour", a skipped hour has no opening and an hour shown twice has two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from hedgehog.errors import InvalidInput
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.shown import shown

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=7)
_CRON = re.compile(r"[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,-]+){4}")
_WORDS = re.compile(r"(?i)sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")
_SOME_DAY = datetime(2026, 1, 1)
_LARGEST_SHIFT = timedelta(hours=3)
"""More than any clock is put forward or back for summer."""


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """When the fabrics that `selector` fits may be written."""

    name: str
    selector: Selector
    cron: str
    duration: timedelta
    time_zone: str

    def is_open(self, now: datetime) -> bool:
        """Whether it has opened before *now* and not closed since."""
        opened = self.last_opening(now)
        return opened is not None and now < opened + self.duration

    def last_opening(self, now: datetime) -> datetime | None:
        """When it opened last, at *now* or before; None for never."""
        local = self._local(now)
        times = croniter(self.cron, local + _LARGEST_SHIFT)
        best = None
        for wall in _walk(partial(times.get_prev, datetime)):
            if best is not None and wall < local - _LARGEST_SHIFT:
                break
            best = max((one for one in (best, *self._moments(wall)) if one is not None and one <= now), default=None)
        return best

    def next_opening(self, now: datetime) -> datetime | None:
        """When it opens next, after *now*; None for never."""
        local = self._local(now)
        times = croniter(self.cron, local - _LARGEST_SHIFT)
        best = None
        for wall in _walk(partial(times.get_next, datetime)):
            if best is not None and wall > local + _LARGEST_SHIFT:
                break
            best = min((one for one in (best, *self._moments(wall)) if one is not None and one > now), default=None)
        return best

    def _local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)

    def _moments(self, wall: datetime) -> tuple[datetime, ...]:
        """When the clock shows *wall*, in UTC: mostly once."""
        zone = ZoneInfo(self.time_zone)
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second or not self._is_hourly():
            return (first,)
        return (first, second) if first < second else ()

    def _is_hourly(self) -> bool:
        return self.cron.split()[1].startswith("*")


def _walk(step: partial[datetime]) -> Iterator[datetime]:
    """The times of a cron expression in one direction, as far as there are any."""
    try:
        while True:
            yield step()
    except CroniterError:
        return


def opening(windows: Iterable[ChangeWindow], now: datetime) -> datetime | None:
    """When the first of *windows*, all of which are closed at *now*, opens; None for never."""
    return min((one for window in windows if (one := window.next_opening(now)) is not None), default=None)


def checked_window(name: str, selector: Selector, *, cron: str, duration: timedelta, time_zone: str) -> ChangeWindow:
    """A window of these values. Raises InvalidInput for an expression that never comes true, a duration out of bounds
    or a time zone that is not known."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise InvalidInput(f"{shown(name)} is not the name of a window: 1 to 63 letters, digits, '.', '_' and '-'")
    fields = " ".join(cron.split())
    if not _is_cron(fields):
        raise InvalidInput(
            f"{shown(cron)} is not a cron expression; write minute, hour, day, month, weekday: 0 22 * * 1-5"
        )
    if not SHORTEST <= duration <= LONGEST:
        raise InvalidInput(f"window {name}: a duration is 1m to 7d")
    try:
        ZoneInfo(time_zone)
    except (ValueError, OSError, KeyError):
        raise InvalidInput(
            f"{shown(time_zone)} is not a time zone; write Europe/Berlin, America/New_York or UTC"
        ) from None
    return ChangeWindow(name, selector, fields, duration, time_zone)


def _is_cron(fields: str) -> bool:
    if not _CRON.fullmatch(fields) or re.search("[A-Za-z]", _WORDS.sub("", fields)):
        return False  # letters of croniter's own: H and R are values that it chooses itself
    try:
        croniter(fields, _SOME_DAY).get_next(datetime)
    except (CroniterError, ValueError):
        return False
    return True
