"""What happened to each sync: latest state, history, back-off. Which ones are due is in `schedule`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.errors import InvalidInput, NotReached
from hedgehog.fabric.changes import WRITES, Outcome, OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.fabric.shown import LONGEST_REASON
from hedgehog.store import problems
from hedgehog.store.database import Connection, jsonb, transaction
from hedgehog.store.schedule import NOT_SUSPENDED, wake_dag

MAX_ATTEMPTS = 12
"""Failed attempts in a row before a fabric is parked; with the back-off below that takes about eight hours."""
MOST_KILLED = 3
"""How many runs in a row may die while they work on a fabric before it is parked."""
BACKOFF_BASE = {Target.GIT: 60.0, Target.KUBERNETES: 120.0}
"""Seconds; doubled with each attempt."""
BACKOFF_CAP = 3600.0
BACKOFF_FLOOR = 5.0
SLOW_LOOK = 3600.0
"""Seconds, plus or minus a quarter, between two attempts at parked work whose cause may go away by itself."""
_MOST_DOUBLINGS = 30
_DETAIL_LIMIT = 200
_TEXT_LIMIT = 1000
_REASON_LIMIT = LONGEST_REASON + 500

_STATUS = {
    OutcomeStatus.SUCCESS: SyncStatus.IN_SYNC,
    OutcomeStatus.SKIPPED: SyncStatus.IN_SYNC,
    OutcomeStatus.HELD: SyncStatus.OUT_OF_SYNC,
}


def killed_repeatedly(connection: Connection, target: Target, fabric_ids: Sequence[int]) -> set[int]:
    """Those of the fabrics, which the caller has locked, on which the last MOST_KILLED runs died."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric_id FROM hedgehog.sync_state WHERE target = %s AND fabric_id = ANY(%s) AND status = 'syncing' "
            "AND killed + 1 >= %s",
            (target.value, list(fabric_ids), MOST_KILLED),
        )
        return {row[0] for row in cursor.fetchall()}


def begin(connection: Connection, target: Target, fabric_ids: Iterable[int], *, run_id: str) -> dict[int, SyncStatus]:
    """Mark these fabrics, which the caller has locked, as being synced, and return their previous status by id.

    `due_at` stays, so a killed run leaves them due; a previous run that was killed is noticed here and counts as a failed
    attempt.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            # Rows that a change has locked are left out: waiting for them could deadlock with a bulk change, and their
            # status is about to change anyway.
            "UPDATE hedgehog.sync_state s SET status = 'syncing', run_id = %(run_id)s, started_at = now(), "
            "last_attempt_at = now(), attempts = s.attempts + (s.status = 'syncing')::integer "
            "FROM (SELECT fabric_id, status FROM hedgehog.sync_state WHERE target = %(target)s "
            "AND fabric_id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED) free "
            "WHERE s.target = %(target)s AND s.fabric_id = free.fabric_id RETURNING free.fabric_id, free.status",
            {"run_id": run_id, "target": target.value, "ids": list(fabric_ids)},
        )
        return {fabric_id: SyncStatus(status) for fabric_id, status in cursor.fetchall()}


def undo_begin(cursor: Any, target: Target, before: Mapping[int, SyncStatus], *, run_id: str) -> None:
    """Restore the status that fabrics had *before* `begin`, because the run did not reach them; they stay due.

    Inside the caller's transaction. The failed attempt of a previous run that was killed stays counted.
    """
    for fabric_id, status in sorted(before.items()):
        was = SyncStatus.ERROR if status is SyncStatus.SYNCING else status
        cursor.execute(
            "UPDATE hedgehog.sync_state SET status = %s WHERE fabric_id = %s AND target = %s AND status = 'syncing' "
            "AND run_id = %s",
            (was.value, fabric_id, target.value, run_id),
        )


@dataclass(frozen=True, slots=True)
class RunningSync:
    """A fabric that a run has begun to sync. Whether the run is still alive is shown by the lock of the fabric."""

    fabric_id: int
    name: str
    generation: int
    run_id: str | None


def running(connection: Connection, target: Target, fabric_ids: Sequence[int] | None = None) -> list[RunningSync]:
    """The fabrics, or those of *fabric_ids*, whose state at *target* is `syncing`."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.id, f.name, f.generation, s.run_id FROM hedgehog.sync_state s JOIN hedgehog.fabric f "
            "ON f.id = s.fabric_id WHERE s.status = 'syncing' AND s.target = %(target)s "
            "AND (%(ids)s::bigint[] IS NULL OR f.id = ANY(%(ids)s)) ORDER BY f.name",
            {"target": target.value, "ids": list(fabric_ids) if fabric_ids is not None else None},
        )
        return [RunningSync(*row) for row in cursor.fetchall()]


_MEANWHILE = "due_at > started_at AND due_at <= now()"
"""SQL for: the fabric changed during the run, which has set due_at; it is not moved into the future then."""
_FINISH = (
    f"UPDATE hedgehog.sync_state SET status = CASE WHEN %(status)s = 'parked' AND {_MEANWHILE} THEN 'error' "
    "    ELSE %(status)s END, attempts = %(attempts)s, run_id = %(run_id)s, "
    "  reason = %(reason)s, waits_for = %(waits_for)s, error_class = %(error_class)s, counts = %(counts)s, last_attempt_at = now(), "
    "  revision = coalesce(%(revision)s, revision), "
    "  observed_generation = CASE WHEN %(reached)s THEN %(generation)s ELSE observed_generation END, "
    "  last_success_at = CASE WHEN %(status)s = 'in_sync' THEN now() ELSE last_success_at END, "
    "  last_change_at = CASE WHEN %(wrote)s THEN now() ELSE last_change_at END, "
    f"  due_at = CASE WHEN %(again)s THEN now() WHEN %(failed)s AND {_MEANWHILE} THEN due_at "
    "    WHEN %(delay)s IS NULL THEN 'infinity' ELSE now() + make_interval(secs => %(delay)s) END "
    "WHERE fabric_id = %(fabric_id)s AND target = %(target)s"
)


def finish(
    cursor: Any,
    fabric_id: int,
    outcome: Outcome,
    *,
    run_id: str,
    wake_kubernetes: bool = True,
    jitter: random.Random | None = None,
) -> None:
    """Record *outcome*, inside the caller's transaction: state, history, next run, and wake-ups.

    A fabric that changed again meanwhile stays due, and its wake-up is repeated, so that it need not wait for the schedule.
    A published generation makes the Kubernetes target due; without *wake_kubernetes* it wakes nobody, because the caller
    applies it. What waits for something has not reached its generation. A sync that is not retryable, or that failed
    MAX_ATTEMPTS times, is parked, and a trigger writes its dead letter; it is retried slowly, unless only a change of the
    fabric can help. Outcomes of a dry run are not recorded.
    """
    if outcome.dry_run:
        return
    before = _locked(cursor, fabric_id, outcome.target)
    if before is None:
        return  # the fabric was deleted while it was synced: there is no state left to keep
    failed = outcome.status is OutcomeStatus.ERROR
    attempts = before.attempts
    if not _made_progress(outcome):
        attempts = attempts + 1 if failed else 0
    status, delay = _next(outcome, attempts, before.resync_seconds, jitter or random.SystemRandom())
    again = not failed and outcome.generation < before.wanted
    cursor.execute(
        _FINISH,
        {
            "status": status.value,
            "attempts": attempts,
            "run_id": run_id,
            "reason": _text(outcome.reason, _REASON_LIMIT),
            "error_class": outcome.error_class,
            "counts": jsonb(dict(outcome.counts)),
            "revision": outcome.revision,
            "waits_for": _text(outcome.waits_for) or None,
            "reached": not failed and not outcome.waits_for,
            "generation": outcome.generation,
            "wrote": _wrote(outcome),
            "again": again,
            "failed": failed,
            "delay": delay,
            "fabric_id": fabric_id,
            "target": outcome.target.value,
        },
    )
    if not failed or outcome.problems:  # a sync that could not even read anything leaves the known problems as they are
        problems.replace_rows(cursor, fabric_id, outcome.target, outcome.problems)
    if _is_news(outcome, before.reason):
        append_event(cursor, fabric_id, outcome, run_id)
    if again:
        wake_dag(cursor, outcome.target, [before.name])
    if outcome.target is Target.GIT and not failed and not outcome.waits_for:
        published = _make_kubernetes_due(cursor, fabric_id, outcome.generation)
        if published and wake_kubernetes:
            wake_dag(cursor, Target.KUBERNETES, [before.name])


@dataclass(frozen=True, slots=True)
class _Before:
    """What was recorded of a sync before its outcome, and what its fabric says."""

    attempts: int
    reason: str
    resync_seconds: int
    name: str
    wanted: int
    """The generation to reach: that of the fabric, or for a cluster the one that Git has."""


def _locked(cursor: Any, fabric_id: int, target: Target) -> _Before | None:
    """The state of a sync, locked until the transaction ends; None for a fabric that is deleted."""
    # Both rows, in the order in which the trigger of the fabric locks them.
    cursor.execute("SELECT 1 FROM hedgehog.sync_state WHERE fabric_id = %s ORDER BY target FOR UPDATE", (fabric_id,))
    cursor.execute(
        "SELECT s.attempts, s.reason, f.resync_seconds, f.name, CASE WHEN s.target = 'kubernetes' AND f.git_sync_enabled "
        "  THEN (SELECT g.observed_generation FROM hedgehog.sync_state g WHERE g.fabric_id = f.id AND g.target = 'git') "
        "  ELSE f.generation END "
        "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        "WHERE s.fabric_id = %s AND s.target = %s",
        (fabric_id, target.value),
    )
    row = cursor.fetchone()
    return _Before(*row) if row else None


def _is_news(outcome: Outcome, reason: str) -> bool:
    """Whether the history needs *outcome*: neither a sync without work nor a file held for the *reason* recorded."""
    is_held = outcome.status is OutcomeStatus.HELD and not _wrote(outcome)
    is_known = is_held and _text(outcome.reason, _REASON_LIMIT) == reason
    return outcome.status is not OutcomeStatus.SKIPPED and not is_known


def _wrote(outcome: Outcome) -> bool:
    return any(outcome.counts.get(action.value, 0) for action in WRITES)


def _next(outcome: Outcome, attempts: int, resync: int, jitter: random.Random) -> tuple[SyncStatus, float | None]:
    """The status to show, and the seconds until the next run; None if there is none without a change."""
    if outcome.status is not OutcomeStatus.ERROR:
        delay = resync * jitter.uniform(0.9, 1.1)
        return _STATUS[outcome.status], min(delay, outcome.retry_after or delay)
    if _made_progress(outcome):
        return SyncStatus.OUT_OF_SYNC, 0.0
    if not outcome.retryable or attempts >= MAX_ATTEMPTS:
        return SyncStatus.PARKED, None if _is_final(outcome) else SLOW_LOOK * jitter.uniform(0.75, 1.25)
    return SyncStatus.ERROR, backoff(attempts, BACKOFF_BASE[outcome.target], outcome.retry_after, jitter)


def _made_progress(outcome: Outcome) -> bool:
    """Whether the sync was ended by its time limit after writing something: the next run continues, and nothing failed."""
    return outcome.error_class == NotReached.__name__ and _wrote(outcome)


def _is_final(outcome: Outcome) -> bool:
    """Whether only a change of the fabric, its repository or its branch can end the trouble.

    What a cluster refuses may be valid for its next version, and all other causes lie elsewhere: a missing definition, a
    permission, a credential, a repository.
    """
    return outcome.target is Target.GIT and outcome.error_class == InvalidInput.__name__


def backoff(attempts: int, base: float, retry_after: float | None, jitter: random.Random) -> float:
    """Seconds until the next attempt after *attempts* failed ones: what the server asks for, or else *base*, doubled with
    each attempt, with full jitter."""
    ceiling = min(2 ** min(attempts - 1, _MOST_DOUBLINGS) * base, BACKOFF_CAP)
    return max(BACKOFF_FLOOR, retry_after if retry_after is not None else jitter.uniform(0, ceiling))


def append_event(cursor: Any, fabric_id: int, outcome: Outcome, run_id: str) -> None:
    """Add *outcome* to the history; the state stays as it is."""
    cursor.execute(
        "INSERT INTO hedgehog.sync_event (fabric_id, fabric, target, status, generation, revision, commit_id, counts, "
        "reason, error_class, details, run_id, duration) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            fabric_id,
            outcome.fabric,
            outcome.target.value,
            outcome.status.value,
            outcome.generation,
            outcome.revision,
            outcome.commit,
            jsonb(dict(outcome.counts)),
            _text(outcome.reason, _REASON_LIMIT),
            outcome.error_class,
            jsonb([_text(line) for line in outcome.details[:_DETAIL_LIMIT]]),
            run_id,
            outcome.duration,
        ),
    )


def _text(text: str, limit: int = _TEXT_LIMIT) -> str:
    """*text*, cut, in a form that PostgreSQL can store: an outcome may quote anything, and must be recorded."""
    return text[:limit].encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _make_kubernetes_due(cursor: Any, fabric_id: int, generation: int) -> bool:
    """Have a published *generation* applied where it is not yet; whether there is anything to apply."""
    cursor.execute(
        "UPDATE hedgehog.sync_state s SET due_at = now(), attempts = 0 FROM hedgehog.fabric f "
        "WHERE f.id = s.fabric_id AND f.id = %s AND s.target = 'kubernetes' AND f.enable_k8s_sync "
        "AND s.observed_generation < %s RETURNING 1",
        (fabric_id, generation),
    )
    return cursor.fetchone() is not None


@dataclass(frozen=True, slots=True)
class SyncState:
    """The latest state of one fabric at one target, as operators see it."""

    fabric: str
    target: Target
    status: SyncStatus
    generation: int
    observed_generation: int
    revision: str | None
    counts: dict[str, int]
    reason: str
    error_class: str | None
    attempts: int
    due_at: datetime | None
    """None if no run is scheduled: disabled, suspended without an end, or parked until the fabric changes."""
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    last_change_at: datetime | None
    run_id: str | None
    waits_for: str = ""
    """What has to happen before the target reaches the generation."""


def states(connection: Connection, names: Sequence[str] | None = None) -> list[SyncState]:
    """The state of every enabled fabric and target, by name; that of a suspended fabric is `suspended`."""
    query = (
        "SELECT f.name, s.target, CASE WHEN NOT (" + NOT_SUSPENDED + ") THEN 'suspended' "
        "WHEN s.status = 'in_sync' AND s.observed_generation < f.generation THEN 'out_of_sync' ELSE s.status END, f.generation, "
        "s.observed_generation, s.revision, s.counts, s.reason, s.error_class, s.attempts, nullif(s.due_at, 'infinity'), "
        "s.last_attempt_at, s.last_success_at, s.last_change_at, s.run_id, coalesce(s.waits_for, '') "
        "FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
        "WHERE (CASE s.target WHEN 'git' THEN f.git_sync_enabled ELSE f.enable_k8s_sync END) "
        "AND (%(names)s::text[] IS NULL OR f.name = ANY(%(names)s)) ORDER BY f.name, s.target"
    )
    with transaction(connection) as cursor:
        cursor.execute(query, {"names": list(names) if names is not None else None})
        return [SyncState(row[0], Target(row[1]), SyncStatus(row[2]), *row[3:]) for row in cursor.fetchall()]
