"""Pull requests of ours that nobody needs any more, until they are closed at their host."""

from __future__ import annotations

from dataclasses import dataclass

from hedgehog.fabric.model import GitRepository
from hedgehog.store.database import Connection, transaction


@dataclass(frozen=True, slots=True)
class LeftRequest:
    """A pull request that is to be closed."""

    number: int
    url: str
    branch: str
    head: str
    """The commit that we pushed last to its branch."""
    why: str
    """Why nobody needs it, for people."""
    attempts: int
    """How often it could not be closed."""


def due(connection: Connection, repository: GitRepository) -> list[LeftRequest]:
    """Those of *repository* whose time has come. One with which a fabric asks again is none any more."""
    with transaction(connection) as cursor:
        cursor.execute(
            "DELETE FROM hedgehog.left_request l USING hedgehog.pull_request p "
            "WHERE (p.git_repository_id, p.number) = (l.git_repository_id, l.number) AND l.git_repository_id = %s",
            (repository.id,),
        )
        cursor.execute(
            "SELECT number, url, branch, head, why, attempts FROM hedgehog.left_request "
            "WHERE git_repository_id = %s AND next_attempt_at <= now() ORDER BY number",
            (repository.id,),
        )
        return [LeftRequest(*row) for row in cursor.fetchall()]


def close_done(connection: Connection, repository: GitRepository, request: LeftRequest) -> None:
    """Note that *request* is closed."""
    with transaction(connection) as cursor:
        cursor.execute(
            "DELETE FROM hedgehog.left_request WHERE (git_repository_id, number) = (%s, %s)",
            (repository.id, request.number),
        )


def close_failed(
    connection: Connection, repository: GitRepository, request: LeftRequest, *, delay: float | None
) -> None:
    """Note that *request* could not be closed, and is to be retried after *delay* seconds; None: never."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.left_request SET attempts = attempts + 1, next_attempt_at = "
            "CASE WHEN %s THEN now() + make_interval(secs => %s) ELSE 'infinity' END "
            "WHERE (git_repository_id, number) = (%s, %s)",
            (delay is not None, delay or 0.0, repository.id, request.number),
        )
