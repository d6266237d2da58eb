"""Checks that the loose object files of a clone are complete. libgit2 never ends reading a truncated one.

Files are written without waiting for the disk, so a power loss may truncate them. Files older than the last check of the
same boot are known to be complete.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

_FOLDER = re.compile(r"[0-9a-f]{2}")
_OBJECT = re.compile(r"[0-9a-f]{38}")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MARK = "hedgehog-whole"
_CHUNK = 1024 * 1024


def are_whole(clone: Path, seen: dict[str, int]) -> bool:
    """Whether every loose object of *clone* is complete; if so, the time of the check is stored in the clone.

    *seen* is the caller's, empty at first: the folders that have not changed since its last call are not read again.
    """
    mark = clone / _MARK
    boot = _BOOT.read_text() if _BOOT.exists() else ""
    known = mark.stat().st_mtime_ns if mark.is_file() and mark.read_text() == boot else 0
    newest = known
    for entry in _loose(clone / "objects", seen):
        try:
            changed = entry.stat().st_mtime_ns
        except FileNotFoundError:  # packed by another process meanwhile
            continue
        if changed > known and not _is_whole(Path(entry.path)):
            seen.clear()
            return False
        newest = max(newest, changed)
    if newest > known:
        mark.write_text(boot)
        os.utime(mark, ns=(newest, newest))
    return True


def _loose(objects: Path, seen: dict[str, int]) -> Iterator[os.DirEntry[str]]:
    """The loose objects in the folders that have changed since they were *seen*."""
    with os.scandir(objects) as folders:
        for folder in folders:
            if not _FOLDER.fullmatch(folder.name) or not folder.is_dir():
                continue
            changed = folder.stat().st_mtime_ns
            if seen.get(folder.name) == changed:
                continue
            with os.scandir(folder.path) as entries:
                yield from (entry for entry in entries if _OBJECT.fullmatch(entry.name))
            seen[folder.name] = changed


def _is_whole(path: Path) -> bool:
    stream = zlib.decompressobj()
    try:
        left = path.read_bytes()
        while not stream.eof:
            made = stream.decompress(left, _CHUNK)
            left = stream.unconsumed_tail
            if not made and not left and not stream.eof:
                return False
    except FileNotFoundError:
        return True
    except zlib.error:
        return False
    return True
