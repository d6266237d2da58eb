"""Tries everything that our DAGs depend on: each check has a name and a result that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hedgehog.errors import HedgehogError
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.gitops.mirror import OpenMirror
from hedgehog.kube.client import OpenCluster
from hedgehog.kube.health import missing_crds
from hedgehog.services.failures import as_ours
from hedgehog.services.observe.remotes import FindHost
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabrics, load_repositories
from hedgehog.store.health import kinds_held, write_and_roll_back


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """The result of one check."""

    name: str
    passed: bool
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def attempt(name: str, what: Callable[[], str]) -> SelfTestResult:
    """A check that passes with the text that *what* returns, or fails with that of the error that it raises."""
    try:
        return SelfTestResult(name, True, what())
    except Exception as error:  # whatever is wrong with one part, the others are tried
        return _failed(name, error)


def _failed(name: str, error: Exception) -> SelfTestResult:
    return SelfTestResult(name, False, str(as_ours(name, error)).removeprefix(f"{name}: "))


def run_checks(
    open_database: Callable[[], Connection],
    *,
    open_mirror: OpenMirror,
    find_host: FindHost,
    open_cluster: OpenCluster,
) -> Iterator[SelfTestResult]:
    """Try the database (read, write, roll back), the connection of every repository and fabric, and the definitions.

    Without a database nothing else can be tried. Nothing that is written stays.
    """
    try:
        connection = open_database()
    except HedgehogError as error:
        yield SelfTestResult("fabric database", False, str(error))
        return
    try:
        yield attempt("fabric database", lambda: _of_database(connection))
        repositories, fabrics = load_repositories(connection), load_fabrics(connection)
        for repository in repositories:
            yield from _of_repository(repository, open_mirror, find_host)
        yield from _of_clusters(connection, fabrics, open_cluster)
    finally:
        connection.close()


def _of_database(connection: Connection) -> str:
    write_and_roll_back(connection)
    return "a row was written, read and rolled back"


def _of_repository(repository: GitRepository, open_mirror: OpenMirror, find_host: FindHost) -> Iterator[SelfTestResult]:
    def git() -> str:
        head = open_mirror(repository).head()
        return f"{repository.branch} at {head[:12]}" if head else f"{repository.branch} does not exist yet"

    def api() -> str:
        host = find_host(repository)
        if host is None:
            return ""
        try:
            found = host.rate_limit()
        finally:
            host.close()
        return f"{found.remaining} of {found.limit} calls are left" if found else "the credential is accepted"

    yield attempt(f"git repository {repository.name}", git)
    check = attempt(f"API credential of {repository.name}", api)
    if check.text:
        yield check


def _of_clusters(connection: Connection, fabrics: list[Fabric], open_cluster: OpenCluster) -> Iterator[SelfTestResult]:
    """One check of the connection and one of the definitions for each cluster that a fabric is synced to."""
    users: dict[str, list[int]] = {}
    for fabric in fabrics:
        if fabric.kubernetes_sync_enabled and fabric.kubernetes_connection_id:
            users.setdefault(fabric.kubernetes_connection_id, []).append(fabric.id)
    held = kinds_held(connection, [row for ids in users.values() for row in ids], list(ALL_KINDS))
    for connection_id, ids in sorted(users.items()):
        kinds = frozenset(kind for row in ids for kind in held[row])
        yield from _of_cluster(connection_id, kinds, open_cluster)


def _of_cluster(connection_id: str, kinds: frozenset[str], open_cluster: OpenCluster) -> Iterator[SelfTestResult]:
    try:
        cluster = open_cluster(connection_id)
    except Exception as error:  # see attempt
        yield _failed(f"cluster {connection_id}", error)
        return
    try:
        reached = attempt(f"cluster {connection_id}", lambda: f"Kubernetes {cluster.version()}")
        yield reached
        if reached.passed:
            name = f"definitions of {connection_id}"
            try:
                missing = missing_crds(cluster, [ALL_KINDS[kind] for kind in sorted(kinds)])
                text = "; ".join(missing[kind] for kind in sorted(missing))
                yield SelfTestResult(name, not missing, text or "all kinds of its fabrics are served")
            except Exception as error:  # see attempt
                yield _failed(name, error)
    finally:
        cluster.close()
