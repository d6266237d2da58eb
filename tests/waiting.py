"""Waiting for what a server does in its own time: ending a session, releasing a lock, ending a process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from hedgehog.store.database import Connection, transaction

LIMIT = 300.0
"""Seconds. Long enough for a machine that is busy with something else; whoever waits longer waits in vain."""

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str, *, limit: float = LIMIT) -> Found:
    """Ask *condition* until its answer is true, and return that. Fails with *what* and the last answer after *limit*."""
    started = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - started < limit, f"waited {limit:.0f} s for {what}; last seen: {found!r}"
        time.sleep(0.01)
    return found


def until_alone(database: Connection) -> None:
    """Wait until no other session of this database is left.

    A server notices the end of a client, closed or killed, in its own time; until then the locks of the session stay.
    """
    until(lambda: _others(database) == 0, "the other sessions of the database to end")


def until_unused(name: str, elsewhere: Connection) -> None:
    """Wait until no session of the database *name* is left, as PostgreSQL wants it of a template."""
    until(lambda: _others(elsewhere, name) == 0, f"the sessions of {name} to end")


def _others(database: Connection, name: str | None = None) -> int:
    with transaction(database) as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = coalesce(%s, current_database()) "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
            (name,),
        )
        found: int = cursor.fetchone()[0]
    return found
