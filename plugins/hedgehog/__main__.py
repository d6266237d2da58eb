"""The `hedgehog` command, from a clone (`bin/hedgehog`) or as `python -m hedgehog`; Airflow need not run.

Exit status: 0 done, 1 it could not be done (`hedgehog: error: …` on stderr, one line each), 2 wrong arguments.
Checks (`validate`, `schemas diff`): 0 everything is in order, 1 it is not, 2 it could not be checked.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from hedgehog import __version__
from hedgehog.cli import (
    addresses,
    backup,
    dead_letters,
    drift,
    fabric,
    freezing,
    health,
    history,
    hydrate,
    installation,
    metrics,
    objects,
    plan,
    proposals,
    pull_request,
    repository,
    rollback,
    rollout,
    schemas,
    status,
    sync,
    validate,
    webhook,
)
from hedgehog.cli.arguments import Parser, add_command, add_common, add_group
from hedgehog.cli.output import own_stdout, print_error, say, show, write_result
from hedgehog.cli.session import fabric_database
from hedgehog.errors import HedgehogError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as for a process that a signal ended."""
_DESCRIPTION = "Keeps Hedgehog network fabrics the same in the fabric database, in Git and in Kubernetes."
_EPILOG = """\
examples:
  hedgehog setup                                    what an Airflow needs once
  hedgehog fabric import fabric.yaml wiring/ vpcs/
  hedgehog status
  hedgehog COMMAND --help                           all about a command
"""


def build_parser() -> Parser:
    """All commands and options."""
    parser = Parser(prog="hedgehog", description=_DESCRIPTION, epilog=_EPILOG)
    add_common(parser)
    parser.add_argument("--version", action="version", version=f"hedgehog {__version__}")
    parser.set_defaults(parser=parser, run=None)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    _add_setup(commands)
    add_command(commands, "migrate", _migrate, summary="bring the tables of the fabric database up to date")
    fabric.add_commands(commands)
    objects.add_commands(commands)
    repository.add_commands(commands)
    webhook.add_commands(commands)
    status.add_commands(commands)
    sync.add_commands(commands)
    freezing.add_commands(commands)
    plan.add_commands(commands)
    rollout.add_commands(commands)
    proposals.add_commands(commands)
    pull_request.add_commands(commands)
    drift.add_commands(commands)
    history.add_commands(commands)
    rollback.add_commands(commands)
    health.add_commands(commands)
    metrics.add_commands(commands)
    validate.add_commands(commands)
    hydrate.add_commands(commands)
    addresses.add_commands(commands)
    schemas.add_commands(commands)
    dead_letters.add_commands(commands)
    backup.add_commands(commands)
    installation.add_commands(commands)
    group = add_group(commands, "crds", summary="the custom resource definitions that clusters need")
    crds = add_command(
        group,
        "render",
        _render_crds,
        summary="write the definitions of all kinds, made from include/schemas, for clusters without Hedgehog",
        examples="hedgehog crds render | kubectl apply --server-side -f -\nhedgehog crds render --output crds/",
        without=("output", "database"),
    )
    crds.add_argument("--output", "--directory", dest="directory", type=Path, metavar="DIR", help="one file per kind")
    return parser


def _add_setup(commands: Any) -> None:
    """`setup` belongs to the glue, which imports Airflow: that takes seconds that no other command should need."""
    parser = add_command(
        commands,
        "setup",
        _setup,
        summary="prepare an Airflow: create tables and pools, and try every connection; run it as often as you like",
        examples="hedgehog setup\nhedgehog setup --check",
        without=("output", "database"),
    )
    parser.fill = _fill_setup


def _fill_setup(parser: Parser) -> None:
    from hedgehog.airflow.setup import add_arguments

    add_arguments(parser)


def _setup(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.setup import run

    with redirect_stdout(arguments.stdout):
        return run(arguments)


def _migrate(arguments: argparse.Namespace) -> int:
    from hedgehog.store.migrate import migrate

    with fabric_database(arguments, migrated=False) as connection:
        applied = migrate(connection)
    done = "\n".join(f"applied {name}" for name in applied) or "the fabric database is up to date"
    show(arguments, {"applied": applied}, lambda: done)
    return 0


def _render_crds(arguments: argparse.Namespace) -> int:
    from hedgehog.fabric.render import dump
    from hedgehog.kube.crds import render_all
    from hedgehog.manifests.schema import SCHEMAS

    definitions = {definition["metadata"]["name"]: dump(definition) for definition in render_all(SCHEMAS)}
    if arguments.directory is None:
        write_result(arguments, b"---\n".join(definitions.values()))
        return 0
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for name, text in definitions.items():
        (arguments.directory / f"{name}.yaml").write_bytes(text)
    say(arguments, f"{len(definitions)} definitions written to {arguments.directory}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; leaves through SystemExit(2) on wrong arguments."""
    _ready_streams()
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()
    except HedgehogError as error:
        return _failed(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader is gone; leave silently
        return 0
    except OSError as error:
        return _failed(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return INTERRUPTED


def _ready_streams() -> None:
    """Characters that the terminal's encoding lacks are written as escapes; a closed stream discards everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    arguments.parser.refuse_unknown(unknown)
    if arguments.run is None:
        parser.print_help()
        return 0
    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("hedgehog").setLevel(logging.INFO if arguments.verbose else logging.ERROR)
    with own_stdout(arguments):
        status: int = arguments.run(arguments)
    return status


def _failed(message: str) -> int:
    print_error(message)
    return 1


if __name__ == "__main__":
    sys.exit(main())
