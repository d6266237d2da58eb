"""Work that was given up is taken up again, or taken off the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hedgehog.services.upkeep import dead_letters
from hedgehog.services.upkeep.dead_letters import ReplayResult
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.dead_letters import DeadLetter, Selection


def replay_letters(connection: Connection, selection: Selection, *, actor: str, dry_run: bool = False) -> ReplayResult:
    """Make the parked work of *selection* due again, at once and with all its attempts.

    A dry run does everything and takes it back.
    """
    with transaction(connection, keep=not dry_run) as cursor:
        done = dead_letters.replay(connection, selection, by=actor)
        _record(cursor, done.replayed, "replay", actor)
    return replace(done, dry_run=dry_run)


def discard_letters(connection: Connection, selection: Selection, *, reason: str, actor: str) -> list[DeadLetter]:
    """Take letters off the list; their fabrics stay parked until they change or are synced by name."""
    with transaction(connection) as cursor:
        done = dead_letters.discard(connection, selection, by=actor, why=reason)
        _record(cursor, done, "discard", actor, reason)
    return done


def _record(cursor: Any, letters: Sequence[DeadLetter], action: str, actor: str, reason: str = "") -> None:
    """One row for each letter, with its fabric; of a delivery it has none."""
    for one in letters:
        fabrics = [one.fabric] if "fabrics" in one.conf else []
        deed = Deed(actor=actor, action=action, fabrics=fabrics, subjects=[str(one.id)], reason=reason)
        record_action(cursor, deed)
