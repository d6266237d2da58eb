"""`hedgehog object …`: the desired objects of fabrics, listed, shown, edited, deleted and found."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli import object_edit
from hedgehog.cli.arguments import OBJECT_HELP, Parser, add_command, add_group, add_reason
from hedgehog.cli.git_change import git_access, git_change_lines
from hedgehog.cli.output import age, first_lines_of, note, progress, say, screen, show, table
from hedgehog.cli.proposals import note_proposal
from hedgehog.cli.session import fabric_database, origin
from hedgehog.fabric.shown import counted
from hedgehog.services.browse.object_states import ObjectState

if TYPE_CHECKING:
    from hedgehog.services.steer.deletions import Deletion
    from hedgehog.store.database import Connection
    from hedgehog.store.objects import StoredObject

_PAGE = 500
_FOUND, _MOST_FOUND = 200, 10_000
"""How many objects `find` shows, unless told otherwise, and at most."""
_SHOWN_USERS = 10
"""How many of the objects that need another one are named."""


def add_commands(commands: Any) -> None:
    """Add `object` and its subcommands."""
    group = add_group(commands, "object", summary="list, show, edit, delete and find the objects of fabrics")
    _add_list(group)
    parser = add_command(
        group,
        "get",
        _get,
        summary="print objects as YAML, as the fabric database has them",
        examples="hedgehog object get gen VPC/default/prod\nhedgehog object get gen vpc/prod vpc/stor > vpcs.yaml",
    )
    add_objects(parser)
    object_edit.add_command_to(group)
    _add_delete(group)
    _add_find(group)


def add_objects(parser: Parser) -> None:
    """The arguments that name a fabric, and objects of it."""
    parser.add_argument("fabric", metavar="FABRIC")
    parser.add_argument("objects", nargs="+", metavar="OBJECT", help=OBJECT_HELP)


def _add_list(group: Any) -> None:
    parser = add_command(
        group,
        "list",
        _list,
        summary="list the objects of a fabric, and how each stands in Git and in the cluster",
        examples="hedgehog object list gen\nhedgehog object list gen --kind vpc --state refused --state held",
    )
    parser.add_argument("fabric", metavar="FABRIC")
    parser.add_argument("--kind", metavar="KIND", help="only objects of this kind")
    states = [one.value for one in ObjectState]
    parser.add_argument(
        "--state", action="append", default=[], choices=states, dest="states", help="only objects that stand like this"
    )
    parser.add_argument("--search", default="", metavar="TEXT", help="only objects with this in their name")


def _add_delete(group: Any) -> None:
    parser = add_command(
        group,
        "delete",
        _delete,
        summary="remove objects from a fabric; shows what still needs them",
        examples="""
        hedgehog object delete gen VPC/default/prod                    # shows what that means
        hedgehog object delete gen VPC/default/prod --yes --reason "the tenant has left"
        """,
    )
    add_objects(parser)
    add_reason(parser)
    parser.add_argument(
        "--yes", action="store_true", help="do it; without this option, it is only shown and the exit status is 1"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show it; exit status 0")
    parser.add_argument(
        "--allow-invalid", action="store_true", help="remove them from the database although a cluster would keep them"
    )


def _add_find(group: Any) -> None:
    parser = add_command(
        group,
        "find",
        _find,
        summary="find the objects of a fabric, or of all, that use a value, and the fields that hold it",
        examples="""
        hedgehog object find --all vlan=1200
        hedgehog object find --all 10.3.0.7          # also the subnets that it is in
        hedgehog object find gen server-17
        hedgehog object find --all 65102:5000 --output json
        """,
    )
    parser.add_argument("fabric", nargs="?", metavar="FABRIC", help="or all of them, with --all")
    parser.add_argument(
        "value", metavar="VALUE",
        help="a name, VLAN, address, subnet, community or other value; FIELD=VALUE: only in fields of that name",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", dest="every_fabric", help="in all fabrics")
    parser.add_argument(
        "--limit", type=_limit, default=_FOUND, metavar="N", help="at most so many objects (%(default)s)"
    )


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_FOUND:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_FOUND}")
    return int(text)


def _list(arguments: argparse.Namespace) -> int:
    from hedgehog.services.browse.naming import kind_named
    from hedgehog.services.browse.objects import ObjectFilter, object_page

    kind = kind_named(arguments.kind) if arguments.kind else None
    wanted = ObjectFilter(kind, tuple(arguments.states), arguments.search)
    rows: list[Mapping[str, Any]] = []
    with fabric_database(arguments) as connection:
        page = object_page(connection, arguments.fabric, wanted, limit=_PAGE)
        rows += page.items
        while page.next_cursor:
            page = object_page(connection, arguments.fabric, wanted, limit=_PAGE, cursor=page.next_cursor)
            rows += page.items
    now = datetime.now(UTC)
    lines = [(one["ref"], one["state"], age(one["changed_at"], now), one["reason"]) for one in rows]
    columns = ("object", "state", "changed", "why")
    nothing = f"fabric {arguments.fabric} has no such objects"
    show(arguments, rows, lambda: table(columns, lines, nothing=nothing, screen=screen(arguments)))
    return 0


def _get(arguments: argparse.Namespace) -> int:
    from hedgehog.fabric.render import dump

    with fabric_database(arguments) as connection:
        found = chosen_objects(connection, arguments.fabric, arguments.objects)
    manifests = [one.manifest for one in found]
    if arguments.output == "json":
        show(arguments, manifests, str)
    else:
        say(arguments, "---\n".join(dump(manifest).decode() for manifest in manifests).rstrip("\n"))
    return 0


def _find(arguments: argparse.Namespace) -> int:
    from hedgehog.services.browse.find import found_page

    if (arguments.fabric is None) != arguments.every_fabric:
        both = "; not both" if arguments.every_fabric else ""
        arguments.parser.error(f"name a fabric, or say --all{both}")
    with fabric_database(arguments) as connection, progress(arguments, "searching"):
        page = found_page(connection, arguments.value, fabric=arguments.fabric, limit=arguments.limit)
    columns = ("fabric", "object", "where")
    rows = [
        (one["fabric"], one["ref"], [f"{place['path']}: {place['value']}" for place in one["places"]])
        for one in page.items
    ]
    nothing = f"nothing uses {arguments.value}"
    show(arguments, page.items, lambda: table(columns, rows, nothing=nothing, screen=screen(arguments)))
    if page.next_cursor:
        note(f"there are more than {counted(arguments.limit, 'object')}; be more exact, or raise --limit")
    return 0


def chosen_objects(connection: Connection, name: str, words: Sequence[str]) -> list[StoredObject]:
    """The objects of a fabric that *words* name. Raises NotFound, InvalidInput."""
    from hedgehog.services.browse.naming import named_objects
    from hedgehog.store.fabrics import load_fabric

    return named_objects(connection, load_fabric(connection, name), words)


def _delete(arguments: argparse.Namespace) -> int:
    does = arguments.yes and not arguments.dry_run
    with fabric_database(arguments) as connection:
        found = _deleted(arguments, connection, dry_run=not does)
    show(arguments, found.as_dict(), lambda: "\n".join(_deletion(found, every=arguments.verbose)))
    if found.proposal is not None:
        note_proposal(found.proposal)
    if does or arguments.dry_run:
        return 0
    note("nothing was changed; do it with --yes")
    return 1


def _deleted(arguments: argparse.Namespace, connection: Connection, *, dry_run: bool) -> Deletion:
    from hedgehog.services.steer.deletions import remove_objects
    from hedgehog.services.steer.git_edits import delete_in_git

    options: dict[str, Any] = {
        "origin": origin(arguments),
        "dry_run": dry_run,
        "allow_invalid": arguments.allow_invalid,
    }
    git = git_access(connection, arguments.fabric)
    if git is None:
        return remove_objects(connection, arguments.fabric, arguments.objects, **options)
    return delete_in_git(connection, arguments.fabric, arguments.objects, git=git, **options)


def _deletion(found: Deletion, *, every: bool) -> Iterator[str]:
    for ref in found.refs:
        yield f"{ref} {'would be deleted' if found.dry_run or found.proposal else 'is deleted'}"
        if ref in found.refusals:
            yield f"  refused: {found.refusals[ref]}"
        users = [f"needed by {user_ref}" for user_ref in found.needed_by.get(ref, ())]
        yield from (f"  {line}" for line in first_lines_of(users, _SHOWN_USERS, every=every))
    if found.git is not None:
        yield from git_change_lines(found.git, dry_run=found.dry_run, listed=True)
