"""How far a change has come: changed, committed, applied, converged, each with its time, or what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hedgehog.errors import NotFound
from hedgehog.fabric.versions import RecordedChange, short_commit
from hedgehog.services.browse.fabric_page import fabric_overview
from hedgehog.services.browse.history import find_change
from hedgehog.store import history, trail
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import fabric_names
from hedgehog.store.trail import Trail

_SHORTEST = 7
"""Digits of a commit."""
_PLACES = {"committed": "git", "applied": "cluster", "converged": "switches"}


@dataclass(frozen=True, slots=True)
class TraceStage:
    """One stage of a change: when it was reached and by what, or what it waits for."""

    name: str
    at: datetime | None = None
    by: str = ""
    waits_for: str = ""
    note: str = ""
    """Why there is no such stage."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The stages of one change."""

    change: RecordedChange
    stages: tuple[TraceStage, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "change": self.change.as_dict(),
            "stages": [{name: getattr(one, name) for name in one.__slots__} for one in self.stages],
        }


def trace(connection: Connection, name_or_commit: str, *, now: datetime) -> list[Trace]:
    """The last change of a fabric, or what a commit brought to each of its fabrics, on its way to the switches.

    Raises NotFound for what is neither.
    """
    if name_or_commit in fabric_names(connection):
        return [_traced(connection, find_change(connection, name_or_commit, "now", now=now), now)]
    names = set(history.fabrics_of_commit(connection, name_or_commit)) & set(fabric_names(connection))
    if not names or len(name_or_commit) < _SHORTEST:
        raise NotFound(
            f"{name_or_commit!r} is neither a fabric nor a commit that changed one; `hedgehog history` shows the changes"
        )
    return [_traced(connection, find_change(connection, name, name_or_commit, now=now), now) for name in sorted(names)]


def _traced(connection: Connection, change: RecordedChange, now: datetime) -> Trace:
    found = trail.of_change(connection, change)
    steps = {step["place"]: step for step in fabric_overview(connection, change.fabric, now=now)["steps"]}
    changed = TraceStage("changed", change.at, f"{change.who}, {change.via}")
    rest = (_stage(name, found, steps[place]) for name, place in _PLACES.items())
    return Trace(change, (changed, *rest))


def _stage(name: str, found: Trail, step: dict[str, Any]) -> TraceStage:
    """A stage as it was reached; else why it was not."""
    at, by = getattr(found, name)
    if at is not None:
        return TraceStage(name, at, short_commit(by) if name == "committed" and by else by or "")
    if not step["enabled"]:
        return TraceStage(name, note="off")
    if name != "converged" and (step["generation"] or 0) >= (found.generation or 0):
        return TraceStage(name, note="nothing had to be written")
    if name == "converged" and step["is_in_step"] and found.wrote_nothing:
        return TraceStage(name, note="nothing had to be written")
    return TraceStage(name, waits_for=_why(step))


def _why(step: dict[str, Any]) -> str:
    return "; ".join(part for part in (step["waits_for"], step["reason"]) if part) or "the next run"
