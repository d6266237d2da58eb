"""`hedgehog status`, `hedgehog explain`: the state of every fabric at its targets, and why it is not in sync."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from hedgehog.cli.arguments import add_command
from hedgehog.cli.health import grouped_reasons
from hedgehog.cli.output import VERBOSE, Screen, age, cell, say, screen, show, table, until
from hedgehog.cli.selection import add_selection, chosen_fabrics, selection
from hedgehog.cli.session import fabric_database
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import Fabric, SyncStatus, Target
from hedgehog.fabric.shown import and_more, counted, first_lines
from hedgehog.services.observe.status import TargetStatus, describe_problem, target_statuses
from hedgehog.services.waits import Wait
from hedgehog.store import health
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric, selected_names
from hedgehog.store.health import HealthRow, Scope
from hedgehog.store.problems import Problem

_COLUMNS = ("fabric", "target", "status", "generation", "revision", "success", "next", "reason")
_SHORT_COMMIT = 8
_WELL = (Health.HEALTHY, Health.PROGRESSING)
_LINES_SHOWN = 3
"""How many reasons per fabric and target the table shows."""
_SUBJECTS_SHOWN = 5
"""How many problems of one kind an explanation shows."""
_CLEAR = "\x1b[H\x1b[2J"


def add_commands(commands: Any) -> None:
    """Add `status` and `explain`."""
    parser = add_command(
        commands,
        "status",
        _status,
        summary="show the state of every fabric in Git and on its cluster, and why one is not in sync",
        examples="""
        hedgehog status --not-in-sync
        hedgehog status --select site=fra,cluster=dc1_* --status parked,error
        hedgehog status gen --check || page-somebody
        hedgehog status gen --output json
        """,
    )
    add_selection(parser, default="all")
    parser.add_argument("--not-in-sync", action="store_true", help="only what is not in sync")
    parser.add_argument(
        "--status", type=_statuses, metavar="STATUS", help=f"only these, with commas: {', '.join(SyncStatus)}"
    )
    parser.add_argument("--target", choices=[*map(str, Target)], help="only this place")
    parser.add_argument("--check", action="store_true", help="exit status 1 when anything needs a person")
    parser.add_argument(
        "--watch", nargs="?", type=_seconds, const=2.0, metavar="SECONDS", help="show it repeatedly; default: 2"
    )
    parser = add_command(
        commands,
        "explain",
        _explain,
        summary=(
            "list everything that keeps a fabric from being in sync, and what to do; exit status 1 when it needs you"
        ),
        examples="hedgehog explain gen",
    )
    parser.add_argument("fabric", metavar="NAME")


def _statuses(text: str) -> list[str]:
    values = text.split(",")
    unknown = [value for value in values if value not in list(SyncStatus)]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not a status; known are {', '.join(SyncStatus)}")
    return values


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pause; write seconds, 0.1 to 3600")
    return seconds


def _status(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        while True:
            rows = _selected(arguments, connection)
            if arguments.watch is not None and arguments.stdout.isatty():
                arguments.stdout.write(_CLEAR)
            _show_rows(arguments, rows)
            if arguments.watch is None:
                return 1 if arguments.check and any(row.needs_somebody for row in rows) else 0
            arguments.stdout.flush()
            time.sleep(arguments.watch)


def _selected(arguments: argparse.Namespace, connection: Connection) -> list[TargetStatus]:
    rows = target_statuses(connection, _names(arguments, connection), now=datetime.now(UTC))
    return [row for row in rows if _fits(row, arguments)]


def _names(arguments: argparse.Namespace, connection: Connection) -> list[str] | None:
    """The fabrics to show; a selector may fit none."""
    selector = selection(arguments)
    return chosen_fabrics(arguments, connection) if selector is None else selected_names(connection, selector)


def _fits(row: TargetStatus, arguments: argparse.Namespace) -> bool:
    return (
        not (arguments.not_in_sync and row.is_in_step)
        and (arguments.status is None or row.state.status.value in arguments.status)
        and arguments.target in (None, row.state.target.value)
    )


def _show_rows(arguments: argparse.Namespace, rows: Sequence[TargetStatus]) -> None:
    if (
        arguments.output == "json" and arguments.watch is not None
    ):  # one document per line, so that a reader can separate them
        say(arguments, orjson.dumps([row.as_dict() for row in rows]).decode())
        return
    now = datetime.now(UTC)

    def text() -> str:
        shown = status_table(rows, now, nothing=_nothing(arguments), screen=screen(arguments), every=arguments.verbose)
        return "\n".join([shown, *_totals(rows)])

    show(arguments, [row.as_dict() for row in rows], text)


def _nothing(arguments: argparse.Namespace) -> str:
    """The text for an empty table."""
    wanted = [str(selector) for selector in arguments.select]
    wanted += [f"--status {','.join(arguments.status)}"] if arguments.status else []
    wanted += [f"--target {arguments.target}"] if arguments.target else []
    if wanted:
        return f"no fabric fits {' and '.join(wanted)}" + (" and is not in sync" if arguments.not_in_sync else "")
    return "every fabric is in sync" if arguments.not_in_sync else "no fabric has a sync enabled"


def status_table(
    rows: Sequence[TargetStatus], now: datetime, *, nothing: str, screen: Screen | None = None, every: bool = False
) -> str:
    """One row per fabric and target with its reasons: only the first few, unless *every*."""
    cells = [
        (
            row.state.fabric,
            row.state.target.value,
            row.state.status.value,
            f"{row.state.observed_generation}/{row.state.generation}",
            shown_revision(row.state.revision),
            age(row.state.last_success_at, now),
            until(row.state.due_at, now),
            _reasons(row, every=every),
        )
        for row in rows
    ]
    return table(_COLUMNS, cells, nothing=nothing, screen=screen)


def _reasons(row: TargetStatus, *, every: bool) -> list[str]:
    lines = row.lines()
    if every or len(lines) <= _LINES_SHOWN + 1:
        return lines
    return first_lines(lines, _LINES_SHOWN, where=f"see `hedgehog explain {row.state.fabric}`")


def shown_revision(revision: str | None) -> str | None:
    """`main@5394cb7f`."""
    if revision is None:
        return None
    branch, _, commit = revision.partition("@sha1:")
    return f"{branch}@{commit[:_SHORT_COMMIT]}"


def _totals(rows: Sequence[TargetStatus]) -> Iterator[str]:
    """The totals, and what to do next; nothing for one fabric without problems."""
    problems = [problem for row in rows for problem in row.problems]
    bad = sorted({row.state.fabric for row in rows if not row.is_in_step})
    if len(rows) > 2 or problems:
        fabrics = len({row.state.fabric for row in rows})
        counts = Counter(row.state.status.value for row in rows)
        said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        needing = sum(problem.needs_somebody for problem in problems)
        mending = len(problems) - needing
        yield ""
        yield (
            f"{counted(fabrics, 'fabric')}: {said}; {counted(needing, 'problem')} for somebody"
            + (f", {mending} that need nobody now" if mending else "")
        )
    if problems:
        yield f"what to do: `hedgehog explain {bad[0] if len(bad) == 1 else 'NAME'}`"


def _explain(arguments: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    with fabric_database(arguments) as connection:
        fabric = load_fabric(connection, arguments.fabric)
        rows = target_statuses(connection, [fabric.name], now=now)
        seen = health.latest(connection, Scope.FABRIC, [fabric.name])
    unhealthy = [row for row in seen if row.health not in _WELL]
    data = {
        "fabric": fabric.name,
        "in_step": all(row.is_in_step for row in rows),
        "needs_somebody": any(row.needs_somebody for row in rows),
        "targets": [row.as_dict() for row in rows],
        "health": [{"health": row.health.value, "reasons": list(row.reasons)} for row in seen],
    }
    wrapped = screen(arguments)

    def text() -> str:
        lines = [*_explanation(fabric, rows, now, wrapped, every=arguments.verbose)]
        return "\n".join([*lines, *(line for row in unhealthy for line in _health_lines(row, now, wrapped))])

    show(arguments, data, text)
    return 1 if data["needs_somebody"] else 0


def _explanation(
    fabric: Fabric, rows: Sequence[TargetStatus], now: datetime, screen: Screen, *, every: bool
) -> Iterator[str]:
    needing = sum(problem.needs_somebody for row in rows for problem in row.problems)
    if not rows:
        yield f"{fabric.name}: both syncs are off (git_sync_enabled, enable_k8s_sync); nothing is written anywhere"
    elif all(row.is_in_step for row in rows):
        yield f"{fabric.name} is in sync: Git and cluster have everything that is wanted"
    else:
        yield f"{fabric.name} is not in sync; " + (
            f"{counted(needing, 'problem')} for you" if needing else "nothing for you to do"
        )
    for row in rows:
        state = row.state
        yield ""
        yield _line(row, now, screen)
        if row.reason:
            yield from _indented(row.reason, 2, screen)
        if state.status is SyncStatus.SUSPENDED:
            yield from _indented(f"→ when it is to go on: `hedgehog fabric resume {fabric.name}`", 2, screen)
        if row.wait is not None:
            yield from _indented(f"→ {_end_of_wait(row.wait)}", 2, screen)
        for group in _grouped(row.problems):
            yield from _group(group, now, screen, every=every)


def _end_of_wait(wait: Wait) -> str:
    if wait.is_frozen:
        return "to end it: `hedgehog freeze --list`, then `hedgehog unfreeze` with what was frozen"
    return "to see the windows: `hedgehog window list`; not to wait: `hedgehog sync … --override-window REASON`"


def _health_lines(row: HealthRow, now: datetime, screen: Screen) -> Iterator[str]:
    yield ""
    yield (
        f"health  {screen.paint(row.health.value)}, since {age(row.since, now)}, checked {age(row.checked_at, now)} ago"
    )
    for reason in grouped_reasons(row.reasons):
        yield from _indented(reason, 2, screen)


def _line(row: TargetStatus, now: datetime, screen: Screen) -> str:
    state = row.state
    parts = [
        f"generation {state.observed_generation} of {state.generation}",
        shown_revision(state.revision),
        f"last in sync {age(state.last_success_at, now)} ago" if state.last_success_at else "never in sync",
        f"next run {until(state.due_at, now)}" if state.due_at else "no next run scheduled",
    ]
    return f"{state.target.value}  {screen.paint(state.status.value)}  {', '.join(part for part in parts if part)}"


def _grouped(problems: Sequence[Problem]) -> list[list[Problem]]:
    """The problems, grouped by kind and remedy."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.kind.value, problem.advice), []).append(problem)
    return list(groups.values())


def _group(group: Sequence[Problem], now: datetime, screen: Screen, *, every: bool) -> Iterator[str]:
    first = group[0]
    oldest = min(problem.since for problem in group)
    yield f"  {first.kind.value} ({len(group)}, since {age(oldest, now)})"
    shown = group if every or len(group) <= _SUBJECTS_SHOWN + 1 else group[:_SUBJECTS_SHOWN]
    for problem in shown:
        yield from _indented(describe_problem(problem), 4, screen)
    if len(shown) < len(group):
        yield f"    {and_more(len(group) - len(shown), VERBOSE)}"
    yield from _indented(f"→ {first.advice}:", 2, screen)
    for command in dict.fromkeys(problem.command for problem in shown):
        yield f"      {cell(command)}"  # never wrapped: it is to be copied


def _indented(text: str, indent: int, screen: Screen) -> Iterator[str]:
    for number, line in enumerate(screen.wrap(cell(text), indent + 2)):
        yield " " * (indent if number == 0 else indent + 2) + line
