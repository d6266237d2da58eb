"""A plan: what would happen to a fabric, and what that concerns, before anything happens. Pure.

One value for every way to ask: a proposed change, the next sync, the merge of a branch. It is plain data with a version,
and its renderers are beside it in `services/plans`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hedgehog.fabric.blast_radius import BlastRadius
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import WRITES, Action, Round
from hedgehog.fabric.differences import FieldDifference, between
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import waves

VERSION = 1
"""Of the plain data; it rises with every change that a reader would notice."""
ID_LENGTH = 16


class PlanKind(StrEnum):
    """What a plan is about."""

    CHANGE = "change"
    """A change of the fabric's objects in the database."""
    SYNC = "sync"
    """What the next sync writes to Git and to the cluster."""
    MERGE = "merge"
    """What merging a branch would do to the fabric's directory."""


class PlanPlace(StrEnum):
    """Where a part of a plan happens."""

    DATABASE = "database"
    GIT = "git"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One object that is created, configured or deleted; `differences` say from what to what its fields change."""

    ref: ObjectRef
    action: Action
    differences: tuple[FieldDifference, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlannedHold:
    """One object or file that would be changed and is left alone, and why."""

    subject: str
    reason: str
    refused: bool = False
    """Whether it breaks a rule; otherwise it waits for a decision, or for something else to happen."""


@dataclass(frozen=True, slots=True)
class LostDrift:
    """A change by others that would be overwritten."""

    subject: str
    summary: str


@dataclass(frozen=True, slots=True)
class Wave:
    """Objects that are written, or deleted, together; a wave begins when the one before it has ended."""

    deletes: bool
    refs: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True)
class PlanPart:
    """What happens at one place."""

    place: PlanPlace
    changes: tuple[PlanEntry, ...] = ()
    held: tuple[PlannedHold, ...] = ()
    warnings: tuple[str, ...] = ()
    drift: tuple[LostDrift, ...] = ()
    waves: tuple[Wave, ...] = ()
    unchanged: int = 0
    unverified: str = ""
    """Why nothing can be said about this place."""

    def counts(self) -> dict[str, int]:
        """How many objects are written, by action; every action is a key."""
        found = Counter(change.action for change in self.changes)
        return {action.value: found[action] for action in (Action.CREATED, Action.CONFIGURED, Action.DELETED)}


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """What would happen to one fabric, made from its *generation* and a Git *revision*."""

    fabric: str
    kind: PlanKind
    generation: int
    parts: tuple[PlanPart, ...]
    blast: BlastRadius = field(default_factory=BlastRadius)
    revision: str | None = None
    branch: str = ""
    """The branch that is merged; empty for other plans."""
    base: str = ""
    """What tells whether the plan still holds: a digest of what it was made from beside the generation."""

    @property
    def id(self) -> str:
        """The same for the same plan, made from the same; nothing that is only said about it counts."""
        decided = [
            [
                part.place,
                [_change_as_dict(change) | {"reason": ""} for change in part.changes],
                [[one.subject, one.refused] for one in part.held],
                bool(part.unverified),
            ]
            for part in self.parts
        ]
        text = json.dumps(
            [VERSION, self.fabric, self.kind, self.generation, self.branch, self.base, decided], sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]

    @property
    def changes(self) -> Iterator[PlanEntry]:
        """Every change at every place."""
        return (change for part in self.parts for change in part.changes)

    @property
    def refused(self) -> tuple[PlannedHold, ...]:
        """What breaks a rule, at any place."""
        return tuple(one for part in self.parts for one in part.held if one.refused)

    @property
    def is_good(self) -> bool:
        """Whether nothing is refused, and everything could be verified."""
        return not self.refused and not any(part.unverified for part in self.parts)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be written anywhere."""
        return not any(part.changes for part in self.parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "version": VERSION,
            "id": self.id,
            "fabric": self.fabric,
            "kind": self.kind.value,
            "generation": self.generation,
            "revision": self.revision,
            "branch": self.branch,
            "base": self.base,
            "blast_radius": self.blast.as_dict(),
            "parts": [_part_as_dict(part) for part in self.parts],
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ChangePlan:
        """The inverse of `as_dict`."""
        return cls(
            fabric=data["fabric"],
            kind=PlanKind(data["kind"]),
            generation=data["generation"],
            parts=tuple(map(_part_of, data["parts"])),
            blast=BlastRadius.of(data["blast_radius"]),
            revision=data["revision"],
            branch=data["branch"],
            base=data["base"],
        )


def _part_as_dict(part: PlanPart) -> dict[str, Any]:
    return {
        "place": part.place.value,
        "counts": part.counts(),
        "unchanged": part.unchanged,
        "changes": [_change_as_dict(change) for change in part.changes],
        "held": [{"subject": one.subject, "reason": one.reason, "refused": one.refused} for one in part.held],
        "warnings": list(part.warnings),
        "drift": [{"subject": one.subject, "summary": one.summary} for one in part.drift],
        "waves": [
            {"action": "delete" if wave.deletes else "write", "objects": list(map(str, wave.refs))}
            for wave in part.waves
        ],
        "unverified": part.unverified,
    }


def _part_of(data: Mapping[str, Any]) -> PlanPart:
    return PlanPart(
        place=PlanPlace(data["place"]),
        changes=tuple(map(_change_of, data["changes"])),
        held=tuple(PlannedHold(one["subject"], one["reason"], one["refused"]) for one in data["held"]),
        warnings=tuple(data["warnings"]),
        drift=tuple(LostDrift(one["subject"], one["summary"]) for one in data["drift"]),
        waves=tuple(
            Wave(one["action"] == "delete", tuple(map(ObjectRef.parse, one["objects"]))) for one in data["waves"]
        ),
        unchanged=data["unchanged"],
        unverified=data["unverified"],
    )


def _change_as_dict(change: PlanEntry) -> dict[str, Any]:
    return {
        "object": str(change.ref),
        "action": change.action.value,
        "reason": change.reason,
        "differences": [{"path": one.path, "before": one.ours, "after": one.theirs} for one in change.differences],
    }


def _change_of(data: Mapping[str, Any]) -> PlanEntry:
    differences = tuple(FieldDifference(one["path"], one["before"], one["after"]) for one in data["differences"])
    return PlanEntry(ObjectRef.parse(data["object"]), Action(data["action"]), differences, data["reason"])


def planned_change(
    ref: ObjectRef, before: Manifest | None, after: Manifest | None, reason: str = ""
) -> PlanEntry | None:
    """What turns one content of an object into another; None when both are the same."""
    if before is None or after is None:
        if before is after:
            return None
        return PlanEntry(ref, Action.CREATED if before is None else Action.DELETED, reason=reason)
    if before is after or before == after:
        return None
    differences = tuple(between(canonical(before), canonical(after)))
    return PlanEntry(ref, Action.CONFIGURED, differences, reason) if differences else None


def planned_waves(
    changes: Iterable[PlanEntry],
    before: Mapping[ObjectRef, Manifest],
    after: Mapping[ObjectRef, Manifest],
    rounds: Sequence[Round] = (),
) -> tuple[Wave, ...]:
    """The order in which a cluster gets *changes*: round by round, what is referred to first and deleted last."""
    actions = {change.ref: change.action for change in changes if change.action in WRITES}
    late = {ref for one in rounds[1:] for ref in (*one.writes, *one.deletes)}
    found = list(_waves_of({ref: one for ref, one in actions.items() if ref not in late}, before, after))
    for one in rounds[1:]:
        mine: Collection[ObjectRef] = one.writes | one.deletes
        found += _waves_of({ref: action for ref, action in actions.items() if ref in mine}, before, after)
    return tuple(found)


def _waves_of(
    actions: Mapping[ObjectRef, Action], before: Mapping[ObjectRef, Manifest], after: Mapping[ObjectRef, Manifest]
) -> Iterator[Wave]:
    writes = [after[ref] for ref, action in actions.items() if action is not Action.DELETED]
    deletes = [before[ref] for ref, action in actions.items() if action is Action.DELETED]
    yield from (Wave(False, tuple(map(ObjectRef.of, wave))) for wave in waves(writes))
    yield from (Wave(True, tuple(map(ObjectRef.of, wave))) for wave in reversed(waves(deletes)))
