"""The files of a running installation: a file that vanishes while they are read is skipped. And where to keep those that
are needed for a short time only.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path


def present(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The ordinary files below *directory* with their status; none if it does not exist."""
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status


def content(path: Path) -> bytes:
    """The content of the file; empty once it is deleted."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def workplace(gigabytes: int = 1) -> str | None:
    """A directory in memory, if there is one with that much space; else None, the usual place."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > gigabytes * 2**30 else None
