"""`hedgehog fabric …`: the desired state of fabrics, into and out of the database."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.cli import fabric_care
from hedgehog.cli.arguments import add_command, add_group, setting
from hedgehog.cli.output import age, first_lines_of, note, pairs, progress, say, screen, show, table, write_result
from hedgehog.cli.session import fabric_database
from hedgehog.cli.status import status_table
from hedgehog.errors import AlreadyExists, InvalidInput
from hedgehog.fabric.changes import ChangeSet
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.settings import FabricSettings, UnreadableSettings
from hedgehog.services.observe.status import TargetStatus, target_statuses
from hedgehog.store import fabrics as store
from hedgehog.store import objects as object_store

if TYPE_CHECKING:
    from hedgehog.kube.client import Cluster
    from hedgehog.services.transfer.load import ImportReport

_SHOWN_CHANGES = 20


def add_commands(commands: Any) -> None:
    """Add `fabric` and its subcommands."""
    group = add_group(commands, "fabric", summary="show fabrics, import and export them, suspend and resume them")
    _add_import(group)
    parser = add_command(
        group,
        "export",
        _export,
        summary="write a fabric as files that can be imported again, or as one stream to standard output",
        examples="hedgehog fabric export gen --directory backup/gen\nhedgehog fabric export gen > gen.yaml",
        without=("output",),
    )
    parser.add_argument("fabric", metavar="NAME")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="one file per object; must not exist or be empty")
    add_command(group, "list", _list, summary="list all fabrics", examples="hedgehog fabric list --output json")
    parser = add_command(group, "show", _show, summary="show the settings, objects and state of a fabric")
    parser.add_argument("fabric", metavar="NAME")
    fabric_care.add_commands(group)


def _add_import(group: Any) -> None:
    parser = add_command(
        group,
        "import",
        _import,
        summary="store fabrics, repositories and objects from files or from a cluster; all or nothing",
        examples="""
        hedgehog fabric import fabric.yaml wiring/ vpcs/
        hedgehog fabric import --fabric gen --replace wiring/        # what is not in the files is removed
        kubectl get vpcs -o yaml | hedgehog fabric import --fabric gen -
        hedgehog fabric import --from-cluster gen_cluster --fabric gen --set enable_k8s_sync=true
        """,
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="file, directory (its *.yaml and *.yml), or - for stdin"
    )
    parser.add_argument(
        "--fabric", metavar="NAME", help="fabric that the objects belong to; default: the one that the files configure"
    )
    parser.add_argument("--replace", action="store_true", help="remove the fabric's objects that are not imported")
    parser.add_argument("--yes", action="store_true", help="remove even more objects than the fabric's prune threshold")
    parser.add_argument(
        "--allow-invalid",
        action="store_true",
        help="store what a cluster would refuse, too; it is held until it is corrected",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would change; change nothing")
    cluster = parser.add_argument_group("from a cluster")
    cluster.add_argument("--from-cluster", metavar="CONNECTION", help="Airflow connection of the cluster to take over")
    cluster.add_argument("--kubeconfig", metavar="FILE", help="use this kubeconfig file instead of the connection")
    cluster.add_argument(
        "--set", type=setting, action="append", default=[], dest="settings", metavar="SETTING=VALUE",
        help="a setting of the fabric that is created, as under spec of a Fabric document",
    )  # fmt: skip


def _import(arguments: argparse.Namespace) -> int:
    if bool(arguments.paths) == bool(arguments.from_cluster):
        arguments.parser.error("name files to import, or a cluster with --from-cluster; not both")
    if (arguments.kubeconfig or arguments.settings) and not arguments.from_cluster:
        arguments.parser.error("--kubeconfig and --set go with --from-cluster")
    report = _from_cluster(arguments) if arguments.from_cluster else _from_files(arguments)
    show(arguments, report.as_dict(), lambda: _report_text(report, every=arguments.verbose))
    if arguments.output == "table":
        for text in report.notes:
            note(text)
    return 0


def _from_files(arguments: argparse.Namespace) -> ImportReport:
    from hedgehog.services.transfer import load as fabric_import
    from hedgehog.services.transfer import local_files

    stdin = sys.stdin.buffer.read() if local_files.STDIN in arguments.paths else b""
    with progress(arguments, "reading the files"):
        files = local_files.read_paths(arguments.paths, stdin=stdin, search_hidden=arguments.replace)
        documents = fabric_import.read_documents(files)
    if not documents:
        raise InvalidInput(f"{', '.join(arguments.paths)}: no YAML document was found; nothing was imported")
    with fabric_database(arguments) as connection, progress(arguments, "writing to the fabric database"):
        return fabric_import.import_documents(
            connection,
            documents,
            fabric=arguments.fabric,
            replace=arguments.replace,
            dry_run=arguments.dry_run,
            allow_large_prune=arguments.yes,
            allow_invalid=arguments.allow_invalid,
            unread=files.unread,
        )


def _from_cluster(arguments: argparse.Namespace) -> ImportReport:
    with progress(arguments, f"reading the cluster {arguments.from_cluster}"):
        from hedgehog.services.transfer.from_cluster import import_from_cluster

        cluster = _open_cluster(arguments)
        try:
            with fabric_database(arguments) as connection:
                return import_from_cluster(
                    connection,
                    cluster,
                    connection_id=arguments.from_cluster,
                    fabric=arguments.fabric,
                    settings=dict(arguments.settings),
                    replace=arguments.replace,
                    dry_run=arguments.dry_run,
                    allow_large_prune=arguments.yes,
                )
        finally:
            cluster.close()


def _open_cluster(arguments: argparse.Namespace) -> Cluster:
    from hedgehog.airflow.adapters.hooks import open_cluster, open_kubeconfig

    if arguments.kubeconfig:
        return open_kubeconfig(arguments.kubeconfig, name=arguments.from_cluster)
    return open_cluster(arguments.from_cluster)


def _report_text(report: ImportReport, *, every: bool) -> str:
    lines = [f"repository {name}: {action}" for name, action in report.repositories.items()]
    lines += [f"fabric {name}: {action}" for name, action in report.fabrics.items()]
    if report.fabric is not None:
        lines.append(f"objects of {report.fabric}: {_counts(report.objects)}")
        changes = [str(change) for change in report.objects.writes]
        lines += [f"  {line}" for line in first_lines_of(changes, _SHOWN_CHANGES, every=every)]
    return "\n".join([*lines, "dry run: nothing was changed"] if report.dry_run else lines)


def _counts(changes: ChangeSet) -> str:
    return ", ".join(f"{count} {action}" for action, count in changes.counts().items() if count) or "none"


def _export(arguments: argparse.Namespace) -> int:
    from hedgehog.services.transfer import export as fabric_export

    with fabric_database(arguments) as connection:
        files = fabric_export.export(connection, arguments.fabric)
    if arguments.directory is None:
        write_result(arguments, fabric_export.stream(files))
        return 0
    _write(arguments.directory, files)
    say(arguments, f"{len(files)} files written to {arguments.directory}")
    return 0


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write the files. Refuses a directory that is not empty: files of another export would be imported with them."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise AlreadyExists(f"{directory} exists and is not an empty directory; name another one or remove it")
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def _plain(fabric: Fabric) -> dict[str, Any]:
    """A fabric as JSON data: settings as in its document, and what the database adds."""
    stored = fabric.settings
    settings = {"unreadable": stored.why} if isinstance(stored, UnreadableSettings) else stored.as_dict()
    values = asdict(replace(fabric, git_repository=None, settings=FabricSettings())) | {"settings": settings}
    return values | {
        "git_repository": fabric.git_repository.name if fabric.git_repository else None,
        "enable_k8s_sync": fabric.kubernetes_sync_enabled,  # its former name, for one release
    }


def _list(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        fabrics = store.load_fabrics(connection)
    now = datetime.now(UTC)
    columns = ("name", "git", "cluster", "suspended", "generation", "updated")
    rows = [
        (
            fabric.name,
            _git(fabric),
            _on(fabric.kubernetes_connection_id, enabled=fabric.kubernetes_sync_enabled),
            _suspended(fabric, now),
            fabric.generation,
            age(fabric.last_updated, now),
        )
        for fabric in fabrics
    ]
    nothing = "there are no fabrics; `hedgehog fabric import` creates one"
    show(arguments, [_plain(fabric) for fabric in fabrics], lambda: table(columns, rows, nothing=nothing))
    return 0


def _git(fabric: Fabric) -> str | None:
    repository = fabric.git_repository
    return _on(f"{repository.name}/{fabric.git_directory}" if repository else None, enabled=fabric.git_sync_enabled)


def _on(place: str | None, *, enabled: bool) -> str | None:
    return place if enabled or place is None else f"{place} (off)"


def _suspended(fabric: Fabric, now: datetime) -> str | None:
    end = fabric.suspended_until
    if not fabric.suspended or (end is not None and end <= now):
        return None
    return (f"until {end:%Y-%m-%d %H:%M %Z}: " if end else "") + (fabric.suspended_reason or "")


def _show(arguments: argparse.Namespace) -> int:
    with fabric_database(arguments) as connection:
        fabric = store.load_fabric(connection, arguments.fabric)
        objects = object_store.load_objects(connection, [fabric.id])[fabric.id]
        found = target_statuses(connection, [fabric.name], now=datetime.now(UTC))
    kinds = Counter(stored.ref.kind for stored in objects)
    data = _plain(fabric) | {
        "objects": dict(sorted(kinds.items())),
        "object_refs": [str(stored.ref) for stored in objects],
        "sync": [row.as_dict() for row in found],
    }

    def text() -> str:
        settings = {name: value for name, value in _plain(fabric).items() if name not in ("id", "resource_name")}
        counted = table(("kind", "objects"), sorted(kinds.items()), nothing="it has no objects")
        return "\n\n".join((pairs(settings), counted, _states(arguments, found)))

    show(arguments, data, text)
    return 0


def _states(arguments: argparse.Namespace, found: Sequence[TargetStatus]) -> str:
    return status_table(found, datetime.now(UTC), nothing="no sync is on", screen=screen(arguments))
