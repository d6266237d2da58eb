"""Change windows as they are stored, and which fabrics they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.changes import Action
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.windows import ChangeWindow
from hedgehog.store.database import Connection, jsonb, transaction

_FIELDS = "w.name, w.selector, w.cron, w.duration, w.time_zone"


def _window(row: Sequence[Any]) -> ChangeWindow:
    return ChangeWindow(row[0], Selector.of(row[1]), *row[2:])


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A window, how many fabrics it is for now, and who made it."""

    window: ChangeWindow
    fabrics: int
    created_by: str


def stored_windows(connection: Connection) -> list[StoredWindow]:
    """All windows by name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM hedgehog.fabric f WHERE hedgehog.selects(w.selector, f)), w.created_by, "
            f"{_FIELDS} FROM hedgehog.change_window w ORDER BY w.name"
        )
        return [StoredWindow(_window(row[2:]), row[0], row[1]) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class FabricWindows:
    """The windows of a fabric, and whether drift is corrected outside of them."""

    windows: tuple[ChangeWindow, ...]
    corrects_drift: bool


def windows_of(connection: Connection, names: Sequence[str]) -> dict[str, FabricWindows]:
    """The windows of each of the fabrics that has any."""
    found: dict[str, FabricWindows] = {}
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT f.name, f.drift_outside_windows = 'correct', {_FIELDS} FROM hedgehog.change_window w "
            "JOIN hedgehog.fabric f ON f.name = ANY(%s) AND hedgehog.selects(w.selector, f) ORDER BY w.name",
            (list(names),),
        )
        for name, corrects, *row in cursor.fetchall():
            others = found[name].windows if name in found else ()
            found[name] = FabricWindows((*others, _window(row)), corrects)
    return found


def save_window(cursor: Any, window: ChangeWindow, *, actor: str) -> Action:
    """Create or change a window, inside the caller's transaction."""
    cursor.execute(
        "INSERT INTO hedgehog.change_window AS w (name, selector, cron, duration, time_zone, created_by) "
        "VALUES (%(name)s, %(selector)s, %(cron)s, %(duration)s, %(zone)s, %(actor)s) ON CONFLICT (name) DO UPDATE SET "
        "selector = excluded.selector, cron = excluded.cron, duration = excluded.duration, "
        "time_zone = excluded.time_zone, created_by = excluded.created_by, created_at = now() "
        "WHERE (w.selector, w.cron, w.duration, w.time_zone) "
        "IS DISTINCT FROM (excluded.selector, excluded.cron, excluded.duration, excluded.time_zone) RETURNING xmax = 0",
        {
            "name": window.name,
            "selector": jsonb(window.selector.as_data()),
            "cron": window.cron,
            "duration": window.duration,
            "zone": window.time_zone,
            "actor": actor,
        },
    )
    row = cursor.fetchone()
    return Action.UNCHANGED if row is None else Action.CREATED if row[0] else Action.CONFIGURED


def delete_window(cursor: Any, name: str) -> Selector:
    """Delete a window, inside the caller's transaction; which fabrics it was for. Raises NotFound, with similar names."""
    cursor.execute("DELETE FROM hedgehog.change_window WHERE name = %s RETURNING selector", (name,))
    row = cursor.fetchone()
    if row is None:
        cursor.execute("SELECT name FROM hedgehog.change_window ORDER BY name")
        known = [one for (one,) in cursor.fetchall()]
        raise NotFound(
            f"there is no window {name!r}; {did_you_mean(name, known, otherwise='`hedgehog window list` shows them all')}"
        )
    return Selector.of(row[0])
