"""Hydration in the modes of upstream's `hhfab`, and in the mode that assigns only what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hedgehog.errors import InvalidInput
from hedgehog.fabric.hydration.assign import assign_everything
from hedgehog.fabric.hydration.inspect import HydrationProblem, HydrationStatus, gateway_problems, inspect
from hedgehog.fabric.hydration.missing import assign_missing
from hedgehog.fabric.hydration.ranges import Ranges
from hedgehog.fabric.hydration.wiring import Wiring
from hedgehog.fabric.model import Manifest


class HydrationMode(StrEnum):
    """What may be assigned."""

    NEVER = "never"
    """Nothing: a wiring that lacks something is refused."""
    IF_NOT_PRESENT = "if-not-present"
    """Everything, if the wiring has nothing yet; one that has a part of it is refused."""
    OVERRIDE = "override"
    """Everything, over assigned values."""
    MISSING = "missing"
    """What is missing; assigned values stay."""


@dataclass(frozen=True, slots=True)
class Hydration:
    """What hydration makes of a wiring."""

    before: HydrationStatus | None
    """None if what is assigned is wrong."""
    objects: tuple[Manifest, ...]
    """Those that may have addresses, as they are afterwards; empty if the wiring is refused."""
    problems: tuple[HydrationProblem, ...]
    """Why it is refused."""


def hydrate(manifests: Iterable[Manifest], ranges: Ranges, mode: HydrationMode) -> Hydration:
    """Assign what *mode* allows. *manifests* are not changed; they have the shape of their kinds.

    The result does not depend on the order of *manifests*.
    """
    wiring = Wiring.copied(manifests)
    found = inspect(wiring, ranges)
    before = None if found.problems else found.status
    if mode is HydrationMode.MISSING:
        result = _assigned(before, wiring, ranges, assign_missing)
        contradictions = tuple(gateway_problems(wiring)) if found.missing and not result.problems else ()
        return Hydration(before, (), contradictions) if contradictions else result
    if found.problems:
        return Hydration(None, (), found.problems)
    if before is HydrationStatus.FULL and mode is not HydrationMode.OVERRIDE:
        return Hydration(before, tuple(wiring), ())
    refusal = _refusal(found.status, mode)
    if refusal:
        return Hydration(before, (), (HydrationProblem(None, (), refusal),))
    return _assigned(before, wiring, ranges, assign_everything)


def _assigned(
    before: HydrationStatus | None, wiring: Wiring, ranges: Ranges, assign: Callable[[Wiring, Ranges], None]
) -> Hydration:
    try:
        assign(wiring, ranges)
    except InvalidInput as error:
        return Hydration(before, (), (HydrationProblem(None, (), str(error)),))
    after = inspect(wiring, ranges)
    lacking = (HydrationProblem(one.ref, one.path, "could not be assigned") for one in after.missing)
    problems = (*after.problems, *lacking)
    return Hydration(before, () if problems else tuple(wiring), problems)


def _refusal(status: HydrationStatus, mode: HydrationMode) -> str:
    if mode is HydrationMode.NEVER:
        return "the wiring lacks addresses or ASNs; hydrate it, or assign them"
    if mode is HydrationMode.IF_NOT_PRESENT and status is HydrationStatus.PARTIAL:
        return "the wiring has some of its addresses and ASNs; complete them with mode `missing`, or remove them"
    return ""
