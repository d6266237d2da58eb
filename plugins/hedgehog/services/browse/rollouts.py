"""Rollouts as pages show them: how far each is, wave by wave and fabric by fabric, and what people can do with it now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from hedgehog.fabric.differences import without_secrets
from hedgehog.fabric.render import dump
from hedgehog.fabric.rollouts import BEHIND_IT, MemberState, RolloutState, counts_by_state
from hedgehog.store import rollouts as store
from hedgehog.store.database import Connection
from hedgehog.store.listings.keyset import Row
from hedgehog.store.rollouts import RolloutRow, StoredMember

_ALWAYS = ("abort-rollout", "rollback-rollout")
POSSIBLE: Mapping[RolloutState, tuple[str, ...]] = {
    RolloutState.RUNNING: ("pause-rollout", *_ALWAYS),
    RolloutState.PAUSED: ("resume-rollout", *_ALWAYS),
    RolloutState.APPROVAL: ("approve-rollout", "pause-rollout", *_ALWAYS),
    RolloutState.DONE: ("rollback-rollout",),
    RolloutState.ABORTED: ("rollback-rollout",),
    RolloutState.ROLLED_BACK: (),
}
"""The actions of the API that change a rollout in each state, the most likely first."""


def rollout_list(connection: Connection, *, open_only: bool, limit: int) -> list[Row]:
    """At most *limit* rollouts, the newest first."""
    found = store.rollout_rows(connection, open_only=open_only, limit=limit)
    positions = store.wave_positions(connection, [row.id for row, _ in found])
    return [_summary(row, counts, *positions.get(row.id, (None, 0))) for row, counts in found]


def rollout_detail(connection: Connection, name: str) -> Row:
    """A rollout with its change, its waves and its fabrics. Raises NotFound, with similar names."""
    row = store.load_rollout(connection, name)
    members = store.members_of(connection, row.id)
    wave = min((one.member.wave for one in members if one.member.state not in BEHIND_IT), default=None)
    waves = max((one.member.wave for one in members), default=-1) + 1
    counts = counts_by_state(one.member for one in members)
    return {
        **_summary(row, counts, wave, waves),
        "text": b"---\n".join(dump(without_secrets(one)) for one in row.change["manifests"]).decode(),
        "deletes": list(row.change["delete"]),
        "fabrics": [_member(row, one) for one in members],
    }


def _summary(row: RolloutRow, counts: Mapping[str, int], wave: int | None, waves: int) -> Row:
    return {
        "number": row.id,
        "name": row.name,
        "state": row.state,
        "reason": row.reason,
        "why": row.why,
        "selector": str(row.selector),
        "digest": row.digest,
        "counts": dict(counts),
        "total": sum(counts.values()),
        "wave": None if wave is None or row.ended_at is not None else wave + 1,
        "waves": waves,
        "soak_seconds": _seconds(row.policy.soak),
        "timeout_seconds": _seconds(row.policy.timeout),
        "approve": row.policy.approve,
        "on_failure": row.policy.on_failure,
        "started_by": row.started_by,
        "started_at": row.started_at,
        "moved_at": row.moved_at,
        "ended_at": row.ended_at,
        "actions": list(POSSIBLE[row.state]),
    }


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _member(row: RolloutRow, one: StoredMember) -> Row:
    return {
        "fabric": one.member.fabric,
        "wave": one.member.wave + 1,
        "state": one.member.state,
        "since": one.member.moved_at,
        "reason": one.member.reason,
        "generation": one.generation,
        "ends_at": _ends_at(row, one),
    }


def _ends_at(row: RolloutRow, one: StoredMember) -> datetime | None:
    """When a fabric has soaked, or fails because it has not converged; None while nothing of it is watched."""
    since = one.member.moved_at
    if since is None or row.state is not RolloutState.RUNNING:
        return None
    spans = {MemberState.STORED: row.policy.timeout, MemberState.CONVERGED: row.policy.soak}
    span = spans.get(one.member.state)
    return since + span if span is not None else None
