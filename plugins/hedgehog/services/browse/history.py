"""What the history says: who changed a fabric, what differs between two moments, and who gave a field its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.versions import (
    Content,
    FieldOrigin,
    ObjectDifference,
    RecordedChange,
    blame,
    compare,
    moment_of,
    short_commit,
)
from hedgehog.services.browse.naming import kind_named, only_one, parts_of_name
from hedgehog.services.browse.paging import Paged, decoded, encoded
from hedgehog.store import history
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.history import ChangeFilter, ListedChange

_SHORTEST_COMMIT = 7


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two states of a fabric, and what they are called."""

    fabric: str
    first: str
    second: str
    differences: tuple[ObjectDifference, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "fabric": self.fabric,
            "from": self.first,
            "to": self.second,
            "objects": [one.as_dict() for one in self.differences],
        }


def history_page(connection: Connection, wanted: ChangeFilter, *, limit: int, cursor: str | None = None) -> Paged:
    """At most *limit* changes, the newest first. Raises NotFound for a fabric that never was, InvalidInput for a cursor."""
    if wanted.fabric is not None:
        ref = recorded_ref(wanted.ref) if wanted.ref else None
        wanted = replace(wanted, of=known_fabric(connection, wanted.fabric), ref=ref)
    after = decoded(cursor, (int,))
    found = history.changes(connection, wanted, before=after[0] if after else None, limit=limit + 1)
    items = [listed_change(one) for one in found[:limit]]
    return Paged(items, encoded(["", items[-1]["id"]]) if len(found) > limit else None)


def listed_change(one: ListedChange) -> dict[str, Any]:
    """A change with what it touched, as plain data."""
    counts = {"created": one.created, "configured": one.configured, "deleted": one.deleted}
    return {**one.change.as_dict(), "counts": counts, "objects": [str(ref) for ref in one.refs]}


def known_fabric(connection: Connection, name: str) -> int:
    """The id of a fabric that is or was there. Raises NotFound, with near names."""
    found = history.fabric_id(connection, name)
    return load_fabric(connection, name).id if found is None else found


def recorded_ref(ref: ObjectRef) -> ObjectRef:
    """How the history calls an object: the settings of a fabric are its object Fabric, in whatever namespace."""
    return ObjectRef(ref.kind, "default", ref.name.lower()) if ref.kind == FABRIC.kind else ref


def recorded_objects(connection: Connection, name: str, words: Sequence[str]) -> list[ObjectRef]:
    """The objects that *words* name, of those that a fabric has or had: as for `named_objects`, but they may be gone.

    Raises NotFound for an unknown fabric, and for a short name of what the fabric never had.
    """
    fabric = known_fabric(connection, name)
    return [_recorded_object(connection, fabric, name, word) for word in words]


def _recorded_object(connection: Connection, fabric: int, name: str, word: str) -> ObjectRef:
    kind_word, namespace, short = parts_of_name(word)
    kind = FABRIC.kind if kind_word.lower() == FABRIC.kind.lower() else kind_named(kind_word)
    if namespace is not None:
        return ObjectRef(kind, namespace, short)
    found = [ObjectRef(kind, one, short) for one in history.namespaces_of(connection, fabric, kind, short)]
    if not found:
        raise NotFound(f"{name} never had an object {kind}/{short}; `hedgehog history {name}` shows what there is")
    return only_one(word, found)


def find_change(connection: Connection, name: str, word: str, *, now: datetime) -> RecordedChange:
    """The change after which a fabric was as *word* says: a generation, a time, a commit, or `now`.

    Raises NotFound when the history has no such moment, InvalidInput for another word.
    """
    fabric, moment = known_fabric(connection, name), moment_of(word, now)
    found: RecordedChange | None
    if moment is None:
        found = history.newest(connection, fabric)
    elif isinstance(moment, datetime):
        found = history.last_until(connection, fabric, moment)
    elif isinstance(moment, str):
        found = history.with_commit(connection, fabric, moment)
    else:
        found = history.of_generation(connection, fabric, moment)
        if found is None and len(word) >= _SHORTEST_COMMIT:
            found = history.with_commit(connection, fabric, word)
    if found is None:
        raise NotFound(f"{name}: {_missing(moment)}; `hedgehog history {name}` shows what there is")
    return found


def _missing(moment: int | datetime | str | None) -> str:
    if isinstance(moment, datetime):
        return f"its history begins after {moment:%Y-%m-%d %H:%M %Z}"
    if isinstance(moment, str):
        return f"no change of it belongs to commit {short_commit(moment)}"
    return f"its history has no generation {moment}" if moment is not None else "its history is empty"


def compare_changes(connection: Connection, name: str, first: str | None, second: str, *, now: datetime) -> Comparison:
    """What differs between two moments of a fabric; without the *first*, what the change of the *second* did.

    Raises as `find_change` does.
    """
    fabric = known_fabric(connection, name)
    end = find_change(connection, name, second, now=now)
    begin = (
        find_change(connection, name, first, now=now) if first else history.newest(connection, fabric, before=end.id)
    )
    sides = history.differing(connection, fabric, begin.id if begin else 0, end.id)
    return Comparison(name, str(begin) if begin else "nothing", str(end), tuple(compare(*sides)))


def contents_of(connection: Connection, name: str, change: RecordedChange) -> Mapping[ObjectRef, Content]:
    """Every object of a fabric after a change."""
    return history.contents_at(connection, known_fabric(connection, name), change.id)


def blame_object(connection: Connection, name: str, ref: ObjectRef) -> list[FieldOrigin]:
    """Each field of an object as it is now, and the change that gave it this value.

    Raises NotFound for an object that the fabric does not have, with the change that deleted it.
    """
    fabric, ref = known_fabric(connection, name), recorded_ref(ref)
    latest = next(history.versions(connection, fabric, ref), None)
    if latest is None:
        raise NotFound(f"{name} never had an object {ref}; `hedgehog history {name}` shows what there is")
    if latest.after is None:
        raise NotFound(f"{ref} was deleted in {latest.change}; `hedgehog history {name} --object {ref}` shows more")
    return blame(history.versions(connection, fabric, ref))
