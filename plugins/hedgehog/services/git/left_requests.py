"""Pull requests of ours that nobody needs any more are closed, with a comment that says why, and their branches deleted.

A branch that has a commit of somebody else stays. All of it may be done again after it was broken off at any point.
"""

from __future__ import annotations

import logging
import random
from contextlib import closing
from dataclasses import dataclass

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops import commit as commits
from hedgehog.gitops.mirror import Mirror, OpenMirror
from hedgehog.hosts.host import Feature, Host, OpenHost
from hedgehog.hosts.reports import write_comment
from hedgehog.services.failures import as_ours
from hedgehog.store import left_requests as store
from hedgehog.store.database import Connection
from hedgehog.store.inbox import BACKOFF_BASE
from hedgehog.store.left_requests import LeftRequest
from hedgehog.store.sync_state import MAX_ATTEMPTS, backoff

logger = logging.getLogger(__name__)

_MARK = "<!-- hedgehog-on-airflow: why this is closed -->"


@dataclass(frozen=True, slots=True)
class ClosedRequests:
    """What came of the requests of one repository."""

    closed: tuple[str, ...] = ()
    """Their pages."""
    failed: tuple[str, ...] = ()
    """Those that could not be closed, each with the reason."""


def close_left(
    connection: Connection, repository: GitRepository, open_mirror: OpenMirror, *, open_host: OpenHost
) -> ClosedRequests:
    """Close the requests of *repository* that nobody needs, while its lock is held. One that fails is retried later."""
    wanted = store.due(connection, repository)
    if not wanted:
        return ClosedRequests()
    closed, failed = [], []
    for request in wanted:
        try:
            with closing(open_host(repository)) as host:
                _close(host, open_mirror(repository), request)
        except Exception as error:  # whatever it is, the other requests and what was pushed are worked on
            failed.append(_failed(connection, repository, request, error))
            continue
        store.close_done(connection, repository, request)
        logger.info("%s is closed: %s", request.url, request.why)
        closed.append(request.url)
    return ClosedRequests(tuple(closed), tuple(failed))


def _close(host: Host, mirror: Mirror, request: LeftRequest) -> None:
    """Comment, close, and delete the branch, as far as that is not done."""
    if Feature.PULL_REQUESTS not in host.offers:
        raise InvalidInput(f"{host.type.title} offers no pull requests here; close it manually")
    at_host = mirror.heads([request.branch]).get(request.branch)
    is_ours = at_host == request.head
    try:
        pull = host.pull(request.number)
    except NotFound:
        pull = None
    if pull is not None and pull.state == "open":
        if Feature.COMMENTS in host.offers:
            stays = "" if is_ours or at_host is None else " Its branch stays, because somebody else pushed to it."
            text = f"Hedgehog on Airflow closes this pull request: {request.why}.{stays}\n"
            write_comment(host, pull, text, mark=_MARK)
        host.close_pull(pull)
    if is_ours:
        commits.delete_own_branch(mirror, request.branch, request.head)


def _failed(connection: Connection, repository: GitRepository, request: LeftRequest, error: Exception) -> str:
    ours = as_ours(repository.name, error)
    attempts, retry_after = request.attempts + 1, getattr(ours, "retry_after", None)
    is_last = attempts >= MAX_ATTEMPTS
    delay = None if is_last else backoff(attempts, BACKOFF_BASE, retry_after, random.SystemRandom())
    store.close_failed(connection, repository, request, delay=delay)
    again = "close it manually, and delete its branch" if is_last else "it is retried"
    return f"{request.url} is not closed, although {request.why}: {ours}; {again}"
