"""From the database and the branch to the plan of one fabric: gathers the input of `git_plan.plan_files`.

The cost grows with the change: a fabric whose generation is published and whose directory has the same tree id as at the
last sync costs two lookups in Git. Otherwise its directory is listed, and only what may differ is rendered.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from hedgehog.errors import HedgehogError, InvalidInput
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action
from hedgehog.fabric.differences import between
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Fabric, GitDriftPolicy, Manifest, ObjectRef, Revision, SyncStatus, Target
from hedgehog.fabric.paths import Listing
from hedgehog.gitops.commit import FABRIC_TRAILER, TREE_TRAILER
from hedgehog.gitops.history import Edit, edits
from hedgehog.gitops.mirror import Mirror
from hedgehog.manifests import yaml
from hedgehog.services.fabric_files import inside
from hedgehog.services.git import plan as git_plan
from hedgehog.services.git import wanted_files
from hedgehog.services.git.plan import FilePlan, Observed
from hedgehog.services.git.wanted_files import WantedFile
from hedgehog.services.validation import FindRefusals, Refusals
from hedgehog.store import corrections, git_edits, git_files
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection
from hedgehog.store.git_edits import GitEdit
from hedgehog.store.git_files import GitFile
from hedgehog.store.objects import StoredObject
from hedgehog.store.sync_state import SyncState

ReadEdit = Callable[[Fabric, ObjectRef, str, bytes], Manifest]
"""From an edited file (fabric, its object, path, content) to the object it holds; raises InvalidInput."""


@dataclass(frozen=True, slots=True)
class Job:
    """A fabric, and the state of its last sync to Git."""

    fabric: Fabric
    state: SyncState | None

    @property
    def files(self) -> int:
        """How many files the last sync left in Git."""
        counts = self.state.counts if self.state else {}
        return sum(counts.get(action.value, 0) for action in (Action.CREATED, Action.CONFIGURED, Action.UNCHANGED))

    def last_look(self, mirror: Mirror) -> str | None:
        """The commit of the last sync, if it was on this branch."""
        if self.state is None or self.state.revision is None:
            return None
        revision = Revision.parse(self.state.revision)
        return revision.commit if revision.branch == mirror.remote.branch else None


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan is made from, with the *head* of the branch, and *tip*, which adds the commits of this batch."""

    connection: Connection
    mirror: Mirror
    head: str | None
    tip: str | None
    force: bool
    adopt: ReadEdit
    find_refusals: FindRefusals
    neighbours: Mapping[str, str]
    """The directories of all fabrics of the branch, by name."""


@dataclass(frozen=True, slots=True)
class _Records:
    """What the database holds about the files of one fabric."""

    known: dict[str, GitFile]
    changed: list[StoredObject]
    removed: frozenset[ObjectRef]
    objects: Callable[[], list[StoredObject]]
    """All objects of the fabric, loaded when first needed."""


def observe(job: Job, source: PlanInputs) -> FilePlan:
    """The plan for one fabric. Objects that a cluster would refuse are held as they are in Git."""
    fabric = job.fabric
    if not source.force and _is_unchanged(job, source):
        return FilePlan(untouched=job.files)
    records = _records(source.connection, fabric.id)
    stale = [record for record in records.known.values() if _is_stale(fabric, record, records.removed)]
    listing = _listing(source, fabric, records.known)
    refusals = _refusals(source, fabric, records)
    wanted = _wanted(source, fabric, records, listing.files, {record.path for record in stale}, refused=refusals.writes)
    wanted = _outside_neighbours(fabric, wanted, source.neighbours)
    changed = _others_changes(job, source, records, wanted, listing.files)
    stale = [changed.known.get(record.path, record) for record in stale] + list(changed.leftovers)
    observed = Observed(
        listing.files,
        frozenset(listing.opaque),
        changed.editors,
        _readings(source, fabric, wanted_files.to_read(wanted, changed.known, listing.files)),
        corrections.known(source.connection, Target.GIT, [fabric.id]).get(fabric.id, {}),
    )
    decided = git_edits.to_revert(source.connection, fabric.id)
    overruled = {path: edit.author for path, edit in decided.items() if listing.files.get(path) == edit.blob_id}
    plan = git_plan.plan_files(
        fabric, wanted, changed.known, stale, observed, spared=refusals.deletes, overruled=overruled
    )
    ours = {one.path: one for one in wanted}
    return replace(plan, edits=tuple(_compared(source, fabric, edit, ours.get(edit.path)) for edit in plan.edits))


@dataclass(frozen=True, slots=True)
class _OthersChanges:
    """What happened to the files of a fabric in Git beside what is on record."""

    known: Mapping[str, GitFile]
    """The records by path, as runs that were killed would have written them."""
    editors: Mapping[str, Edit]
    """The edits by other people."""
    leftovers: tuple[GitFile, ...]
    """Pushed by a run that was killed before it recorded them, and no longer wanted by now."""


def _others_changes(
    job: Job, source: PlanInputs, records: _Records, wanted: Collection[WantedFile], files: Mapping[str, str]
) -> _OthersChanges:
    last = job.last_look(source.mirror)
    since = last if last and source.head and source.mirror.is_ancestor(last, source.head) else None
    strangers = files.keys() - records.known.keys() - {one.path for one in wanted} if since else set()
    suspects = _suspects(wanted, records.known, files)
    missing = {one.path for one in wanted if one.path in records.known and one.path not in files}
    found = _edits(source, suspects | strangers | missing, since)
    own = {path for path, edit in found.items() if is_from_sync(job.fabric, edit)}
    return _OthersChanges(
        _with_unrecorded(records.known, own & suspects, files),
        _editors(source, found, (suspects | missing) - own, records.known),
        tuple(GitFile(path, None, files[path]) for path in sorted(own & strangers)),
    )


def read_resource(path: str, content: bytes) -> Manifest:
    """The one document of an edited `fabric.yaml`. Raises InvalidInput."""
    documents = yaml.load(content, file=path)
    if len(documents) != 1:
        raise InvalidInput(f"{path}: holds {len(documents)} documents; a managed file holds one")
    return documents[0].manifest


def _compared(source: PlanInputs, fabric: Fabric, edit: GitEdit, wanted: WantedFile | None) -> GitEdit:
    """The edit with its differences from *wanted*, or with the reason why they cannot be determined."""
    if edit.blob_id is None:
        return edit
    try:
        content = source.mirror.read(edit.blob_id)
        if edit.ref is None:
            return replace(edit, problem="its text comes from the product; there is nothing to adopt")
        theirs = (
            read_resource(edit.path, content)
            if edit.ref.kind == FABRIC.kind
            else source.adopt(fabric, edit.ref, edit.path, content)
        )
    except HedgehogError as error:
        return replace(edit, problem=str(error))
    ours = wanted.manifest if wanted is not None and wanted.manifest is not None else {}
    return replace(edit, differences=tuple(between(canonical(ours) if ours else {}, canonical(theirs))))


def _refusals(source: PlanInputs, fabric: Fabric, records: _Records) -> Refusals:
    """What may not be published of a change; an unchanged fabric is not checked."""
    if not records.changed and not records.removed:
        return Refusals()
    before = git_files.published(source.connection, [fabric.id])[fabric.id]
    return source.find_refusals(
        fabric, [one.manifest for one in records.objects() if one.ref.kind in ALL_KINDS], before
    )


def _is_unchanged(job: Job, source: PlanInputs) -> bool:
    """Whether nothing changed since the last sync: same generation, nothing held, same bytes in the directory."""
    state, last, mirror = job.state, job.last_look(source.mirror), source.mirror
    if state is None or last is None or source.head is None or source.tip is None:
        return False
    if state.status is not SyncStatus.IN_SYNC or state.observed_generation != job.fabric.generation:
        return False
    directory = job.fabric.git_directory
    if not mirror.has(last) or mirror.tree_id(last, directory) != mirror.tree_id(source.tip, directory):
        return False
    expected = {one.path: one.blob_id for one in wanted_files.layout(job.fabric)}
    return mirror.lookup(source.tip, expected).files == expected


def _records(connection: Connection, fabric_id: int) -> _Records:
    return _Records(
        git_files.files(connection, [fabric_id])[fabric_id],
        git_files.changed_objects(connection, [fabric_id])[fabric_id],
        frozenset(file.ref for file in git_files.removed_files(connection, [fabric_id])[fabric_id] if file.ref),
        functools.cache(lambda: object_store.load_objects(connection, [fabric_id])[fabric_id]),
    )


def _is_stale(fabric: Fabric, record: GitFile, removed: frozenset[ObjectRef]) -> bool:
    return record.ref in removed or wanted_files.place(fabric, record) != record.path


def _listing(source: PlanInputs, fabric: Fabric, known: Iterable[str]) -> Listing:
    """The files in the fabric's directory, and those that we wrote to its former directories."""
    if source.tip is None:
        return Listing({})
    here = source.mirror.listing(source.tip, fabric.git_directory)
    prefix = f"{fabric.git_directory}/" if fabric.git_directory else ""
    there = source.mirror.lookup(source.tip, [path for path in known if not path.startswith(prefix)])
    return Listing({**here.files, **there.files}, {**here.opaque, **there.opaque})


def _wanted(
    source: PlanInputs,
    fabric: Fabric,
    records: _Records,
    files: Mapping[str, str],
    stale: Collection[str],
    *,
    refused: Mapping[ObjectRef, str],
) -> list[WantedFile]:
    """The layout, the objects that changed, and those whose file differs from the record or is in another place."""
    changed = {one.ref: one for one in records.changed}
    differing = {
        record.ref
        for record in records.known.values()
        if record.object_digest is not None
        and record.ref not in records.removed
        and record.ref not in changed
        and (source.force or record.path in stale or record.held_reason or files.get(record.path) != record.blob_id)
    }
    unchanged = [one for one in records.objects() if one.ref in differing] if differing else []
    return wanted_files.layout(fabric) + wanted_files.objects(fabric, [*changed.values(), *unchanged], refused)


def _outside_neighbours(
    fabric: Fabric, wanted: Iterable[WantedFile], neighbours: Mapping[str, str]
) -> list[WantedFile]:
    """*wanted*, with files in the directory of another fabric refused: that fabric would treat them as its own."""
    inner = {f"{neighbours[name]}/": name for name in neighbours if inside(fabric.git_directory, [neighbours[name]])}
    found = []
    for one in wanted:
        name = next((inner[place] for place in inner if one.path.startswith(place)), "")
        why = f"{one.path} is in the directory of fabric {name}; give one of the two another git_directory"
        found.append(replace(one, refused=why) if name and not one.refused else one)
    return found


def _suspects(wanted: Iterable[WantedFile], known: Mapping[str, GitFile], files: Mapping[str, str]) -> set[str]:
    """Paths where Git has neither what we last wrote nor what we want."""
    places = {one.path: one.blob_id for one in wanted}
    return {
        path
        for path in places.keys() | known.keys()
        if path in files
        and files[path] != places.get(path)
        and (path not in known or files[path] != known[path].blob_id)
    }


def _edits(source: PlanInputs, paths: set[str], since: str | None) -> dict[str, Edit]:
    if not paths or source.head is None or source.head == since:
        return {}
    return edits(source.mirror, source.head, paths, since=since)


def _editors(
    source: PlanInputs, found: Mapping[str, Edit], held: set[str], known: Mapping[str, GitFile]
) -> dict[str, Edit]:
    """The edits by other people; older ones than the last sync are searched unless a reason is recorded already."""
    unnamed = {path for path in held - found.keys() if path not in known or not known[path].held_reason}
    older = _edits(source, unnamed, None)
    return {**older, **{path: edit for path, edit in found.items() if path in held}}


def is_from_sync(fabric: Fabric, edit: Edit) -> bool:
    """Whether a sync of this fabric made the commit: our committer, and our trailer for this fabric.

    Of a commit that the host made for us, the committer is the host; its tree is the one that we built.
    """
    repository = fabric.git_repository
    committed = repository is not None and edit.committer_email == repository.author_email
    ours = committed or (bool(edit.tree) and edit.trailers.get(TREE_TRAILER) == edit.tree)
    return ours and edit.trailers.get(FABRIC_TRAILER) == fabric.name


def _with_unrecorded(known: Mapping[str, GitFile], own: set[str], files: Mapping[str, str]) -> dict[str, GitFile]:
    """The records with those that a killed run did not write: what it pushed counts as written by us."""
    missed = {
        path: replace(known[path], blob_id=files[path]) if path in known else GitFile(path, None, files[path])
        for path in own
    }
    return {**known, **missed}


def _readings(source: PlanInputs, fabric: Fabric, paths: Iterable[WantedFile]) -> dict[str, Manifest | str]:
    readings: dict[str, Manifest | str] = {}
    if fabric.git_drift_policy is GitDriftPolicy.OVERWRITE:
        paths = [one for one in paths if source.force]
    for one in paths:
        if one.ref is None:
            continue
        blob = source.mirror.lookup(source.tip or "", [one.path]).files[one.path]
        try:
            readings[one.path] = source.adopt(fabric, one.ref, one.path, source.mirror.read(blob))
        except HedgehogError as error:
            readings[one.path] = str(error)
    return readings
