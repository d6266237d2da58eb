"""`hedgehog drift …`: what others did to our objects in clusters and to our files in Git, and what to do about it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import Parser, add_command, add_group, add_reason
from hedgehog.cli.output import age, cell, first_lines_of, note, progress, show, table
from hedgehog.cli.session import fabric_database, origin, user
from hedgehog.errors import NotFound
from hedgehog.fabric.drift_detection import NextStep
from hedgehog.services.browse.drift import CLUSTER, GIT, drift_entries

if TYPE_CHECKING:
    from hedgehog.services.upkeep.purge import ClusterRemains

_COLUMNS = ("fabric", "where", "object", "state", "by", "next", "found")
_DIFFERENCES_SHOWN = 5


def add_commands(commands: Any) -> None:
    """Add `drift`."""
    group = add_group(commands, "drift", summary="what others changed in clusters and in Git, and what to do about it")
    parser = add_command(
        group,
        "list",
        _list,
        summary="show what others changed, our value and theirs, and what the next sync will do",
        examples="hedgehog drift list\nhedgehog drift list gen --in git\nhedgehog drift list gen --output json",
    )
    parser.add_argument("fabric", nargs="?", metavar="NAME", help="default: all")
    _add_place(parser)
    parser = add_command(
        group,
        "adopt",
        _adopt,
        summary="take objects into the fabric as they are in the cluster, or as a person wrote them in Git",
        examples="hedgehog drift adopt gen                     # all that were changed\n"
        "hedgehog drift adopt gen VPC/default/prod    # one; if it is gone from the cluster, it leaves the fabric\n"
        "hedgehog drift adopt gen fabrics/gen/vpcs/prod.yaml",
    )
    _add_objects(parser, "default: all changed ones; missing, orphaned and unowned ones must be named")
    add_reason(parser)
    parser = add_command(
        group,
        "revert",
        _revert,
        summary="make the next sync write objects and files as the fabric wants them, regardless of policy and owner",
        examples="hedgehog drift revert gen VPC/default/prod\nhedgehog drift revert gen fabrics/gen/README.md",
    )
    _add_objects(parser, "default: all changed and deleted ones")
    _add_prune(group)


def _add_prune(group: Any) -> None:
    parser = add_command(
        group,
        "prune",
        _prune,
        summary="delete from a cluster what deleted fabrics left there: written by us, wanted by no fabric",
        examples="hedgehog drift prune gen_cluster          # shows it\nhedgehog drift prune gen_cluster --yes",
    )
    parser.add_argument("connection", metavar="CONNECTION", help="Airflow connection of the cluster")
    parser.add_argument("objects", nargs="*", metavar="OBJECT", type=_object, help="Kind/namespace/name; default: all")
    parser.add_argument(
        "--yes", action="store_true", help="do it; without this option, it is only shown and the exit status is 1"
    )


def _add_objects(parser: Parser, default: str) -> None:
    parser.add_argument("fabric", metavar="NAME", help="the fabric")
    help_ = f"Kind/namespace/name, or the path of a file in Git; {default}"
    parser.add_argument("objects", nargs="*", metavar="OBJECT", type=_object, help=help_)
    _add_place(parser)


def _add_place(parser: Parser) -> None:
    parser.add_argument("--in", choices=(GIT, CLUSTER), dest="place", help="only one of the two places; default: both")


def _object(text: str) -> str:
    if "/" not in text and "." not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an object; write VPC/default/prod, or the path of a file in Git"
        )
    return text


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        entries = drift_entries(connection, arguments.fabric, arguments.place)
    data = [{("in" if key == "place" else key): value for key, value in one.items()} for one in entries]
    show(arguments, data, lambda: _text(data, datetime.now(UTC), every=arguments.verbose))
    return 0


def _text(data: Sequence[Mapping[str, Any]], now: datetime, *, every: bool) -> str:
    """One line for each object or file, with the differences below it: our value → theirs."""
    rows = [
        (
            ", ".join(one["fabrics"]) or one["connection_id"],
            one["in"],
            one["path"] or one["object"],
            one["state"],
            one["by"],
            one["next"],
            age(one["found_at"], now),
        )
        for one in data
    ]
    heading, *lines = table(_COLUMNS, rows, nothing="no drift is known").splitlines()
    text = [heading]
    for line, one in zip(lines, data, strict=True):
        differences = first_lines_of(map(cell, one["lines"]), _DIFFERENCES_SHOWN, every=every)
        text += [line, *(f"    {difference}" for difference in differences)]
    if any(one["next"] == NextStep.HELD for one in data):
        text += ["", "what is held waits for you: `hedgehog drift adopt|revert NAME OBJECT`"]
    return "\n".join(text)


def _adopt(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters.hooks import open_cluster, open_mirror
    from hedgehog.services.steer.decisions import adopt_chosen, choose

    with fabric_database(arguments) as connection:
        chosen = choose(connection, arguments.fabric, arguments.objects, arguments.place)
        fabric = chosen.fabric
        with progress(arguments, f"reading what others changed of {fabric.name}"):
            changes = adopt_chosen(
                connection, chosen, open_mirror=open_mirror, open_cluster=open_cluster, origin=origin(arguments)
            )
    data = [{"object": str(change.ref), "action": change.action.value} for change in changes.changes]
    rows = [tuple(one.values()) for one in data]
    show(arguments, data, lambda: table(("object", "action"), rows, nothing="nothing to adopt"))
    if data and fabric.git_sync_enabled:
        note(f"the database has it; once Git follows, the drift is over: `hedgehog status {fabric.name}`")
    return 0


def _revert(arguments: argparse.Namespace) -> int:
    from hedgehog.services.steer.decisions import choose, revert_chosen

    with fabric_database(arguments) as connection:
        chosen = choose(connection, arguments.fabric, arguments.objects, arguments.place)
        done = revert_chosen(connection, chosen, actor=user())
    data = [*done.paths, *map(str, done.refs)]
    show(arguments, data, lambda: "\n".join(data) or "nothing to revert")
    for target, concerned in (("git", done.paths), ("kubernetes", done.refs)):
        if concerned:
            note(f"the next sync writes them; at once: `hedgehog sync {target} {arguments.fabric}`")
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters.hooks import open_cluster
    from hedgehog.services.upkeep import purge

    with fabric_database(arguments) as connection:
        cluster = open_cluster(arguments.connection)
        try:
            with progress(arguments, f"reading {arguments.connection}"):
                found = purge.orphans(connection, arguments.connection, cluster)
            found = _chosen_orphans(found, arguments.objects)
            left = purge.prune_orphans(connection, found, cluster) if arguments.yes else []
        finally:
            cluster.close()
    data = {
        "objects": sorted(map(str, found.live)),
        "waiting": sorted(map(str, found.waiting)),
        "objects_of_others": {str(ref): owner for ref, owner in sorted(found.others.items())},
        "left": left,
        "done": arguments.yes,
    }
    lines = _orphan_lines(found, left, done=arguments.yes)
    show(arguments, data, lambda: "\n".join(map(cell, lines)) or f"there are no orphans in {arguments.connection}")
    waits = bool(found.live) and not arguments.yes
    if waits:
        note("nothing was deleted; do it with --yes")
    return 1 if left or waits else 0


def _chosen_orphans(found: ClusterRemains, objects: Sequence[str]) -> ClusterRemains:
    """The orphans *objects*, or all if none are named. Raises NotFound for one that is not an orphan."""
    if not objects:
        return found
    chosen = {ref: one for ref, one in found.live.items() if str(ref) in objects}
    unknown = sorted(set(objects) - set(map(str, chosen)))
    if unknown:
        raise NotFound(f"{', '.join(unknown)}: no orphan in the cluster of {found.connection_id}")
    return replace(found, live=chosen)


def _orphan_lines(found: ClusterRemains, left: Sequence[str], *, done: bool) -> list[str]:
    """What happened to each orphan, or would happen."""
    gone = [name for name in sorted(map(str, found.live)) if not any(one.startswith(f"{name}:") for one in left)]
    return [
        *(f"{name} deleted" if done else name for name in gone),
        *(f"{ref} is {why}" for ref, why in sorted(found.waiting.items())),
        *(f"{ref} stays: it belongs to {owner}" for ref, owner in sorted(found.others.items())),
        *(f"left: {one}" for one in left),
    ]
