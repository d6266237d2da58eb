"""`hedgehog drift …`: what others did to our objects in clusters and to our files in Git, and what to do about it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import Parser, add_command, add_group
from hedgehog.cli.output import age, cell, first_lines_of, note, progress, show, table
from hedgehog.cli.session import fabric_database
from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Change
from hedgehog.fabric.drift_detection import DriftState, NextStep, next_step, policy_of
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.store import git_edits as edit_store
from hedgehog.store import open_drift
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric, load_fabrics
from hedgehog.store.git_edits import EditState, GitEdit

if TYPE_CHECKING:
    from hedgehog.services.upkeep.purge import ClusterRemains

GIT, CLUSTER = "git", "cluster"
_COLUMNS = ("fabric", "where", "object", "state", "by", "next", "found")
_DIFFERENCES_SHOWN = 5
_OWN = frozenset({DriftState.CHANGED, DriftState.MISSING})


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
        if arguments.fabric:
            load_fabric(connection, arguments.fabric)  # raises NotFound with near names
        found = [] if arguments.place == GIT else open_drift.listing(connection, arguments.fabric)
        edits = [] if arguments.place == CLUSTER else edit_store.listing(connection, arguments.fabric)
        fabrics = {fabric.name: fabric for fabric in load_fabrics(connection)}
    data = [*map(_edit_as_dict, edits), *(_drift_as_dict(one, fabrics) for one in found)]
    show(arguments, data, lambda: _text(data, datetime.now(UTC), every=arguments.verbose))
    return 0


def _edit_as_dict(one: edit_store.ListedEdit) -> dict[str, Any]:
    edit = one.edit
    return {
        "fabrics": [one.fabric],
        "in": GIT,
        "connection_id": None,
        "object": str(edit.ref) if edit.ref else None,
        "path": edit.path,
        "state": edit.state.value,
        "paths": [difference.path for difference in edit.differences],
        "differences": [difference.as_dict() for difference in edit.differences],
        "lines": [*map(str, edit.differences), *edit.problem.splitlines()],
        "by": edit.author or None,
        "next": (NextStep.REVERTED if one.revert else NextStep.HELD).value,
        "revert": one.revert,
        "found_at": one.found_at,
    }


def _drift_as_dict(one: open_drift.ListedDrift, fabrics: Mapping[str, Fabric]) -> dict[str, Any]:
    drift = one.drift
    fabric = fabrics.get(one.fabrics[0]) if one.fabrics and drift.state in _OWN else None
    return {
        "fabrics": list(one.fabrics),
        "in": CLUSTER,
        "connection_id": one.connection_id,
        "object": str(drift.ref),
        "path": None,
        "state": drift.state.value,
        "paths": list(drift.paths),
        "differences": [difference.as_dict() for difference in drift.differences],
        "lines": [str(difference) for difference in drift.differences] or list(drift.paths),
        "score": round(drift.score, 4),
        "by": drift.manager or None,
        "policy": policy_of(fabric, drift.ref.kind).value if fabric else None,
        "next": next_step(fabric, drift, revert=one.revert).value,
        "revert": one.revert,
        "found_at": one.found_at,
    }


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


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The named edits in Git and objects in the cluster, or all."""

    edits: list[GitEdit]
    refs: list[ObjectRef]
    in_cluster: bool
    """Whether the cluster is concerned: an object in it was named, or nothing was."""


def _chosen(arguments: argparse.Namespace, connection: Connection) -> _Chosen:
    """Raises NotFound for a word that names neither a held file nor an object."""
    from hedgehog.services.git import edits as git_edits

    edits, words = git_edits.named(connection, arguments.fabric, arguments.objects)
    drifted = {str(one.drift.ref) for one in open_drift.listing(connection, arguments.fabric)}
    if arguments.place == GIT:
        if words:
            raise NotFound(f"{', '.join(words)} {_no_edit(arguments.fabric)}")
        return _Chosen(edits, [], in_cluster=False)
    if arguments.place == CLUSTER:
        edits, words = [], list(arguments.objects)
    # An object may have been changed in both places.
    words += [word for word in arguments.objects if word in drifted and word not in words]
    refs = [_ref(word, arguments.fabric) for word in words]
    return _Chosen(edits, refs, in_cluster=bool(refs) or not arguments.objects)


def _no_edit(fabric: str) -> str:
    return f"is not a file in Git that waits for a decision; `hedgehog drift list {fabric}` shows what there is"


def _ref(text: str, fabric: str) -> ObjectRef:
    try:
        return ObjectRef.parse(text)
    except ValueError:
        raise NotFound(f"{text} {_no_edit(fabric)}") from None


def _adopt(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        fabric = load_fabric(connection, arguments.fabric)
        chosen = _chosen(arguments, connection)
        both = {str(edit.ref) for edit in chosen.edits} & {str(ref) for ref in chosen.refs}
        if both:
            raise InvalidInput(
                f"{', '.join(sorted(both))}: changed in Git and in the cluster; say --in git or --in cluster"
            )
        changes = _adopt_chosen(arguments, connection, fabric, chosen)
    data = [{"object": str(ref), "action": action} for ref, action in changes]
    rows = [tuple(one.values()) for one in data]
    show(arguments, data, lambda: table(("object", "action"), rows, nothing="nothing to adopt"))
    if data and fabric.git_sync_enabled:
        note(f"the database has it; once Git follows, the drift is over: `hedgehog status {fabric.name}`")
    return 0


def _adopt_chosen(
    arguments: argparse.Namespace, connection: Connection, fabric: Fabric, chosen: _Chosen
) -> list[tuple[ObjectRef, str]]:
    """Adopt all of it into the fabric, or nothing, and return the changes."""
    from hedgehog.airflow.adapters.hooks import open_cluster, open_mirror
    from hedgehog.services.git import edits as git_edits
    from hedgehog.services.kubernetes import drift_decisions

    edits = chosen.edits
    if not arguments.objects:  # a foreign file, or one whose object was removed, must be named
        edits = [edit for edit in edits if edit.state is EditState.CHANGED and edit.ref is not None]
    found: list[Change] = []
    with transaction(connection):
        if edits and fabric.git_repository is not None:
            with progress(arguments, f"reading {fabric.git_repository.name}"):
                found += git_edits.adopt(connection, open_mirror(fabric.git_repository), fabric.name, edits).changes
        changed = [one for one in open_drift.listing(connection, fabric.name) if one.drift.state is DriftState.CHANGED]
        if chosen.in_cluster and (chosen.refs or changed):
            if fabric.kubernetes_connection_id is None:
                raise InvalidInput(f"fabric {fabric.name} names no cluster; set its kubernetes_connection_id")
            cluster = open_cluster(fabric.kubernetes_connection_id)
            try:
                with progress(arguments, f"reading {fabric.kubernetes_connection_id}"):
                    found += drift_decisions.adopt(connection, cluster, fabric.name, chosen.refs).changes
            finally:
                cluster.close()
    return [(change.ref, change.action.value) for change in found]


def _revert(arguments: argparse.Namespace) -> int:
    from hedgehog.services.git import edits as git_edits
    from hedgehog.services.kubernetes import drift_decisions

    with fabric_database(arguments) as connection:
        load_fabric(connection, arguments.fabric)
        chosen = _chosen(arguments, connection)
        edits = chosen.edits
        if not arguments.objects:  # only a person can remove an obstacle
            edits = [edit for edit in edits if edit.state is not EditState.OBSTACLE]
        with transaction(connection):
            if edits:
                git_edits.revert(connection, arguments.fabric, edits)
            refs = drift_decisions.revert(connection, arguments.fabric, chosen.refs) if chosen.in_cluster else []
    data = [*(edit.path for edit in edits), *map(str, refs)]
    show(arguments, data, lambda: "\n".join(data) or "nothing to revert")
    for target, concerned in (("git", edits), ("kubernetes", refs)):
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
