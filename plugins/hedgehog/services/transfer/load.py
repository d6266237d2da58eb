"""Files → fabric database: all of it in one transaction, or nothing and every reason why not.

The objects of a fabric are Hedgehog manifests; the fabric is named by the caller or by a configuration document among
them. Objects stored before stay, unless the import replaces them. A second import of the same files changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hedgehog.admission.files import SourceFile, check_sources
from hedgehog.errors import AlreadyExists, InvalidInput, PruneRefused
from hedgehog.fabric.changes import Action, ChangeSet
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, GitRepository, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import Proposal
from hedgehog.fabric.settings import Upstream, release_of
from hedgehog.gitops.addresses import same_repository
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.manifests.configuration import REPOSITORY, Settings
from hedgehog.manifests.intake import Accepted, Item
from hedgehog.manifests.outputs import format_line
from hedgehog.manifests.rule import Severity
from hedgehog.manifests.schema import NEWEST
from hedgehog.services.plans.approval import propose_if_needed
from hedgehog.services.repository.vanished import NOTHING, Unread, not_read, out_of_sight
from hedgehog.services.transfer.completion import Completion, complete
from hedgehog.services.transfer.local_files import LocalFiles
from hedgehog.services.transfer.others import about_others, without_others
from hedgehog.store import fabrics as store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin

NAMESPACE = "default"
"""The namespace of an object that names none, unless the fabric has another default."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import changed, or in a dry run would change, and notes about it."""

    repositories: Mapping[str, Action] = field(default_factory=dict)
    fabrics: Mapping[str, Action] = field(default_factory=dict)
    fabric: str | None = None
    """The fabric that `objects` belong to; None when only settings were imported."""
    objects: ChangeSet = field(default_factory=ChangeSet)
    notes: tuple[str, ...] = ()
    dry_run: bool = False
    proposal: Proposal | None = None
    """As what the objects wait for approval: none of them is stored yet."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data; unchanged objects are only counted."""
        return {
            "repositories": {name: action.value for name, action in self.repositories.items()},
            "fabrics": {name: action.value for name, action in self.fabrics.items()},
            "fabric": self.fabric,
            "counts": self.objects.counts(),
            "changes": [{"object": str(change.ref), "action": change.action.value} for change in self.objects.writes],
            "notes": list(self.notes),
            "dry_run": self.dry_run,
            "proposal": self.proposal.as_dict() if self.proposal else None,
        }


CheckRepository = Callable[[GitRepository], None]
"""Raises InvalidInput for a repository whose host does not offer what its settings ask for."""


@dataclass(frozen=True, slots=True)
class ImportContent:
    """What an import is to store."""

    settings: Sequence[Settings]
    fabric: str | None
    objects: Sequence[Accepted]
    notes: tuple[str, ...] = ()
    documents: Sequence[yaml.Document] = ()
    """The documents that contain the objects; none for objects of a cluster, which has accepted them."""
    unread: Unread = NOTHING
    """The files in the same directories that are not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How to import, and on whose behalf."""

    origin: Origin
    replace: bool = False
    """The fabric has exactly these objects afterwards."""
    dry_run: bool = False
    allow_large_prune: bool = False
    allow_invalid: bool = False
    mode: HydrationMode = HydrationMode.NEVER
    """What is assigned that the objects leave out."""
    restoring: bool = False
    """What is restored was stored before: neither validity nor source of truth is checked."""
    check_repository: CheckRepository = lambda _: None


def read_documents(files: LocalFiles) -> list[yaml.Document]:
    """The documents of *files*, in their order. Raises InvalidInput with the problems of all files."""
    documents: list[yaml.Document] = []
    problems = [f"{path}: {why}" for path, why in sorted(files.opaque.items())]
    nodes = yaml.NodeBudget()
    for name, content in files.contents.items():
        try:
            documents += yaml.load(content, file=name, nodes=nodes)
        except InvalidInput as error:
            problems.append(str(error))
    raise_problems(problems)
    return documents


def import_documents(
    connection: Connection,
    documents: Iterable[yaml.Document],
    *,
    origin: Origin,
    fabric: str | None = None,
    replace: bool = False,
    dry_run: bool = False,
    allow_large_prune: bool = False,
    allow_invalid: bool = False,
    unread: Unread = NOTHING,
    restoring: bool = False,
    mode: HydrationMode = HydrationMode.NEVER,
    given: Iterable[Settings] = (),
    check_repository: CheckRepository = lambda _: None,
) -> ImportReport:
    """Store the objects and settings of *documents*; all of them, or none when any is wrong.

    The objects belong to *fabric*, or to the one fabric that the documents configure. With *replace* the fabric has
    exactly these objects afterwards; raises PruneRefused if that removes more than its threshold, unless
    *allow_large_prune*, and InvalidInput if a removed object seems to be in an *unread* file. What a cluster would
    refuse is refused, unless *allow_invalid*, and so are objects of a fabric whose source of truth is Git; *restoring*
    stores both. *given* are settings that no document contains. Addresses and ASNs that the objects leave out are assigned
    as *mode* says. *check_repository* judges
    each repository that is set. A dry run does everything and rolls it back. Raises InvalidInput with every problem found,
    a line each; NotFound for an unknown fabric; AlreadyExists on a collision with another row.
    """
    documents = list(documents)
    items = [item for document in documents for item in intake.items(document)]
    settings, problems = read_settings(item for item in items if configuration.is_configuration(item.manifest))
    settings += given
    manifests = without_others(items)
    name, unknown = _target(settings, manifests, fabric, replace=replace)
    namespace = _default_namespace(connection, settings, name, problems)
    accepted, refused = accept_all(manifests, namespace=namespace, upstream=_release(connection, settings, name))
    left_alone, unfollowed = about_others(items, namespace=namespace)
    raise_problems([*(problems or unknown), *refused, *unfollowed])
    not_taken = [f"{path} has objects, but is not read: give it a name that ends in .yaml" for path in not_read(unread)]
    wanted = ImportContent(
        settings, name, accepted, (*_notes(accepted), *not_taken, *left_alone), tuple(documents), unread
    )
    options = ImportOptions(
        origin=origin,
        replace=replace,
        dry_run=dry_run,
        allow_large_prune=allow_large_prune,
        allow_invalid=allow_invalid,
        restoring=restoring,
        mode=mode,
        check_repository=check_repository,
    )
    return store_content(connection, wanted, options)


def raise_problems(problems: Sequence[str]) -> None:
    """Raise InvalidInput with a line for each problem, if there is any."""
    if problems:
        raise InvalidInput("\n".join(problems))


def read_settings(items: Iterable[Item]) -> tuple[list[Settings], list[str]]:
    """The settings of configuration documents, and their problems; a setting that two of them give may not differ."""
    settings: list[Settings] = []
    problems: list[str] = []
    given: configuration.Given = {}
    for item in items:
        found = configuration.read_configuration(item)
        if isinstance(found, list):
            problems += found
            continue
        settings.append(found)
        problems += configuration.problem_lines(item, configuration.contradictions(found, given))
    return settings, problems


def _target(
    settings: Sequence[Settings], manifests: Sequence[Item], fabric: str | None, *, replace: bool
) -> tuple[str | None, list[str]]:
    """The fabric that the objects belong to, or why that is not clear."""
    configured = sorted({found.name for found in settings if found.kind == FABRIC.kind})
    if fabric is not None:
        other = [name for name in configured if name != fabric]
        if other:
            return fabric, [f"the documents configure fabric {', '.join(other)}, not {fabric}; leave --fabric out"]
        return fabric, []
    if len(configured) == 1:
        return configured[0], []
    if manifests or replace:
        why = f"the documents configure {len(configured)} fabrics" if configured else "no document configures a fabric"
        return None, [f"which fabric do the objects belong to? {why}; say so with --fabric NAME"]
    return None, []


def _default_namespace(
    connection: Connection, settings: Sequence[Settings], name: str | None, problems: Sequence[str]
) -> str:
    """Where an object goes that names no namespace and may live in any."""
    if name is None:
        return NAMESPACE
    configured = [found for found in settings if found.kind == FABRIC.kind]
    for found in configured:
        if "kubernetes_namespace" in found.values:
            return str(found.values["kubernetes_namespace"])
    if configured or problems:
        stored = store.load_fabrics(connection, [name])
        return stored[0].kubernetes_namespace if stored else NAMESPACE
    return store.load_fabric(connection, name).kubernetes_namespace


def _release(connection: Connection, settings: Sequence[Settings], name: str | None) -> Upstream:
    """The release whose fields the objects may have: as the documents say, or else as is stored."""
    for found in settings:
        if found.kind == FABRIC.kind and "settings" in found.values:
            given = found.values["settings"].get("upstream")
            return Upstream(given) if given in list(Upstream) else NEWEST
    stored = store.load_fabrics(connection, [name]) if name is not None else []
    return release_of(stored[0].settings) if stored else NEWEST


def accept_all(
    items: Iterable[Item], *, namespace: str, upstream: Upstream = NEWEST
) -> tuple[list[Accepted], list[str]]:
    """The objects of *items*, and the problems of those that a fabric cannot hold or that appear twice."""
    accepted: dict[ObjectRef, Accepted] = {}
    problems: list[str] = []
    for item in items:
        found = intake.accept_manifest(item, namespace=namespace, upstream=upstream)
        if isinstance(found, list):
            problems += found
            continue
        first = accepted.setdefault(found.ref, found)
        if first is not found:
            problems.append(f"{item.place()}: {found.ref} appears twice, first in {first.item.place()}; remove one")
    return list(accepted.values()), problems


def _notes(accepted: Sequence[Accepted]) -> Iterable[str]:
    left_out = Counter(name for one in accepted for name in one.left_out)
    if left_out:
        said = ", ".join(f"{name} ({count})" for name, count in sorted(left_out.items()))
        yield f"left out what the cluster sets by itself (in so many objects): {said}"
    for one in accepted:
        if len(one.ref.name) > intake.LONGEST_LABEL:
            yield f"{one.ref}: the name is longer than {intake.LONGEST_LABEL}, so no other object can refer to it"


def store_content(connection: Connection, wanted: ImportContent, options: ImportOptions) -> ImportReport:
    """Store everything in one transaction; a dry run rolls it back at the end, so its report is that of a real import."""
    with transaction(connection, keep=not options.dry_run) as cursor:
        set_origin(cursor, options.origin)
        return _write(connection, wanted, options)


def _write(connection: Connection, wanted: ImportContent, options: ImportOptions) -> ImportReport:
    repositories = _save(wanted.settings, REPOSITORY, partial(_save_repository, connection, options.check_repository))
    fabrics = _save(wanted.settings, FABRIC.kind, partial(store.save_fabric, connection))
    changes, notes, proposal = ChangeSet(), wanted.notes, None
    if wanted.fabric is not None:
        fabric = store.load_fabric(connection, wanted.fabric)
        before = {one.ref: one.manifest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
        imported = {one.ref: one.manifest for one in wanted.objects}
        completed = complete(fabric, before, imported, replace=options.replace, mode=options.mode)
        after = {**imported, **completed.objects}
        changes = object_store.changes_of(before, after, delete_missing=options.replace)
        if changes.writes and not options.restoring:
            refuse_git_source(fabric)
        _refuse_unread(changes, wanted.unread)
        if not options.allow_large_prune:
            _refuse_large_prune(fabric, changes)
        if not options.restoring:
            notes += completed.notes
            notes += tuple(admission_notes(fabric, wanted.documents, before, changes, options, completed=completed))
            change = _differing(after, changes)
            proposal = propose_if_needed(connection, fabric, change, options.origin) if changes.writes else None
        if proposal is None:
            object_store.save_objects(connection, fabric.id, after.values(), delete_missing=options.replace)
    return ImportReport(repositories, fabrics, wanted.fabric, changes, notes, options.dry_run, proposal)


def _differing(after: Mapping[ObjectRef, Manifest], changes: ChangeSet) -> DesiredChange:
    """What an import changes: what stays the same is not part of a proposal."""
    written = changes.having(Action.CREATED, Action.CONFIGURED)
    gone = changes.having(Action.DELETED)
    return DesiredChange(tuple(after[one.ref] for one in written), tuple(one.ref for one in gone))


def _save_repository(connection: Connection, check: CheckRepository, name: str, settings: Mapping[str, Any]) -> Action:
    """Save a repository that passes *check*.

    Raises AlreadyExists if another row names the same branch: two rows would overwrite each other.
    """
    action = store.save_repository(connection, name, settings)
    rows = {row.name: row for row in store.load_repositories(connection)}
    mine = rows.pop(name)
    same = [one for one in rows.values() if one.branch == mine.branch and same_repository(one.url, mine.url)]
    if same and action is not Action.UNCHANGED:
        raise AlreadyExists(
            f"git_repository {name}: {mine.url} (branch {mine.branch}) is the git_repository {same[0].name} already, whose "
            f"URL is {same[0].url}; use that one"
        )
    if action is not Action.UNCHANGED:
        check(mine)
    return action


def refuse_git_source(fabric: Fabric) -> None:
    """Raise InvalidInput for a fabric that follows Git: its next run would replace what is stored by what Git has."""
    if fabric.source_of_truth is not SourceOfTruth.GIT:
        return
    repository = fabric.git_repository
    where = f"{fabric.git_directory or '/'} of {repository.url} (branch {repository.branch})" if repository else "Git"
    raise InvalidInput(
        f"{fabric.name}: its source of truth is Git, so what is changed here would be reverted; nothing was changed. Push "
        f"the change to {where}, or set source_of_truth=database first"
    )


def _refuse_unread(changes: ChangeSet, unread: Unread) -> None:
    """Refuse to remove objects that seem to be in unread files."""
    gone = {change.ref: "" for change in changes.having(Action.DELETED)}
    raise_problems([f"{ref} {why}; nothing was stored" for ref, why in sorted(out_of_sight(gone, unread).items())])


def admission_notes(
    fabric: Fabric,
    documents: Sequence[yaml.Document],
    before: Mapping[ObjectRef, Manifest],
    changes: ChangeSet,
    options: ImportOptions,
    *,
    completed: Completion,
) -> Iterator[str]:
    """What `validate` reports about the fabric as it would be: warnings, and what would be held. Raises InvalidInput with a
    line for each error, unless invalid objects are allowed."""
    files: dict[str, list[yaml.Document]] = {}
    for document in documents:
        files.setdefault(document.file, []).append(document)
    report = check_sources(
        [SourceFile(file, found, (), b"") for file, found in files.items()],
        fabric.settings,
        before=before.values(),
        partial=not options.replace,
        namespace=fabric.kubernetes_namespace,
        completed=completed.objects,
    )
    touched = {change.ref for change in changes.writes}
    found = [(entry, remark) for entry, remark in report.remarks() if entry.ref is None or entry.ref in touched]
    errors = [*completed.problems, *(format_line(*one) for one in found if one[1].severity is Severity.ERROR)]
    if errors and fabric.settings.enforced and not options.allow_invalid:
        raise InvalidInput("\n".join([*errors, "nothing was stored; --allow-invalid stores it all the same"]))
    held = (
        "stored, but held until it is corrected" if fabric.settings.enforced else "stored; its rules are not enforced"
    )
    yield from (f"{held}: {error}" for error in errors)
    yield from (f"warning: {format_line(*one)}" for one in found if one[1].severity is not Severity.ERROR)


def _save(
    settings: Sequence[Settings], kind: str, save: Callable[[str, Mapping[str, Any]], Action]
) -> dict[str, Action]:
    """Save the settings of *kind* by name; those of several documents about one name are merged."""
    merged: dict[str, dict[str, Any]] = {}
    for found in settings:
        if found.kind == kind:
            merged.setdefault(found.name, {}).update(found.values)
    return {name: save(name, values) for name, values in sorted(merged.items())}


def _refuse_large_prune(fabric: Fabric, changes: ChangeSet) -> None:
    """Raise PruneRefused if more objects are removed than the fabric allows, which rolls everything back."""
    deleted = len(changes.having(Action.DELETED))
    before = sum(change.action is not Action.CREATED for change in changes.changes)
    if deleted > fabric.prune_max_objects and deleted * 100 > fabric.prune_max_percent * before:
        raise PruneRefused(
            f"{fabric.name}: {deleted} of its {before} objects would be removed, more than {fabric.prune_max_objects} "
            f"objects and {fabric.prune_max_percent} %; nothing was changed. If that is meant, say --yes"
        )
