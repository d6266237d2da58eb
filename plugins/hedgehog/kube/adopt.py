"""Taking over objects that somebody else wrote, so that a field dropped from the fabric leaves the cluster, too.

Server-side apply removes a field only if nobody else owns it. The fields of an object that we did not make belong to
no matter who wrote it; before our first write the ownership of those that are as we want them moves to us, as client-go's
csaupgrade does it for `kubectl apply`. Fields with another value stay whose they are: that is a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from hedgehog.fabric.canonical import FieldSet, canonical, owned_fields, same
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import JSON_PATCH, Cluster
from hedgehog.kube.resources import crd_name, kind_of, object_path

_IDENTITY = frozenset({"apiVersion", "kind"})
_NAMES = frozenset({"name", "namespace"})


def take_over(cluster: Cluster, live: Manifest, contents: Collection[Mapping[str, Any]]) -> Manifest:
    """Make us the applier of the fields of *live* that any of *contents* has; the object after that.

    Changes ownership only, no value, and nothing at all when these fields are ours alone. Other fields stay whose they
    are. Raises RetryableError when the object changed since *live* was read.
    """
    entries = moved_to_us(live, contents)
    if entries is None:
        return live
    # "add" replaces, too, and works where somebody removed all entries.
    return _patch(cluster, live, [{"op": "add", "path": "/metadata/managedFields", "value": entries}], "ownership")


def clear_emptied(cluster: Cluster, live: Manifest, wanted: Manifest) -> None:
    """Clear the sections of *live* that are empty in *wanted* and whose fields are ours alone; they stay ours.

    The next apply cannot: it makes null of a section whose last field it removes, and the schema refuses that. Raises
    RetryableError when the object changed since *live* was read.
    """
    others = [entry.get("fieldsV1") or {} for entry in _entries_of_others(live)]
    paths = list(_emptied(wanted, owned_fields(live, FIELD_MANAGER), others, ()))
    if not paths:
        return
    changes = [{"op": "replace", "path": "".join(map(_pointer, path)), "value": {}} for path in paths]
    stored = _patch(cluster, live, changes, "empty sections", query={"fieldManager": FIELD_MANAGER})
    content: dict[str, Any] = {}
    for path in paths:
        below = content
        for key in path:
            below = below.setdefault(key, {})
    take_over(cluster, stored, [content])


def _emptied(
    wanted: Mapping[str, Any], ours: FieldSet, others: Sequence[FieldSet], path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for key, child in wanted.items():
        below: FieldSet = ours.get(f"f:{key}", {})
        if isinstance(child, Mapping) and below.keys() - {"."}:
            theirs = [fields[f"f:{key}"] for fields in others if f"f:{key}" in fields]
            if child:
                yield from _emptied(child, below, theirs, (*path, key))
            elif not any(fields.keys() - {"."} for fields in theirs):
                yield (*path, key)


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _entries_of_others(live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of managedFields, but for subresources and what we applied."""
    return [
        entry
        for entry in live["metadata"].get("managedFields") or ()
        if not entry.get("subresource") and not _is_our_apply(entry)
    ]


def _is_our_apply(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"


def _patch(
    cluster: Cluster, live: Manifest, changes: list[dict[str, Any]], what: str, *, query: dict[str, str] | None = None
) -> Manifest:
    """Change *live*, unless it changed since it was read, and return it as it is then."""
    ref, kind = ObjectRef.of(live), kind_of(live)
    version = {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
    answer = cluster.call(
        "PATCH",
        "PATCH",
        object_path(kind, ref),
        subject=f"{what} of {ref}",
        query=query or {},
        body=[*changes, version],
        content_type=JSON_PATCH,
        crd=crd_name(kind),
        idempotent=False,
    )
    stored: Manifest = answer.json()
    return stored


def moved_to_us(live: Mapping[str, Any], contents: Collection[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """The managedFields of *live* after the move, or None when there is nothing to move. Pure.

    Moved are the fields that any of *contents* has: from others, and from nobody, for not even a field without an owner
    would go with the next apply.
    """
    ours = owned_fields(live, FIELD_MANAGER)
    taken: FieldSet = {}
    entries = []
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("subresource"):
            entries.append(entry)
        elif not _is_our_apply(entry):
            fields = entry.get("fieldsV1") or {}
            common: FieldSet = {}
            for content in contents:
                common = union(common, intersect(fields, content))
            taken = union(taken, common)
            left = subtract(fields, common)
            if left:
                entries.append(entry | {"fieldsV1": left})
    known = union(ours, taken)
    for content in contents:
        taken = union(taken, _unowned(_fields(content), known))
    if not taken:
        return None
    head = {"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1"}
    return [head | {"fieldsV1": union(ours, taken)}, *entries]


def shared(
    content: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    stored: Callable[[Manifest], Manifest] | None = None,
    any_value: bool = False,
) -> Manifest:
    """The part of *content* that *live* has with the same value, or with the one that admission makes of it.

    *stored* says what admission makes of an object. With *any_value* all that *live* has, whatever the value.
    """
    want = canonical(content)
    return _shared(want, canonical(live), stored(want) if stored is not None else want, any_value)


def _shared(want: Mapping[str, Any], have: Mapping[str, Any], stored: Mapping[str, Any], any_value: bool) -> Manifest:
    result: Manifest = {}
    for key, child in want.items():
        if key not in have:
            continue
        other, filled = have[key], stored.get(key, child)
        if isinstance(child, dict) and isinstance(other, dict):
            below = _shared(child, other, filled if isinstance(filled, dict) else child, any_value)
            if below or not child:
                result[key] = below
        elif any_value or same(child, other) or same(filled, other):
            result[key] = child
    return result


def _fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest sets beside its identity."""
    metadata = {key: value for key, value in (content.get("metadata") or {}).items() if key not in _NAMES}
    rest = {key: value for key, value in content.items() if key not in _IDENTITY and key != "metadata"}
    return {**({"metadata": metadata} if metadata else {}), **rest}


def _unowned(value: Mapping[str, Any], known: FieldSet) -> FieldSet:
    """The field set of the part of *value* that *known* lacks."""
    result: FieldSet = {}
    for key, child in value.items():
        name = f"f:{key}"
        if name not in known:
            result[name] = _field_set(child)
        elif isinstance(child, Mapping) and (below := _unowned(child, known[name])):
            result[name] = below
    return result


def _field_set(value: Any) -> FieldSet:
    """The whole of *value*, each map itself included: else a dropped entry of a map would stay, as null."""
    if not isinstance(value, Mapping):
        return {}
    itself: FieldSet = {".": {}} if value else {}
    return itself | {f"f:{key}": _field_set(child) for key, child in value.items()}


def intersect(fields: Mapping[str, Any], value: Any) -> FieldSet:
    """The part of a field set that *value* (a manifest, or a part of one) sets too. A list is one field."""
    if not isinstance(value, Mapping):
        return dict(fields)
    result: FieldSet = {}
    for key, below in fields.items():
        name = key.removeprefix("f:")
        if key == ".":
            result[key] = below
        elif key.startswith("f:") and name in value:
            common = intersect(below, value[name])
            if common or not below:
                result[key] = common
    return {} if result.keys() == {"."} and value else result


def subtract(fields: Mapping[str, Any], other: Mapping[str, Any]) -> FieldSet:
    """A field set without the fields of *other*; a node of which nothing is left goes, too."""
    result: FieldSet = {}
    for key, below in fields.items():
        if key not in other:
            result[key] = below
        elif below and (left := subtract(below, other[key])):
            result[key] = left
    return result


def union(fields: Mapping[str, Any], other: Mapping[str, Any]) -> FieldSet:
    """The union of two field sets."""
    result: FieldSet = dict(fields)
    for key, below in other.items():
        result[key] = union(result[key], below) if key in result else below
    return result
