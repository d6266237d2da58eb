"""What must happen to the files of one fabric in Git. Pure: compares the desired files with the existing ones.

The rule: a file is written or removed only if it is as we wrote it. A file that a person changed, or that we never wrote,
stays, unless the fabric's policy says otherwise, and is reported with the name of the person.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action
from hedgehog.fabric.corrections import Corrections
from hedgehog.fabric.model import Fabric, GitDriftPolicy, Manifest, ObjectRef
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.gitops.history import Edit
from hedgehog.services.git.wanted_files import WantedFile
from hedgehog.store.git_edits import EditState, GitEdit
from hedgehog.store.git_files import GitFile


@dataclass(frozen=True, slots=True)
class Observed:
    """What Git has. `readings` is the content of each edited file, or the reason why it cannot be adopted."""

    files: Mapping[str, str] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    """Paths that are not plain files: links, submodules, directories in the place of a file."""
    edits: Mapping[str, Edit] = field(default_factory=dict)
    readings: Mapping[str, Manifest | str] = field(default_factory=dict)
    corrections: Mapping[str, Corrections] = field(default_factory=dict)
    """Files that were corrected recently."""
    directories: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        parents = {path.rpartition("/")[0] for path in self.files}
        object.__setattr__(self, "directories", frozenset(place for path in parents for place in (path, *_above(path))))

    def obstacle(self, path: str) -> str | None:
        """What is in the way of *path*, if anything is."""
        if path in self.others or path in self.directories:
            return path
        return next((place for place in _above(path) if place in self.files or place in self.others), None)


def _above(path: str) -> Iterator[str]:
    """The directories that contain *path*."""
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happens to one file, printed `Kind/namespace/name action (reason)`."""

    path: str
    ref: ObjectRef | None
    action: Action
    reason: str = ""
    refused: bool = False
    """Whether it is left alone because the object breaks a rule, not because of an edit in Git."""
    flapping: bool = False
    """Whether it is left alone because somebody keeps changing it back after each correction."""

    @property
    def problem(self) -> SyncProblem:
        """The problem of a file that is left alone."""
        if self.refused:
            return SyncProblem(ProblemKind.REFUSED, str(self.ref), self.reason)
        return SyncProblem(ProblemKind.FLAPPING if self.flapping else ProblemKind.HELD_EDIT, self.path, self.reason)

    def __str__(self) -> str:
        return f"{self.ref or self.path} {self.action}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What to commit and what to record. `untouched` is the number of files that needed no comparison."""

    entries: tuple[FileChange, ...] = ()
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    written: tuple[GitFile, ...] = ()
    removed: tuple[str, ...] = ()
    held: tuple[tuple[str, str], ...] = ()
    adopted: tuple[GitFile, ...] = ()
    """Files whose content is adopted: their manifest is what the person wrote, their digest is not known yet."""
    adopters: Mapping[str, Edit] = field(default_factory=dict)
    """By path, who wrote what is adopted, where that is known."""
    edits: tuple[GitEdit, ...] = ()
    """All files of the fabric that are held because people changed them."""
    corrected: Mapping[str, str] = field(default_factory=dict)
    """By path, the author of each edit that is overwritten, and of each deletion that is undone."""
    untouched: int = 0

    def counts(self) -> dict[str, int]:
        """The number of files per action; every action is a key."""
        found = Counter(entry.action for entry in self.entries)
        found[Action.UNCHANGED] += self.untouched
        return {action.value: found[action] for action in Action}

    def having(self, *actions: Action) -> list[FileChange]:
        """The entries with one of *actions*."""
        return [entry for entry in self.entries if entry.action in actions]

    @property
    def is_first(self) -> bool:
        """Whether Git had no files of this fabric before."""
        return not self.untouched and all(entry.action in (Action.CREATED, Action.SKIPPED) for entry in self.entries)

    @property
    def records(self) -> bool:
        """Whether there is something to record, even if nothing is committed."""
        return bool(self.written or self.removed or self.adopted)


def plan_files(
    fabric: Fabric,
    wanted: Sequence[WantedFile],
    known: Mapping[str, GitFile],
    stale: Sequence[GitFile],
    observed: Observed,
    *,
    spared: Mapping[ObjectRef, str] | None = None,
    overruled: Mapping[str, str] | None = None,
) -> FilePlan:
    """The plan that makes Git hold *wanted* and no longer *stale*, and leaves alone what is not ours.

    Files of the objects in *spared* stay, for the reason given there: other objects still need them. The edits of the
    files in *overruled* (path → author) are overwritten whatever the policy, because a person decided so. *known* are the
    records by path. Records that are neither wanted nor stale are files that were compared already.
    """
    overruled = overruled or {}
    removals = [_remove(fabric, record, observed, spared or {}, overruled) for record in stale]
    # An object whose file moves is held if its old file is held: it must not have two files.
    held = {step.entry.ref for step in removals if step.entry and step.entry.action is Action.SKIPPED}
    steps = removals + [
        _write_or_hold(fabric, one, known.get(one.path), observed, overruled)
        for one in wanted
        if one.ref is None or one.ref not in held or one.path in known
    ]
    touched = {one.path for one in wanted} | {record.path for record in stale}
    return _combined(steps, known, observed, untouched=len(known.keys() - touched))


def _combined(steps: Sequence[_Step], known: Mapping[str, GitFile], observed: Observed, *, untouched: int) -> FilePlan:
    """The plan that consists of *steps*."""
    return FilePlan(
        entries=tuple(step.entry for step in steps if step.entry),
        changes={step.path: step.content for step in steps if step.commits},
        written=tuple(step.record for step in steps if step.record and not step.adopts),
        removed=tuple(step.path for step in steps if step.forgets),
        held=tuple((step.path, step.entry.reason) for step in steps if step.entry and step.holds(known)),
        adopted=tuple(step.record for step in steps if step.record and step.adopts),
        adopters={
            step.path: observed.edits[step.path] for step in steps if step.adopts and step.path in observed.edits
        },
        edits=tuple(step.edit for step in steps if step.edit),
        corrected={step.path: step.corrects for step in steps if step.corrects is not None},
        untouched=untouched,
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """What happens to one path."""

    path: str
    entry: FileChange | None = None
    content: bytes | None = None
    commits: bool = False
    record: GitFile | None = None
    forgets: bool = False
    adopts: bool = False
    edit: GitEdit | None = None
    corrects: str | None = None
    """The author of the change that is undone."""

    def holds(self, known: Mapping[str, GitFile]) -> bool:
        """Whether a record must state why its file is held and does not yet."""
        if self.entry is None or self.entry.action is not Action.SKIPPED or self.path not in known:
            return False
        return known[self.path].held_reason != self.entry.reason


def _remove(
    fabric: Fabric,
    record: GitFile,
    observed: Observed,
    spared: Mapping[ObjectRef, str],
    overruled: Mapping[str, str],
) -> _Step:
    path = record.path
    if record.ref is not None and record.ref in spared:
        why = f"{record.ref} is not deleted: {spared[record.ref]}"
        return _Step(path, FileChange(path, record.ref, Action.SKIPPED, why, refused=True))
    seen = observed.files.get(path)
    if seen is None and path not in observed.others:
        return _Step(path, forgets=True)
    if seen == record.blob_id:
        return _Step(path, FileChange(path, record.ref, Action.DELETED), commits=True, forgets=True)
    if seen is not None and (fabric.git_drift_policy is GitDriftPolicy.OVERWRITE or path in overruled):
        entry = FileChange(
            path, record.ref, Action.DELETED, f"with the edit by {overruled.get(path) or _editor(path, observed)}"
        )
        return _Step(path, entry, commits=True, forgets=True)
    who = _editor(path, observed)
    reason = _kept_reason(
        record, observed, f"{path} is no longer wanted, but it was edited by {who}; {advice(fabric, path)}"
    )
    state = EditState.OBSTACLE if seen is None else EditState.UNWANTED
    return _Step(
        path, FileChange(path, record.ref, Action.SKIPPED, reason), edit=_edit(path, record.ref, state, observed)
    )


def _write_or_hold(
    fabric: Fabric, wanted: WantedFile, record: GitFile | None, observed: Observed, overruled: Mapping[str, str]
) -> _Step:
    if wanted.refused:
        return _held(wanted, f"{wanted.ref} is refused: {wanted.refused}", refused=True)
    return _keep(fabric, wanted, record, observed, overruled)


def _keep(
    fabric: Fabric, wanted: WantedFile, record: GitFile | None, observed: Observed, overruled: Mapping[str, str]
) -> _Step:
    seen = observed.files.get(wanted.path)
    if seen == wanted.blob_id or (seen is not None and _is_equivalent(wanted, observed)):
        return _in_place(wanted, record, seen)
    if seen is None:
        obstacle = observed.obstacle(wanted.path)
        if obstacle is not None:
            why = f"{obstacle} is in the way of {wanted.path} and was not written by us; move it away"
            return _held(wanted, why, _edit(wanted.path, wanted.ref, EditState.OBSTACLE, observed, why))
        if record is None:
            return _write(wanted, Action.CREATED)
        return _flapping(fabric, wanted, record, observed) or replace(
            _write(wanted, Action.CREATED, "it was missing in Git"), corrects=_author(wanted.path, observed)
        )
    if record is not None and seen == record.blob_id:
        return _write(wanted, Action.CONFIGURED)
    return _edited(fabric, wanted, record, observed, overruled.get(wanted.path))


def _foreign(fabric: Fabric, wanted: WantedFile, observed: Observed, overruled: str | None) -> _Step:
    who = f"{wanted.path} exists and was not written by us but by {overruled or _editor(wanted.path, observed)}"
    if overruled is not None:
        return _write(wanted, Action.CONFIGURED, f"{who}; it is overwritten and stays in the history")
    edit = _edit(wanted.path, wanted.ref, EditState.FOREIGN, observed)
    return _held(wanted, f"{who}; {advice(fabric, wanted.path)}", edit)


def _edited(
    fabric: Fabric, wanted: WantedFile, record: GitFile | None, observed: Observed, overruled: str | None
) -> _Step:
    if record is None:
        return _foreign(fabric, wanted, observed, overruled)
    who = f"{wanted.path} was edited by {overruled or _editor(wanted.path, observed)}"
    if overruled is not None or fabric.git_drift_policy is GitDriftPolicy.OVERWRITE:
        held = _flapping(fabric, wanted, record, observed) if overruled is None else None
        reason = f"{who}; the edit is overwritten and stays in the history"
        corrects = _author(wanted.path, observed) if overruled is None else None
        return held or replace(_write(wanted, Action.CONFIGURED, reason), corrects=corrects)
    edit = _edit(wanted.path, wanted.ref, EditState.CHANGED, observed)
    if fabric.git_drift_policy is GitDriftPolicy.HOLD:
        return _held(wanted, _kept_reason(record, observed, f"{who}; {advice(fabric, wanted.path)}"), edit)
    reading = observed.readings.get(wanted.path, "only object files can be adopted")
    if isinstance(reading, str):
        return _held(wanted, f"{who} and cannot be adopted: {reading}", edit)
    if record.object_digest != wanted.digest:
        return _held(wanted, f"{who} and the object changed in the database, too; {advice(fabric, wanted.path)}", edit)
    adopted = replace(wanted.file(observed.files[wanted.path]), manifest=reading, object_digest=None)
    return _Step(
        wanted.path,
        FileChange(wanted.path, wanted.ref, Action.CONFIGURED, f"{who}; adopted into the database"),
        record=adopted,
        adopts=True,
    )


def _flapping(fabric: Fabric, wanted: WantedFile, record: GitFile, observed: Observed) -> _Step | None:
    """The file held, if it was corrected so often recently that it is left alone for a while; otherwise None.

    An object that changed in the fabric since is written: a change by a person is not one of those corrections.
    """
    corrected = observed.corrections.get(wanted.path)
    if corrected is None or not corrected.pause_left or record.object_digest != wanted.digest:
        return None
    ours = fabric.git_repository.author_name if fabric.git_repository is not None else "we"
    why = f"{wanted.path} is {corrected.describe(ours)}; have only one of the two write it, or {advice(fabric, wanted.path)}"
    edit = _edit(wanted.path, wanted.ref, EditState.CHANGED, observed) if wanted.path in observed.files else None
    held = _held(wanted, why, edit)
    return replace(held, entry=replace(held.entry, flapping=True)) if held.entry else held


def _author(path: str, observed: Observed) -> str:
    edit = observed.edits.get(path)
    return edit.author if edit else ""


def _in_place(wanted: WantedFile, record: GitFile | None, seen: str) -> _Step:
    as_is = wanted.file(seen)
    same = record is not None and replace(as_is, manifest=None) == replace(record, manifest=None)
    return _Step(wanted.path, FileChange(wanted.path, wanted.ref, Action.UNCHANGED), record=None if same else as_is)


def _write(wanted: WantedFile, action: Action, reason: str = "") -> _Step:
    return _Step(
        wanted.path,
        FileChange(wanted.path, wanted.ref, action, reason),
        content=wanted.content,
        commits=True,
        record=wanted.file(wanted.blob_id),
    )


def _held(wanted: WantedFile, reason: str, edit: GitEdit | None = None, *, refused: bool = False) -> _Step:
    return _Step(wanted.path, FileChange(wanted.path, wanted.ref, Action.SKIPPED, reason, refused), edit=edit)


def advice(fabric: Fabric, path: str) -> str:
    """How to decide about an edit."""
    return f"decide with `hedgehog drift adopt|revert {fabric.name} {shlex.quote(path)}`"


def _edit(path: str, ref: ObjectRef | None, state: EditState, observed: Observed, problem: str = "") -> GitEdit:
    found = observed.edits.get(path)
    return GitEdit(path, ref, state, observed.files.get(path), str(found) if found else "", problem)


def _is_equivalent(wanted: WantedFile, observed: Observed) -> bool:
    reading = observed.readings.get(wanted.path)
    return (
        isinstance(reading, dict) and wanted.manifest is not None and canonical(reading) == canonical(wanted.manifest)
    )


def _editor(path: str, observed: Observed) -> str:
    edit = observed.edits.get(path)
    return str(edit) if edit else "somebody"


def _kept_reason(record: GitFile, observed: Observed, reason: str) -> str:
    """*reason*, or the recorded one if this run can no longer name the author."""
    return reason if record.path in observed.edits else record.held_reason or reason
