"""The fabric database as files: repositories, fabrics, objects and last revisions at one moment, with checksums.

    hedgehog-20260501T034000Z/
      manifest.json                    what is in it, the SHA-256 of every file and of every fabric; written last
      manifest.hmac                    its signature, where there is a key
      repositories.yaml                every Git repository
      state.json                       ids, suspensions, last revisions, whose objects in clusters are ours
      fabrics/<name>/configuration.yaml, objects-0001.yaml …     what `hedgehog fabric import` reads

It contains no secrets: connections are only named. What carries a login, or cannot be read, is missing, with the reason;
everything else is included.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from hedgehog.errors import AlreadyExists, InvalidInput
from hedgehog.fabric.git_urls import GitUrl
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.fabric.render import dump
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.manifests.configuration import REPOSITORY, document
from hedgehog.services.failures import error_lines
from hedgehog.services.transfer import backup_manifest
from hedgehog.services.transfer import export as fabric_export
from hedgehog.services.transfer.backup_manifest import (
    FORMAT,
    MANIFEST_FILE,
    REPOSITORIES_FILE,
    SIGNATURE_FILE,
    STATE_FILE,
    Missing,
)
from hedgehog.services.transfer.export import CONFIGURATION_FILE
from hedgehog.store import fabrics as store
from hedgehog.store import installations, snapshot
from hedgehog.store.database import Connection

PREFIX = "hedgehog-"
_PARTIAL = ".part"
_ABANDONED_AFTER = 86400.0
"""Seconds after which a partial backup belongs to a process that has died."""
_LARGEST_FILE = 4 * 2**20
"""The most bytes of a file with several objects; a single object may exceed it."""
_SEPARATOR = b"---\n"
_LONGEST_REASON = 2000

_Write = Callable[[str, bytes], dict[str, Any]]
"""Writes a file and returns its entry in the manifest."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written, or that would be."""

    name: str
    place: str
    fabrics: int
    objects: int
    bytes: int
    removed: tuple[str, ...] = ()
    """Older backups that were deleted."""
    missing: Missing = field(default_factory=Missing)
    """What could not be backed up."""
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom and JSON output."""
        return {name: getattr(self, name) for name in ("name", "place", "fabrics", "objects", "bytes", "dry_run")} | {
            "removed": list(self.removed),
            "missing": self.missing.lines(),
        }


# Writing


def write_backup(connection: Connection, directory: Path, *, now: datetime, key: str | None = None) -> Backup:
    """Write a backup below *directory*, signed with *key* if there is one, and return it.

    It gets its name only when all of it is on the disk. What cannot be read, or carries a login, is `missing`.

    Raises AlreadyExists if there is a backup of this second.
    """
    name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}"
    target, unfinished = directory / name, directory / f".{name}{_PARTIAL}"
    if target.exists():
        raise AlreadyExists(f"{target} exists; wait a second")
    directory.mkdir(parents=True, exist_ok=True)
    try:
        unfinished.mkdir(mode=0o700)
        manifest = _write_all(connection, partial(_write_file, unfinished), now)
        content = _json(manifest)
        if key is not None:
            _write_file(unfinished, SIGNATURE_FILE, backup_manifest.signature(content, key).encode() + b"\n")
        _write_file(unfinished, MANIFEST_FILE, content)
        _sync(unfinished)
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _sync(directory)
    return _backup(name, directory, manifest)


def _backup(name: str, directory: Path, manifest: Mapping[str, Any]) -> Backup:
    return Backup(
        name,
        str(directory / name),
        len(manifest["fabrics"]),
        sum(fabric["objects"] for fabric in manifest["fabrics"].values()),
        sum(file["bytes"] for file in manifest["files"].values()),
        missing=Missing(**manifest["missing"]),
    )


def _write_all(connection: Connection, write_file: _Write, now: datetime) -> dict[str, Any]:
    """Write every file except the manifest, and return the manifest. A fabric or repository that fails is left out."""
    files: dict[str, dict[str, Any]] = {}
    fabrics: dict[str, dict[str, Any]] = {}
    states: dict[str, dict[str, Any]] = {}
    missing: dict[str, dict[str, str]] = {"fabrics": {}, "repositories": {}}
    with snapshot.consistent_read(connection) as cursor:
        documents = []
        for repository in store.load_repositories(connection):
            text = snapshot.in_savepoint(cursor, partial(_repository, repository))
            if isinstance(text, Exception):
                missing["repositories"][repository.name] = _reason(text)
            else:
                documents.append(text)
        files[REPOSITORIES_FILE] = write_file(REPOSITORIES_FILE, _SEPARATOR.join(documents))
        revisions = snapshot.revisions(cursor)
        for name in store.fabric_names(connection):
            found = snapshot.in_savepoint(cursor, partial(_fabric, connection, name))
            if isinstance(found, Exception):
                missing["fabrics"][name] = _reason(found)
                continue
            state, exported = found
            states[name] = state | {"sync": revisions.get(name, {})}
            fabrics[name] = {"objects": len(exported) - 1, "sha256": fingerprint(exported)}
            for path, content in _files(name, exported):
                files[path] = write_file(path, content)
        state_file = {
            "fabrics": states,
            "repository_heads": snapshot.repository_heads(cursor),
            "known_branches": [one for one in snapshot.known_branches(cursor) if not _has_login(one[0])],
            "installations": sorted(installations.load(connection).known - {""}),
        }
        files[STATE_FILE] = write_file(STATE_FILE, _json(state_file))
        return {
            "format": FORMAT,
            "created_at": now.isoformat(),
            "schema_version": snapshot.schema_version(cursor),
            "fabrics": fabrics,
            "files": files,
            "missing": missing,
        }


def _reason(error: Exception) -> str:
    return "; ".join(error_lines(error))[:_LONGEST_REASON]


def fingerprint(exported: Mapping[str, bytes]) -> str:
    """The SHA-256 of a fabric, which depends only on its settings and objects."""
    digest = hashlib.sha256()
    for path, content in exported.items():
        digest.update(f"{path} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _repository(repository: GitRepository) -> bytes:
    values = {key: fabric_export.plain(getattr(repository, key)) for key in sorted(store.REPOSITORY_SETTINGS)}
    text = dump(document(REPOSITORY, repository.name, values))
    _refuse_what_cannot_come_back(text, repository.name)
    return text


def _fabric(connection: Connection, name: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The entry of a fabric in the state file, and its files."""
    exported = fabric_export.export(connection, name)
    _refuse_what_cannot_come_back(exported[CONFIGURATION_FILE], name)
    return _state(store.load_fabric(connection, name)), exported


def _state(fabric: Fabric) -> dict[str, Any]:
    names = ("id", "generation", "suspended", "suspended_reason", "suspended_until")
    return {name: getattr(fabric, name) for name in names}


def _has_login(url: str) -> bool:
    try:
        return GitUrl.parse(url).has_login
    except InvalidInput:  # it may contain anything
        return True


def _refuse_what_cannot_come_back(text: bytes, owner: str) -> None:
    """Raise InvalidInput for what an import would refuse: it could not be restored, and may be a secret."""
    problems = []
    for one in yaml.load(text, file=owner):
        for item in intake.items(one):
            read = configuration.read_configuration(item)
            problems += read if isinstance(read, list) else []
    if problems:
        raise InvalidInput("\n".join(problems))


def _files(name: str, exported: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The files of one fabric: its configuration, then its objects, many per file."""
    yield f"fabrics/{name}/{CONFIGURATION_FILE}", exported[CONFIGURATION_FILE]
    objects = (content for path, content in exported.items() if path != CONFIGURATION_FILE)
    for number, content in enumerate(_chunks(objects), start=1):
        yield f"fabrics/{name}/objects-{number:04d}.yaml", content


def _chunks(documents: Iterable[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for content in documents:
        if chunk and size + len(content) > _LARGEST_FILE:
            yield _SEPARATOR.join(chunk)
            chunk, size = [], 0
        chunk.append(content)
        size += len(content) + len(_SEPARATOR)
    if chunk:
        yield _SEPARATOR.join(chunk)


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _write_file(directory: Path, path: str, content: bytes) -> dict[str, Any]:
    target = directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return _measure(path, content)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Keeping


def expired(
    names: Iterable[str], keep: int, *, missing: Iterable[str], holds: Callable[[str], Collection[str]]
) -> list[str]:
    """The oldest of the backups among *names*, so that *keep* remain.

    For each fabric that is *missing* from the newest backup, the last one that *holds* it remains, too.
    """
    backups = sorted(name for name in names if is_name(name))
    to_delete = backups[: max(0, len(backups) - keep)]
    sought = set(missing)
    for name in reversed(backups if to_delete and sought else ()):
        found = sought.intersection(holds(name))
        if found and name in to_delete:
            to_delete.remove(name)
        sought -= found
    return to_delete


def is_name(name: str) -> bool:
    """Whether *name* is the name of a backup."""
    try:
        datetime.strptime(name, f"{PREFIX}%Y%m%dT%H%M%SZ")
    except ValueError:
        return False
    return True


def rotate(directory: Path, keep: int, *, missing: Collection[str] = ()) -> list[str]:
    """Delete the oldest backups below *directory*, as `expired` says, and partial ones of killed processes.

    Returns the names of the deleted backups. Everything else in the directory stays.
    """
    for unfinished in directory.glob(f".{PREFIX}*{_PARTIAL}"):
        if time.time() - unfinished.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(unfinished, ignore_errors=True)
    to_delete = _expired_in(directory, _backups_in(directory), keep, missing)
    for name in to_delete:
        shutil.rmtree(directory / name)
    return to_delete


def _backups_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if (path / MANIFEST_FILE).is_file()]


def _expired_in(directory: Path, names: Iterable[str], keep: int, missing: Collection[str]) -> list[str]:
    return expired(names, keep, missing=missing, holds=lambda name: backup_manifest.backed_up_fabrics(directory / name))


def refuse_keep(keep: int) -> None:
    """Raise InvalidInput unless *keep* is at least 1."""
    if keep < 1:
        raise InvalidInput(f"{keep} backups are to be kept; it must be at least 1")


def back_up(
    connection: Connection,
    directory: Path,
    *,
    keep: int,
    now: datetime,
    dry_run: bool = False,
    key: str | None = None,
) -> Backup:
    """Write a backup, signed with *key* if there is one, and delete the oldest, so that *keep* remain.

    A dry run writes and deletes nothing.
    """
    refuse_keep(keep)
    if not dry_run:
        written = write_backup(connection, directory, now=now, key=key)
        return replace(written, removed=tuple(rotate(directory, keep, missing=written.missing.fabrics)))
    name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}"
    planned = _backup(name, directory, _write_all(connection, _measure, now))
    there = _backups_in(directory) if directory.is_dir() else []
    removed = tuple(_expired_in(directory, [*there, name], keep, planned.missing.fabrics))
    return replace(planned, removed=removed, dry_run=True)


def _measure(path: str, content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
