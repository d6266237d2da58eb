"""Hydrating the objects of files in memory before they are checked, as `hhfab validate` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgehog.admission.hhfab.documents import FAB_KINDS, fab_violations
from hedgehog.admission.hhfab.fabricator import config_violations
from hedgehog.errors import InvalidInput
from hedgehog.fabric.fabricator import is_fabricator
from hedgehog.fabric.hydration.assigned import assigned_fields
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.inspect import HydrationProblem, HydrationStatus, Inspection, MissingField, inspect
from hedgehog.fabric.hydration.missing import assign_missing
from hedgehog.fabric.hydration.ranges import Ranges, ranges_of
from hedgehog.fabric.hydration.wiring import KINDS_WITH_ADDRESSES, Wiring
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.fabric.shown import counted, listed
from hedgehog.manifests import file_rules, schema
from hedgehog.manifests.rule import Severity, Violation, printed, rule

_HYDRATION = "githedgehog/fabricator: pkg/hhfab/hydrate.go getHydration"
VALUE = rule(
    "hydration-value",
    what="An assigned address or ASN is one of its range, and nobody else has it.",
    why="hhfab refuses the wiring, and devices with the same address do not work.",
    source=_HYDRATION,
    fix="correct the value, or remove it and let `hedgehog hydrate` assign another",
)
PARTIAL = rule(
    "hydration-partial",
    what="A wiring has all of its addresses and ASNs, or none of them.",
    why="hhfab refuses a part of them, and a cluster refuses every device that lacks some.",
    source="githedgehog/fabricator: pkg/hhfab/hydrate.go ensureHydrated",
    fix="complete the wiring with `hedgehog hydrate --in-place`, which keeps assigned values",
)
IMPOSSIBLE = rule(
    "hydration-impossible",
    what="The ranges of a fabric have room for all devices and links, and links to gateways lead to one.",
    why="No address can be assigned otherwise.",
    source="githedgehog/fabricator: pkg/hhfab/hydrate.go hydrate",
    fix="correct what the message names; the ranges are in fab.yaml",
)
SUGGESTION = rule(
    "hydration-suggestion",
    what="The files of a fabric in Git have the addresses and ASNs of its devices and links.",
    why="Nothing assigns them there: a cluster refuses a device without them, and a link without them carries nothing.",
    source="ours",
    fix="write them into the file: they are free in the ranges of the fabric",
    severity=Severity.WARNING,
)
_NAMED = 3
_Placed = tuple[ObjectRef | None, Violation]
"""None: it belongs to no object in particular."""


@dataclass(frozen=True, slots=True)
class HydratedSet:
    """Objects as they are to be checked, and what is wrong with them before."""

    manifests: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    """Those that hydration changed."""
    violations: tuple[_Placed, ...] = ()
    notes: tuple[str, ...] = ()
    is_hhfab_input: bool = False
    """Whether something is missing; hhfab, which assigns it, also needs the password hashes of a Fabricator."""
    is_possible: bool = True
    """Whether everything could be assigned. Otherwise the rest cannot be judged."""


def hydrated_set(objects: Mapping[ObjectRef, Manifest], settings: FabricSettings, mode: HydrationMode) -> HydratedSet:
    """What *mode* makes of *objects*, which are all there are. A wiring that lacks nothing is left to the cluster's rules."""
    usable = [one for ref, one in objects.items() if ref.kind in KINDS_WITH_ADDRESSES and _is_usable(one)]
    ranges = ranges_of(settings)
    if mode is HydrationMode.NEVER or not usable:
        return HydratedSet()
    found = inspect(Wiring.copied(usable), ranges)
    if found.status is HydrationStatus.FULL and mode is not HydrationMode.OVERRIDE:
        return HydratedSet()
    result = hydrate(usable, ranges, mode)
    filled, why_not = _filled(usable, ranges)
    refused = [*_fab_violations(objects), *_violations(result.problems, found, mode, why_not)]
    return HydratedSet(
        {ObjectRef.of(one): one for one in result.objects or filled},
        tuple(refused),
        tuple(_notes(found)),
        is_hhfab_input=True,
        is_possible=all(violation.rule is not IMPOSSIBLE for _, violation in refused),
    )


def suggestions(
    objects: Mapping[ObjectRef, Manifest], settings: FabricSettings
) -> Iterator[tuple[ObjectRef, Violation]]:
    """The values that each of *objects*, which are all there are, lacks and could have: those that `missing` assigns."""
    usable = {ref: one for ref, one in objects.items() if ref.kind in KINDS_WITH_ADDRESSES and _is_usable(one)}
    ranges = ranges_of(settings)
    missing = inspect(Wiring.copied(usable.values()), ranges).missing
    if not missing:
        return
    filled, why_not = _filled(usable.values(), ranges)
    for after in filled:
        ref = ObjectRef.of(after)
        fields = dict(assigned_fields(usable[ref].get("spec") or {}, after["spec"]))
        if fields:
            values = ", ".join(f"{printed(path)[1:]}: {_written(value)}" for path, value in fields.items())
            yield ref, SUGGESTION.at(("spec",), f"is incomplete; free in the fabric: {values}")
    if why_not:
        yield missing[0].ref, SUGGESTION.at(missing[0].path, f"is missing, and nothing can be suggested: {why_not}")


def _written(value: Any) -> str:
    """As YAML has it on one line."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_usable(manifest: Manifest) -> bool:
    """Whether hydration can read it; what cannot be read is refused later."""
    return isinstance(manifest.get("spec", {}), Mapping) and not schema.decode_violations(manifest)


def _filled(usable: Iterable[Manifest], ranges: Ranges) -> tuple[tuple[Manifest, ...], str]:
    """The objects with what can be assigned, so that one fault does not make thousands; and why the rest cannot be."""
    wiring = Wiring.copied(usable)
    try:
        assign_missing(wiring, ranges)
    except InvalidInput as error:
        return tuple(wiring), str(error)
    return tuple(wiring), ""


def _violations(
    problems: Iterable[HydrationProblem], found: Inspection, mode: HydrationMode, why_not: str
) -> Iterator[_Placed]:
    if found.problems or not problems:
        yield from ((one.ref, VALUE.at(one.path, one.message)) for one in found.problems)
    elif mode is HydrationMode.IF_NOT_PRESENT and found.status is HydrationStatus.PARTIAL:
        first = found.missing[0]
        yield first.ref, PARTIAL.at(first.path, _lacking(found.missing, found.places))
    else:
        reasons = [why_not] if why_not else [str(one) for one in problems]
        yield from ((None, IMPOSSIBLE.at((), reason)) for reason in reasons)


def _lacking(missing: tuple[MissingField, ...], places: int) -> str:
    names = [f"{one.ref.kind} {one.ref.name} {'.'.join(map(str, one.path[1:]))}" for one in missing]
    return f"{len(missing)} of {places} addresses and ASNs are missing: {listed(names, _NAMED)}"


def _fab_violations(objects: Mapping[ObjectRef, Manifest]) -> Iterator[_Placed]:
    """What hhfab refuses of the Fabricator and the nodes, where there is a Fabricator."""
    fab = [one for ref, one in objects.items() if ref.kind in FAB_KINDS and _is_usable(one)]
    for manifest in (one for one in fab if is_fabricator(one)):
        ref = ObjectRef.of(manifest)
        yield from ((found if found.name else ref, violation) for found, violation in fab_violations(fab))
        later = (one for one in config_violations(manifest) if one.rule is not file_rules.FABRICATOR_FIELD)
        yield from ((ref, violation) for violation in later)


def _notes(found: Inspection) -> Iterator[str]:
    yield (
        f"{counted(len(found.missing), 'value')} of {found.places} (addresses, ASNs) missing from the files; assigned in "
        "memory for this check, as hhfab does. `hedgehog hydrate --in-place` writes them; --hydrate never checks without"
    )
