"""The id of this installation, and those of the installations whose objects count as its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.tools import INSTALLATION_ID, Installation
from hedgehog.store.database import Connection, transaction


def load(connection: Connection) -> Installation:
    """This installation; its own id is made by the migration."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT id, own FROM hedgehog.installation")
        rows = cursor.fetchall()
    own = next(id_ for id_, is_own in rows if is_own)
    return Installation(own, frozenset(("", *(id_ for id_, _ in rows))))


def take_over(cursor: Any, ids: Sequence[str]) -> None:
    """Treat the objects of these installations as our own from now on, inside the caller's transaction.

    Raises InvalidInput for what is not an id.
    """
    wrong = sorted(one for one in ids if not re.fullmatch(INSTALLATION_ID, one))
    if wrong:
        raise InvalidInput(f"{wrong[0]!r} is not an id of an installation; the message about a held object names it")
    cursor.execute(
        "INSERT INTO hedgehog.installation (id) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (sorted(ids),)
    )
