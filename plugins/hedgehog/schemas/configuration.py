"""Our own configuration documents, `hedgehog-airflow/v1` GitRepository and Fabric, as settings and back.

The types are those of the fields of `hedgehog.fabric.model`; what a value may be beyond its type is the database's to
say. The exported `fabric.yaml` (kind Fabric of the cluster) is read as well: it sets what it shows.
"""

from __future__ import annotations

import difflib
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, GitRepository, Manifest
from hedgehog.fabric.settings import FabricSettings, field_value
from hedgehog.schemas.intake import Item
from hedgehog.schemas.schema import violations

API_VERSION = "hedgehog-airflow/v1"
REPOSITORY = "GitRepository"
MODELS: Mapping[str, type] = {REPOSITORY: GitRepository, FABRIC.kind: Fabric}

_RULE_SETTINGS = "settings"
"""The field of a fabric that is a mapping of fields of `FabricSettings`."""
_PLAIN: Mapping[Any, Any] = {GitRepository: str, FabricSettings: Mapping}
"""What a document holds in the place of a value."""
_URL_LOGIN = "the URL carries a login; put it into an Airflow connection and name that in connection_id"
_WORDS = {str: "a string", int: "an integer", bool: "true or false", Mapping: "a mapping", types.NoneType: "null"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a document says about one repository or fabric. Only these settings are set, all others stay."""

    kind: str
    name: str
    values: Mapping[str, Any]
    item: Item

    def place(self, setting: str) -> str:
        """Where the document says it."""
        return self.item.place(("spec", setting))


def is_configuration(manifest: Mapping[str, Any]) -> bool:
    """Whether the manifest configures this product: ours by apiVersion, or the Fabric resource that we publish."""
    return manifest.get("apiVersion") == API_VERSION or is_fabric_resource(manifest)


def is_fabric_resource(manifest: Mapping[str, Any]) -> bool:
    """Whether it is the product's own Fabric resource, in whatever group; upstream's coming Fabric is `v1beta1`."""
    version = str(manifest.get("apiVersion")).rpartition("/")[2]
    return manifest.get("kind") == FABRIC.kind and version == FABRIC.version


def read(item: Item, *, known: Mapping[str, frozenset[str]]) -> Settings | list[str]:
    """The settings that *item* gives, or its problems, each with its place. *known* are the settings of each kind."""
    if is_fabric_resource(item.manifest):
        return _read_resource(item)
    kind, metadata, spec = (item.manifest.get(key) for key in ("kind", "metadata", "spec"))
    if not isinstance(kind, str) or kind not in known:
        return [f"{item.place(('kind',))}: {API_VERSION} has kinds {' and '.join(sorted(known))}, not {kind!r}"]
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    problems = []
    if not isinstance(name, str) or not name:
        problems.append(f"{item.place(('metadata',))}: {kind}: metadata.name is missing")
    for key in sorted(item.manifest.keys() - {"apiVersion", "kind", "metadata", "spec"}):
        problems.append(f"{item.place((key,))}: {kind}/{name}: there is no such field; settings stand under spec")
    if spec is not None and not isinstance(spec, Mapping):
        problems.append(f"{item.place(('spec',))}: {kind}/{name}: spec is no mapping")
        spec = None
    for key, value in (spec or {}).items():
        for path, wrong in _faults(kind, key, value, known[kind]):
            problems.append(f"{item.place(('spec', *path))}: {kind}/{name}: .spec.{'.'.join(path)}: {wrong}")
    return problems or Settings(kind, str(name), dict(spec or {}), item)


def _read_resource(item: Item) -> Settings | list[str]:
    manifest = canonical({**item.manifest, "apiVersion": FABRIC.api_version})
    found = violations(manifest)
    if found:
        return [f"{item.place(violation.path)}: Fabric resource: {violation}" for violation in found]
    spec = dict(manifest.get("spec") or {})
    name = spec.pop("name", manifest["metadata"]["name"])
    if name.lower() != manifest["metadata"]["name"]:
        wrong = f"{name!r} is not the fabric that metadata.name {manifest['metadata']['name']!r} stands for"
        return [f"{item.place(('spec', 'name'))}: Fabric resource: .spec.name: {wrong}"]
    return Settings(FABRIC.kind, name, spec, item)


def document(kind: str, name: str, values: Mapping[str, Any]) -> Manifest:
    """The configuration document that sets *values*; `read` gives them back."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(values)}


def _faults(kind: str, setting: str, value: Any, known: frozenset[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with a setting or the fields in it, each with its path below spec."""
    wrong = _wrong(kind, setting, value, known)
    if wrong:
        yield (setting,), wrong
    elif setting == _RULE_SETTINGS:
        for name, one in value.items():
            try:
                field_value(name, one)
            except ValueError as error:
                yield (setting, name), str(error)


def _wrong(kind: str, setting: str, value: Any, known: frozenset[str]) -> str:
    """What is wrong with a setting; empty when it is known and has the right type."""
    if setting not in known:
        near = difflib.get_close_matches(setting, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        return f"there is no such setting; {hint}"
    options = _types(kind, setting)
    if any(_fits(value, option) for option in options):
        return _URL_LOGIN if setting == "url" and _has_login(value) else ""
    return f"{value!r} is not {' or '.join(_said(option) for option in options)}"


def _has_login(url: str) -> bool:
    """A token may stand where a user name is expected; ssh has a user name by nature."""
    return url.startswith(("http://", "https://")) and "@" in url.split("/", 3)[2]


@functools.cache
def _types(kind: str, setting: str) -> tuple[Any, ...]:
    hint = typing.get_type_hints(MODELS[kind])[setting]
    options = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return tuple(_PLAIN.get(option) or typing.get_origin(option) or option for option in options)


def _fits(value: Any, option: Any) -> bool:
    if issubclass(option, StrEnum):
        return isinstance(value, str) and value in {member.value for member in option}
    return isinstance(value, option) and not (isinstance(value, bool) and option is int)


def _said(option: Any) -> str:
    if issubclass(option, StrEnum):
        return f"one of {', '.join(member.value for member in option)}"
    return _WORDS[option]
