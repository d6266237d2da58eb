"""What a pull request does to one fabric: the objects it changes, and the problems that are its own.

Pure: files before and after in, a report out. The whole directory is checked, because a change may break an object that
it does not touch; what was wrong before and is left alone is not reported.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from hedgehog.admission.check import identified
from hedgehog.errors import InvalidInput
from hedgehog.fabric.blast_radius import blast_radius
from hedgehog.fabric.change_plan import ChangePlan, PlanKind, PlanPart, PlanPlace, planned_change, planned_waves
from hedgehog.fabric.changes import Change, ChangeSet
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.settings import parse_settings, release_of
from hedgehog.manifests import configuration, intake, other_tools
from hedgehog.services.pull_requests.gather import MergedFabric
from hedgehog.services.pull_requests.problems import MergeProblem, OpenEngine, fabric_engine, said_once
from hedgehog.services.pull_requests.trees import Tree, read_trees
from hedgehog.services.repository.vanished import FILE_HAS_A_PROBLEM, out_of_sight

_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class FabricReport:
    """What merging would do to one fabric, and what is wrong with that."""

    fabric: str
    directory: str
    plan: ChangePlan | None = None
    """What merging would do to its objects; None where that could not be found out."""
    problems: tuple[MergeProblem, ...] = ()
    older: int = 0
    """Problems that were there before, of objects that are left alone."""
    unverified: str = ""
    """Why it could not be checked: the merge conflicts, the repository cannot be read."""
    settings: tuple[str, ...] = ()
    """What happens to the fabric's own settings, one line each."""

    @property
    def changes(self) -> ChangeSet:
        """The objects that merging would change."""
        found = self.plan.changes if self.plan is not None else ()
        return ChangeSet.of(Change(change.ref, change.action) for change in found)

    @property
    def errors(self) -> int:
        """Problems for which the pull request should not be merged; warnings do not count."""
        return sum(problem.is_error for problem in self.problems)

    @property
    def is_good(self) -> bool:
        """Whether the pull request may be merged."""
        return not self.unverified and not self.errors

    def as_dict(self) -> dict[str, Any]:
        """Plain data: counts, names and problems, never manifests."""
        return {
            "fabric": self.fabric,
            "directory": self.directory,
            "counts": self.changes.counts(),
            "settings": list(self.settings),
            "problems": [problem.as_dict() for problem in self.problems],
            "older": self.older,
            "unverified": self.unverified,
        }


def fabric_report(merged: MergedFabric, *, open_engine: OpenEngine = fabric_engine) -> FabricReport:
    """What merging would do to the fabric of *merged*, and what is wrong with that; or why it could not be checked."""
    fabric = merged.fabric
    if merged.unverified:
        return FabricReport(fabric.name, fabric.git_directory, unverified=merged.unverified)
    try:
        before, after = read_trees(merged)
        return _compared(fabric, before, after, open_engine)
    except InvalidInput as error:
        return FabricReport(fabric.name, fabric.git_directory, unverified=str(error))


def _compared(fabric: Fabric, before: Tree, after: Tree, open_engine: OpenEngine) -> FabricReport:
    """The report on a fabric whose files are *before* now and would be *after* the merge."""
    namespace = fabric.kubernetes_namespace
    changed_files = {path for path, source in after.sources.items() if before.sources.get(path) != source}
    have, want = _objects(before, namespace), _objects(after, namespace)
    vanished = {ref: have[ref].file for ref in have.keys() - want.keys()}
    recorded = {one.file for one in have.values()}
    kept = _out_of_sight(vanished, after, fabric, recorded) if vanished else {}
    plan = _plan(fabric, have, want, kept)
    changed = {str(change.ref) for change in plan.changes}
    was, would_be = _configured(fabric, before), _configured(fabric, after)
    known = open_engine(was)(list(before.sources.values()), (), False)
    refused = {problem.ref for problem in known if problem.is_error}
    # Objects of the branch that no cluster accepts are not there for others to refer to.
    base = [one.manifest for ref, one in have.items() if str(ref) not in refused]
    found = open_engine(would_be)(list(after.sources.values()), base, bool(kept))
    there = {problem.identity for problem in known}
    mine = [
        _placed(problem, have, after)
        for problem in found
        if problem.ref in changed
        or problem.identity not in there
        or (not problem.ref and problem.file in changed_files)
    ]
    problems = (
        *_unreadable(before, after),
        *_kept(kept, vanished, after),
        *sorted(said_once(mine), key=lambda one: (not one.is_error, one.file, one.line, one.column)),
    )
    settings = tuple(_settings_changed(was, would_be))
    return FabricReport(fabric.name, fabric.git_directory, plan, problems, len(found) - len(mine), "", settings)


def _out_of_sight(
    vanished: Mapping[ObjectRef, str], after: Tree, fabric: Fabric, recorded: Collection[str]
) -> dict[ObjectRef, str]:
    """Those of *vanished* that a push of the same would keep: also where a document was read, but no fabric can hold it."""
    torn: dict[str, bytes] = {}
    partly: dict[str, bytes] = {}
    others: dict[str, bytes] = {}
    accepted = functools.partial(
        intake.accept_manifest, namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings)
    )
    for path, source in after.sources.items():
        items = (item for document in source.documents for item in intake.items(document))
        for item in (one for one in items if not configuration.is_configuration(one.manifest)):
            if other_tools.tool_of(item.manifest) or other_tools.is_kustomization(item, path):
                others[path] = source.content
            elif isinstance(accepted(item), list):
                (torn if intake.is_opaque(item.manifest) else partly)[path] = source.content
    left = replace(after.unread, torn={**after.unread.torn, **torn}, refused={**partly, **others})
    return out_of_sight(vanished, left, faulty={*torn, *partly}, recorded=recorded)


def _configured(fabric: Fabric, tree: Tree) -> Fabric:
    """*fabric* as the documents of *tree* configure it, where Git is its source; what is wrong in them is left out."""
    values: dict[str, Any] = {}
    if fabric.source_of_truth is SourceOfTruth.GIT:
        for document in (one for source in tree.sources.values() for one in source.documents):
            for item in filter(lambda one: configuration.is_configuration(one.manifest), intake.items(document)):
                if isinstance(found := configuration.read_configuration(item), configuration.Settings):
                    values.update(configuration.taken_from_git(found, fabric)[0])
    if "settings" in values:
        values["settings"] = parse_settings(values["settings"])
    return replace(fabric, **values)


def _settings_changed(was: Fabric, would_be: Fabric) -> Iterator[str]:
    """Each setting that the merge gives another value."""
    for name in sorted(configuration.FROM_GIT - {"settings"}):
        old, new = getattr(was, name), getattr(would_be, name)
        if old != new:
            yield f"{name}: {_shown(old)} → {_shown(new)}"
    old, new = was.settings.as_dict(), would_be.settings.as_dict()
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"settings.{name}: {_shown(old.get(name, 'default'))} → {_shown(new.get(name, 'default'))}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _unreadable(before: Tree, after: Tree) -> Iterator[MergeProblem]:
    """What the merge would make unreadable, or impossible to follow; what was so before is not reported."""
    for path, why in sorted(after.unreadable.items()):
        if before.unreadable.get(path) != why:
            hint = "Put an ordinary file or directory there, small enough to be read."
            yield MergeProblem(path, 1, 1, "", "file-unreadable", "", f"{why}; what it may hold is not deleted", hint)
    for path, why in sorted(after.unfollowed.items()):
        if before.unfollowed.get(path) != why:
            yield MergeProblem(path, 1, 1, "", "file-unreadable", "", why)


def _kept(kept: Mapping[ObjectRef, str], files: Mapping[ObjectRef, str], after: Tree) -> Iterator[MergeProblem]:
    """Objects that are no longer in any file, and may still be intended. Torn files are reported separately."""
    for ref, why in sorted(kept.items()):
        if why != FILE_HAS_A_PROBLEM:
            file = files[ref] if files[ref] in after.sources else ""
            yield MergeProblem(file, 1, 1, str(ref), "object-out-of-sight", "", why)


def _placed(problem: MergeProblem, have: Mapping[ObjectRef, _Object], after: Tree) -> MergeProblem:
    """A refused deletion is no longer in any file: it is reported at the file where the object was, if that stays."""
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
                if ref.kind in ALL_KINDS:
                    found.setdefault(ref, _Object(path, manifest))
    return found


def _plan(
    fabric: Fabric, have: Mapping[ObjectRef, _Object], want: Mapping[ObjectRef, _Object], kept: Collection[ObjectRef]
) -> ChangePlan:
    """What merging does. What is *kept* does not count as deleted."""
    before = {ref: one.manifest for ref, one in have.items()}
    after = {**{ref: before[ref] for ref in kept}, **{ref: one.manifest for ref, one in want.items()}}
    refs = sorted(before.keys() | after.keys())
    changes = [one for ref in refs if (one := planned_change(ref, before.get(ref), after.get(ref)))]
    unchanged = len(after) - sum(one.ref in after for one in changes)
    waves = planned_waves(changes, before, after)
    part = PlanPart(PlanPlace.GIT, tuple(changes), waves=waves, unchanged=unchanged)
    blast = blast_radius([one.ref for one in changes], before, after)
    return ChangePlan(fabric.name, PlanKind.MERGE, fabric.generation, (part,), blast)
