"""Checking files: YAML, the objects in it, and what a cluster would refuse of them, each with file, line and column."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from hedgehog.admission.check import Finding, check_objects, identified
from hedgehog.admission.hydrating import HydratedSet, hydrated_set, suggestions
from hedgehog.admission.review import Operation
from hedgehog.admission.rules.objects import DUPLICATE
from hedgehog.fabric.fabricator import effective_settings
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.kinds import ALL_KINDS, KINDS, NEWER_KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.references import references
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.fabric.shown import and_more, counted, listed
from hedgehog.manifests import configuration, decode, file_rules, file_text, intake, metadata, other_tools, schema, yaml
from hedgehog.manifests.configuration import Settings
from hedgehog.manifests.intake import Item
from hedgehog.manifests.places import SourcePlaces, reference_path
from hedgehog.manifests.report import Remark, ReportEntry, ValidationReport
from hedgehog.manifests.rule import Severity, Violation, printed

_UNSUPPORTED = frozenset(
    rule.id
    for rule in (
        decode.OLD_VERSION,
        file_rules.RENAMED,
        file_rules.REMOVED,
        file_rules.CONTROLLER,
        file_rules.FOREIGN_FABRIC,
    )
)
_NO_FILE = ""
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""A line break of YAML."""
MOST_REMARKS = 100
"""At most so many about one object."""
LONGEST_MESSAGE = 1000
"""Messages are cut there: a value or a name may be as long as its document."""
_FIELDS_SHOWN = 3
_NAMELESS = "?"
"""Shown for an object without a name; no name can be this."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file and what was read from it. Equal name and content give an equal value, so a caller may keep it."""

    file: str
    documents: Sequence[yaml.Document]
    problems: Sequence[file_text.FileProblem]
    content: bytes = field(repr=False)


def read_source(file: str, content: bytes, nodes: yaml.NodeBudget | None = None) -> SourceFile:
    """The documents of a file, or what is wrong with it. Raises nothing. *nodes* are what may still be read."""
    documents, problems = yaml.parse_documents(content, file=file, nodes=nodes)
    return SourceFile(file, documents, problems, content)


def check_files(
    files: Mapping[str, bytes],
    settings: FabricSettings,
    *,
    before: Iterable[Manifest] = (),
    partial: bool = False,
    strict: bool = False,
    namespace: str = "default",
    in_git: Fabric | None = None,
    mode: HydrationMode = HydrationMode.NEVER,
) -> ValidationReport:
    """What a cluster would refuse of the objects in *files* (name → content), together and one by one.

    A Fabricator among them takes precedence over *settings*. *before* are the objects as the cluster has them (see
    `check_objects`); those that the files lack are to be deleted, or, with *partial*, stay. Every object of the files is
    checked, also an unchanged one. References to kinds of which no object at all is known are not checked, which is a
    warning. Of our own configuration documents only invalid ones are reported, with *in_git* (the fabric whose directory
    in Git it is) also what they may not set there; objects of other products are left out, which is noted. *namespace*
    is that of an object that names none and whose kind may live in any. *strict* turns warnings into errors. A wiring
    that lacks addresses is hydrated in memory before, as *mode* says.
    """
    nodes = yaml.NodeBudget()
    sources = [read_source(file, content, nodes) for file, content in files.items()]
    return check_sources(
        sources, settings, before=before, partial=partial, strict=strict, namespace=namespace, in_git=in_git, mode=mode
    )


def check_sources(
    sources: Iterable[SourceFile],
    settings: FabricSettings,
    *,
    before: Iterable[Manifest] = (),
    partial: bool = False,
    strict: bool = False,
    namespace: str = "default",
    in_git: Fabric | None = None,
    mode: HydrationMode = HydrationMode.NEVER,
    completed: Mapping[ObjectRef, Manifest] = MappingProxyType({}),
    suggest: bool = False,
) -> ValidationReport:
    """Like `check_files`, for files that were read already. *completed* are objects of the files, or stored ones, as they
    will be instead. With *suggest*, free values are named where addresses are missing.
    """
    run = _FileCheck(settings, namespace, strict=strict, in_git=in_git)
    for source in sources:
        run.add(source)
    known = dict(identified(one) for one in before)
    return run.report(known, partial=partial, mode=mode, completed=completed, suggest=suggest)


@dataclass(slots=True)
class _CheckedObject:
    """One object of a file, while it is checked."""

    item: Item
    line: int
    ref: ObjectRef
    violations: list[Violation] = field(default_factory=list)
    manifest: Manifest | None = None
    """What is to be applied; None where the object is not checked any further."""
    extra: list[Remark] = field(default_factory=list)
    """What is wrong with the file, in the lines of this object."""
    because_of: ObjectRef | None = None


class _FileCheck:
    """One check of files."""

    def __init__(self, settings: FabricSettings, namespace: str, *, strict: bool, in_git: Fabric | None) -> None:
        self.settings = settings
        self.namespace = namespace
        self.strict = strict
        self.in_git = in_git
        self.sources: dict[str, SourceFile] = {}
        self.found: dict[str, list[_CheckedObject]] = {}
        self.first: dict[ObjectRef, _CheckedObject] = {}
        self.given: configuration.Given = {}
        self.left_out: Counter[str] = Counter()

    def add(self, source: SourceFile) -> None:
        """Check the objects of a file one by one."""
        self.sources[source.file] = source
        here = self.found[source.file] = []
        for document in source.documents:
            for item in intake.items(document):
                if configuration.is_configuration(item.manifest):
                    here += self._configuration(item)
                elif other_tools.is_kustomization(item, source.file):
                    here += self._kustomization(item, source.file)
                elif other_tools.tool_of(item.manifest):
                    self.left_out[f"{item.manifest['kind']} ({item.manifest['apiVersion']})"] += 1
                else:
                    here.append(self._object(item))

    def _configuration(self, item: Item) -> Iterator[_CheckedObject]:
        """A configuration document, if it is invalid."""
        wrong = configuration.configuration_violations(item.manifest)
        if not wrong and isinstance(read := configuration.read_configuration(item), Settings):
            wrong = configuration.contradictions(read, self.given)
            if self.in_git is not None:
                wrong = configuration.taken_from_git(read, self.in_git)[1] + wrong
        if wrong:
            ref, _ = identified(item.manifest, namespace=self.namespace)
            yield _CheckedObject(item, _line(item), ref, wrong)

    def _kustomization(self, item: Item, file: str) -> Iterator[_CheckedObject]:
        """A kustomization that cannot be followed; the check of a directory in Git says so itself."""
        faults = other_tools.kustomization_faults(item.manifest, file, directory=None, namespace=self.namespace)
        if faults and self.in_git is None:
            given, _ = identified({"kind": "Kustomization", **item.manifest}, namespace=self.namespace)
            ref = replace(given, name=given.name or _NAMELESS)
            yield _CheckedObject(item, _line(item), ref, [file_rules.KUSTOMIZATION.at((), one) for one in faults])
        else:
            self.left_out["Kustomization"] += 1

    def _object(self, item: Item) -> _CheckedObject:
        line = _line(item)
        ref, manifest = identified(item.manifest, namespace=self.namespace)
        found = _CheckedObject(item, line, ref if _has_name(manifest) else replace(ref, name=_NAMELESS))
        kind = intake.held_kind(item.manifest, self.settings.upstream)
        if isinstance(kind, Violation):
            found.violations.append(kind)
            return found
        found.violations += _own_violations(manifest, self.namespace)
        if not _has_name(manifest):
            found.violations.append(metadata.NAME.at(("metadata", "name"), "there is no name"))
            return found
        first = self.first.setdefault(ref, found)
        if first is found:
            found.manifest = manifest
        else:
            found.violations.append(DUPLICATE.at((), f"appears twice, first in {first.item.place()}"))
        return found

    def report(
        self,
        before: Mapping[ObjectRef, Manifest],
        *,
        partial: bool,
        mode: HydrationMode,
        completed: Mapping[ObjectRef, Manifest],
        suggest: bool,
    ) -> ValidationReport:
        """Check the objects together; every violation has its place in a file."""
        wanted = {ref: found.manifest for ref, found in self.first.items() if found.manifest is not None}
        # What is in a part of a file that could not be read must not be taken for deleted.
        is_lost = any(source.problems for source in self.sources.values())
        together = {**(before if partial or is_lost else {}), **wanted, **completed}
        settings = effective_settings(self.settings, together.values(), before=before.values())
        hydrated = hydrated_set(together, settings, mode)
        together |= hydrated.manifests
        unknown = KINDS.keys() - {ref.kind for ref in (*together, *before)}
        findings = (
            check_objects(
                together.values(), settings, before=before.values(), unknown_kinds=unknown, recheck=wanted.keys()
            )
            if hydrated.is_possible
            else {}
        )
        gone = self._place_findings(findings, settings)
        gone += self._place_hydration(hydrated)
        for ref, violation in suggestions(together, settings) if suggest else ():
            if ref in self.first:
                self.first[ref].violations.append(violation)
        entries = [entry for file in self.sources for entry in self._entries(file)]
        notes = [f"left out, of another product: {kind}: {count}" for kind, count in self.left_out.items()]
        if settings.upstream is Upstream.NEWER:
            notes += _newer_notes(wanted.values())
        return ValidationReport(len(self.sources), (*entries, *gone), (*notes, *hydrated.notes))

    def _place_hydration(self, hydrated: HydratedSet) -> Iterator[ReportEntry]:
        """Give each object what hydration says of it, unless the same field is refused already."""
        for ref, violation in hydrated.violations:
            found = self.first.get(ref) if ref is not None else None
            if found is None:
                yield ReportEntry(_NO_FILE, None, 0, ref, (self._remark(violation, (0, 0), ""),))
            elif violation.path not in {one.path for one in found.violations if one.rule.severity is Severity.ERROR}:
                found.violations.append(violation)
        if hydrated.is_hhfab_input:
            for found in self.first.values():
                found.violations = [one for one in found.violations if one.rule is not file_rules.SECRET]

    def _place_findings(self, findings: Mapping[ObjectRef, Finding], settings: FabricSettings) -> list[ReportEntry]:
        """Give each object its violations. A delete that is refused is reported at the objects that refer to it."""
        gone = []
        for ref, finding in findings.items():
            if ref in self.first and finding.operation is not Operation.DELETE:
                found = self.first[ref]
                found.violations += _in_source(finding, found, settings)
                found.because_of = finding.because_of
            elif finding.operation is Operation.DELETE and not self._report_at_referring(finding):
                remarks = tuple(self._remark(one, (0, 0), "") for one in finding.violations)
                gone.append(ReportEntry(_NO_FILE, None, 0, ref, remarks))
        return gone

    def _report_at_referring(self, finding: Finding) -> bool:
        referring = self._referring.get(finding.ref, ())
        for found in referring:
            few = len(found.violations) <= MOST_REMARKS and found.manifest is not None
            path = reference_path(found.manifest, finding.ref) if few and found.manifest is not None else None
            found.violations += [
                one.rule.at(path or ("spec",), f"refers to {finding.ref}, which is deleted: {one.message}", one.hint)
                for one in finding.violations[:1]
            ]
        return bool(referring)

    @functools.cached_property
    def _referring(self) -> Mapping[ObjectRef, list[_CheckedObject]]:
        """By object: the objects that refer to it."""
        referring: dict[ObjectRef, list[_CheckedObject]] = {}
        for found in self.first.values():
            for target in references(found.manifest) if found.manifest is not None else ():
                referring.setdefault(target, []).append(found)
        return referring

    def _entries(self, file: str) -> Iterator[ReportEntry]:
        """The entries of a file; a problem of the file belongs to the object in whose lines it is, if there is one."""
        objects, source = self.found[file], self.sources[file]
        lost: list[Remark] = []
        for problem in source.problems:
            text = self._text(file, problem.line)
            said = problem.rule.at((), problem.message, problem.hint)
            remark = self._remark(said, (problem.line, problem.column), text)
            around = [found for found in objects if 0 < found.line <= problem.line]
            (around[-1].extra if around else lost).append(remark)
        if lost:
            yield ReportEntry(file, None, lost[0].line, None, tuple(lost))
        for found in objects:
            remarks = sorted((*found.extra, *self._remarks(found)), key=lambda one: (one.line, one.column))
            unsupported = any(one.rule.id in _UNSUPPORTED for one in found.violations)
            document: Any = found.item.source
            yield ReportEntry(
                file,
                document.index,
                found.line,
                found.ref,
                tuple(remarks),
                unsupported,
                found.manifest,
                found.because_of,
            )

    def _remarks(self, found: _CheckedObject) -> Iterator[Remark]:
        document: Any = found.item.source
        for violation in _most_important(found.violations):
            line, column = document.position((*found.item.prefix, *violation.path))
            yield self._remark(violation, (line, column), self._text(document.file, line))

    def _remark(self, violation: Violation, position: yaml.Position, text: str) -> Remark:
        severity = Severity.ERROR if self.strict else violation.rule.severity
        path, message = printed(violation.path), violation.message
        if len(message) > LONGEST_MESSAGE:
            message = f"{message[: LONGEST_MESSAGE - 1]}…"
        return Remark(violation.rule, path, *position, severity, message, violation.hint, text)

    def _text(self, file: str, line: int) -> str:
        lines = _lines(self.sources[file].content)
        return lines[line - 1] if 0 < line <= len(lines) else ""


def _newer_parts(manifest: Manifest) -> set[str]:
    if manifest["kind"] in NEWER_KINDS:
        return {manifest["kind"]}
    return {printed(one.path[:2]) for one in schema.unknown_fields(manifest)} if manifest["kind"] in KINDS else set()


def _newer_notes(manifests: Iterable[Manifest]) -> Iterator[str]:
    """One note about all fields and kinds that are not known here."""
    found = [_newer_parts(manifest) for manifest in manifests]
    fields = sorted({name for names in found for name in names})
    if fields:
        number = sum(bool(names) for names in found)
        yield (
            f"newer than this package knows: not judged: {listed(fields, _FIELDS_SHOWN)} of {counted(number, 'object')}; "
            "they are kept as they are"
        )


def _line(item: Item) -> int:
    """The line in which an object begins."""
    source: Any = item.source
    line: int = item.start[0] if item.prefix else source.line
    return line


@functools.lru_cache(maxsize=1)
def _lines(content: bytes) -> list[str]:
    """The lines as positions count them. The last file is kept, because its remarks come one after the other."""
    return _LINE_BREAK.split(content.decode("utf-8", errors="replace"))


def _has_name(manifest: Mapping[str, Any]) -> bool:
    given = manifest.get("metadata")
    return isinstance(given, Mapping) and isinstance(given.get("name"), str) and given["name"] != ""


def _own_violations(manifest: Manifest, namespace: str) -> Iterator[Violation]:
    """What is wrong with an object by itself, and no cluster refuses."""
    row = ALL_KINDS[manifest["kind"]]
    foreign = intake.foreign_namespace(row.kind, manifest["metadata"]["namespace"], namespace)
    if foreign and row.namespace is None:  # objects of other kinds are refused by the cluster
        yield file_rules.NAMESPACE.at(("metadata", "namespace"), foreign)
    yield from (file_rules.SECRET.at(one.path, one.message) for one in intake.secrets(manifest))


def _in_source(finding: Finding, found: _CheckedObject, settings: FabricSettings) -> Iterator[Violation]:
    """The violations with paths as the file has them."""
    places = SourcePlaces(found.item.manifest, settings)
    for one in finding.violations:
        path = places.place(one.path)
        yield one if path == one.path else Violation(one.rule, path, one.message, one.hint)


def _most_important(violations: Sequence[Violation]) -> Iterator[Violation]:
    """The first MOST_REMARKS, errors before warnings, and how many more there are."""
    if len(violations) <= MOST_REMARKS:
        yield from violations
        return
    ordered = sorted(violations, key=lambda one: one.rule.severity is not Severity.ERROR)
    yield from ordered[:MOST_REMARKS]
    left = ordered[MOST_REMARKS:]
    rule = file_rules.MORE_ERRORS if left[0].rule.severity is Severity.ERROR else file_rules.MORE_WARNINGS
    yield rule.at((), and_more(len(left)))
