"""`hedgehog fabric set|suspend|resume|delete`: change single settings of a fabric, suspend it, or delete it."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import Parser, add_command, add_end, add_reason, end_of, setting
from hedgehog.cli.output import cell, first_lines_of, note, progress, show
from hedgehog.cli.selection import add_selection, require_selection, required_fabrics
from hedgehog.cli.session import fabric_database, origin, run_id, user
from hedgehog.errors import HedgehogError
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import ObjectRef, SourceOfTruth
from hedgehog.fabric.shown import counted
from hedgehog.services.claims import suspension
from hedgehog.services.steer.suspension import resume_fabrics, suspend_fabrics
from hedgehog.store import fabrics as store
from hedgehog.store.database import Connection

if TYPE_CHECKING:
    from hedgehog.services.upkeep.purge import Remains

_SHOWN = 10
"""How many files and objects of a plan are named."""


def add_commands(group: Any) -> None:
    """Add `set`, `suspend`, `resume` and `delete` below `fabric`."""
    _add_set(group)
    parser = add_command(
        group,
        "suspend",
        _suspend,
        summary="leave fabrics alone: nothing is written to Git or the cluster until they are resumed",
        examples='hedgehog fabric suspend gen lab --reason "switch upgrade, CHG-17" --for 2h',
    )
    add_selection(parser)
    parser.add_argument("--reason", required=True, metavar="TEXT", help="shown wherever the fabric is skipped")
    add_end(parser)
    parser = add_command(group, "resume", _resume, summary="resume suspended fabrics at once")
    add_selection(parser)
    _add_delete(group)


def _add_set(group: Any) -> None:
    parser = add_command(
        group,
        "set",
        _set,
        summary="change single settings of a fabric; the others stay",
        examples="""
        hedgehog fabric set gen prune_max_objects=20 --reason "CHG-17 removes 15 servers"
        hedgehog fabric set gen labels.site=fra drift_policies.VPC=report
        hedgehog fabric set gen "settings.vpc_irb_vlans=[[3000, 3899]]" labels.old= --dry-run    # labels.old is removed
        """,
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument(
        "settings", nargs="+", type=setting, metavar="SETTING=VALUE",
        help="as under spec of a Fabric document; SETTING.KEY is one entry of a mapping, which an empty value removes",
    )  # fmt: skip
    add_reason(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would change; change nothing")


def _add_delete(group: Any) -> None:
    parser: Parser = add_command(
        group,
        "delete",
        _delete,
        summary=(
            "delete a fabric from the database, and say what remains of it; with --purge, remove that first, "
            "from Git and clusters"
        ),
        examples="""
        hedgehog fabric delete gen                     # shows what would stay
        hedgehog fabric delete gen --purge             # shows what would be removed
        hedgehog fabric delete gen --purge --yes
        """,
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument("--purge", action="store_true", help="remove its files from Git and its objects from clusters")
    parser.add_argument(
        "--yes", action="store_true", help="do it; without this option, it is only shown and the exit status is 1"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show it; exit status 0")
    add_reason(parser)


def _set(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.settings import set_fabric

    with fabric_database(arguments) as connection:
        done = set_fabric(
            connection,
            arguments.fabric,
            arguments.settings,
            origin=origin(arguments),
            dry_run=arguments.dry_run,
        )
    lines = [f"fabric {done.fabric}: {done.action}", *(f"  {cell(one)}" for one in done.differences)]
    show(
        arguments,
        done.as_dict(),
        lambda: "\n".join([*lines, "dry run: nothing was changed"] if done.dry_run else lines),
    )
    return 0


def _suspend(arguments: argparse.Namespace) -> int:
    require_selection(arguments)
    now = datetime.now(UTC)
    until = end_of(arguments, now)
    with fabric_database(arguments) as connection:
        chosen = required_fabrics(arguments, connection)
        names = suspend_fabrics(connection, chosen, reason=arguments.reason, until=until, now=now, actor=user())
    said = f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until else "until it is resumed"
    lines = [f"{name} is suspended {said}; a run that is at work ends first" for name in names]
    data = [{"fabric": name, "action": "suspended"} for name in names]
    show(arguments, data, lambda: "\n".join(lines))
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    require_selection(arguments)
    with fabric_database(arguments) as connection:
        resumed = resume_fabrics(connection, required_fabrics(arguments, connection), actor=user())
    lines = [
        f"{name} is resumed and due at once" if done else f"{name} is not suspended; nothing was changed"
        for name, done in resumed.items()
    ]
    data = [{"fabric": name, "action": "resumed" if done else "unchanged"} for name, done in resumed.items()]
    show(arguments, data, lambda: "\n".join(lines))
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        return _purge(arguments, connection) if arguments.purge else _forget(arguments, connection)


def _forget(arguments: argparse.Namespace, connection: Connection) -> int:
    from hedgehog.services.upkeep import purge

    does = arguments.yes and not arguments.dry_run
    if does:
        seen = purge.forget(connection, arguments.fabric, origin=origin(arguments))
    else:
        seen = purge.recorded_remains(connection, arguments.fabric)
    lines = [f"{arguments.fabric} {'is' if does else 'would be'} forgotten", *_what_stays(seen)]
    show(arguments, seen.as_dict() | {"action": "deleted" if does else "planned"}, lambda: "\n".join(lines))
    return _exit_status(arguments)


def _exit_status(arguments: argparse.Namespace) -> int:
    """0 if it was done, or was only to be shown; 1 if it needs confirmation."""
    if arguments.yes or arguments.dry_run:
        return 0
    note("nothing was changed; do it with --yes")
    return 1


def _what_stays(seen: Remains) -> Iterator[str]:
    """What remains of a fabric although it is no longer managed, and how to remove it."""
    repository, fabric = seen.fabric.git_repository, seen.fabric
    if seen.files and repository is not None:
        yield f"  {_staying(len(seen.files), 'file')} in Git, in {fabric.git_directory or 'the root'} of {repository.name}"
        paths = shlex.join(seen.files)  # only these: other people may have files there, and other fabrics directories
        yield f"    remove them in a clone of {repository.url}, branch {repository.branch}:"
        yield f"    {cell(f'git rm --quiet --ignore-unmatch -- {paths}')}"
        yield f"    git commit -m 'Remove {fabric.name}' && git push"
        if fabric.git_directory:
            yield (
                "    no fabric takes them in, not even one around them; to adopt them, import a fabric with that "
                "git_directory"
            )
    for place in seen.clusters:
        yield f"  {_staying(len(place.live), 'object')} in the cluster of {place.connection_id}: {_kinds(place.live)}"
        if any(ref.kind == FABRIC.kind for ref in place.live):
            yield "    among them its Fabric resource, which keeps its last status"
        yield (
            f"    they are orphans in `hedgehog drift list`; remove them: `hedgehog drift prune {place.connection_id}`"
        )
    if not seen.files and not seen.clusters:
        yield "  nothing of it is in Git or in a cluster"


def _staying(number: int, noun: str) -> str:
    """`1 file stays`, `2 files stay`."""
    return f"{counted(number, noun)} {'stays' if number == 1 else 'stay'}"


def _kinds(refs: Collection[ObjectRef]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(ref.kind for ref in refs).items()))


def _purge(arguments: argparse.Namespace, connection: Connection) -> int:
    from hedgehog.airflow.adapters.hooks import open_cluster, open_host, open_mirror
    from hedgehog.services.upkeep import purge

    now = datetime.now(UTC)
    dependencies: dict[str, Any] = {"open_mirror": open_mirror, "open_cluster": open_cluster, "now": now}
    with progress(arguments, "looking at Git and clusters"):
        seen = purge.find_remains(connection, arguments.fabric, **dependencies)
    if not arguments.yes or arguments.dry_run:
        lines = [f"{arguments.fabric} would be removed", *_plan(seen, every=arguments.verbose)]
        show(arguments, seen.as_dict() | {"action": "planned"}, lambda: "\n".join(lines))
        return _exit_status(arguments)
    try:
        with progress(arguments, "removing it from Git and clusters"):
            left, problems = purge.purge(
                connection, seen, **dependencies, open_host=open_host, run_id=run_id(), origin=origin(arguments)
            )
    except HedgehogError:
        fabric = store.load_fabric(connection, arguments.fabric)
        if fabric.suspended_reason == purge.REASON:
            note(f"{fabric.name} is not gone, though a part of it may be: {suspension(fabric, now)}")
        raise
    data = seen.as_dict() | {"action": "purged", "done": left.done, "left": left.as_dict(), "problems": problems}
    show(arguments, data, lambda: "\n".join(_purged(seen, left, problems)))
    return 0 if left.done else 1


def _plan(seen: Remains, *, every: bool) -> Iterator[str]:
    if seen.files and seen.fabric.git_repository is not None:
        yield f"  from Git, {counted(len(seen.files), 'file')} of {seen.fabric.git_repository.name}:"
        yield from _named(seen.files, every=every)
    for place in seen.clusters:
        yield f"  from the cluster of {place.connection_id}, {counted(len(place.live), 'object')} ({_kinds(place.live)}):"
        yield from _named(sorted(map(str, place.live)), every=every)
        yield from (f"    {cell(f'{ref} is {why}')}" for ref, why in sorted(place.waiting.items()))
    yield from _left_alone(seen)


def _named(names: Collection[str], *, every: bool) -> Iterator[str]:
    yield from (f"    {line}" for line in first_lines_of(map(cell, names), _SHOWN, every=every))


def _left_alone(seen: Remains) -> Iterator[str]:
    """What a purge does not touch, and why."""
    if seen.edited:
        yield f"  {_staying(len(seen.edited), 'file')} in Git because of changes by others: {', '.join(map(cell, seen.edited))}"
    if seen.foreign:
        ours = seen.fabric.source_of_truth is SourceOfTruth.DATABASE
        why = "not written by us" if ours else "part of its source of truth; remove with a commit"
        yield f"  in {seen.fabric.git_directory or 'the root'}, {_staying(len(seen.foreign), 'file')} in Git: {why}"
    for place in seen.clusters:
        yield from (
            f"  {cell(ref)} stays in the cluster of {place.connection_id}: it belongs to {cell(owner)}"
            for ref, owner in sorted(place.others.items())
        )


def _purged(seen: Remains, left: Remains, problems: Collection[str]) -> Iterator[str]:
    name, objects = seen.fabric.name, sum(len(place.live) for place in seen.clusters)
    if left.done:
        yield f"{name} is gone: {counted(len(seen.files), 'file')} removed from Git, {counted(objects, 'object')} from clusters"
        yield from _left_alone(left)
        return
    yield f"{name} is not gone yet, and stays suspended; run the same command again, or `hedgehog fabric resume {name}`"
    yield from (f"  {cell(problem)}" for problem in problems)
    for place in left.clusters:
        remaining = {str(ref) for ref in place.live} | {f"{ref} is {why}" for ref, why in place.waiting.items()}
        yield from (f"  {place.connection_id}: {cell(one)}" for one in sorted(remaining))
