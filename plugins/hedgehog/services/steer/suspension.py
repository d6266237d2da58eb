"""Fabrics are left alone on purpose, and taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hedgehog.errors import InvalidInput
from hedgehog.store import fabrics as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction


def suspend_fabrics(
    connection: Connection, names: Sequence[str], *, reason: str, until: datetime | None, now: datetime, actor: str
) -> list[str]:
    """Write nothing of these fabrics to Git or a cluster until *until*, or until they are resumed; their names, each once.

    All of them or none. Raises NotFound, InvalidInput for a time that has passed.
    """
    if until is not None and until <= now:
        raise InvalidInput(f"{until.isoformat()} has passed; give a time that is to come, or none")
    chosen = list(dict.fromkeys(names))
    with transaction(connection) as cursor:
        for name in sorted(chosen):
            store.suspend(connection, name, reason=reason, until=until)
        record_action(cursor, Deed(actor=actor, action="suspend", fabrics=chosen, reason=reason))
    return chosen


def resume_fabrics(connection: Connection, names: Sequence[str], *, actor: str) -> dict[str, bool]:
    """Take fabrics up again, at once; by name whether it was suspended. All of them or none. Raises NotFound."""
    chosen = list(dict.fromkeys(names))
    with transaction(connection) as cursor:
        done = {name: store.resume(connection, name) for name in sorted(chosen)}
        resumed = [name for name in chosen if done[name]]
        if resumed:
            record_action(cursor, Deed(actor=actor, action="resume", fabrics=resumed))
    return {name: done[name] for name in chosen}
