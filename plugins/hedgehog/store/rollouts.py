"""Rollouts and their fabrics: what was decided, how far each is, and which run moves them on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg2.errors
import psycopg2.extras

from hedgehog.errors import AlreadyExists, NotFound
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.rollouts import (
    BEHIND_IT,
    Approve,
    Member,
    MemberState,
    OnFailure,
    Rollout,
    RolloutPolicy,
    RolloutState,
)
from hedgehog.fabric.selectors import Selector
from hedgehog.store.database import Connection, jsonb, transaction

LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class NewMember:
    """A fabric of a rollout that is about to begin."""

    fabric: str
    fabric_id: int
    wave: int
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A rollout without its fabrics."""

    id: int
    name: str
    change: dict[str, Any]
    digest: str
    selector: Selector
    policy: RolloutPolicy
    state: RolloutState
    reason: str
    why: str
    approved_wave: int
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    driven_by: str | None
    moved_at: datetime
    """When it came into its state."""


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A fabric of a rollout, with what the change did to it."""

    member: Member
    fabric_id: int
    variables: Mapping[str, Any]
    stored_at: datetime | None
    generation: int | None
    """The generation that the change made; its targets must reach it."""
    base_generation: int | None
    """The generation that it was made from."""
    health: str | None
    """Its health when the change was stored."""


_FIELDS = (
    "id, name, change, digest, selector, soak, timeout, approve, on_failure, state, reason, why, approved_wave, "
    "started_by, started_at, ended_at, driven_by, moved_at"
)


def _row(row: Sequence[Any]) -> RolloutRow:
    policy = RolloutPolicy(soak=row[5], timeout=row[6], approve=Approve(row[7]), on_failure=OnFailure(row[8]))
    selector, state = Selector.of(row[4]), RolloutState(row[9])
    return RolloutRow(row[0], row[1], row[2], row[3], selector, policy, state, *row[10:])


def add_rollout(
    cursor: Any,
    name: str,
    change: Mapping[str, Any],
    members: Sequence[NewMember],
    *,
    digest: str,
    selector: Selector,
    policy: RolloutPolicy,
    why: str,
    actor: str,
) -> int:
    """Store a rollout that begins, inside the caller's transaction; its id.

    Raises AlreadyExists for the name of an open rollout, and for a fabric that is in one.
    """
    try:
        cursor.execute(
            "INSERT INTO hedgehog.rollout (name, change, digest, selector, soak, timeout, approve, on_failure, why, started_by) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                name,
                jsonb(change),
                digest,
                jsonb(selector.as_data()),
                policy.soak,
                policy.timeout,
                policy.approve.value,
                policy.on_failure.value,
                why,
                actor,
            ),
        )
        rollout_id = int(cursor.fetchone()[0])
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO hedgehog.rollout_fabric (rollout_id, fabric, fabric_id, wave, variables) VALUES %s",
            [(rollout_id, one.fabric, one.fabric_id, one.wave, jsonb(dict(one.variables))) for one in members],
            page_size=1000,
        )
    except psycopg2.errors.UniqueViolation as error:
        what = "a fabric of it is in another one" if "in_one_rollout" in str(error) else "one of this name is open"
        raise AlreadyExists(f"rollout {name}: {what}; `hedgehog rollout list` shows all") from error
    return rollout_id


def open_memberships(connection: Connection, fabric_ids: Sequence[int]) -> dict[str, str]:
    """Those of the fabrics that are in an open rollout, and its name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT m.fabric, r.name FROM hedgehog.rollout_fabric m JOIN hedgehog.rollout r ON r.id = m.rollout_id "
            "WHERE m.open AND m.fabric_id = ANY(%s) ORDER BY m.fabric",
            (list(fabric_ids),),
        )
        return dict(cursor.fetchall())


def load_rollout(connection: Connection, name: str) -> RolloutRow:
    """The rollout of this name or number; of several the newest. Raises NotFound, with similar names."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_FIELDS} FROM hedgehog.rollout WHERE name = %s OR id::text = %s ORDER BY id DESC LIMIT 1",
            (name, name),
        )
        row = cursor.fetchone()
        if row is not None:
            return _row(row)
        cursor.execute("SELECT DISTINCT name FROM hedgehog.rollout ORDER BY 1 LIMIT 10000")
        known = [one for (one,) in cursor.fetchall()]
    raise NotFound(
        f"there is no rollout {name!r}; {did_you_mean(name, known, otherwise='`hedgehog rollout list` shows them all')}"
    )


def rollout_rows(connection: Connection, *, open_only: bool, limit: int) -> list[tuple[RolloutRow, dict[str, int]]]:
    """Rollouts, the newest first, each with the number of its fabrics in each state."""
    with transaction(connection) as cursor:
        cursor.execute(
            f"SELECT {_FIELDS}, (SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n "
            "FROM hedgehog.rollout_fabric m WHERE m.rollout_id = r.id GROUP BY state) c) FROM hedgehog.rollout r "
            "WHERE NOT %s OR ended_at IS NULL ORDER BY id DESC LIMIT %s",
            (open_only, limit),
        )
        return [(_row(row[:-1]), row[-1] or {}) for row in cursor.fetchall()]


def wave_positions(connection: Connection, rollout_ids: Sequence[int]) -> dict[int, tuple[int | None, int]]:
    """For each rollout the wave that is under way, counted from 0 (None when all have ended), and how many there are."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT rollout_id, min(wave) FILTER (WHERE state <> ALL(%s)), max(wave) + 1 FROM hedgehog.rollout_fabric "
            "WHERE rollout_id = ANY(%s) GROUP BY rollout_id",
            ([one.value for one in BEHIND_IT], list(rollout_ids)),
        )
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def members_of(
    connection: Connection, rollout_id: int, *, fabrics: Sequence[str] | None = None, wave: int | None = None
) -> list[StoredMember]:
    """The fabrics of a rollout, or those named, or of one wave; by wave and name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT fabric, wave, state, moved_at, reason, fabric_id, variables, stored_at, generation, base_generation, health "
            "FROM hedgehog.rollout_fabric WHERE rollout_id = %(id)s AND (%(fabrics)s::text[] IS NULL OR fabric = ANY(%(fabrics)s)) "
            "AND (%(wave)s::integer IS NULL OR wave = %(wave)s) ORDER BY wave, fabric",
            {"id": rollout_id, "fabrics": list(fabrics) if fabrics is not None else None, "wave": wave},
        )
        return [
            StoredMember(Member(row[0], row[1], MemberState(row[2]), row[3], row[4]), *row[5:])
            for row in cursor.fetchall()
        ]


def loaded(connection: Connection, row: RolloutRow) -> Rollout:
    """The rollout as `decide` takes it."""
    members = tuple(one.member for one in members_of(connection, row.id))
    return Rollout(row.state, row.policy, members, row.approved_wave)


def record_stored(
    cursor: Any,
    rollout_id: int,
    fabric: str,
    *,
    generation: int,
    base_generation: int,
    health: str | None,
    now: datetime,
) -> bool:
    """The fabric wants the change now, inside the caller's transaction; False when it is not its turn any more."""
    cursor.execute(
        "UPDATE hedgehog.rollout_fabric SET state = 'stored', reason = '', moved_at = %s, stored_at = %s, generation = %s, "
        "base_generation = %s, health = %s WHERE rollout_id = %s AND fabric = %s AND state = 'pending'",
        (now, now, generation, base_generation, health, rollout_id, fabric),
    )
    return bool(cursor.rowcount)


def move_members(cursor: Any, rollout_id: int, moves: Mapping[str, tuple[MemberState, str]], *, now: datetime) -> None:
    """Bring fabrics into other states, each with the reason, inside the caller's transaction."""
    rows = [(name, state.value, reason[:LONGEST_REASON]) for name, (state, reason) in sorted(moves.items())]
    if rows:
        names, states, reasons = zip(*rows, strict=True)
        cursor.execute(
            "UPDATE hedgehog.rollout_fabric m SET state = v.state, reason = v.reason, moved_at = %s "
            "FROM unnest(%s::text[], %s::text[], %s::text[]) AS v (fabric, state, reason) "
            "WHERE m.rollout_id = %s AND m.fabric = v.fabric",
            (now, list(names), list(states), list(reasons), rollout_id),
        )


def move_rollout(
    cursor: Any, rollout_id: int, state: RolloutState, *, reason: str, now: datetime, expected: Iterable[RolloutState]
) -> bool:
    """Bring a rollout into another state, inside the caller's transaction; False when it is in none of *expected*."""
    cursor.execute(
        "UPDATE hedgehog.rollout SET state = %(state)s, reason = %(reason)s, moved_at = %(now)s, "
        "driven_by = CASE WHEN state = 'running' AND %(state)s = 'running' THEN driven_by END, "
        "driven_until = CASE WHEN state = 'running' AND %(state)s = 'running' THEN driven_until END, "
        "ended_at = CASE WHEN %(state)s IN ('done', 'aborted', 'rolled_back') THEN coalesce(ended_at, %(now)s) END "
        "WHERE id = %(id)s AND state = ANY(%(expected)s)",
        {
            "state": state.value,
            "reason": reason[:LONGEST_REASON],
            "now": now,
            "id": rollout_id,
            "expected": [one.value for one in expected],
        },
    )
    return bool(cursor.rowcount)


def approve_wave(cursor: Any, rollout_id: int, wave: int) -> None:
    """Let the waves up to *wave* begin, inside the caller's transaction."""
    cursor.execute(
        "UPDATE hedgehog.rollout SET approved_wave = greatest(approved_wave, %s) WHERE id = %s", (wave, rollout_id)
    )


def turns(connection: Connection, names: Sequence[str]) -> dict[str, list[str]]:
    """Those of the fabrics that wait for their turn in an open rollout, by its name."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT r.id::text, array_agg(m.fabric ORDER BY m.fabric) FROM hedgehog.rollout_fabric m "
            "JOIN hedgehog.rollout r ON r.id = m.rollout_id WHERE m.open AND m.state = 'pending' AND r.state = 'running' "
            "AND m.fabric = ANY(%s) GROUP BY r.id ORDER BY r.id",
            (list(names),),
        )
        return dict(cursor.fetchall())


# Who drives ---------------------------------------------------------------------------------------------------------

_UNDRIVEN = "state = 'running' AND coalesce(driven_until < now(), true)"
_UNASKED = "state = 'approval' AND coalesce(driven_until < now(), true)"


def undriven(connection: Connection) -> list[str]:
    """The names of the rollouts that no run moves on, or asks about."""
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT name FROM hedgehog.rollout WHERE {_UNDRIVEN} OR {_UNASKED} ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def take_rollouts(connection: Connection, *, run_id: str, lease: timedelta) -> list[int]:
    """Take the running rollouts that no run moves on; their ids. They are free again after *lease*, if it is not renewed."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.rollout r SET driven_by = %s, driven_until = now() + %s FROM (SELECT id FROM hedgehog.rollout "
            f"WHERE {_UNDRIVEN} OR state = 'running' AND driven_by = %s ORDER BY id FOR UPDATE SKIP LOCKED) free "
            "WHERE r.id = free.id RETURNING r.id",
            (run_id, lease, run_id),
        )
        return sorted(row[0] for row in cursor.fetchall())


def renew(connection: Connection, rollout_ids: Sequence[int], *, run_id: str, lease: timedelta) -> None:
    """Keep rollouts for another *lease*."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.rollout SET driven_until = now() + %s WHERE id = ANY(%s) AND driven_by = %s",
            (lease, list(rollout_ids), run_id),
        )


def take_approvals(connection: Connection, *, run_id: str, lease: timedelta) -> list[str]:
    """Take the rollouts that wait to be approved and that nobody is asked about; their numbers. They are free after *lease*."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.rollout r SET driven_by = %s, driven_until = now() + %s FROM (SELECT id FROM hedgehog.rollout "
            f"WHERE {_UNASKED} OR state = 'approval' AND driven_by = %s ORDER BY id FOR UPDATE SKIP LOCKED) free "
            "WHERE r.id = free.id RETURNING r.id::text",
            (run_id, lease, run_id),
        )
        return sorted((row[0] for row in cursor.fetchall()), key=int)


def let_go(connection: Connection, rollout_ids: Sequence[int], *, run_id: str) -> None:
    """Leave rollouts to the next run, which is woken for what it can do."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.rollout SET driven_by = NULL, driven_until = NULL WHERE id = ANY(%s) AND driven_by = %s",
            (list(rollout_ids), run_id),
        )
