"""Who works on what: batches of due fabrics for a plan, and the locks under which a sync works on its batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, Target
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import sync_state
from hedgehog.store.database import TARGET_LOCK, Connection, try_lock, unlock

MOST_BATCHES = 8
"""Mapped tasks of one run; up to that many fabrics each get a task of their own."""


def plan(
    connection: Connection, target: Target, *, fabrics: Sequence[str] | None = None, force: bool = False
) -> list[list[str]]:
    """Batches of fabric names that need a sync: the due ones, all enabled ones with *force*, or those named.

    One fabric a batch up to MOST_BATCHES, then equal batches with fabrics of one repository or cluster side by side.
    Raises NotFound for a name that no enabled fabric has.
    """
    due = sync_state.named(connection, target, fabrics) if fabrics else sync_state.due(connection, target, force=force)
    first: dict[str, int] = {}
    for position, one in enumerate(due):
        first.setdefault(one.group, position)
    names = [one.name for one in sorted(due, key=lambda one: first[one.group])]
    size = max(1, math.ceil(len(names) / MOST_BATCHES))
    return [names[start : start + size] for start in range(0, len(names), size)]


@contextmanager
def claim(
    connection: Connection,
    target: Target,
    names: Sequence[str],
    *,
    unwilling: Callable[[Fabric], str],
    now: datetime,
    dry_run: bool,
    due_only: bool,
) -> Iterator[tuple[list[Fabric], list[Outcome]]]:
    """The fabrics that may be worked on, locked for the block, as they are now; the others with the reason why not.

    *unwilling* says why a fabric is not to be synced to *target* at all (empty: it is). A dry run takes no locks. With
    *due_only* a fabric that another run has brought in step since the plan was made is left out.
    """
    locked: dict[str, int] = {}
    skipped = []
    lock = TARGET_LOCK[target]
    try:
        found = {fabric.name: fabric for fabric in fabric_store.load_fabrics(connection, names)}
        for name in names:
            fabric = found.get(name)
            reason = (
                "there is no such fabric any more" if fabric is None else unwilling(fabric) or suspension(fabric, now)
            )
            if fabric is not None and not reason:
                if dry_run or try_lock(connection, lock, fabric.id):
                    locked[name] = fabric.id
                    continue
                reason = "another run works on it"
            skipped.append(Outcome(name, target, OutcomeStatus.SKIPPED, reason=reason, dry_run=dry_run))
        wanted = set(locked)
        if due_only:
            wanted = sync_state.still_due(connection, target, list(locked))
            done = "another run was quicker"
            skipped += [
                Outcome(name, target, OutcomeStatus.SKIPPED, reason=done, dry_run=dry_run)
                for name in locked
                if name not in wanted
            ]
        yield fabric_store.load_fabrics(connection, list(wanted)), skipped
    finally:
        for row_id in () if dry_run else locked.values():
            unlock(connection, lock, row_id)


def suspension(fabric: Fabric, now: datetime) -> str:
    """Why a suspended fabric is left alone, and until when; empty for one that is not suspended at *now*."""
    if not fabric.suspended or (fabric.suspended_until is not None and fabric.suspended_until <= now):
        return ""
    until = f" until {fabric.suspended_until:%Y-%m-%d %H:%M %Z}" if fabric.suspended_until else ""
    return f"suspended{until}: {fabric.suspended_reason or 'no reason given'}"
