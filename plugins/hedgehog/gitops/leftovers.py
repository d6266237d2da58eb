"""Removes what killed processes and failed calls leave in a clone and next to it. The caller holds the lock of the
clone.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ABANDONED_AFTER = 3600.0
"""Seconds. Newer leftovers may belong to a running process."""


def sweep(clone: Path) -> None:
    """Remove abandoned files from *clone*, and abandoned clones next to it."""
    objects = clone / "objects"
    locks = (*clone.glob("*.lock"), *clone.glob("refs/**/*.lock"))
    foreign = (*objects.glob("pack/*_git2_*"), *objects.glob("tmp_object_git2_*"))
    for leftover in (*locks, *foreign, *_unfinished(clone)):
        if _age(leftover) > _ABANDONED_AFTER:
            remove(leftover)
    for directory in (*clone.parent.glob("new-*"), *clone.parent.glob("old-*")):
        if _age(directory) > _ABANDONED_AFTER:
            remove(directory)


@contextmanager
def nothing_unfinished(clone: Path) -> Iterator[None]:
    """Remove the partial files that git leaves in the block: a partial pack may be large, and each attempt leaves one."""
    before = set(_unfinished(clone))
    try:
        yield
    finally:
        for leftover in set(_unfinished(clone)) - before:
            remove(leftover)


def remove(path: Path) -> None:
    """Remove a file or directory; what may not be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _unfinished(clone: Path) -> list[Path]:
    objects = clone / "objects"
    return [*objects.glob("pack/tmp_*"), *objects.glob("??/tmp_obj_*")]


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0
