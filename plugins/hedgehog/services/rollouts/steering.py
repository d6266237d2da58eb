"""What people do with a rollout that has begun: pause, resume, approve, abort it, or take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgehog.errors import InvalidInput
from hedgehog.fabric.rollouts import CHANGED, OPEN, MemberState, RolloutState
from hedgehog.services.rollouts.take_back import TakeBack, refuse_in_another, take_back
from hedgehog.store import rollouts as store
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.rollouts import RolloutRow


def pause_rollout(connection: Connection, name: str, *, reason: str, actor: str, now: datetime) -> RolloutRow:
    """Let no further fabric begin; what has begun goes on, unwatched. Raises NotFound, InvalidInput if it is over."""
    states = (RolloutState.RUNNING, RolloutState.APPROVAL, RolloutState.PAUSED)
    return _move(connection, name, _Act("pause-rollout", RolloutState.PAUSED, states, reason or "paused", actor, now))


def resume_rollout(connection: Connection, name: str, *, reason: str, actor: str, now: datetime) -> RolloutRow:
    """Go on with a paused rollout. Fabrics that failed are watched again for as long as any. Raises NotFound, InvalidInput."""
    row = store.load_rollout(connection, name)
    with transaction(connection) as cursor:
        again = {
            one.member.fabric: (MemberState.STORED if one.stored_at else MemberState.PENDING, "")
            for one in store.members_of(connection, row.id)
            if one.member.state is MemberState.FAILED
        }
        store.move_members(cursor, row.id, again, now=now)
        act = _Act("resume-rollout", RolloutState.RUNNING, [RolloutState.PAUSED], reason, actor, now)
        return _move(connection, name, act)


def approve_rollout(
    connection: Connection, name: str, *, wave: int | None = None, reason: str, actor: str, now: datetime
) -> RolloutRow:
    """Let the next wave of a rollout begin, which waits for that. With *wave*, only if it is that one.

    Raises NotFound, InvalidInput when it waits for nothing.
    """
    row = store.load_rollout(connection, name)
    next_wave = store.loaded(connection, row).wave
    if row.state is not RolloutState.APPROVAL or next_wave is None or wave not in (None, next_wave):
        raise InvalidInput(f"rollout {row.name} is {row.state}: nothing of it waits to be approved")
    with transaction(connection) as cursor:
        store.approve_wave(cursor, row.id, next_wave)
        act = _Act("approve-rollout", RolloutState.RUNNING, [RolloutState.APPROVAL], reason, actor, now)
        return _move(connection, name, act)


def abort_rollout(connection: Connection, name: str, *, reason: str, actor: str, now: datetime) -> RolloutRow:
    """End a rollout where it is: what has the change keeps it, nothing else gets it. Raises NotFound, InvalidInput."""
    row = store.load_rollout(connection, name)
    with transaction(connection) as cursor:
        moves = {
            one.member.fabric: (MemberState.SKIPPED, "the rollout was aborted before its turn")
            for one in store.members_of(connection, row.id)
            if one.member.state is MemberState.PENDING
        }
        store.move_members(cursor, row.id, moves, now=now)
        act = _Act("abort-rollout", RolloutState.ABORTED, OPEN, reason or "aborted", actor, now)
        return _move(connection, name, act)


def roll_back_rollout(
    connection: Connection, name: str, *, reason: str, actor: str, run_id: str, now: datetime
) -> tuple[RolloutRow, dict[str, str]]:
    """Give every fabric that has the change what it had before; by name what was left there, and why.

    Nothing begins meanwhile. Raises NotFound, InvalidInput for a rollout that was taken back, and for a fabric that is
    in another one by now.
    """
    row = store.load_rollout(connection, name)
    if row.state is RolloutState.ROLLED_BACK:
        raise InvalidInput(f"rollout {row.name} was taken back already")
    members = store.members_of(connection, row.id)
    refuse_in_another(connection, row, members)
    with transaction(connection) as cursor:
        if row.state in OPEN:
            store.move_rollout(cursor, row.id, RolloutState.PAUSED, reason="it is taken back", now=now, expected=OPEN)
        record_action(cursor, Deed(actor=actor, action="roll-back-rollout", subjects=[row.name], reason=reason))
    names = [one.member.fabric for one in members if one.member.state in CHANGED]
    said = f"taken back by {actor}{f': {reason}' if reason else ''}"
    left = take_back(connection, row, names, TakeBack(actor, said, reason, run_id, now))
    return store.load_rollout(connection, str(row.id)), left


@dataclass(frozen=True, slots=True)
class _Act:
    """What somebody does with a rollout."""

    action: str
    state: RolloutState
    expected: Sequence[RolloutState]
    reason: str
    actor: str
    now: datetime


def _move(connection: Connection, name: str, act: _Act) -> RolloutRow:
    row = store.load_rollout(connection, name)
    with transaction(connection) as cursor:
        if not store.move_rollout(cursor, row.id, act.state, reason=act.reason, now=act.now, expected=act.expected):
            raise InvalidInput(f"rollout {row.name} is {row.state}; {_what_works(row)}")
        record_action(cursor, Deed(actor=act.actor, action=act.action, subjects=[row.name], reason=act.reason))
    return store.load_rollout(connection, str(row.id))


def _what_works(row: RolloutRow) -> str:
    if row.state in OPEN:
        return f"see `hedgehog rollout show {row.name}`"
    return "it is over; `hedgehog rollout rollback` takes back what it did"
