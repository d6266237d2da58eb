"""Translates errors of PostgreSQL and its client: each becomes one of ours, by its SQLSTATE.

Trouble that passes (a failover, a full disk, a deadlock) is retried; what is wrong with the data, the permissions or the
tables is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg2
from psycopg2.extensions import Diagnostics

from hedgehog.errors import (
    AlreadyExists,
    AuthenticationFailed,
    HedgehogError,
    InvalidInput,
    LockHeld,
    NotFound,
    PermanentError,
    PermissionDenied,
    RemoteUnavailable,
    SchemaMismatch,
)

_READ_ONLY = (
    "the fabric database is a standby, or read-only for another reason; it is retried. Have the connection hedgehog_db "
    "lead to the primary: all hosts in its field host, with commas, or the address that follows a failover"
)
_MIGRATE = "its tables are not those of this package; run `hedgehog migrate` with the newest version"
_DISK = "its disk is full; free some space on the database server"
_ROOM = "it has no connection left; raise its max_connections, or close what holds them"
_IN_THE_WAY = "another session stood in the way ({said}); try again"

_BY_STATE: Mapping[str, tuple[type[HedgehogError], str]] = {
    "23505": (AlreadyExists, "it has that already: {said}"),
    "25006": (RemoteUnavailable, _READ_ONLY),
    "40001": (LockHeld, _IN_THE_WAY),
    "40P01": (LockHeld, _IN_THE_WAY),
    "42501": (PermissionDenied, "the user of the connection hedgehog_db lacks a right: {said}; grant it"),
    "53100": (RemoteUnavailable, _DISK),
    "53300": (RemoteUnavailable, _ROOM),
    "55P03": (LockHeld, _IN_THE_WAY),
    "57014": (RemoteUnavailable, "it took too long or was cancelled: {said}"),
    "42P01": (SchemaMismatch, f"{{said}}; {_MIGRATE}"),
    "42703": (SchemaMismatch, f"{{said}}; {_MIGRATE}"),
    "42704": (SchemaMismatch, f"{{said}}; {_MIGRATE}"),
    "42883": (SchemaMismatch, f"{{said}}; {_MIGRATE}"),
    "3F000": (SchemaMismatch, f"{{said}}; {_MIGRATE}"),
}
_BY_CLASS: Mapping[str, tuple[type[HedgehogError], str]] = {
    "08": (RemoteUnavailable, "it went away: {said}"),
    "22": (InvalidInput, "it cannot hold a value: {said}"),
    "23": (InvalidInput, "it refuses a value: {said}"),
    "25": (RemoteUnavailable, "it ended the transaction: {said}"),
    "28": (AuthenticationFailed, "it refused the login: {said}; correct the connection hedgehog_db"),
    "3D": (NotFound, "{said}; create it, then run `hedgehog migrate`"),
    "40": (LockHeld, _IN_THE_WAY),
    "53": (RemoteUnavailable, "it lacks resources: {said}"),
    "54": (InvalidInput, "a value is too large for it: {said}"),
    "55": (LockHeld, _IN_THE_WAY),
    "57": (RemoteUnavailable, "it went away: {said}"),
    "58": (RemoteUnavailable, "its machine has trouble: {said}"),
    "P0": (InvalidInput, "it refuses a change: {said}"),
    "XX": (RemoteUnavailable, "it has trouble of its own: {said}"),
}
_LOGIN = "refused the login; correct the connection hedgehog_db"
_NOT_LET_IN = (
    "does not let this user in from here: {said}; have its pg_hba.conf allow it, or, where it asks for encryption, set "
    "sslmode in the extra of the connection hedgehog_db"
)
_SETTING = "cannot be reached with what the connection hedgehog_db says: {said}; correct it"
_ON_CONNECT: Sequence[tuple[str, type[HedgehogError], str]] = (
    (r"authentication failed|no password supplied", AuthenticationFailed, _LOGIN),
    (r'role ".*" does not exist|is not permitted to log in', AuthenticationFailed, _LOGIN),
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", AuthenticationFailed, _NOT_LET_IN),
    (
        r"certificate verify failed|does not match host name",
        AuthenticationFailed,
        "does not prove its identity: {said}",
    ),
    (r"permission denied for", PermissionDenied, "refused the user of the connection hedgehog_db: {said}"),
    (
        r"too many clients|too many connections|connection slots are reserved",
        RemoteUnavailable,
        _ROOM.removeprefix("it "),
    ),
    (r"session is read-only", RemoteUnavailable, _READ_ONLY.removeprefix("the fabric database ")),
    (r'database ".*" does not exist', NotFound, "has no such database: {said}; create it, then run `hedgehog migrate`"),
    (r"invalid port number|invalid integer value|invalid \"?\w+\"? value", InvalidInput, _SETTING),
    (
        r"could not (match|parse network address)|definition of service|setsockopt.*Invalid argument",
        InvalidInput,
        _SETTING,
    ),
    (r"unrecognized configuration parameter|invalid value for parameter", InvalidInput, _SETTING),
    (r"does not support SSL|(certificate|private key) file|binding required|GSSAPI encryption", InvalidInput, _SETTING),
    (r"SSL is not supported", InvalidInput, _SETTING),
)
"""By the text of the client, which gives no SQLSTATE; any other text counts as temporary."""


def single_line(error: Exception) -> str:
    """Its text, without line breaks."""
    return " ".join(str(error).split())


def on_connect(error: psycopg2.OperationalError, parameters: Mapping[str, Any]) -> HedgehogError:
    """The error for a connection that could not be opened; such an error has no SQLSTATE. Never contains the password."""
    place = f"the fabric database at {parameters.get('host', 'local socket')}:{parameters.get('port', 5432)}"
    text = single_line(error)
    for pattern, kind, words in _ON_CONNECT:
        if re.search(pattern, text):
            return kind(f"{place} {words.format(said=text)}")
    return RemoteUnavailable(f"{place} cannot be reached: {text}")


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the database and its client that leave the block into ours, with the original as the cause."""
    try:
        yield
    except psycopg2.Error as error:
        raise _translated_error(error) from error
    except (UnicodeError, orjson.JSONEncodeError) as error:
        raise InvalidInput(f"the fabric database cannot hold a text or number: {single_line(error)}") from error
    except ValueError as error:
        if "NUL (0x00)" not in str(error):  # any other does not come from the client
            raise
        raise InvalidInput("the fabric database cannot hold a text with the character NUL; remove it") from error


def _server_text(diag: Diagnostics) -> str:
    """The server's message with its hint: only the hint says which limit was reached."""
    words = f"{diag.message_primary} ({diag.message_hint})" if diag.message_hint else str(diag.message_primary)
    return " ".join(words.split())


def _translated_error(error: psycopg2.Error) -> HedgehogError:
    state = error.pgcode or ""
    said = single_line(error) if error.diag.message_primary is None else _server_text(error.diag)
    if (
        not state
    ):  # of the client: the connection is lost, or was closed; of a server that dies it says no more than this
        is_bare = type(error) is psycopg2.DatabaseError
        if is_bare or isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
            return RemoteUnavailable(f"the fabric database went away: {said}")
        return PermanentError(f"the fabric database cannot be asked that: {said}; please report it")
    found = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    if found is None:
        return PermanentError(f"the fabric database refused a statement: {said} (SQLSTATE {state}); please report it")
    kind, words = found
    text = words.format(said=said)
    return kind(text if text.startswith("the fabric database") else f"the fabric database: {text}")
