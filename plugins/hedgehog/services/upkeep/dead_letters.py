"""Dead letters for people: selecting them, replaying or discarding them, and what happened to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.model import Target
from hedgehog.store import dead_letters as store
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.dead_letters import DeadLetter, LetterStatus, Selection

WAITS = "stays parked: the fabric is suspended, or its sync is switched off"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What happened to the selected letters."""

    replayed: tuple[DeadLetter, ...] = ()
    left: tuple[DeadLetter, ...] = ()
    """Still parked: their fabric is suspended or its sync switched off."""
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom and JSON output."""
        return {
            "replayed": [letter_as_dict(one) for one in self.replayed],
            "left": [letter_as_dict(one) for one in self.left],
            "dry_run": self.dry_run,
        }

    def lines(self) -> list[str]:
        """One line per letter, for people."""
        verb = "would be due again" if self.dry_run else "is due again"
        return [
            *(f"{one.id}: {one.fabric} → {one.target} {verb}" for one in self.replayed),
            *(f"{one.id}: {one.fabric} → {one.target} {WAITS}" for one in self.left),
        ]


def letter_as_dict(letter: DeadLetter) -> dict[str, Any]:
    """A letter as plain data for JSON."""
    values = asdict(letter)
    times = {key: value.isoformat() for key, value in values.items() if key.endswith("_at") and value is not None}
    return values | times | {"target": letter.target.value, "status": letter.status.value}


def select(
    connection: Connection,
    *,
    ids: Sequence[int] = (),
    fabrics: Sequence[str] = (),
    target: Target | None = None,
    every: bool = False,
) -> Selection:
    """Select letters by number, by fabric, or *every* one, optionally only those of *target*.

    Raises InvalidInput without any selection, NotFound for an unknown fabric, or for a number that no parked letter has,
    with what happened to that letter.
    """
    if not (ids or fabrics or every):
        raise InvalidInput("which dead letters? give their numbers, fabrics, or say that all are meant")
    for name in fabrics:
        fabric_store.load_fabric(connection, name)
    for number in ids:
        found = store.letter(connection, number)
        if found.status is not LetterStatus.PARKED:
            raise NotFound(
                f"dead letter {number} ({found.fabric} → {found.target}) is not parked: it was {found.status}"
            )
    return Selection(list(ids) or None, list(fabrics) or None, target)


def replay(connection: Connection, selection: Selection, *, by: str, dry_run: bool = False) -> ReplayResult:
    """Make the parked work of *selection* due at once, with the attempts counted from zero; *by* is recorded.

    A dry run does everything and rolls it back.
    """
    with transaction(connection, keep=not dry_run):
        replayed, left = store.replay(connection, selection, by=by)
    return ReplayResult(tuple(replayed), tuple(left), dry_run)


def discard(connection: Connection, selection: Selection, *, by: str, why: str) -> list[DeadLetter]:
    """Take letters off the list, recording who and *why*; the fabrics stay parked until they change or are forced.

    Raises InvalidInput without a reason.
    """
    if not why.strip():
        raise InvalidInput("say why with --reason, for those who look at the fabric later")
    return store.discard(connection, selection, by=by, why=why)
