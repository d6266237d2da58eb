"""What a check of files found, as values: one entry per object, each with its place and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.manifests.rule import Rule, Severity


class Verdict(StrEnum):
    """The verdict on one object."""

    VALID = "valid"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    """It has an old API version, or a kind that users must not write; nothing else in it was checked."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A violation with its place in a file. Line and column count from 1; 0 is the file as a whole."""

    rule: Rule
    path: str
    line: int
    column: int
    severity: Severity
    message: str
    hint: str
    text: str = field(default="", compare=False, repr=False)
    """The line of the file, for people."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "rule": self.rule.id,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """One object of a file and the verdict on it.

    `document` and `ref` are None where a file holds no object; `file` is empty where an object is in no file, because
    it is to be deleted.
    """

    file: str
    document: int | None
    line: int
    ref: ObjectRef | None
    remarks: tuple[Remark, ...] = ()
    unsupported: bool = False
    manifest: Manifest | None = field(default=None, compare=False, repr=False)
    """What would be applied, if it is an object that a fabric can hold."""
    because_of: ObjectRef | None = None
    """The refused object that this one refers to, where that is all that is wrong with it."""

    @property
    def verdict(self) -> Verdict:
        """Whether a cluster would accept it."""
        if self.unsupported:
            return Verdict.UNSUPPORTED
        wrong = self.because_of is not None or any(one.severity is Severity.ERROR for one in self.remarks)
        return Verdict.INVALID if wrong else Verdict.VALID

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "file": self.file,
            "document": self.document,
            "line": self.line,
            "ref": None if self.ref is None else str(self.ref),
            "verdict": self.verdict.value,
            **({} if self.because_of is None else {"because_of": str(self.because_of)}),
            "violations": [remark.as_dict() for remark in self.remarks],
        }


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Everything that a check of files found."""

    files: int
    entries: tuple[ReportEntry, ...]
    notes: tuple[str, ...] = ()
    """What was left out or could not be checked, and why; these are not violations."""

    @property
    def valid(self) -> bool:
        """Whether a cluster would accept all of it."""
        return all(entry.verdict is Verdict.VALID for entry in self.entries)

    def remarks(self) -> Iterator[tuple[ReportEntry, Remark]]:
        """Every remark with its entry, file by file, from top to bottom."""
        for entry in self.entries:
            for remark in entry.remarks:
                yield entry, remark

    def summary(self) -> Mapping[str, int]:
        """Counts of files, objects by verdict, errors and warnings."""
        verdicts = Counter(entry.verdict for entry in self.entries)
        severities = Counter(remark.severity for _, remark in self.remarks())
        return {
            "files": self.files,
            "objects": sum(entry.ref is not None for entry in self.entries),
            **{verdict.value: verdicts[verdict] for verdict in Verdict},
            "errors": severities[Severity.ERROR],
            "warnings": severities[Severity.WARNING],
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as `hedgehog validate --output json` prints it."""
        return {
            "objects": [entry.as_dict() for entry in self.entries],
            "summary": dict(self.summary()),
            "notes": list(self.notes),
        }

    def with_unreadable(self, rule: Rule, found: Mapping[str, str]) -> ValidationReport:
        """This report with what could not be read: path → why."""
        entries = tuple(
            ReportEntry(path, None, 0, None, (Remark(rule, ".", 0, 0, rule.severity, why, rule.fix),))
            for path, why in sorted(found.items())
        )
        return replace(self, files=self.files + len(entries), entries=(*entries, *self.entries))

    def with_remarks(self, found: Mapping[ObjectRef, Iterable[Remark]], notes: Iterable[str] = ()) -> ValidationReport:
        """This report with more remarks on objects that are in it, and more notes."""
        entries = tuple(
            replace(entry, remarks=(*entry.remarks, *found[entry.ref])) if entry.ref and entry.ref in found else entry
            for entry in self.entries
        )
        return replace(self, entries=entries, notes=(*self.notes, *notes))
