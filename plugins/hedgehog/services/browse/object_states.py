"""How an object stands, from what is known of it at its places and what is wrong with it. Pure but for one loader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.problems import HELD_KINDS, ProblemKind
from hedgehog.store.database import Connection
from hedgehog.store.listings.keyset import Row
from hedgehog.store.listings.objects import troubled_subjects


class ObjectState(StrEnum):
    """How an object stands, the worst that is true of it."""

    REFUSED = "refused"
    """It breaks a rule, so it is not written."""
    FAILED = "failed"
    """It could not be written or deleted."""
    HELD = "held"
    """It waits for a decision."""
    DRIFTED = "drifted"
    """Others changed or deleted it in the cluster."""
    DELETING = "deleting"
    """It is no longer wanted, and still there."""
    PENDING = "pending"
    """It is on its way to Git or to the cluster."""
    IN_ORDER = "in_order"


class PlaceState(StrEnum):
    """What Git or the cluster has of an object."""

    SAME = "same"
    DIFFERS = "differs"
    ABSENT = "absent"
    OFF = "off"
    """The fabric's sync to this place is off."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with one object or file."""

    target: str
    kind: str
    cause: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Standings:
    """What is wrong with the objects of one fabric, by object or path."""

    fabric: Fabric
    troubles: Mapping[str, tuple[Trouble, ...]]

    def of(self, row: Row) -> tuple[Trouble, ...]:
        """What is wrong with the object of *row*."""
        ref = f"{row['kind']}/{row['namespace']}/{row['name']}"
        return self.troubles.get(ref, ()) + (self.troubles.get(row["path"], ()) if row["path"] else ())


def object_troubles(connection: Connection, fabric: Fabric) -> Standings:
    """What is wrong with the objects of *fabric*: one query."""
    found: dict[str, list[Trouble]] = {}
    for target, kind, subject, cause, since in troubled_subjects(connection, fabric):
        found.setdefault(subject, []).append(Trouble(target, kind, cause, since))
    return Standings(fabric, {subject: tuple(troubles) for subject, troubles in found.items()})


_STATES: Mapping[str, ObjectState] = {
    ProblemKind.REFUSED: ObjectState.REFUSED,
    ProblemKind.FAILED: ObjectState.FAILED,
    ProblemKind.FAILING: ObjectState.FAILED,
    ProblemKind.DEFINITION: ObjectState.FAILED,
    ProblemKind.FINALIZER: ObjectState.DELETING,
    **dict.fromkeys(HELD_KINDS, ObjectState.HELD),
    "drift-changed": ObjectState.DRIFTED,
    "drift-missing": ObjectState.DRIFTED,
    "edit-changed": ObjectState.HELD,
    "edit-unwanted": ObjectState.HELD,
    "edit-foreign": ObjectState.HELD,
    "edit-obstacle": ObjectState.HELD,
}
_WORST_FIRST = list(ObjectState)


@dataclass(frozen=True, slots=True)
class Stands:
    """How one object stands, and why."""

    state: ObjectState
    reason: str
    git: PlaceState
    cluster: PlaceState


def stands(row: Row, known: Standings) -> Stands:
    """How the object of *row* stands."""
    git, cluster = _in_git(row, known.fabric), _in_cluster(row, known.fabric)
    found = [(_STATES[one.kind], one.cause) for one in known.of(row) if one.kind in _STATES]
    if row["held_reason"] and known.fabric.git_sync_enabled:
        found.append((ObjectState.HELD, row["held_reason"]))
    if row["digest"] is None:
        found.append((ObjectState.DELETING, "it is no longer wanted"))
    elif {git, cluster} & {PlaceState.DIFFERS, PlaceState.ABSENT}:
        found.append((ObjectState.PENDING, _on_its_way(git, cluster)))
    state, reason = min(found, key=lambda one: _WORST_FIRST.index(one[0]), default=(ObjectState.IN_ORDER, ""))
    return Stands(state, reason, git, cluster)


def _on_its_way(git: PlaceState, cluster: PlaceState) -> str:
    if git in (PlaceState.DIFFERS, PlaceState.ABSENT):
        return "Git does not have it yet" if git is PlaceState.ABSENT else "Git has it as it was before"
    return "the cluster does not have it yet" if cluster is PlaceState.ABSENT else "the cluster has it as it was before"


def _in_git(row: Row, fabric: Fabric) -> PlaceState:
    if not fabric.git_sync_enabled:
        return PlaceState.OFF
    if row["object_digest"] is None:
        return PlaceState.ABSENT
    return PlaceState.SAME if row["object_digest"] == row["digest"] else PlaceState.DIFFERS


def _in_cluster(row: Row, fabric: Fabric) -> PlaceState:
    if not fabric.kubernetes_sync_enabled:
        return PlaceState.OFF
    if not row["applied"]:
        return PlaceState.ABSENT
    if row["digest"] is None:
        return PlaceState.DIFFERS
    if row["applied_manifest"] is None:
        return PlaceState.SAME
    same = canonical(row["applied_manifest"]) == canonical(row["wanted_manifest"])
    return PlaceState.SAME if same else PlaceState.DIFFERS


_RULE = re.compile(r"\[([a-z0-9]+(?:-[a-z0-9]+)+)\]")


def rule_ids(text: str) -> list[str]:
    """The ids of the rules that a cause names, in its order."""
    return list(dict.fromkeys(_RULE.findall(text)))


def ref_of(row: Row) -> ObjectRef:
    """The object of *row*."""
    return ObjectRef(row["kind"], row["namespace"], row["name"])


def named(ref: ObjectRef) -> dict[str, str]:
    """A ref in its parts and as a whole."""
    return {"ref": str(ref), "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def in_states(rows: Iterable[Row], known: Standings, states: tuple[str, ...]) -> list[tuple[Row, Stands]]:
    """Those of *rows* that stand in any of *states*, or all without any."""
    found = [(row, stands(row, known)) for row in rows]
    return [one for one in found if not states or one[1].state.value in states]
