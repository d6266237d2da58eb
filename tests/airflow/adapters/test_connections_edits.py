"""After an edit of an Airflow connection, work that failed because of it is due at the next plan; on real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.cluster import DevCluster
from devstack.git_server import GitServer
from devstack.objects import make_server
from hedgehog.airflow.adapters import connection_digests
from hedgehog.airflow.adapters.hooks import open_cluster, open_database, open_mirror
from hedgehog.airflow.operators.sync import PlanSyncOperator
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services import connection_edits
from hedgehog.services.git import sync as git_sync
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.store import fabrics, schedule, sync_state
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]

SECRET = "s3cr3t-t0ken"


@pytest.fixture
def database(fabric_database: dict[str, Any]) -> Iterator[Connection]:
    """The fabric database behind `hedgehog_db`."""
    connection = open_database()
    yield connection
    connection.close()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes or edits an Airflow connection."""

    def put(connection_id: str, **parts: Any) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(parts))

    return put


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    """A Git host that requires a token, with the repository `net`."""
    with GitServer(tmp_path / "host", {"robot": SECRET}) as host:
        host.create("net")
        yield host


@pytest.fixture
def lab(database: Connection, host: GitServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The fabric `lab` in the repository `net`, with the connection `net_git`."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    fabrics.save_repository(database, "net", {"url": host.url("net"), "branch": "main", "connection_id": "net_git"})
    fabrics.save_fabric(
        database, "lab", {"git_repository": "net", "git_directory": "fabrics/lab", "git_sync_enabled": True}
    )


def plan(target: str) -> list[list[str]]:
    """The fabrics that the first task of a run finds due."""
    return [batch for batch in PlanSyncOperator(task_id="plan", target=target).execute({}) if batch]


def push(database: Connection) -> str | None:
    """Sync to Git; returns the class of the error."""
    return git_sync.sync(database, ["lab"], open_mirror=open_mirror, run_id="run-1")[0].error_class


def noted(database: Connection) -> list[str]:
    """The connections whose digest is kept."""
    with transaction(database) as cursor:
        cursor.execute("SELECT connection_id FROM hedgehog.connection_digest ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def test_a_new_token_is_tried_by_the_next_plan(lab, database, connect):
    """The fabric is parked for a refused token: it is tried once more in case of a quick edit, then only after the
    next edit."""
    connect("net_git", conn_type="git", login="robot", password="expired")
    assert push(database) == "AuthenticationFailed"
    assert (plan("git"), push(database)) == ([["lab"]], "AuthenticationFailed")
    assert (plan("git"), plan("git"), noted(database)) == ([], [], ["net_git"])
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    assert (plan("git"), push(database)) == ([["lab"]], None)
    assert (plan("git"), noted(database)) == ([], [])


def test_an_edit_between_the_failure_and_the_next_plan_counts(lab, database, connect):
    """Before the content of the connection was recorded for the first time."""
    connect("net_git", conn_type="git", login="robot", password="expired")
    assert push(database) == "AuthenticationFailed"
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    assert (plan("git"), push(database)) == ([["lab"]], None)


def test_creating_the_missing_connection_counts_as_an_edit(lab, database, connect):
    """The fabric was parked because the connection did not exist."""
    assert push(database) == "NotFound"
    assert (plan("git"), push(database), plan("git")) == ([["lab"]], "NotFound", [])
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    assert (plan("git"), push(database)) == ([["lab"]], None)


def test_an_edit_ends_the_back_off(lab, database, connect, host):
    """The host was wrong. An edit that changes nothing does not count."""
    host.outage = 503
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    assert push(database) == "RemoteUnavailable"
    assert (plan("git"), plan("git")) == ([], [])
    connect("net_git", conn_type="git", login="robot", password=SECRET, extra={"hosts": "127.0.0.1"})
    assert plan("git") == [["lab"]]


def kubeconfig(cluster: DevCluster, **user: str) -> str:
    """The administrator's kubeconfig, with other credentials."""
    found = yaml.safe_load(cluster.kubeconfig.read_text())
    if user:
        found["users"][0]["user"] = user
    return json.dumps(found)


@pytest.mark.parametrize("in_a_file", [False, True], ids=["in the connection", "in a file that it names"])
def test_a_new_kubeconfig_is_tried_by_the_next_plan(cluster, api, database, connect, tmp_path, in_a_file):
    """Also when only the file that the connection names has changed."""
    file = tmp_path / "kubeconfig"

    def edit(text: str) -> None:
        file.write_text(text)
        connect(
            "k8s", conn_type="kubernetes", extra={"kube_config_path": str(file)} if in_a_file else {"kube_config": text}
        )

    def apply() -> str | None:
        return kubernetes_sync.sync(database, ["lab"], open_cluster=open_cluster, run_id="run-1")[0].error_class

    edit(kubeconfig(cluster, token="expired"))
    settings = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s", "publish_fabric_resource": False}
    fabrics.save_fabric(database, "lab", settings)
    object_store.save_objects(database, fabrics.load_fabric(database, "lab").id, [make_server("a")])
    assert apply() == "AuthenticationFailed"
    assert (plan("kubernetes"), apply(), plan("kubernetes")) == ([["lab"]], "AuthenticationFailed", [])
    edit(kubeconfig(cluster))
    assert (plan("kubernetes"), apply(), plan("kubernetes"), noted(database)) == ([["lab"]], None, [], [])


def test_connections_of_healthy_fabrics_are_not_read(lab, database, connect, monkeypatch):
    """A connection that cannot be read does not affect the other fabrics."""
    asked = []
    monkeypatch.setattr(
        connection_digests, "read_connection", lambda connection_id: asked.append(connection_id) or {}["gone"]
    )
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    assert (push(database), plan("git"), asked) == (None, [], [])
    with transaction(database) as cursor:
        cursor.execute(
            "UPDATE hedgehog.sync_state SET status = 'error', attempts = 1, due_at = now() + interval '1 hour'"
        )
    fabrics.save_fabric(
        database, "other", {"git_repository": "net", "git_directory": "fabrics/other", "git_sync_enabled": True}
    )
    assert (plan("git"), asked) == ([["other"]], ["net_git"])


def test_a_running_sync_does_not_forget_its_connection(lab, database, connect):
    """Otherwise a parked fabric would be tried once more after every attempt."""
    connect("net_git", conn_type="git", login="robot", password="expired")
    push(database)
    plan("git")
    with transaction(database) as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET status = 'syncing' WHERE target = 'git'")
    assert connection_edits.wake(database, Target.GIT, connection_digests.digests()) == []
    assert noted(database) == ["net_git"]


def test_a_digest_reveals_nothing_without_the_password_of_the_database(lab, database, connect, monkeypatch):
    """With only a copy of the tables, neither secrets nor digests of connections can be compared."""
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    connect("same", conn_type="git", login="robot", password=SECRET)
    salts = [bytes([number]) * 16 for number in range(8)]

    def digests(password: str, connection_id: str) -> list[bytes]:
        connect("hedgehog_db", conn_type="postgres", password=password)
        digest = connection_digests.digests()
        return [digest(connection_id, salt) for salt in salts]

    assert digests("a", "net_git") == digests("a", "net_git") != digests("b", "net_git")
    assert digests("a", "net_git") != digests("a", "same")
    assert {len(one) for one in digests("a", "net_git")} == {connection_digests.DIGEST_BYTES}


def test_a_changed_cluster_is_tried_at_once_while_git_is_unreachable(cluster, api, database, lab, connect, host):
    """An edited row wakes its target; the cluster gets what was published before."""
    connect("net_git", conn_type="git", login="robot", password=SECRET)
    connect("k8s_b", conn_type="kubernetes", extra={"kube_config": kubeconfig(cluster)})
    settings = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_a", "publish_fabric_resource": False}
    fabrics.save_fabric(database, "lab", settings)
    assert push(database) is None
    kubernetes_sync.sync(database, ["lab"], open_cluster=open_cluster, run_id="run-1")
    (state,) = (s for s in sync_state.states(database, ["lab"]) if s.target is Target.KUBERNETES)
    assert (state.status, state.error_class) == (SyncStatus.PARKED, "NotFound")
    host.outage = 503
    fabrics.save_fabric(database, "lab", {"kubernetes_connection_id": "k8s_b"})
    assert [one.name for one in schedule.due(database, Target.KUBERNETES)] == ["lab"]
    (outcome,) = kubernetes_sync.sync(database, ["lab"], open_cluster=open_cluster, run_id="run-2")
    assert outcome.error_class is None
