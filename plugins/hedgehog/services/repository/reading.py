"""What the files of a fabric say whose source of truth is Git: its objects, its settings, and what cannot be stored.

Pure. What is wrong in one file or object parks only that: the object stays as it was when it was last right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.paths import LIMITS
from hedgehog.fabric.settings import release_of
from hedgehog.fabric.shown import counted
from hedgehog.manifests import configuration, intake, other_tools, yaml
from hedgehog.manifests.intake import Item
from hedgehog.services.repository.vanished import FILE_HAS_A_PROBLEM, NOTHING, Unread, out_of_sight
from hedgehog.services.validation import FindRefusals
from hedgehog.store.git_files import GitFile


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object in a file. `path` is that of its record: several objects of one file need several."""

    ref: ObjectRef
    manifest: Manifest
    path: str
    blob_id: str


@dataclass(frozen=True, slots=True)
class FabricContent:
    """The files of one fabric at one commit. Every problem is one line that begins with its place."""

    objects: Mapping[ObjectRef, FoundObject] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    refused: frozenset[ObjectRef] = frozenset()
    """Objects that are there, but cannot be stored as they are."""
    faulty: frozenset[str] = frozenset()
    """Files with a problem: their recorded objects may still be wanted."""
    unread: Unread = NOTHING
    """Files whose content is unknown."""
    notes: tuple[str, ...] = ()
    """What was left alone, because it is another tool's."""


def read_files(
    fabric: Fabric,
    contents: Iterable[tuple[str, str, bytes | str]],
    known: Mapping[str, Sequence[FoundObject]],
    unread: Unread = NOTHING,
) -> FabricContent:
    """Read files given as (path, blob id, content or why there is none). *known* has, by path, what need not be read.

    *unread* is what there is beside them.
    """
    reader = _Reader(fabric, unread)
    for found in (one for path in sorted(known) for one in known[path]):
        reader.add(found)
    for path, blob_id, content in contents:
        reader.read(path, blob_id, content)
    return reader.content()


class _Reader:
    """Collects the content of files; a part that is wrong is reported and left out."""

    def __init__(self, fabric: Fabric, unread: Unread) -> None:
        self._fabric = fabric
        self._unread = unread
        self._objects: dict[ObjectRef, FoundObject] = {}
        self._settings: dict[str, Any] = {}
        self._problems: list[str] = list(unread.problems)
        self._refused: set[ObjectRef] = set()
        self._faulty: set[str] = set()
        self._opaque: dict[str, str] = {}
        self._torn: dict[str, bytes] = {}
        self._partly: dict[str, bytes] = {}
        self._parsed: dict[str, Sequence[yaml.Document]] = {}
        self._nodes = yaml.NodeBudget()
        self._count = 0
        self._notes: list[str] = []
        self._given: configuration.Given = {}
        self._foreign: dict[str, str] = {}
        """Directory → name of the fabric that a document in it configures."""

    def read(self, path: str, blob_id: str, content: bytes | str) -> None:
        """Add one file."""
        if isinstance(content, str):
            self._refuse(path, [f"{path}: {content}"])
            self._opaque[path] = content
            return
        try:
            documents = self._documents(path, blob_id, content)
        except InvalidInput as error:
            self._refuse(path, str(error).splitlines())
            self._torn[path] = content
            return
        place = path
        items = [item for document in documents for item in intake.items(document)]
        self._count += len(items)
        LIMITS.count(self._fabric.git_directory, self._count)
        for item in items:
            if configuration.is_configuration(item.manifest):
                self._configure(path, item)
                continue
            if self._is_left_alone(path, item):
                self._partly[path] = content  # it may mention an object that is in no file any more
                continue
            accepted = intake.accept_manifest(
                item, namespace=self._fabric.kubernetes_namespace, upstream=release_of(self._fabric.settings)
            )
            if isinstance(accepted, list):
                self._refuse(path, accepted)
                self._refused |= _refs_of_refused(item.manifest, self._fabric)
                (self._torn if intake.is_opaque(item.manifest) else self._partly)[path] = content
                continue
            self.add(FoundObject(accepted.ref, accepted.manifest, place, blob_id), item)
            place = record_path(path, accepted.ref)

    def _is_left_alone(self, path: str, item: Item) -> bool:
        """Whether *item* is a document of another tool; what of it cannot be followed is a problem."""
        tool = other_tools.tool_of(item.manifest)
        if tool is not None:
            self._notes.append(f"{item.place()}: {item.manifest['kind']} is left alone: it is a document of {tool}")
            return True
        if not other_tools.is_kustomization(item, path):
            return False
        directory, namespace = self._fabric.git_directory, self._fabric.kubernetes_namespace
        found = other_tools.kustomization_problems(item, path, directory=directory, namespace=namespace)
        self._refuse(path, found)
        if found:
            self._opaque[path] = "cannot be followed"  # an object that vanished may be in what it adds
        else:
            self._notes.append(f"{item.place()}: Kustomization only lists files; all files of the directory are read")
        return True

    def _disown(self) -> None:
        """Leave out objects in the directory of another fabric."""
        for directory, name in sorted(self._foreign.items()):
            theirs = [one for one in self._objects.values() if one.path.startswith(f"{directory}/")]
            self._refused |= {one.ref for one in theirs}
            if theirs:
                held = counted(len(theirs), "object")
                what = (
                    f"is the directory of fabric {name}; what it holds ({held}) is not taken into {self._fabric.name}"
                )
                self._refuse(directory, [f"{directory}: {what}. Import that fabric, or move its directory away"])

    def _documents(self, path: str, blob_id: str, content: bytes) -> Sequence[yaml.Document]:
        """The documents of a file. Many files may have one content: it is parsed once."""
        if blob_id not in self._parsed:
            self._parsed[blob_id] = yaml.load(content, file=path, nodes=self._nodes)
        return [replace(document, file=path) for document in self._parsed[blob_id]]

    def add(self, found: FoundObject, item: Item | None = None) -> None:
        """Add one object; two of one name are both refused, because it is unknown which one is meant."""
        first = self._objects.setdefault(found.ref, found)
        if first is not found:
            here = item.place() if item else file_of(found.path)
            self._refuse(found.path, [f"{here}: {found.ref} appears twice, first in {file_of(first.path)}; remove one"])
            self._refused.add(found.ref)

    def _refuse(self, path: str, problems: Sequence[str]) -> None:
        """Note what is wrong with a file, if anything is."""
        if problems:
            self._problems += problems
            self._faulty.add(file_of(path))

    def _configure(self, path: str, item: Item) -> None:
        """Add a configuration document. A directory with that of another fabric belongs to that fabric."""
        found = configuration.read_configuration(item)
        if isinstance(found, list):
            self._refuse(path, found)
            return
        values, problems = configuration.taken_from_git(found, self._fabric)
        problems += configuration.contradictions(found, self._given)
        self._settings = {**values, **self._settings}
        self._refuse(path, configuration.problem_lines(item, problems))
        directory = path.rpartition("/")[0]
        if (found.kind, found.name) != (FABRIC.kind, self._fabric.name) and directory != self._fabric.git_directory:
            self._foreign[directory] = found.name

    def content(self) -> FabricContent:
        """All of it."""
        self._disown()
        objects = {ref: found for ref, found in self._objects.items() if ref not in self._refused}
        return FabricContent(
            objects,
            self._settings,
            tuple(self._problems),
            frozenset(self._refused),
            frozenset(self._faulty),
            replace(
                self._unread,
                opaque={**self._unread.opaque, **self._opaque},
                torn=self._torn,
                refused=self._partly,
            ),
            tuple(self._notes),
        )


def _refs_of_refused(manifest: Manifest, fabric: Fabric) -> set[ObjectRef]:
    """The object that a refused manifest is about, if it says so."""
    kind, metadata = ALL_KINDS.get(str(manifest.get("kind"))), manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if kind is None or not isinstance(metadata, dict) or not isinstance(name, str):
        return set()
    namespace = metadata.get("namespace") or kind.namespace or fabric.kubernetes_namespace
    return {ObjectRef(kind.kind, str(namespace), name)}


_OBJECT = "//"
"""No path in Git has it."""


def record_path(path: str, ref: ObjectRef) -> str:
    """The path of the record of an object that is not the first one in its file."""
    return f"{path}{_OBJECT}{ref}"


def file_of(path: str) -> str:
    """The path in Git of a record's path."""
    return path.partition(_OBJECT)[0]


@dataclass(frozen=True, slots=True)
class IngestionPlan:
    """What the database is to hold: every object, a record of the file of each, and why some are not as Git has them."""

    objects: Mapping[ObjectRef, Manifest]
    records: tuple[GitFile, ...]
    parked: tuple[str, ...]
    """One line for each object or file that waits for a person; each begins with its place."""


def plan_ingestion(
    fabric: Fabric,
    content: FabricContent,
    have: Mapping[ObjectRef, Manifest],
    recorded: Mapping[ObjectRef, GitFile],
    find_refusals: FindRefusals,
) -> IngestionPlan:
    """What to store of *content*, where the database *has* these objects and *recorded* these files.

    An object that a cluster would refuse, and one whose file cannot be read, stays as it was; so does one that may not
    be deleted, because something that stays refers to it. Everything else proceeds.
    """
    unclear = _unclear(content, have, recorded)
    wanted = {ref: found.manifest for ref, found in content.objects.items()} | {ref: have[ref] for ref in unclear}
    refusals = find_refusals(fabric, list(wanted.values()), list(have.values()))
    refused = {ref: f"is refused: {why}" for ref, why in refusals.writes.items() if ref in content.objects}
    refused |= {ref: f"is not deleted: {why}" for ref, why in refusals.deletes.items() if ref in have}
    kept = {ref: have[ref] for ref in (refused.keys() | unclear.keys()) & have.keys()}
    taken = [found for ref, found in content.objects.items() if ref not in refused]
    parked = [f"{_place(ref, content, recorded)}: {ref} {why}" for ref, why in sorted(refused.items())]
    held = {ref: why for ref, why in unclear.items() if why != FILE_HAS_A_PROBLEM}
    parked += [f"{_place(ref, content, recorded)}: {ref} {why}" for ref, why in held.items()]
    return IngestionPlan(
        {found.ref: found.manifest for found in taken} | kept,
        tuple(_records(taken, kept, recorded, unclear | refused)),
        (*content.problems, *parked),
    )


_NO_BLOB = "0" * 40


def _unclear(
    content: FabricContent, have: Iterable[ObjectRef], recorded: Mapping[ObjectRef, GitFile]
) -> dict[ObjectRef, str]:
    """Why it is unknown whether an object that is not found in Git is to be deleted; objects that are not in the result
    are.
    """
    missing = sorted(set(have) - content.objects.keys())
    files = {ref: file_of(record.path) for ref, record in recorded.items()}
    vanished = {ref: files.get(ref, "") for ref in missing if ref not in content.refused}
    found = out_of_sight(vanished, content.unread, faulty=content.faulty, recorded=set(files.values()))
    return {**dict.fromkeys((ref for ref in missing if ref in content.refused), FILE_HAS_A_PROBLEM), **found}


def _place(ref: ObjectRef, content: FabricContent, recorded: Mapping[ObjectRef, GitFile]) -> str:
    if ref in content.objects:
        return file_of(content.objects[ref].path)
    return file_of(recorded[ref].path) if ref in recorded else "fabric database"


def _records(
    taken: Iterable[FoundObject],
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
        path = record_path(file_of(old.path), ref) if old.path in paths or not old.path else old.path
        yield replace(old, path=path, manifest=manifest, held_reason=reasons[ref])
