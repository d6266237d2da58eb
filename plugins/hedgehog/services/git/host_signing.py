"""Commits that the Git host makes and signs, where the connection says `signing: host`.

We build each commit as always, and send its message and files instead of pushing it. What came of that is fetched and
compared: nothing counts as published that is not what was built.
"""

from __future__ import annotations

import logging
from contextlib import closing

from hedgehog.errors import HedgehogError, InvalidInput, RemoteUnavailable
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops import commit as commits
from hedgehog.gitops.host_commits import CommitContent, commit_content, has_signature, is_made_of
from hedgehog.gitops.mirror import Mirror
from hedgehog.hosts.host import Feature, Host, OpenHost

logger = logging.getLogger(__name__)


def open_signing_host(repository: GitRepository, open_host: OpenHost) -> Host:
    """The host of *repository*, entered. Raises InvalidInput for one that signs no commits."""
    wanted = f"git_repository {repository.name}: its connection {repository.connection_id} has signing: host"
    instead = "give the connection a signing_key instead (docs/signing.md)"
    try:
        host = open_host(repository)
    except InvalidInput as error:
        raise InvalidInput(f"{wanted}, and the host cannot be asked; {instead}, or correct this: {error}") from error
    if Feature.SIGNED_COMMITS in host.offers:
        return host
    host.close()
    raise InvalidInput(f"{wanted}, and {host.type.title} signs no commits of ours; {instead}")


def publish_commit(
    mirror: Mirror, repository: GitRepository, commit: str, expected_head: str | None, *, open_host: OpenHost
) -> str:
    """Move the branch from *expected_head* to *commit*, or to the one that the host makes of it; what it is at then.

    Raises what `commits.push` does.
    """
    if not mirror.remote.credentials.signed_by_host:
        commits.push(mirror, commit, expected_head)
        return commit
    with closing(open_signing_host(repository, open_host)) as host:
        return publish_at(host, mirror, commit)


def publish_at(host: Host, mirror: Mirror, commit: str) -> str:
    """Have *host* put a commit of its own on the branch, that is what *commit* is on the same parent; its id.

    Raises PushRace if the branch is not at that parent, PermissionDenied if a rule refuses it, InvalidInput for a commit
    that the host cannot make, or made otherwise or without a signature, and RemoteUnavailable if no answer arrived and
    the head of the branch does not show it.
    """
    wanted = commit_content(mirror, commit)
    branch = mirror.remote.branch
    try:
        made = host.make_commit(branch, wanted.parent, wanted.message, wanted.files)
    except RemoteUnavailable:
        found = _found(mirror, wanted)
        if found is None:
            raise
        logger.info("%s: no answer arrived, but the host has made %s", mirror.remote, found)
        made = found
    mirror.fetch(made)
    _refuse_other(mirror, made, wanted)
    return made


def _found(mirror: Mirror, wanted: CommitContent) -> str | None:
    """The head of the branch, if it is what is *wanted*; None also where that cannot be read now."""
    try:
        head = mirror.head()
        if head is None or head == wanted.parent:
            return None
        mirror.fetch(head)
        return head if is_made_of(mirror, head, wanted) else None
    except HedgehogError as error:
        logger.info("%s: whether the host has made the commit is not known: %s", mirror.remote, error)
        return None


def _refuse_other(mirror: Mirror, made: str, wanted: CommitContent) -> None:
    if not is_made_of(mirror, made, wanted):
        raise InvalidInput(
            f"{mirror.remote}: the host made commit {made}, whose files are not those that were sent; it is not counted as "
            "published; look at it, and correct the branch"
        )
    if not has_signature(mirror, made):
        raise InvalidInput(
            f"{mirror.remote}: the host made commit {made} and did not sign it; turn on its signing of web commits, or give "
            "the connection a signing_key instead of signing: host"
        )
