"""A change of files of a fabric whose source of truth is Git: a commit on its branch, or a pull request where that is protected.

The fabric database follows when the commit is taken in, as it does after every push.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from hedgehog.errors import HedgehogError, InvalidInput, PermissionDenied, PushRace
from hedgehog.fabric.model import Fabric, GitRepository, PushMode
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.request_settings import OUR_BRANCHES, RequestSettings
from hedgehog.fabric.shown import counted
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.hosts.host import OpenHost
from hedgehog.services.git.asking import add_people
from hedgehog.services.git.host_signing import publish_commit
from hedgehog.services.git.messages import committer, credits_of
from hedgehog.services.repository.head import read_head
from hedgehog.services.repository.reading import FabricContent
from hedgehog.store.database import Connection

_MOST_RACES = 3
_PAUSE = 2.0

Files = Mapping[str, bytes | None]
"""What files become; None: they are removed."""
FindFiles = Callable[[Mirror, str, FabricContent], Files]
"""From the clone, a commit and what it says of the fabric to the files that change. Raises for what may not be changed."""


@dataclass(frozen=True, slots=True)
class GitChange:
    """The files that a change concerns, and where it is: a commit on a branch, and the pull request for it."""

    files: tuple[str, ...]
    commit: str | None = None
    branch: str = ""
    pull_request: str = ""
    note: str = ""
    """Why it is on a branch of its own and nobody was asked to merge it, or what the pull request lacks."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "files": list(self.files)}


@dataclass(frozen=True, slots=True)
class GitAccess:
    """How a repository and its host are reached, and the present time."""

    open_mirror: OpenMirror
    open_host: OpenHost
    now: datetime


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What a commit says: who asked for it and why, and what it is called."""

    title: str
    origin: Origin
    summary: Sequence[str]
    """The lines of a pull request."""
    topic: str
    """What the name of a branch of its own says."""


def change_files(
    connection: Connection,
    fabric: Fabric,
    git: GitAccess,
    request: CommitRequest,
    find_files: FindFiles,
    *,
    dry_run: bool = False,
) -> GitChange:
    """Commit what *find_files* finds to the branch of *fabric*; once more when somebody else pushed meanwhile.

    Where the host refuses the push, the commit goes to a branch of its own, with a pull request where the host has those.
    A dry run only finds the files. Raises what *find_files* does, and what the Git host answers.
    """
    repository = fabric.git_repository
    if repository is None:
        raise InvalidInput(f"fabric {fabric.name} is not kept in Git; set its git_repository")
    mirror = git.open_mirror(repository)
    for attempt in range(_MOST_RACES + 1):
        revision, content = read_head(connection, mirror, fabric)
        head = revision.rpartition(":")[2]
        files = find_files(mirror, head, content)
        done = GitChange(tuple(sorted(files)))
        if dry_run or not files:
            return done
        commit = _built(mirror, fabric, repository, head=head, files=files, request=request, now=git.now)
        if commit is None:
            return done
        try:
            done = replace(done, commit=commit)
            return _published(mirror, repository, done, head=head, request=request, open_host=git.open_host)
        except PushRace:
            if attempt == _MOST_RACES:
                raise
            time.sleep(random.uniform(0, _PAUSE))
    raise AssertionError("the last attempt returns or raises")


def _built(
    mirror: Mirror,
    fabric: Fabric,
    repository: GitRepository,
    *,
    head: str,
    files: Files,
    request: CommitRequest,
    now: datetime,
) -> str | None:
    whose = credits_of([request.origin], repository, now)
    body = "\n".join([*whose.reasons, "", f"{counted(len(files), 'file')}."])
    text = commits.message(fabric, request.title, body, run_id=request.origin.run or "")
    return commits.build(mirror, head, files, text, committer(repository, now), author=whose.author)


def _published(
    mirror: Mirror,
    repository: GitRepository,
    done: GitChange,
    *,
    head: str,
    request: CommitRequest,
    open_host: OpenHost,
) -> GitChange:
    """Push the commit to the branch of the fabric; where a rule of the host refuses that, to a branch of its own."""
    if done.commit is None:
        raise AssertionError("only a commit is published")
    try:
        if repository.push is PushMode.PULL_REQUEST:
            raise PermissionDenied(f"{repository.name} takes changes by pull requests only")
        made = publish_commit(mirror, repository, done.commit, head, open_host=open_host)
        return replace(done, commit=made, branch=repository.branch)
    except PermissionDenied as refusal:
        if mirror.remote.credentials.signed_by_host:
            raise PermissionDenied(
                f"{refusal}; and the host signs no pull requests of ours: with a signing_key instead of signing: host in its "
                "connection, the change would be asked for in one (docs/signing.md)"
            ) from refusal
        branch = _own_branch(mirror, request, done.commit, head)
        at_host = mirror.heads([branch]).get(branch)  # an earlier try may have come this far
        if at_host is None:
            commits.push_own_branch(mirror, done.commit, branch)
        done = replace(done, commit=at_host or done.commit, branch=branch)
        try:
            page, note = _asked(repository, done, request, open_host)
            return replace(done, pull_request=page, note=note)
        except HedgehogError as error:
            return replace(done, note=f"{refusal}; and no pull request could be opened: {error}")


def _own_branch(mirror: Mirror, request: CommitRequest, commit: str, head: str) -> str:
    """The same for the same content on the same *head*, whenever the commit was made: a run may be lost after it pushed."""
    mark = hashlib.sha256(f"{head} {mirror.tree_id(commit, '')}".encode()).hexdigest()
    return f"{OUR_BRANCHES}{request.topic.lower()}-{mark[:8]}"


def _asked(repository: GitRepository, done: GitChange, request: CommitRequest, open_host: OpenHost) -> tuple[str, str]:
    """The page of the pull request that asks to merge the branch, and what it lacks."""
    host = open_host(repository)
    try:
        pull = host.find_pull(head=done.branch, base=repository.branch)
        if pull is None:
            body = "\n".join(request.summary)
            pull = host.open_pull(title=request.title, body=body, head=done.branch, base=repository.branch)
        return pull.url, add_people(host, RequestSettings.of(repository.pull_requests), pull)
    finally:
        host.close()
