"""Who changed a file, for reports that name a person and not only a path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pygit2
from pygit2.enums import SortMode

from hedgehog.gitops.mirror import Mirror

_COMMITS_SEARCHED = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """The newest commit that changed a file."""

    commit: str
    author: str
    committer_email: str = ""
    trailers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.author} in {self.commit[:12]}"


def edits(mirror: Mirror, head: str, paths: Collection[str], *, since: str | None = None) -> dict[str, Edit]:
    """The newest edit of each of *paths* on the way from *since* (exclusive) to *head*.

    Merges count only where no parent has the same file, so the person who wrote the change is named and not the one
    who merged it. A path is absent when nothing is found in the newest thousand commits: a report may then say less,
    a search may not take minutes.
    """
    if since is not None and not mirror.is_ancestor(since, head):
        since = None
    return mirror.reading(head, lambda repository: _search(repository, head, set(paths), since))


def _search(repository: pygit2.Repository, head: str, wanted: set[str], since: str | None) -> dict[str, Edit]:
    found: dict[str, Edit] = {}
    walker = repository.walk(head, SortMode.TOPOLOGICAL | SortMode.TIME)
    if since is not None:
        walker.hide(since)
    for number, commit in enumerate(walker):
        if not wanted or number >= _COMMITS_SEARCHED:
            break
        changed = wanted & _touched(commit)
        found |= dict.fromkeys(changed, _edit(commit))
        wanted = wanted - changed
    return found


def _edit(commit: pygit2.Commit) -> Edit:
    author = f"{commit.author.name} <{commit.author.email}>"
    return Edit(str(commit.id), author, commit.committer.email, trailers(commit.message))


def trailers(message: str) -> dict[str, str]:
    """The `Key: value` lines of the last paragraph of a commit message."""
    lines = message.strip().rpartition("\n\n")[2].splitlines()
    return {key: value for key, separator, value in (line.partition(": ") for line in lines) if separator}


def _touched(commit: pygit2.Commit) -> set[str]:
    """The paths whose file is another one than in every parent. Equal directories are skipped, so it is cheap."""
    if not commit.parents:
        return _paths(commit.tree.diff_to_tree(swap=True))
    return set.intersection(*(_paths(parent.tree.diff_to_tree(commit.tree)) for parent in commit.parents))


def _paths(diff: pygit2.Diff) -> set[str]:
    return {delta.new_file.raw_path.decode(errors="replace") for delta in diff.deltas}
