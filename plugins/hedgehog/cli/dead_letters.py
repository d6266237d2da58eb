"""`hedgehog dead-letters …`: work that was given up, and what to do with it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hedgehog.cli.arguments import Parser, add_command, add_group
from hedgehog.cli.output import Screen, age, pairs, screen, show, table
from hedgehog.cli.session import fabric_database, user
from hedgehog.fabric.model import Target
from hedgehog.services.steer.letters import discard_letters, replay_letters
from hedgehog.services.upkeep import dead_letters as service
from hedgehog.store import dead_letters as store
from hedgehog.store.dead_letters import DeadLetter, Selection

_COLUMNS = ("id", "fabric", "target", "status", "attempts", "error", "since", "last", "message")


def add_commands(commands: Any) -> None:
    """Add `dead-letters` and its subcommands."""
    group = add_group(commands, "dead-letters", summary="show work that was given up, replay it, or discard it")
    parser = add_command(
        group,
        "list",
        _list,
        summary="list what is parked, the newest failure first",
        examples="hedgehog dead-letters list\nhedgehog dead-letters list --closed --output json",
    )
    parser.add_argument("fabrics", nargs="*", metavar="NAME", help="only of these fabrics; default: all")
    _add_target(parser)
    parser.add_argument("--closed", action="store_true", help="include replayed, resolved and discarded ones")
    parser = add_command(group, "show", _show, summary="show everything that is known about one")
    parser.add_argument("id", type=int, metavar="ID")
    _add_replay(group)
    parser = add_command(
        group,
        "discard",
        _discard,
        summary="remove one from the list; its fabric stays parked until it changes or is forced",
        examples='hedgehog dead-letters discard 7 --reason "site is being taken down, CHG-17"',
    )
    _add_selection(parser)
    parser.add_argument("--reason", required=True, metavar="TEXT", help="kept with your name")


def _add_replay(group: Any) -> None:
    parser = add_command(
        group,
        "replay",
        _replay,
        summary="make parked work due again, at once, with all its attempts available again",
        examples="""
        hedgehog dead-letters replay 7 8
        hedgehog dead-letters replay --fabric gen
        hedgehog dead-letters replay --all --target kubernetes --dry-run
        """,
    )
    _add_selection(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be due; change nothing")


def _add_selection(parser: Parser) -> None:
    parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="numbers, as `list` shows them")
    parser.add_argument("--fabric", action="append", default=[], dest="fabrics", metavar="NAME", help="all of a fabric")
    parser.add_argument("--all", action="store_true", dest="every", help="every one that is parked")
    _add_target(parser)


def _add_target(parser: Parser) -> None:
    parser.add_argument("--target", choices=[target.value for target in Target], help="only this one; default: both")


def _target(arguments: argparse.Namespace) -> Target | None:
    return Target(arguments.target) if arguments.target else None


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        selection = Selection(target=_target(arguments))
        if arguments.fabrics:
            selection = service.select(connection, fabrics=arguments.fabrics, target=_target(arguments))
        found = store.letters(connection, selection, closed=arguments.closed)
    show(
        arguments,
        [service.letter_as_dict(one) for one in found],
        lambda: _table(found, datetime.now(UTC), screen(arguments)),
    )
    return 0


def _table(letters: Sequence[DeadLetter], now: datetime, screen: Screen) -> str:
    rows = [
        (
            one.id,
            one.fabric,
            one.target.value,
            one.status.value,
            one.attempts,
            one.error_class,
            age(one.first_failed_at, now),
            age(one.last_failed_at, now),
            one.message,
        )
        for one in letters
    ]
    return table(_COLUMNS, rows, nothing="there are no dead letters", screen=screen)


def _show(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        found = service.letter_as_dict(store.letter(connection, arguments.id))
    show(arguments, found, lambda: pairs(found))
    return 0


def _selection(arguments: argparse.Namespace, connection: Any) -> Selection:
    return service.select(
        connection,
        ids=arguments.ids,
        fabrics=arguments.fabrics,
        target=_target(arguments),
        every=arguments.every,
    )


def _replay(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        selection = _selection(arguments, connection)
        done = replay_letters(connection, selection, actor=user(), dry_run=arguments.dry_run)
    show(arguments, done.as_dict(), lambda: "\n".join(done.lines()) or "nothing is parked")
    return 0


def _discard(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        selection = _selection(arguments, connection)
        done = discard_letters(connection, selection, reason=arguments.reason, actor=user())
    lines = [f"{one.id}: {one.fabric} → {one.target} is removed from the list and stays parked" for one in done]
    data = {"discarded": [service.letter_as_dict(one) for one in done]}
    show(arguments, data, lambda: "\n".join(lines) or "nothing is parked")
    return 0
