"""Pull requests that wait in the inbox: several deliveries of one are one check, of its newest head.

What a merge queue would merge waits there, too: each of its commits is one check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hedgehog.errors import HedgehogError, InvalidInput, PermanentError, WorkKilled
from hedgehog.fabric.versions import short_commit
from hedgehog.services.pull_requests.fabrics import is_called, parse_repository, repository_name
from hedgehog.services.pull_requests.gather import MergeHead
from hedgehog.services.pull_requests.verdict import Validation, ValidationStatus
from hedgehog.store import inbox
from hedgehog.store.database import Connection
from hedgehog.store.inbox import Delivery

_KILLED = "its check was killed (time limit, out of memory)"
_TOGETHER = "checked together with a later delivery"


@dataclass(frozen=True, slots=True)
class Task:
    """One pull request to check, and the deliveries that ask for it, oldest first; none when a person asks."""

    repository: str
    """`owner/name` or `host/owner/name`; where groups are nested, with all of them."""
    number: int
    deliveries: tuple[int, ...] = field(default=())
    merge: MergeHead | None = None
    """What a merge queue would merge, if this is not a pull request; *number* is 0 then."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom; `Task.of` gives it back."""
        same = {"repository": self.repository, "pull_request": self.number, "deliveries": list(self.deliveries)}
        if self.merge is None:
            return same
        return {**same, "head": self.merge.head_sha, "base": self.merge.base_ref, "git_ref": self.merge.git_ref}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Task:
        """The task of `as_dict`."""
        merge = MergeHead(values["base"], values["head"], values["git_ref"]) if "git_ref" in values else None
        return cls(values["repository"], int(values["pull_request"]), tuple(values["deliveries"]), merge)

    def __str__(self) -> str:
        host, _, name = self.repository.partition("/")
        short = name if "/" in name and ("." in host or ":" in host) else self.repository
        return shown_name(short, self.number, self.merge.head_sha if self.merge else "")


def shown_name(repository: str, number: int, head: str) -> str:
    """A pull request, or what a merge queue would merge, for people."""
    return f"{repository}#{number}" if number else f"{repository}@{short_commit(head)}"


def plan(connection: Connection, *, repository: str = "", number: int | None = None) -> list[Task]:
    """The pull request that a person names, or all that deliveries ask for. Raises InvalidInput for half a name."""
    if repository or number is not None:
        parse_repository(repository)
        if number is None:
            raise InvalidInput(f"{repository}: the number of a pull request is missing")
        return [Task(repository, number)]
    found: dict[tuple[str, int, MergeHead | None], list[int]] = {}
    for delivery in inbox.pending(connection, (inbox.PULL_REQUEST,)):
        subject = (repository_name(delivery.url), delivery.number or 0, _merge_of(delivery))
        found.setdefault(subject, []).append(delivery.id)
    return [Task(name, number, tuple(ids), merge) for (name, number, merge), ids in found.items()]


def _merge_of(delivery: Delivery) -> MergeHead | None:
    """What a merge queue asks for with a delivery."""
    if delivery.number is not None:
        return None
    return MergeHead(delivery.base, delivery.head, f"refs/heads/{delivery.branch}")


def work(
    connection: Connection,
    task: Task,
    check: Callable[[str, int], Validation],
    give_up: Callable[[str, int, str], Validation],
) -> Validation:
    """Run *check* for *task* and record the outcome of its deliveries, whatever happens. Raises what *check* raises.

    A failed one is retried when the inbox makes it due; no worker waits for it. One whose check killed its process
    repeatedly is no longer checked: *give_up* publishes that on the pull request, and WorkKilled is raised for the
    log.
    """
    if not task.deliveries:
        return _settle(connection, task, check(task.repository, task.number))
    taken = inbox.claim(connection, (inbox.PULL_REQUEST,), len(task.deliveries), ids=task.deliveries)
    if not taken:
        return Validation(task.repository, task.number, ValidationStatus.SKIPPED, "another run took it up")
    *older, newest = taken
    for delivery in older:
        inbox.finish(connection, delivery.id, inbox.DeliveryStatus.DONE, _TOGETHER)
    try:
        if newest.killed >= inbox.MOST_KILLED:
            give_up(task.repository, task.number, _KILLED)
            raise WorkKilled(
                f"{task}: {_KILLED} {newest.killed} times. Give the workers more of both, then "
                "`hedgehog dead-letters replay` it"
            )
        found = check(task.repository, task.number)
    except Exception as error:
        _fail(connection, newest.id, error)
        raise
    status = inbox.DeliveryStatus.IGNORED if found.status is ValidationStatus.SKIPPED else inbox.DeliveryStatus.DONE
    inbox.finish(connection, newest.id, status, found.reason)
    return _settle(connection, task, found)


def _settle(connection: Connection, task: Task, found: Validation) -> Validation:
    """Deliveries of the same pull request that were given up before are settled by this one."""
    late = [
        one
        for one in inbox.given_up(connection, inbox.PULL_REQUEST)
        if (one.number or 0, _merge_of(one)) == (task.number, task.merge)
    ]
    wanted = parse_repository(task.repository)
    for one in late:
        if is_called(one.url, wanted):
            inbox.mark_handled(connection, [one.id], found.reason)
    return found


def _fail(connection: Connection, delivery: int, error: Exception) -> None:
    reason = str(error) if isinstance(error, HedgehogError) else type(error).__name__
    inbox.finish(
        connection,
        delivery,
        inbox.DeliveryStatus.FAILED,
        reason,
        retry_after=getattr(error, "retry_after", None),
        retryable=not isinstance(error, PermanentError),
    )
