"""Connections, transactions and advisory locks; foreign database errors end here.

A lock is session-level: it lasts as long as its connection, so a killed process frees it by itself. For the same
reason the connection must be a direct one or a session-pooled one, not a transaction-pooled one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any

import orjson
import psycopg2
import psycopg2.extensions
import psycopg2.extras

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Target
from hedgehog.store.failures import on_connect, single_line, translated

REPEATABLE_READ: int = psycopg2.extensions.ISOLATION_LEVEL_REPEATABLE_READ
_CONNECT_TIMEOUT = 10
_UNANSWERED_MILLISECONDS = 60_000
"""After this time without an acknowledgement a connection counts as lost, as behind a firewall that dropped it. Linux
would retry for 15 minutes."""


class Connection(psycopg2.extensions.connection):
    """A psycopg2 connection that knows whether a `transaction` block is open on it."""

    in_transaction = False


class Lock(IntEnum):
    """First key of an advisory lock; the second is the row id. "HH" in ASCII, then a number."""

    GIT = 0x48480001
    KUBERNETES = 0x48480002
    REPOSITORY = 0x48480003
    MIGRATE = 0x48480004
    INBOX = 0x48480005


TARGET_LOCK: Mapping[Target, Lock] = {Target.GIT: Lock.GIT, Target.KUBERNETES: Lock.KUBERNETES}


def connect(parameters: Mapping[str, Any]) -> Connection:
    """Open a connection with libpq *parameters* (host, port, dbname, user, password, sslmode …).

    Of several hosts the one that takes writes is chosen, and a single standby is refused, unless *parameters* say
    otherwise (`target_session_attrs`). Raises AuthenticationFailed, NotFound (no such database) or RemoteUnavailable.
    The message never has the password.
    """
    merged = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "application_name": "hedgehog",
        "target_session_attrs": "read-write",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": _UNANSWERED_MILLISECONDS,
        **parameters,
    }
    try:
        connection: Connection = psycopg2.connect(connection_factory=Connection, **merged)
    except psycopg2.OperationalError as error:
        raise on_connect(error, parameters) from None
    except psycopg2.ProgrammingError as error:
        raise InvalidInput(f"connection hedgehog_db has an unknown setting: {single_line(error)}") from None
    except ValueError:  # its text may have the password
        raise InvalidInput("connection hedgehog_db has a value with NUL, or of bytes that are not text") from None
    psycopg2.extras.register_default_jsonb(connection, loads=_loads)
    return connection


class UnreadableJSON(Mapping[str, Any]):
    """A stored value that PostgreSQL accepts and no client can read, such as 1e400: using it raises InvalidInput.

    Its row can be loaded together with others, which it does not affect.
    """

    def __init__(self, why: str) -> None:
        self.why = why

    def __getitem__(self, key: str) -> Any:
        raise InvalidInput(self.why)

    def __iter__(self) -> Iterator[str]:
        raise InvalidInput(self.why)

    def __len__(self) -> int:
        raise InvalidInput(self.why)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def of(self, owner: str) -> UnreadableJSON:
        """The same value, whose error names its *owner*."""
        return UnreadableJSON(f"{owner} {self.why}")


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return UnreadableJSON(f"cannot be read from the fabric database: {error}; store it again")


class _NotKept(Exception):
    """Ends a transaction whose changes are rolled back."""


@contextmanager
def transaction(connection: Connection, *, keep: bool = True) -> Iterator[psycopg2.extensions.cursor]:
    """Run a block in one transaction: committed when the block ends, rolled back when it raises or *keep* is false.

    A block inside a block joins it and commits nothing, so functions of this room can be combined into one transaction;
    only the outermost block may decide to roll back. Every database error that leaves the block is one of ours.
    """
    if connection.in_transaction:
        if not keep:
            raise RuntimeError("what is written inside a transaction cannot be taken back alone")
        with translated(), connection.cursor() as cursor:
            yield cursor
        return
    connection.in_transaction = True
    try:
        with suppress(_NotKept), translated(), connection, connection.cursor() as cursor:
            yield cursor
            if not keep:
                raise _NotKept
    finally:
        connection.in_transaction = False


def jsonb(value: Any) -> psycopg2.extras.Json:
    """Adapt plain data for a jsonb column."""
    return psycopg2.extras.Json(value, dumps=_dumps)


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()


def try_locks(connection: Connection, lock: Lock, row_ids: Sequence[int]) -> set[int]:
    """Take the locks that are free and return their row ids. Each needs one unlock; closing the connection frees all."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT id, pg_try_advisory_lock(%s, id) FROM unnest(%s::integer[]) AS wanted (id)",
            (int(lock), list(row_ids)),
        )
        return {row_id for row_id, taken in cursor.fetchall() if taken}


def wait_lock(connection: Connection, lock: Lock, row_id: int) -> None:
    """Take the lock, waiting for its holder, which frees it when it finishes or is killed."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", (int(lock), row_id))


def unlock(connection: Connection, lock: Lock, row_ids: Iterable[int]) -> None:
    """Free locks that this connection holds."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT pg_advisory_unlock(%s, id) FROM unnest(%s::integer[]) AS held (id)", (int(lock), list(row_ids))
        )
