"""From a manifest as it was written to the object that a fabric holds, or every reason why it is refused.

What the cluster sets (status, uid, computed labels …) and null map values, which the API server drops, are left out;
what a person set is kept. The result has name and namespace, the shape of its kind, and no secrets. Pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.differences import SECRET_FIELDS
from hedgehog.fabric.kinds import ALL_KINDS, CONTROLLER_KINDS, FABRIC, FABRICATOR, KINDS, NEWER_KINDS, WIRING, Kind
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.near import did_you_mean, near
from hedgehog.fabric.settings import Upstream
from hedgehog.fabric.shown import shown
from hedgehog.manifests import decode, file_rules
from hedgehog.manifests import rule as rules
from hedgehog.manifests.schema import NEWEST, SchemaViolation, schema_violations, unwritable
from hedgehog.manifests.yaml import Document

MOST_PROBLEMS = 100
"""At most so many problems of one object are reported."""
LONGEST_LABEL = 63
"""The most characters of a label value; Hedgehog copies names of objects into labels of those that refer to them."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SOPS = "sops"
"""The field that sops adds to an encrypted document, of which name and kind are encrypted, too."""
_LONGEST_NAME = 253
_LONGEST_SUBJECT = 300
_URL_LOGIN = re.compile(r"://([^/@\s]*)@")
"""The pattern has no colon: with two repetitions of the same characters it would try every pair of places."""
_RENAMED = {
    "Peering": "it is called GatewayPeering since March 2026",
    "Node": "it is now called FabNode",
    "FabricNode": "it is now called FabNode",
}
_REMOVED = frozenset({"Rack", "ServerPort", "SwitchPort", "NAT", "VPCSummary", "ControlAgent", "ControlNode"})
"""ControlNode of the wiring group; that of the fabricator group still exists."""
_OLD_VERSIONS = frozenset({"v1alpha1", "v1alpha2"})
_STRIPPED = frozenset({"finalizers"})
"""Set by controllers; `canonical` keeps them, because they are compared."""


@dataclass(frozen=True, slots=True)
class Item:
    """One manifest and its place: in a document, possibly inside a `List`, or in a cluster."""

    manifest: Manifest
    source: Document | str
    prefix: tuple[str | int, ...] = ()
    start: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)
    """Line and column of the manifest in a `List`: kept, because many duplicates would ask for it repeatedly."""

    def place(self, path: tuple[str | int, ...] = ()) -> str:
        """`file:line:column` of the field at *path*, or the name of the cluster."""
        if isinstance(self.source, str):
            return self.source
        line, column = self.start if self.prefix and not path else self.source.position((*self.prefix, *path))
        return f"{self.source.file}:{line}:{column}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An object as a fabric stores it, and what was left out of it (`status`, `metadata.uid`, `label x`)."""

    item: Item
    ref: ObjectRef
    manifest: Manifest
    left_out: tuple[str, ...]


def items(document: Document) -> list[Item]:
    """The manifests of a document: itself, or the items of a `List` as `kubectl get -o yaml` writes it."""
    manifest = document.manifest
    if manifest.get("kind") == "List" and isinstance(manifest.get("items"), list):
        return [
            Item(entry if isinstance(entry, dict) else {}, document, path, document.position(path))
            for index, entry in enumerate(manifest["items"])
            if (path := ("items", index))
        ]
    return [Item(manifest, document)]


def is_opaque(manifest: Mapping[str, Any]) -> bool:
    """Whether it is not known what *manifest*, one of `items`, holds: it is a list that `items` does not open, an entry
    of a list that is not a manifest, or it is encrypted.
    """
    kind = manifest.get("kind")
    hidden = isinstance(kind, str) and (kind.lower().endswith("list") or _KIND.fullmatch(kind) is None)
    return not manifest or hidden or _SOPS in manifest


def accept_manifest(item: Item, *, namespace: str, upstream: Upstream = NEWEST) -> Accepted | list[str]:
    """The object of *item*, or all its problems as `place: Kind/namespace/name: what is wrong; what to do`.

    *namespace* is that of an object which names none and whose kind accepts any; *upstream* is the release of the
    fabric's cluster, whose fields the object may have.
    """
    kind = held_kind(item.manifest, upstream)
    if isinstance(kind, rules.Violation):
        return [f"{item.place(kind.path)}: {kind.message}"]
    unfit = list(itertools.islice(unwritable(item.manifest), MOST_PROBLEMS))
    if unfit:
        return [f"{item.place(one.path)}: {_subject(item.manifest)}: {one}" for one in unfit]
    manifest = canonical(item.manifest)
    for name in _STRIPPED:
        manifest["metadata"].pop(name, None)
    manifest["metadata"].setdefault("namespace", kind.namespace or namespace)
    found = [
        *_metadata_violations(item.manifest, manifest, kind, namespace),
        *schema_violations(manifest, upstream),
        *_secrets(manifest),
    ][:MOST_PROBLEMS]
    if found:
        subject = _subject(manifest)
        return [f"{item.place(violation.path)}: {subject}: {violation}" for violation in found]
    return Accepted(item, ObjectRef.of(manifest), manifest, tuple(_left_out(item.manifest, manifest)))


def is_hedgehog_name(kind: str) -> bool:
    """Whether *kind* is a Hedgehog kind, or so similar to one that this may be meant."""
    old = _RENAMED.keys() | _REMOVED | CONTROLLER_KINDS
    return kind in old or bool(near(kind, KINDS, like=0.8))


def secrets(manifest: Mapping[str, Any]) -> list[SchemaViolation]:
    """The fields of *manifest* that contain a password or token. Their values are not shown."""
    return list(_secrets(manifest))


def _subject(manifest: Mapping[str, Any]) -> str:
    given = manifest.get("metadata")
    metadata: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    return f"{manifest['kind']}/{_shown_field(metadata, 'namespace')}/{_shown_field(metadata, 'name')}"


def _shown_field(metadata: Mapping[str, Any], field: str) -> str:
    value = metadata.get(field, "?")
    return value[:_LONGEST_SUBJECT] if isinstance(value, str) else shown(value)


def held_kind(manifest: Mapping[str, Any], upstream: Upstream = NEWEST) -> Kind | rules.Violation:
    """The row of the manifest's kind, if a fabric can hold such objects in that version; otherwise why not.

    Where *upstream* is newer than what is known here, that may be a kind of which only the name is known.
    """
    name, api_version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(name, str) or not isinstance(api_version, str) or not name or not api_version:
        return decode.NO_OBJECT.at((), "apiVersion and kind are missing; this is not a Kubernetes object")
    if name in NEWER_KINDS and upstream is not Upstream.NEWER:
        return decode.newer_kind(name)
    row = ALL_KINDS.get(name)
    if row is None or (name == "ControlNode" and api_version.startswith(f"{WIRING}/")):
        return _kind_violation(name, api_version)
    if api_version == row.api_version:
        return row
    old = api_version.rpartition("/")[2] in _OLD_VERSIONS
    why = "is not served since Beta-1 (October 2024); port it to" if old else "does not exist; write"
    rule = decode.OLD_VERSION if old else decode.VERSION
    return rule.at(("apiVersion",), f"{api_version} {name} {why} {row.api_version}")


def _kind_violation(name: str, api_version: str) -> rules.Violation:
    rule, why = _why_not_held(name, api_version)
    return rule.at(("kind",), why)


def _why_not_held(name: str, api_version: str) -> tuple[rules.Rule, str]:
    if name in CONTROLLER_KINDS:
        return file_rules.CONTROLLER, f"{name} is written by Hedgehog's controllers, never by users; remove it"
    if name in _RENAMED:
        return file_rules.RENAMED, f"{api_version} {name} is an old kind: {_RENAMED[name]}"
    if name in _REMOVED:
        return file_rules.REMOVED, f"{api_version} {name} was removed in Beta-1 (October 2024); remove it"
    if name == FABRIC.kind:
        why = f"{api_version} {name} is not ours; write {FABRIC.api_version} or hedgehog-airflow/v1"
        return file_rules.FOREIGN_FABRIC, why
    hint = did_you_mean(name, KINDS, most=2, like=0.5, otherwise=f"known are {', '.join(sorted(KINDS))}")
    return decode.KIND, f"{api_version} {name} is not a kind that a fabric holds; {hint}"


def foreign_namespace(kind: str, namespace: Any, own: str) -> str:
    """Why an object of *kind* may not be in *namespace*, in a fabric whose namespace is *own*; empty where it may.

    The author of a manifest must not be able to write into the namespaces of other people on the cluster.
    """
    row = ALL_KINDS.get(kind)
    wanted = own if row is None or row.namespace is None else row.namespace
    if namespace == wanted:
        return ""
    where = "the namespace of its fabric" if row is None or row.namespace is None else "namespace"
    return f"{shown(namespace)}: {kind} lives in {where} {wanted} only"


def _metadata_violations(
    raw: Mapping[str, Any], manifest: Manifest, kind: Kind, own_namespace: str
) -> Iterator[SchemaViolation]:
    if not isinstance(raw.get("metadata"), Mapping):
        yield SchemaViolation((), "metadata is missing or is not a mapping; write at least metadata.name")
    name, namespace = manifest["metadata"].get("name"), manifest["metadata"]["namespace"]
    if isinstance(name, str) and (len(name) > _LONGEST_NAME or not _NAME.fullmatch(name)):
        yield SchemaViolation(
            ("metadata", "name"),
            f"{shown(name)} is not a Kubernetes name: lower-case letters, digits, '-' and '.', at most {_LONGEST_NAME}",
        )
    foreign = foreign_namespace(kind.kind, namespace, own_namespace)
    if foreign:
        yield SchemaViolation(("metadata", "namespace"), foreign)


def _secrets(manifest: Mapping[str, Any]) -> Iterator[SchemaViolation]:
    if manifest.get("apiVersion", "").startswith(f"{FABRICATOR}/"):
        yield from _secret_values(manifest.get("spec"), ("spec",))


def _secret_values(value: Any, path: tuple[str | int, ...]) -> Iterator[SchemaViolation]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _secret_values(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _secret_values(child, (*path, index))
    elif isinstance(value, str) and value and (path[-1] in SECRET_FIELDS or _has_password(value)):
        yield SchemaViolation(
            path, "holds a secret, which would reach Git; leave it out, the cluster keeps what it has"
        )


def _has_password(text: str) -> bool:
    """Whether it contains a URL with a password."""
    return any(":" in login[:-1] for login in _URL_LOGIN.findall(text))


def _left_out(raw: Mapping[str, Any], kept: Manifest) -> Iterator[str]:
    """What *raw* has and *kept* does not, except for nulls."""
    yield from sorted(key for key, value in raw.items() if key not in kept and value is not None)
    metadata = raw["metadata"]
    for key, value in metadata.items():
        if key in ("labels", "annotations") and isinstance(value, Mapping):
            mine = kept["metadata"].get(key, {})
            yield from (f"{key[:-1]} {name}" for name in value if name not in mine and value[name] is not None)
        elif key not in kept["metadata"] and value is not None:
            yield f"metadata.{key}"
