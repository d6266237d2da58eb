"""A report as text for people, JSON, SARIF 2.1.0 for code scanning, and workflow commands of GitHub. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from hedgehog.fabric.shown import counted, printable, printable_json
from hedgehog.manifests.report import Remark, ReportEntry, ValidationReport
from hedgehog.manifests.rule import Rule, Severity

_LONGEST_LINE = 160
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def format_text(report: ValidationReport) -> str:
    """As compilers print it: place and message, the line with a caret, what to do; a summary at the end."""
    blocks = [_block(entry, remark) for entry, remark in report.remarks()]
    notes = [f"note: {printable(note)}" for note in report.notes]
    return "\n".join([*blocks, *notes, _summary(report)])


def _block(entry: ReportEntry, remark: Remark) -> str:
    head = f"{_place(entry, remark)}{remark.severity}: {_message(entry, remark)} [{remark.rule.id}]"
    lines = [head]
    if remark.text:
        number = str(remark.line)
        shown, column = _window(remark.text, remark.column)
        lines += [f"  {number} | {shown}", f"  {' ' * len(number)} | {' ' * (column - 1)}^"]
    if remark.hint:
        lines.append(f"  {'to do' if remark.severity is Severity.ERROR else 'better'}: {remark.hint}")
    return "\n".join(map(printable, lines)) + "\n"


def format_line(entry: ReportEntry, remark: Remark) -> str:
    """One remark as one line: where, what is wrong, what to do."""
    hint = f"; {remark.hint}" if remark.hint else ""
    return printable(f"{_place(entry, remark)}{_message(entry, remark)}{hint} [{remark.rule.id}]")


def _place(entry: ReportEntry, remark: Remark) -> str:
    if not entry.file:
        return ""
    return f"{entry.file}:{remark.line}:{remark.column}: " if remark.line else f"{entry.file}: "


def _message(entry: ReportEntry, remark: Remark) -> str:
    subject = f"{entry.ref}: " if entry.ref is not None else ""
    path = f"{remark.path}: " if remark.path != "." else ""
    return f"{subject}{path}{remark.message}"


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around *column*, and where the column is in it. Tabs become spaces, so carets fit."""
    line = line.replace("\t", " ")
    start = max(0, column - _LONGEST_LINE // 2) if len(line) > _LONGEST_LINE else 0
    return line[start : start + _LONGEST_LINE].rstrip(), column - start


def _summary(report: ValidationReport) -> str:
    counts = report.summary()
    verdicts = [f"{counts[name]} {name}" for name in ("valid", "invalid", "unsupported") if counts[name]]
    found = [counted(counts["errors"], "error"), counted(counts["warnings"], "warning")]
    said = f" ({', '.join(verdicts)})" if verdicts else ""
    return f"{counted(counts['objects'], 'object')} in {counted(counts['files'], 'file')}{said}; {' and '.join(found)}"


def format_json(report: ValidationReport) -> str:
    """Every object with its verdict, for programs."""
    return printable_json(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))


def format_github(report: ValidationReport) -> str:
    """Workflow commands, which GitHub shows at the lines of a pull request; the summary goes to the log."""
    lines = [_command(entry, remark) for entry, remark in report.remarks()]
    lines += [f"::notice::{_data(note)}" for note in report.notes]
    return "\n".join([*lines, _summary(report)])


def _command(entry: ReportEntry, remark: Remark) -> str:
    properties = {"file": entry.file, "line": remark.line, "col": remark.column, "title": remark.rule.id}
    given = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value)
    hint = f"\n{remark.hint}" if remark.hint else ""
    return f"::{remark.severity.value} {given}::{_data(_message(entry, remark) + hint)}"


def _data(value: str) -> str:
    return printable(value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def format_sarif(report: ValidationReport) -> str:
    """Static Analysis Results Interchange Format 2.1.0: the rules that were broken, and one result per violation."""
    rules = {remark.rule.id: remark.rule for _, remark in report.remarks()}
    ids = sorted(rules)
    driver = {
        "name": "hedgehog validate",
        "rules": [_sarif_rule(rules[name]) for name in ids],
    }
    results = [_result(entry, remark, ids.index(remark.rule.id)) for entry, remark in report.remarks()]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    whole = {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}
    return printable_json(json.dumps(whole, indent=2, ensure_ascii=False))


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.fix} (upstream: {rule.source})"},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(entry: ReportEntry, remark: Remark, index: int) -> dict[str, Any]:
    hint = f"; {remark.hint}" if remark.hint else ""
    result: dict[str, Any] = {
        "ruleId": remark.rule.id,
        "ruleIndex": index,
        "level": remark.severity.value,
        "message": {"text": _message(entry, remark) + hint},
    }
    return result | ({"locations": [_location(entry, remark)]} if entry.file or entry.ref else {})


def _location(entry: ReportEntry, remark: Remark) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if entry.file:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(entry.file)}} | _region(remark)
    if entry.ref is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": f"{entry.ref}{remark.path}", "kind": "object"}]
    return location


def _region(remark: Remark) -> dict[str, Any]:
    return {"region": {"startLine": remark.line, "startColumn": remark.column}} if remark.line else {}


def _uri(file: str) -> str:
    return quote(file.replace("\\", "/"))


FORMS: Mapping[str, Callable[[ValidationReport], str]] = {
    "text": format_text,
    "json": format_json,
    "sarif": format_sarif,
    "github": format_github,
}
"""The formats of `hedgehog validate --output` by name."""
