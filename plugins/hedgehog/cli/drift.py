"""`hedgehog drift …`: what others did to our objects in the clusters, and what a person decides about it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hedgehog.cli.arguments import Parser, add_command, add_group
from hedgehog.cli.output import age, note, progress, show, table
from hedgehog.cli.session import fabric_database
from hedgehog.errors import InvalidInput
from hedgehog.fabric.drift import DriftState, policy_of
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.store import drift as store
from hedgehog.store.fabrics import load_fabric, load_fabrics

_COLUMNS = ("fabric", "object", "state", "part", "by", "policy", "found", "where")
_PATHS_SHOWN = 3
_OWN = frozenset({DriftState.CHANGED, DriftState.MISSING})


def add_commands(commands: Any) -> None:
    """Add `drift`."""
    group = add_group(commands, "drift", summary="objects in clusters that others changed, deleted or added")
    parser = add_command(
        group,
        "list",
        _list,
        summary="show what is in the clusters otherwise than it was applied, and what no fabric wants",
        examples="hedgehog drift list\nhedgehog drift list gen --output json",
    )
    parser.add_argument("fabric", nargs="?", metavar="NAME", help="default: all")
    parser = add_command(
        group,
        "adopt",
        _adopt,
        summary="take objects into the fabric as they are in the cluster",
        examples="hedgehog drift adopt gen                     # all that were changed\n"
        "hedgehog drift adopt gen VPC/default/prod    # one; if it is gone there, it leaves the fabric",
    )
    _add_objects(parser, "default: all that were changed; what is missing, orphaned or unowned must be named")
    parser = add_command(
        group,
        "revert",
        _revert,
        summary="have the next sync write objects as the fabric wants them, whatever policy and whoever owns their fields",
        examples="hedgehog drift revert gen VPC/default/prod",
    )
    _add_objects(parser, "default: all that were changed or deleted")


def _add_objects(parser: Parser, default: str) -> None:
    parser.add_argument("fabric", metavar="NAME", help="the fabric")
    parser.add_argument("objects", nargs="*", metavar="KIND/NAMESPACE/NAME", type=_ref, help=default)


def _ref(text: str) -> ObjectRef:
    try:
        return ObjectRef.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no object; write it as VPC/default/prod") from None


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        if arguments.fabric:
            load_fabric(connection, arguments.fabric)  # raises NotFound with near names
        found = store.listing(connection, arguments.fabric)
        fabrics = {fabric.name: fabric for fabric in load_fabrics(connection)}
    data = [_as_dict(one, fabrics) for one in found]
    now = datetime.now(UTC)
    show(arguments, data, lambda: table(_COLUMNS, [_row(one, now) for one in data], nothing="no drift is known"))
    return 0


def _as_dict(one: store.Listed, fabrics: Mapping[str, Fabric]) -> dict[str, Any]:
    own = one.drift.state in _OWN
    return {
        "fabrics": list(one.fabrics),
        "connection_id": one.connection_id,
        "object": str(one.drift.ref),
        "state": one.drift.state.value,
        "paths": list(one.drift.paths),
        "score": round(one.drift.score, 4),
        "manager": one.drift.manager or None,
        "policy": policy_of(fabrics[one.fabrics[0]], one.drift.ref.kind).value if own else None,
        "revert": one.revert,
        "found_at": one.found_at,
    }


def _row(one: Mapping[str, Any], now: datetime) -> Sequence[Any]:
    paths = one["paths"]
    more = f" +{len(paths) - _PATHS_SHOWN}" if len(paths) > _PATHS_SHOWN else ""
    return (
        ", ".join(one["fabrics"]),
        one["object"],
        one["state"],
        f"{one['score']:.0%}" if one["policy"] else None,
        one["manager"],
        "revert" if one["revert"] else one["policy"],
        age(one["found_at"], now),
        ", ".join(paths[:_PATHS_SHOWN]) + more,
    )


def _adopt(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.hooks import open_cluster
    from hedgehog.services import drift

    with fabric_database(arguments) as connection:
        fabric = load_fabric(connection, arguments.fabric)
        if fabric.kubernetes_connection_id is None:
            raise InvalidInput(f"fabric {fabric.name} names no cluster; set its kubernetes_connection_id")
        cluster = open_cluster(fabric.kubernetes_connection_id)
        try:
            with progress(arguments, f"reading {fabric.kubernetes_connection_id}"):
                changes = drift.adopt(connection, cluster, fabric.name, arguments.objects)
        finally:
            cluster.close()
    data = [{"object": str(change.ref), "action": change.action.value} for change in changes.changes]
    show(
        arguments,
        data,
        lambda: table(("object", "action"), [tuple(one.values()) for one in data], nothing="nothing to adopt"),
    )
    if data and fabric.git_sync_enabled:
        note(f"the database has it; Git follows, then the drift is over: `hedgehog status {fabric.name}`")
    return 0


def _revert(arguments: argparse.Namespace) -> int:
    from hedgehog.services import drift

    with fabric_database(arguments) as connection:
        refs = drift.revert(connection, arguments.fabric, arguments.objects)
    data = [str(ref) for ref in refs]
    show(arguments, data, lambda: "\n".join(data) or "nothing to revert")
    if data:
        note(f"the next sync writes them; at once: `hedgehog sync kubernetes {arguments.fabric}`")
    return 0
