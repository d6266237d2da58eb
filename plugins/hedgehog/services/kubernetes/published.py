"""What a Git sync has published, applied in the same run: the second half of the way of a change.

It relies on the tables, not on the result of the first half: no matter which run has published, and how that run ended,
a fabric is applied here if its cluster does not have what Git has, and left alone otherwise. Each is worked on under
the lock that every Kubernetes sync takes, so that nothing is applied twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.kube.client import OpenCluster
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.waits import WindowOverride
from hedgehog.store import schedule, sync_state
from hedgehog.store.database import Connection, transaction
from hedgehog.store.sync_state import SyncState

_BY_TARGET = Mapping[Target, SyncState]
_FAILED = (SyncStatus.ERROR, SyncStatus.PARKED)


def apply_published(
    connection: Connection,
    names: Sequence[str],
    *,
    open_cluster: OpenCluster,
    run_id: str,
    dry_run: bool = False,
    override: WindowOverride | None = None,
    deadline: float = math.inf,
) -> list[Outcome]:
    """Apply those of the named fabrics whose clusters lack what Git has; an outcome for each, in the order of *names*.

    The others are skipped, with the reason: not enabled, nothing new in Git, or a cluster that did not answer the last
    time. A run that waits for such a cluster would hold up Git; *hand_over* leaves it to hedgehog_kubernetes_sync. A
    *dry_run* skips all of them, for it has published nothing. Else as `hedgehog.services.kubernetes.sync.sync`.
    """
    if dry_run:
        return [_skipped(name, "a dry run publishes nothing to apply", dry_run=True) for name in names]
    states = _states(connection, names)
    ready = _ready(connection, states)
    reasons = {name: _reason(states.get(name, {}), is_ready=name in ready) for name in names}
    waiting = [name for name in names if not reasons[name]]
    outcomes = [_skipped(name, reason) for name, reason in reasons.items() if reason]
    if waiting:
        outcomes += kubernetes_sync.sync(
            connection,
            waiting,
            open_cluster=open_cluster,
            run_id=run_id,
            due_only=True,
            override=override,
            deadline=deadline,
        )
    return sorted(outcomes, key=lambda outcome: names.index(outcome.fabric))


def hand_over(connection: Connection, names: Sequence[str]) -> list[str]:
    """Wake hedgehog_kubernetes_sync for those of the fabrics that still wait to be applied; their names.

    Not for those that another run works on: it sees for itself that more was published meanwhile.
    """
    ready = _ready(connection, _states(connection, names))
    if not ready:
        return []
    left = sorted(ready & {one.name for one in schedule.due(connection, Target.KUBERNETES)})
    with transaction(connection) as cursor:
        schedule.wake_dag(cursor, Target.KUBERNETES, left)
    return left


def _states(connection: Connection, names: Sequence[str]) -> dict[str, dict[Target, SyncState]]:
    found: dict[str, dict[Target, SyncState]] = {}
    for state in sync_state.states(connection, names):
        found.setdefault(state.fabric, {})[state.target] = state
    return found


def _ready(connection: Connection, states: Mapping[str, _BY_TARGET]) -> set[str]:
    """The fabrics whose clusters lack what Git has, and whose time has come by the clock of the database."""
    behind = [name for name, found in states.items() if _is_behind(found)]
    return schedule.still_due(connection, Target.KUBERNETES, behind) if behind else set()


def _is_behind(states: _BY_TARGET) -> bool:
    git, cluster = states.get(Target.GIT), states.get(Target.KUBERNETES)
    return git is not None and cluster is not None and cluster.observed_generation < git.observed_generation


def _reason(states: _BY_TARGET, *, is_ready: bool) -> str:
    """Why a fabric is not applied in this run; empty if it is."""
    git, cluster = states.get(Target.GIT), states.get(Target.KUBERNETES)
    if git is None:
        return "there is no such fabric any more, or its Git sync was switched off"
    if cluster is None:
        return "Kubernetes sync is not enabled"
    if is_ready:
        return _unreachable(cluster)
    if git.status in _FAILED:
        return f"nothing new was published to Git: {git.reason}"
    return "its cluster has what is published"


def _unreachable(cluster: SyncState) -> str:
    if cluster.status not in _FAILED or cluster.error_class != RemoteUnavailable.__name__:
        return ""
    return "its cluster did not answer the last time; hedgehog_kubernetes_sync tries again"


def _skipped(name: str, reason: str, *, dry_run: bool = False) -> Outcome:
    return Outcome(name, Target.KUBERNETES, OutcomeStatus.SKIPPED, reason=reason, dry_run=dry_run)
