"""What a branch would hold after a merge, without making one: nothing is committed, no reference moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode

from hedgehog.errors import InvalidInput
from hedgehog.gitops.mirror import Mirror

_REGULAR = frozenset({FileMode.BLOB, FileMode.BLOB_EXECUTABLE})


@dataclass(frozen=True, slots=True)
class Merge:
    """The files of the merge result: path → blob id, of the whole repository.

    *conflicts* are paths that git cannot merge by itself; *skipped* is what is no plain file. Neither is in *files*.
    """

    files: Mapping[str, str]
    conflicts: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()


def merge(mirror: Mirror, base: str, head: str) -> Merge:
    """What *base* would be with *head* merged into it; both commits are here already.

    Raises InvalidInput when they share no history, which no host merges either.
    """
    return mirror.reading(head, lambda repository: _merge(mirror, repository, base, head))


def _merge(mirror: Mirror, repository: pygit2.Repository, base: str, head: str) -> Merge:
    ours, theirs = pygit2.Oid(hex=base), pygit2.Oid(hex=head)
    if repository.merge_base(ours, theirs) is None:
        raise InvalidInput(
            f"{mirror.remote}: {head[:12]} shares no history with {base[:12]}; rebase it onto the branch"
        )
    index = repository.merge_commits(ours, theirs)
    conflicts = frozenset(entry.path for parts in index.conflicts or () for entry in parts if entry is not None)
    files: dict[str, str] = {}
    skipped: set[str] = set()
    for entry in index:
        if entry.path in conflicts:
            continue
        if entry.mode in _REGULAR:
            files[entry.path] = str(entry.id)
        else:
            skipped.add(entry.path)
    return Merge(files, conflicts, frozenset(skipped))
