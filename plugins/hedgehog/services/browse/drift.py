"""What others changed in clusters and in Git, our value and theirs, and what the next sync will do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hedgehog.fabric.drift_detection import DriftState, NextStep, next_step, policy_of
from hedgehog.fabric.model import Fabric, ObjectRef, SourceOfTruth
from hedgehog.services.browse.paging import Paged, decoded, encoded
from hedgehog.store import git_edits, open_drift
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric, load_fabrics
from hedgehog.store.git_edits import EditState

GIT, CLUSTER = "git", "cluster"
_OURS = frozenset({DriftState.CHANGED, DriftState.MISSING})

DriftEntry = dict[str, Any]


def drift_entries(connection: Connection, fabric: str | None = None, place: str | None = None) -> list[DriftEntry]:
    """All that is known, of all fabrics or one, in both places or one: first what is in Git. Raises NotFound."""
    if fabric is not None:
        load_fabric(connection, fabric)
    in_git = [] if place == CLUSTER else git_edits.listing(connection, fabric)
    found = [] if place == GIT else open_drift.listing(connection, fabric)
    names = sorted({name for one in found for name in one.fabrics[:1]} | {one.fabric for one in in_git})
    fabrics = {one.name: one for one in load_fabrics(connection, names)}
    return [*map(_of_git, in_git), *(_of_cluster(one, fabrics) for one in found)]


def drift_page(
    connection: Connection, *, fabric: str | None, place: str | None, limit: int, cursor: str | None
) -> Paged:
    """At most *limit* entries, those of files in Git first. Raises NotFound, InvalidInput for a cursor."""
    after = decoded(cursor, (int,))
    start = after[0] if after else 0
    entries = drift_entries(connection, fabric, place)
    rest = len(entries) > start + limit
    return Paged(entries[start : start + limit], encoded(["", start + limit]) if rest else None, len(entries))


def drift_of_object(connection: Connection, fabric: Fabric, ref: ObjectRef) -> list[DriftEntry]:
    """What others changed of one object, at both places."""
    return [one for one in drift_entries(connection, fabric.name) if one["object"] == str(ref)]


def _of_git(one: git_edits.ListedEdit) -> DriftEntry:
    edit = one.edit
    return {
        "fabrics": [one.fabric],
        "place": GIT,
        "connection_id": None,
        "object": str(edit.ref) if edit.ref else None,
        "path": edit.path,
        "state": edit.state.value,
        "paths": [difference.path for difference in edit.differences],
        "differences": [difference.as_dict() for difference in edit.differences],
        "lines": [*map(str, edit.differences), *edit.problem.splitlines()],
        "problem": edit.problem,
        "by": edit.author or None,
        "score": None,
        "policy": None,
        "next": (NextStep.REVERTED if one.revert else NextStep.HELD).value,
        "revert": one.revert,
        "can_adopt": edit.ref is not None and edit.blob_id is not None and not edit.problem,
        "can_revert": edit.state is not EditState.OBSTACLE,
        "found_at": one.found_at,
    }


def _of_cluster(one: open_drift.ListedDrift, fabrics: Mapping[str, Fabric]) -> DriftEntry:
    drift = one.drift
    ours = drift.state in _OURS
    fabric = fabrics.get(one.fabrics[0]) if one.fabrics and ours else None
    in_database = _in_database(one.fabrics, fabrics)
    return {
        "fabrics": list(one.fabrics),
        "place": CLUSTER,
        "connection_id": one.connection_id,
        "object": str(drift.ref),
        "path": None,
        "state": drift.state.value,
        "paths": list(drift.paths),
        "differences": [difference.as_dict() for difference in drift.differences],
        "lines": [str(difference) for difference in drift.differences] or list(drift.paths),
        "problem": "",
        "by": drift.manager or None,
        "score": round(drift.score, 4),
        "policy": policy_of(fabric, drift.ref.kind).value if fabric else None,
        "next": next_step(fabric, drift, revert=one.revert).value,
        "revert": one.revert,
        "can_adopt": in_database,
        "can_revert": ours,
        "found_at": one.found_at,
    }


def _in_database(names: Sequence[str], fabrics: Mapping[str, Fabric]) -> bool:
    """Whether the fabric can take something over: what lives in Git is changed there."""
    fabric = fabrics.get(names[0]) if names else None
    return fabric is not None and fabric.source_of_truth is SourceOfTruth.DATABASE
