"""The fabric database as files: repositories, fabrics, objects and last revisions at one moment, with checksums.

    hedgehog-20260501T034000Z/
      manifest.json                    what is in it, the SHA-256 of every file and of every fabric; written last
      manifest.hmac                    its signature, where there is a key
      repositories.yaml                every Git repository
      state.json                       ids, suspensions, last revisions
      fabrics/<name>/configuration.yaml, objects-0001.yaml …     what `hedgehog fabric import` reads

There are no secrets in it: connections are named, and what carries a login is refused.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from hedgehog.errors import AlreadyExists, InvalidInput
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.render import dump
from hedgehog.schemas import configuration, intake, yaml
from hedgehog.schemas.configuration import REPOSITORY, document
from hedgehog.services import backup_manifest, fabric_export
from hedgehog.services.backup_manifest import FORMAT, MANIFEST_FILE, REPOSITORIES_FILE, SIGNATURE_FILE, STATE_FILE
from hedgehog.services.fabric_export import CONFIGURATION_FILE
from hedgehog.store import fabrics as store
from hedgehog.store import snapshot
from hedgehog.store.database import Connection

PREFIX = "hedgehog-"
KEEP = 14
"""Backups that are kept when nothing else is said."""
_PARTIAL = ".part"
_ABANDONED_AFTER = 86400.0
"""Seconds after which a half-written backup belongs to a process that is no more."""
_LARGEST_FILE = 4 * 2**20
"""Bytes of a file with several objects; one large object may exceed it."""
_SEPARATOR = b"---\n"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written, or that would be."""

    name: str
    place: str
    fabrics: int
    objects: int
    bytes: int
    removed: tuple[str, ...] = ()
    """Older backups that went."""
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom and JSON output."""
        return {name: getattr(self, name) for name in ("name", "place", "fabrics", "objects", "bytes", "dry_run")} | {
            "removed": list(self.removed)
        }


# Writing


def write(connection: Connection, directory: Path, *, now: datetime, key: str | None = None) -> Backup:
    """Write a backup below *directory*, signed with *key* if there is one, and return it.

    It has its name only once all of it is on the disk.

    Raises InvalidInput when something carries a login, AlreadyExists when there is a backup of this second.
    """
    name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}"
    target, partial = directory / name, directory / f".{name}{_PARTIAL}"
    if target.exists():
        raise AlreadyExists(f"{target} exists; wait a second")
    directory.mkdir(parents=True, exist_ok=True)
    try:
        partial.mkdir(mode=0o700)
        manifest = _fill(connection, partial, now, key)
        _sync(partial)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(directory)
    return Backup(
        name,
        str(target),
        len(manifest["fabrics"]),
        sum(fabric["objects"] for fabric in manifest["fabrics"].values()),
        sum(file["bytes"] for file in manifest["files"].values()),
    )


def _fill(connection: Connection, directory: Path, now: datetime, key: str | None) -> dict[str, Any]:
    """Write every file, the manifest last, and return the manifest."""
    files: dict[str, dict[str, Any]] = {}
    fabrics: dict[str, dict[str, Any]] = {}
    with snapshot.one_moment(connection) as cursor:
        version = snapshot.schema_version(cursor)
        found = store.load_fabrics(connection)
        for path, content in _common_files(connection, cursor, found):
            files[path] = _write_file(directory, path, content)
        for fabric in found:
            exported = fabric_export.export(connection, fabric.name)
            _refuse_logins(exported[CONFIGURATION_FILE], fabric.name)
            fabrics[fabric.name] = {"objects": len(exported) - 1, "sha256": fingerprint(exported)}
            for path, content in _files(fabric.name, exported):
                files[path] = _write_file(directory, path, content)
    manifest = {
        "format": FORMAT,
        "created_at": now.isoformat(),
        "schema_version": version,
        "fabrics": fabrics,
        "files": files,
    }
    content = _json(manifest)
    if key is not None:
        _write_file(directory, SIGNATURE_FILE, backup_manifest.signature(content, key).encode() + b"\n")
    _write_file(directory, MANIFEST_FILE, content)
    return manifest


def fingerprint(exported: Mapping[str, bytes]) -> str:
    """The SHA-256 of a fabric: the same for the same settings and objects, wherever they are stored."""
    digest = hashlib.sha256()
    for path, content in exported.items():
        digest.update(f"{path} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _common_files(connection: Connection, cursor: Any, fabrics: Sequence[Fabric]) -> Iterator[tuple[str, bytes]]:
    documents = [
        dump(document(REPOSITORY, one.name, {key: getattr(one, key) for key in sorted(store.REPOSITORY_SETTINGS)}))
        for one in store.load_repositories(connection)
    ]
    text = _SEPARATOR.join(documents)
    _refuse_logins(text, "the repositories")
    yield REPOSITORIES_FILE, text
    revisions = snapshot.revisions(cursor)
    state = {fabric.name: _state(fabric) | {"sync": revisions.get(fabric.name, {})} for fabric in fabrics}
    yield STATE_FILE, _json({"fabrics": state, "repository_heads": snapshot.repository_heads(cursor)})


def _state(fabric: Fabric) -> dict[str, Any]:
    names = ("id", "generation", "suspended", "suspended_reason", "suspended_until")
    return {name: getattr(fabric, name) for name in names}


def _refuse_logins(text: bytes, owner: str) -> None:
    """What an import would refuse must not be in a backup: it could not be restored, and may be a secret."""
    problems = []
    for one in yaml.load(text, file=owner):
        for item in intake.items(one):
            read = configuration.read(item)
            problems += read if isinstance(read, list) else []
    if problems:
        raise InvalidInput("no backup was written\n" + "\n".join(problems))


def _files(name: str, exported: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The files of one fabric: its configuration, then its objects, many in a file."""
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
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Keeping


def expired(names: Iterable[str], keep: int) -> list[str]:
    """The oldest backups of those *names* that are backups, so that *keep* are left."""
    backups = sorted(name for name in names if is_name(name))
    return backups[: max(0, len(backups) - keep)]


def is_name(name: str) -> bool:
    """Whether a directory of that name is a backup of ours."""
    try:
        datetime.strptime(name, f"{PREFIX}%Y%m%dT%H%M%SZ")
    except ValueError:
        return False
    return True


def rotate(directory: Path, keep: int) -> list[str]:
    """Delete the oldest backups below *directory* so that *keep* are left, and what killed backups left behind.

    Returns the names of the backups that went. Whatever else is there stays. Raises InvalidInput for *keep* below 1.
    """
    refuse_keep(keep)
    for partial in directory.glob(f".{PREFIX}*{_PARTIAL}"):
        if time.time() - partial.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(partial, ignore_errors=True)
    doomed = expired((path.name for path in directory.iterdir() if (path / MANIFEST_FILE).is_file()), keep)
    for name in doomed:
        shutil.rmtree(directory / name)
    return doomed


def refuse_keep(keep: int) -> None:
    """Raise InvalidInput unless at least one backup is kept."""
    if keep < 1:
        raise InvalidInput(f"{keep} backups are to be kept; it must be at least 1")


def back_up(
    connection: Connection,
    directory: Path,
    *,
    keep: int = KEEP,
    now: datetime,
    dry_run: bool = False,
    key: str | None = None,
) -> Backup:
    """Write a backup, signed with *key* if there is one, and let the oldest go, so that *keep* are left.

    A dry run writes and deletes nothing.
    """
    refuse_keep(keep)
    if not dry_run:
        written = write(connection, directory, now=now, key=key)
        return replace(written, removed=tuple(rotate(directory, keep)))
    with snapshot.one_moment(connection):
        fabrics = store.load_fabrics(connection)
        objects = store.load_objects(connection, [fabric.id for fabric in fabrics])
    there = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    name = f"{PREFIX}{now:%Y%m%dT%H%M%SZ}"
    removed = tuple(expired([*there, name], keep))
    return Backup(name, str(directory / name), len(fabrics), sum(map(len, objects.values())), 0, removed, dry_run=True)
