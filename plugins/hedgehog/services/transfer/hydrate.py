"""Filling in the addresses and ASNs that the files of a wiring leave out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.fabricator import effective_settings, is_fabricator, read_fabricator
from hedgehog.fabric.hydration.assigned import Path, assigned_fields
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.inspect import HydrationStatus
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.hydration.wiring import KINDS_WITH_ADDRESSES
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import intake, yaml
from hedgehog.manifests.intake import Item
from hedgehog.manifests.round_trip import set_fields
from hedgehog.manifests.schema import decode_violations

_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One field that was assigned."""

    place: str
    """`file:line:column` of the object."""
    ref: ObjectRef
    path: Path
    value: Any

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"place": self.place, "ref": str(self.ref), "path": list(self.path), "value": self.value}


@dataclass(frozen=True, slots=True)
class HydratedFiles:
    """What hydration makes of files."""

    before: HydrationStatus | None
    assigned: tuple[Assignment, ...]
    contents: dict[str, bytes] = field(repr=False)
    """The files that change, as they are to be written; comments and order are kept."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "before": self.before.value if self.before else None,
            "files": sorted(self.contents),
            "assigned": [one.as_dict() for one in self.assigned],
        }


def hydrate_files(contents: Mapping[str, bytes], mode: HydrationMode) -> HydratedFiles:
    """Assign in *contents* (name → YAML) what *mode* allows, from the ranges of the Fabricator among them, else upstream's.

    Raises InvalidInput with one line per problem: the file, the object, the field, what is wrong.
    """
    found = _read(contents)
    settings = _settings(found)
    result = hydrate((one.manifest for one in found.values()), ranges_of(settings), mode)
    if result.problems:
        raise InvalidInput("\n".join(_placed(found, one.ref, str(one)) for one in result.problems))
    changes: dict[ObjectRef, dict[Path, Any]] = {}
    for after in result.objects:
        ref = ObjectRef.of(after)
        changes[ref] = dict(assigned_fields(found[ref].manifest.get("spec") or {}, after["spec"], ("spec",)))
    assigned = tuple(
        Assignment(found[ref].item.place(), ref, path, value)
        for ref, each in changes.items()
        for path, value in each.items()
    )
    return HydratedFiles(result.before, assigned, dict(_rewritten(contents, found, changes)))


@dataclass(frozen=True, slots=True)
class _Found:
    item: Item
    manifest: Manifest


def _read(contents: Mapping[str, bytes]) -> dict[ObjectRef, _Found]:
    found: dict[ObjectRef, _Found] = {}
    problems: list[str] = []
    for file, content in contents.items():
        documents, unreadable = yaml.parse_documents(content, file=file)
        problems += map(str, unreadable)
        for item in (item for document in documents for item in intake.items(document)):
            if item.manifest.get("kind") in KINDS_WITH_ADDRESSES or is_fabricator(item.manifest):
                problems += _take(item, found)
    if problems:
        raise InvalidInput("\n".join(problems))
    return found


def _take(item: Item, found: dict[ObjectRef, _Found]) -> Iterator[str]:
    """Add the object of *item*, unless it cannot be one."""
    wrong = decode_violations(item.manifest)
    metadata = item.manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if wrong or not isinstance(name, str) or not name:
        yield from (f"{item.place(one.path)}: {one}" for one in wrong)
        if not wrong:
            yield f"{item.place(('metadata',))}: metadata.name is missing; write it"
        return
    kind = KINDS[item.manifest["kind"]]
    namespace = (metadata or {}).get("namespace") or kind.namespace or _NAMESPACE
    manifest = {**item.manifest, "metadata": {**(metadata or {}), "namespace": namespace}}
    ref = ObjectRef.of(manifest)
    if ref in found:
        yield f"{item.place()}: {ref} is also at {found[ref].item.place()}; remove one of them"
    else:
        found[ref] = _Found(item, manifest)


def _settings(found: Mapping[ObjectRef, _Found]) -> FabricSettings:
    for ref, one in found.items():
        problems = read_fabricator(one.manifest)[1] if is_fabricator(one.manifest) else []
        if problems:
            path, message = problems[0]
            raise InvalidInput(f"{one.item.place(path)}: {ref}: {'.'.join(path)}: {message}")
    return effective_settings(FabricSettings(), (one.manifest for one in found.values()))


def _placed(found: Mapping[ObjectRef, _Found], ref: ObjectRef | None, problem: str) -> str:
    return f"{found[ref].item.place()}: {problem}" if ref is not None and ref in found else problem


def _rewritten(
    contents: Mapping[str, bytes], found: Mapping[ObjectRef, _Found], changes: Mapping[ObjectRef, Mapping[Path, Any]]
) -> Iterator[tuple[str, bytes]]:
    edits: dict[str, dict[int, dict[Path, Any]]] = defaultdict(lambda: defaultdict(dict))
    for ref, each in changes.items():
        item = found[ref].item
        if each and isinstance(item.source, yaml.Document):
            edits[item.source.file][item.source.index] |= {(*item.prefix, *path): value for path, value in each.items()}
    for file, by_document in edits.items():
        yield file, set_fields(contents[file], by_document, file=file)
