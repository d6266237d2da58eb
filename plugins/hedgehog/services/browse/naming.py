"""The objects that a person named, in full or in short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.near import did_you_mean, near, suggestion
from hedgehog.fabric.shown import listed
from hedgehog.store.database import Connection
from hedgehog.store.objects import StoredObject, load_named, object_refs

_KINDS = {word.lower(): row.kind for row in ALL_KINDS.values() for word in (row.kind, row.plural)}
_MOST = 5
"""Objects that a message names."""


def named_objects(connection: Connection, fabric: Fabric, words: Sequence[str]) -> list[StoredObject]:
    """The desired objects that *words* name, each once, in their order.

    A word is `Kind/namespace/name`, or `Kind/name` where that is clear; letter case of the kind does not count, and its
    plural is as good. Raises InvalidInput for a word of another form or with several meanings, NotFound with similar
    names for an object that the fabric does not have.
    """
    present = object_refs(connection, fabric.id)
    refs = list(dict.fromkeys(_ref(fabric.name, word, present) for word in words))
    found = {one.ref: one for one in load_named(connection, fabric.id, refs)}
    return [found[ref] for ref in refs if ref in found]


def _ref(fabric: str, word: str, present: Iterable[ObjectRef]) -> ObjectRef:
    kind_word, namespace, name = parts_of_name(word)
    kind = kind_named(kind_word)
    same = [
        ref
        for ref in present
        if (ref.kind, ref.name) == (kind, name) and (namespace is None or ref.namespace == namespace)
    ]
    if not same:
        names = near(name, (ref.name for ref in present if ref.kind == kind), most=3)
        like = (
            suggestion(f"{kind}/{one}" for one in names) or f"`hedgehog object list {fabric} --kind {kind}` shows all"
        )
        raise NotFound(f"fabric {fabric} has no {word}; {like}")
    return only_one(word, same)


def parts_of_name(word: str) -> tuple[str, str | None, str]:
    """What *word* says of an object: its kind (see `kind_named`), its namespace (None: not given) and its name.

    Raises InvalidInput for another form.
    """
    parts = word.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise InvalidInput(f"{word!r} is not an object; write Kind/namespace/name, or Kind/name")
    return parts[0], parts[1] if len(parts) == 3 else None, parts[-1]


def only_one(word: str, found: Sequence[ObjectRef]) -> ObjectRef:
    """The object that *word* names, of those that were *found*. Raises InvalidInput where it can be several."""
    if len(found) > 1:
        raise InvalidInput(f"{word!r} can be {listed(found, _MOST)}; write its namespace, too")
    return found[0]


def kind_named(word: str) -> str:
    """The kind that *word* names, whatever its letter case, or by its plural. Raises NotFound, with similar kinds."""
    kind = _KINDS.get(word.lower())
    if kind is None:
        hint = did_you_mean(word, ALL_KINDS, most=3, like=0.5, otherwise=f"known are {', '.join(sorted(ALL_KINDS))}")
        raise NotFound(f"{word!r} is not a kind of objects; {hint}")
    return kind
