"""A plan as Markdown: for the comment on a pull request, and for people who are asked to approve. Pure.

Names, values and reasons may come from strangers: all of them are quoted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hedgehog.fabric.change_plan import ChangePlan, PlanEntry, PlanPart
from hedgehog.fabric.shown import first_lines
from hedgehog.hosts.markdown import code, quoted
from hedgehog.services.plans.text import change_title, group_title, part_sentence, part_title, plan_title, wave_titles

MOST_OBJECTS = 200
"""Objects that are named; of more, there is the number."""
MOST_FIELDS = 8
MOST_NAMES = 12


def plan_markdown(plan: ChangePlan) -> str:
    """The whole plan, with a title."""
    lines = [f"**{quoted(plan_title(plan))}**"]
    for part in plan.parts:
        lines += ["", f"{part_title(part)}: {quoted(part_sentence(part))}", *plan_section(part)]
    return "\n".join([*lines, *radius_section(plan)]) + "\n"


def plan_section(part: PlanPart) -> Iterator[str]:
    """What happens at one place; nothing where nothing does."""
    if part.changes:
        yield from _folded(f"What would change ({len(part.changes)})", _changes(part.changes))
    yield from _list("Refused", [(one.subject, one.reason) for one in part.held if one.refused])
    yield from _list("Left alone", [(one.subject, one.reason) for one in part.held if not one.refused])
    yield from _list("Changes by others that would be overwritten", [(one.subject, one.summary) for one in part.drift])
    if part.warnings:
        yield from ("", "Warnings:", "")
        yield from (f"- {line}" for line in first_lines(map(quoted, part.warnings), MOST_OBJECTS))
    if len(part.waves) > 1:
        waves = (f"{number}. {quoted(line)}" for number, line in enumerate(wave_titles(part.waves), 1))
        yield from _folded("In which order", waves)


def radius_section(plan: ChangePlan) -> Iterator[str]:
    """What the plan concerns; nothing where it concerns nothing."""
    groups = list(plan.blast.groups())
    if groups:
        yield from ("", f"Concerned: {', '.join(group_title(group, len(names)) for group, names in groups)}")
        yield from _folded("Which ones", (f"- {group}: {_names(names)}" for group, names in groups))


def _names(names: Iterable[str]) -> str:
    return ", ".join(first_lines(map(code, names), MOST_NAMES))


def _changes(changes: Iterable[PlanEntry]) -> Iterator[str]:
    found = list(changes)
    for change in found[:MOST_OBJECTS]:
        yield f"- {quoted(change_title(change))}"
        yield from (f"  - {code(line)}" for line in first_lines(map(str, change.differences), MOST_FIELDS))
    if len(found) > MOST_OBJECTS:
        yield f"- and {len(found) - MOST_OBJECTS} more"


def _list(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    found = [f"- {code(subject)}: {quoted(reason)}" for subject, reason in rows]
    if found:
        yield from ("", f"{title}:", "")
        yield from first_lines(found, MOST_OBJECTS)


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{title}</summary>", "")
    yield from lines
    yield from ("", "</details>")
