"""The words of a pull request's check: one comment, notes on lines, lines of a log. Pure.

Names and values come from the author of the pull request, who may be a stranger: they are quoted, so that they can
neither mention people nor pass for our own text.
"""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.fabric.changes import Action
from hedgehog.fabric.shown import counted, printable
from hedgehog.hosts.host import CheckResult, Conclusion, HostType, Note, PullRequest
from hedgehog.hosts.markdown import code, quoted
from hedgehog.services.plans.markdown import plan_section, radius_section
from hedgehog.services.plans.text import part_lines
from hedgehog.services.pull_requests.fabric_report import FabricReport
from hedgehog.services.pull_requests.problems import MergeProblem
from hedgehog.services.pull_requests.verdict import Validation, ValidationStatus

_VERBS = {Action.CREATED: "create", Action.CONFIGURED: "configure", Action.DELETED: "delete"}


def check_result(found: Validation, pull: PullRequest, details_url: str, host: HostType) -> CheckResult:
    """What is published of *found* on *pull* at *host*.

    *details_url* is the page with the full report, if Airflow knows its own address.
    """
    is_good = found.status is ValidationStatus.SUCCESS
    where = f"[the full report]({details_url})" if details_url else "the full report is in the log of the task"
    return CheckResult(
        Conclusion.SUCCESS if is_good else Conclusion.FAILURE,
        found.reason,
        _comment(found, pull, host, is_good=is_good),
        [_note(problem) for report in found.fabrics for problem in report.problems if problem.file],
        details_url,
        ending=f"\n\n… shortened; {where}.",
        needs_comment=bool(found.fabrics) or not is_good,
    )


def _note(problem: MergeProblem) -> Note:
    subject = f": {problem.ref}" if problem.ref else ""
    return Note(problem.file, problem.line, f"{problem.rule}{subject}", problem_text(problem), problem.is_error)


def _comment(found: Validation, pull: PullRequest, host: HostType, *, is_good: bool) -> str:
    """The comment, in full length: the verdict, and by fabric what merging would do and what is wrong."""
    lines = [
        f"### {'✅' if is_good else '❌'} Hedgehog: {quoted(found.reason)}",
        "",
        f"{code(pull.head_sha[:12])} merged into {code(pull.base_ref)}, as it is now.",
    ]
    for part in (_remarks(pull, host), *map(_fabric, found.fabrics)):
        if section := list(part):
            lines += ["", *section]
    return "\n".join(lines) + "\n"


def _remarks(pull: PullRequest, host: HostType) -> Iterator[str]:
    if host.most_files is not None and pull.changed_files > host.most_files:
        yield (
            f"It changes {pull.changed_files} files. {host.title} lists {host.most_files} of them, so only "
            "those can have comments on lines; all of them were read from Git and checked."
        )


def log_lines(report: FabricReport) -> Iterator[str]:
    """The report line by line, for a log."""
    return map(printable, _lines(report))


def _lines(report: FabricReport) -> Iterator[str]:
    yield f"{report.fabric} ({report.directory or '/'}): {_sentence(report)}"
    if report.unverified:
        yield f"  could not verify: {report.unverified}"
    for problem in report.problems:
        where = f"{problem.file}:{problem.line}:{problem.column}" if problem.file else "deleted"
        yield f"  {where}: {'error' if problem.is_error else 'warning'}: {problem_text(problem)}"
    for setting in report.settings:
        yield f"  {setting}"
    if report.plan is not None:
        yield from (f"  {line}" for part in report.plan.parts for line in part_lines(part, every=True))


def problem_text(problem: MergeProblem) -> str:
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
        yield f"{counted(report.older, 'problem')} of objects that this pull request leaves alone not shown."
    if report.plan is not None:
        yield from plan_section(report.plan.parts[0])
        yield from radius_section(report.plan)


def _sentence(report: FabricReport) -> str:
    counts = report.changes.counts()
    parts = [f"{verb} {counts[action]}" for action, verb in _VERBS.items() if counts[action]]
    noun = "object" if sum(counts[action] for action in _VERBS) == 1 else "objects"
    return f"Merging would {', '.join(parts)} {noun}." if parts else "Merging would change no object."


def _row(problem: MergeProblem) -> str:
    sign = "❌" if problem.is_error else "⚠️"
    what = f"{quoted(problem.message)} {quoted(problem.hint)}".strip()
    place = f"{code(problem.path)}: " if problem.path not in ("", ".") else ""
    where = code(f"{problem.file}:{problem.line}") if problem.file else "deleted"
    return f"| {sign} | {where} | {code(problem.ref)} | {place}{what} ({code(problem.rule)}) |"
