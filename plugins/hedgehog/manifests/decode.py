"""From what was sent to plain data of the right types, and the shape that the API server requires afterwards.

The first half of an answer (400, or 404 and 409 about the target) comes before the mutating webhooks, the second (422)
after them: an enum may be wrong in what was sent and right in what is stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.kinds import NEWER_KINDS
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests import keywords, schema
from hedgehog.manifests import metadata as meta
from hedgehog.manifests.rule import Rule, Severity, Violation, rule

_SERVER = "Kubernetes API server"
EXISTS = rule(
    "object-exists",
    what="A create names an object that does not exist yet.",
    why="The API server answers 409.",
    source=_SERVER,
    fix="update the object, or choose another name",
)
UNCHECKED = rule(
    "reference-unchecked",
    what="The target of a reference is known where the reference is checked.",
    why="A fabric of which only some kinds are kept here refers to objects that only its cluster has, which decides.",
    source="ours",
    fix="nothing, if the object is in the cluster; --against-cluster looks there",
    severity=Severity.WARNING,
)
ABSENT = rule(
    "object-absent",
    what="An update or delete names an object that exists.",
    why="The API server answers 404.",
    source=_SERVER,
    fix="create the object first, or correct the name",
)
NO_NAMESPACE = rule(
    "namespace-absent",
    what="The namespace of an object exists.",
    why="The API server answers 404.",
    source=f"{_SERVER}, admission plugin NamespaceLifecycle",
    fix="write `namespace: default`, or leave it out",
)
STALE = rule(
    "object-stale",
    what="An update names the uid and resourceVersion of the object as it is, or none.",
    why="The API server answers 409: somebody else changed or replaced the object.",
    source=_SERVER,
    fix="remove metadata.resourceVersion and metadata.uid, or read the object again",
)
OTHER_TARGET = rule(
    "object-renamed",
    what="An update keeps name and namespace.",
    why="The API server answers 400: a rename is a delete and a create.",
    source=_SERVER,
    fix="keep the name; to rename, create the new object and delete the old one",
)
NO_OBJECT = rule(
    "object-incomplete",
    what="An object has apiVersion, kind and metadata.",
    why="The API server answers 400: without them it does not know what was sent.",
    source=_SERVER,
    fix="write apiVersion, kind and metadata.name as in `kubectl explain`",
)
KIND = rule(
    "kind-unknown",
    what="The kind is one that a fabric can hold.",
    why="A cluster answers `no matches for kind`.",
    source="CRDs of githedgehog/fabric",
    fix="correct the kind",
)
OLD_VERSION = rule(
    "api-version-old",
    what="No object has an API version that Hedgehog served before Beta-1 (October 2024).",
    why="v1alpha2 is no longer served, and nothing converts it.",
    source="CRDs of githedgehog/fabric",
    fix="port the object to v1beta1: apiVersion, port names (E1/5) and removed fields",
)
VERSION = rule(
    "api-version",
    what="The apiVersion is that of the kind.",
    why="The API server answers 400, kubectl says `no matches for kind`.",
    source=_SERVER,
    fix="write the apiVersion that the message names",
)
UNKNOWN_FIELD = rule(
    "field-unknown",
    what="An object has only fields that its kind has in this release.",
    why="The API server refuses unknown fields under strict validation and drops them otherwise.",
    source=f"{_SERVER}, strict decoding with the CRD of the kind",
    fix="correct the name of the field, or remove it",
)
TYPE = rule(
    "field-type",
    what="A value has the type of its field, and a number is within the bounds of that type.",
    why="The mutating webhook cannot read it: the API server answers 400.",
    source="CRD of the kind, and the Go types in api/*/v1*/*_types.go",
    fix="write a value of the type and within the bounds that the message names",
)
SHAPE = rule(
    "field-value",
    what="A value is one that the CRD allows: required fields, enums, patterns, bounds, numbers of items.",
    why="The API server answers 422.",
    source="CRD of the kind",
    fix="write a value of the type and within the bounds that the message names",
)
PATCH = rule(
    "patch-invalid",
    what="A merge patch is a mapping.",
    why="The API server answers 422.",
    source=_SERVER,
    fix="send the changed fields as a mapping",
)

NAMESPACES = frozenset({"default", "fab", "kube-system", "kube-public", "kube-node-lease"})
"""Namespaces that every Hedgehog cluster has."""
_OLD_VERSIONS = frozenset({"v1alpha1", "v1alpha2"})
_SERVER_SET = (
    *("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"),
    *("deletionTimestamp", "deletionGracePeriodSeconds"),
)
_LARGEST_WHOLE = 1e21
"""Go writes larger whole floats with an exponent, and that is not read as an integer."""


def decode(manifest: Any, settings: FabricSettings) -> tuple[Manifest | None, list[Violation]]:
    """The manifest as webhooks receive it, or None and every reason why it cannot be decoded.

    Null map values are removed, null list items become Go's zero values, whole floats become integers. The result may
    share parts with *manifest*, which is not changed.
    """
    found = list(_unidentified(manifest, settings.upstream))
    if found:
        return None, found
    plain: Manifest = manifest
    if _has_nulls_or_floats(manifest):
        plain = _without_nulls(manifest, schema.decoding_schema(manifest["kind"], settings.upstream))
    wrong = schema.decode_violations(plain, settings.upstream)
    if wrong:
        return None, [_decode_rule(one).at(one.path, one.message) for one in wrong]
    late = list(meta.time_violations(plain.get("metadata", {})))
    return (None, late) if late else (plain, [])


def newer_kind(kind: str) -> Violation:
    """That *kind* is not of a release which is known here."""
    return KIND.at(
        ("kind",),
        f"{kind} is a kind of newer releases",
        "set `upstream: newer` in the settings of the fabric if its cluster has this kind",
    )


def with_empty_values(manifest: Mapping[str, Any], settings: FabricSettings) -> Mapping[str, Any]:
    """*manifest* with Go's zero values for null values of maps, as `hhfab` reads it; an API server drops them."""
    kind = manifest.get("kind")
    if not isinstance(kind, str) or kind not in schema.KNOWN or not _has_nulls_or_floats(manifest):
        return manifest
    emptied: Mapping[str, Any] = _emptied(manifest, schema.decoding_schema(kind, settings.upstream))
    return emptied


def target_violations(plain: Manifest, name: str, namespace: str) -> Iterator[Violation]:
    """What an update says about its target that is not true."""
    metadata = plain.get("metadata", {})
    if not metadata.get("name"):
        yield OTHER_TARGET.at(("metadata", "name"), f"there is no name; the object is {name}")
    elif metadata["name"] != name:
        yield OTHER_TARGET.at(("metadata", "name"), f"{metadata['name']!r} is not the object to update, {name!r}")
    if metadata.get("namespace") and metadata["namespace"] != namespace:
        yield OTHER_TARGET.at(("metadata", "namespace"), f"{metadata['namespace']!r}: the object is in {namespace}")


def stale_violations(plain: Manifest, old: Manifest) -> Iterator[Violation]:
    """Preconditions of an update that the object does not meet."""
    for field in ("uid", "resourceVersion"):
        wanted = plain["metadata"].get(field)
        if wanted and wanted != old["metadata"].get(field):
            yield STALE.at(("metadata", field), f"the object does not have the {field} {wanted!r}")


def namespace_violations(plain: Manifest) -> Iterator[Violation]:
    """A create in a namespace that does not exist."""
    namespace = plain.get("metadata", {}).get("namespace") or "default"
    if namespace not in NAMESPACES and namespace != schema.KNOWN[plain["kind"]].namespace:
        yield NO_NAMESPACE.at(("metadata", "namespace"), f"there is no namespace {namespace!r}")


def foreign_namespace(new: Manifest) -> Iterator[Violation]:
    """An object outside the one namespace that the webhook of its kind accepts."""
    namespace = new["metadata"]["namespace"]
    if namespace != (schema.KNOWN[new["kind"]].namespace or namespace):
        yield meta.NAMESPACE.at(("metadata", "namespace"), f"{namespace!r}: {new['kind']} lives in default only")


def with_server_fields(new: Manifest, old: Manifest | None) -> Manifest:
    """*new* with the fields that only the server sets, as the server sets them; changed in place.

    Identity and status come from *old*; a create has none. A name is generated where that is asked for.
    """
    metadata = new["metadata"]
    if not metadata.get("name"):
        metadata["name"] = meta.generated_name(metadata)
    for field in _SERVER_SET:
        metadata.pop(field, None)
        if old is not None and field in old["metadata"]:
            metadata[field] = old["metadata"][field]
    new.pop("status", None)
    if old is not None and "status" in old:
        new["status"] = old["status"]
    return new


def stored_form_violations(
    new: Manifest, sent: Mapping[str, Any], old: Manifest | None, upstream: Upstream = schema.NEWEST
) -> list[Violation]:
    """What the CRD's schema and Kubernetes' own rules of metadata refuse in the object after defaulting."""
    found = [SHAPE.at(one.path, one.message) for one in schema.shape_violations(new, upstream)]
    found += itertools.islice(meta.metadata_violations(new, sent), schema.MOST_ERRORS)
    deleted = (sent.get("metadata") or {}).get("deletionTimestamp")
    if deleted is not None and old is not None and not old["metadata"].get("deletionTimestamp"):
        found.append(meta.TIMESTAMP.at(("metadata", "deletionTimestamp"), "an update cannot set it"))
    return found


def merge_patch(target: Any, patch: Any) -> Any:
    """The result of an RFC 7386 merge patch; *target* is not changed."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def _unidentified(manifest: Any, upstream: Upstream) -> Iterator[Violation]:
    """Why the kind of *manifest* cannot be looked up."""
    if not isinstance(manifest, dict):
        yield NO_OBJECT.at((), "is not a mapping")
        return
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    for field, value in (("kind", kind), ("apiVersion", version)):
        if not isinstance(value, str) or not value:
            yield NO_OBJECT.at((field,), "is missing" if value in (None, "") else "is not text")
    if isinstance(kind, str) and isinstance(version, str) and kind and version:
        yield from _unknown_kind(kind, version, upstream)


def _unknown_kind(kind: str, version: str, upstream: Upstream) -> Iterator[Violation]:
    known = schema.KNOWN.get(kind)
    if kind in NEWER_KINDS and upstream is not Upstream.NEWER:
        yield newer_kind(kind)
    elif known is None:
        yield KIND.at(("kind",), f"{kind!r} is not a kind that a fabric holds")
    elif version != known.api_version:
        old = version.startswith(f"{known.group}/") and version.rpartition("/")[2] in _OLD_VERSIONS
        why = "is no longer served" if old else "is not the version of this kind"
        broken = OLD_VERSION if old else VERSION
        yield broken.at(("apiVersion",), f"{version} {kind} {why}; write {known.api_version}")


def _decode_rule(found: schema.SchemaViolation) -> Rule:
    return UNKNOWN_FIELD if found.keyword == "additionalProperties" else TYPE


def _has_nulls_or_floats(value: Any) -> bool:
    """Whether there is a null or a float anywhere: few manifests have one, the others need no copy."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return value is None or kind is float
    for child in value:  # noqa: SIM110 - any() with a generator takes twice as long, and this sees every value there is
        if type(child) is not str and _has_nulls_or_floats(child):
            return True
    return False


def _without_nulls(manifest: Manifest, shape: Mapping[str, Any]) -> Manifest:
    """Null labels and annotations stay, as empty strings: Go reads them into a map of strings."""
    plain: Manifest = _converted(manifest, shape)
    metadata = manifest.get("metadata")
    for field in ("labels", "annotations"):
        if isinstance(metadata, dict) and isinstance(metadata.get(field), dict):
            plain["metadata"][field] = {key: "" if text is None else text for key, text in metadata[field].items()}
    return plain


def _converted(value: Any, shape: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        fields = shape.get("properties", {})
        rest = shape.get("additionalProperties")
        rest = rest if isinstance(rest, dict) else {}
        return {key: _converted(child, fields.get(key, rest)) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        item = shape.get("items", {})
        return [_zero(item) if child is None else _converted(child, item) for child in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    return value


def _emptied(value: Any, shape: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        fields, rest = shape.get("properties", {}), shape.get("additionalProperties")
        if isinstance(rest, dict) and not fields:
            return {key: _zero(rest) if child is None else _emptied(child, rest) for key, child in value.items()}
        return {key: _emptied(child, fields.get(key, {})) for key, child in value.items()}
    if isinstance(value, list):
        return [_emptied(child, shape.get("items", {})) for child in value]
    return value


def _zero(shape: Mapping[str, Any]) -> Any:
    """What Go makes of a null in a list of *shape*."""
    if keywords.is_nil(shape):
        return None
    return {"object": dict, "string": str, "integer": int, "boolean": bool}.get(str(shape.get("type")), lambda: None)()
