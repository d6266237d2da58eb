"""`hedgehog fabric …`: the desired state of fabrics, into and out of the database."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.cli import cluster_import, fabric_care, git_import, netbox_import
from hedgehog.cli.arguments import add_command, add_group, add_reason, setting, standard_input
from hedgehog.cli.import_report import show_report
from hedgehog.cli.output import age, pairs, progress, say, screen, show, table, write_result
from hedgehog.cli.selection import add_selection, chosen_fabrics
from hedgehog.cli.session import fabric_database, origin
from hedgehog.cli.status import status_table
from hedgehog.errors import AlreadyExists, InvalidInput
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.settings import FabricSettings, UnreadableSettings
from hedgehog.fabric.shown import counted
from hedgehog.services.observe.status import TargetStatus, target_statuses
from hedgehog.store import fabrics as store
from hedgehog.store import objects as object_store

if TYPE_CHECKING:
    from hedgehog.manifests.configuration import Settings
    from hedgehog.services.transfer.load import ImportReport


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
    parser = add_command(
        group,
        "list",
        _list,
        summary="list fabrics with their labels",
        examples="hedgehog fabric list --select site=fra,tier!=lab\nhedgehog fabric list --output json",
    )
    add_selection(parser, default="all")
    parser = add_command(group, "show", _show, summary="show the settings, objects and state of a fabric")
    parser.add_argument("fabric", metavar="NAME")
    fabric_care.add_commands(group)


def _add_import(group: Any) -> None:
    parser = add_command(
        group,
        "import",
        _import,
        summary="store fabrics, repositories and objects from files, clusters, a Git repository or the NetBox plugin",
        examples="""
        hedgehog fabric import fabric.yaml wiring/ vpcs/
        hedgehog fabric import --fabric gen hhfab/                   # fab.yaml and include/ as hhfab has them
        hedgehog fabric import --fabric gen --replace wiring/        # what is not in the files is removed
        kubectl get vpcs -o yaml | hedgehog fabric import --fabric gen -
        hedgehog fabric import --from-cluster gen_cluster --fabric gen --set enable_k8s_sync=true
        hedgehog fabric import --from-cluster fra-1=fra_1_cluster fra-2=fra_2_cluster --dry-run
        hedgehog fabric import --from-netbox netbox_db --dry-run
        hedgehog fabric import gen --from-git https://github.com/acme/net --path fabrics/gen --connection acme_git
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
    parser.add_argument(
        "--hydrate",
        choices=[mode.value for mode in HydrationMode],
        default=HydrationMode.MISSING.value,
        help="assign addresses and ASNs that the files leave out: missing (default), if-not-present, override, or never",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would change; change nothing")
    add_reason(parser)
    git_import.add_options(parser)
    cluster_import.add_cluster_options(parser)
    netbox_import.add_netbox_options(parser)
    parser.add_argument(
        "--set", type=setting, action="append", default=[], dest="settings", metavar="SETTING=VALUE",
        help="a setting of each fabric that is created (from a cluster or a directory of hhfab), as under spec of a Fabric document",
    )  # fmt: skip


def _import(arguments: argparse.Namespace) -> int:
    if arguments.from_git:
        _refuse_other_sources(arguments)
        return git_import.import_repository(arguments)
    if arguments.path or arguments.connection:
        arguments.parser.error("--path and --connection go with --from-git")
    if sum(map(bool, (arguments.paths, arguments.from_cluster, arguments.from_netbox))) != 1:
        arguments.parser.error(
            "name files to import, or clusters with --from-cluster, or a database with --from-netbox"
        )
    if arguments.kubeconfig and not arguments.from_cluster:
        arguments.parser.error("--kubeconfig goes with --from-cluster")
    if arguments.from_cluster:
        return cluster_import.import_clusters(arguments)
    if arguments.from_netbox:
        return netbox_import.import_netbox_fabrics(arguments)
    show_report(arguments, _from_files(arguments))
    return 0


def _refuse_other_sources(arguments: argparse.Namespace) -> None:
    given = {
        name: getattr(arguments, name[2:].replace("-", "_"))
        for name in ("--from-cluster", "--from-netbox", "--replace")
    }
    for option in (name for name, value in given.items() if value):
        arguments.parser.error(f"{option} does not go with --from-git")


def _from_files(arguments: argparse.Namespace) -> ImportReport:
    from hedgehog.airflow.adapters.hooks import refuse_unoffered
    from hedgehog.services.transfer import from_hhfab, local_files
    from hedgehog.services.transfer import load as fabric_import

    found = [from_hhfab.hhfab_paths(path) for path in arguments.paths]
    paths = [one for path, inside in zip(arguments.paths, found, strict=True) for one in inside or [path]]
    if arguments.settings and not any(found):
        arguments.parser.error("--set goes with --from-cluster or a directory of hhfab (fab.yaml and include/)")
    with progress(arguments, "reading the files"):
        files = local_files.read_paths(paths, stdin=standard_input(), search_hidden=arguments.replace)
        documents = fabric_import.read_documents(files)
    if not documents:
        raise InvalidInput(f"{', '.join(arguments.paths)}: no YAML document was found; nothing was imported")
    with fabric_database(arguments) as connection, progress(arguments, "writing to the fabric database"):
        given: list[Settings] = []
        if any(found):
            values = dict(arguments.settings)
            documents, given = from_hhfab.take_fabricator(connection, documents, fabric=arguments.fabric, values=values)
        return fabric_import.import_documents(
            connection,
            documents,
            origin=origin(arguments),
            fabric=arguments.fabric,
            replace=arguments.replace,
            dry_run=arguments.dry_run,
            allow_large_prune=arguments.yes,
            allow_invalid=arguments.allow_invalid,
            unread=files.unread,
            mode=HydrationMode(arguments.hydrate),
            given=given,
            check_repository=refuse_unoffered,
        )


def _export(arguments: argparse.Namespace) -> int:
    from hedgehog.services.transfer import export as fabric_export

    with fabric_database(arguments) as connection:
        files = fabric_export.export(connection, arguments.fabric)
    if arguments.directory is None:
        write_result(arguments, fabric_export.stream(files))
        return 0
    _write(arguments.directory, files)
    say(arguments, f"{counted(len(files), 'file')} written to {arguments.directory}")
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
        fabrics = store.load_fabrics(connection, chosen_fabrics(arguments, connection))
    now = datetime.now(UTC)
    columns = ("name", "git", "cluster", "labels", "suspended", "generation", "updated")
    rows = [
        (
            fabric.name,
            _git(fabric),
            _on(fabric.kubernetes_connection_id, enabled=fabric.kubernetes_sync_enabled),
            ",".join(f"{key}={value}" for key, value in sorted(fabric.labels.items())),
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
