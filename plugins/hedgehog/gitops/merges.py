"""How a branch came by the content of a directory: the steps in which it changed, and whether a merge explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode, SortMode

from hedgehog.gitops.history import tree_at
from hedgehog.gitops.mirror import Mirror

_COMMITS_SEARCHED = 1000
_NO_FILES = (FileMode.UNREADABLE, FileMode.COMMIT)
"""What is absent, and submodules."""
_CO_AUTHOR = "co-authored-by:"


@dataclass(frozen=True, slots=True)
class BranchStep:
    """A commit of a branch, not of what was merged into it, that changed a directory; and the one before it."""

    commit: str
    before: str


def steps(mirror: Mirror, head: str, directory: str, *, since: str) -> list[BranchStep] | None:
    """What changed *directory* after it last was as at *since*, the oldest first.

    None if the branch at *head* has not had that content in its newest thousand commits.
    """

    def search(repository: pygit2.Repository) -> list[BranchStep] | None:
        wanted = tree_at(repository[since].peel(pygit2.Commit), directory)
        commit = repository[head].peel(pygit2.Commit)
        found: list[BranchStep] = []
        for _ in range(_COMMITS_SEARCHED):
            tree = tree_at(commit, directory)
            if tree == wanted:
                return found[::-1]
            if not commit.parents:
                return None
            parent = commit.parents[0]
            if tree_at(parent, directory) != tree:
                found.append(BranchStep(str(commit.id), str(parent.id)))
            commit = parent
        return None

    return mirror.reading(head, search)


def brought(mirror: Mirror, merged: str, *, before: str) -> dict[str, frozenset[str]]:
    """The commits that a merge of *merged* brings to *before*, each with the people that it names.

    Of more than a thousand only the newest: nobody has read a pull request of that size.
    """

    def search(repository: pygit2.Repository) -> dict[str, frozenset[str]]:
        walker = repository.walk(merged, SortMode.TOPOLOGICAL | SortMode.TIME)
        walker.hide(before)
        return {str(one.id): frozenset(_people(one)) for one, _ in zip(walker, range(_COMMITS_SEARCHED), strict=False)}

    return mirror.reading(merged, search)


def is_merge(mirror: Mirror, directory: str, step: BranchStep, merged: str, *, after: str) -> bool:
    """Whether *directory* at *after* is what a merge of *merged* makes of it as it was before *step*, and no more."""

    def compare(repository: pygit2.Repository) -> bool:
        base = repository.merge_base(pygit2.Oid(hex=step.before), pygit2.Oid(hex=merged))
        if not base:
            return False
        commits = (repository[one].peel(pygit2.Commit) for one in (str(base), step.before, merged, after))
        ancestor, ours, theirs, result = (tree_at(one, directory) for one in commits)
        if ours == ancestor:
            return theirs == result
        empty = repository.TreeBuilder().write()
        trees = [repository[one or empty].peel(pygit2.Tree) for one in (ancestor, ours, theirs)]
        changed = [delta for tree in trees[1:] for delta in trees[0].diff_to_tree(tree).deltas]
        sides = (file for delta in changed for file in (delta.old_file, delta.new_file))
        mirror.bring(str(file.id) for file in sides if file.mode not in _NO_FILES)
        index = repository.merge_trees(trees[0], trees[1], trees[2])
        return index.conflicts is None and index.write_tree(repository) == result

    return mirror.reading(merged, compare)


def _people(commit: pygit2.Commit) -> Iterator[str]:
    """Author, committer and co-authors."""
    yield from (f"{who.name} <{who.email}>" for who in (commit.author, commit.committer))
    for line in commit.message.splitlines():
        if line.casefold().startswith(_CO_AUTHOR):
            yield line[len(_CO_AUTHOR) :].strip()
