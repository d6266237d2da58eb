"""The files of a running installation: a file that vanishes while they are read is skipped."""

from __future__ import annotations

import os
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
