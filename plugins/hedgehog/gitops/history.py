"""Finds who changed a file, for reports that name the person."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import pygit2
from pygit2.enums import FileMode, SortMode

from hedgehog.gitops.mirror import Mirror

_COMMITS_SEARCHED = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """The newest commit that changed a file."""

    commit: str
    author: str
    subject: str = ""
    committer_email: str = ""
    trailers: Mapping[str, str] = field(default_factory=dict)
    tree: str = ""

    def __str__(self) -> str:
        return f"{self.author} in {self.commit[:12]}"


def edits(mirror: Mirror, head: str, paths: Collection[str], *, since: str | None = None) -> dict[str, Edit]:
    """The newest edit of each of *paths* between *since* (exclusive) and *head*.

    A merge counts only if no parent has the same file, so the author of the change is named, not the person who merged
    it. A path is absent if nothing is found in the newest thousand commits: a search must not take minutes.
    """
    if since is not None and not mirror.is_ancestor(since, head):
        since = None
    return mirror.reading(head, lambda repository: _search(repository, head, set(paths), since))


def branch_edits(mirror: Mirror, head: str, trunk: str) -> dict[str, Edit]:
    """By path, the newest edit of each file that the branch at *head* has otherwise than where it left *trunk*.

    What a merge of *trunk* into the branch brought is not among them.
    """

    def search(repository: pygit2.Repository) -> dict[str, Edit]:
        origin = repository.merge_base(pygit2.Oid(hex=head), pygit2.Oid(hex=trunk))
        tree = repository[head].peel(pygit2.Tree)
        before = repository[origin].peel(pygit2.Tree) if origin is not None else None
        difference = before.diff_to_tree(tree) if before is not None else tree.diff_to_tree(swap=True)
        paths = {file.path for delta in difference.deltas for file in (delta.old_file, delta.new_file)}
        return _search(repository, head, paths, str(origin) if origin else None)

    return mirror.reading(head, search)


def head_edit(mirror: Mirror, head: str) -> Edit:
    """The commit *head* itself."""
    return mirror.reading(head, lambda repository: _edit(repository[head].peel(pygit2.Commit)))


def introduction(mirror: Mirror, head: str, directory: str, *, since: str | None = None) -> str:
    """The commit that gave *directory* the content that it has at *head*: a push or a merge, not what was merged.

    Looks no further back than *since*, whose directory has another content.
    """

    def search(repository: pygit2.Repository) -> str:
        commit = repository[head].peel(pygit2.Commit)
        wanted = tree_at(commit, directory)
        while commit.parents and str(commit.id) != since and tree_at(commit.parents[0], directory) == wanted:
            commit = commit.parents[0]
        return str(commit.id)

    return mirror.reading(head, search)


def tree_at(commit: pygit2.Commit, directory: str) -> pygit2.Oid | None:
    """The tree of *directory* at *commit*; None where there is nothing of that name."""
    if not directory:
        return commit.tree_id
    try:
        return commit.tree[directory].id
    except KeyError:
        return None


def _search(repository: pygit2.Repository, head: str, wanted: set[str], since: str | None) -> dict[str, Edit]:
    found: dict[str, Edit] = {}
    walker = repository.walk(head, SortMode.TOPOLOGICAL | SortMode.TIME)
    if since is not None:
        walker.hide(since)
    for number, commit in enumerate(walker):
        if not wanted or number >= _COMMITS_SEARCHED:
            break
        changed = _touched(repository, commit, wanted)
        found |= dict.fromkeys(changed, _edit(commit))
        wanted = wanted - changed
    return found


def _edit(commit: pygit2.Commit) -> Edit:
    author = f"{commit.author.name} <{commit.author.email}>"
    subject = commit.message.strip().partition("\n")[0]
    return Edit(str(commit.id), author, subject, commit.committer.email, trailers(commit.message), str(commit.tree_id))


def trailers(message: str) -> dict[str, str]:
    """The `Key: value` lines of the last paragraph of a commit message."""
    lines = message.strip().rpartition("\n\n")[2].splitlines()
    return {key: value for key, separator, value in (line.partition(": ") for line in lines) if separator}


def _touched(repository: pygit2.Repository, commit: pygit2.Commit, wanted: Collection[str]) -> set[str]:
    """Those of *wanted* whose file differs from that in every parent.

    Only the directories that lead to them are read, and of those only the ones that differ: a commit may change a
    million other files.
    """
    layer: _Layer = {}
    for path in wanted:
        inner = layer
        for name in path.split("/"):
            inner = inner.setdefault(name, {})
        inner[_HERE] = {}
    before: list[pygit2.Oid | None] = [parent.tree_id for parent in commit.parents]
    before = before or [None]
    return set.intersection(*(set(_differing(repository, (old, commit.tree_id), layer, "")) for old in before))


_Layer: TypeAlias = "dict[str, _Layer]"
_HERE = ""
"""The key that marks a wanted path; no file has an empty name."""


def _differing(
    repository: pygit2.Repository, sides: tuple[pygit2.Oid | None, pygit2.Oid | None], layer: _Layer, prefix: str
) -> Iterator[str]:
    if sides[0] == sides[1]:
        return
    both = [repository[oid].peel(pygit2.Tree) if oid is not None else None for oid in sides]
    for name, inner in layer.items():
        if name == _HERE:
            continue
        entries = [tree[name] if tree is not None and name in tree else None for tree in both]
        old, new = [(entry.id, entry.filemode) if entry is not None else None for entry in entries]
        if _HERE in inner and old != new:
            yield f"{prefix}{name}"
        below = [one[0] if one is not None and one[1] == FileMode.TREE else None for one in (old, new)]
        yield from _differing(repository, (below[0], below[1]), inner, f"{prefix}{name}/")
