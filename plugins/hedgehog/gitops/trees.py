"""Reads trees of a commit from the top down: only the requested directory, and no more than the limits.

A tree of a few hundred bytes can stand for millions of files, because equal directories are stored once. Therefore nothing
is expanded to be counted, and nothing outside the requested directory is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode

from hedgehog.fabric.paths import Limits, Listing, Opaque, clean_name

_REGULAR = frozenset({FileMode.BLOB, FileMode.BLOB_EXECUTABLE})
_SAID = {FileMode.LINK: "is a symbolic link, which is never followed", FileMode.COMMIT: "is a submodule"}
_TREE_BYTES = 16 * 1024 * 1024
"""The most bytes of one tree object; a larger one is not parsed."""


@dataclass(frozen=True, slots=True)
class PathEntry:
    """What is at a path: a directory (`tree` is its id), nothing, or an obstacle."""

    tree: str | None = None
    at: str = ""
    """Where the obstacle is: at the path itself or above it."""
    opaque: Opaque | None = None


def entry_at(repository: pygit2.Repository, commit: str, directory: str) -> PathEntry:
    """What is at *directory*; only directories are traversed."""
    oid, at = repository[commit].peel(pygit2.Commit).tree_id, ""
    for name in directory.split("/") if directory else ():
        tree = load(repository, oid, at)
        at = f"{at}/{name}" if at else name
        if name not in tree:
            return PathEntry()
        entry = tree[name]
        if entry.filemode != FileMode.TREE:
            why = _SAID.get(FileMode(entry.filemode), "is a file where a directory must be")
            return PathEntry(at=at, opaque=Opaque(why, str(entry.id)))
        oid = entry.id
    return PathEntry(str(oid))


def object_type(repository: pygit2.Repository, oid: str) -> str:
    """`commit`, `tree`, `blob` or `tag`; empty for what is not there."""
    try:
        return type(repository[oid]).__name__.lower()
    except (KeyError, ValueError, pygit2.GitError):
        return ""


def lookup(repository: pygit2.Repository, commit: str, paths: Iterable[str]) -> Listing:
    """The files at *paths*, anywhere in the repository; absent ones are left out."""
    files: dict[str, str] = {}
    opaque: dict[str, Opaque] = {}
    tree = repository[commit].peel(pygit2.Tree)
    for path in paths:
        if path not in tree:
            continue
        entry = tree[path]
        if entry.filemode in _REGULAR:
            files[path] = str(entry.id)
        else:
            opaque[path] = Opaque("is not an ordinary file")
    return Listing(files, opaque)


def listing(
    repository: pygit2.Repository, commit: str, directory: str, *, limits: Limits, skip: Callable[[str], bool]
) -> Listing:
    """All files below *directory* at *commit*, as `walk`; empty when there is no such directory.

    Anything else at the path of the directory, or above it, is opaque.
    """
    place = entry_at(repository, commit, directory)
    if place.tree is None:
        return Listing({}, {place.at: place.opaque} if place.opaque else {})
    return walk(repository, place.tree, directory, limits=limits, skip=skip)


def load(repository: pygit2.Repository, oid: pygit2.Oid, directory: str) -> pygit2.Tree:
    """One tree, whose size is checked before it is parsed. Raises InvalidInput for one that is too large."""
    size = repository.odb.read_header(oid)[1]
    if size > _TREE_BYTES:
        raise Limits().too_large(directory, f"the list of its files alone has {size} bytes")
    return repository[oid].peel(pygit2.Tree)


def walk(
    repository: pygit2.Repository,
    tree_id: str,
    directory: str,
    *,
    limits: Limits,
    skip: Callable[[str], bool] = lambda _: False,
) -> Listing:
    """Everything below the tree of *directory*, except for directories that *skip* selects.

    Raises InvalidInput, naming the limit, for a directory with more entries than *limits* allow.
    """
    files: dict[str, str] = {}
    opaque: dict[str, Opaque] = {}
    prefix = f"{directory}/" if directory else ""
    pending = [(pygit2.Oid(hex=tree_id), prefix, 0, "")]
    left = limits.entries
    while pending:
        oid, prefix, depth, inherited = pending.pop()
        tree = load(repository, oid, directory)
        left -= len(tree)
        if left < 0:
            raise limits.too_large(directory, f"there are more than {limits.entries} files and directories")
        for entry in tree:
            name, why = _name(entry.raw_name or b"", prefix, limits)
            path, why = f"{prefix}{name}", inherited or why
            if entry.filemode == FileMode.TREE and depth < limits.depth:
                if not skip(path):
                    pending.append((entry.id, f"{path}/", depth + 1, why))
                continue
            if path in files or path in opaque:  # it is unclear which one is meant
                files.pop(path, None)
                opaque[path] = Opaque("appears more than once; make the commit again with git")
            elif (odd := _odd(entry, why, limits)) is not None:
                opaque[path] = odd
            else:
                files[path] = str(entry.id)
    return Listing(files, opaque)


def _odd(entry: pygit2.Object, why: str, limits: Limits) -> Opaque | None:
    """Why a file cannot be used, *why* being what is wrong with its name."""
    mode = entry.filemode
    if mode == FileMode.TREE:
        return Opaque(f"is nested deeper than {limits.depth} directories")
    if mode not in _REGULAR:
        return Opaque(_SAID.get(FileMode(mode), "is not an ordinary file"))
    return Opaque(why, str(entry.id)) if why else None


def _name(raw: bytes, prefix: str, limits: Limits) -> tuple[str, str]:
    """The name as it is shown, and why it cannot be used."""
    name, usable = clean_name(raw)
    if not usable:
        return name, "has a name that is not UTF-8 or has control characters; rename it"
    if len(raw) + len(prefix.encode()) > limits.path_bytes:
        return name[: limits.path_bytes], f"has a path of more than {limits.path_bytes} bytes; shorten it"
    return name, ""
