"""Work that failed is looked at again as soon as its Airflow connection was edited: a new token, kubeconfig or host."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from hedgehog.fabric.model import Target
from hedgehog.store import connection_digests, schedule
from hedgehog.store.database import Connection, transaction

logger = logging.getLogger(__name__)

Digest = Callable[[str, bytes], bytes]
"""From a connection id and a salt to a short keyed digest of all that the connection holds, also of none at all."""
_SALT = 16


def wake(connection: Connection, target: Target, digest: Digest) -> list[str]:
    """Make due what failed at *target* by a connection that is another than at the last plan; the fabrics' names.

    Asks for nothing while nothing fails, else once for each connection. What was parked since the last plan is looked at
    once more: its connection may have been edited in between, before anybody noted what it held.
    """
    woken = []
    for noted in connection_digests.of_failing_fabrics(connection, target):
        salt = noted.salt or secrets.token_bytes(_SALT)
        try:
            found = digest(noted.connection_id, salt)
        except Exception as error:  # whatever a secrets backend raises: the plan and the other connections go on
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
