"""Where backups live: a directory, or object storage behind an Airflow connection (`s3://conn@bucket/path`).

Object storage has no rename: there a backup counts once its manifest is there, which is written last.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.connections import setting
from hedgehog.errors import InvalidInput, NotFound, RemoteUnavailable
from hedgehog.services import backup
from hedgehog.services.backup import MANIFEST_FILE, Backup

if TYPE_CHECKING:
    from hedgehog.store.database import Connection


def backup_place() -> str:
    """Where backups go: `[hedgehog] backup_directory`, else below AIRFLOW_HOME. Raises InvalidInput if it is neither."""
    home = os.environ.get("AIRFLOW_HOME")
    place = setting("backup_directory", f"{home}/hedgehog/backups" if home else "")
    if not place:
        raise InvalidInput("where do backups go? say --directory DIR, or set [hedgehog] backup_directory")
    return place


def is_url(place: str) -> bool:
    """Whether it is object storage, not a directory."""
    return "://" in place


def back_up(connection: Connection, place: str, *, keep: int, now: datetime, dry_run: bool = False) -> Backup:
    """Write a backup to *place* and let the oldest there go, so that *keep* are left."""
    if not is_url(place):
        return backup.back_up(connection, Path(place).expanduser(), keep=keep, now=now, dry_run=dry_run)
    remote = _storage(place)
    with tempfile.TemporaryDirectory(prefix="hedgehog-backup-") as name:
        local = backup.back_up(connection, Path(name), keep=keep, now=now, dry_run=dry_run)
        done = replace(local, place=f"{place.rstrip('/')}/{local.name}")
        try:
            if not dry_run:
                _upload(Path(name) / local.name, remote / local.name)
            return replace(done, removed=tuple(_rotate(remote, [local.name], keep, dry_run=dry_run)))
        except OSError as error:
            raise RemoteUnavailable(f"{place} cannot be written: {type(error).__name__}: {error}") from error


def fetch(place: str, directory: Path) -> Path:
    """Copy a backup from object storage into *directory* and return where it is. Raises NotFound."""
    remote = _storage(place)
    try:
        if not (remote / MANIFEST_FILE).exists():
            raise NotFound(f"{place} has no {MANIFEST_FILE}: it is no backup, or was not written to its end")
        for source in _files(remote):
            target = directory / source.path[len(remote.path) :].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    except OSError as error:
        raise RemoteUnavailable(f"{place} cannot be read: {type(error).__name__}: {error}") from error
    return directory


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


def _files(remote: Any) -> list[Any]:
    found = []
    for path in remote.iterdir():
        found += _files(path) if path.is_dir() else [path]
    return found


def _rotate(remote: Any, written: list[str], keep: int, *, dry_run: bool) -> list[str]:
    """Delete the oldest, the manifest first, so that half of a backup never looks like one."""
    there = [path.name for path in remote.iterdir() if path.is_dir()] if remote.exists() else []
    whole = {name for name in there if backup.is_name(name) and (remote / name / MANIFEST_FILE).exists()}
    doomed = backup.expired(whole | set(written), keep)
    for name in doomed if not dry_run else ():
        (remote / name / MANIFEST_FILE).unlink()
        (remote / name).fs.rm((remote / name).path, recursive=True)
    return doomed
