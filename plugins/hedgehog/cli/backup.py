"""`hedgehog backup`, `hedgehog restore`: the fabric database as files, and back."""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import Parser, add_command, add_reason
from hedgehog.cli.output import note, progress, show
from hedgehog.cli.session import fabric_database, origin
from hedgehog.fabric.origin import Via

if TYPE_CHECKING:
    from hedgehog.services.transfer.backup import Backup
    from hedgehog.services.transfer.restore import RestoreReport
    from hedgehog.store.database import Connection


def add_commands(commands: Any) -> None:
    """Add `backup` and `restore`."""
    parser = add_command(
        commands,
        "backup",
        _backup,
        summary="write all repositories, fabrics and objects to a directory or to object storage, with checksums",
        examples=(
            "hedgehog backup --directory /var/backups/hedgehog\nhedgehog backup --directory s3://aws@bucket/fabrics"
        ),
    )
    parser.fill = _fill_backup
    _add_restore(commands)


def _fill_backup(parser: Parser) -> None:
    parser.add_argument(
        "--directory",
        metavar="DIR",
        help="directory or URL of an Airflow object storage; default: [hedgehog] backup_directory",
    )
    parser.add_argument("--keep", type=int, metavar="N", help="older backups there go; default: [hedgehog] backup_keep")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written and deleted; do neither")


def _add_restore(commands: Any) -> None:
    parser = add_command(
        commands,
        "restore",
        _restore,
        summary="make the fabric database equal to a backup, or to a Git branch; all or nothing",
        examples="""
        hedgehog restore /var/backups/hedgehog/hedgehog-20260501T034000Z
        hedgehog restore --from-git https://git.example.com/network.git --connection network_git
        """,
    )
    parser.add_argument("place", nargs="?", metavar="BACKUP", help="directory or URL of one backup")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="required when the database is not empty: what is not restored is deleted from it",
    )
    add_reason(parser)
    group = parser.add_argument_group("from Git alone")
    group.add_argument("--from-git", metavar="URL", help="repository that fabrics were published to")
    group.add_argument("--branch", default="main", metavar="NAME", help="default: main")
    group.add_argument("--connection", metavar="ID", help="Airflow connection with its credentials")
    group.add_argument("--name", metavar="NAME", help="name of its row; default: the last part of the URL")


def _backup(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.adapters import backup_storage
    from hedgehog.airflow.settings import BACKUP_KEEP

    place = arguments.directory or backup_storage.backup_place()
    keep = BACKUP_KEEP.read() if arguments.keep is None else arguments.keep
    with fabric_database(arguments) as connection, progress(arguments, f"writing to {place}"):
        done = backup_storage.back_up(connection, place, keep=keep, now=datetime.now(UTC), dry_run=arguments.dry_run)
    show(arguments, done.as_dict(), lambda: _backup_text(done))
    if arguments.output == "table":
        for text in done.missing.lines():
            note(text)
    return 1 if done.missing else 0


def _backup_text(done: Backup) -> str:
    would = "would be " if done.dry_run else ""
    lines = [f"{done.place}: {done.fabrics} fabrics, {done.objects} objects {would}written"]
    lines += [f"{name}: {would}deleted as one of the oldest" for name in done.removed]
    return "\n".join(lines)


def _restore(arguments: argparse.Namespace) -> int:
    if bool(arguments.place) == bool(arguments.from_git):
        arguments.parser.error("name a backup, or a repository with --from-git; not both")
    with fabric_database(arguments) as connection:
        report = _from_git(arguments, connection) if arguments.from_git else _from_backup(arguments, connection)
    show(arguments, report.as_dict(), lambda: _text(report))
    if arguments.output == "table":
        for text in report.notes:
            note(text)
    return 0


def _from_backup(arguments: argparse.Namespace, connection: Connection) -> RestoreReport:
    from hedgehog.airflow.adapters import backup_storage
    from hedgehog.services.transfer.restore import restore

    with tempfile.TemporaryDirectory(prefix="hedgehog-restore-") as name, progress(arguments, "restoring"):
        directory = Path(arguments.place).expanduser()
        if backup_storage.is_url(arguments.place):
            directory = backup_storage.fetch(arguments.place, Path(name))
        return restore(
            connection,
            directory,
            origin=origin(arguments, Via.RESTORE),
            replace=arguments.replace,
            key=backup_storage.backup_key(),
        )


def _from_git(arguments: argparse.Namespace, connection: Connection) -> RestoreReport:
    from hedgehog.airflow.adapters.hooks import open_mirror
    from hedgehog.fabric.model import GitRepository
    from hedgehog.services.transfer.restore import restore_from_git

    url = arguments.from_git
    name = arguments.name or url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    repository = GitRepository(0, name, url, arguments.branch, arguments.connection)
    with progress(arguments, f"reading {url}"):
        return restore_from_git(
            connection,
            open_mirror(repository),
            repository,
            origin=origin(arguments, Via.RESTORE),
            replace=arguments.replace,
        )


def _text(report: RestoreReport) -> str:
    lines = [f"repository {name}: {action}" for name, action in report.repositories.items()]
    for name, action in report.fabrics.items():
        revision = report.revisions.get(name)
        was = f"; Git was at {revision}" if revision else ""
        lines.append(f"fabric {name}: {action}, {report.objects[name]} objects{was}")
    lines += [f"{name}: forgotten" for name in report.deleted]
    return "\n".join([*lines, f"restored from {report.source}"])
