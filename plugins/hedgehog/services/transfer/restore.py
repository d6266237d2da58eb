"""Restores the fabric database from a backup, or from the Git branch that fabrics were published to; all or nothing.

Repositories, fabrics and objects are restored, sync state is not: every fabric is due and is compared with Git and its
cluster as they are now, where nothing is overwritten that we did not write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hedgehog.errors import AlreadyExists, InvalidInput, NotFound
from hedgehog.fabric.changes import Action
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import GitRepository, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.paths import LIMITS, Limits, Listing
from hedgehog.fabric.render import FABRIC_FILE, FABRIC_ID_LABEL
from hedgehog.fabric.shown import counted
from hedgehog.gitops.mirror import Mirror
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.manifests.configuration import REPOSITORY, Settings
from hedgehog.services.fabric_files import measured, sort_files
from hedgehog.services.transfer import backup, backup_manifest
from hedgehog.services.transfer import export as fabric_export
from hedgehog.services.transfer.backup_manifest import CONFIGURATION_FILE, REPOSITORIES_FILE, FabricState, Missing
from hedgehog.services.transfer.load import import_documents, raise_problems, read_settings
from hedgehog.store import fabrics as store
from hedgehog.store import installations, snapshot
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin

_FABRIC_ID = re.compile(r"[1-9][0-9]{0,8}")
"""There are no larger ids: a lock takes 31 bits."""
_REPOSITORY = Limits(entries=500_000)
"""The limits of a whole repository, whose fabrics are not known yet."""
_ReadFile = Callable[[str], bytes]
"""The bytes of a file of a backup, by its path in it."""
INSTALLATION_IS_NEW = (
    "Git does not say which installation wrote the objects in the clusters either: they are held as another one's; have "
    "this one take its place with `hedgehog installation take-over ID`; the reasons in `hedgehog status` name the ID"
)
SYNCS_ARE_OFF = "both syncs are off: Git does not say which cluster, connections and policies a fabric has; import them"


@dataclass(slots=True)
class RestoreReport:
    """What a restore did. `revisions` has, by fabric, the revision in Git when the backup was made."""

    source: str
    repositories: dict[str, str] = field(default_factory=dict)
    fabrics: dict[str, str] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    """Fabrics and repositories that were deleted from the database, because the backup does not have them."""
    revisions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON output."""
        return asdict(self)


def restore(
    connection: Connection, directory: Path, *, origin: Origin, replace: bool = False, key: str | None = None
) -> RestoreReport:
    """Restore the backup in *directory*, and verify that every fabric is the same to the byte.

    With a *key*, only a backup that was signed with it is restored.

    With *replace*, fabrics and repositories that the backup does not have are deleted from the database, except for those
    that could not be backed up; a fabric that is suspended now stays so. Raises InvalidInput for a damaged backup,
    SchemaMismatch for a newer one, and AlreadyExists for a database that is not empty, unless *replace*; the database is
    unchanged then.
    """
    manifest = backup_manifest.verify(directory, key=key)
    state = backup_manifest.state(directory, manifest)
    with transaction(connection) as cursor:
        work = _Restore(connection, cursor, RestoreReport(str(directory)), origin)
        work.begin(manifest.fabrics.keys() | manifest.missing.fabrics.keys(), replace=replace)
        snapshot.remember_branches(cursor, state.known_branches)
        read = partial(backup_manifest.content, directory, manifest)
        repositories = _settings(REPOSITORIES_FILE, read)
        for one in repositories:
            work.save_repository(one.name, one.values)
        for name, wanted in sorted(manifest.fabrics.items()):
            paths = sorted(path for path in manifest.files if path.startswith(f"fabrics/{name}/objects-"))
            work.read_fabric(name, paths, read, state.fabrics[name])
            work.compare(name, wanted.sha256)
        installations.take_over(cursor, state.installations)
        work.tell_missing(manifest.missing)
        return work.end([*(one.name for one in repositories), *manifest.missing.repositories])


def restore_from_git(
    connection: Connection, mirror: Mirror, repository: GitRepository, *, origin: Origin, replace: bool = False
) -> RestoreReport:
    """Restore every fabric that was published to the branch of *repository*, as it is at the head.

    Git has the objects and the eight fields of `fabric.yaml`, but not connections and policies: both syncs stay off until
    these are set. With *replace*, everything else is deleted from the database. Raises NotFound for a branch without fabrics,
    InvalidInput with every file that cannot be read, AlreadyExists as `restore` does; nothing is stored then.
    """
    head = mirror.head()
    if head is None:
        raise NotFound(f"{repository.url} has no branch {repository.branch}, or nothing on it")
    mirror.fetch(head)
    listing = mirror.listing(head, "", limits=_REPOSITORY)
    published = dict(_published(mirror, listing))
    if not published:
        raise NotFound(
            f"{repository.url} has none of our {FABRIC_FILE} files on {repository.branch}; nothing was restored"
        )
    with transaction(connection) as cursor:
        work = _Restore(connection, cursor, RestoreReport(f"{repository.url} {repository.branch}@sha1:{head}"), origin)
        work.begin({_name(manifest) for manifest in published.values()}, replace=replace)
        values = {name: fabric_export.plain(getattr(repository, name)) for name in sorted(store.REPOSITORY_SETTINGS)}
        work.save_repository(repository.name, values)
        snapshot.remember_branches(cursor, [(repository.url, repository.branch)])
        for directory, manifest in sorted(published.items()):
            place = {"git_repository": repository.name, "git_directory": directory}
            work.import_fabric(manifest, _documents(mirror, listing, directory, list(published)), place)
        work.report.notes += [SYNCS_ARE_OFF, INSTALLATION_IS_NEW]
        return work.end([repository.name])


@dataclass(frozen=True, slots=True)
class _Restore:
    """The steps of a restore in one transaction; each adds to the report."""

    connection: Connection
    cursor: Any
    report: RestoreReport
    origin: Origin

    def begin(self, kept: Collection[str], *, replace: bool) -> None:
        """Delete the fabrics that are not *kept*; raises AlreadyExists for a database that is not empty, unless *replace*."""
        set_origin(self.cursor, self.origin)
        snapshot.lock_tables(self.cursor)
        there = store.fabric_names(self.connection)
        repositories = store.load_repositories(self.connection)
        if (there or repositories) and not replace:
            raise AlreadyExists(
                f"the fabric database is not empty: it has {counted(len(there), 'fabric')} and {counted(len(repositories), 'repository')}; "
                "say --replace to have exactly what is restored, and nothing else"
            )
        for name in sorted(set(there).difference(kept)):
            store.delete_fabric(self.connection, name)
            self.report.deleted.append(name)

    def tell_missing(self, missing: Missing) -> None:
        """Note what the backup lacks, and where it may be."""
        self.report.notes += missing.lines()
        if missing.fabrics:
            self.report.notes.append(
                "what is here of these fabrics was left as it is; `hedgehog fabric import OLDER/fabrics/NAME` takes one "
                "from an older backup, which is kept for it"
            )

    def end(self, repositories: list[str]) -> RestoreReport:
        """Delete the other repositories from the database."""
        self.report.deleted += snapshot.delete_repositories(self.cursor, repositories)
        return self.report

    def save_repository(self, name: str, values: Mapping[str, Any]) -> None:
        """Store a repository."""
        self.report.repositories[name] = store.save_repository(self.connection, name, values).value

    def read_fabric(self, name: str, paths: Iterable[str], read: _ReadFile, state: FabricState) -> None:
        """Store a fabric and its objects exactly as in the files of a backup; *paths* are those of its objects."""
        existed = self._place(name, state.id)
        found = _settings(f"fabrics/{name}/{CONFIGURATION_FILE}", read, kind=FABRIC.kind)
        if [one.name for one in found] != [name]:
            raise InvalidInput(f"fabrics/{name}/{CONFIGURATION_FILE} is not about {name} alone; nothing was restored")
        action = store.save_fabric(self.connection, name, found[0].values)
        objects = _objects(paths, read)
        fabric = store.load_fabric(self.connection, name)
        changes = object_store.save_objects(self.connection, fabric.id, objects, delete_missing=True)
        if state.suspended:
            store.suspend(self.connection, name, reason=state.suspended_reason or "", until=state.suspended_until)
        self._tell(name, Action.CONFIGURED if changes.writes else action, len(objects), existed=existed)
        if state.revision:
            self.report.revisions[name] = state.revision

    def compare(self, name: str, wanted: str) -> None:
        """Raise InvalidInput if a fabric differs from the one that was backed up."""
        found = backup.fingerprint(fabric_export.export(self.connection, name))
        if found != wanted:
            raise InvalidInput(f"{name} would not be what it was: its SHA-256 is {found}; nothing was restored")

    def import_fabric(self, manifest: Manifest, documents: Iterable[yaml.Document], place: Mapping[str, Any]) -> None:
        """Store a fabric from its directory in Git; *manifest* is its Fabric resource."""
        name = _name(manifest)
        existed = bool(store.load_fabrics(self.connection, [name]))
        label = _FABRIC_ID.fullmatch(str((manifest["metadata"].get("labels") or {}).get(FABRIC_ID_LABEL)))
        if label:
            self._place(name, int(label[0]))
        done = import_documents(
            self.connection,
            documents,
            origin=self.origin,
            fabric=name,
            replace=True,
            allow_large_prune=True,
            restoring=True,
        )
        store.save_fabric(self.connection, name, place)
        stored = len(done.objects.changes) - len(done.objects.having(Action.DELETED))
        self._tell(name, done.fabrics[name], stored, existed=existed)
        self.report.notes += done.notes

    def _place(self, name: str, fabric_id: int) -> bool:
        """Create the row of a fabric with its former id, if that is free; returns whether there was a row already."""
        existed = bool(store.load_fabrics(self.connection, [name]))
        if not snapshot.reserve_id(self.cursor, fabric_id, name) and not existed:
            self.report.notes.append(
                f"{name} has another id than it had ({fabric_id}): its {FABRIC_FILE} in Git will be held as somebody "
                "else's; remove that file there, and the next sync writes it"
            )
        return existed

    def _tell(self, name: str, action: Action, objects: int, *, existed: bool) -> None:
        self.report.fabrics[name] = (action if existed else Action.CREATED).value
        self.report.objects[name] = objects


def _items(path: str, read: _ReadFile) -> Iterator[intake.Item]:
    for document in yaml.load(read(path), file=path):
        yield from intake.items(document)


def _objects(paths: Iterable[str], read: _ReadFile) -> list[Manifest]:
    """The objects in the files. Raises InvalidInput for one without kind, namespace and name, or that appears twice."""
    found: dict[ObjectRef, Manifest] = {}
    problems = []
    for item in (item for path in paths for item in _items(path, read)):
        try:
            ref = ObjectRef.of(item.manifest)
        except (KeyError, TypeError):
            problems.append(f"{item.place()}: is not an object with kind, namespace and name")
            continue
        if not all(isinstance(part, str) for part in (ref.kind, ref.namespace, ref.name)):
            problems.append(f"{item.place()}: kind, namespace and name are not text")
        elif ref in found:
            problems.append(f"{item.place()}: {ref} appears twice")
        else:
            found[ref] = item.manifest
    raise_problems(problems)
    return list(found.values())


def _settings(path: str, read: _ReadFile, *, kind: str = REPOSITORY) -> list[Settings]:
    """The configuration documents of *kind* in a file."""
    found, problems = read_settings(_items(path, read))
    raise_problems(problems)
    return [one for one in found if one.kind == kind]


def _published(mirror: Mirror, listing: Listing) -> Iterator[tuple[str, Manifest]]:
    """Directory and Fabric resource of every fabric in the repository. Raises InvalidInput where one cannot be read."""
    opaque = {path: one.why for path, one in listing.opaque.items() if path.rpartition("/")[2] == FABRIC_FILE}
    raise_problems([f"{path}: {why}" for path, why in sorted(opaque.items())])
    for path, blob in sorted(listing.files.items()):
        directory, _, name = path.rpartition("/")
        if name == FABRIC_FILE:
            for document in yaml.load(mirror.read(blob), file=path):
                if configuration.is_fabric_resource(document.manifest):
                    yield directory, document.manifest


def _name(manifest: Manifest) -> str:
    return str((manifest.get("spec") or {}).get("name") or manifest["metadata"]["name"])


def _documents(mirror: Mirror, listing: Listing, directory: str, directories: Sequence[str]) -> list[yaml.Document]:
    """What the files of one fabric say. Raises InvalidInput with everything that cannot be read."""
    files = sort_files(listing, directory, directories)
    measured(files.wanted, mirror.size, place=directory, limits=LIMITS)
    documents: list[yaml.Document] = []
    problems = list(files.problems())
    for path, blob in sorted(files.wanted.items()):
        try:
            documents += yaml.load(mirror.read(blob), file=path)
        except InvalidInput as error:
            problems.append(str(error))
    raise_problems(problems)
    return documents
