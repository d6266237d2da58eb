"""The self-test tries what is there for real, and its failures say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devstack.cluster import DevCluster
from devstack.git_server import GitServer
from devstack.github import GitHub
from devstack.objects import make_server
from hedgehog.errors import InvalidInput, RemoteUnavailable
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.kube.client import Cluster
from hedgehog.services.observe.self_test import SelfTestResult, run_checks
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, connect
from tests.hosts.github.conftest import TOKEN, git, hub
from tests.kube.clusters import cluster

__all__ = ["cluster", "git", "hub"]


class Parts:
    """Everything that a self-test opens; a test breaks what it wants."""

    def __init__(self, parameters: dict[str, Any], cluster: DevCluster, hub: GitHub, cache: Path) -> None:
        self.parameters = parameters
        self.cluster = cluster
        self.hub = hub
        self.cache = cache
        self.token = TOKEN

    def open_database(self) -> Connection:
        """The fabric database."""
        return connect(self.parameters)

    def open_cluster(self, connection_id: str) -> Cluster:
        """The one cluster, by one name."""
        if connection_id == "k8s_odd":
            raise RuntimeError("vault token canary-4711 expired")
        if connection_id != "k8s_a":
            raise InvalidInput(f"connection {connection_id} names no cluster")
        return self.cluster.connect()

    def run(self) -> list[SelfTestResult]:
        """Try everything."""
        return list(
            run_checks(
                self.open_database,
                open_mirror=lambda one: Mirror(self.cache, Remote(one.url, one.branch)),
                find_host=lambda one: Repository(
                    Client(Credentials(token=self.token), base_url=self.hub.url, write_pause=0), "acme/net"
                ),
                open_cluster=self.open_cluster,
            )
        )


@pytest.fixture
def parts(
    database: Connection,
    database_parameters: dict[str, Any],
    cluster: DevCluster,
    git: GitServer,
    hub: GitHub,
    tmp_path: Path,
) -> Parts:
    """A fabric on a cluster, with a repository on GitHub."""
    fabrics.save_repository(database, "net", {"url": git.url("acme/net"), "connection_id": "robot"})
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_a"})
    object_store.save_objects(database, fabrics.load_fabric(database, "lab").id, [make_server("a")])
    return Parts(database_parameters, cluster, hub, tmp_path / "cache")


def test_all_is_tried_and_nothing_stays(parts: Parts, database: Connection) -> None:
    """Database, repository, credential, cluster, definitions."""
    found = parts.run()
    assert [(check.name, check.passed) for check in found] == [
        ("fabric database", True),
        ("git repository net", True),
        ("API credential of net", True),
        ("cluster k8s_a", True),
        ("definitions of k8s_a", True),
    ]
    assert found[0].text == "a row was written, read and rolled back"
    with database, database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.health_event")
        assert cursor.fetchone() == (0,)


def test_every_failure_is_reported_by_its_name(parts: Parts, database: Connection) -> None:
    """One does not hide the others."""
    parts.token = "wrong"
    fabrics.save_repository(database, "net", {"url": "http://127.0.0.1:1/acme/net.git"})
    fabrics.save_fabric(database, "two", {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_b"})
    failed = {check.name: check.text for check in parts.run() if not check.passed}
    assert failed.keys() == {"git repository net", "API credential of net", "cluster k8s_b"}
    assert failed["cluster k8s_b"] == "connection k8s_b names no cluster"


def test_what_nobody_foresaw_is_reported_by_its_place_and_hides_nothing_else(
    parts: Parts, database: Connection
) -> None:
    """A secrets backend may raise anything, and its text may hold a secret."""
    for name, connection_id in (("a-first", "k8s_a_first"), ("odd", "k8s_odd"), ("z-last", "k8s_z_last")):
        fabrics.save_fabric(database, name, {"enable_k8s_sync": True, "kubernetes_connection_id": connection_id})
    failed = {check.name: check.text for check in parts.run() if not check.passed}
    assert failed.keys() == {"cluster k8s_a_first", "cluster k8s_odd", "cluster k8s_z_last"}
    assert failed["cluster k8s_odd"].startswith("unforeseen RuntimeError")
    assert "canary" not in failed["cluster k8s_odd"]


def test_a_missing_definition_is_named(parts: Parts, cluster: DevCluster) -> None:
    """That of a kind which a fabric of the cluster holds."""
    api = cluster.connect()
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/servers.wiring.githedgehog.com"
    served = "/apis/wiring.githedgehog.com/v1beta1"
    api.send("DELETE", "DELETE", path, subject="CRD")
    try:
        while '"servers"' in api.call("GET", "GET", served, subject="group").body.decode():
            pass
        assert parts.run()[-1] == SelfTestResult(
            "definitions of k8s_a", False, "CRD servers.wiring.githedgehog.com is not installed at v1beta1"
        )
    finally:
        cluster.install_crds()
        api.close()


def test_a_database_that_cannot_be_written_fails(parts: Parts) -> None:
    """As one that was promoted to a replica, or a role without rights."""

    def read_only() -> Connection:
        connection = connect(parts.parameters)
        with connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        return connection

    parts.open_database = read_only  # type: ignore[method-assign]
    check = parts.run()[0]
    assert (check.name, check.passed) == ("fabric database", False)
    assert "is a standby, or read-only" in check.text


def test_without_a_database_there_is_one_failure(parts: Parts) -> None:
    """Nothing else can be tried."""

    def away() -> Connection:
        raise RemoteUnavailable("the fabric database at x cannot be reached")

    parts.open_database = away  # type: ignore[method-assign]
    assert parts.run() == [SelfTestResult("fabric database", False, "the fabric database at x cannot be reached")]
