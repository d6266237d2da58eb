"""What drift is, and how it is found: an object in a cluster is compared with what was applied there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hedgehog.fabric.canonical import canonical, differs
from hedgehog.fabric.differences import MOST, FieldDifference, at
from hedgehog.fabric.kinds import DEFAULT_GROUP, FIELD_MANAGER
from hedgehog.fabric.model import ConflictPolicy, DriftPolicy, Fabric, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.shown import listed
from hedgehog.fabric.tools import Installation, is_owned_by, other_installation

_PATHS_SHOWN = 3
_BEING_DELETED = (".metadata.deletionTimestamp",)
"""The path of an object that still exists and is being deleted: its end is another drift, which makes the fabric due."""
_NOT_CONTENT = frozenset({"apiVersion", "kind", "name", "namespace"})

Stored = Callable[[Manifest], Manifest]
"""What admission makes of an object."""


class DriftState(StrEnum):
    """In which way an object of a cluster differs from the fabrics."""

    CHANGED = "changed"
    """Somebody else changed or removed a field that we applied."""
    MISSING = "missing"
    """Somebody else deleted it, or it is being deleted."""
    ORPHAN = "orphan"
    """We wrote it, and no fabric has it any more."""
    UNOWNED = "unowned"
    """Somebody else wrote it, and no fabric has it."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as it was applied, or that no fabric has."""

    ref: ObjectRef
    state: DriftState
    fabric_id: int | None = None
    paths: tuple[str, ...] = ()
    """Where it differs; the first MOST."""
    manager: str = ""
    """The field manager that set one of these fields last, if the cluster names it."""
    score: float = 1.0
    """The share of the fields that we applied which is not as applied, from 0 to 1."""
    differences: tuple[FieldDifference, ...] = field(default=(), compare=False)
    """The values at `paths`, as applied and as they are, and who set each. They do not count when two drifts are compared."""

    def __str__(self) -> str:
        return f"{self.ref}: {self.summary}"

    @property
    def summary(self) -> str:
        """What is wrong, in a few words."""
        if self.state is not DriftState.CHANGED:
            return self.state.value
        who = f", last set by '{self.manager}'" if self.manager else ""
        return f"differs at {listed(self.paths, _PATHS_SHOWN)}{who}"


def policy_of(fabric: Fabric, kind: str) -> DriftPolicy:
    """What happens to a drift of *kind*: the policy of the kind, or else that of the fabric."""
    return DriftPolicy(fabric.drift_policies.get(kind, fabric.drift_policy))


def may_adopt(fabric: Fabric) -> bool:
    """Whether a sync may take a drift over into the objects of *fabric*: its policies say so of some kind."""
    adopts = any(policy == DriftPolicy.ADOPT for policy in (fabric.drift_policy, *fabric.drift_policies.values()))
    return adopts and fabric.source_of_truth is SourceOfTruth.DATABASE


class NextStep(StrEnum):
    """What the next sync will do about a drift."""

    CORRECTED = "corrected"
    ADOPTED = "adopted"
    REVERTED = "reverted"
    """A person decided so."""
    HELD = "held"
    """It waits for a person."""
    LEFT = "left"
    """Nothing: it belongs to no fabric."""


def next_step(fabric: Fabric | None, drift: Drift, *, revert: bool) -> NextStep:
    """What the next sync will do by all policies of *fabric*: a field that others own is a conflict as well."""
    if fabric is None or drift.state not in (DriftState.CHANGED, DriftState.MISSING):
        return NextStep.LEFT
    if revert:
        return NextStep.REVERTED
    policy = policy_of(fabric, drift.ref.kind)
    if policy is DriftPolicy.ADOPT:
        takes = drift.state is DriftState.CHANGED and fabric.source_of_truth is SourceOfTruth.DATABASE
        return NextStep.ADOPTED if takes else NextStep.HELD
    owned_by_others = bool(drift.manager) and fabric.conflict_policy is ConflictPolicy.REPORT
    return NextStep.HELD if policy is DriftPolicy.REPORT or owned_by_others else NextStep.CORRECTED


def drift_of_owned(
    ref: ObjectRef, fabric_id: int, applied: Manifest, live: Manifest | None, *, stored: Stored | None = None
) -> Drift | None:
    """How *live* differs from what was last applied; None when it does not. *stored* as for `canonical.differs`."""
    if live is None:
        return Drift(ref, DriftState.MISSING, fabric_id)
    if is_gone(live):
        return Drift(ref, DriftState.MISSING, fabric_id, _BEING_DELETED)
    paths = tuple(differs(applied, live, stored=stored))
    if not paths:
        return None
    score = min(1.0, len(paths) / max(1, _fields(canonical(applied))))
    who = last_manager(live, paths)
    differences = (replace(one, by=last_manager(live, (one.path,))) for one in at(applied, live, paths))
    return Drift(ref, DriftState.CHANGED, fabric_id, paths[:MOST], who, score, tuple(differences))


def drift_of_foreign(ref: ObjectRef, live: Manifest | None, ours: Installation) -> Drift | None:
    """The drift of an object that no fabric has: our orphan, or somebody else's object. None when it is deleted.

    An object that a controller created for another one (its owner) is deleted with that one and is not drift, nor is the
    GatewayGroup that a controller creates for all.
    """
    if live is None or is_gone(live):
        return None
    other = other_installation(live, ours)
    if other:
        return Drift(ref, DriftState.UNOWNED, manager=f"{FIELD_MANAGER} of installation {other}")
    if is_owned_by(live, ours):
        return Drift(ref, DriftState.ORPHAN)
    if live["metadata"].get("ownerReferences") or (ref.kind, ref.name) == DEFAULT_GROUP:
        return None
    return Drift(ref, DriftState.UNOWNED, manager=last_manager(live, ()))


def is_gone(live: Manifest | None) -> bool:
    """Whether the object does not exist, or is being deleted."""
    return live is None or bool(live["metadata"].get("deletionTimestamp"))


def last_manager(live: Mapping[str, Any], paths: Sequence[str]) -> str:
    """The manager, other than us, that set one of *paths* last (anything, if none is given); "" when none is known."""
    found = [
        (str(entry.get("time") or ""), str(entry.get("manager") or ""))
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") != FIELD_MANAGER
        and not entry.get("subresource")
        and (not paths or any(owns(entry.get("fieldsV1") or {}, path) for path in paths))
    ]
    return max(found, default=("", ""))[1]


def owns(fields: Mapping[str, Any], path: str) -> bool:
    """Whether a field set has *path*, or the map or list that it lies in as a whole."""
    rest = path.partition("[")[0].removeprefix(".")
    while rest:
        # A key may contain dots (labels do): take the longest one that matches.
        key = next((key for key in sorted(fields, key=len, reverse=True) if _starts(key, rest)), None)
        if key is None:
            return False
        rest = rest[len(key) - len("f:") :].removeprefix(".")
        fields = fields[key]
        if not fields:
            return True
    return True


def _starts(key: str, path: str) -> bool:
    name = key.removeprefix("f:")
    return key.startswith("f:") and (path == name or path.startswith(f"{name}."))


def _fields(value: Any) -> int:
    """How many single values a manifest sets, without those that identify it."""
    if isinstance(value, dict):
        return sum(_fields(child) if child else 1 for key, child in value.items() if key not in _NOT_CONTENT)
    if isinstance(value, list):
        return sum(_fields(child) for child in value)
    return 1


def adopted_manifest(live: Mapping[str, Any], want: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest that a fabric with *want* has to have instead so that *live* is as desired.

    *default* is what admission makes of *want*: what admission filled in or rewrote is not taken over. All three are
    canonical.
    """
    result: dict[str, Any] = {}
    for key, value in live.items():
        if key in default and default[key] == value:
            if key in want:
                result[key] = want[key]
        elif isinstance(value, dict) and isinstance(want.get(key), dict):
            below = default.get(key)
            result[key] = adopted_manifest(value, want[key], below if isinstance(below, dict) else {})
        else:
            result[key] = value
    return result
