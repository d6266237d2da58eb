"""What a pull request does to one fabric: the objects it changes, and the faults that are its own.

Pure but for the engine: files before and after in, a report out. The whole directory is checked, because a change may
break an object that it does not touch; what was wrong before and is left alone is nobody's fault here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action, Change, ChangeSet
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.schemas import intake
from hedgehog.schemas.check import identified
from hedgehog.schemas.files import Source

_HELD = frozenset({*KINDS, FABRIC.kind})


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault at one place. *ref* is empty where a file cannot be read as objects at all, *file* where an object is
    deleted with its file."""

    file: str
    line: int
    column: int
    ref: str
    rule: str
    path: str
    message: str
    hint: str = ""
    is_error: bool = True

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same when the file around it changes: what breaks which rule where."""
        return self.ref or self.file, self.rule, self.path

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        severity = "error" if self.is_error else "warning"
        return {
            **{name: getattr(self, name) for name in ("file", "line", "column", "ref", "rule", "path")},
            "severity": severity,
            "message": self.message,
            "hint": self.hint,
        }


Engine = Callable[[Sequence[Source], Iterable[Manifest]], list[Problem]]
"""All problems of a fabric's files, where the fabric has the given objects now."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one fabric at one state of the repository, read."""

    sources: Mapping[str, Source]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Path → why its content cannot be taken (too large)."""


@dataclass(frozen=True, slots=True)
class FabricReport:
    """What merging would do to one fabric, and what is wrong with that."""

    fabric: str
    directory: str
    changes: ChangeSet = field(default_factory=ChangeSet)
    problems: tuple[Problem, ...] = ()
    older: int = 0
    """Problems of objects that the pull request leaves alone, which were there before."""
    unverified: str = ""
    """Why no verdict is possible; a failure."""

    @property
    def errors(self) -> int:
        """How many problems forbid the merge."""
        return sum(problem.is_error for problem in self.problems)

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against the merge."""
        return not self.unverified and not self.errors

    def as_dict(self) -> dict[str, Any]:
        """Plain data: counts, names and problems, never manifests."""
        return {
            "fabric": self.fabric,
            "directory": self.directory,
            "counts": self.changes.counts(),
            "problems": [problem.as_dict() for problem in self.problems],
            "older": self.older,
            "unverified": self.unverified,
        }


def compare(
    fabric: str, directory: str, before: Tree, after: Tree, *, engine: Engine, namespace: str = "default"
) -> FabricReport:
    """The report on a fabric whose files are *before* now and would be *after* the merge."""
    changed_files = {path for path, source in after.sources.items() if before.sources.get(path) != source}
    have, want = _objects(before, namespace), _objects(after, namespace)
    changes = _changes(have, want, {path for path, source in after.sources.items() if source.problems})
    changed = {str(change.ref) for change in changes.writes}
    known = engine(list(before.sources.values()), ())
    refused = {problem.ref for problem in known if problem.is_error}
    # What the branch has, but no cluster takes, is nothing to build on.
    found = engine(list(after.sources.values()), [one.manifest for ref, one in have.items() if str(ref) not in refused])
    there = {problem.identity for problem in known}
    mine = [
        _placed(problem, have, after)
        for problem in found
        if problem.ref in changed
        or problem.identity not in there
        or (not problem.ref and problem.file in changed_files)
    ]
    unread = [
        Problem(path, 1, 1, "", "file-unreadable", "", why, "Make it smaller or split it.")
        for path, why in sorted(after.unreadable.items())
    ]
    problems = (*unread, *sorted(mine, key=lambda one: (not one.is_error, one.file, one.line, one.column)))
    return FabricReport(fabric, directory, changes, problems, len(found) - len(mine))


def _placed(problem: Problem, have: Mapping[ObjectRef, _Object], after: Tree) -> Problem:
    """A deletion that is refused stands in no file any more: it is told at the file where the object was, if that stays."""
    if problem.file:
        return problem
    was = next((one.file for ref, one in have.items() if str(ref) == problem.ref), "")
    return replace(problem, file=was if was in after.sources else "")


class _Object(NamedTuple):
    file: str
    manifest: Manifest


def _objects(tree: Tree, namespace: str) -> dict[ObjectRef, _Object]:
    """The objects of a fabric by ref, without a check; the first file that describes one has it."""
    found: dict[ObjectRef, _Object] = {}
    for path in sorted(tree.sources):
        for document in tree.sources[path].documents:
            for item in intake.items(document):
                ref, manifest = identified(item.manifest, namespace=namespace)
                if ref.kind in _HELD:
                    found.setdefault(ref, _Object(path, manifest))
    return found


def _changes(have: Mapping[ObjectRef, _Object], want: Mapping[ObjectRef, _Object], torn: Collection[str]) -> ChangeSet:
    """What merging does. What stood in the unreadable part of a *torn* file does not count as deleted."""
    return ChangeSet.of(
        Change(ref, action)
        for ref in sorted(have.keys() | want.keys())
        if (action := _action(have.get(ref), want.get(ref))) is not Action.UNCHANGED
        and not (action is Action.DELETED and have[ref].file in torn)
    )


def _action(have: _Object | None, want: _Object | None) -> Action:
    if have is None:
        return Action.CREATED
    if want is None:
        return Action.DELETED
    same = have.manifest == want.manifest or canonical(have.manifest) == canonical(want.manifest)
    return Action.UNCHANGED if same else Action.CONFIGURED
