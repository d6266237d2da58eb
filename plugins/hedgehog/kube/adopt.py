"""Taking over objects that somebody else wrote, so that a field dropped from the fabric leaves the cluster, too.

Server-side apply removes a field only if nobody else owns it. The fields of an adopted object belong to whoever wrote
it; before our first write their ownership moves to us, as client-go's csaupgrade does it for `kubectl apply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hedgehog.fabric.canonical import FieldSet, canonical, owned_fields
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import JSON_PATCH, Cluster
from hedgehog.kube.resources import definition_name, kind_of, object_path


def take_over(cluster: Cluster, live: Manifest, adopted: Mapping[str, Any]) -> bool:
    """Make us the applier of the fields of *live* that *adopted* (the manifest as it was found) has; say if we had to.

    Changes ownership only, no value, and nothing at all when we own fields already. Other fields stay whose they are.
    Raises RetryableError when the object changed since *live* was read.
    """
    entries = moved_to_us(live, adopted)
    if entries is None:
        return False
    ref, kind = ObjectRef.of(live), kind_of(live)
    patch = [
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]
    cluster.call(
        "PATCH",
        "PATCH",
        object_path(kind, ref),
        subject=f"ownership of {ref}",
        body=patch,
        content_type=JSON_PATCH,
        definition=definition_name(kind),
        idempotent=False,
    )
    return True


def moved_to_us(live: Mapping[str, Any], adopted: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The managedFields of *live* after the move, or None when there is nothing to move. Pure."""
    if owned_fields(live, FIELD_MANAGER):
        return None
    ours: FieldSet = {}
    entries = []
    content = canonical(adopted)
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("subresource"):
            entries.append(entry)
            continue
        taken = intersect(entry.get("fieldsV1") or {}, content)
        left = subtract(entry.get("fieldsV1") or {}, taken)
        ours = merge(ours, taken)
        if left:
            entries.append(entry | {"fieldsV1": left})
    if not ours:
        return None
    head = {"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsType": "FieldsV1"}
    return [head | {"fieldsV1": ours}, *entries]


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


def merge(fields: Mapping[str, Any], other: Mapping[str, Any]) -> FieldSet:
    """The union of two field sets."""
    result: FieldSet = dict(fields)
    for key, below in other.items():
        result[key] = merge(result[key], below) if key in result else below
    return result
