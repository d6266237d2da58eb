"""The manifest of a backup, which is checked before anything in the backup is trusted.

Write access to the bucket must not allow more than that: paths have a few known forms, sizes are limited, exactly the
files of the manifest are read, and with a key only a backup that was signed with it is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hedgehog.errors import HedgehogError, InvalidInput, SchemaMismatch
from hedgehog.fabric.shown import first_lines
from hedgehog.fabric.tools import INSTALLATION_ID
from hedgehog.store import migrate

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.hmac"
REPOSITORIES_FILE = "repositories.yaml"
STATE_FILE = "state.json"
CONFIGURATION_FILE = "configuration.yaml"

LARGEST_MANIFEST = 64 * 2**20
"""The most bytes of a manifest: about 400,000 files."""
LARGEST_FILE = 64 * 2**20
"""The most bytes of any other file. `backup` starts a new file at 4 MiB; only a single object can be larger."""
LARGEST_BACKUP = 8 * 2**30
"""The most bytes of all files together."""

_PATH = re.compile(r"repositories\.yaml|state\.json|fabrics/([^/]+)/(?:configuration\.yaml|objects-\d{4,6}\.yaml)")
_MOST_TOLD = 20

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_FabricName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$", max_length=253)]
_Count = Annotated[int, Field(ge=0)]
_KnownBranch = tuple[
    Annotated[str, Field(min_length=1, max_length=500)], Annotated[str, Field(min_length=1, max_length=255)]
]
"""URL and name."""
_Model = TypeVar("_Model", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FileEntry(_Strict):
    """One file: its SHA-256 and its size in bytes."""

    sha256: _Digest
    bytes: Annotated[int, Field(ge=0, le=LARGEST_FILE)]


class FabricEntry(_Strict):
    """One fabric: the SHA-256 of its settings and objects, and the number of its objects."""

    sha256: _Digest
    objects: _Count


class Missing(_Strict):
    """What could not be backed up, each with the reason."""

    fabrics: dict[_FabricName, str] = {}
    repositories: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.fabrics or self.repositories)

    def lines(self) -> list[str]:
        """One line for each."""
        named = [("fabric", *one) for one in self.fabrics.items()]
        named += [("repository", *one) for one in self.repositories.items()]
        return [f"{kind} {name} is not in the backup: {why}" for kind, name, why in named]


class BackupManifest(_Strict):
    """`manifest.json`."""

    format: Annotated[int, Field(ge=1)]
    created_at: Annotated[str, Field(max_length=100)]
    schema_version: Annotated[int, Field(ge=1)]
    fabrics: dict[_FabricName, FabricEntry]
    files: dict[str, FileEntry]
    missing: Missing = Missing()


class FabricState(BaseModel):
    """The entry of one fabric in `state.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
    generation: _Count
    suspended: Annotated[bool, Field(strict=True)]
    suspended_reason: str | None
    suspended_until: datetime | None
    sync: dict[str, dict[str, Any]]

    @property
    def revision(self) -> str | None:
        """The revision in Git when the backup was made."""
        found = self.sync.get("git", {}).get("revision")
        return found if isinstance(found, str) else None


class BackupState(BaseModel):
    """`state.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fabrics: dict[_FabricName, FabricState]
    repository_heads: dict[str, str]
    known_branches: list[_KnownBranch] = []
    installations: tuple[Annotated[str, Field(pattern=INSTALLATION_ID)], ...] = ()


def signature(content: bytes, key: str) -> str:
    """The HMAC-SHA256 of a manifest, as hex. The manifest has the SHA-256 of every file, so the signature covers them all."""
    return hmac.digest(key.encode(), content, hashlib.sha256).hex()


def parse_manifest(content: bytes, *, place: str, signed: bytes | None, key: str | None) -> BackupManifest:
    """The manifest in *content*; *signed* is the content of the signature file, None if there is none.

    Raises InvalidInput if it is not a manifest, names files that no backup has, or, with a *key*, is not signed with it;
    SchemaMismatch for a backup of a newer version.
    """
    if key is not None:
        _refuse_unsigned(content, place, signed, key)
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{place}/{MANIFEST_FILE} cannot be read: {error}") from None
    _refuse_newer(data, place)
    manifest = _validated(BackupManifest, data, f"{place}/{MANIFEST_FILE}")
    problems = list(_path_problems(manifest))
    if sum(entry.bytes for entry in manifest.files.values()) > LARGEST_BACKUP:
        problems.append(f"the files have more than {LARGEST_BACKUP} bytes in all")
    if problems:
        raise _damaged(place, problems)
    return manifest


def _refuse_unsigned(content: bytes, place: str, signed: bytes | None, key: str) -> None:
    if signed is None:
        raise InvalidInput(
            f"{place} is not signed: it has no {SIGNATURE_FILE}, and backups are signed here (connection "
            "hedgehog_backup_key); nothing was restored"
        )
    if not hmac.compare_digest(signed.strip(), signature(content, key).encode()):
        raise InvalidInput(
            f"{place}/{SIGNATURE_FILE} does not fit: the backup was changed, or signed with another key; nothing was "
            "restored"
        )


def _refuse_newer(data: Any, place: str) -> None:
    form, version = (data.get("format"), data.get("schema_version")) if isinstance(data, dict) else (None, None)
    newest = len(migrate.load())
    if (isinstance(form, int) and form > FORMAT) or (isinstance(version, int) and version > newest):
        raise SchemaMismatch(
            f"{place} is of format {form} and version {version}, this package knows {FORMAT} and up to {newest}; "
            "restore it with the package that wrote it, or a newer one"
        )


def _path_problems(manifest: BackupManifest) -> Iterable[str]:
    for path in manifest.files:
        match = _PATH.fullmatch(path)
        if match is None or (match[1] is not None and match[1] not in manifest.fabrics):
            yield f"{path[:200]!r} is not a file of a backup"
    needed = {REPOSITORIES_FILE, STATE_FILE, *(f"fabrics/{name}/{CONFIGURATION_FILE}" for name in manifest.fabrics)}
    yield from (f"{name} is in it, and missing" for name in manifest.fabrics.keys() & manifest.missing.fabrics.keys())
    yield from (f"{path} is not listed" for path in sorted(needed - manifest.files.keys()))


def backed_up_fabrics(directory: Path) -> frozenset[str]:
    """The names of the fabrics in the backup in *directory*; none if it cannot be read, which is logged."""
    try:
        content = _read(directory / MANIFEST_FILE, LARGEST_MANIFEST)
    except FileNotFoundError:
        return frozenset()
    except (OSError, InvalidInput) as error:
        logger.warning("%s/%s: %s", directory, MANIFEST_FILE, getattr(error, "strerror", None) or error)
        return frozenset()
    return fabrics_of_manifest(content, place=str(directory))


def fabrics_of_manifest(content: bytes, *, place: str) -> frozenset[str]:
    """The names of the fabrics in a manifest; none if it cannot be read, which is logged."""
    try:
        return frozenset(parse_manifest(content, place=place, signed=None, key=None).fabrics)
    except HedgehogError as error:
        logger.warning("%s", error)
        return frozenset()


def verify(directory: Path, *, key: str | None = None) -> BackupManifest:
    """The manifest of a backup, after verifying that its files are exactly those of the manifest.

    Raises InvalidInput with every file that is missing, changed or additional, and as `parse_manifest` does.
    """
    try:
        content = _read(directory / MANIFEST_FILE, LARGEST_MANIFEST)
    except FileNotFoundError:
        raise InvalidInput(
            f"{directory} has no {MANIFEST_FILE}: it is not a backup, or was not written to its end"
        ) from None
    except OSError as error:
        raise InvalidInput(f"{directory / MANIFEST_FILE} cannot be read: {error.strerror}") from None
    try:
        signed = _read(directory / SIGNATURE_FILE, 1024)
    except OSError:
        signed = None
    manifest = parse_manifest(content, place=str(directory), signed=signed, key=key)
    there = set(_walk(directory))
    problems = [f"{path}: is not of this backup" for path in sorted(there - manifest.files.keys())]
    checked = (_content(directory, path, entry) for path, entry in sorted(manifest.files.items()))
    problems += [found for found in checked if isinstance(found, str)]
    if problems:
        raise _damaged(str(directory), problems)
    return manifest


def content(directory: Path, manifest: BackupManifest, path: str) -> bytes:
    """A file of a verified backup. Raises InvalidInput if it was changed since, because others may write there."""
    found = _content(directory, path, manifest.files[path])
    if isinstance(found, str):
        raise _damaged(str(directory), [found])
    return found


def state(directory: Path, manifest: BackupManifest) -> BackupState:
    """The `state.json` of a verified backup. Raises InvalidInput if it does not match the manifest."""
    path = directory / STATE_FILE
    try:
        data = orjson.loads(content(directory, manifest, STATE_FILE))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from None
    found = _validated(BackupState, data, str(path))
    if found.fabrics.keys() != manifest.fabrics.keys():
        raise InvalidInput(f"{path} is about other fabrics than {MANIFEST_FILE}; nothing was restored")
    return found


def _read(path: Path, limit: int) -> bytes:
    """The content of an ordinary file with at most *limit* bytes; raises InvalidInput otherwise. Never blocks, as a pipe
    would."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(f"{path} is not an ordinary file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise InvalidInput(f"{path} has more than {limit} bytes")
    return content


def _walk(directory: Path) -> Iterable[str]:
    """The paths of everything in a backup except its manifest and signature; links are listed, not followed."""
    for folder, folders, names in os.walk(directory):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            path = (Path(folder) / name).relative_to(directory).as_posix()
            if path not in (MANIFEST_FILE, SIGNATURE_FILE):
                yield path


def _content(directory: Path, path: str, entry: FileEntry) -> bytes | str:
    """The bytes of a file that matches its entry in the manifest, or what is wrong with it."""
    target = directory / path
    try:
        if target.resolve() != directory.resolve() / path or (target.exists() and not target.is_file()):
            return f"{path}: is not an ordinary file"
        if target.stat().st_size != entry.bytes:
            return f"{path}: was changed: it has {target.stat().st_size} bytes, not {entry.bytes}"
        found = _read(target, LARGEST_FILE)
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    same = hashlib.sha256(found).hexdigest() == entry.sha256
    return found if same else f"{path}: was changed: its SHA-256 is not that of the manifest"


def _validated(model: type[_Model], data: Any, place: str) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in error.errors()]
        raise InvalidInput(
            "\n".join([f"{place} cannot be read; nothing was restored", *first_lines(problems, _MOST_TOLD)])
        ) from None


def _damaged(place: str, problems: list[str]) -> InvalidInput:
    return InvalidInput("\n".join([f"{place} is damaged; nothing was restored", *first_lines(problems, _MOST_TOLD)]))
