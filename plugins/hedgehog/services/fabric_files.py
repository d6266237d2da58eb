"""Which files say what a fabric holds: one reader for pushes, pull requests, imports, `validate` and restores from Git.

A directory has files that are read, others that are not meant to be, and things that cannot be read although they may
be meant: links, submodules, devices, unusable names, whatever is beyond a limit. Those are *opaque*. Opaque is never
absent: it is told with its path, and what may be in there does not count as deleted (`vanished`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.paths import Limits, Listing, Opaque, clean_name, is_hidden, is_yaml

ON_DISK = Limits(entries=100_000, path_bytes=4096, file_bytes=10 * 2**20, bytes=64 * 2**20)
"""What is on the disk of the person who asks is looked at more generously than what strangers push."""


@dataclass(frozen=True, slots=True)
class FabricFiles:
    """The files of one directory, told apart; see `Listing` for the keys."""

    wanted: Mapping[str, str] = field(default_factory=dict)
    """Those that are read."""
    opaque: Mapping[str, Opaque] = field(default_factory=dict)
    """What may be meant, but cannot be read: always a problem."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Ordinary files that are not meant to be read: no YAML, or hidden."""
    hidden: Mapping[str, Opaque] = field(default_factory=dict)
    """What is opaque and hidden: of no interest, unless something vanished."""

    def problems(self) -> Iterator[str]:
        """A line for everything opaque."""
        for path, one in sorted(self.opaque.items()):
            yield f"{path}: {one.why}"


def sort(listing: Listing, directory: str = "", neighbours: Collection[str] = ()) -> FabricFiles:
    """Tell the files below *directory* apart, but for those in the directories of its *neighbours* below it."""
    inner = [f"{one}/" for one in inside(directory, neighbours)]
    below = f"{directory}/" if directory else ""
    wanted: dict[str, str] = {}
    unread: dict[str, str] = {}
    opaque: dict[str, Opaque] = {}
    hidden: dict[str, Opaque] = {}
    for path, key in listing.files.items():
        if path.startswith(below) and not _is_in(path, inner):
            (wanted if is_yaml(path) and not is_hidden(path[len(below) :]) else unread)[path] = key
    for path, one in listing.opaque.items():
        if (path.startswith(below) or f"{directory}/".startswith(f"{path}/")) and not _is_in(path, inner):
            (hidden if is_hidden(path[len(below) :]) else opaque)[path] = one
    return FabricFiles(wanted, opaque, unread, hidden)


def _is_in(path: str, directories: Collection[str]) -> bool:
    return any(f"{path}/".startswith(one) for one in directories)


def inside(directory: str, neighbours: Collection[str]) -> frozenset[str]:
    """Those of *neighbours* whose directory is below *directory*: they look after it themselves."""
    prefix = f"{directory}/" if directory else ""
    return frozenset(one for one in neighbours if one != directory and one.startswith(prefix))


def measured(files: Mapping[str, str], size: Callable[[str], int], *, place: str, limits: Limits) -> int:
    """The bytes of *files*, before any is read; a file counts each time it is there. Refuses more than a fabric may have."""
    total = sum(min(size(key), limits.file_bytes) for key in files.values())
    if total > limits.bytes:
        raise limits.too_large(place, f"its YAML files have {total} bytes, and {limits.bytes} are read")
    return total


# On a disk


def on_disk(root: Path, *, limits: Limits = ON_DISK) -> Listing:
    """What is below the directory *root*. Hidden directories are listed as opaque, and never entered: of a clone they
    hold more than everything else.

    *root* itself may be a link, for somebody named it; nothing below it is followed. Raises InvalidInput for too many
    entries, NotFound where nothing is.
    """
    files: dict[str, str] = {}
    opaque: dict[str, Opaque] = {}
    pending = [(os.fsencode(root), 0)]
    left = limits.entries
    while pending:
        directory, depth = pending.pop()
        entries = _entries(directory, root, opaque)
        left -= len(entries)
        if left < 0:
            raise limits.too_large(str(root), f"there are more than {limits.entries} files and directories")
        for entry in entries:
            path, usable = clean_name(entry.path)
            why = _why_not(entry, limits)
            if not usable:
                opaque[path] = Opaque("has a name that is no UTF-8 or has control characters; rename it")
            elif why:
                opaque[path] = Opaque(why)
            elif not entry.is_dir(follow_symlinks=False):
                files[path] = path
            elif depth >= limits.depth:
                opaque[path] = Opaque(f"is nested deeper than {limits.depth} directories")
            elif entry.name.startswith(b"."):
                opaque[path] = Opaque("is a hidden directory, which is not read")
            else:
                pending.append((entry.path, depth + 1))
    return Listing(files, opaque)


def _entries(directory: bytes, root: Path, opaque: dict[str, Opaque]) -> list[os.DirEntry[bytes]]:
    """What is in a directory; one that cannot be entered is opaque, but for *root*, which must be there."""
    try:
        with os.scandir(directory) as found:
            return list(found)
    except OSError as error:
        if directory == os.fsencode(root):
            raise unreadable(root, error) from error
        opaque[clean_name(directory)[0]] = Opaque(f"cannot be read: {error.strerror}")
        return []


def _why_not(entry: os.DirEntry[bytes], limits: Limits) -> str:
    """Why an entry is not read; empty for an ordinary file or directory."""
    if entry.is_symlink():
        return "is a symbolic link, which is never followed"
    if entry.is_dir(follow_symlinks=False):
        return ""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "is no ordinary file or directory"
    if is_yaml(os.fsdecode(entry.name)) and status.st_size > limits.file_bytes:
        return f"has {status.st_size} bytes, above the limit of {limits.file_bytes}"
    return ""


def unreadable(path: Path, error: OSError) -> InvalidInput | NotFound:
    """What a failure to read *path* means."""
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{path}: there is no such file or directory")
    return InvalidInput(f"{path}: cannot be read: {error.strerror}")
