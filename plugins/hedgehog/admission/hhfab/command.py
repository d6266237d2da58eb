"""`hhfab validate` as a function: load, hydrate, validate, with what is refused in each stage.

Upstream: Validate in pkg/hhfab of githedgehog/fabricator, and what it calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.admission.hhfab.documents import FAB_KINDS, WIRING_KINDS, fab_violations, load
from hedgehog.admission.hhfab.fabricator import config_violations
from hedgehog.admission.hhfab.nodes import Placed, length_violations
from hedgehog.admission.hhfab.objects import object_violations
from hedgehog.fabric.fabricator import is_fabricator, read_fabricator
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.inspect import HydrationStatus, inspect
from hedgehog.fabric.hydration.ranges import Ranges, ranges_of
from hedgehog.fabric.hydration.wiring import Wiring
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import FabricSettings


class HHFabStage(StrEnum):
    """Where `hhfab` stopped."""

    LOAD = "load"
    HYDRATE = "hydrate"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True)
class HHFabResult:
    """What `hhfab validate` makes of a fab.yaml and a wiring."""

    stage: HHFabStage | None
    """Where it is refused; None: it is accepted."""
    reasons: tuple[str, ...] = ()
    """Everything that the stage refuses; upstream names the first."""
    before: HydrationStatus | None = None
    """None if it is refused before, or if what is assigned is wrong."""
    hydrated: tuple[Manifest, ...] = ()
    """The objects with addresses, hydrated; empty if it is refused before that."""


def validate(fab: Iterable[Mapping[str, Any]], wiring: Iterable[Mapping[str, Any]], mode: str) -> HHFabResult:
    """The answer to the documents of fab.yaml and of the files beside it. A *mode* that does not exist is refused."""
    newest = FabricSettings()
    loaded, refused = load(fab, FAB_KINDS, newest)
    refused += [] if refused else fab_violations(loaded)
    objects, more = load(wiring, WIRING_KINDS, newest)
    refused += more
    if refused:
        return HHFabResult(HHFabStage.LOAD, tuple(_reasons(refused)))
    fabricator = next(one for one in loaded if is_fabricator(one))
    settings, _ = read_fabricator(fabricator)
    return _hydrated([*loaded, *objects], fabricator, settings, mode)


def _hydrated(objects: Sequence[Manifest], fabricator: Manifest, settings: FabricSettings, mode: str) -> HHFabResult:
    ranges = ranges_of(settings)
    if mode not in list(HydrationMode):
        found = inspect(Wiring.copied(objects), ranges)
        return HHFabResult(
            HHFabStage.HYDRATE, (f"there is no mode {mode!r}",), None if found.problems else found.status
        )
    result = hydrate(objects, ranges, HydrationMode(mode))
    if result.problems:
        return HHFabResult(HHFabStage.HYDRATE, tuple(map(str, result.problems)), result.before)
    after = {**{ObjectRef.of(one): one for one in objects}, **{ObjectRef.of(one): one for one in result.objects}}
    refused = list(_validated(list(after.values()), fabricator, settings, ranges))
    stage = HHFabStage.VALIDATE if refused else None
    return HHFabResult(stage, tuple(_reasons(refused)), result.before, result.objects)


def _validated(
    objects: Sequence[Manifest], fabricator: Manifest, settings: FabricSettings, ranges: Ranges
) -> Iterator[Placed]:
    yield from ((ObjectRef.of(fabricator), one) for one in config_violations(fabricator))
    yield from object_violations([one for one in objects if one["kind"] in WIRING_KINDS], settings)
    yield from length_violations([one for one in objects if one["kind"] in ("ControlNode", "FabNode")], ranges)


def _reasons(refused: Iterable[Placed]) -> Iterator[str]:
    return (f"{ref}: {violation} [{violation.rule.id}]" for ref, violation in refused)
