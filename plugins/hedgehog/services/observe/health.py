"""The health of fabrics: reads each cluster once, whatever the number of its fabrics, assesses them, and records it.

Clusters are read concurrently, each with its own time limit, and recorded as they answer: a dead cluster delays no other.
Plain Python; the caller passes a function that opens clusters.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from typing import Any

from hedgehog.errors import HedgehogError, NotFound
from hedgehog.fabric.agents import OWNER
from hedgehog.fabric.health import Health, HealthIssue, summarize_health
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.tools import Installation, other_installation
from hedgehog.kube.client import Cluster, OpenCluster
from hedgehog.kube.health import ClusterFacts, read_facts
from hedgehog.services.failures import error_lines
from hedgehog.services.observe import health_rules
from hedgehog.services.observe.health_rules import Assessment, FabricContext
from hedgehog.store import circuits, convergence, installations
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import health as health_store
from hedgehog.store.circuits import Service
from hedgehog.store.database import Connection, transaction
from hedgehog.store.freezes import freezes_of
from hedgehog.store.health import HealthResult, Scope

logger = logging.getLogger(__name__)


MOST_BATCHES = 4
"""The most mapped tasks of one run; the pool has as many slots."""
BATCH = 32
"""How many clusters one task reads concurrently. Fewer clusters are one batch."""


def plan(connection: Connection, *, fabrics: Sequence[str] | None = None) -> list[list[str]]:
    """Batches of the fabrics that have a cluster, those of one cluster together. Suspended ones are included.

    Raises NotFound for a name that no fabric with Kubernetes sync has.
    """
    found = _with_cluster(fabric_store.load_fabrics(connection, fabrics or None))
    for name in sorted(set(fabrics or ()) - {fabric.name for fabric in found}):
        fabric_store.load_fabric(connection, name)
        raise NotFound(f"{name} has no cluster that is checked; set enable_k8s_sync with `hedgehog fabric import`")
    clusters: dict[str, list[str]] = {}
    for fabric in found:
        clusters.setdefault(fabric.kubernetes_connection_id or "", []).append(fabric.name)
    size = max(BATCH, math.ceil(len(clusters) / MOST_BATCHES))
    members = [clusters[name] for name in sorted(clusters)]
    return [
        [name for names in members[start : start + size] for name in names] for start in range(0, len(members), size)
    ]


def _with_cluster(fabrics: Sequence[Fabric]) -> list[Fabric]:
    return [fabric for fabric in fabrics if fabric.kubernetes_sync_enabled and fabric.kubernetes_connection_id]


def check_fabrics(
    connection: Connection,
    names: Sequence[str],
    *,
    open_cluster: OpenCluster,
    run_id: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[HealthResult]:
    """Check the named fabrics now and return the result of each, in the order of *names*.

    A fabric whose circuit is open is not checked: it is Unknown, with the reason. Every result is recorded. Raises only if
    the fabric database fails.
    """
    fabrics = _with_cluster(fabric_store.load_fabrics(connection, names))
    refused = circuits.open_circuits(connection, Service.KUBERNETES, [fabric.id for fabric in fabrics], now())
    results = [
        _skipped(connection, fabric, refused[fabric.id], run_id, now()) for fabric in fabrics if fabric.id in refused
    ]
    groups: dict[str, list[FabricContext]] = {}
    for known in _known(connection, [fabric for fabric in fabrics if fabric.id not in refused]):
        groups.setdefault(known.fabric.kubernetes_connection_id or "", []).append(known)
    for group, judged in _check_clusters(groups, open_cluster, now):
        results += _record(connection, group, judged, run_id, now())
    order = {name: position for position, name in enumerate(names)}
    return sorted(results, key=lambda result: order[result.name])


def _skipped(
    connection: Connection, fabric: Fabric, circuit: circuits.Circuit, run_id: str, now: datetime
) -> HealthResult:
    """The result of a fabric that is not checked. The facts about its switches stay for the next real check."""
    reason = f"{fabric.kubernetes_connection_id} is not asked: {circuit}"
    before = {row.name: row for row in health_store.latest(connection, Scope.FABRIC, [fabric.name])}
    facts = before[fabric.name].facts if fabric.name in before else {}
    result = HealthResult(
        Scope.FABRIC, fabric.name, summarize_health([HealthIssue(Health.UNKNOWN, reason)]), facts, fabric.id
    )
    with transaction(connection) as cursor:
        health_store.record(cursor, result, run_id=run_id, now=now)
    return result


def _known(connection: Connection, fabrics: Sequence[Fabric]) -> list[FabricContext]:
    """What the database has about each fabric before its cluster is read: seven queries, whatever their number."""
    ids = [fabric.id for fabric in fabrics]
    kinds = health_store.kinds_held(connection, ids, list(ALL_KINDS))
    clusters = sorted({fabric.kubernetes_connection_id or "" for fabric in fabrics})
    holders = health_store.holders(connection, clusters, sorted(OWNER.values()))
    convergence.record_syncs(connection, ids)
    applied = convergence.last_writes(connection, ids)
    ours = installations.load(connection)
    frozen = freezes_of(connection, [fabric.name for fabric in fabrics])
    rows = {row.name: row for row in health_store.latest(connection, Scope.FABRIC, [fabric.name for fabric in fabrics])}
    return [
        FabricContext(
            fabric,
            kinds[fabric.id],
            holders.get(fabric.id, {}),
            _others(holders, fabric.id),
            rows[fabric.name].facts.get("agents", {}) if fabric.name in rows else {},
            applied.get(fabric.id),
            ours,
            fabric.name in frozen,
        )
        for fabric in fabrics
    ]


def _others(holders: Mapping[int, Mapping[ObjectRef, Any]], fabric_id: int) -> frozenset[tuple[str, str]]:
    return frozenset((ref.kind, ref.name) for owner, held in holders.items() if owner != fabric_id for ref in held)


_Answer = list[Assessment] | Exception


def _check_clusters(
    groups: Mapping[str, list[FabricContext]], open_cluster: OpenCluster, now: Callable[[], datetime]
) -> Iterator[tuple[list[FabricContext], _Answer]]:
    """Each group of fabrics with the answer of its cluster, as the answers arrive."""
    if not groups:
        return
    with ThreadPoolExecutor(min(BATCH, len(groups)), "health") as pool:
        futures: dict[Future[_Answer], list[FabricContext]] = {
            pool.submit(_check_cluster, name, group, open_cluster, now): group for name, group in groups.items()
        }
        for future in as_completed(futures):
            yield futures[future], future.result()


def _check_cluster(
    connection_id: str, group: Sequence[FabricContext], open_cluster: OpenCluster, now: Callable[[], datetime]
) -> _Answer:
    """Read one cluster, assess its fabrics and update the status of their resources; the error if it is unreachable.

    No error of one cluster, or of one of its fabrics, affects the others.
    """
    cluster = None
    try:
        cluster = open_cluster(connection_id)
        facts = read_facts(
            cluster,
            [ALL_KINDS[name] for name in sorted({name for one in group for name in one.kinds})],
            {permission for one in group for permission in one.permissions},
            resources=any(one.fabric.publish_fabric_resource for one in group),
        )
        return [_judged(cluster, one, facts, now()) for one in group]
    except Exception as error:
        if not isinstance(error, HedgehogError):
            logger.exception("%s: could not be asked", connection_id)
        return error
    finally:
        if cluster is not None:
            cluster.close()


def _judged(cluster: Cluster, known: FabricContext, facts: ClusterFacts, now: datetime) -> Assessment:
    """The assessment of one fabric, written to its resource unless it is frozen; Unknown if the facts cannot be understood."""
    try:
        judged = health_rules.assess(known, facts, now)
        if not known.is_frozen:
            _write_back(cluster, judged, facts, known.installation, now)
    except Exception as error:
        logger.exception("%s: could not be judged", known.fabric.name)
        return health_rules.unreachable(known, f"its health could not be judged: {' '.join(error_lines(error))}")
    return judged


def _write_back(
    cluster: Cluster, judged: Assessment, facts: ClusterFacts, installation: Installation, now: datetime
) -> None:
    """Write health and convergence to the fabric's own resource, if we own it and they have changed.

    If somebody changed the resource in between, nothing is written until the next check.
    """
    resource = facts.resources.get(judged.fabric.resource_name)
    if resource is None or not judged.fabric.publish_fabric_resource or other_installation(resource, installation):
        return
    try:
        health_rules.write_back(cluster, resource, judged, now)
    except HedgehogError as error:
        logger.warning("%s: its Fabric resource does not show its health: %s", judged.fabric.name, error)


def _record(
    connection: Connection, group: Sequence[FabricContext], answer: _Answer, run_id: str, now: datetime
) -> list[HealthResult]:
    """Record the answer of one cluster: circuits, results, convergence."""
    ids = [known.fabric.id for known in group]
    if isinstance(answer, Exception):
        reason = " ".join(error_lines(answer))
        circuits.count_failure(connection, Service.KUBERNETES, ids, reason, now)
        judged = [health_rules.unreachable(known, reason) for known in group]
    else:
        circuits.close_circuits(connection, Service.KUBERNETES, ids)
        judged = answer
    try:
        return _record_all(connection, judged, run_id, now)
    except Exception:  # for example, one has text that cannot be stored: the others are recorded without it
        logger.exception("%s: not all results could be recorded at once", group[0].fabric.kubernetes_connection_id)
        return [
            result
            for known, one in zip(group, judged, strict=True)
            for result in _keep_one(connection, known, one, run_id, now)
        ]


def _keep_one(
    connection: Connection, known: FabricContext, judged: Assessment, run_id: str, now: datetime
) -> list[HealthResult]:
    try:
        return _record_all(connection, [judged], run_id, now)
    except Exception as error:  # when the fabric database is unreachable, the next line raises that
        reason = f"what its cluster told cannot be stored ({type(error).__name__})"
        return _record_all(connection, [health_rules.unreachable(known, reason)], run_id, now)


def _record_all(connection: Connection, judged: Sequence[Assessment], run_id: str, now: datetime) -> list[HealthResult]:
    results = [HealthResult(Scope.FABRIC, one.fabric.name, one.summary, one.facts, one.fabric.id) for one in judged]
    with transaction(connection) as cursor:
        for one, result in zip(judged, results, strict=True):
            health_store.record(cursor, result, run_id=run_id, now=now)
            if one.convergence.at is not None and one.applied_at is not None:
                convergence.converged(cursor, one.fabric.id, one.applied_at, one.convergence.at)
    return results
