"""One look at a rollout: what is observed of the wave under way, what follows from it, and that it is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hedgehog.fabric.health import SEVERITY, Health
from hedgehog.fabric.model import Fabric, SyncStatus, Target
from hedgehog.fabric.problems import ProblemKind
from hedgehog.fabric.rollouts import Decision, MemberState, Rollout, RolloutState, SeenMember, decide
from hedgehog.kube.client import OpenCluster
from hedgehog.services import waits
from hedgehog.services.observe import health as observe_health
from hedgehog.services.rollouts.take_back import TakeBack, take_back
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import rollouts as store
from hedgehog.store import sync_state
from hedgehog.store.database import Connection, transaction
from hedgehog.store.health import HealthRow, Scope, latest
from hedgehog.store.problems import Problem, open_problems
from hedgehog.store.rollouts import RolloutRow, StoredMember
from hedgehog.store.sync_state import SyncState

PAUSE = timedelta(seconds=20)
"""Between two looks at fabrics whose switches are to follow."""
_BAD = (Health.DEGRADED, Health.MISSING)
_WATCHED = (MemberState.STORED, MemberState.CONVERGED)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the database has of the fabrics of a wave."""

    fabrics: Mapping[str, Fabric]
    states: Mapping[str, Sequence[SyncState]]
    health: Mapping[str, HealthRow]
    problems: Mapping[str, Sequence[Problem]]
    waiting: Mapping[str, waits.Wait]


def look(
    connection: Connection,
    row: RolloutRow,
    *,
    open_cluster: OpenCluster,
    run_id: str,
    now: datetime,
    pause: timedelta = PAUSE,
) -> Decision:
    """Observe the wave under way, decide and record what is next; what is to be stored is left to the caller.

    Clusters whose syncs have ended are asked how their switches are. A rollout that failed and is to be taken back is
    taken back here. Several runs may do this at once: the last one wins, and each says the same.
    """
    rollout = store.loaded(connection, row)
    members = store.members_of(connection, row.id, wave=rollout.wave) if rollout.wave is not None else []
    observed = observe_members(connection, members, open_cluster=open_cluster, run_id=run_id, now=now)
    decision = decide(rollout, observed, now=now, pause=pause)
    _record(connection, row, rollout, decision, now)
    if decision.take_back:
        take_back(connection, row, decision.take_back, _by_policy(row, decision, run_id, now))
    return decision


def _by_policy(row: RolloutRow, decision: Decision, run_id: str, now: datetime) -> TakeBack:
    return TakeBack(row.started_by, decision.reason, decision.reason, run_id, now)


def _record(connection: Connection, row: RolloutRow, rollout: Rollout, decision: Decision, now: datetime) -> None:
    with transaction(connection) as cursor:
        store.move_members(cursor, row.id, decision.moves, now=now)
        if decision.state is not rollout.state and not decision.take_back:
            store.move_rollout(
                cursor, row.id, decision.state, reason=decision.reason, now=now, expected=[RolloutState.RUNNING]
            )


def observe_members(
    connection: Connection,
    members: Sequence[StoredMember],
    *,
    open_cluster: OpenCluster,
    run_id: str,
    now: datetime,
) -> dict[str, SeenMember]:
    """What there is to know of each fabric, read once for all of them."""
    watched = [one for one in members if one.member.state in _WATCHED]
    names = [one.member.fabric for one in members]
    fabrics = {one.name: one for one in fabric_store.load_fabrics(connection, names)}
    states: dict[str, list[SyncState]] = {}
    for state in sync_state.states(connection, names):
        states.setdefault(state.fabric, []).append(state)
    to_ask = [
        one.member.fabric
        for one in watched
        if one.member.fabric in fabrics and _has_reached(one, states.get(one.member.fabric, ()))
    ]
    if to_ask:
        observe_health.check_fabrics(connection, to_ask, open_cluster=open_cluster, run_id=run_id, now=lambda: now)
    problems: dict[str, list[Problem]] = {}
    for problem in open_problems(connection, [one.member.fabric for one in watched], only_for_people=True):
        problems.setdefault(problem.fabric, []).append(problem)
    health = {one.name: one for one in latest(connection, Scope.FABRIC, names)}
    seen = _Seen(fabrics, states, health, problems, waits.waits(connection, names, now=now))
    return {one.member.fabric: _observed(one, seen) for one in members}


def _has_reached(one: StoredMember, states: Sequence[SyncState]) -> bool:
    """Whether every target has the generation that the change made."""
    return one.generation is not None and all(state.observed_generation >= one.generation for state in states)


def _observed(one: StoredMember, seen: _Seen) -> SeenMember:
    name = one.member.fabric
    fabric = seen.fabrics.get(name)
    if fabric is None or fabric.id != one.fabric_id:
        return SeenMember(exists=False)
    states = seen.states.get(name, ())
    has_reached = _has_reached(one, states)
    wait = seen.waiting.get(name)
    health = seen.health.get(name)
    in_cluster = any(state.target is Target.KUBERNETES for state in states)
    converged = has_reached and (not in_cluster or _switches_have_it(one, states, health))
    return SeenMember(
        waits=wait.reason if wait and not has_reached else "",
        has_converged=converged,
        trouble=_trouble(one, states, seen.problems.get(name, ())),
        worse=_worse(one, health) if converged and in_cluster else "",
    )


def _switches_have_it(one: StoredMember, states: Sequence[SyncState], health: HealthRow | None) -> bool:
    """By a look that was made after the last write."""
    written = [state.last_change_at for state in states if state.target is Target.KUBERNETES and state.last_change_at]
    after = max([*written, *([one.stored_at] if one.stored_at else [])], default=None)
    is_fresh = health is not None and after is not None and health.checked_at >= after
    return (
        is_fresh
        and health is not None
        and health.facts.get("converged") is True
        and health.health is not Health.UNKNOWN
    )


def _worse(one: StoredMember, health: HealthRow | None) -> str:
    before = Health(one.health) if one.health else Health.HEALTHY
    if health is None or health.health not in _BAD or SEVERITY[health.health] <= SEVERITY[before]:
        return ""
    return f"its health is {health.health}, not {before} as before: {'; '.join(health.reasons[:3])}"


def _trouble(one: StoredMember, states: Sequence[SyncState], problems: Sequence[Problem]) -> str:
    """What began after the change was stored and needs somebody."""
    since = one.stored_at
    if since is None:
        return ""
    found = [one.cause for one in problems if one.since >= since and one.kind is not ProblemKind.PROPOSAL]
    parked = [state.reason for state in states if state.status is SyncStatus.PARKED and _is_later(state, since)]
    return next(iter([*found, *parked]), "")


def _is_later(state: SyncState, since: datetime) -> bool:
    return state.last_attempt_at is not None and state.last_attempt_at >= since
