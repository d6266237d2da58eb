"""What a directory would be after a merge, without making one: nothing is committed, no reference moves.

Only the requested directories are read. Mostly one side alone changed a directory, and then the result
is that side's tree, of which nothing needs to be read. Where both did, they are counted before git merges them: a tree
of a few hundred bytes can stand for millions of files.
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
"""Times the bytes of a fabric that may differ where git has to merge: files that nobody reads count, too."""


@dataclass(frozen=True, slots=True)
class MergedDirectory:
    """One directory: as the branch has it, and as it would be without the *conflicts*, which git cannot merge by itself."""

    before: PathEntry
    after: PathEntry
    conflicts: tuple[str, ...] = ()
    error: InvalidInput | None = None
    """Why it could not be merged at all: it is too large."""

    @property
    def is_touched(self) -> bool:
        """Whether the merge changes anything in it."""
        return self.before != self.after or bool(self.conflicts) or self.error is not None


def merge_directories(
    mirror: Mirror, base: str, head: str, directories: Iterable[str], *, limits: Limits = LIMITS
) -> Mapping[str, MergedDirectory]:
    """What *base* would have in each of *directories* with *head* merged into it; both commits are here already.

    Raises InvalidInput when they share no history, which no host merges either.
    """

    def work(repository: pygit2.Repository) -> Mapping[str, MergedDirectory]:
        origin = repository.merge_base(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
        if origin is None:
            raise InvalidInput(
                f"{mirror.remote}: {head[:12]} shares no history with {base[:12]}; rebase it onto the branch"
            )
        return {one: _merge(repository, (str(origin), base, head), one, limits) for one in directories}

    return mirror.reading(head, work)


def _merge(
    repository: pygit2.Repository, commits: tuple[str, str, str], directory: str, limits: Limits
) -> MergedDirectory:
    """Three ways: as it was, as the branch has it, as the head has it."""
    ours = PathEntry()
    try:
        origin, ours, theirs = (trees.entry_at(repository, commit, directory) for commit in commits)
        if theirs in (origin, ours):
            return MergedDirectory(ours, ours)
        if ours == origin:
            return MergedDirectory(ours, theirs)
        if ours.tree is None or theirs.tree is None:
            return MergedDirectory(ours, ours, (ours.at or theirs.at or directory,))
        _refuse_too_large(repository, (origin, ours, theirs), directory, limits)
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
    repository: pygit2.Repository, places: Iterable[PathEntry], directory: str, limits: Limits
) -> None:
    """Refuse a directory that git would take too long to merge: too many entries, or too much of it differs."""
    found = [trees.walk(repository, one.tree, directory, limits=limits).files.items() for one in places if one.tree]
    differing = {one for files in found for one in files} - {
        one for one in found[0] if all(one in files for files in found)
    }
    size = sum(repository.odb.read_header(pygit2.Oid(hex=blob))[1] for _, blob in differing)
    if size > _MERGED * limits.bytes:
        raise limits.too_large(directory, f"both sides changed it, and {size} bytes of it differ")
