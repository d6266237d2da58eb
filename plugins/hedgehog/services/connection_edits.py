"""Failed work is due again as soon as its Airflow connection is edited: a new token, kubeconfig or host."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from hedgehog.fabric.model import Target
from hedgehog.store import connection_digests, schedule
from hedgehog.store.database import Connection, transaction

logger = logging.getLogger(__name__)

Digest = Callable[[str, bytes], bytes]
"""From a connection id and a salt to a short keyed digest of the connection, even of one that does not exist."""
_SALT = 16


def wake(connection: Connection, target: Target, digest: Digest) -> list[str]:
    """Make fabrics due that failed at *target* and whose connection has changed since the last plan; returns their names.

    Reads no connection while nothing fails, and otherwise each one once. Fabrics parked since the last plan are tried
    once more: their connection may have been edited before its digest was noted.
    """
    woken = []
    for noted in connection_digests.of_failing_fabrics(connection, target):
        salt = noted.salt or secrets.token_bytes(_SALT)
        try:
            found = digest(noted.connection_id, salt)
        except Exception as error:  # a secrets backend may raise anything: the plan and the other connections continue
            logger.warning("connection %s cannot be compared (%s)", noted.connection_id, type(error).__name__)
            continue
        if found == noted.digest:
            continue
        with transaction(connection) as cursor:
            connection_digests.note(connection, noted.connection_id, salt, found)
            if noted.digest is not None or noted.parked:
                woken += schedule.make_failed_due(
                    cursor, target, connection_id=noted.connection_id, parked_only=noted.digest is None
                )
    connection_digests.forget_unused(connection)
    return sorted(woken)
