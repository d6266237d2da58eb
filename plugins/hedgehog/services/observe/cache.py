"""The cache: read models of fabrics for pages and scripts, renewed regularly and deleted when they expire.

No decision is based on it: what is due, in sync or owned is read from the tables. It may be emptied at any time; the next
reader then waits for one statement per model.
"""

from __future__ import annotations

from collections.abc import Sequence

from hedgehog.errors import NotFound
from hedgehog.store import cache as store
from hedgehog.store.cache import CachedModel, ReadModel
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.change_marks import forget_marks

TTL = {
    ReadModel.BASICS: 3600.0,
    ReadModel.OBJECTS: 1800.0,
    ReadModel.CHANGES: 600.0,
    ReadModel.HEALTH: 300.0,
    ReadModel.CONNECTION: 600.0,
}
"""Seconds until a model expires."""
AHEAD = 330.0
"""Seconds: a refresh renews what would expire before the next refresh, which is five minutes later."""


def refresh(connection: Connection, names: Sequence[str] | None = None) -> dict[str, int]:
    """Renew the models of the named fabrics, or those of all that are about to expire; returns the number by model.

    One statement per model, whatever the number of fabrics. A fabric that was deleted meanwhile is left out.
    """
    return {
        model.value: store.refresh(connection, model, ttl=ttl, names=names, ahead=AHEAD) for model, ttl in TTL.items()
    }


def models_of(connection: Connection, name: str) -> dict[ReadModel, CachedModel]:
    """All models of a fabric, none of them expired; missing ones are made now. Raises NotFound."""
    return models_of_all(connection, [name])[name]


def models_of_all(connection: Connection, names: Sequence[str]) -> dict[str, dict[ReadModel, CachedModel]]:
    """All models of the named fabrics. Raises NotFound for a name that no fabric has."""
    found = store.load(connection, names)
    lacking = [name for name, models in found.items() if len(models) < len(TTL)]
    if lacking:
        for model, ttl in TTL.items():
            without = [name for name in lacking if model not in found[name]]
            if without:
                store.refresh(connection, model, ttl=ttl, names=without)
        found |= store.load(connection, lacking)
    for name, models in found.items():
        if not models:
            load_fabric(connection, name)  # raises NotFound with near names
            raise NotFound(f"fabric {name} was deleted at this moment")
    return found


def invalidate(connection: Connection, names: Sequence[str], *, dry_run: bool = False) -> int:
    """Delete all entries of the named fabrics, and return how many there were."""
    return store.invalidate(connection, names, dry_run=dry_run)


def expire(connection: Connection, *, dry_run: bool = False) -> int:
    """Delete the entries that have expired and the marks of changes that no page asks for; return how many there were."""
    return store.expire(connection, dry_run=dry_run) + forget_marks(connection, count_only=dry_run)
