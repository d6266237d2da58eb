"""Commits that the Git host makes in place of ours: what ours changes, and whether the host's is the same.

The API of a host takes a message and the contents of files. It takes no mode, and no commit that is not on top of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pygit2
from pygit2.enums import DeltaStatus, FileMode

from hedgehog.errors import InvalidInput
from hedgehog.gitops.mirror import Mirror

_INSTEAD = "give the connection a signing_key instead of signing: host"


@dataclass(frozen=True, slots=True)
class CommitContent:
    """What a commit is made of."""

    parent: str
    tree: str
    message: str
    files: Mapping[str, bytes | None]
    """What it changes; None for a file that it removes."""


def commit_content(mirror: Mirror, commit: str) -> CommitContent:
    """What the host is to make in place of *commit*.

    Raises InvalidInput for what no host makes: the first commit of a branch, and a file that is not an ordinary one.
    """

    def read(repository: pygit2.Repository) -> CommitContent:
        found = repository[commit].peel(pygit2.Commit)
        if not found.parents:
            raise InvalidInput(
                f"{mirror.remote}: the branch does not exist yet, and the host signs no first commit; push one, or {_INSTEAD}"
            )
        before, after = found.parents[0].tree, found.tree
        files: dict[str, bytes | None] = {}
        for delta in before.diff_to_tree(after).deltas:
            if delta.status is DeltaStatus.DELETED:
                files[delta.old_file.path] = None
                continue
            path = delta.new_file.path
            modes = {delta.new_file.mode, *([] if delta.status is DeltaStatus.ADDED else [delta.old_file.mode])}
            if modes != {FileMode.BLOB}:
                raise InvalidInput(
                    f"{mirror.remote}: {path} is executable, or no ordinary file, and the host signs no change of that; "
                    f"make it an ordinary file in Git, or {_INSTEAD}"
                )
            files[path] = bytes(repository[delta.new_file.id].peel(pygit2.Blob).data)
        return CommitContent(str(found.parents[0].id), str(after.id), found.message, files)

    return mirror.reading(commit, read)


def is_made_of(mirror: Mirror, commit: str, wanted: CommitContent) -> bool:
    """Whether *commit*, which must be here, has the tree that is *wanted*, on top of the same parent."""

    def compare(repository: pygit2.Repository) -> bool:
        found = repository[commit].peel(pygit2.Commit)
        parents = [str(one) for one in found.parent_ids]
        return (str(found.tree_id), parents) == (wanted.tree, [wanted.parent])

    return mirror.reading(commit, compare)


def has_signature(mirror: Mirror, commit: str) -> bool:
    """Whether *commit* is signed, by whomever."""
    return mirror.reading(commit, lambda repository: bool(repository[commit].peel(pygit2.Commit).gpg_signature[0]))
