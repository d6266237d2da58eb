"""Saying a fault once: what is refused only because of another object, or misses the same one, is counted there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from hedgehog.admission.rules.objects import REFUSED_REFERENCE
from hedgehog.fabric.model import ObjectRef
from hedgehog.manifests.report import Remark, ReportEntry, ValidationReport
from hedgehog.manifests.rule import Severity

_Absence = tuple[str, str]
"""Rule and message: what is said of each object that refers to the same absent one."""


def summarize_followers(report: ValidationReport) -> ValidationReport:
    """*report* with one error per fault. The objects that follow from it stay invalid, and their number is in its message."""
    entries = _without_repetitions(report.entries)
    causes = {entry.ref: entry for entry in entries if entry.ref is not None}
    found = {entry.ref: _root(entry, causes) for entry in entries if entry.ref is not None and entry.because_of}
    roots = {ref: root for ref, root in found.items() if root is not None}
    counts = Counter(roots.values())
    return replace(report, entries=tuple(_summarized(entry, roots, counts) for entry in entries))


def with_followers(message: str, number: int) -> str:
    """*message* about an object to which this *number* of others refers, which are refused for that alone."""
    return f"{message} (and {number:,} {'object that refers' if number == 1 else 'objects that refer'} to it)"


def _without_repetitions(entries: tuple[ReportEntry, ...]) -> list[ReportEntry]:
    """The entries, with the absence of one object said at the first that refers to it."""
    first: dict[_Absence, ObjectRef] = {}
    found = []
    for entry in entries:
        ref = entry.ref
        repeated = [
            one for one in entry.remarks if _is_absence(one) and ref and first.setdefault(_key(one), ref) != ref
        ]
        if repeated:
            because_of = entry.because_of or first[_key(repeated[0])]
            kept = tuple(one for one in entry.remarks if one not in repeated)
            entry = replace(entry, remarks=kept, because_of=because_of)  # noqa: PLW2901 - the same entry, said shorter
        found.append(entry)
    return found


def _summarized(
    entry: ReportEntry, roots: Mapping[ObjectRef, ObjectRef], counts: Mapping[ObjectRef, int]
) -> ReportEntry:
    if entry.ref is None:
        return entry
    if entry.ref in roots:
        return replace(entry, remarks=tuple(one for one in entry.remarks if one.rule.id != REFUSED_REFERENCE.id))
    number = counts.get(entry.ref, 0)
    errors = [index for index, one in enumerate(entry.remarks) if one.severity is Severity.ERROR]
    if not number or not errors:
        return entry
    remarks = list(entry.remarks)
    told = remarks[errors[0]]
    remarks[errors[0]] = replace(told, message=with_followers(told.message, number))
    return replace(entry, remarks=tuple(remarks))


def _root(entry: ReportEntry, causes: Mapping[ObjectRef, ReportEntry]) -> ObjectRef | None:
    """The object at which the cause is said; None if it is not in the report."""
    seen = {entry.ref}
    cause = entry.because_of
    while cause is not None and cause in causes and causes[cause].because_of is not None and cause not in seen:
        seen.add(cause)
        cause = causes[cause].because_of
    return cause if cause in causes and cause not in seen else None


def _is_absence(remark: Remark) -> bool:
    return remark.severity is Severity.ERROR and bool(remark.rule.absent)


def _key(remark: Remark) -> _Absence:
    return remark.rule.id, remark.message
