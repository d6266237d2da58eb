"""The state of fabrics at their targets, for people: what is wrong, what waits and for what, what needs a person.

Reads only the latest states and the open problems from the database, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hedgehog.fabric.model import Fabric, SourceOfTruth, SyncStatus, Target
from hedgehog.fabric.problems import ProblemKind
from hedgehog.services import waits
from hedgehog.services.claims import suspension
from hedgehog.services.waits import Wait
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import git_files, sync_state
from hedgehog.store import problems as problem_store
from hedgehog.store.database import Connection
from hedgehog.store.problems import Problem
from hedgehog.store.sync_state import SyncState

OVERDUE = timedelta(minutes=15)
"""How long a fabric may be due before that is reported: longer than the interval of any sync."""
_MAY_WAIT = frozenset({SyncStatus.IN_SYNC, SyncStatus.OUT_OF_SYNC, SyncStatus.NEVER_SYNCED})
_MAY_BE_HELD_UP = frozenset({SyncStatus.OUT_OF_SYNC, SyncStatus.NEVER_SYNCED, SyncStatus.ERROR})
"""What a freeze or closed windows make `waiting`, unless it has problems."""


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One fabric at one target: its state, with the status to show, the reason, and the open problems."""

    state: SyncState
    reason: str
    """Why it is not in sync, in addition to the problems; empty if it is, or if the problems are the reason."""
    problems: tuple[Problem, ...] = ()
    wait: Wait | None = None
    """The freeze or the closed windows for which what is to be written waits."""

    @property
    def is_in_step(self) -> bool:
        """Whether the target has all that is wanted."""
        return self.state.status is SyncStatus.IN_SYNC and not self.problems

    @property
    def needs_somebody(self) -> bool:
        """Whether a person must do something."""
        return any(problem.needs_somebody for problem in self.problems)

    def lines(self) -> list[str]:
        """All reasons, one per line."""
        reasons = [describe_problem(problem) for problem in self.problems]
        return [self.reason, *reasons] if self.reason else reasons

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the state, its reasons and its problems."""
        values: dict[str, Any] = {
            "frozen": self.wait is not None and self.wait.is_frozen,
            "reason": "; ".join(self.lines()),
            "needs_somebody": self.needs_somebody,
            "problems": [problem.as_dict() for problem in self.problems],
        }
        return asdict(self.state) | values


def describe_problem(problem: Problem) -> str:
    """A problem in one line: what it is about, and why."""
    known = not problem.subject or problem.kind is ProblemKind.PARKED or problem.cause.startswith(problem.subject)
    about = "" if known or problem.kind is ProblemKind.HELD_EDIT else f"{problem.subject}: "
    return about + problem.cause


def target_statuses(connection: Connection, names: Sequence[str] | None = None, *, now: datetime) -> list[TargetStatus]:
    """The status of every enabled fabric, or of the named ones, at its targets; by name and target."""
    states = sync_state.states(connection, names)
    found: dict[tuple[str, Target], list[Problem]] = {}
    for problem in problem_store.open_problems(connection, names):
        found.setdefault((problem.fabric, problem.target), []).append(problem)
    fabrics = {fabric.name: fabric for fabric in fabric_store.load_fabrics(connection, names)}
    in_git = {state.fabric: state for state in states if state.target is Target.GIT}
    behind = [
        fabrics[name].id for name, state in in_git.items() if name in fabrics and state.status is not SyncStatus.IN_SYNC
    ]
    unpublished = git_files.unpublished(connection, behind)
    held_up = waits.waits(connection, [*fabrics], now=now)
    rows = []
    for state in states:
        fabric = fabrics.get(state.fabric)
        if fabric is None:  # deleted since
            continue
        left = unpublished.get(fabric.id, 0)
        if fabric.source_of_truth is SourceOfTruth.GIT:
            left = sum(one.kind is ProblemKind.REFUSED for one in found.get((fabric.name, Target.GIT), ()))
        for_git = _waits_for(state, in_git[fabric.name], left) if fabric.name in in_git else ""
        problems = tuple(found.get((fabric.name, state.target), ()))
        standing = _standing(state, fabric, problems, for_git=for_git, now=now)
        comes_in = state.target is Target.GIT and fabric.source_of_truth is SourceOfTruth.GIT
        wait = None if comes_in else held_up.get(fabric.name)
        rows.append(_held_up(standing, wait) if wait else standing)
    return rows


def _held_up(standing: TargetStatus, wait: Wait) -> TargetStatus:
    """How a fabric stands that is frozen, or whose windows are closed: what is to be written waits for that."""
    state = standing.state
    if state.status in (SyncStatus.SUSPENDED, SyncStatus.SYNCING) or not wait.holds(state.target):
        return standing
    held = state.status in _MAY_BE_HELD_UP and not standing.problems
    status = SyncStatus.WAITING if held else state.status
    reason = wait.reason if held else "; ".join(part for part in (standing.reason, wait.reason) if part)
    return TargetStatus(replace(state, status=status, due_at=wait.until), reason, standing.problems, wait)


def _standing(
    state: SyncState, fabric: Fabric, problems: tuple[Problem, ...], *, for_git: str, now: datetime
) -> TargetStatus:
    if state.status is SyncStatus.SUSPENDED:
        return TargetStatus(state, suspension(fabric, now), problems)
    if for_git and state.status in _MAY_WAIT:
        status = state.status if problems else SyncStatus.WAITING
        return TargetStatus(replace(state, status=status), for_git, problems)
    if state.status is SyncStatus.OUT_OF_SYNC and state.waits_for and not problems:
        return TargetStatus(replace(state, status=SyncStatus.WAITING), state.waits_for, problems)
    return TargetStatus(state, "" if problems else _reason(state, now), problems)


def _waits_for(state: SyncState, git: SyncState, left: int) -> str:
    """What a cluster waits for because it is not in Git yet; empty if nothing."""
    if state.target is not Target.KUBERNETES:
        return ""
    if git.observed_generation == 0:
        return "waits for the first publication to Git"
    if state.observed_generation < git.observed_generation:
        return ""
    return _unpublished(state, git, left)


def _unpublished(state: SyncState, git: SyncState, left: int) -> str:
    """What of the fabric Git does not have yet; the cluster may have it, after a rollback that did not wait for Git."""
    if state.observed_generation >= state.generation > git.observed_generation:
        return f"has generation {state.generation} already; Git follows when its host takes it"
    if left:
        what = "1 object or file waits" if left == 1 else f"{left} objects or files wait"
        return f"has all that is published; {what} for Git"
    if git.observed_generation >= state.generation:
        return ""
    return f"has all that is published; generation {state.generation} waits for Git"


def _reason(state: SyncState, now: datetime) -> str:
    """The reason of a state without problems; empty if it is in sync."""
    late = _overdue(state, now)
    if state.status is SyncStatus.IN_SYNC:
        return late
    said = {
        SyncStatus.NEVER_SYNCED: "no run has synced it yet",
        SyncStatus.SYNCING: f"{state.run_id} works on it",
    }.get(state.status)
    if said is None and state.observed_generation < state.generation and not state.error_class:
        said = f"generation {state.generation} is not written yet"
    return "; ".join(part for part in (said or state.reason, late) if part)


def _overdue(state: SyncState, now: datetime) -> str:
    """The message that no run has synced a fabric that is due, with the likely cause; empty if it is not late."""
    if state.due_at is None or state.due_at >= now - OVERDUE or state.status is SyncStatus.SYNCING:
        return ""
    verb = "hedgehog_kubernetes_sync" if state.target is Target.KUBERNETES else "hedgehog_git_sync"
    minutes = int((now - state.due_at).total_seconds() // 60)
    return f"no run has taken it up for {minutes} minutes; is {verb} paused, or has its queue no worker?"
