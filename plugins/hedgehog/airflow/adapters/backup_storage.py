"""Where backups live: a directory, or object storage behind an Airflow connection (`s3://conn@bucket/path`).

Object storage has no rename: there a backup counts once its manifest is there, which is written last.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.adapters.connections import read_connection
from hedgehog.airflow.settings import BACKUP_DIRECTORY
from hedgehog.errors import InvalidInput, NotFound, RemoteUnavailable
from hedgehog.services.transfer import backup, backup_manifest
from hedgehog.services.transfer.backup import Backup
from hedgehog.services.transfer.backup_manifest import MANIFEST_FILE, SIGNATURE_FILE

if TYPE_CHECKING:
    from hedgehog.store.database import Connection

KEY_CONNECTION = "hedgehog_backup_key"


def backup_place() -> str:
    """Where backups go: `[hedgehog] backup_directory`, else below AIRFLOW_HOME. Raises InvalidInput if it is neither."""
    home = os.environ.get("AIRFLOW_HOME")
    place = BACKUP_DIRECTORY.read() or (f"{home}/hedgehog/backups" if home else "")
    if not place:
        raise InvalidInput(
            "no place for backups is configured; give --directory DIR, or set [hedgehog] backup_directory"
        )
    return place


def is_url(place: str) -> bool:
    """Whether it is object storage, not a directory."""
    return "://" in place


def backup_key() -> str | None:
    """The key with which backups are signed: the password of the connection `hedgehog_backup_key`; None without one."""
    try:
        return read_connection(KEY_CONNECTION).password or None
    except NotFound:
        return None


def back_up(connection: Connection, place: str, *, keep: int, now: datetime, dry_run: bool = False) -> Backup:
    """Write a backup to *place*, signed where there is a key, and let the oldest there go, so that *keep* are left."""
    write = partial(backup.back_up, connection, keep=keep, now=now, dry_run=dry_run, key=backup_key())
    if not is_url(place):
        return write(Path(place).expanduser())
    remote = _storage(place)
    with tempfile.TemporaryDirectory(prefix="hedgehog-backup-") as name:
        local = write(Path(name))
        done = replace(local, place=f"{place.rstrip('/')}/{local.name}")
        try:
            if not dry_run:
                _upload(Path(name) / local.name, remote / local.name)
            return replace(done, removed=tuple(_rotate(remote, done, keep)))
        except OSError as error:
            raise RemoteUnavailable(f"{place} cannot be written: {type(error).__name__}: {error}") from error


def fetch(place: str, directory: Path) -> Path:
    """Copy a backup from object storage into *directory* and return where it is.

    Only the files that its manifest lists are asked for, none of them larger than it says. Raises NotFound when there
    is not a backup, InvalidInput for a manifest that names what no backup has, or is not signed with the key.
    """
    remote = _storage(place)
    try:
        if not (remote / MANIFEST_FILE).exists():
            raise NotFound(f"{place} has no {MANIFEST_FILE}: it is not a backup, or was not written to its end")
        content = _content(remote / MANIFEST_FILE, backup_manifest.LARGEST_MANIFEST)
        signed = _content(remote / SIGNATURE_FILE, 1024) if (remote / SIGNATURE_FILE).exists() else None
        manifest = backup_manifest.parse_manifest(content, place=place, signed=signed, key=backup_key())
        directory.mkdir(parents=True, exist_ok=True)
        (directory / MANIFEST_FILE).write_bytes(content)
        if signed is not None:
            (directory / SIGNATURE_FILE).write_bytes(signed)
        for path, entry in manifest.files.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_content(remote / path, entry.bytes))
    except FileNotFoundError as error:
        raise InvalidInput(f"{place} is damaged: {error.filename or error} is missing; nothing was restored") from None
    except OSError as error:
        raise RemoteUnavailable(f"{place} cannot be read: {type(error).__name__}: {error}") from error
    return directory


def _content(path: Any, limit: int) -> bytes:
    """All of a file that has at most *limit* bytes."""
    with path.open("rb") as file:
        content: bytes = file.read(limit + 1)
    if len(content) > limit:
        raise InvalidInput(f"{path} has more than {limit} bytes; nothing was restored")
    return content


def _storage(place: str) -> Any:
    from airflow.sdk import ObjectStoragePath

    try:
        storage = ObjectStoragePath(place)
        storage.fs  # noqa: B018 - made when it is first asked for; a missing provider shows here
    except (ImportError, ValueError) as error:
        raise InvalidInput(f"{place}: Airflow has no object storage for that: {error}") from error
    return storage


def _upload(source: Path, target: Any) -> None:
    """Copy a backup, the manifest last: without it, it is none."""
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: path.name == MANIFEST_FILE):
        remote = target / path.relative_to(source).as_posix()
        remote.parent.mkdir(parents=True, exist_ok=True)
        remote.write_bytes(path.read_bytes())


def _rotate(remote: Any, written: Backup, keep: int) -> list[str]:
    """Delete the oldest, the manifest first, so that half of a backup never looks like one. A dry run deletes nothing."""

    def holds(name: str) -> frozenset[str]:
        manifest = remote / name / MANIFEST_FILE
        if not manifest.exists():  # the one of a dry run
            return frozenset()
        content = _content(manifest, backup_manifest.LARGEST_MANIFEST)
        return backup_manifest.fabrics_of_manifest(content, place=str(remote / name))

    there = [path.name for path in remote.iterdir() if path.is_dir()] if remote.exists() else []
    whole = {name for name in there if backup.is_name(name) and (remote / name / MANIFEST_FILE).exists()}
    to_delete = backup.expired(whole | {written.name}, keep, missing=written.missing.fabrics, holds=holds)
    for name in to_delete if not written.dry_run else ():
        (remote / name / MANIFEST_FILE).unlink()
        (remote / name).fs.rm((remote / name).path, recursive=True)
    return to_delete
