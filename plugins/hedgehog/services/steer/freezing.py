"""Freezes and change windows are made, changed and ended; what waits for them is planned again at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.windows import ChangeWindow
from hedgehog.store import freezes, schedule
from hedgehog.store import windows as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import selected_names


@dataclass(frozen=True, slots=True)
class Steered:
    """What became of one freeze or window."""

    selector: Selector
    action: Action
    fabrics: tuple[str, ...]
    """Those that it is for now."""


def freeze_fabrics(
    connection: Connection,
    selectors: Sequence[Selector],
    *,
    reason: str,
    until: datetime | None,
    now: datetime,
    actor: str,
) -> list[Steered]:
    """Write nothing of the fabrics that *selectors* fit to Git or clusters until *until*, or until it is lifted.

    All of them or none. Raises InvalidInput for a time that has passed, and for an empty reason.
    """
    if until is not None and until <= now:
        raise InvalidInput(f"{until.isoformat()} has passed; give a time that is to come, or none")
    if not 1 <= len(reason.strip()) <= 1000:
        raise InvalidInput("a freeze needs a reason of 1 to 1000 characters")
    with transaction(connection) as cursor:
        done = []
        for selector in selectors:
            action = freezes.save_freeze(cursor, selector, reason=reason, until=until, actor=actor)
            done.append(_steered(connection, selector, action))
            schedule.end_waits(cursor, selector)  # they wait for another end now, and are planned again
        _record(connection, done, "freeze", actor, reason)
    return done


def unfreeze_fabrics(connection: Connection, selectors: Sequence[Selector], *, actor: str) -> list[Steered]:
    """Lift the freezes that were made with these selectors; `unchanged` where there is none. What waited is due at once."""
    with transaction(connection) as cursor:
        done = []
        for selector in selectors:
            lifted = freezes.lift_freeze(cursor, selector, actor=actor)
            done.append(_steered(connection, selector, Action.DELETED if lifted else Action.UNCHANGED))
            schedule.end_waits(cursor, selector)
        _record(connection, done, "unfreeze", actor, "")
    return done


def set_window(connection: Connection, window: ChangeWindow, *, actor: str) -> Steered:
    """Create or change a window; its fabrics, and those that it was for before, are planned again."""
    with transaction(connection) as cursor:
        before = [one.window.selector for one in store.stored_windows(connection) if one.window.name == window.name]
        action = store.save_window(cursor, window, actor=actor)
        for selector in {*before, window.selector}:
            schedule.end_waits(cursor, selector)
        done = _steered(connection, window.selector, action)
        _record(connection, [done], "set-window", actor, window.name)
    return done


def delete_window(connection: Connection, name: str, *, actor: str) -> Steered:
    """Delete a window; what waited for it is planned again. Raises NotFound."""
    with transaction(connection) as cursor:
        selector = store.delete_window(cursor, name)
        schedule.end_waits(cursor, selector)
        done = _steered(connection, selector, Action.DELETED)
        _record(connection, [done], "delete-window", actor, name)
    return done


def _steered(connection: Connection, selector: Selector, action: Action) -> Steered:
    return Steered(selector, action, tuple(selected_names(connection, selector)))


def _record(connection: Connection, done: Sequence[Steered], what: str, actor: str, reason: str) -> None:
    """One row for each fabric that was named; one in all where fabrics were chosen otherwise."""
    for one in done:
        if one.action is not Action.UNCHANGED:
            named = one.fabrics if one.selector == Selector.named(one.fabrics) else ()
            deed = Deed(actor=actor, action=what, fabrics=named, subjects=[one.selector.describe()], reason=reason)
            with transaction(connection) as cursor:
                record_action(cursor, deed)
