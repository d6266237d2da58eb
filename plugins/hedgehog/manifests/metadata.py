"""Kubernetes' own rules of metadata: names, labels, annotations, owners, finalizers.

They follow k8s.io/apimachinery (pkg/api/validation/objectmeta.go, pkg/util/validation, v1.36). Labels are checked in
the stored form, because Hedgehog computes some from the names that a spec refers to.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Path, Rule, Violation, rule

LONGEST_NAME = 253
LONGEST_LABEL = 63
LARGEST_ANNOTATIONS = 256 * 2**10
"""Bytes of all keys and values together."""
GENERATED = "bcdfg"
"""Stands for the five characters that a server would draw after `generateName`."""

_OBJECTMETA = "k8s.io/apimachinery pkg/api/validation/objectmeta.go"
NAME = rule(
    "metadata-name",
    what="A name is an RFC 1123 subdomain of at most 253 characters.",
    why="The API server answers 422; a name is part of URLs.",
    source=f"{_OBJECTMETA} ValidateObjectMetaAccessor, NameIsDNSSubdomain",
    fix="write lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit: leaf-01",
)
LABEL_KEY = rule(
    "metadata-label-key",
    what=(
        "A label key is `name` or `prefix/name`: the name has at most 63 letters, digits, '-', '_' and '.', "
        "the prefix is a DNS name."
    ),
    why="The API server answers 422. Hedgehog computes label keys from the names of switches and servers.",
    source="k8s.io/apimachinery pkg/apis/meta/v1/validation ValidateLabels",
    fix="correct the key, or the name from which Hedgehog computes it: example.com/team",
)
LABEL_VALUE = rule(
    "metadata-label-value",
    what=(
        "A label value is empty or has at most 63 letters, digits, '-', '_' and '.', the first and last a "
        "letter or digit."
    ),
    why="The API server answers 422. Hedgehog copies the names that a spec refers to into label values.",
    source="k8s.io/apimachinery pkg/apis/meta/v1/validation ValidateLabels",
    fix="correct the value, or the name in spec that Hedgehog copies into it",
)
ANNOTATION_KEY = rule(
    "metadata-annotation-key",
    what="An annotation key is `name` or `prefix/name`, as a label key is.",
    why="The API server answers 422.",
    source=f"{_OBJECTMETA} ValidateAnnotations",
    fix="correct the key: example.com/note",
)
ANNOTATIONS_SIZE = rule(
    "metadata-annotations-size",
    what="The annotations of an object have at most 262144 bytes, keys and values together.",
    why="The API server answers 422.",
    source=f"{_OBJECTMETA} ValidateAnnotationsSize",
    fix="keep large texts elsewhere and annotate where they are",
)
OWNER = rule(
    "metadata-owner",
    what="An owner reference has apiVersion, kind, name and uid, and one owner at most is the controller.",
    why="The API server answers 422.",
    source=f"{_OBJECTMETA} ValidateOwnerReferences",
    fix="remove ownerReferences: they are set by controllers, not by people",
)
FINALIZER = rule(
    "metadata-finalizer",
    what="A finalizer is a qualified name, and orphan and foregroundDeletion are not both set.",
    why="The API server answers 422.",
    source=f"{_OBJECTMETA} ValidateFinalizers",
    fix="remove finalizers: they are set by controllers, not by people",
)
TIMESTAMP = rule(
    "metadata-timestamp",
    what="creationTimestamp and deletionTimestamp are RFC 3339 times, and only the server sets a deletionTimestamp.",
    why="The API server answers 400, or 422 for a deletionTimestamp in an update.",
    source="k8s.io/apimachinery pkg/apis/meta/v1/time.go UnmarshalJSON",
    fix="remove the field: the server sets it",
)
NAMESPACE = rule(
    "metadata-namespace",
    what="Objects of a fabric live in namespace default.",
    why="Hedgehog looks nowhere else; its webhooks refuse every other namespace.",
    source="api/meta/validation.go ValidateObjectMetadata",
    fix="write `namespace: default`, or leave it out",
)

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d)([.,]\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_TIMES = ("creationTimestamp", "deletionTimestamp")
_BAD_OWNERS = frozenset({("v1", "Event")})
_INVALID = "<invalid>"
"""The value of the label connection-type that Hedgehog computes where no type is set."""


def metadata_violations(new: Manifest, sent: Mapping[str, Any]) -> Iterator[Violation]:
    """What the API server refuses of the metadata of *new*, the stored form of what was *sent*."""
    metadata = new["metadata"]
    fault = name_fault(metadata.get("name", ""))
    if fault:
        yield NAME.at(("metadata", "name"), fault)
    labels = metadata.get("labels")
    if labels:
        yield from _labels(labels, (sent.get("metadata") or {}).get("labels") or {})
    annotations = metadata.get("annotations")
    if annotations:
        yield from _annotations(annotations)
    if "ownerReferences" in metadata:
        yield from _owners(metadata["ownerReferences"])
    if "finalizers" in metadata:
        yield from _finalizers(metadata["finalizers"])


def name_fault(name: str) -> str:
    """What is wrong with the name of an object, in words; empty when it is right."""
    if not name:
        return "there is no name"
    if len(name) > LONGEST_NAME:
        return f"the name has {len(name)} characters; at most {LONGEST_NAME} are allowed"
    if not _SUBDOMAIN.fullmatch(name):
        return f"{name!r} is not a Kubernetes name"
    return ""


def time_violations(metadata: Mapping[str, Any]) -> Iterator[Violation]:
    """The timestamps that cannot be read."""
    for name in _TIMES:
        value = metadata.get(name)
        if value is not None and not _TIME.fullmatch(value):
            yield TIMESTAMP.at(("metadata", name), f"{value!r} is not an RFC 3339 time")


def generated_name(metadata: Mapping[str, Any]) -> str:
    """A name as a server would generate it from `generateName`; empty where that is not set either."""
    prefix: str = metadata.get("generateName") or ""
    return prefix[: LONGEST_LABEL - len(GENERATED)] + GENERATED if prefix else ""


def _labels(labels: Mapping[str, str], sent: Mapping[str, Any]) -> Iterator[Violation]:
    for key, value in labels.items():
        for fault in _key_faults(key):
            yield LABEL_KEY.at(("metadata", "labels", key), _with_origin(f"the label key {key!r} {fault}", key, sent))
        fault = _value_fault(value)
        if fault:
            yield LABEL_VALUE.at(("metadata", "labels", key), _with_origin(fault, key, sent), _advice(key, value, sent))


def _with_origin(fault: str, key: str, sent: Mapping[str, Any]) -> str:
    return fault if key in sent else f"{fault} (Hedgehog computes the label {key} from spec)"


def _advice(key: str, value: str, sent: Mapping[str, Any]) -> str:
    if value == _INVALID:
        return "set exactly one of the connection types in spec"
    return "" if key in sent else f"correct or shorten {value!r} where spec refers to it"


@functools.lru_cache(maxsize=1 << 16)
def _value_fault(value: str) -> str:
    if len(value) > LONGEST_LABEL:
        return f"the label value {value!r} has {len(value)} characters; at most {LONGEST_LABEL} are allowed"
    if value and not _QUALIFIED.fullmatch(value):
        return f"{value!r} is not a label value"
    return ""


@functools.lru_cache(maxsize=1 << 16)
def _key_faults(key: str) -> tuple[str, ...]:
    """What is wrong with a qualified name (`prefix/name` or `name`)."""
    prefix, slash, name = key.rpartition("/")
    faults = []
    if slash and (not prefix or len(prefix) > LONGEST_NAME or not _SUBDOMAIN.fullmatch(prefix)):
        faults.append(f"has a prefix that is not a DNS name, {prefix!r}")
    if not name:
        faults.append("has no name")
    elif len(name) > LONGEST_LABEL:
        faults.append(f"has a name of {len(name)} characters; at most {LONGEST_LABEL} are allowed")
    elif not _QUALIFIED.fullmatch(name):
        faults.append(f"has the name {name!r}, which is not of letters, digits, '-', '_' and '.'")
    return tuple(faults)


def _annotations(annotations: Mapping[str, str]) -> Iterator[Violation]:
    size = 0
    for key, value in annotations.items():
        size += len(key.encode()) + len(value.encode())
        for fault in _key_faults(key.lower()):
            yield ANNOTATION_KEY.at(("metadata", "annotations", key), f"the annotation key {key!r} {fault}")
    if size > LARGEST_ANNOTATIONS:
        yield ANNOTATIONS_SIZE.at(("metadata", "annotations"), f"the annotations have {size} bytes")


def _owners(owners: Iterable[Mapping[str, Any]]) -> Iterator[Violation]:
    controllers = 0
    for index, owner in enumerate(owners):
        path: Path = ("metadata", "ownerReferences", index)
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield OWNER.at((*path, field), "is missing")
        version = owner.get("apiVersion", "")
        if version.count("/") > 1:
            yield OWNER.at((*path, "apiVersion"), f"{version!r} is not group/version")
        if (version, owner.get("kind")) in _BAD_OWNERS:
            yield OWNER.at(path, "an Event cannot be an owner")
        controllers += owner.get("controller") is True
    if controllers > 1:
        yield OWNER.at(("metadata", "ownerReferences"), f"{controllers} owners are the controller")


def _finalizers(finalizers: list[str]) -> Iterator[Violation]:
    for index, name in enumerate(finalizers):
        yield from _violations_of(
            FINALIZER, ("metadata", "finalizers", index), f"the finalizer {name!r}", _key_faults(name)
        )
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        yield FINALIZER.at(("metadata", "finalizers"), "orphan and foregroundDeletion exclude each other")


def _violations_of(broken: Rule, path: Path, subject: str, faults: Iterable[str]) -> Iterator[Violation]:
    return (broken.at(path, f"{subject} {fault}") for fault in faults)
