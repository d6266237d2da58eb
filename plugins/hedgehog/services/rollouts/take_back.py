"""A rollout is taken back: each fabric gets the objects that it had before, where nobody has changed them since."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgehog.errors import InvalidInput, NotFound, RetryableError
from hedgehog.fabric.model import Fabric, ObjectRef, SourceOfTruth
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import CHANGED, OPEN, MemberState, RolloutState
from hedgehog.services.failures import as_ours
from hedgehog.services.steer.rollback import former_state, store_former
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import history
from hedgehog.store import objects as object_store
from hedgehog.store import rollouts as store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin
from hedgehog.store.rollouts import RolloutRow, StoredMember

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Who takes a rollout back, why, and when."""

    actor: str
    reason: str
    """Of the state that the rollout comes into."""
    why: str
    """Of the change of each fabric."""
    run_id: str
    now: datetime


def take_back(connection: Connection, row: RolloutRow, names: Sequence[str], act: TakeBack) -> dict[str, str]:
    """Store in each of the fabrics what it had before the rollout, and end the rollout; by name what was left, and why.

    A rollback for each fabric, in a transaction of its own. A fabric that failed is marked with the end of the rollout,
    so that a run that is killed in between is followed by one that takes back the rest. An object that somebody changed
    since stays as it is; so does a fabric that cannot be rolled back here, which is marked as failed.
    """
    left: dict[str, str] = {}
    last: dict[str, tuple[MemberState, str]] = {}
    for one in store.members_of(connection, row.id, fabrics=names):
        if one.member.state not in CHANGED:
            continue
        name, state = one.member.fabric, MemberState.TAKEN_BACK
        try:
            kept = _restore(connection, row, one, act)
        except RetryableError:  # the next run takes back the rest
            raise
        except Exception as error:  # whatever is wrong with one fabric, the others are taken back
            reason = "; ".join(str(as_ours(name, error)).splitlines())
            logger.warning("%s: %s", name, reason)
            state, left[name] = MemberState.FAILED, f"it was not taken back: {reason}"
        else:
            if kept:
                left[name] = f"{', '.join(map(str, kept))} was changed since, and stays as it is"
        move = {name: (state, left.get(name, ""))}
        if one.member.state is MemberState.FAILED:
            last |= move
            continue
        with transaction(connection) as cursor:
            store.move_members(cursor, row.id, move, now=act.now)
    with transaction(connection) as cursor:
        store.move_members(cursor, row.id, _the_rest(connection, row) | last, now=act.now)
        every = [*OPEN, RolloutState.DONE, RolloutState.ABORTED]
        store.move_rollout(cursor, row.id, RolloutState.ROLLED_BACK, reason=act.reason, now=act.now, expected=every)
    return left


def _the_rest(connection: Connection, row: RolloutRow) -> dict[str, tuple[MemberState, str]]:
    """The fabrics whose turn never came."""
    members = store.members_of(connection, row.id)
    pending = [one.member.fabric for one in members if one.member.state is MemberState.PENDING]
    return dict.fromkeys(pending, (MemberState.SKIPPED, "the rollout was taken back before its turn"))


def _restore(connection: Connection, row: RolloutRow, one: StoredMember, act: TakeBack) -> list[ObjectRef]:
    """Give a fabric the objects that it had before; those that somebody changed since, which stay."""
    if one.base_generation is None or one.base_generation == one.generation:
        return []
    with transaction(connection) as cursor:
        found = fabric_store.load_fabrics(connection, [one.member.fabric])
        if not found or found[0].id != one.fabric_id:
            return []
        fabric = found[0]
        if fabric.source_of_truth is SourceOfTruth.GIT:
            raise InvalidInput("its source of truth is Git by now; `hedgehog rollback` makes a commit there")
        object_store.lock_objects(cursor, fabric.id)
        back, kept = _ours(connection, fabric, one)
        if back:
            step = former_state(connection, fabric.name, str(one.base_generation), back, now=act.now)
            why = f"rollout {row.name} is taken back{f': {act.why}' if act.why else ''}"[:1000]
            set_origin(cursor, Origin(who=act.actor, via=Via.ROLLOUT, why=why, run=act.run_id[:250] or None))
            store_former(connection, step)
    return kept


def _ours(connection: Connection, fabric: Fabric, one: StoredMember) -> tuple[list[ObjectRef], list[ObjectRef]]:
    """The objects that the rollout changed: those that are as it left them, and those that somebody changed since."""
    base, made = (
        history.of_generation(connection, fabric.id, generation or 0)
        for generation in (one.base_generation, one.generation)
    )
    newest = history.newest(connection, fabric.id)
    if made is None or newest is None:
        raise NotFound(f"its history has no generation {one.generation}")
    first = base.id if base else 0

    def differing(older: int, newer: int) -> set[ObjectRef]:
        before, after = history.differing(connection, fabric.id, older, newer)
        return {*before, *after}

    ours, since, still = differing(first, made.id), differing(made.id, newest.id), differing(first, newest.id)
    return sorted(ours - since), sorted(ours & since & still)


def refuse_in_another(connection: Connection, row: RolloutRow, members: Sequence[StoredMember]) -> None:
    """Raise InvalidInput when a fabric that would be taken back is in another rollout by now."""
    ids = [one.fabric_id for one in members if one.member.state in CHANGED]
    for fabric, other in store.open_memberships(connection, ids).items():
        if other != row.name or row.ended_at is not None:
            raise InvalidInput(f"{fabric} is in the rollout {other}; end that one first")
