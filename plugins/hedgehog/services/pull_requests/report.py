"""The words of a pull request's check: a title, one comment, notes on lines. Pure.

Names and values in it come from the author of the pull request, maybe a stranger: they are quoted, so that they can
neither mention people nor pass for our own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedgehog.fabric.changes import Action
from hedgehog.fabric.shown import first_lines, printable
from hedgehog.hosts.github.markdown import code, quoted
from hedgehog.services.pull_requests.check import FabricReport, Problem

MOST_OBJECTS = 200
"""Objects of one action that a comment names; of more, it gives the number."""

_VERBS = {Action.CREATED: "create", Action.CONFIGURED: "configure", Action.DELETED: "delete"}


def title(reports: Sequence[FabricReport], reason: str = "") -> str:
    """One line: the verdict, and why."""
    if reason:
        return reason
    unverified = [report.fabric for report in reports if report.unverified]
    if unverified:
        return f"could not verify {', '.join(unverified)}"
    errors = sum(report.errors for report in reports)
    warnings = sum(len(report.problems) for report in reports) - errors
    more = f", {_count(warnings, 'warning')}" if warnings else ""
    if errors:
        broken = sum(not report.is_good for report in reports)
        return f"{_count(errors, 'problem')} in {_count(broken, 'fabric')}{more}"
    return f"{_count(len(reports), 'fabric')} checked, no problems{more}"


def text(
    reports: Sequence[FabricReport], *, heading: str, is_good: bool, head: str, base: str, remarks: Sequence[str]
) -> str:
    """The comment, in full length: the verdict, and by fabric what merging would do and what is wrong."""
    lines = [
        f"### {'✅' if is_good else '❌'} Hedgehog: {heading}",
        "",
        f"{code(head[:12])} merged into {code(base)}, as it is now.",
    ]
    for remark in remarks:
        lines += ["", remark]
    for report in reports:
        lines += ["", *_fabric(report)]
    return "\n".join(lines) + "\n"


def plain(report: FabricReport) -> Iterator[str]:
    """The report line by line, for a log."""
    return map(printable, _plain(report))


def _plain(report: FabricReport) -> Iterator[str]:
    yield f"{report.fabric} ({report.directory or '/'}): {_sentence(report)}"
    if report.unverified:
        yield f"  could not verify: {report.unverified}"
    for problem in report.problems:
        where = f"{problem.file}:{problem.line}:{problem.column}" if problem.file else "deleted"
        yield f"  {where}: {'error' if problem.is_error else 'warning'}: {said(problem)}"
    for setting in report.settings:
        yield f"  {setting}"
    for change in report.changes.writes:
        yield f"  {change}"


def said(problem: Problem) -> str:
    """What is wrong and what to do, without the place: `VPC/default/vpc-1 .spec.vlan: …; …`."""
    subject = " ".join(part for part in (problem.ref, problem.path) if part)
    hint = f" {problem.hint}" if problem.hint else ""
    return f"{subject + ': ' if subject else ''}{problem.message}{hint} [{problem.rule}]"


def _fabric(report: FabricReport) -> Iterator[str]:
    yield f"#### Fabric {code(report.fabric)} in {code(report.directory or '/')}"
    yield ""
    yield _sentence(report)
    if report.settings:
        yield ""
        yield "It would change settings of the fabric:"
        yield ""
        yield from (f"- {code(setting)}" for setting in report.settings)
    if report.unverified:
        yield ""
        yield f"**Could not verify:** {quoted(report.unverified)}"
    if report.problems:
        yield ""
        yield "| | where | object | what is wrong |"
        yield "|---|---|---|---|"
        yield from map(_row, report.problems)
    if report.older:
        yield ""
        yield f"{_count(report.older, 'problem')} of objects that this pull request leaves alone not shown."
    yield from _folded(report)


def _sentence(report: FabricReport) -> str:
    counts = report.changes.counts()
    parts = [f"{verb} {counts[action]}" for action, verb in _VERBS.items() if counts[action]]
    return f"Merging would {', '.join(parts)} objects." if parts else "Merging would change no object."


def _row(problem: Problem) -> str:
    sign = "❌" if problem.is_error else "⚠️"
    what = f"{quoted(problem.message)} {quoted(problem.hint)}".strip()
    place = f"{code(problem.path)}: " if problem.path not in ("", ".") else ""
    where = code(f"{problem.file}:{problem.line}") if problem.file else "deleted"
    return f"| {sign} | {where} | {code(problem.ref)} | {place}{what} ({code(problem.rule)}) |"


def _folded(report: FabricReport) -> Iterator[str]:
    if not report.changes.writes:
        return
    yield ""
    yield "<details><summary>What merging would do</summary>"
    yield ""
    for action, verb in _VERBS.items():
        refs = [code(str(change.ref)) for change in report.changes.having(action)]
        yield from (f"- {verb} {one}" for one in first_lines(refs, MOST_OBJECTS))
    yield ""
    yield "</details>"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
