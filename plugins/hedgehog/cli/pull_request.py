"""`hedgehog pull-request …`: the pull requests by which changes of fabrics get into their repositories."""

from __future__ import annotations

import argparse
from typing import Any

from hedgehog.cli.arguments import add_command, add_group, add_reason
from hedgehog.cli.output import cell, show
from hedgehog.cli.session import fabric_database, origin
from hedgehog.services.steer.pull_requests import renew_request


def add_commands(commands: Any) -> None:
    """Add `pull-request` and its subcommands."""
    group = add_group(commands, "pull-request", summary="pull requests for the changes of fabrics")
    parser = add_command(
        group,
        "renew",
        _renew,
        summary="ask again for the changes of a fabric, whose pull request somebody closed without merging",
        examples="hedgehog pull-request renew gen --reason CHG-17",
    )
    parser.add_argument("fabric", metavar="FABRIC")
    add_reason(parser)


def _renew(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        url = renew_request(connection, arguments.fabric, origin(arguments))
    text = f"the next sync opens a pull request in place of {cell(url)}"
    show(arguments, {"fabric": arguments.fabric, "rejected": url}, lambda: text)
    return 0
