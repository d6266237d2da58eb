"""Assigning the addresses and ASNs that imported objects leave out, before they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.fabricator import effective_settings
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.inspect import inspect
from hedgehog.fabric.hydration.keep import keep_assigned
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.hydration.wiring import KINDS_WITH_ADDRESSES, Wiring
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.shown import counted
from hedgehog.store.database import Connection
from hedgehog.store.objects import load_objects

Objects = Mapping[ObjectRef, Manifest]


@dataclass(frozen=True, slots=True)
class Completion:
    """What becomes of imported objects."""

    objects: Objects = field(default_factory=dict)
    """Those that change: imported ones, and gateways that follow an imported link."""
    problems: tuple[str, ...] = ()
    """Why nothing could be assigned."""
    notes: tuple[str, ...] = ()


def complete_change(
    connection: Connection, fabric: Fabric, change: DesiredChange, mode: HydrationMode
) -> tuple[DesiredChange, Completion]:
    """*change* with what its objects leave out, as an import of them would assign it."""
    stored = {one.ref: one.manifest for one in load_objects(connection, [fabric.id])[fabric.id]}
    before = {ref: manifest for ref, manifest in stored.items() if ref not in change.deletes}
    wanted = {ObjectRef.of(one): one for one in change.upserts}
    found = complete(fabric, before, wanted, replace=False, mode=mode)
    return DesiredChange(tuple({**wanted, **found.objects}.values()), change.deletes), found


def complete(fabric: Fabric, before: Objects, imported: Objects, *, replace: bool, mode: HydrationMode) -> Completion:
    """What *imported* is to be, beside the objects *before* (which go if *replace*).

    What is stored of an object and left out now is kept, so that importing the same files again renumbers nothing. A
    fabric whose rules are not enforced takes objects as they are.
    """
    if mode is HydrationMode.NEVER or not fabric.settings.enforced:
        return Completion()
    kept = {
        ref: keep_assigned(manifest, before[ref]) if ref in before else manifest
        for ref, manifest in imported.items()
        if ref.kind in KINDS_WITH_ADDRESSES
    }
    if not kept:
        return Completion()
    together = {**({} if replace else before), **imported, **kept}
    settings = effective_settings(fabric.settings, together.values(), before=before.values())
    found = inspect(Wiring.copied(together.values()), ranges_of(settings))
    changed = {ref: one for ref, one in kept.items() if one != imported[ref]}
    if mode is not HydrationMode.OVERRIDE and not any(one.ref in imported for one in found.missing):
        return Completion(changed)
    result = hydrate(together.values(), ranges_of(settings), mode)
    if result.problems:
        return Completion(changed, tuple(map(str, result.problems)))
    after = {ObjectRef.of(one): one for one in result.objects}
    changed |= {ref: one for ref, one in after.items() if one != together[ref]}
    assigned = counted(len(found.missing), "value")
    note = f"assigned {assigned} (addresses, ASNs) that were left out; `hedgehog hydrate --in-place` writes them into files"
    return Completion(changed, (), (note,))
