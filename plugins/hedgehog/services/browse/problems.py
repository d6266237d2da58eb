"""The register of open problems, page by page, each with the action that ends it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hedgehog.fabric.model import Fabric, ObjectRef, Target
from hedgehog.fabric.problems import HELD_KINDS, REMEDIES, ProblemKind, remedy
from hedgehog.services.browse.object_states import rule_ids
from hedgehog.services.browse.paging import Paged, decoded, page_of
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings.keyset import Row
from hedgehog.store.listings.problems import ProblemFilter, problem_rows

HELD = HELD_KINDS
_AT_GIT: Mapping[ProblemKind, tuple[str, ...]] = {
    ProblemKind.HELD_EDIT: ("adopt-git", "revert-git"),
    ProblemKind.FLAPPING: ("revert-git",),
    ProblemKind.REFUSED: ("edit",),
    ProblemKind.PARKED: ("replay", "discard"),
    ProblemKind.DELIVERY: ("replay", "discard"),
    ProblemKind.FAILING: ("sync-git",),
    ProblemKind.FAILED: ("sync-git",),
}
_AT_CLUSTER: Mapping[ProblemKind, tuple[str, ...]] = {
    ProblemKind.CONFLICT: ("revert-cluster", "adopt-cluster"),
    ProblemKind.DRIFT: ("adopt-cluster", "revert-cluster"),
    ProblemKind.FLAPPING: ("revert-cluster",),
    ProblemKind.REFUSED: ("edit",),
    ProblemKind.PRUNE: ("dry-run-cluster", "sync-cluster"),
    ProblemKind.PARKED: ("replay", "discard"),
    ProblemKind.DEFINITION: ("sync-cluster",),
    ProblemKind.FINALIZER: ("sync-cluster",),
    ProblemKind.FAILING: ("sync-cluster",),
    ProblemKind.FAILED: ("sync-cluster",),
    ProblemKind.CLAIMED: ("sync-cluster",),
}
_IN_GIT = frozenset({"adopt-git", "adopt-cluster", "edit"})
"""Actions that change the database, which a fabric whose source of truth is Git does not take."""


def problem_page(
    connection: Connection,
    *,
    fabric: str | None = None,
    target: Target | None = None,
    kinds: Collection[ProblemKind] | None = None,
    only_for_people: bool = False,
    limit: int,
    cursor: str | None = None,
) -> Paged:
    """At most *limit* open problems, by fabric and target. Raises NotFound, InvalidInput for a cursor."""
    if fabric is not None:
        load_fabric(connection, fabric)
    after = decoded(cursor, (str, str, str, str))
    wanted = ProblemFilter(fabric, target, tuple(kinds) if kinds is not None else None, only_for_people)
    rows = problem_rows(connection, wanted, after=after, limit=limit + 1)
    paged = page_of(rows, limit, lambda row: [row["fabric"], row["target"], row["kind"], row["subject"]])
    return Paged([_told(row) for row in paged.items], paged.next_cursor)


def problems_of_object(connection: Connection, fabric: Fabric, ref: ObjectRef, path: str | None) -> list[Row]:
    """The open problems of one object, by its name and by its file."""
    subjects = [str(ref), *([path] if path else [])]
    rows = problem_rows(connection, ProblemFilter(fabric.name, subjects=tuple(subjects)), after=None, limit=100)
    return [_told(row) for row in rows]


def _told(row: Row) -> dict[str, Any]:
    """A problem with its meaning, what to do, and which actions do it."""
    kind, target = ProblemKind(row["kind"]), Target(row["target"])
    found = remedy(kind, fabric=row["fabric"], target=target, verb=row["verb"], subject=row["subject"])
    return {
        **{name: row[name] for name in ("fabric", "target", "kind", "subject", "cause", "since", "needs_somebody")},
        "dag": f"hedgehog_{row['verb']}",
        "meaning": REMEDIES[kind].meaning,
        "advice": found.advice,
        "command": found.command,
        "actions": _actions(kind, target, row),
        "rules": rule_ids(row["cause"]) if kind is ProblemKind.REFUSED else [],
    }


def _actions(kind: ProblemKind, target: Target, row: Row) -> list[str]:
    found: Sequence[str] = (_AT_GIT if target is Target.GIT else _AT_CLUSTER).get(kind, ())
    if row["source_of_truth"] != "git":
        return list(found)
    found = [one for one in found if one not in _IN_GIT]
    return ["pull" if one == "sync-git" else one for one in found]
