"""`hedgehog repository …`: the Git repositories of fabrics."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hedgehog.cli.arguments import add_command, add_group, add_reason
from hedgehog.cli.output import pairs, screen, show, table
from hedgehog.cli.session import fabric_database, origin
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.store import fabrics as store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin

_COLUMNS = ("name", "branch", "connection", "fabrics", "url")


def add_commands(commands: Any) -> None:
    """Add `repository` and its subcommands."""
    group = add_group(commands, "repository", summary="show Git repositories, and delete one that no fabric uses")
    add_command(group, "list", _list, summary="list all repositories", examples="hedgehog repository list")
    parser = add_command(group, "show", _show, summary="show the settings of a repository and the fabrics in it")
    parser.add_argument("repository", metavar="NAME")
    parser = add_command(
        group,
        "delete",
        _delete,
        summary="delete a repository that no fabric uses from the database; its content stays",
        examples="hedgehog repository delete typo --yes",
    )
    parser.add_argument("repository", metavar="NAME")
    parser.add_argument("--yes", action="store_true", required=True, help="required: only an import can bring it back")
    add_reason(parser)


def _fabrics(connection: Connection) -> dict[int, list[Fabric]]:
    """The fabrics of each repository, by its id."""
    found: dict[int, list[Fabric]] = {}
    for fabric in store.load_fabrics(connection):
        if fabric.git_repository is not None:
            found.setdefault(fabric.git_repository.id, []).append(fabric)
    return found


def _plain(repository: GitRepository, fabrics: Sequence[Fabric]) -> dict[str, Any]:
    values = {key: value for key, value in asdict(repository).items() if key != "id"}
    return values | {"fabrics": {fabric.name: fabric.git_directory for fabric in fabrics}}


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        fabrics = _fabrics(connection)
        found = [_plain(one, fabrics.get(one.id, ())) for one in store.load_repositories(connection)]
    rows = [(one["name"], one["branch"], one["connection_id"], len(one["fabrics"]), one["url"]) for one in found]
    nothing = "there are no repositories; `hedgehog fabric import` creates one"
    show(arguments, found, lambda: table(_COLUMNS, rows, nothing=nothing, screen=screen(arguments)))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        repository = store.load_repository(connection, arguments.repository)
        found = _plain(repository, _fabrics(connection).get(repository.id, ()))

    def text() -> str:
        rows = list(found["fabrics"].items())
        settings = {key: value for key, value in found.items() if key != "fabrics"}
        return f"{pairs(settings)}\n\n{table(('fabric', 'directory'), rows, nothing='no fabric uses it')}"

    show(arguments, found, text)
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection, transaction(connection) as cursor:
        set_origin(cursor, origin(arguments))
        store.delete_repository(connection, arguments.repository)
    text = f"{arguments.repository} is deleted from the database; its content stays as it is"
    show(arguments, {"repository": arguments.repository, "action": "deleted"}, lambda: text)
    return 0
