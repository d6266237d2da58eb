"""Drift as the watch sees it: what others do to objects in a cluster, compared at once with what we applied there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from hedgehog.errors import RetryableError
from hedgehog.fabric.canonical import differs
from hedgehog.fabric.drift_detection import Drift, drift_of_foreign, drift_of_owned, is_gone
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import UnreadableSettings
from hedgehog.services.kubernetes.drift_policy import stored_form
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import installations, open_drift
from hedgehog.store.database import Connection, transaction

logger = logging.getLogger(__name__)

Seen = Mapping[ObjectRef, Manifest | None]
"""Objects as they were seen in a cluster; None: it is not there."""


@dataclass(frozen=True, slots=True)
class DriftUpdate:
    """The fabrics whose cluster must be checked, and the objects that could not be compared yet."""

    woken: tuple[str, ...] = ()
    deferred: frozenset[ObjectRef] = frozenset()


def update_drift(connection: Connection, connection_id: str, seen: Seen) -> DriftUpdate:
    """Compare what was seen in a cluster with what we applied, and keep the table up to date.

    Objects of a fabric that a run works on are deferred: until it is done, nobody can tell its writes from others'.
    A fabric is woken, and made due, when a drift of it is new, differs from the one known, or ended. Comparing the same
    again changes nothing.
    """
    # First: what these runs did is in the inventory afterwards.
    synced = open_drift.synced_now(connection, connection_id)
    applied = open_drift.inventory_entries(connection, connection_id, seen.keys())
    deferred = {ref for ref in seen if synced and (ref not in applied or applied[ref].fabric_id in synced)}
    rest = {ref: live for ref, live in seen.items() if ref not in deferred}
    found = _departures(connection, connection_id, rest, applied)
    before = open_drift.recorded(connection, connection_id, rest.keys())
    new = {ref: one for ref, one in found.items() if ref not in before or _news(one, before[ref])}
    ended = before.keys() - found.keys()
    moved = [one for ref, one in found.items() if ref not in new and one.differences != before[ref].differences]
    if not new and not ended and not moved:
        return DriftUpdate((), frozenset(deferred))
    concerned = {one.fabric_id for one in [*new.values(), *(before[ref] for ref in ended)] if one.fabric_id is not None}
    with transaction(connection) as cursor:
        open_drift.note(cursor, connection_id, [*new.values(), *moved])  # other values at the same places wake nobody
        open_drift.forget(cursor, connection_id, ended)
        woken = open_drift.make_due(cursor, concerned) if concerned else []
    for one in new.values():
        logger.info("%s: %s", connection_id, one)
    return DriftUpdate(tuple(woken), frozenset(deferred))


def update_drift_halving(connection: Connection, connection_id: str, seen: Seen) -> DriftUpdate:
    """`update_drift`, but an object that cannot be compared is found by halving, and left to the syncs of its fabric."""
    try:
        return update_drift(connection, connection_id, seen)
    except RetryableError:  # the fabric database is unreachable
        raise
    except Exception:
        refs = list(seen)
        if len(refs) == 1:
            logger.exception("%s: %s cannot be compared", connection_id, refs[0])
            return DriftUpdate()
    halves = (refs[: len(refs) // 2], refs[len(refs) // 2 :])
    first, second = (
        update_drift_halving(connection, connection_id, {ref: seen[ref] for ref in half}) for half in halves
    )
    return DriftUpdate((*first.woken, *second.woken), first.deferred | second.deferred)


def _news(one: Drift, before: Drift) -> bool:
    return (one.state, one.fabric_id, one.paths, one.manager) != (
        before.state,
        before.fabric_id,
        before.paths,
        before.manager,
    )


def _departures(
    connection: Connection,
    connection_id: str,
    seen: Seen,
    applied: Mapping[ObjectRef, open_drift.InventoryEntry],
) -> dict[ObjectRef, Drift]:
    suspects = {
        ref: live
        for ref, live in seen.items()
        if ref in applied and (is_gone(live) or differs(applied[ref].manifest, live or {}))
    }
    strangers = {ref: live for ref, live in seen.items() if ref not in applied}
    foreign: dict[ObjectRef, Drift] = {}
    if strangers:
        ours = installations.load(connection)
        foreign = {ref: drift for ref, live in strangers.items() if (drift := drift_of_foreign(ref, live, ours))}
    wanted = open_drift.wanted(connection, connection_id, foreign.keys()) if foreign else set()
    names = {applied[ref].fabric for ref in suspects}
    owners = fabric_store.load_fabrics(connection, sorted(names)) if names else []
    settings = {one.id: one.settings for one in owners if not isinstance(one.settings, UnreadableSettings)}
    found = {ref: one for ref, one in foreign.items() if ref not in wanted}
    for ref, live in suspects.items():
        owner = applied[ref]
        as_stored = partial(stored_form, settings[owner.fabric_id]) if owner.fabric_id in settings else None
        drift = drift_of_owned(ref, owner.fabric_id, owner.manifest, live, stored=as_stored)
        if drift is not None:
            found[ref] = drift
    return found
