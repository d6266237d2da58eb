"""What an import did, for a person or a program."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hedgehog.cli.output import first_lines_of, note, print_error, show
from hedgehog.cli.proposals import note_proposal
from hedgehog.errors import HedgehogError

if TYPE_CHECKING:
    from hedgehog.fabric.changes import ChangeSet
    from hedgehog.services.transfer.load import ImportReport

_SHOWN_CHANGES = 20


def show_report(arguments: argparse.Namespace, report: ImportReport) -> None:
    """Print *report*; notes go to stderr."""
    show(arguments, report.as_dict(), lambda: report_text(report, every=arguments.verbose))
    note_about(arguments, report)


def note_about(arguments: argparse.Namespace, report: ImportReport) -> None:
    """Print the notes of *report* to stderr."""
    if arguments.output == "table":
        for text in report.notes:
            note(text)
    if report.proposal is not None:
        note_proposal(report.proposal)


def report_text(report: ImportReport, *, every: bool) -> str:
    """What changed; more than a screenful of objects only if *every* one is wanted."""
    lines = [f"repository {name}: {action}" for name, action in report.repositories.items()]
    lines += [f"fabric {name}: {action}" for name, action in report.fabrics.items()]
    if report.fabric is not None:
        lines.append(f"objects of {report.fabric}: {_counts(report.objects)}")
        changes = [str(change) for change in report.objects.writes]
        lines += [f"  {line}" for line in first_lines_of(changes, _SHOWN_CHANGES, every=every)]
    return "\n".join([*lines, "dry run: nothing was changed"] if report.dry_run else lines)


def _counts(changes: ChangeSet) -> str:
    return ", ".join(f"{count} {action}" for action, count in changes.counts().items() if count) or "none"


def import_each(arguments: argparse.Namespace, imports: Mapping[str, Callable[[], ImportReport]]) -> int:
    """Do the *imports*, each for itself, and print what became of them by name; exit status 1 if one of them fails."""
    reports: list[ImportReport] = []
    failed: dict[str, str] = {}
    for name, do in imports.items():
        try:
            reports.append(do())
        except HedgehogError as error:  # the trouble of one must not hold up the others
            failed[name] = str(error)
    data = {"imported": [one.as_dict() for one in reports], "failed": failed}
    show(arguments, data, lambda: "\n".join(report_text(one, every=arguments.verbose) for one in reports))
    for report in reports:
        note_about(arguments, report)
    for name, why in failed.items():
        print_error("\n".join(f"{name}: {line}" for line in why.splitlines()))
    return 1 if failed else 0
