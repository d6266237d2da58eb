"""Waiting until everything is in sync again: only scheduled work runs, and the clock is moved instead of
sleeping.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from devstack.chaos.pulls import Pulls
from devstack.chaos.verdict import Verdict
from devstack.chaos.world import World
from devstack.moved_clock import move_clock
from hedgehog.services.repository.plan import LOOK_EVERY
from hedgehog.store.database import transaction

LONGEST_WAIT = 3 * 3600.0
"""Seconds on the moved clock until a fabric counts as not recovered: parked work is retried about once an hour."""
TASK_LIMIT = 90.0
"""Seconds that a task may take after all faults have ended."""


@dataclass(frozen=True)
class Convergence:
    """The result. `seconds` are those on the clock: slept, worked and skipped ones."""

    reached: bool
    seconds: float
    ticks: int
    left: tuple[str, ...] = ()


def converge(world: World, verdict: Verdict, pulls: Pulls, run_id: str) -> Convergence:
    """Run the scheduled work repeatedly until all places agree; nothing is forced or resumed."""
    started, skipped = time.monotonic(), 0.0
    for tick in itertools.count(1):
        for verb in _scheduled(pulls, tick):
            world.workers.start(verb, f"{run_id}/{tick}").wait(TASK_LIMIT)
        _let_orphans_end(world)
        left = not_in_step(world) + verdict.differences() + pulls.unchecked()
        if not left:
            return Convergence(True, time.monotonic() - started + skipped, tick)
        pause = _until_due(world)
        if pause is None or skipped > LONGEST_WAIT:
            return Convergence(False, time.monotonic() - started + skipped, tick, tuple(left))
        move_clock(world.database, pause)
        skipped += pause
    raise AssertionError("counting has no end")


def _scheduled(pulls: Pulls, tick: int) -> Iterator[str]:
    """The scheduled and woken work: checks when deliveries wait, the repair of lost runs less often."""
    yield from ("changes", "git", "kubernetes")
    if pulls.waiting:
        yield "pulls"
    if tick % 3 == 1:
        yield "repair"


def not_in_step(world: World) -> list[str]:
    """Targets of fabrics that are not in sync."""
    with transaction(world.database) as cursor:
        cursor.execute(
            "SELECT f.name, s.target, s.status, s.reason FROM hedgehog.sync_state s JOIN hedgehog.fabric f "
            "ON f.id = s.fabric_id WHERE s.status <> 'in_sync' AND (s.target = 'kubernetes' OR f.git_sync_enabled)"
        )
        return [f"{name} at {target}: {status} {reason}" for name, target, status, reason in cursor.fetchall()]


def _until_due(world: World) -> float | None:
    """Seconds until the next scheduled work; None when there is none."""
    with transaction(world.database) as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM least((SELECT min(due_at) FROM hedgehog.sync_state WHERE due_at < 'infinity'), "
            "(SELECT min(next_attempt_at) FROM hedgehog.inbox WHERE status = 'failed' AND next_attempt_at < 'infinity'), "
            "(SELECT min(checked_at) + make_interval(secs => %s) FROM hedgehog.repository_head)) - now())",
            (LOOK_EVERY,),
        )
        row = cursor.fetchone()
    return None if not row or row[0] is None else max(1.0, float(row[0]) + 1)


def _let_orphans_end(world: World, limit: float = 60.0) -> None:
    """Wait for a git whose task was killed: it may run on for a moment, and must end before the comparison."""
    place, started = str(world.disk.clones), time.monotonic()
    while time.monotonic() - started < limit:
        found = [
            one
            for one in psutil.process_iter(["name", "cmdline"])
            if (one.info["name"] or "").startswith("git") and any(place in word for word in one.info["cmdline"] or ())
        ]
        if not found:
            return
        time.sleep(0.05)
