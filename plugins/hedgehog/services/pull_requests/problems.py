"""What is wrong in the files of a fabric, as the one engine says that checks files everywhere. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hedgehog.admission.files import SourceFile, check_sources
from hedgehog.admission.followers import with_followers
from hedgehog.admission.rules.objects import REFUSED_REFERENCE
from hedgehog.fabric.model import Fabric, Manifest
from hedgehog.manifests.report import Remark, ReportEntry
from hedgehog.manifests.rule import Severity


@dataclass(frozen=True, slots=True)
class MergeProblem:
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
    because_of: str = ""
    """The object for whose refusal alone this one is refused."""

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


Engine = Callable[[Sequence[SourceFile], Iterable[Manifest], bool], list[MergeProblem]]
"""All problems of a fabric's files, where the fabric has the given objects now; True: what they lack stays."""
OpenEngine = Callable[[Fabric], Engine]
"""From a fabric to the engine with its settings."""


def fabric_engine(fabric: Fabric) -> Engine:
    """The one engine, with the settings of *fabric*."""

    def run(sources: Sequence[SourceFile], before: Iterable[Manifest], partial: bool) -> list[MergeProblem]:
        namespace = fabric.kubernetes_namespace
        report = check_sources(
            sources, fabric.settings, before=before, partial=partial, namespace=namespace, in_git=fabric, suggest=True
        )
        return [_problem(entry, remark) for entry, remark in report.remarks()]

    return run


def _problem(entry: ReportEntry, remark: Remark) -> MergeProblem:
    return MergeProblem(
        file=entry.file,
        line=remark.line or entry.line or 1,
        column=remark.column or 1,
        ref=str(entry.ref or ""),
        rule=remark.rule.id,
        path=remark.path,
        message=remark.message,
        hint=remark.hint,
        is_error=remark.severity is Severity.ERROR,
        because_of=str(entry.because_of) if entry.because_of and remark.rule is REFUSED_REFERENCE else "",
    )


def said_once(problems: Sequence[MergeProblem]) -> list[MergeProblem]:
    """*problems* without those of objects that are refused only because another of them is; its message counts them."""
    causes = {one.ref for one in problems if one.ref and one.is_error and not one.because_of}
    followers = Counter(one.because_of for one in problems if one.because_of in causes)
    left: list[MergeProblem] = []
    for one in problems:
        if one.because_of in causes:
            continue
        number = followers.pop(one.ref, 0) if one.is_error else 0
        left.append(replace(one, message=with_followers(one.message, number)) if number else one)
    return left
