"""Removes what killed processes and failed calls leave in a clone and next to it. The caller holds the lock of the
clone.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ABANDONED_AFTER = 3600.0
"""Seconds. Newer leftovers may belong to a running process."""
_MARK = "hedgehog-swept"


def sweep(clone: Path) -> None:
    """Remove abandoned files from *clone*, and abandoned clones next to it. The many folders of loose objects are looked
    through once an hour.
    """
    mark = clone / _MARK
    objects = clone / "objects"
    is_due = not mark.exists() or _age(mark) > _ABANDONED_AFTER
    folders = list(_folders(clone)) if is_due else [objects / "pack"]
    locks = (*clone.glob("*.lock"), *clone.glob("refs/**/*.lock"))
    foreign = (*objects.glob("pack/*_git2_*"), *objects.glob("tmp_object_git2_*"))
    partial = (leftover for folder in folders for leftover in _unfinished(folder))
    for leftover in (*locks, *foreign, *partial):
        if _age(leftover) > _ABANDONED_AFTER:
            remove(leftover)
    for directory in (*clone.parent.glob("new-*"), *clone.parent.glob("old-*")):
        if _age(directory) > _ABANDONED_AFTER:
            remove(directory)
    if is_due and folders:
        mark.touch()


@contextmanager
def nothing_unfinished(clone: Path) -> Iterator[None]:
    """Remove the partial files that git leaves in the block: a partial pack may be large, and each attempt leaves one."""
    before = _folders(clone)
    try:
        yield
    finally:
        for folder, changed in _folders(clone).items():
            if changed != before.get(folder):
                for leftover in _unfinished(folder):
                    if _changed(leftover) > before.get(folder, 0):
                        remove(leftover)


def remove(path: Path) -> None:
    """Remove a file or directory; what may not be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _folders(clone: Path) -> dict[Path, int]:
    """The folders of objects, and when something was last added to each or removed from it."""
    try:
        with os.scandir(clone / "objects") as entries:
            return {Path(one.path): one.stat().st_mtime_ns for one in entries if one.is_dir()}
    except OSError:  # no clone, or a damaged one
        return {}


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.glob("tmp_*" if folder.name == "pack" else "tmp_obj_*"))


def _changed(path: Path) -> int:
    try:
        return path.lstat().st_ctime_ns
    except OSError:  # another process has just removed it
        return 0


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0
