"""A plan as text that people read in a terminal or a log. Pure.

Names and values come from manifests, commits and clusters: callers make the text printable, as `say` and logs do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from hedgehog.fabric.blast_radius import BlastRadius
from hedgehog.fabric.change_plan import ChangePlan, PlanEntry, PlanKind, PlanPart, PlanPlace, Wave
from hedgehog.fabric.changes import Action
from hedgehog.fabric.shown import and_more, counted, first_lines, listed

MOST_LINES = 40
"""Changes, reasons and warnings of one part that are shown."""
MOST_FIELDS = 8
MOST_NAMES = 12
SIGNS = {Action.CREATED: "+", Action.CONFIGURED: "~", Action.DELETED: "-"}
GROUPS = {
    "switches": ("switch", "switches"),
    "ports": ("port", "ports"),
    "servers": ("server", "servers"),
    "gateways": ("gateway", "gateways"),
    "vpcs": ("VPC", "VPCs"),
    "peerings": ("peering", "peerings"),
    "externals": ("external", "externals"),
}
_PLACES = {
    PlanPlace.DATABASE: "Objects of the fabric",
    PlanPlace.GIT: "Git",
    PlanPlace.KUBERNETES: "Cluster",
}
_EVERYTHING = 1_000_000


def plan_text(plan: ChangePlan, *, every: bool = False) -> str:
    """The whole plan; without *every*, long lists are cut."""
    return "\n".join(_lines(plan, every))


def plan_title(plan: ChangePlan) -> str:
    """What the plan is, and what it was made from, in one line."""
    what = {
        PlanKind.CHANGE: f"a change of {plan.fabric}",
        PlanKind.SYNC: f"the next sync of {plan.fabric}",
        PlanKind.MERGE: f"merging {plan.branch} into {plan.fabric}",
    }[plan.kind]
    revision = f" and {plan.revision}" if plan.revision else ""
    return f"Plan {plan.id}: {what}, made from generation {plan.generation}{revision}"


def part_title(part: PlanPart) -> str:
    """Where a part happens."""
    return _PLACES[part.place]


def part_sentence(part: PlanPart) -> str:
    """How much a part changes."""
    if part.unverified:
        return f"could not be planned: {part.unverified}"
    counts = [f"{number} {action}" for action, number in part.counts().items() if number]
    held = [f"{len(part.held)} left alone"] if part.held else []
    return ", ".join([*(counts or ["nothing changes"]), *held, f"{part.unchanged} unchanged"])


def group_title(group: str, number: int) -> str:
    """`1 switch`, `3 VPCs`."""
    return f"{number} {GROUPS[group][number != 1]}"


def change_title(change: PlanEntry) -> str:
    """What happens to one object."""
    return f"{change.ref} {change.action}" + (f" ({change.reason})" if change.reason else "")


def wave_titles(waves: Iterable[Wave]) -> Iterator[str]:
    """What each wave writes or deletes, by kind."""
    for wave in waves:
        kinds = [f"{len(list(refs))} {kind}" for kind, refs in groupby(sorted(wave.refs), lambda ref: ref.kind)]
        yield f"{'delete' if wave.deletes else 'write'} {', '.join(kinds)}"


def _lines(plan: ChangePlan, every: bool) -> Iterator[str]:
    yield plan_title(plan)
    for part in plan.parts:
        yield ""
        yield f"{part_title(part)}: {part_sentence(part)}"
        yield from (f"  {line}" for line in part_lines(part, every=every))
    if radius := list(_radius(plan.blast, every)):
        yield ""
        yield "Concerned:"
        yield from (f"  {line}" for line in radius)


def part_lines(part: PlanPart, *, every: bool = False) -> Iterator[str]:
    """What happens at one place, line by line; without *every*, long lists are cut."""
    most = _EVERYTHING if every else MOST_LINES
    for change in part.changes[:most]:
        yield f"{SIGNS[change.action]} {change_title(change)}"
        fields = map(str, change.differences)
        yield from (f"    {line}" for line in first_lines(fields, _EVERYTHING if every else MOST_FIELDS))
    if len(part.changes) > most:
        yield and_more(len(part.changes) - most, "--verbose shows all")
    refused = [f"{one.subject}: {one.reason}" for one in part.held if one.refused]
    waiting = [f"{one.subject}: {one.reason}" for one in part.held if not one.refused]
    yield from _section("refused", refused, most)
    yield from _section("held", waiting, most)
    yield from _section("warnings", part.warnings, most)
    yield from _section(
        "changes by others that are overwritten", [f"{one.subject}: {one.summary}" for one in part.drift], most
    )
    if len(part.waves) > 1:
        yield from _section("order", list(wave_titles(part.waves)), most, numbered=True)


def _section(title: str, lines: Iterable[str], most: int, *, numbered: bool = False) -> Iterator[str]:
    found = [f"{number}. {line}" if numbered else line for number, line in enumerate(lines, 1)]
    if found:
        yield f"{title}:"
        yield from (f"  {line}" for line in first_lines(found, most, where="--verbose shows all"))


def _radius(blast: BlastRadius, every: bool) -> Iterator[str]:
    most = _EVERYTHING if every else MOST_NAMES
    for group, names in blast.groups():
        yield f"{group_title(group, len(names))}: {listed(names, most)}"


def plan_summary(plan: ChangePlan) -> str:
    """The plan in one line: what is written, what is refused, how much is concerned."""
    parts = [f"{part.place.value}: {part_sentence(part)}" for part in plan.parts]
    radius = ", ".join(group_title(group, len(names)) for group, names in plan.blast.groups())
    refused = f"; {counted(len(plan.refused), 'refusal')}" if plan.refused else ""
    return "; ".join(parts) + refused + (f"; concerns {radius}" if radius else "")
