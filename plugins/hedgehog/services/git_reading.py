"""What the files of a fabric say whose source of truth is Git: its objects, its settings, and what cannot be taken.

Pure. What is wrong in one file or object parks that alone: the object stays as it was when it was last right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.schemas import configuration, intake, yaml
from hedgehog.schemas.intake import Item
from hedgehog.services.fabric_import import SUFFIXES
from hedgehog.services.validation import Judge
from hedgehog.store.git_files import GitFile


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a file. `path` is that of its record: several objects of one file need several."""

    ref: ObjectRef
    manifest: Manifest
    path: str
    blob_id: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The files of one fabric at one commit. Every problem is one line that begins with its place."""

    objects: Mapping[ObjectRef, Found] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    refused: frozenset[ObjectRef] = frozenset()
    """Objects that are there, but not as they could be taken."""
    faulty: frozenset[str] = frozenset()
    """Files with a problem: what was recorded of them may still be meant."""
    opaque: frozenset[str] = frozenset()
    """Those of which nobody can say what they hold."""


def is_wanted(path: str, directory: str, others: Iterable[str]) -> bool:
    """Whether a file below *directory* is read: YAML, not hidden, not in the directory of another fabric."""
    inside = path.removeprefix(f"{directory}/") if directory else path
    if any(part.startswith(".") for part in inside.split("/")) or not path.endswith(tuple(SUFFIXES)):
        return False
    return not any(path.startswith(f"{other}/") for other in others if len(other) > len(directory))


def read(
    fabric: Fabric, contents: Iterable[tuple[str, str, bytes | str]], known: Mapping[str, Sequence[Found]]
) -> Reading:
    """Read files given as (path, blob id, content or why there is none). *known* has, by path, what need not be read."""
    reader = _Reader(fabric)
    for found in (one for path in sorted(known) for one in known[path]):
        reader.add(found)
    for path, blob_id, content in contents:
        reader.read(path, blob_id, content)
    return reader.reading()


class _Reader:
    """Collects what files say; a part that is wrong is told and left out."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._objects: dict[ObjectRef, Found] = {}
        self._settings: dict[str, Any] = {}
        self._problems: list[str] = []
        self._refused: set[ObjectRef] = set()
        self._faulty: set[str] = set()
        self._opaque: set[str] = set()

    def read(self, path: str, blob_id: str, content: bytes | str) -> None:
        """Take in one file."""
        try:
            if isinstance(content, str):
                raise InvalidInput(f"{path}: {content}")
            documents = yaml.load(content, file=path)
        except InvalidInput as error:
            self._refuse(path, str(error).splitlines())
            self._opaque.add(path)
            return
        place = path
        for item in (item for document in documents for item in intake.items(document)):
            if configuration.is_configuration(item.manifest):
                self._configure(path, item)
                continue
            accepted = intake.accept(item, namespace=self._fabric.kubernetes_namespace)
            if isinstance(accepted, list):
                self._refuse(path, accepted)
                self._refused |= _named(item.manifest, self._fabric)
                continue
            self.add(Found(accepted.ref, accepted.manifest, place, blob_id), item)
            place = f"{path}#{accepted.ref}"

    def add(self, found: Found, item: Item | None = None) -> None:
        """Take in one object; two of one name are both refused, for nobody can say which one is meant."""
        first = self._objects.setdefault(found.ref, found)
        if first is not found:
            here = item.place() if item else file_of(found.path)
            self._refuse(
                found.path, [f"{here}: {found.ref} is there twice, first in {file_of(first.path)}; remove one"]
            )
            self._refused.add(found.ref)

    def _refuse(self, path: str, problems: Sequence[str]) -> None:
        self._problems += problems
        self._faulty.add(file_of(path))

    def _configure(self, path: str, item: Item) -> None:
        found = configuration.read(item)
        if isinstance(found, list):
            self._refuse(path, found)
            return
        values, problems = configuration.taken_from_git(found, self._fabric)
        self._settings |= values
        if problems:
            self._refuse(path, configuration.told(item, problems))

    def reading(self) -> Reading:
        """All of it."""
        objects = {ref: found for ref, found in self._objects.items() if ref not in self._refused}
        return Reading(
            objects,
            self._settings,
            tuple(self._problems),
            frozenset(self._refused),
            frozenset(self._faulty),
            frozenset(self._opaque),
        )


def _named(manifest: Manifest, fabric: Fabric) -> set[ObjectRef]:
    """The object that a refused manifest is about, if it says so."""
    kind, metadata = KINDS.get(str(manifest.get("kind"))), manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if kind is None or not isinstance(metadata, dict) or not isinstance(name, str):
        return set()
    namespace = metadata.get("namespace") or kind.namespace or fabric.kubernetes_namespace
    return {ObjectRef(kind.kind, str(namespace), name)}


def file_of(path: str) -> str:
    """The path in Git of a record's path."""
    return path.partition("#")[0]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the database is to hold: every object, a record of the file of each, and why some are not as Git has them."""

    objects: Mapping[ObjectRef, Manifest]
    records: tuple[GitFile, ...]
    parked: tuple[str, ...]
    """One line for each object or file that waits for a person; each begins with its place."""


def decide(
    fabric: Fabric,
    reading: Reading,
    have: Mapping[ObjectRef, Manifest],
    recorded: Mapping[ObjectRef, GitFile],
    judge: Judge,
) -> Decision:
    """What to take over of *reading*, where the database *has* these objects and *recorded* these files.

    An object that a cluster would refuse, and one whose file cannot be read, stays as it was; so does one that may not
    be deleted, because something that stays refers to it. Everything else proceeds.
    """
    missing = sorted(have.keys() - reading.objects.keys())
    unclear = {ref: why for ref in missing if (why := _unclear(ref, reading, recorded))}
    wanted = {ref: found.manifest for ref, found in reading.objects.items()} | {ref: have[ref] for ref in unclear}
    judgement = judge(fabric, list(wanted.values()), list(have.values()))
    refused = {ref: f"is refused: {why}" for ref, why in judgement.writes.items() if ref in reading.objects}
    refused |= {ref: f"is not deleted: {why}" for ref, why in judgement.deletes.items() if ref in have}
    kept = {ref: have[ref] for ref in (refused.keys() | unclear.keys()) & have.keys()}
    taken = [found for ref, found in reading.objects.items() if ref not in refused]
    told = [f"{_place(ref, reading, recorded)}: {ref} {why}" for ref, why in sorted(refused.items())]
    told += [f"{_place(ref, reading, recorded)}: {ref} {why}" for ref, why in unclear.items() if why != _UNREAD]
    return Decision(
        {found.ref: found.manifest for found in taken} | kept,
        tuple(_records(taken, kept, recorded, unclear | refused)),
        (*reading.problems, *told),
    )


_UNREAD = "stays as it was: its file has a problem"
_NO_BLOB = "0" * 40


def _unclear(ref: ObjectRef, reading: Reading, recorded: Mapping[ObjectRef, GitFile]) -> str:
    """Why nobody knows whether an object that is not found in Git is meant to go; empty when it clearly is."""
    if ref in reading.refused or (ref in recorded and file_of(recorded[ref].path) in reading.faulty):
        return _UNREAD
    strangers = reading.opaque - {file_of(record.path) for record in recorded.values()}
    if strangers:
        return f"is not deleted: it may have moved into {min(strangers)}, which cannot be read"
    return ""


def _place(ref: ObjectRef, reading: Reading, recorded: Mapping[ObjectRef, GitFile]) -> str:
    if ref in reading.objects:
        return file_of(reading.objects[ref].path)
    return file_of(recorded[ref].path) if ref in recorded else "fabric database"


def _records(
    taken: Iterable[Found],
    kept: Mapping[ObjectRef, Manifest],
    recorded: Mapping[ObjectRef, GitFile],
    reasons: Mapping[ObjectRef, str],
) -> Iterator[GitFile]:
    """A record for each object; those that stay as they were give way to those that are in a file now."""
    paths = set()
    for found in taken:
        paths.add(found.path)
        yield GitFile(found.path, found.ref, found.blob_id, manifest=found.manifest)
    for ref, manifest in sorted(kept.items(), key=lambda one: one[0]):
        old = recorded.get(ref) or GitFile("", ref, _NO_BLOB)
        path = f"{file_of(old.path)}#{ref}" if old.path in paths or not old.path else old.path
        yield replace(old, path=path, manifest=manifest, held_reason=reasons[ref])
