"""A branch that no longer exists is not created again, but searched under other names.

Somebody renamed it, emptied the repository, or created it elsewhere. Pushing an unrelated root commit in its place would
hide that, and start a second history.
"""

from __future__ import annotations

from collections.abc import Collection

from hedgehog.errors import HedgehogError, NotFound
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.addresses import same_repository
from hedgehog.gitops.mirror import Mirror
from hedgehog.store import repository_heads
from hedgehog.store.database import Connection

_MOST_SEARCHED = 10
"""How many branches are checked for our commits: each must be fetched."""
_MOST_TOLD = 5


def refuse_if_known(connection: Connection, repository: GitRepository, mirror: Mirror) -> None:
    """Raise NotFound, with the likely new name, if the missing branch existed once."""
    urls = repository_heads.known_urls(connection, repository.branch)
    if repository.url in urls or any(same_repository(url, repository.url) for url in urls):
        raise lost(mirror, repository_heads.last_commits(connection, repository.id, repository.branch))


def lost(mirror: Mirror, commits: Collection[str]) -> NotFound:
    """The error for a branch that its host no longer has, with its likely new name: that of a branch with *commits*."""
    branches = mirror.branches()
    likely = sorted(branches, key=lambda name: branches[name] not in commits)[:_MOST_SEARCHED]
    found = [name for name in likely if _contains(mirror, name, branches[name], commits)]
    named = " or ".join(repr(name) for name in (found or list(branches))[:_MOST_TOLD])
    if not branches:
        what = ", and the repository is empty; restore it from a backup or a clone"
    elif found:
        what = f" and may be {named} now, which has what was published; correct the repository's branch"
    elif not commits:
        what = f"; what the host has is {named}; correct the repository's branch, push it again"
    else:
        what = f", and none that the host has ({named}) contains what was published; push it again"
    return NotFound(f"{mirror.remote}: the branch does not exist any more{what}, or push a first commit to start over")


def _contains(mirror: Mirror, name: str, head: str, commits: Collection[str]) -> bool:
    if head in commits:
        return True
    if not any(mirror.has(commit) for commit in commits):
        return False
    try:
        mirror.fetch(head, ref=f"refs/heads/{name}")
    except HedgehogError:  # the message is only less complete without it
        return False
    return any(mirror.is_ancestor(commit, head) for commit in commits)
