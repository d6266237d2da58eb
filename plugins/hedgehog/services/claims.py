"""Which run may work on which fabric: batches of due fabrics for a plan, and the locks under which a sync works."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from hedgehog.errors import WorkKilled
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, SyncStatus, Target
from hedgehog.services import failures, waits
from hedgehog.services.waits import Wait, WindowOverride
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import schedule, sync_state
from hedgehog.store.database import TARGET_LOCK, Connection, transaction, try_locks, unlock

MOST_BATCHES = 8
"""The most mapped tasks of one run for fabrics that changed; up to this number each fabric has a task of its own."""
ROUTINE_BATCH = 250
"""The most fabrics of a task for regular checks: a cluster or repository is read once for all of its fabrics."""
ROUTINE_GROUPS = 10
"""The clusters or repositories of such a task, while the run has fewer than MOST_BATCHES; it reads one after another."""


def plan(
    connection: Connection,
    target: Target,
    *,
    now: datetime,
    fabrics: Sequence[str] | None = None,
    force: bool = False,
) -> list[list[str]]:
    """Batches of fabric names that need a sync: the due ones, all enabled ones with *force*, or those named.

    Up to MOST_BATCHES fabrics, each is a batch; more are divided into equal batches, those of one repository or cluster
    next to each other. Those that are frozen or outside of their windows are left out, unless they are named, and become
    due when that ends. Fabrics that are only due for their regular check follow, in batches as large as ROUTINE_BATCH
    and ROUTINE_GROUPS allow. Fabrics whose last run died come last, each in a batch of its own, so that it takes down no
    other.
    Raises NotFound for a name that no enabled fabric has.
    """
    if fabrics:
        due = schedule.named(connection, target, fabrics)
    else:
        due = waits.postpone(connection, target, schedule.due(connection, target, force=force), now=now)
    first: dict[str, int] = {}
    for position, one in enumerate(due):
        first.setdefault(one.group, position)
    due = sorted(due, key=lambda one: first[one.group])
    changed = [one.name for one in due if not one.routine and not one.suspect]
    routine = [one.name for one in due if one.routine]
    groups = len({one.group for one in due if one.routine})
    return [
        *batches(changed),
        *batches(
            routine, max(math.ceil(len(routine) / ROUTINE_BATCH), min(MOST_BATCHES, math.ceil(groups / ROUTINE_GROUPS)))
        ),
        *([one.name] for one in due if one.suspect),
    ]


def batches(names: Sequence[str], most: int = MOST_BATCHES) -> list[list[str]]:
    """The *names*, in their order, in at most *most* equal parts."""
    size = max(1, math.ceil(len(names) / max(1, most)))
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


@contextmanager
def claim(
    connection: Connection,
    target: Target,
    names: Sequence[str],
    *,
    skip_reason: Callable[[Fabric], str],
    now: datetime,
    dry_run: bool,
    due_only: bool,
    writes: bool = True,
    override: WindowOverride | None = None,
    planned_from: Mapping[str, int] | None = None,
) -> Iterator[tuple[list[Fabric], list[Outcome]]]:
    """The fabrics that may be worked on, locked for the block, as they are now; and outcomes for the others, with reasons.

    *skip_reason* says why a fabric is not to be synced to *target* at all (empty: it is). A dry run takes no locks and
    includes suspended and frozen fabrics. What *writes* to Git or a cluster leaves out frozen fabrics, and those whose
    windows are closed, unless there is an *override*, which is recorded. With *due_only*, a fabric that another run has
    synced since the plan was made is left out, and one whose runs keep dying is parked instead.
    So is one whose generation is not that in *planned_from*, from which somebody planned what is to be done.
    """
    ids = fabric_store.fabric_ids(connection, names)
    locked = set(ids) if dry_run else try_locks(connection, TARGET_LOCK[target], ids)
    try:
        found = {fabric.name: fabric for fabric in fabric_store.load_fabrics(connection, names)}
        waiting = waits.waits(connection, names, now=now) if writes and not dry_run else {}
        held = _held(waiting, target, override)
        reasons = {name: _reason(found.get(name), skip_reason, None if dry_run else now, held) for name in names}
        free = [found[name] for name in names if not reasons[name]]
        if not dry_run:
            locked = _keep_locks(connection, target, locked, {fabric.id for fabric in free})
        reasons |= _other_runs(connection, target, free, locked, due_only=due_only)
        reasons |= _superseded(free, planned_from or {})
        given_up = []
        if due_only and not dry_run:
            given_up = _give_up(connection, target, [fabric for fabric in free if not reasons[fabric.name]])
        skipped = [
            Outcome(name, target, OutcomeStatus.SKIPPED, reason=reason, dry_run=dry_run)
            for name, reason in reasons.items()
            if reason
        ]
        not_claimed = {outcome.fabric for outcome in (*given_up, *skipped)}
        if override is not None:
            waits.record_override(connection, override, waiting.keys() - not_claimed)
        yield [fabric for name, fabric in found.items() if name not in not_claimed], [*given_up, *skipped]
    finally:
        if not dry_run:
            unlock(connection, TARGET_LOCK[target], locked)


def _keep_locks(connection: Connection, target: Target, locked: set[int], needed: set[int]) -> set[int]:
    """The locks of the fabrics *needed*; the others are freed."""
    unlock(connection, TARGET_LOCK[target], locked - needed)
    return locked & needed


def _other_runs(
    connection: Connection, target: Target, fabrics: Sequence[Fabric], locked: set[int], *, due_only: bool
) -> dict[str, str]:
    """The fabrics that are left to another run: it works on them, or with *due_only* has brought them in sync."""
    reasons = {fabric.name: "another run works on it" for fabric in fabrics if fabric.id not in locked}
    if due_only:
        due = schedule.still_due(connection, target, [fabric.name for fabric in fabrics])
        late = (fabric.name for fabric in fabrics if fabric.name not in due)
        reasons = dict.fromkeys(late, "another run was quicker") | reasons
    return reasons


def _superseded(fabrics: Sequence[Fabric], planned_from: Mapping[str, int]) -> dict[str, str]:
    """The fabrics that changed since somebody planned what is to be done."""
    return {
        one.name: f"the plan was made from generation {planned_from[one.name]}, and it has generation {one.generation} now"
        for one in fabrics
        if planned_from.get(one.name, one.generation) != one.generation
    }


def _give_up(connection: Connection, target: Target, fabrics: Sequence[Fabric]) -> list[Outcome]:
    """Park the fabrics whose runs were killed MOST_KILLED times in a row. One that is requested by name is tried."""
    killers = sync_state.killed_repeatedly(connection, target, [fabric.id for fabric in fabrics])
    why = (
        f"the last {sync_state.MOST_KILLED} runs that worked on it were killed (time limit, out of memory); make the fabric "
        "smaller, or give the workers more of both, then sync it by name"
    )
    done = []
    for fabric in fabrics:
        if fabric.id in killers:
            error = WorkKilled(why)
            done.append(failures.record(connection, fabric, target, error, run_id="", started=time.perf_counter()))
    return done


def _held(waiting: dict[str, Wait], target: Target, override: WindowOverride | None) -> dict[str, str]:
    """The reasons of the waits that hold up a sync to *target*."""
    in_force = waits.in_force(waiting, override)
    return {name: wait.reason for name, wait in in_force.items() if wait.holds(target)}


def _reason(
    fabric: Fabric | None, skip_reason: Callable[[Fabric], str], now: datetime | None, held: Mapping[str, str]
) -> str:
    """Why a fabric is not to be worked on; empty if it is. Without *now*, suspension does not count."""
    if fabric is None:
        return "there is no such fabric any more"
    return skip_reason(fabric) or (suspension(fabric, now) if now else "") or held.get(fabric.name, "")


def suspension(fabric: Fabric, now: datetime) -> str:
    """Why a fabric is suspended, and until when; empty if it is not suspended at *now*."""
    if not fabric.suspended or (fabric.suspended_until is not None and fabric.suspended_until <= now):
        return ""
    until = f" until {fabric.suspended_until:%Y-%m-%d %H:%M %Z}" if fabric.suspended_until else ""
    return f"suspended{until}: {fabric.suspended_reason or 'no reason given'}"


def not_reached(
    connection: Connection,
    target: Target,
    fabrics: Sequence[Fabric],
    before: Mapping[int, SyncStatus],
    *,
    run_id: str,
    dry_run: bool,
) -> list[Outcome]:
    """The outcomes of fabrics that a task did not reach before its time limit: their status is as *before*, and they stay
    due."""
    why = "not reached before the time limit of the task; it stays due, and the next run takes it up"
    outcomes = [Outcome(fabric.name, target, OutcomeStatus.SKIPPED, reason=why, dry_run=dry_run) for fabric in fabrics]
    if outcomes and not dry_run:
        with transaction(connection) as cursor:
            left = {fabric.id: before[fabric.id] for fabric in fabrics if fabric.id in before}
            sync_state.undo_begin(cursor, target, left, run_id=run_id)
            for fabric, outcome in zip(fabrics, outcomes, strict=True):
                sync_state.append_event(cursor, fabric.id, outcome, run_id)
    return outcomes
