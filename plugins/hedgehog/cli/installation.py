"""`hedgehog installation`: which installation this is, by the mark on what it writes to clusters."""

from __future__ import annotations

import argparse
from typing import Any

from hedgehog.cli.arguments import add_command, add_group
from hedgehog.cli.output import say, show
from hedgehog.cli.session import fabric_database


def add_commands(commands: Any) -> None:
    """Add the group `installation`."""
    group = add_group(
        commands,
        "installation",
        summary="the mark by which installations that share a cluster tell each other's objects",
    )
    add_command(
        group,
        "show",
        _show,
        summary="print the id of this installation, and of those whose place it took",
        examples="hedgehog installation show",
    )
    parser = add_command(
        group,
        "take-over",
        _take_over,
        summary="take the place of an installation that is no more: its objects in all clusters are this one's",
        examples="hedgehog installation take-over 3f2a9c0d1e4b5a67",
        without=("output",),
    )
    parser.add_argument("id", metavar="ID", help="as the message about an object that is held names it")


def _show(arguments: argparse.Namespace) -> int:
    from hedgehog.store import installations

    with fabric_database(arguments) as connection:
        ours = installations.load(connection)
    former = sorted(ours.known - {"", ours.id})
    show(
        arguments,
        {"id": ours.id, "former": former},
        lambda: "\n".join([ours.id, *(f"in place of {one}" for one in former)]),
    )
    return 0


def _take_over(arguments: argparse.Namespace) -> int:
    from hedgehog.fabric.model import Target
    from hedgehog.store import fabrics, installations, schedule
    from hedgehog.store.database import transaction

    with fabric_database(arguments) as connection, transaction(connection) as cursor:
        installations.take_over(cursor, [arguments.id])
        schedule.make_due(connection, Target.KUBERNETES, [one.id for one in fabrics.load_fabrics(connection)])
    say(arguments, f"objects of installation {arguments.id} are this one's; the next syncs go on with them")
    return 0
