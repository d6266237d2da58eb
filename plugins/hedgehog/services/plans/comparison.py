"""What is different between a plan and the same plan made again later. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hedgehog.fabric.change_plan import ChangePlan, PlanEntry, PlanPart
from hedgehog.services.plans.text import change_title, part_title


def plan_differences(before: ChangePlan, after: ChangePlan) -> list[str]:
    """One line for each difference that matters; none for two plans with the same id."""
    return [] if before.id == after.id else list(_lines(before, after))


def _lines(before: ChangePlan, after: ChangePlan) -> Iterator[str]:
    if before.generation != after.generation:
        yield f"the fabric was changed: generation {before.generation} → {after.generation}"
    if before.base != after.base:
        yield f"Git was changed: {before.revision or 'no revision'} → {after.revision or 'no revision'}"
    old, new = ({part.place: part for part in plan.parts} for plan in (before, after))
    for place in dict.fromkeys((*old, *new)):
        there, here = old.get(place, PlanPart(place)), new.get(place, PlanPart(place))
        yield from (f"{part_title(here)}: {line}" for line in _part_lines(there, here))


def _part_lines(before: PlanPart, after: PlanPart) -> Iterator[str]:
    if before.unverified != after.unverified:
        yield f"could not be planned: {after.unverified}" if after.unverified else "can be planned now"
    old, new = ({change.ref: change for change in part.changes} for part in (before, after))
    for ref in sorted(old.keys() | new.keys()):
        yield from _change_lines(old.get(ref), new.get(ref))
    was, now = ({one.subject: one for one in part.held} for part in (before, after))
    yield from (f"{subject} is left alone now: {now[subject].reason}" for subject in now if subject not in was)
    yield from (f"{subject} is no longer left alone" for subject in was if subject not in now)


def _change_lines(before: PlanEntry | None, after: PlanEntry | None) -> Iterator[str]:
    if before is None and after is not None:
        yield f"new: {change_title(after)}"
    elif after is None and before is not None:
        yield f"no longer: {change_title(before)}"
    elif before is not None and after is not None and before.action is not after.action:
        yield f"{after.ref}: {before.action} → {after.action}"
    elif before is not None and after is not None and before.differences != after.differences:
        fields = [str(one) for one in after.differences if one not in before.differences]
        yield f"{after.ref}: {'; '.join(fields) or 'fewer fields change'}"
