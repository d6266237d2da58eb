"""Whether a connection is still what it was, detected with a digest that reveals nothing of it.

The digest is an HMAC over all fields, and over the files that they name, under a key that is made of the password of the
fabric database, so that a copy of that database alone does not help to guess a secret. Of the HMAC two bytes are kept:
one edit in 65536 goes unnoticed until the next slow look, and for who has the key, too, many guesses fit.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path

import orjson

from hedgehog.airflow.adapters.connections import ConnectionValues, database_parameters, read_connection
from hedgehog.errors import InvalidInput, NotFound

DIGEST_BYTES = 2
_FILES = ("kube_config_path", "key_file", "key_path")
_KEY_SALT = b"hedgehog connection digests"
_KEY_COST = 1 << 14


def digests() -> Callable[[str, bytes], bytes]:
    """A function from a connection id and a salt to the digest of that connection as it is now.

    One that is not there, or cannot be read, has a digest, too: creating or mending it is an edit.
    """

    @cache
    def key() -> bytes:
        password = str(database_parameters().get("password") or "")
        return hashlib.scrypt(password.encode(), salt=_KEY_SALT, n=_KEY_COST, r=8, p=1)

    def digest(connection_id: str, salt: bytes) -> bytes:
        return hmac.digest(key(), salt + _content(connection_id), "sha256")[:DIGEST_BYTES]

    return digest


def _content(connection_id: str) -> bytes:
    try:
        values = read_connection(connection_id)
    except (NotFound, InvalidInput) as error:
        return error.reason.encode()
    return orjson.dumps([asdict(values), _files(values)], option=orjson.OPT_SORT_KEYS, default=str)


def _files(values: ConnectionValues) -> list[str]:
    """The digests of the files that the connection names: a kubeconfig or a key may be edited in its place."""
    found = []
    for name in _FILES:
        path = values.extra.get(name) or values.extra.get(f"extra__kubernetes__{name}")
        try:
            found.append(hashlib.sha256(Path(str(path)).expanduser().read_bytes()).hexdigest() if path else "")
        except OSError as error:
            found.append(type(error).__name__)
    return found
