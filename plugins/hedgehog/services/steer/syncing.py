"""Which fabrics can be synced by name: asked before a run is started that would fail."""

from __future__ import annotations

from collections.abc import Sequence

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Fabric, SourceOfTruth, Target
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric, load_fabrics


def refuse_not_synced(connection: Connection, target: Target, names: Sequence[str]) -> None:
    """Raise NotFound for a name that no fabric has, InvalidInput for a fabric that is not synced to *target*."""
    for fabric in _loaded(connection, names):
        if not (fabric.git_sync_enabled if target is Target.GIT else fabric.kubernetes_sync_enabled):
            raise InvalidInput(f"fabric {fabric.name}: its sync to {target} is off")
        if target is Target.GIT and fabric.source_of_truth is SourceOfTruth.GIT:
            raise InvalidInput(f"fabric {fabric.name}: its source of truth is Git; pull it instead")


def refuse_not_followed(connection: Connection, names: Sequence[str]) -> None:
    """Raise NotFound for a name that no fabric has, InvalidInput for a fabric that is not taken in from Git."""
    for fabric in _loaded(connection, names):
        if fabric.source_of_truth is not SourceOfTruth.GIT or not fabric.git_sync_enabled:
            raise InvalidInput(f"fabric {fabric.name}: its source of truth is not Git; sync it instead")


def _loaded(connection: Connection, names: Sequence[str]) -> list[Fabric]:
    found = {fabric.name: fabric for fabric in load_fabrics(connection, names)}
    for name in names:
        if name not in found:
            load_fabric(connection, name)  # raises NotFound with near names
    return list(found.values())
