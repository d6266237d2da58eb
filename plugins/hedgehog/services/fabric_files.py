"""Which files describe a fabric: shared by pushes, pull requests, imports, `validate` and restores from Git.

A directory has files that are read, files that are not meant to be read, and entries that cannot be read although they
may be meant: links, submodules, devices, unusable names, whatever exceeds a limit. Those are *opaque*. Opaque does not
mean absent: an opaque entry is reported with its path, and objects that may be in it do not count as deleted
(`vanished`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from hedgehog.fabric.paths import Limits, Listing, Opaque, is_hidden, is_yaml


@dataclass(frozen=True, slots=True)
class FabricFiles:
    """The files of one directory, by whether they are read; see `Listing` for the keys."""

    wanted: Mapping[str, str] = field(default_factory=dict)
    """Files that are read."""
    opaque: Mapping[str, Opaque] = field(default_factory=dict)
    """Entries that may be meant but cannot be read: always a problem."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Ordinary files that are not meant to be read: hidden, or not YAML."""
    hidden: Mapping[str, Opaque] = field(default_factory=dict)
    """Hidden opaque entries: they matter only if something vanished."""
    nobodys: Mapping[str, str] = field(default_factory=dict)
    """Directories whose files belong to no fabric → why: always a problem."""

    def problems(self) -> Iterator[str]:
        """One line for each opaque entry, and for each directory that belongs to no fabric."""
        reasons = {path: one.why for path, one in self.opaque.items()} | dict(self.nobodys)
        yield from (f"{path}: {why}" for path, why in sorted(reasons.items()))


def sort_files(listing: Listing, directory: str = "", neighbours: Collection[str] = ()) -> FabricFiles:
    """Sort the files below *directory*, without those in directories of its *neighbours* below it."""
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


def set_aside(files: FabricFiles, left: Mapping[str, str], *, around: str) -> FabricFiles:
    """*files* of the directory *around*, without those in a directory that another fabric *left* (→ its name).

    Such files belong to no fabric: they are not read, and searched only when something vanished.
    """
    inner = {one: left[one] for one in inside(around, left)}
    prefixes = [f"{one}/" for one in inner]
    theirs = {path for path in (*files.wanted, *files.opaque) if _is_in(path, prefixes)}
    nobodys = {
        one: _nobodys(one, name, around, count)
        for one, name in inner.items()
        if (count := sum(path.startswith(f"{one}/") for path in theirs))
    }
    return FabricFiles(
        {path: key for path, key in files.wanted.items() if path not in theirs},
        {path: one for path, one in files.opaque.items() if path not in theirs},
        {**files.unread, **{path: files.wanted[path] for path in theirs if path in files.wanted}},
        {**files.hidden, **{path: files.opaque[path] for path in theirs if path in files.opaque}},
        nobodys,
    )


def _nobodys(directory: str, name: str, around: str, files: int) -> str:
    return (
        f"was the directory of fabric {name}, and its {files} files belong to no fabric now; remove them "
        f"(git rm -r {shlex.quote(directory)}), move them to another directory below {around or '/'} to take them in there, "
        f"or import a fabric with git_directory: {directory}"
    )


def _is_in(path: str, directories: Collection[str]) -> bool:
    return any(f"{path}/".startswith(one) for one in directories)


def inside(directory: str, neighbours: Collection[str]) -> frozenset[str]:
    """Those of *neighbours* that are below *directory*: they belong to other fabrics."""
    prefix = f"{directory}/" if directory else ""
    return frozenset(one for one in neighbours if one != directory and one.startswith(prefix))


def measured(files: Mapping[str, str], size: Callable[[str], int], *, place: str, limits: Limits) -> int:
    """The bytes of *files*, before any is read; a file counts each time it appears. Raises for more than a fabric may have."""
    total = sum(min(size(key), limits.file_bytes) for key in files.values())
    if total > limits.bytes:
        raise limits.too_large(place, f"its YAML files have {total} bytes, and {limits.bytes} are read")
    return total
