"""Git → fabric database, for fabrics whose source of truth is Git: the tree of one commit, stored in one transaction.

What is stored is recorded as published, so the sync to the cluster applies exactly that revision. The cost depends on
the change: an unchanged directory costs two lookups, and in a changed one only changed files are parsed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hedgehog.errors import InvalidInput, NotFound, PushRace
from hedgehog.fabric.changes import Action, Change, ChangeSet, Outcome, OutcomeStatus
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, Revision, SyncStatus, Target
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.paths import LIMITS
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.fabric.proposals import Proposal, ProposalStatus
from hedgehog.fabric.shown import counted, reason_of
from hedgehog.gitops import history
from hedgehog.gitops.mirror import Mirror
from hedgehog.services import failures
from hedgehog.services.attribution import of_commit, save_as_written
from hedgehog.services.fabric_files import FabricFiles, inside, measured, set_aside, sort_files
from hedgehog.services.plans.approval import pushed_change_waits, why_it_waits
from hedgehog.services.repository.branch import Commit
from hedgehog.services.repository.reading import FabricContent, FoundObject, file_of, plan_ingestion, read_files
from hedgehog.services.repository.trust import doubted
from hedgehog.services.repository.vanished import unread
from hedgehog.services.validation import FindRefusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, repository_heads, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.git_files import GitFile
from hedgehog.store.origins import set_origin
from hedgehog.store.repository_heads import LeftDirectory
from hedgehog.store.sync_state import SyncState


@dataclass(frozen=True, slots=True)
class Ingestion:
    """How to ingest: for which run, what says what is refused, with *force* all of it or only what needs it. *neighbours*
    are the directories of all fabrics in the repository, by name."""

    connection: Connection
    run_id: str
    find_refusals: FindRefusals
    force: bool = False
    at_once: bool = False
    """A person waits: fabrics that are not due are ingested, too."""
    neighbours: Mapping[str, str] = field(default_factory=dict)
    left: Sequence[LeftDirectory] = ()
    """The directories in the repository that fabrics left."""
    reads_reviews: bool = False
    """Whether the caller looks at the reviews of what waits for approval afterwards."""
    started: float = field(default_factory=time.perf_counter)


def ingest(ingestion: Ingestion, commit: Commit, fabric: Fabric, state: SyncState | None) -> Outcome | None:
    """Make the database hold what *commit* says of *fabric*; the outcome is recorded. None when it was not necessary.

    Never raises for what is wrong with the fabric; PushRace says that the branch was replaced meanwhile.
    """
    try:
        behind = _is_behind(commit, fabric, state)
        if not (ingestion.force or ingestion.at_once or _is_needed(commit, state, behind=behind)):
            return None
        if state is not None and state.status is SyncStatus.IN_SYNC and not behind and not ingestion.force:
            return _record_unchanged(ingestion, commit, fabric)
        last = last_taken_in(commit, state)
        doubt = doubted(commit, fabric, since=last)
        if doubt and doubt.is_refused:
            with transaction(ingestion.connection) as cursor:
                return _held(ingestion, cursor, fabric, doubt.reason, doubt.problem)
        files = _own_files(ingestion, commit, fabric)
        _forget_vanished_directories(ingestion, commit)
        content = _read(ingestion, commit.mirror, fabric, files, None if ingestion.force else state)
        if doubt:
            commit = replace(commit, note="; ".join(filter(None, (commit.note, doubt.reason))))
        return _store(ingestion, commit, fabric, content, since=last)
    except PushRace:
        raise
    except Exception as error:
        return record_failure(ingestion, fabric, error)


def is_due(state: SyncState | None) -> bool:
    """Whether the fabric is to be checked again."""
    return state is None or (state.due_at is not None and state.due_at <= datetime.now(UTC))


def _is_needed(commit: Commit, state: SyncState | None, *, behind: bool) -> bool:
    """A failed one waits until it is due, unless the branch moved; a parked one that is not behind was parked by an outage."""
    if state is None or is_due(state) or bool(commit.note):
        return True
    return commit.moved if behind else state.status is SyncStatus.PARKED


def last_taken_in(commit: Commit, state: SyncState | None) -> str | None:
    """The commit that was ingested last, if it is of this branch and in the clone."""
    if state is None or state.revision is None:
        return None
    revision = Revision.parse(state.revision)
    known = revision.branch == commit.revision.branch and commit.mirror.has(revision.commit)
    return revision.commit if known else None


def _is_behind(commit: Commit, fabric: Fabric, state: SyncState | None) -> bool:
    last = last_taken_in(commit, state)
    if last is None or state is None or state.observed_generation != fabric.generation:
        return True
    directory = fabric.git_directory
    return commit.mirror.tree_id(last, directory) != commit.mirror.tree_id(commit.head, directory)


def _own_files(ingestion: Ingestion, commit: Commit, fabric: Fabric) -> FabricFiles:
    """The files of the fabric's directory, but for what others left in it. Raises NotFound without that directory."""
    files = files_at(commit.mirror, commit, fabric, ingestion.neighbours)
    return set_aside(files, left_by_others(ingestion.left, fabric), around=fabric.git_directory)


def _forget_vanished_directories(ingestion: Ingestion, commit: Commit) -> None:
    """Forget the directories that fabrics left and that are no longer there; what a forced push dropped may come back."""
    if not commit.note:
        gone = [one for one in ingestion.left if commit.mirror.tree_id(commit.head, one.directory) is None]
        repository_heads.forget_left(ingestion.connection, gone)


def _read(
    ingestion: Ingestion, mirror: Mirror, fabric: Fabric, files: FabricFiles, state: SyncState | None
) -> FabricContent:
    """What the fabric's *files* say. Those that are as recorded, when all was well then, are not parsed again."""
    known = _known(ingestion.connection, fabric, state, files.wanted)
    changed = {path: blob for path, blob in files.wanted.items() if path not in known}
    measured(changed, mirror.size, place=fabric.git_directory, limits=LIMITS)
    contents = ((path, blob, content_of(mirror, blob)) for path, blob in sorted(changed.items()))
    left = unread(files, mirror.read, limits=LIMITS, namespace=fabric.kubernetes_namespace)
    return read_files(fabric, contents, known, left)


def left_by_others(left: Iterable[LeftDirectory], fabric: Fabric) -> dict[str, str]:
    """Directory → who left it. What *fabric* itself left is its own where it lies in its directory now."""
    return {one.directory: one.fabric for one in left if one.fabric != fabric.name}


def files_at(mirror: Mirror, commit: Commit, fabric: Fabric, neighbours: Mapping[str, str]) -> FabricFiles:
    """The files of a fabric. Raises NotFound where its directory is not there, or is not a directory."""
    directory = fabric.git_directory
    place = mirror.place(commit.head, directory)
    if place.tree is None:
        found = f"{place.at} {place.opaque.why}" if place.opaque else f"there is no directory {directory}"
        raise NotFound(
            f"{commit.revision}: {found}; nothing was taken over. Restore the directory, or correct git_directory"
        )
    same = sorted(name for name, other in neighbours.items() if other == directory and name != fabric.name)
    if same:
        raise InvalidInput(f"{fabric.name}: fabric {same[0]} has the same directory {directory or '/'}; change one")
    inner = inside(directory, neighbours.values())
    return sort_files(mirror.listing(commit.head, directory, skip=inner.__contains__), directory, inner)


def content_of(mirror: Mirror, blob_id: str) -> bytes | str:
    """What a file says, or why it cannot be read."""
    try:
        return mirror.read(blob_id)
    except InvalidInput as error:
        return str(error)


def _known(
    connection: Connection, fabric: Fabric, state: SyncState | None, files: Mapping[str, str]
) -> dict[str, list[FoundObject]]:
    """The objects of files that need not be parsed: unchanged since a check that found no problem."""
    if state is None or state.status is not SyncStatus.IN_SYNC or state.observed_generation != fabric.generation:
        return {}
    manifests = {ObjectRef.of(one): one for one in git_files.published(connection, [fabric.id])[fabric.id]}
    found: dict[str, list[FoundObject]] = {}
    for record in git_files.files(connection, [fabric.id])[fabric.id].values():
        path = file_of(record.path)
        if record.ref in manifests and files.get(path) == record.blob_id:
            found.setdefault(path, []).append(
                FoundObject(record.ref, manifests[record.ref], record.path, record.blob_id)
            )
    return found


def _store(
    ingestion: Ingestion, commit: Commit, fabric: Fabric, content: FabricContent, *, since: str | None
) -> Outcome:
    """Settings, then objects, records and state in one transaction, as the changes of who made the commits after *since*."""
    connection = ingestion.connection
    changed_by = history.introduction(commit.mirror, commit.head, fabric.git_directory, since=since)
    author = of_commit(history.head_edit(commit.mirror, changed_by), run=ingestion.run_id)
    problems = _save_settings(connection, fabric, content, author)
    fabric = next(iter(fabric_store.load_fabrics(connection, [fabric.name])), fabric)
    with transaction(connection) as cursor:
        have = {one.ref: one.manifest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
        known = git_files.files(connection, [fabric.id])[fabric.id]
        recorded = {record.ref: record for record in known.values() if record.ref in have}
        planned = plan_ingestion(fabric, content, have, recorded, ingestion.find_refusals)
        paths = {one.ref: file_of(one.path) for one in (*known.values(), *planned.records) if one.ref}
        differing = [ref for ref in have.keys() | planned.objects.keys() if have.get(ref) != planned.objects.get(ref)]
        can_be_reviewed = ingestion.reads_reviews and _is_from_commits(
            commit, [paths.get(ref) for ref in differing], since
        )
        authors = _authors(ingestion, commit, {paths[ref] for ref in differing if ref in paths}, since)
        origins = {ref: authors.get(paths.get(ref, ""), author) for ref in differing}
        verdict = pushed_change_waits(
            connection,
            fabric,
            _change(have, planned.objects),
            _proposed_by(author, origins.values()),
            can_be_reviewed=can_be_reviewed,
        )
        if verdict.waits is not None:
            return _held_by(ingestion, cursor, fabric, verdict.waits)
        whose = [
            (ref, planned.objects.get(ref), _approved(origins[ref], verdict.approved)) for ref in sorted(differing)
        ]
        saved = save_as_written(connection, fabric.id, whose)
        unchanged = planned.objects.keys() - {change.ref for change in saved.changes}
        changes = ChangeSet.of([*saved.changes, *(Change(ref, Action.UNCHANGED) for ref in unchanged)])
        digests = {one.ref: one.digest for one in object_store.load_objects(connection, [fabric.id])[fabric.id]}
        records = {one.path: replace(one, object_digest=digests[one.ref]) for one in planned.records if one.ref}
        written, removed = _differences(known, records)
        git_files.record(cursor, fabric.id, written=written, removed=removed)
        now = fabric_store.load_fabrics(connection, [fabric.name])
        outcome = _outcome(ingestion, commit, now[0] if now else fabric, changes, (*problems, *planned.parked))
        outcome = replace(outcome, details=(*outcome.details, *_left_alone(content)))
        sync_state.finish(cursor, fabric.id, outcome, run_id=ingestion.run_id)
    return outcome


def _change(have: Mapping[ObjectRef, Manifest], want: Mapping[ObjectRef, Manifest]) -> DesiredChange:
    """What taking in a commit changes."""
    written = [manifest for ref, manifest in want.items() if have.get(ref) != manifest]
    return DesiredChange(tuple(written), tuple(ref for ref in have if ref not in want))


def _is_from_commits(commit: Commit, paths: Sequence[str | None], since: str | None) -> bool:
    """Whether all that differs is from files that the commits after *since* changed; the database may differ by itself."""
    if since is None or None in paths:
        return False
    files = {path for path in paths if path is not None}
    before, now = (commit.mirror.lookup(one, files).files for one in (since, commit.head))
    return all(before.get(path) != now.get(path) for path in files)


def _proposed_by(pushed: Origin, origins: Iterable[Origin]) -> Origin:
    """What came with the commit *pushed*, as the change of all who wrote it: who only merged it may approve it."""
    people = sorted({one.who for one in origins})
    return replace(pushed, who=", ".join(people)) if people else pushed


def _approved(origin: Origin, proposal: Proposal | None) -> Origin:
    return origin if proposal is None else replace(origin, why=proposal.approved_why(origin.why))


def _held_by(ingestion: Ingestion, cursor: Any, fabric: Fabric, proposal: Proposal) -> Outcome:
    """A change that waits for approval, or was rejected."""
    reason = why_it_waits(proposal)
    is_rejected = proposal.status is ProposalStatus.REJECTED
    problem = SyncProblem(ProblemKind.PROPOSAL, str(proposal.id), reason) if is_rejected else None
    return _held(ingestion, cursor, fabric, reason, problem)


def _held(ingestion: Ingestion, cursor: Any, fabric: Fabric, reason: str, problem: SyncProblem | None) -> Outcome:
    """Nothing is taken in; the revision that was taken in last stays the one on record."""
    outcome = Outcome(
        fabric.name,
        Target.GIT,
        OutcomeStatus.HELD,
        generation=fabric.generation,
        counts={**ChangeSet().counts(), Action.SKIPPED.value: 1},
        reason=reason,
        details=(reason,),
        duration=time.perf_counter() - ingestion.started,
        problems=(problem,) if problem else (),
    )
    sync_state.finish(cursor, fabric.id, outcome, run_id=ingestion.run_id)
    return outcome


def _authors(ingestion: Ingestion, commit: Commit, paths: Collection[str], since: str | None) -> dict[str, Origin]:
    """By path, whose commit changed it last; nobody where the push has no beginning that is known."""
    if since is None or not commit.mirror.is_ancestor(since, commit.head):
        return {}
    found = history.edits(commit.mirror, commit.head, paths, since=since)
    return {path: of_commit(edit, run=ingestion.run_id) for path, edit in found.items()}


def _save_settings(connection: Connection, fabric: Fabric, content: FabricContent, author: Origin) -> tuple[str, ...]:
    """Store what the fabric's own files say about it; a value that the database refuses is a problem of that file."""
    try:
        if content.settings:
            with transaction(connection) as cursor:
                set_origin(cursor, author)
                fabric_store.save_fabric(connection, fabric.name, content.settings)
    except InvalidInput as error:
        return tuple(f"{fabric.git_directory or '.'}: {line}" for line in str(error).splitlines())
    return ()


def _differences(known: Mapping[str, GitFile], records: Mapping[str, GitFile]) -> tuple[list[GitFile], list[str]]:
    """Records to write and paths to forget first: an object may have moved to the path of another one."""
    removed = [path for path, old in known.items() if path not in records or records[path].ref != old.ref]
    written = [one for path, one in records.items() if path not in known or replace(one, manifest=None) != known[path]]
    return written, removed


def _outcome(
    ingestion: Ingestion, commit: Commit, fabric: Fabric, changes: ChangeSet, parked: Sequence[str]
) -> Outcome:
    status = OutcomeStatus.SUCCESS if changes.writes or commit.note else OutcomeStatus.SKIPPED
    reason = "; ".join(_reasons(commit, fabric, parked))
    return Outcome(
        fabric.name,
        Target.GIT,
        OutcomeStatus.HELD if parked else status,
        generation=fabric.generation,
        revision=str(commit.revision),
        counts={**changes.counts(), Action.SKIPPED.value: len(parked)},
        reason=reason or ("nothing changed" if status is OutcomeStatus.SKIPPED else ""),
        details=(*parked, *(str(change) for change in changes.writes)),
        duration=time.perf_counter() - ingestion.started,
        problems=tuple(SyncProblem(ProblemKind.REFUSED, line.partition(":")[0], line) for line in parked),
    )


def _left_alone(content: FabricContent) -> Iterator[str]:
    """One line about the documents of other tools."""
    if content.notes:
        number = counted(len(content.notes), "document")
        yield f"{number} of other tools left alone, among them {content.notes[0]}"


def _reasons(commit: Commit, fabric: Fabric, parked: Sequence[str]) -> Iterator[str]:
    if commit.note:
        yield commit.note
    if parked:
        yield reason_of(parked, rest=f"`hedgehog explain {fabric.name} --verbose`")


def _record_unchanged(ingestion: Ingestion, commit: Commit, fabric: Fabric) -> Outcome:
    """The regular check of a fabric whose directory is unchanged."""
    files = git_files.files(ingestion.connection, [fabric.id])[fabric.id]
    counts = {**ChangeSet().counts(), Action.UNCHANGED.value: len(files)}
    status = OutcomeStatus.SUCCESS if commit.note else OutcomeStatus.SKIPPED
    outcome = Outcome(
        fabric.name,
        Target.GIT,
        status,
        generation=fabric.generation,
        revision=str(commit.revision),
        counts=counts,
        reason=commit.note or "nothing changed",
        duration=time.perf_counter() - ingestion.started,
    )
    return _recorded(ingestion, fabric, outcome)


def record_failure(ingestion: Ingestion, fabric: Fabric, error: Exception) -> Outcome:
    """The outcome of a fabric that could not be ingested, recorded with the time of its next attempt."""
    return failures.record(
        ingestion.connection, fabric, Target.GIT, error, run_id=ingestion.run_id, started=ingestion.started
    )


def _recorded(ingestion: Ingestion, fabric: Fabric, outcome: Outcome) -> Outcome:
    with transaction(ingestion.connection) as cursor:
        sync_state.finish(cursor, fabric.id, outcome, run_id=ingestion.run_id)
    return outcome
