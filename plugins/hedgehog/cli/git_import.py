"""`hedgehog fabric import NAME --from-git URL`: a fabric that lives in a Git repository is taken over."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hedgehog.cli.arguments import Parser
from hedgehog.cli.output import cell, first_lines_of, note, progress, show
from hedgehog.cli.session import fabric_database, origin
from hedgehog.fabric.shown import counted

if TYPE_CHECKING:
    from hedgehog.services.transfer.from_git import GitImport

_SHOWN_PROBLEMS = 20


def add_options(parser: Parser) -> None:
    """The options that say which directory of which repository is taken over."""
    group = parser.add_argument_group("from a Git repository that stays the source of truth")
    group.add_argument("--from-git", metavar="URL", help="repository to take over; PATH is then the name of the fabric")
    group.add_argument("--path", metavar="DIR", help="directory of the fabric in the repository; . for all of it")
    group.add_argument("--branch", default="main", help="its branch (%(default)s)")
    group.add_argument("--connection", metavar="ID", help="Airflow connection with the credentials of the repository")


def import_repository(arguments: argparse.Namespace) -> int:
    """Take it over, and say what was taken in and what is a problem; exit status 1 with a problem."""
    from hedgehog.airflow.adapters.hooks import open_mirror
    from hedgehog.services.transfer import from_git

    names = list(dict.fromkeys([*([arguments.fabric] if arguments.fabric else []), *arguments.paths]))
    if len(names) != 1 or not arguments.path:
        arguments.parser.error("--from-git needs the name of one fabric, and --path DIR; . for the whole repository")
    source = from_git.GitSource(arguments.from_git, arguments.path, arguments.branch, arguments.connection)
    with fabric_database(arguments) as connection, progress(arguments, "reading the repository"):
        done = from_git.import_from_git(
            connection,
            names[0],
            source,
            origin=origin(arguments),
            open_mirror=open_mirror,
            settings=dict(arguments.settings),
            dry_run=arguments.dry_run,
        )
    show(arguments, done.as_dict(), lambda: "\n".join(_lines(done, every=arguments.verbose)))
    if arguments.output == "table":
        for text in done.notes:
            note(text)
    return 1 if done.problems else 0


def _lines(done: GitImport, *, every: bool) -> Iterator[str]:
    yield f"repository {cell(done.repository)}: {done.repository_action}"
    yield f"fabric {cell(done.fabric)}: {done.fabric_action}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in done.counts.items())
    total = counted(sum(done.counts.values()), "object")
    yield f"{total} at {cell(done.revision)}{f': {kinds}' if kinds else ''}"
    if done.problems:
        yield f"{counted(len(done.problems), 'problem')}:"
        yield from (f"  {cell(one)}" for one in first_lines_of(done.problems, _SHOWN_PROBLEMS, every=every))
    if done.dry_run:
        yield "dry run: nothing was changed"
