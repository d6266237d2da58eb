"""The head of a branch, fetched and compared with the head that was recorded last; what a forced push dropped is kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from hedgehog.fabric.model import GitRepository, Revision
from hedgehog.gitops.mirror import Mirror
from hedgehog.store.git_files import GitFile

logger = logging.getLogger(__name__)

REPLACED_REF = "refs/hedgehog/replaced/"
"""Where the mirror keeps a head that a forced push dropped, so that nobody's commits are lost."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The *head* of a branch, fetched into its mirror."""

    mirror: Mirror
    head: str
    seen: str | None = None
    """The head that was recorded last."""
    replaced: str | None = None
    """The head that a forced push dropped."""
    note: str = ""
    """Recorded for every fabric of the branch: a forced push."""

    @property
    def moved(self) -> bool:
        """Whether the branch has another head than before."""
        return self.head != self.seen

    @property
    def revision(self) -> Revision:
        """As it is recorded."""
        return Revision(self.mirror.remote.branch, self.head)


def fetch_branch(mirror: Mirror, repository: GitRepository, head: str, *, seen: str | None) -> Commit:
    """Fetch *head* of the branch of *repository*, whose head was *seen* before."""
    replaced = _fetch(mirror, seen, head)
    return Commit(mirror, head, seen, replaced, _note(repository, replaced, mirror))


def _fetch(mirror: Mirror, seen: str | None, head: str) -> str | None:
    """Fetch *head*, and return the head before if the new one does not contain it; the mirror keeps that one."""
    if seen is None or seen == head:
        mirror.fetch(head)
        return None
    kept = f"{REPLACED_REF}{seen}"
    here = mirror.has(seen)
    if here:  # before the fetch, after which git might delete it
        mirror.git(["update-ref", kept, seen])
    mirror.fetch(head)
    if mirror.is_ancestor(seen, head):
        mirror.git(["update-ref", "-d", kept])
        return None
    return seen


def _note(repository: GitRepository, replaced: str | None, mirror: Mirror) -> str:
    if replaced is None:
        return ""
    where = f"kept as {REPLACED_REF}{replaced} in the clone" if mirror.has(replaced) else "not in the clone any more"
    note = f"branch {repository.branch} was force-pushed: {replaced[:12]} is no longer part of it ({where})"
    logger.warning("%s: %s", repository.name, note)
    return note


def changes_directory(commit: Commit, directory: str) -> bool:
    """Whether the push changed anything below *directory*; True where the head before it is not known."""
    mirror, before = commit.mirror, _known_before(commit)
    return before is None or mirror.tree_id(before, directory) != mirror.tree_id(commit.head, directory)


def changes_files(commit: Commit, records: Mapping[str, GitFile]) -> bool:
    """Whether the push changed one of the files of *records*, which we wrote. Earlier differences do not count."""
    mirror, before = commit.mirror, _known_before(commit)
    then = mirror.lookup(before, records).files if before is not None else {}
    now = mirror.lookup(commit.head, records).files
    return any(
        now.get(path) != record.blob_id and (before is None or now.get(path) != then.get(path))
        for path, record in records.items()
    )


def _known_before(commit: Commit) -> str | None:
    """The head that was recorded last, if the mirror still has it."""
    return commit.seen if commit.seen is not None and commit.mirror.has(commit.seen) else None
