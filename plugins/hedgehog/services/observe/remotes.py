"""The health of what fabrics depend on: Git hosts, credentials of their APIs, the fabric database, and Airflow itself.

Every check is a real call: `ls-remote` per repository, the rate limit per credential, a query of the database, the report
of the API server. Plain Python; the caller passes functions that open the remotes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from hedgehog.errors import HedgehogError
from hedgehog.fabric.health import Health, HealthIssue, HealthSummary, format_time, summarize_health
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.hosts.host import Host, RateLimit
from hedgehog.services.failures import as_ours
from hedgehog.store import circuits
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import health as health_store
from hedgehog.store.circuits import Service
from hedgehog.store.database import Connection, transaction
from hedgehog.store.health import HealthResult, Scope

FindHost = Callable[[GitRepository], Host | None]
"""From a repository to the API of its host; None for one whose host has none, or that has no credential for it."""
Clock = Callable[[], datetime]

MOST_BATCHES = 2
BATCH = 50
"""The repositories of one task; fewer are one batch."""
_TOGETHER = 8
"""How many hosts one task calls concurrently."""
RATE_WARNING = 0.1
"""The share of remaining calls below which a credential is Degraded: the rest is kept for pull requests."""
SLOW = 0.5
"""Seconds for one small query after which the database is Degraded."""
STALE = 60.0
"""Seconds without a heartbeat after which a part of Airflow counts as dead, whatever its status says."""

AIRFLOW_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def plan(connection: Connection) -> list[list[str]]:
    """Batches of the repositories that fabrics use. The health of others is deleted."""
    names = [repository.name for repository in fabric_store.load_repositories(connection)]
    health_store.forget(connection, Scope.REPOSITORY, keep=names)
    size = max(BATCH, math.ceil(len(names) / MOST_BATCHES))
    return [names[start : start + size] for start in range(0, len(names), size)]


def check_repositories(
    connection: Connection,
    names: Sequence[str],
    *,
    open_mirror: OpenMirror,
    find_host: FindHost,
    run_id: str,
    now: Clock = _utc_now,
) -> list[HealthResult]:
    """Ask the hosts of the named repositories, some at the same time, and record what they answer.

    A repository all of whose fabrics have an open circuit is not asked.
    """
    found = [repository for repository in fabric_store.load_repositories(connection) if repository.name in set(names)]
    users = _users(connection)
    results = [
        *_asked(connection, Service.GIT, found, users, lambda one: _of_git(one, open_mirror), now=now),
        *_asked(connection, Service.GITHUB, found, users, _once_a_credential(find_host, now), now=now),
    ]
    with transaction(connection) as cursor:
        for result in results:
            health_store.record(cursor, result, run_id=run_id, now=now())
    return results


def _users(connection: Connection) -> dict[int, list[int]]:
    """The ids of the fabrics in each repository, by the repository's id."""
    users: dict[int, list[int]] = {}
    for fabric in fabric_store.load_fabrics(connection):
        if fabric.git_repository is not None:
            users.setdefault(fabric.git_repository.id, []).append(fabric.id)
    return users


_Answer = tuple[HealthResult, HedgehogError | None]


def _asked(
    connection: Connection,
    service: Service,
    repositories: Sequence[GitRepository],
    users: Mapping[int, Sequence[int]],
    ask: Callable[[GitRepository], _Answer | None],
    *,
    now: Clock,
) -> list[HealthResult]:
    """What each host says of its repository; circuits are kept."""
    ids = [fabric_id for one in repositories for fabric_id in users.get(one.id, ())]
    refused = circuits.open_circuits(connection, service, ids, now())
    willing = [one for one in repositories if not users.get(one.id) or set(users[one.id]) - refused.keys()]
    results = []
    with ThreadPoolExecutor(_TOGETHER, service.value) as pool:
        for repository, answer in zip(willing, pool.map(ask, willing), strict=True):
            if answer is None:
                continue
            result, error = answer
            results.append(result)
            fabrics = users.get(repository.id, ())
            if error is None:
                circuits.close_circuits(connection, service, fabrics)
            else:
                circuits.count_failure(connection, service, fabrics, str(error), now())
    return results


def _of_git(repository: GitRepository, open_mirror: OpenMirror) -> _Answer:
    started = time.perf_counter()
    try:
        head = open_mirror(repository).head()
    except Exception as error:  # whatever is wrong with one repository, the others are asked
        ours = as_ours(repository.name, error)
        return _unhealthy(Scope.REPOSITORY, repository.name, ours), ours
    facts = {"branch": repository.branch, "head": head, "seconds": round(time.perf_counter() - started, 3)}
    return HealthResult(Scope.REPOSITORY, repository.name, HealthSummary(), facts), None


def _unhealthy(scope: Scope, name: str, error: HedgehogError) -> HealthResult:
    """A remote that is unreachable is Unknown; one that refuses us needs somebody."""
    health = Health.UNKNOWN if hasattr(error, "retry_after") else Health.DEGRADED
    return HealthResult(scope, name, summarize_health([HealthIssue(health, str(error))]), {"error": error.reason})


def _once_a_credential(find_host: FindHost, now: Clock) -> Callable[[GitRepository], _Answer | None]:
    """A function that asks the host about a repository's credential, unless another repository has had it asked."""
    asked: set[tuple[str, str]] = set()

    def ask(repository: GitRepository) -> _Answer | None:
        name = repository.connection_id or ""
        try:
            host = find_host(repository)
        except Exception as error:  # see _of_git
            ours = as_ours(repository.name, error)
            return _unhealthy(Scope.GITHUB, name or repository.name, ours), ours
        if host is None:
            return None
        try:
            key = (name, host.base_url)
            if key in asked:
                return None
            asked.add(key)
            return _of_credential(f"{name}@{host.base_url}", host, now())
        finally:
            host.close()

    return ask


def _of_credential(name: str, host: Host, now: datetime) -> _Answer:
    try:
        found = host.rate_limit()
    except Exception as error:  # see _of_git
        ours = as_ours(name, error)
        return _unhealthy(Scope.GITHUB, name, ours), ours
    facts: dict[str, Any] = {"authentication": host.credential}
    if found is not None:
        facts |= {"limit": found.limit, "remaining": found.remaining, "resets_at": found.resets_at.isoformat()}
    return HealthResult(Scope.GITHUB, name, summarize_health(_of_rate(found, now)), facts), None


def _of_rate(found: RateLimit | None, now: datetime) -> Iterable[HealthIssue]:
    if found is not None and found.remaining < found.limit * RATE_WARNING and found.resets_at > now:
        reason = f"fewer than {RATE_WARNING:.0%} of {found.limit} calls an hour are left until {format_time(found.resets_at)}"
        yield HealthIssue(
            Health.DEGRADED, f"{reason}; does anything else use this credential? A GitHub App has a larger limit"
        )


def check_services(
    connection: Connection,
    *,
    airflow_health: Callable[[], Mapping[str, Any]] | None,
    run_id: str,
    now: Clock = _utc_now,
) -> list[HealthResult]:
    """Check the fabric database and, if the API server is known, the parts of Airflow; record the results."""
    results = [_of_database(connection)]
    if airflow_health is not None:
        results += _of_airflow(airflow_health, now())
    health_store.forget(connection, Scope.SERVICE, keep=[result.name for result in results])
    with transaction(connection) as cursor:
        for result in results:
            health_store.record(cursor, result, run_id=run_id, now=now())
    return results


def _of_database(connection: Connection) -> HealthResult:
    """The latency of a query, and how many connections of the server are in use. Raises if the database is lost."""
    started = time.perf_counter()
    with transaction(connection) as cursor:
        cursor.execute("SELECT 1")
    seconds = time.perf_counter() - started
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
            "current_setting('max_connections')::int, pg_database_size(current_database())"
        )
        taken, most, size = cursor.fetchone() or (0, 0, 0)
    issues = [HealthIssue(Health.DEGRADED, f"one small query takes longer than {SLOW} s")] if seconds > SLOW else []
    facts = {"seconds": round(seconds, 4), "connections": taken, "most_connections": most, "bytes": size}
    return HealthResult(Scope.SERVICE, "database", summarize_health(issues), facts)


def _of_airflow(airflow_health: Callable[[], Mapping[str, Any]], now: datetime) -> list[HealthResult]:
    """One result per part, from the report of the API server; a part that an installation lacks is left out."""
    try:
        report = airflow_health()
    except Exception as error:  # the other services are checked
        return [_unhealthy(Scope.SERVICE, "airflow", as_ours("airflow", error))]
    return [
        HealthResult(
            Scope.SERVICE,
            f"airflow-{part}",
            summarize_health(_of_part(part, report[part] or {}, now)),
            dict(report[part] or {}),
        )
        for part in AIRFLOW_PARTS
        if (report.get(part) or {}).get("status")
    ]


def _of_part(part: str, said: Mapping[str, Any], now: datetime) -> Iterable[HealthIssue]:
    heartbeat = said.get(f"latest_{part}_heartbeat")
    is_silent = heartbeat is not None and (now - datetime.fromisoformat(heartbeat)).total_seconds() > STALE
    if said.get("status") != "healthy" or is_silent:
        since = f" since {format_time(datetime.fromisoformat(heartbeat))}" if heartbeat else ""
        yield HealthIssue(Health.DEGRADED, f"Airflow's {part} has sent no heartbeat{since}; start it, or see its log")
