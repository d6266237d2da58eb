"""All that a rollout needs now, in one process: a look, the changes whose turn it is, and their syncs."""

from __future__ import annotations

from datetime import datetime, timedelta

from hedgehog.fabric.rollouts import Decision
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.kube.client import OpenCluster
from hedgehog.services.git import sync as git_sync
from hedgehog.services.git.fabric_run import RequestAccess
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.rollouts.advance import store_changes
from hedgehog.services.rollouts.look import PAUSE, look
from hedgehog.store import rollouts as store
from hedgehog.store.database import Connection


def step(
    connection: Connection,
    name: str,
    *,
    open_mirror: OpenMirror,
    open_cluster: OpenCluster,
    run_id: str,
    now: datetime,
    requests: RequestAccess | None = None,
    pause: timedelta = PAUSE,
) -> Decision:
    """Do what a rollout needs next, and say what that was and when to look again.

    The DAG hedgehog_rollout does the same in several tasks. Raises NotFound.
    """
    row = store.load_rollout(connection, name)
    decision = look(connection, row, open_cluster=open_cluster, run_id=run_id, now=now, pause=pause)
    stored = store_changes(connection, row, decision.store, run_id=run_id, now=now)
    if stored:
        git_sync.sync(
            connection, stored, open_mirror=open_mirror, requests=requests, run_id=run_id, wake_kubernetes=False
        )
        kubernetes_sync.sync(connection, stored, open_cluster=open_cluster, run_id=run_id)
    return decision
