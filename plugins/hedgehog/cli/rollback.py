"""`hedgehog rollback`: a fabric becomes again what it was."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import OBJECT_HELP, Parser, add_command, add_reason
from hedgehog.cli.git_change import git_change_lines
from hedgehog.cli.history import MOMENT
from hedgehog.cli.output import cell, first_lines_of, note, progress, show
from hedgehog.cli.proposals import note_proposal
from hedgehog.cli.session import fabric_database, origin

if TYPE_CHECKING:
    from hedgehog.services.steer.git_rollback import GitRollback
    from hedgehog.services.steer.rollback import Rollback
    from hedgehog.store.database import Connection

_FIELDS_SHOWN = 20


def add_commands(commands: Any) -> None:
    """Add `rollback`."""
    parser: Parser = add_command(
        commands,
        "rollback",
        _rollback,
        summary="make a fabric, or some of its objects, again what it was: a new change with the old content",
        examples="""
        hedgehog rollback gen --to 12                                       # shows what would change
        hedgehog rollback gen --to 12 --yes --reason "CHG-17 broke the peering"
        hedgehog rollback gen --to 2d --object VPC/default/prod --yes
        hedgehog rollback gen --to 12 --without-git --yes                   # the Git host is down
        """,
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument("--to", required=True, dest="moment", metavar="MOMENT", help=MOMENT)
    parser.add_argument(
        "--object", action="append", default=[], dest="objects", metavar="OBJECT",
        help=f"only this object, {OBJECT_HELP}; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--without-git",
        action="store_true",
        help="the cluster gets it at once; Git follows when its host answers again",
    )
    parser.add_argument("--allow-invalid", action="store_true", help="also what a cluster would refuse now")
    parser.add_argument(
        "--yes", action="store_true", help="do it; without this option, it is only shown and the exit status is 1"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show it; exit status 0")
    add_reason(parser)


def _rollback(arguments: argparse.Namespace) -> int:
    from hedgehog.fabric.model import SourceOfTruth
    from hedgehog.store.fabrics import load_fabric

    with fabric_database(arguments) as connection:
        fabric = load_fabric(connection, arguments.fabric)
        in_git = _in_git(arguments, connection) if fabric.source_of_truth is SourceOfTruth.GIT else None
        rollback = in_git.rollback if in_git else _in_database(arguments, connection)
    done = (in_git or rollback).as_dict()
    show(arguments, done, lambda: "\n".join(_lines(rollback, in_git, every=arguments.verbose)))
    if rollback.proposal is not None:
        note_proposal(rollback.proposal)
    if arguments.yes or arguments.dry_run or rollback.is_empty:
        return 0
    note("nothing was changed; do it with --yes")
    return 1


def _options(arguments: argparse.Namespace, connection: Connection) -> dict[str, Any]:
    from hedgehog.services.browse.history import recorded_objects

    return {
        "refs": recorded_objects(connection, arguments.fabric, arguments.objects),
        "origin": origin(arguments),
        "now": datetime.now(UTC),
        "dry_run": arguments.dry_run or not arguments.yes,
        "allow_invalid": arguments.allow_invalid,
    }


def _in_database(arguments: argparse.Namespace, connection: Connection) -> Rollback:
    from hedgehog.services.steer.rollback import roll_back

    return roll_back(
        connection,
        arguments.fabric,
        arguments.moment,
        without_git=arguments.without_git,
        **_options(arguments, connection),
    )


def _in_git(arguments: argparse.Namespace, connection: Connection) -> GitRollback:
    from hedgehog.airflow.adapters.hooks import open_host, open_mirror
    from hedgehog.services.steer.git_rollback import refuse_without_git, roll_back_in_git

    refuse_without_git(arguments.fabric, without_git=arguments.without_git)
    with progress(arguments, "reading and writing Git"):
        return roll_back_in_git(
            connection,
            arguments.fabric,
            arguments.moment,
            open_mirror=open_mirror,
            open_host=open_host,
            **_options(arguments, connection),
        )


def _lines(rollback: Rollback, in_git: GitRollback | None, *, every: bool) -> Iterator[str]:
    from hedgehog.services.plans.text import plan_text

    name = rollback.fabric
    if rollback.is_empty:
        yield f"{name} is what it was in {cell(rollback.to)}"
        return
    yield f"{name} {'would be' if rollback.dry_run or rollback.proposal else 'is'} again what it was in {cell(rollback.to)}"
    yield plan_text(rollback.plan, every=every)
    settings = (cell(field) for field in rollback.settings)
    yield from (f"setting {line}" for line in first_lines_of(settings, _FIELDS_SHOWN, every=every))
    if rollback.kept_settings:
        yield f"not rolled back: {', '.join(rollback.kept_settings)}"
    if in_git is not None:
        yield from git_change_lines(in_git.git, dry_run=rollback.dry_run)
    elif rollback.generation is not None:
        yield f"it is generation {rollback.generation}; `hedgehog trace {name}` shows how far it has come"
