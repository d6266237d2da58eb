"""Computes directories after a merge without merging: nothing is committed, no reference moves.

Only the requested directories are read. Usually only one side has changed a directory, and the result is its tree, which
need not be read. If both sides have, the files are counted before git merges them: a tree of a few hundred bytes can
stand for millions of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pygit2

from hedgehog.errors import InvalidInput
from hedgehog.fabric.paths import LIMITS, Limits
from hedgehog.gitops import trees
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.trees import PathEntry

_MERGED = 8
"""How many times the byte limit of a fabric may differ where git has to merge: unread files count, too."""


@dataclass(frozen=True, slots=True)
class MergedDirectory:
    """One directory: as the branch has it, and as it would be, without *conflicts*, which git cannot merge."""

    before: PathEntry
    after: PathEntry
    conflicts: tuple[str, ...] = ()
    error: InvalidInput | None = None
    """The error if it is too large to merge."""

    @property
    def is_touched(self) -> bool:
        """Whether the merge changes anything in it."""
        return self.before != self.after or bool(self.conflicts) or self.error is not None


def merge_directories(
    mirror: Mirror, base: str, head: str, directories: Iterable[str], *, limits: Limits = LIMITS
) -> Mapping[str, MergedDirectory]:
    """Each of *directories* of *base* with *head* merged into it; both commits must have been fetched.

    Raises InvalidInput if they share no history, which no host merges either.
    """

    def work(repository: pygit2.Repository) -> Mapping[str, MergedDirectory]:
        origin = repository.merge_base(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
        if origin is None:
            raise InvalidInput(
                f"{mirror.remote}: {head[:12]} shares no history with {base[:12]}; rebase it onto the branch"
            )
        return {one: _merge(mirror, repository, (str(origin), base, head), one, limits) for one in directories}

    return mirror.reading(head, work)


def _merge(
    mirror: Mirror, repository: pygit2.Repository, commits: tuple[str, str, str], directory: str, limits: Limits
) -> MergedDirectory:
    """Merge one directory three-way: merge base, base, head."""
    ours = PathEntry()
    try:
        origin, ours, theirs = (trees.entry_at(repository, commit, directory) for commit in commits)
        if theirs in (origin, ours):
            return MergedDirectory(ours, ours)
        if ours == origin:
            return MergedDirectory(ours, theirs)
        if ours.tree is None or theirs.tree is None:
            return MergedDirectory(ours, ours, (ours.at or theirs.at or directory,))
        _refuse_too_large(mirror, repository, (origin, ours, theirs), directory, limits)
    except InvalidInput as error:
        return MergedDirectory(ours, ours, error=error)
    was = origin.tree or repository.TreeBuilder().write()
    index = repository.merge_trees(str(was), ours.tree, theirs.tree)
    conflicts = sorted({entry.path for parts in index.conflicts or () for entry in parts if entry is not None})
    for path in conflicts:
        del index.conflicts[path]
    after = PathEntry(str(index.write_tree(repository)))
    return MergedDirectory(ours, after, tuple(f"{directory}/{path}" if directory else path for path in conflicts))


def _refuse_too_large(
    mirror: Mirror, repository: pygit2.Repository, places: Iterable[PathEntry], directory: str, limits: Limits
) -> None:
    """Raise InvalidInput for a directory that would take git too long: too many entries, or too many differing bytes."""
    found = [trees.walk(repository, one.tree, directory, limits=limits).files.items() for one in places if one.tree]
    differing = {one for files in found for one in files} - {
        one for one in found[0] if all(one in files for files in found)
    }
    mirror.bring(blob for _, blob in differing)
    size = sum(repository.odb.read_header(pygit2.Oid(hex=blob))[1] for _, blob in differing)
    if size > _MERGED * limits.bytes:
        raise limits.too_large(directory, f"both sides changed it, and {size} bytes of it differ")
