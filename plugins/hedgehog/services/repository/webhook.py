"""A delivery of a Git host: what it says, in the host's words, and whether it needs work here.

Only a proven delivery comes here; the host's own module (`hosts/<host>/webhook.py`) reads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.addresses import RepositoryAddress, same_repository
from hedgehog.gitops.commit import FABRIC_TRAILER, RUN_TRAILER, TREE_TRAILER
from hedgehog.gitops.history import trailers
from hedgehog.hosts.webhook import Announcement, Ignored, Webhook
from hedgehog.store import fabrics, inbox
from hedgehog.store.database import Connection
from hedgehog.store.inbox import Arrival, Receipt

_LONGEST_NAME = 200
"""Of a repository, for people; the URL is what tells which one it is."""


def receive(
    connection: Connection, webhook: Webhook, headers: Mapping[str, str], body: bytes, *, repository: str = ""
) -> Receipt | Ignored:
    """Store what a proven delivery to *webhook* says, or say why it is not needed.

    *headers* have lower-case names. *repository* names the row that it is about, where the host does not say which
    repository it is. Raises InvalidInput when it cannot be understood.
    """
    found = webhook.announced(headers, body)
    if isinstance(found, Ignored):
        return found
    if not found.url:
        found = _of_row(found, repository, fabrics.load_repositories(connection))
    if not found.is_pull_request and not found.ignored:
        found = replace(found, ignored=_unneeded(found, fabrics.load_repositories(connection)))
    return inbox.store_delivery(connection, arrival_of(found))


def arrival_of(found: Announcement) -> Arrival:
    """What is stored: never a text that somebody wrote."""
    summary = ({"sender": found.sender} if found.sender else {}) | ({"forced": True} if found.forced else {})
    same = ("delivery_id", "digest", "event", "url", "action", "number", "branch", "before", "after")
    return Arrival(
        **{name: getattr(found, name) for name in (*same, "head", "base", "ignored")},
        kind=inbox.PULL_REQUEST if found.is_pull_request else inbox.BRANCH,
        summary=summary,
        repository=found.repository[:_LONGEST_NAME],
    )


def _of_row(found: Announcement, name: str, repositories: Iterable[GitRepository]) -> Announcement:
    """The announcement with the address of the row *name*. Two rows never share a delivery, even with one body."""
    row = next((one for one in repositories if one.name == name), None)
    if row is None:
        raise InvalidInput("there is no git_repository of the name at the end of the webhook's path")
    digest = hashlib.sha256(f"{row.id} {found.digest}".encode()).hexdigest()
    path = RepositoryAddress.of(row.url).path
    return replace(found, repository=path or name, url=row.url, digest=digest, delivery_id=digest)


def _unneeded(found: Announcement, repositories: Iterable[GitRepository]) -> str:
    """Why a moved branch need not be processed; empty when it must."""
    here = [one for one in repositories if one.branch == found.branch and same_repository(one.url, found.url)]
    if not here:
        return f"no git_repository has branch {found.branch[:200]} of {found.url[:500]}"
    return "our own commits" if all(_is_ours(found, one) for one in here) else ""


def _is_ours(found: Announcement, repository: GitRepository) -> bool:
    """Whether every commit of a push was made by our sync, or by the host for it: our trailers, and our committer or tree.

    A forger of both only delays the processing of their push until the next scheduled run.
    """
    if not found.commits or found.forced:
        return False
    said = [(commit.committer, trailers(commit.message).keys()) for commit in found.commits]
    return all(
        {FABRIC_TRAILER, RUN_TRAILER} <= names and (committer == repository.author_email or TREE_TRAILER in names)
        for committer, names in said
    )
