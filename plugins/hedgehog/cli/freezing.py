"""`hedgehog freeze`, `unfreeze`, `window …`: when nothing may be written to Git and clusters."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hedgehog.cli.arguments import add_command, add_end, add_group, duration, end_of
from hedgehog.cli.output import age, screen, show, table, until
from hedgehog.cli.selection import add_select, add_selection, require_selection, selection
from hedgehog.cli.session import fabric_database, user
from hedgehog.fabric.changes import Action
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.shown import counted
from hedgehog.fabric.windows import ChangeWindow, checked_window
from hedgehog.services.steer.freezing import (
    Steered,
    delete_window,
    freeze_fabrics,
    set_window,
    unfreeze_fabrics,
)
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.freezes import Freeze, active_freezes
from hedgehog.store.windows import StoredWindow, stored_windows


def add_commands(commands: Any) -> None:
    """Add `freeze`, `unfreeze` and `window`."""
    parser = add_command(
        commands,
        "freeze",
        _freeze,
        summary="write nothing of fabrics to Git or clusters for a while; watching, plans and what Git brings in go on",
        examples="""
        hedgehog freeze gen --reason "incident 42" --for 2h
        hedgehog freeze --select site=fra --reason "audit, CHG-17" --until 2026-12-27T06:00+01:00
        hedgehog freeze --all --reason "end of the year"
        hedgehog freeze --list
        """,
    )
    add_selection(parser, everything=True)
    parser.add_argument("--reason", metavar="TEXT", help="shown wherever something waits for it; required")
    add_end(parser)
    parser.add_argument("--list", action="store_true", dest="listed", help="show what is frozen now, and why")
    parser = add_command(
        commands,
        "unfreeze",
        _unfreeze,
        summary="lift freezes: name what was frozen as it was frozen; what waited is due at once",
        examples="hedgehog unfreeze gen\nhedgehog unfreeze --select site=fra\nhedgehog unfreeze --all",
    )
    add_selection(parser, everything=True)
    _add_windows(commands)


def _add_windows(commands: Any) -> None:
    group = add_group(commands, "window", summary="change windows: when fabrics may be written")
    parser = add_command(
        group,
        "set",
        _set,
        summary="create or change a window; its fabrics are written only while a window of theirs is open",
        examples="""
        hedgehog window set nights --select site=fra --cron "0 22 * * 1-5" --for 6h --time-zone Europe/Berlin
        hedgehog window set gen-weekend --fabric gen --cron "0 20 * * 5" --for 58h --time-zone America/New_York
        """,
    )
    parser.add_argument("window", metavar="WINDOW", help="its name")
    parser.add_argument("--cron", required=True, metavar="CRON", help="when it opens: minute hour day month weekday")
    parser.add_argument(
        "--for", required=True, type=duration, dest="span", metavar="DURATION", help="how long it stays open, 1m to 7d"
    )
    parser.add_argument("--time-zone", required=True, metavar="ZONE", help="whose clock counts, as in Europe/Berlin")
    parser.add_argument("--fabric", action="append", default=[], dest="fabrics", metavar="NAME", help="for this fabric")
    add_select(parser)
    parser.add_argument("--all", action="store_true", dest="every_fabric", help="for all fabrics")
    add_command(group, "list", _list, summary="show all windows, and when they open")
    parser = add_command(group, "delete", _delete, summary="delete a window; what waited for it is planned again")
    parser.add_argument("window", metavar="WINDOW", help="its name")


def _freeze(arguments: argparse.Namespace) -> int:
    if arguments.listed:
        return _show_freezes(arguments)
    require_selection(arguments)
    if not arguments.reason:
        arguments.parser.error("the following arguments are required: --reason")
    now = datetime.now(UTC)
    end = end_of(arguments, now)
    with fabric_database(arguments) as connection:
        done = freeze_fabrics(
            connection, _selectors(arguments, connection), reason=arguments.reason, until=end, now=now, actor=user()
        )
    said = f"until {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if end else "until the freeze is lifted"
    words = {Action.CREATED: "frozen", Action.CONFIGURED: "frozen", Action.UNCHANGED: "unchanged"}
    lines = [
        f"{_who(one)} {'was' if one.action is Action.UNCHANGED else 'is'} frozen {said}; a run that is at work ends first"
        for one in done
    ]
    show(arguments, [_data(one, words[one.action]) for one in done], lambda: "\n".join(lines))
    return 0


def _unfreeze(arguments: argparse.Namespace) -> int:
    require_selection(arguments)
    with fabric_database(arguments) as connection:
        done = unfreeze_fabrics(connection, _selectors(arguments, connection), actor=user())
        rest = active_freezes(connection)
    lines = [_lifted(one) for one in done]
    if rest:
        lines.append(f"{counted(len(rest), 'other freeze')} in force; `hedgehog freeze --list` shows which")
    words = {Action.DELETED: "unfrozen", Action.UNCHANGED: "unchanged"}
    show(arguments, [_data(one, words[one.action]) for one in done], lambda: "\n".join(lines))
    return 0


def _lifted(one: Steered) -> str:
    if one.action is Action.UNCHANGED:
        return f"{one.selector.describe()}: no such freeze; nothing was changed"
    return f"{_who(one)} is no longer frozen by this freeze; what waited is due at once"


def _selectors(arguments: argparse.Namespace, connection: Connection) -> list[Selector]:
    """One for each fabric that is named, which must exist; else what `--select` or `--all` says."""
    wanted = selection(arguments)
    if wanted is not None:
        return [wanted]
    return [Selector.named([load_fabric(connection, name).name]) for name in dict.fromkeys(arguments.fabrics)]


def _who(one: Steered) -> str:
    if one.selector == Selector.named(one.fabrics):
        return ", ".join(one.fabrics)
    return f"each of the {one.selector.describe()} ({len(one.fabrics)} now)"


def _data(one: Steered, word: str) -> dict[str, Any]:
    return {"selector": str(one.selector), "action": word, "fabrics": list(one.fabrics)}


def _show_freezes(arguments: argparse.Namespace) -> int:
    if arguments.reason or arguments.span or arguments.until or arguments.fabrics or selection(arguments) is not None:
        arguments.parser.error("--list shows all freezes; it goes with no other option")
    with fabric_database(arguments) as connection:
        found = active_freezes(connection)
    now = datetime.now(UTC)
    rows = [
        (one.selector.describe(), age(one.frozen_at, now), until(one.until, now), one.frozen_by, one.reason)
        for one in found
    ]
    columns = ("what", "since", "ends", "by", "reason")
    text = table(columns, rows, nothing="nothing is frozen", screen=screen(arguments))
    show(arguments, [_freeze_data(one) for one in found], lambda: text)
    return 0


def _freeze_data(one: Freeze) -> dict[str, Any]:
    return {
        "selector": str(one.selector),
        "reason": one.reason,
        "until": one.until,
        "frozen_by": one.frozen_by,
        "frozen_at": one.frozen_at,
    }


def _set(arguments: argparse.Namespace) -> int:
    require_selection(arguments)
    with fabric_database(arguments) as connection:
        for name in arguments.fabrics:
            load_fabric(connection, name)  # raises NotFound with near names
        wanted = selection(arguments) or Selector.named(arguments.fabrics)
        window = checked_window(
            arguments.window, wanted, cron=arguments.cron, duration=arguments.span, time_zone=arguments.time_zone
        )
        done = set_window(connection, window, actor=user())
    now = datetime.now(UTC)
    line = f"window {window.name} {done.action}: {window.selector.describe()}, {len(done.fabrics)} now; {_when(window, now)}"
    show(arguments, _window_data(window, len(done.fabrics), now) | {"action": done.action.value}, lambda: line)
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        done = delete_window(connection, arguments.window, actor=user())
    verb = "is" if len(done.fabrics) == 1 else "are"
    line = f"window {arguments.window} is deleted; {counted(len(done.fabrics), 'fabric')} {verb} planned again"
    show(arguments, {"name": arguments.window, "action": "deleted", "fabrics": list(done.fabrics)}, lambda: line)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        found = stored_windows(connection)
    now = datetime.now(UTC)
    show(
        arguments,
        [_window_data(one.window, one.fabrics, now) for one in found],
        lambda: _windows(arguments, found, now),
    )
    return 0


def _windows(arguments: argparse.Namespace, found: Sequence[StoredWindow], now: datetime) -> str:
    rows = [
        (
            one.window.name,
            one.window.selector.describe(),
            one.fabrics,
            one.window.cron,
            _span(one.window.duration),
            one.window.time_zone,
            _when(one.window, now),
        )
        for one in found
    ]
    columns = ("window", "for", "fabrics now", "opens at", "stays open", "time zone", "state")
    nothing = "there are no windows: every fabric may always be written"
    return table(columns, rows, nothing=nothing, screen=screen(arguments))


def _when(window: ChangeWindow, now: datetime) -> str:
    opened, opens = window.last_opening(now), window.next_opening(now)
    if opened is not None and window.is_open(now):
        return f"open, closes {until(opened + window.duration, now)}"
    return f"closed, opens {until(opens, now)}" if opens else "closed, never opens again"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _window_data(window: ChangeWindow, fabrics: int, now: datetime) -> dict[str, Any]:
    return {
        "name": window.name,
        "selector": str(window.selector),
        "fabrics": fabrics,
        "cron": window.cron,
        "minutes": int(window.duration.total_seconds() // 60),
        "time_zone": window.time_zone,
        "open": window.is_open(now),
        "opens": window.next_opening(now),
    }
