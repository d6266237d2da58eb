"""Which repositories to process: those that deliveries name, that are due, or that a person names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hedgehog.errors import NotFound
from hedgehog.fabric.model import GitRepository
from hedgehog.fabric.near import near, suggestion
from hedgehog.gitops.addresses import RepositoryAddress, same_repository
from hedgehog.services import claims
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import inbox, repository_heads
from hedgehog.store.database import Connection
from hedgehog.store.inbox import BRANCH, PULL_REQUEST, Delivery, DeliveryStatus

LOOK_EVERY = 240.0
"""Seconds between two looks at a repository without a webhook: a little less than the clock of the DAG."""


def plan(
    connection: Connection,
    *,
    repository: str = "",
    branch: str = "",
    fabrics: Sequence[str] = (),
    at_once: bool = False,
) -> list[list[str]]:
    """Batches of names of repositories to process: those named, or else those with a delivery and those that are due;
    with *at_once*, all that a fabric follows.

    *repository* is a name, a URL, or `owner/name` at any host; *branch* and *fabrics* narrow it down. Raises NotFound
    when nothing fits. A repository whose look was killed comes last, in a batch of its own. Also wakes the DAG
    of pull requests for deliveries that it missed, since it has no clock of its own.
    """
    inbox.remind(connection, PULL_REQUEST)
    rows = fabric_store.load_repositories(connection)
    if repository or branch or fabrics:
        found = [row.name for row in _matching(connection, rows, repository, branch, fabrics)]
    else:
        ids = repository_heads.due(connection, seconds=0.0 if at_once else LOOK_EVERY) | _delivered(connection, rows)
        found = [row.name for row in rows if row.id in ids]
    killed = repository_heads.killed(connection)
    alone = [row.name for row in rows if row.id in killed and row.name in found]
    others = [name for name in found if name not in alone]
    size = max(1, math.ceil(len(others) / claims.MOST_BATCHES))
    return [*(others[start : start + size] for start in range(0, len(others), size)), *([name] for name in alone)]


def _matching(
    connection: Connection, rows: Sequence[GitRepository], repository: str, branch: str, fabrics: Sequence[str]
) -> list[GitRepository]:
    loaded = [fabric_store.load_fabric(connection, name) for name in fabrics]
    own = {fabric.git_repository.id for fabric in loaded if fabric.git_repository is not None}
    found = [
        row
        for row in rows
        if (not repository or _is_called(row, repository))
        and (not branch or row.branch == branch)
        and (not fabrics or row.id in own)
    ]
    if found:
        return found
    raise NotFound(_no_repository(rows, repository, branch, fabrics))


def _no_repository(rows: Sequence[GitRepository], repository: str, branch: str, fabrics: Sequence[str]) -> str:
    """That nothing fits what was asked for, and what may be meant."""
    called = [row for row in rows if repository and _is_called(row, repository)]
    if called and branch and not fabrics:
        return f"repository {called[0].name} follows branch {called[0].branch!r}, not {branch!r}"
    names = list(dict.fromkeys(one for row in rows for one in (row.name, RepositoryAddress.of(row.url).path)))
    meant = [*near(repository, names, most=3), *near(branch, sorted({row.branch for row in rows} - {branch}), most=3)]
    hint = suggestion(meant) or "`hedgehog repository list` shows what there is"
    conditions = [f"with branch {branch!r}"] if branch else []
    conditions += [f"of fabric {' or '.join(fabrics)}"] if fabrics else []
    return f"there is no repository {' '.join([repr(repository) if repository else '', *conditions]).strip()}; {hint}"


def _is_called(row: GitRepository, name: str) -> bool:
    path = name.strip("/").removesuffix(".git")
    return name == row.name or same_repository(row.url, name) or RepositoryAddress.of(row.url).path == path


def _delivered(connection: Connection, rows: Sequence[GitRepository]) -> set[int]:
    """The repositories that deliveries name. A delivery for a repository that no row has (any more) is finished here."""
    found: set[int] = set()
    of_nobody = []
    for delivery in inbox.pending(connection, (BRANCH,)):
        ids = {row.id for row in rows if is_about(delivery, row)}
        found |= ids
        if not ids:
            of_nobody.append(delivery.id)
    for delivery in inbox.claim(connection, (BRANCH,), len(of_nobody), ids=of_nobody) if of_nobody else ():
        reason = f"no git_repository has branch {delivery.branch} of {delivery.url}"
        inbox.finish(connection, delivery.id, DeliveryStatus.IGNORED, reason)
    return found


def is_about(delivery: Delivery, row: GitRepository) -> bool:
    """Whether *delivery* announces a push to the branch that *row* follows."""
    return delivery.branch == row.branch and same_repository(delivery.url, row.url)
