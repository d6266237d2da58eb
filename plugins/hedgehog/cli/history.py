"""`hedgehog history|diff|blame|trace`: who changed a fabric, what differs, and how far a change has come."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import OBJECT_HELP, Parser, add_command, duration, iso_time
from hedgehog.cli.output import age, cell, first_lines_of, note, progress, screen, show, table
from hedgehog.cli.session import fabric_database
from hedgehog.fabric.model import ObjectRef

if TYPE_CHECKING:
    from hedgehog.fabric.versions import FieldOrigin
    from hedgehog.services.browse.history import Comparison
    from hedgehog.services.browse.trace import Trace
    from hedgehog.store.database import Connection

_GIT, _CLUSTER = "git", "cluster"
_COLUMNS = ("when", "fabric", "generation", "who", "via", "objects", "why")
_FIELDS_SHOWN = 20
_SHOWN = 30
"""Changes that are listed unless more are asked for."""
MOMENT = "a generation (12), a time (2026-05-01T18:00, or 2d for two days ago) or a commit"


def add_commands(commands: Any) -> None:
    """Add `history`, `diff`, `blame` and `trace`."""
    _add_history(commands)
    _add_diff(commands)
    parser = add_command(
        commands,
        "blame",
        _blame,
        summary="show each field of an object with who gave it its value, when, and in which change",
        examples="hedgehog blame gen VPC/default/prod\nhedgehog blame gen Fabric/default/gen",
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument("object", metavar="OBJECT", help=OBJECT_HELP)
    parser = add_command(
        commands,
        "trace",
        _trace,
        summary="show how far the last change of a fabric, or a commit, has come on its way to the switches",
        examples="hedgehog trace gen\nhedgehog trace 5394cb7f",
    )
    parser.add_argument("subject", metavar="NAME|COMMIT", help="a fabric, or a commit with at least 7 digits")


def _add_history(commands: Any) -> None:
    parser: Parser = add_command(
        commands,
        "history",
        _history,
        summary="list who changed what is wanted, through what, and why; the newest change first",
        examples="hedgehog history gen\nhedgehog history gen --object VPC/default/prod\nhedgehog history --since 2d --by ann",
    )
    parser.add_argument("fabric", nargs="?", metavar="NAME", help="default: all, and the Git repositories")
    parser.add_argument("--object", metavar="OBJECT", help=f"only changes of {OBJECT_HELP}")
    parser.add_argument("--since", type=_since, metavar="TIME", help="only later ones: 2d, 90m, or an ISO time")
    parser.add_argument("--by", default="", metavar="WHO", help="only those whose author has this in the name")
    parser.add_argument("--limit", type=_count, default=_SHOWN, metavar="N", help=f"at most so many; default: {_SHOWN}")


def _add_diff(commands: Any) -> None:
    parser: Parser = add_command(
        commands,
        "diff",
        _diff,
        summary="show field by field how a fabric differs between two moments, or from Git or its cluster",
        examples="hedgehog diff gen                         # the last change\n"
        "hedgehog diff gen --from 2d\nhedgehog diff gen --from 12 --to 5394cb7f\nhedgehog diff gen --to cluster",
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument("--from", dest="first", metavar="MOMENT", help=f"{MOMENT}; default: before the last change")
    parser.add_argument(
        "--to",
        dest="second",
        metavar="MOMENT",
        help=f"the same, {_GIT} or {_CLUSTER}, which are read now; default: now",
    )


def _since(text: str) -> datetime:
    if text[:1].isdigit() and "-" not in text:
        return datetime.now(UTC) - duration(text)
    try:
        return iso_time(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or 2d for the last two days") from None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 10000")
    return int(text)


def _history(arguments: argparse.Namespace) -> int:
    from hedgehog.services.browse.history import history_page
    from hedgehog.store.history import ChangeFilter

    if arguments.object is not None and arguments.fabric is None:
        arguments.parser.error("--object needs the fabric that has the object")
    wanted = ChangeFilter(fabric=arguments.fabric, since=arguments.since, who=arguments.by)
    with fabric_database(arguments) as connection:
        if arguments.object is not None:
            wanted = replace(wanted, ref=_recorded(connection, arguments))
        page = history_page(connection, wanted, limit=arguments.limit)
    now = datetime.now(UTC)
    rows = [_row(one, now) for one in page.items]
    nothing = "no change fits" if arguments.object or arguments.since or arguments.by else "nothing was changed yet"
    show(arguments, list(page.items), lambda: table(_COLUMNS, rows, nothing=nothing, screen=screen(arguments)))
    if page.next_cursor is not None:
        note(f"there are older ones; --limit {10 * arguments.limit} shows more")
    return 0


def _recorded(connection: Connection, arguments: argparse.Namespace) -> ObjectRef:
    """The object of a fabric that was named, which may be gone by now."""
    from hedgehog.services.browse.history import recorded_objects

    (ref,) = recorded_objects(connection, arguments.fabric, [arguments.object])
    return ref


def _row(one: Mapping[str, Any], now: datetime) -> tuple[Any, ...]:
    counts = {action: count for action, count in one["counts"].items() if count}
    if sum(counts.values()) == 1:
        touched = f"{one['objects'][0]} {next(iter(counts))}"
    else:
        touched = ", ".join(f"{count} {action}" for action, count in counts.items())
    return (
        f"{age(one['at'], now)} ago",
        one["fabric"],
        one["generation"],
        one["who"],
        one["via"],
        touched,
        one["why"],
    )


def _diff(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        found = _compared(arguments, connection)
    show(arguments, found.as_dict(), lambda: "\n".join(_diff_lines(found, every=arguments.verbose)))
    return 0


def _compared(arguments: argparse.Namespace, connection: Connection) -> Comparison:
    from hedgehog.services.browse import history

    now, name, second = datetime.now(UTC), arguments.fabric, arguments.second or "now"
    if arguments.first in (_GIT, _CLUSTER):
        arguments.parser.error(f"--from is a moment of the fabric; only --to may be {arguments.first}")
    if second not in (_GIT, _CLUSTER):
        return history.compare_changes(connection, name, arguments.first, second, now=now)
    from hedgehog.airflow.adapters.hooks import open_cluster, open_mirror
    from hedgehog.services.observe.comparison import differences_in_cluster, differences_in_git
    from hedgehog.store.fabrics import load_fabric

    fabric = load_fabric(connection, name)
    begin = history.find_change(connection, name, arguments.first or "now", now=now)
    wanted = history.contents_of(connection, name, begin)
    with progress(arguments, f"reading {second}"):
        if second == _GIT:
            end, found = differences_in_git(connection, fabric, wanted, open_mirror=open_mirror)
        else:
            found = differences_in_cluster(connection, fabric, wanted, open_cluster=open_cluster)
            end = f"the cluster of {fabric.kubernetes_connection_id}"
    return history.Comparison(name, str(begin), end, tuple(found))


def _diff_lines(found: Comparison, *, every: bool) -> Iterator[str]:
    yield f"{found.fabric}: {cell(found.first)} → {cell(found.second)}"
    if not found.differences:
        yield "nothing differs"
    for one in found.differences:
        yield f"{one.ref} {one.action}{f' ({cell(one.note)})' if one.note else ''}"
        lines = (cell(field) for field in one.fields)
        yield from (f"    {line}" for line in first_lines_of(lines, _FIELDS_SHOWN, every=every))


def _blame(arguments: argparse.Namespace) -> int:
    from hedgehog.services.browse.history import blame_object

    with fabric_database(arguments) as connection:
        found = blame_object(connection, arguments.fabric, _recorded(connection, arguments))
    now = datetime.now(UTC)
    data = [
        {"path": one.path, "value": one.value, "change": one.change.as_dict() if one.change else None} for one in found
    ]
    columns = ("field", "value", "generation", "when", "who", "via", "why")
    rows = [_blame_row(one, now) for one in found]
    show(arguments, data, lambda: table(columns, rows, nothing="it has no fields", screen=screen(arguments)))
    return 0


def _blame_row(one: FieldOrigin, now: datetime) -> Sequence[Any]:
    from hedgehog.fabric.differences import field_text

    change = one.change
    if change is None:
        return (one.path, field_text(one.value), None, None, None, None, "before what is kept of its history")
    when = f"{age(change.at, now)} ago"
    return (one.path, field_text(one.value), change.generation, when, change.who, change.via, change.why)


def _trace(arguments: argparse.Namespace) -> int:
    from hedgehog.services.browse.trace import trace

    now = datetime.now(UTC)
    with fabric_database(arguments) as connection:
        found = trace(connection, arguments.subject, now=now)
    show(arguments, [one.as_dict() for one in found], lambda: "\n\n".join(_trace_text(one, now) for one in found))
    return 0


def _trace_text(one: Trace, now: datetime) -> str:
    head = f"{one.change.fabric}: {one.change}{f': {one.change.why}' if one.change.why else ''}"
    rows = []
    for stage in one.stages:
        when = f"{stage.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if stage.at else stage.note or "not yet"
        rows.append((stage.name, when, f"waits for {stage.waits_for}" if stage.waits_for else stage.by))
    return f"{cell(head)}\n{table(('stage', 'time (UTC)', 'by'), rows, nothing='')}"
