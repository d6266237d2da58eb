"""Change windows: open when the clock of their time zone says so, also on the days when that clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.windows import ChangeWindow, checked_window, opening

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
FOREVER = timedelta(days=400)


def window(cron, zone, *, hours=4.0):
    """A window for all fabrics."""
    return ChangeWindow("w", Selector(), cron, timedelta(hours=hours), zone)


def utc(text):
    """`2026-03-29 01:30` as a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def openings(one, start, end):
    """All openings of a window after *start* until *end*, as text in UTC; the way back finds the same."""
    found, at = [], utc(start)
    while (at := one.next_opening(at)) is not None and at <= utc(end):
        found.append(at)
    back, at = [], utc(end)
    while (at := one.last_opening(at)) is not None and at > utc(start):
        back.append(at)
        at -= timedelta(microseconds=1)
    assert back[::-1] == found
    return [f"{moment:%m-%d %H:%M}" for moment in found]


@pytest.mark.parametrize(
    ("cron", "zone", "start", "end", "expected"),
    [
        # Berlin puts its clock forward on 29 March 2026 at 02:00 (01:00 UTC), and back on 25 October at 03:00 (01:00 UTC).
        ("0 22 * * *", BERLIN, "2026-03-27 22:00", "2026-03-30 22:00", ["03-28 21:00", "03-29 20:00", "03-30 20:00"]),
        ("30 2 * * *", BERLIN, "2026-03-28 02:00", "2026-03-30 02:00", ["03-29 01:30", "03-30 00:30"]),
        ("0 3 * * *", BERLIN, "2026-03-28 03:00", "2026-03-29 03:00", ["03-29 01:00"]),
        ("0 * * * *", BERLIN, "2026-03-28 23:00", "2026-03-29 02:00", ["03-29 00:00", "03-29 01:00", "03-29 02:00"]),
        ("30 2 * * *", BERLIN, "2026-10-24 02:00", "2026-10-26 02:00", ["10-25 00:30", "10-26 01:30"]),
        ("30 * * * *", BERLIN, "2026-10-24 23:30", "2026-10-25 02:30", ["10-25 00:30", "10-25 01:30", "10-25 02:30"]),
        ("0 22 * * *", BERLIN, "2026-10-24 00:00", "2026-10-25 22:00", ["10-24 20:00", "10-25 21:00"]),
        # New York: forward on 8 March 2026 at 02:00 (07:00 UTC), back on 1 November at 02:00 (06:00 UTC).
        ("15 2 * * 0", NEW_YORK, "2026-03-01 08:00", "2026-03-15 08:00", ["03-08 07:15", "03-15 06:15"]),
        ("0 1 * * *", NEW_YORK, "2026-10-31 06:00", "2026-11-02 06:00", ["11-01 05:00", "11-02 06:00"]),
        (
            "*/30 * * * *",
            NEW_YORK,
            "2026-03-08 06:00",
            "2026-03-08 07:30",
            ["03-08 06:30", "03-08 07:00", "03-08 07:30"],
        ),
        ("0 */2 * * *", NEW_YORK, "2026-03-08 04:30", "2026-03-08 08:30", ["03-08 05:00", "03-08 08:00"]),
        ("0 20 * * 5", NEW_YORK, "2026-10-24 00:00", "2026-11-07 02:00", ["10-31 00:00", "11-07 01:00"]),
        # Lord Howe: half an hour. Forward on 4 October 2026 at 02:00 (3 October 15:30 UTC), back on 5 April at 02:00
        # (4 April 15:00 UTC).
        ("15 2 * * *", LORD_HOWE, "2026-10-02 16:00", "2026-10-04 16:00", ["10-03 15:45", "10-04 15:15"]),
        ("0 * * * *", LORD_HOWE, "2026-10-03 14:00", "2026-10-03 16:30", ["10-03 14:30", "10-03 16:00"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-03 15:00", "2026-04-05 16:00", ["04-04 14:45", "04-05 15:15"]),
        (
            "45 * * * *",
            LORD_HOWE,
            "2026-04-04 14:00",
            "2026-04-04 16:30",
            ["04-04 14:45", "04-04 15:15", "04-04 16:15"],
        ),
    ],
)
def test_openings_over_a_change_of_the_clock(cron, zone, start, end, expected):
    """A skipped time comes later, a repeated one once; where every hour is meant, every real hour counts."""
    assert openings(window(cron, zone), start, end) == expected


@pytest.mark.parametrize(
    ("zone", "cron", "opens", "closes"),
    [
        (BERLIN, "0 1 * * *", "2026-03-29 00:00", "2026-03-29 04:00"),
        (BERLIN, "0 1 * * *", "2026-10-24 23:00", "2026-10-25 03:00"),
        (NEW_YORK, "0 0 * * *", "2026-03-08 05:00", "2026-03-08 09:00"),
        (NEW_YORK, "0 0 * * *", "2026-11-01 04:00", "2026-11-01 08:00"),
        (LORD_HOWE, "0 1 * * *", "2026-10-03 14:30", "2026-10-03 18:30"),
        (LORD_HOWE, "0 1 * * *", "2026-04-04 14:00", "2026-04-04 18:00"),
    ],
)
def test_a_window_is_open_for_its_duration_in_real_time(zone, cron, opens, closes):
    """Four hours are four hours, whatever the clock on the wall does meanwhile."""
    one, moment = window(cron, zone), timedelta(seconds=1)
    states = [one.is_open(at) for at in (utc(opens) - moment, utc(opens), utc(closes) - moment, utc(closes))]
    assert states == [False, True, True, False]


def test_a_window_may_be_open_over_midnight_and_for_days():
    """Its last opening counts, however long ago it was."""
    weekend = window("0 20 * * 5", BERLIN, hours=58)
    assert weekend.is_open(utc("2026-11-29 23:00"))
    assert not weekend.is_open(utc("2026-11-30 06:00"))


def test_the_first_of_several_windows_that_opens_counts():
    """None when none ever does."""
    late, early = window("0 5 * * *", "UTC"), window("0 3 * * *", "UTC")
    assert opening([late, early], utc("2026-01-01 00:00")) == utc("2026-01-01 03:00")
    assert opening([], utc("2026-01-01 00:00")) is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"cron": "0 22 * *"}, "is not a cron expression"),
        ({"cron": "0 0 31 2 *"}, "is not a cron expression"),
        ({"cron": "0 25 * * *"}, "is not a cron expression"),
        ({"cron": "H 22 * * *"}, "is not a cron expression"),
        ({"cron": "@daily"}, "is not a cron expression"),
        ({"cron": "0 0 22 * * 1"}, "is not a cron expression"),
        ({"duration": timedelta(seconds=30)}, "a duration is 1m to 7d"),
        ({"duration": timedelta(days=8)}, "a duration is 1m to 7d"),
        ({"time_zone": "Mars/Base"}, "'Mars/Base' is not a time zone"),
        ({"time_zone": "../etc/passwd"}, "is not a time zone"),
        ({"time_zone": ""}, "is not a time zone"),
        ({"name": "a b"}, "'a b' is not the name of a window"),
    ],
)
def test_a_window_that_means_nothing_is_refused(values, said):
    """Before anything waits for it."""
    right = {"name": "w", "cron": "0 22 * * 1-5", "duration": timedelta(hours=1), "time_zone": BERLIN}
    assert checked_window(selector=Selector(), **right).cron == "0 22 * * 1-5"
    with pytest.raises(InvalidInput, match=said):
        checked_window(selector=Selector(), **{**right, **values})


def test_names_of_days_and_months_are_read():
    """They have letters that croniter gives another meaning: H and R."""
    one = checked_window("w", Selector(), cron="0  22 * MAR thu,FRI", duration=timedelta(hours=1), time_zone="UTC")
    assert one.next_opening(utc("2026-01-01 00:00")) == utc("2026-03-05 22:00")
