"""The turn of a fabric: its change is stored, and its targets follow as with any other change."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgehog.errors import InvalidInput, RetryableError
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import MemberState
from hedgehog.services import waits
from hedgehog.services.failures import as_ours
from hedgehog.services.rollouts.start import refuse_unfit
from hedgehog.services.rollouts.template import FabricChange, change_for
from hedgehog.services.validation import FindRefusals, find_refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store import rollouts as store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.health import Scope, latest
from hedgehog.store.origins import set_origin
from hedgehog.store.rollouts import RolloutRow, StoredMember

logger = logging.getLogger(__name__)


def store_changes(
    connection: Connection,
    row: RolloutRow,
    names: Sequence[str],
    *,
    run_id: str,
    now: datetime,
    find_refusals: FindRefusals = find_refusals,
) -> list[str]:
    """Store the change in those of the fabrics whose turn it is; their names.

    Each in a transaction of its own, with what there was before: a run that is killed has done all of a fabric or nothing.
    One that cannot have the change any more fails alone; one that is frozen or outside of its windows is left pending,
    and so is one that somebody else works on.
    """
    waiting = waits.waits(connection, names, now=now)
    health = {one.name: one.health.value for one in latest(connection, Scope.FABRIC, names)}
    turn = _Turn(run_id, now, find_refusals)
    done = []
    for one in store.members_of(connection, row.id, fabrics=names):
        if one.member.state is not MemberState.PENDING or one.member.fabric in waiting:
            continue
        try:
            _store(connection, row, one, health.get(one.member.fabric), turn)
            done.append(one.member.fabric)
        except RetryableError as error:  # nothing is wrong with the fabric
            logger.warning("%s stays pending: %s", one.member.fabric, error)
        except Exception as error:  # whatever is wrong with one fabric, the others have their turn
            reason = "; ".join(str(as_ours(one.member.fabric, error)).splitlines())
            logger.warning("%s: %s", one.member.fabric, reason)
            with transaction(connection) as cursor:
                store.move_members(cursor, row.id, {one.member.fabric: (MemberState.FAILED, reason)}, now=now)
    return done


@dataclass(frozen=True, slots=True)
class _Turn:
    """What all fabrics of a call share."""

    run_id: str
    now: datetime
    find_refusals: FindRefusals


def _store(connection: Connection, row: RolloutRow, one: StoredMember, health: str | None, turn: _Turn) -> None:
    with transaction(connection) as cursor:
        set_origin(cursor, origin_of(row, turn.run_id))
        fabric = fabric_store.load_fabric(connection, one.member.fabric)
        if fabric.id != one.fabric_id:
            raise InvalidInput(f"{fabric.name} was deleted and made again since the rollout was planned")
        object_store.lock_objects(cursor, fabric.id)
        base = fabric_store.load_fabric(connection, fabric.name).generation
        before = _objects(connection, fabric.id)
        change = change_for(row.change, fabric, one.variables)
        refuse_unfit(fabric, change, before, turn.find_refusals)
        _write(connection, fabric.id, change)
        generation = fabric_store.load_fabric(connection, fabric.name).generation
        stored = store.record_stored(
            cursor, row.id, fabric.name, generation=generation, base_generation=base, health=health, now=turn.now
        )
        if not stored:
            raise InvalidInput(f"{fabric.name} was moved by another run")


def origin_of(row: RolloutRow, run_id: str) -> Origin:
    """What the history says of a change by a rollout."""
    return Origin(who=row.started_by, via=Via.ROLLOUT, why=f"rollout {row.name}: {row.why}"[:1000], run=run_id[:250])


def _objects(connection: Connection, fabric_id: int) -> dict[ObjectRef, Manifest]:
    return {found.ref: found.manifest for found in object_store.load_objects(connection, [fabric_id])[fabric_id]}


def _write(connection: Connection, fabric_id: int, change: FabricChange) -> None:
    object_store.save_objects(connection, fabric_id, change.manifests.values())
    object_store.delete_objects(connection, fabric_id, change.delete)
