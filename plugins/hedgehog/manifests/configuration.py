"""Our own configuration documents, `hedgehog-airflow/v1` GitRepository and Fabric, as settings and back.

The types are those of the fields of `hedgehog.fabric.model`; a value that the fabric database would refuse is refused
here. The exported `fabric.yaml` (kind Fabric of the cluster) is read as well, and sets the fields that it shows.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import SETTING_NAMES, Fabric, GitRepository, Manifest, attribute_of
from hedgehog.fabric.near import did_you_mean, near
from hedgehog.fabric.settings import FabricSettings, field_value
from hedgehog.fabric.shown import LONGEST, shown
from hedgehog.manifests import file_rules, schema
from hedgehog.manifests.configuration_values import name_fault, value_fault
from hedgehog.manifests.intake import Item
from hedgehog.manifests.rule import Path, Violation

GROUP = "hedgehog-airflow"
API_VERSION = f"{GROUP}/v1"
REPOSITORY = "GitRepository"
MODELS: Mapping[str, type] = {REPOSITORY: GitRepository, FABRIC.kind: Fabric}

_KEPT_BY_US = frozenset(
    {
        "id",
        "name",
        "resource_name",
        "suspended",
        "suspended_reason",
        "suspended_until",
        "generation",
        "last_updated",
        "host",
    }
)
SETTINGS: Mapping[str, frozenset[str]] = {
    kind: frozenset(SETTING_NAMES.get(field.name, field.name) for field in dataclasses.fields(model)) - _KEPT_BY_US
    for kind, model in MODELS.items()
}
"""What a document of each kind may set."""

FROM_GIT = frozenset(
    {"description", "asn", "spine_count", "leaf_count", "spine_leaf_links", "vpc_peering_config", "switch_config"}
    | {"settings"}
)
"""The settings of a fabric that its own files may set. A user who may push must not be able to choose another cluster,
a larger prune or another source of truth: those are set by the operators of the database.
"""

_RULE_SETTINGS = "settings"
"""The field of a fabric that is a mapping of fields of `FabricSettings`."""
_ENFORCED = "enforced"
"""The rule setting that a file in Git may not change."""
_DOCUMENT_TYPES: Mapping[Any, Any] = {GitRepository: str, FabricSettings: Mapping}
"""The type that a document has in place of that of the field."""
_WORDS = {str: "a string", int: "an integer", bool: "true or false", Mapping: "a mapping", types.NoneType: "null"}
_NEARLY_OURS = 0.85
"""How similar to our group a word must be to be taken for a misspelling of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a document says about one repository or fabric. Only these settings are set, all others stay."""

    kind: str
    name: str
    values: Mapping[str, Any]
    item: Item

    def place(self, setting: str) -> str:
        """The place of the setting in the document."""
        return self.item.place(("spec", setting))


def is_configuration(manifest: Mapping[str, Any]) -> bool:
    """Whether the manifest configures this product: ours by apiVersion, or the Fabric resource that we publish.

    An apiVersion that is nearly ours is a misspelling: the document must not be taken for another product's.
    """
    version = manifest.get("apiVersion")
    if version == API_VERSION or is_fabric_resource(manifest):
        return True
    group = version.partition("/")[0] if isinstance(version, str) else ""
    return group == GROUP or (
        abs(len(group) - len(GROUP)) < len(GROUP) and bool(near(group, [GROUP], like=_NEARLY_OURS))
    )


def is_fabric_resource(manifest: Mapping[str, Any]) -> bool:
    """Whether it is the product's own Fabric resource, in any group; upstream's future Fabric is `v1beta1`."""
    version = manifest.get("apiVersion")
    return (
        manifest.get("kind") == FABRIC.kind
        and isinstance(version, str)
        and version.rpartition("/")[2] == FABRIC.version
        and not version.startswith(f"{GROUP}/")
    )


def configuration_violations(manifest: Mapping[str, Any]) -> list[Violation]:
    """Everything that is wrong with a configuration document: unknown fields, types, values out of their bounds."""
    return [] if isinstance(found := _read(manifest), tuple) else found


def read_configuration(item: Item) -> Settings | list[str]:
    """The settings that the configuration document *item* gives, or its problems, each with its place."""
    found = _read(item.manifest)
    if isinstance(found, tuple):
        return Settings(*found, item)
    return problem_lines(item, found)


def problem_lines(item: Item, found: list[Violation]) -> list[str]:
    """*found* in *item*, one line each: place, document, field, and what is wrong."""
    return [f"{item.place(one.path)}: {_subject(item.manifest)}{one}" for one in found]


def taken_from_git(found: Settings, fabric: Fabric) -> tuple[Mapping[str, Any], list[Violation]]:
    """The settings of a document in the directory of *fabric* that are taken over, and those that Git may not set.

    A document may repeat what the fabric database says. Whether the rules are enforced stays as the database has it: a
    user who may push must not decide whether pushes are checked.
    """
    if (found.kind, found.name) != (FABRIC.kind, fabric.name):
        what = f"{found.kind}/{found.name} cannot be set here, only Fabric/{fabric.name}; use `hedgehog fabric import`"
        return {}, [file_rules.CONFIGURATION_OWNER.at((), what)]
    values, problems = {}, []
    for key, value in found.values.items():
        given = value.get(_ENFORCED, fabric.settings.enforced) if key == _RULE_SETTINGS else None
        if key not in FROM_GIT and value != _document_value(fabric, key):
            what = "is set in the fabric database, not in Git; use `hedgehog fabric import`"
            problems.append(file_rules.CONFIGURATION_OWNER.at(("spec", key), what))
        elif key == _RULE_SETTINGS and given is not fabric.settings.enforced:
            what = (
                "is set in the fabric database, not in Git: a push must not decide whether it is checked; use "
                "`hedgehog fabric import`"
            )
            problems.append(file_rules.CONFIGURATION_OWNER.at(("spec", key, _ENFORCED), what))
        elif key in FROM_GIT:
            values[key] = {**value, _ENFORCED: fabric.settings.enforced} if key == _RULE_SETTINGS else value
    return values, problems


Given = dict[tuple[str, str, str], tuple[Any, str]]
"""What earlier documents set: kind, name and setting → value and place."""


def contradictions(found: Settings, given: Given) -> list[Violation]:
    """What *found* sets to another value than a document before it; its other settings are added to *given*."""
    problems = []
    for key, value in found.values.items():
        seen = given.get((found.kind, found.name, key))
        if seen is None:
            given[found.kind, found.name, key] = value, found.place(key)
        elif seen[0] != value:
            what = f"has another value in {seen[1]}; remove one of the two"
            problems.append(file_rules.CONFIGURATION_FIELD.at(("spec", key), what))
    return problems


def _document_value(fabric: Fabric, key: str) -> Any:
    value = fabric.setting(key)
    return value.name if key == "git_repository" and value is not None else value


def _subject(manifest: Mapping[str, Any]) -> str:
    """The words that name the document before a problem of it; empty where its kind is not ours."""
    if is_fabric_resource(manifest):
        return "Fabric resource: "
    kind, metadata = manifest.get("kind"), manifest.get("metadata")
    if not isinstance(kind, str) or kind not in SETTINGS or manifest.get("apiVersion") != API_VERSION:
        return ""
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return f"{kind}/{name[:LONGEST]}: " if isinstance(name, str) and name else f"{kind}: "


_Read = tuple[str, str, Mapping[str, Any]]
"""Kind, name and values."""


def _read(manifest: Mapping[str, Any]) -> _Read | list[Violation]:
    if is_fabric_resource(manifest):
        return _read_resource(manifest)
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if version != API_VERSION:
        what = f"{shown(version)} is not served; write {API_VERSION}"
        return [file_rules.CONFIGURATION_FIELD.at(("apiVersion",), what)]
    if not isinstance(kind, str) or kind not in SETTINGS:
        what = f"{API_VERSION} has kinds {' and '.join(sorted(SETTINGS))}, not {shown(kind)}"
        return [file_rules.CONFIGURATION_FIELD.at(("kind",), what)]
    return _read_document(kind, manifest)


def _read_document(kind: str, manifest: Mapping[str, Any]) -> _Read | list[Violation]:
    metadata, spec = manifest.get("metadata"), manifest.get("spec")
    found = [*_metadata_faults(kind, metadata), *_unknown_fields(manifest)]
    name = metadata["name"] if isinstance(metadata, Mapping) and not found else ""
    if spec is not None and not isinstance(spec, Mapping):
        found.append(file_rules.CONFIGURATION_FIELD.at(("spec",), f"{shown(spec)} is not a mapping"))
        spec = None
    found += [one for key, value in (spec or {}).items() for one in _faults(kind, key, value)]
    return found or (kind, name, dict(spec or {}))


def _metadata_faults(kind: str, metadata: Any) -> Iterator[Violation]:
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if name is None or name == "":
        yield file_rules.CONFIGURATION_FIELD.at(("metadata", "name"), "is missing")
    elif not isinstance(name, str):
        what = f"{shown(name)} is not a string; write it in quotes if that is the name"
        yield file_rules.CONFIGURATION_FIELD.at(("metadata", "name"), what)
    elif wrong := name_fault(kind, name):
        yield file_rules.CONFIGURATION_FIELD.at(("metadata", "name"), wrong)
    if isinstance(metadata, Mapping):
        for key in metadata.keys() - {"name", "namespace", "labels", "annotations"}:
            yield file_rules.CONFIGURATION_FIELD.at(
                ("metadata", key), "there is no such field; write metadata.name alone"
            )


def _unknown_fields(manifest: Mapping[str, Any]) -> Iterator[Violation]:
    for key in sorted(manifest.keys() - {"apiVersion", "kind", "metadata", "spec"}):
        yield file_rules.CONFIGURATION_FIELD.at((key,), "there is no such field; settings belong under spec")


def _read_resource(manifest: Mapping[str, Any]) -> _Read | list[Violation]:
    whole = canonical({**manifest, "apiVersion": FABRIC.api_version})
    wrong = schema.schema_violations(whole)
    if wrong:
        return [file_rules.CONFIGURATION_FIELD.at(one.path, one.message) for one in wrong]
    spec = dict(whole.get("spec") or {})
    given, name = spec.pop("name", None), whole["metadata"]["name"]
    found = [one for key, value in spec.items() for one in _faults(FABRIC.kind, key, value)]
    if given is not None and given.lower() != name:
        what = f"{shown(given)} is not the fabric that metadata.name {shown(name)} stands for"
        found.append(file_rules.CONFIGURATION_FIELD.at(("spec", "name"), what))
    elif wrong_name := name_fault(FABRIC.kind, given or name):
        found.append(file_rules.CONFIGURATION_FIELD.at(("metadata", "name"), wrong_name))
    return found or (FABRIC.kind, given or name, spec)


def document(kind: str, name: str, values: Mapping[str, Any]) -> Manifest:
    """The configuration document that sets *values*; `read_configuration` returns them."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(values)}


def _faults(kind: str, setting: str, value: Any) -> Iterator[Violation]:
    """What is wrong with a setting or the fields in it."""
    path: Path = ("spec", setting)
    if setting not in SETTINGS[kind]:
        hint = did_you_mean(setting, SETTINGS[kind], otherwise=f"known are {', '.join(sorted(SETTINGS[kind]))}")
        yield file_rules.CONFIGURATION_FIELD.at(path, f"there is no such setting; {hint}")
        return
    options = _types(kind, setting)
    if not any(_fits(value, option) for option in options):
        wanted = " or ".join(_type_words(option) for option in options)
        yield file_rules.CONFIGURATION_FIELD.at(path, f"{shown(value)} is not {wanted}")
    elif wrong := value_fault(setting, value):
        yield file_rules.CONFIGURATION_FIELD.at(path, wrong)
    elif setting == _RULE_SETTINGS:
        for name, one in value.items():
            try:
                field_value(name, one)
            except ValueError as error:
                yield file_rules.CONFIGURATION_FIELD.at((*path, name), str(error))


@functools.cache
def _types(kind: str, setting: str) -> tuple[Any, ...]:
    hint = typing.get_type_hints(MODELS[kind])[attribute_of(setting)]
    options = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return tuple(_DOCUMENT_TYPES.get(option) or typing.get_origin(option) or option for option in options)


def _fits(value: Any, option: Any) -> bool:
    if issubclass(option, StrEnum):
        return isinstance(value, str) and value in {member.value for member in option}
    return isinstance(value, option) and not (isinstance(value, bool) and option is int)


def _type_words(option: Any) -> str:
    if issubclass(option, StrEnum):
        return f"one of {', '.join(member.value for member in option)}"
    return _WORDS[option]
