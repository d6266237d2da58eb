"""The objects of a fabric, page by page, and one of them at all its places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.differences import between, without_secrets
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.problems import ProblemKind
from hedgehog.fabric.references import references
from hedgehog.fabric.render import dump
from hedgehog.services.browse.drift import drift_of_object
from hedgehog.services.browse.object_states import (
    Standings,
    Stands,
    in_states,
    named,
    object_troubles,
    ref_of,
    rule_ids,
    stands,
)
from hedgehog.services.browse.paging import Paged, decoded, page_of
from hedgehog.services.browse.problems import problems_of_object
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.listings import events
from hedgehog.store.listings import objects as listing
from hedgehog.store.listings.keyset import Row

_CHUNK = 500
"""Objects that are read at once while those in certain states are looked for."""


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """Which objects of a fabric: those that fit everything that is given."""

    kind: str | None = None
    states: tuple[str, ...] = ()
    search: str = ""


def object_page(
    connection: Connection, name: str, wanted: ObjectFilter, *, limit: int, cursor: str | None = None
) -> Paged:
    """At most *limit* objects that the fabric has, or has still to lose. Raises NotFound, InvalidInput for a cursor."""
    fabric = load_fabric(connection, name)
    known = object_troubles(connection, fabric)
    after = decoded(cursor, (str, str, str))
    found: list[tuple[Row, Stands]] = []
    size = max(_CHUNK, limit + 1) if wanted.states else limit + 1
    while len(found) <= limit:
        rows = listing.object_rows(connection, fabric, kind=wanted.kind, search=wanted.search, after=after, limit=size)
        found += in_states(rows, known, wanted.states)
        if len(rows) < size:
            break
        after = _place(rows[-1])
    items = [_row(row, how) for row, how in found[: limit + 1]]
    return page_of(items, limit, _place)


def _place(row: Row) -> list[str]:
    return [row["kind"], row["namespace"], row["name"]]


def _row(row: Row, how: Stands) -> Row:
    return {
        **named(ref_of(row)),
        "state": how.state.value,
        "reason": how.reason,
        "wanted": row["digest"] is not None,
        "git": how.git.value,
        "cluster": how.cluster.value,
        "changed_at": row["updated_at"],
        "refers_to": sorted(map(str, references(row["manifest"] or {}))),
    }


def object_detail(connection: Connection, name: str, ref: ObjectRef) -> Row:
    """One object in the database, in Git and in the cluster as it was last applied. Raises NotFound."""
    fabric = load_fabric(connection, name)
    known = object_troubles(connection, fabric)
    (row,) = listing.objects_named(connection, fabric, [ref])
    places = listing.manifests_at_places(connection, fabric, ref)
    if row["digest"] is None and places["published"] is None and places["applied"] is None:
        raise NotFound(f"fabric {name} has no {ref}")
    how = stands(row, known)
    stored: Manifest | None = row["manifest"]
    return {
        **named(ref),
        "fabric": name,
        "state": how.state.value,
        "reason": how.reason,
        "digest": row["digest"],
        "database": _version(stored, row["updated_at"]),
        "git": _version(places["published"], row["written_at"]),
        "cluster": _version(places["applied"], row["applied_at"]),
        "path": row["path"],
        "repository": fabric.git_repository,
        "differences": place_differences(stored, places["published"], places["applied"]),
        "drift": drift_of_object(connection, fabric, ref),
        "refusals": _refusals(row, known),
        "problems": problems_of_object(connection, fabric, ref, row["path"]),
        **_references(connection, fabric, known, ref, stored),
        "events": events.object_events(connection, fabric.id, ref),
        "text": dump(without_secrets(stored)).decode() if stored is not None else None,
    }


def _version(manifest: Manifest | None, at: Any) -> Row | None:
    return None if manifest is None else {"manifest": without_secrets(manifest), "at": at}


def _refusals(row: Row, known: Standings) -> list[Row]:
    refused = [one for one in known.of(row) if one.kind == ProblemKind.REFUSED]
    return [{"rules": rule_ids(one.cause), "reason": one.cause, "since": one.since} for one in refused]


def _references(
    connection: Connection, fabric: Fabric, known: Standings, ref: ObjectRef, stored: Manifest | None
) -> dict[str, list[Row]]:
    """What the object refers to, and what refers to it."""
    out = sorted(references(stored or {}))
    mentioning = listing.mentioning(connection, fabric.id, ref.name)
    back = sorted(ObjectRef.of(one) for one in mentioning if ref in references(one))
    rows = {ref_of(row): row for row in listing.objects_named(connection, fabric, {*out, *back})}
    return {
        "refers_to": [_reference(one, rows, known) for one in out],
        "referred_by": [_reference(one, rows, known) for one in back],
    }


def _reference(ref: ObjectRef, rows: Mapping[ObjectRef, Row], known: Standings) -> Row:
    row = rows.get(ref)
    exists = row is not None and row["digest"] is not None
    return {**named(ref), "exists": exists, "state": stands(row, known).state.value if row and exists else None}


def place_differences(*places: Manifest | None) -> list[Row]:
    """The fields in which database, Git and cluster differ, of those places that have the object."""
    words = ("database", "git", "cluster")
    have = {word: canonical(one) for word, one in zip(words, places, strict=True) if one is not None}
    values: dict[str, dict[str, Any]] = {}
    for first, second in (("database", "git"), ("git", "cluster"), ("database", "cluster")):
        if first in have and second in have:
            for one in between(have[first], have[second]):
                values.setdefault(one.path, {}).update({first: one.ours, second: one.theirs})
    outermost = _outermost(values)
    return [{"path": path, **_completed(values[path], have)} for path in outermost]


def _outermost(paths: Iterable[str]) -> list[str]:
    """*paths* without those that lie below another one."""
    found: list[str] = []
    for path in sorted(paths):
        if not any(path.startswith((f"{above}.", f"{above}[")) for above in found):
            found.append(path)
    return found


def _completed(values: Mapping[str, Any], have: Mapping[str, Manifest]) -> dict[str, Any]:
    """*values* with that of a place that is the same as another one."""
    complete = dict(values)
    for word in have.keys() - values.keys():
        other = next((one for one in ("git", "database", "cluster") if one in values), None)
        complete[word] = values[other] if other else None
    return complete
