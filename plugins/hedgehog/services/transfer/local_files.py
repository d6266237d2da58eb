"""Files on the local disk, for imports and `validate`, by the rules of `fabric_files`.

A path that is named explicitly is read whatever its name, and followed if it is a link; below a directory, links are not
followed and only YAML files are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from hedgehog.errors import HedgehogError, InvalidInput, NotFound
from hedgehog.fabric.paths import Limits, Listing, Opaque, clean_name, is_yaml
from hedgehog.services.fabric_files import FabricFiles, measured, sort_files
from hedgehog.services.repository.vanished import NOTHING, Unread, unread

STDIN = "-"
LIMITS = Limits(entries=100_000, file_bytes=10 * 2**20, bytes=64 * 2**20)
"""Local files have higher limits than what strangers push."""
_GIT = b".git"


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """What was found, by name."""

    contents: dict[str, bytes] = field(default_factory=dict)
    opaque: dict[str, str] = field(default_factory=dict)
    """Entries that may be meant but cannot be read, and why."""
    unread: Unread = NOTHING


def read_paths(
    paths: Sequence[Path | str], *, stdin: BinaryIO | None = None, search_hidden: bool = False
) -> LocalFiles:
    """The files that *paths* name, in their order; a directory stands for the YAML files below it, sorted by path.

    `-` is *stdin* (None: closed). *search_hidden* also lists hidden directories, which are not read: an object may have
    moved there. Raises NotFound for a path that does not exist, InvalidInput for one that cannot be read or is empty:
    that of a variable that is not set must not stand for the current directory.
    """
    contents: dict[str, bytes] = {}
    opaque: dict[str, str] = {}
    left = NOTHING
    for path in paths:
        if not str(path):
            raise InvalidInput(
                "a path is empty (a variable that is not set?); name a file or directory, `.` for this one"
            )
        if str(path) == STDIN:
            contents["stdin"] = contents["stdin"] if "stdin" in contents else _read_stdin(stdin)
        elif not Path(path).is_dir():
            contents[clean_name(os.fsencode(path))[0]] = _read(str(path))
        else:
            files = sort_files(_listing(Path(path), search_hidden=search_hidden))
            found, unreadable = _contents(Path(path), files)
            contents |= found
            here = unread(files, _read, limits=LIMITS)
            opaque |= {_shown(path, name): why for name, why in ({**unreadable, **_reasons(files)}).items()}
            left = replace(
                left,
                others={**left.others, **{_shown(path, name): key for name, key in here.others.items()}},
                instead=left.instead | {_shown(path, name) for name in here.instead},
            )
    return LocalFiles(contents, opaque, replace(left, content=_read, limits=LIMITS))


def read_file(path: str, *, stdin: BinaryIO | None = None) -> bytes:
    """The content of one file; `-` is *stdin* (None: closed). Raises as `read_paths` does."""
    return _read_stdin(stdin) if path == STDIN else _read(path)


def _shown(root: Path | str, name: str) -> str:
    return str(Path(root, name))


def _reasons(files: FabricFiles) -> dict[str, str]:
    return {path: one.why for path, one in files.opaque.items()}


def _contents(root: Path, files: FabricFiles) -> tuple[dict[str, bytes], dict[str, str]]:
    """The contents of the files, and the files that cannot be read."""
    contents: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    measured(files.wanted, _size, place=str(root), limits=LIMITS)
    for name, key in sorted(files.wanted.items()):
        try:
            contents[_shown(root, name)] = _read(key)
        except HedgehogError as error:
            unreadable[name] = str(error).partition(": ")[2]
    return contents, unreadable


def _read(key: str) -> bytes:
    """The content of a file, up to the limit, because the path may be that of a device."""
    shown = clean_name(os.fsencode(key))[0]
    try:
        with Path(key).open("rb") as file:
            return _bounded(shown, file)
    except OSError as error:
        raise _unreadable(shown, error) from error


def _read_stdin(stdin: BinaryIO | None) -> bytes:
    if stdin is None:
        raise InvalidInput("stdin is closed; pipe a file into the command, or name one")
    try:
        return _bounded("stdin", stdin)
    except OSError as error:
        raise _unreadable("stdin", error) from error


def _bounded(shown: str, file: BinaryIO) -> bytes:
    content = file.read(LIMITS.file_bytes + 1)
    if len(content) > LIMITS.file_bytes:
        raise InvalidInput(f"{shown}: is larger than {LIMITS.file_bytes} bytes; split it")
    return content


def _size(key: str) -> int:
    try:
        return Path(key).stat().st_size
    except OSError:  # reported when it is read
        return 0


def _listing(root: Path, *, search_hidden: bool) -> Listing:
    """Everything below the directory *root*, by relative path. Raises InvalidInput for too many entries."""
    files: dict[str, str] = {}
    opaque: dict[str, Opaque] = {}
    pending = [(os.fsencode(root), "", 0)]
    left = LIMITS.entries
    while pending:
        directory, prefix, depth = pending.pop()
        try:
            entries = _entries(directory)
        except OSError as error:
            if not prefix:
                raise _unreadable(str(root), error) from error
            opaque[prefix.rstrip("/")] = Opaque(f"cannot be read: {error.strerror}")
            continue
        left -= len(entries)
        if left < 0:
            raise LIMITS.too_large(str(root), f"there are more than {LIMITS.entries} files and directories")
        for entry in entries:
            name, usable = clean_name(entry.name)
            path, key, why = f"{prefix}{name}", os.fsdecode(entry.path), _why_not(entry, depth)
            is_directory = entry.is_dir(follow_symlinks=False)
            if is_directory and entry.name.startswith(b".") and (entry.name == _GIT or not search_hidden):
                continue
            if not usable:
                opaque[path] = Opaque("has a name that is not UTF-8 or has control characters; rename it")
            elif why:
                opaque[path] = Opaque(why)
            elif is_directory:
                pending.append((entry.path, f"{path}/", depth + 1))
            else:
                files[path] = key
    return Listing(files, opaque)


def _entries(directory: bytes) -> list[os.DirEntry[bytes]]:
    with os.scandir(directory) as found:
        return list(found)


def _why_not(entry: os.DirEntry[bytes], depth: int) -> str:
    """Why an entry is not read; empty for an ordinary file or directory."""
    if entry.is_symlink():
        return "is a symbolic link, which is never followed"
    if entry.is_dir(follow_symlinks=False):
        return f"is nested deeper than {LIMITS.depth} directories" if depth >= LIMITS.depth else ""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "is not an ordinary file or directory"
    if is_yaml(os.fsdecode(entry.name)) and status.st_size > LIMITS.file_bytes:
        return f"has {status.st_size} bytes, above the limit of {LIMITS.file_bytes}"
    return ""


def _unreadable(path: str, error: OSError) -> InvalidInput | NotFound:
    """What a failure to read *path* means."""
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{path}: there is no such file or directory")
    return InvalidInput(f"{path}: cannot be read: {error.strerror}")
