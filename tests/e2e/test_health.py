"""Health as operators see it: switches determine the health of the fabric, and the self-test finds all components."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from devstack.objects import make_server
from devstack.stack import Stack
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import ObjectRef
from hedgehog.store import health
from hedgehog.store.health import Scope
from tests.e2e.looks import live

AGENTS = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
HEALTH = "hedgehog_kubernetes_health"


def say(stack: Stack, switch: str, **status: Any) -> None:
    """Let the Agent of a switch report that it is healthy, except for *status*."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    later = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"  # silence counts after a minute: a run may take so long
    body: dict[str, Any] = {
        "apiVersion": "agent.githedgehog.com/v1beta1",
        "kind": "Agent",
        "metadata": {"name": switch},
    }
    well = {"lastHeartbeat": later, "lastAppliedGen": 1, "lastAppliedTime": now}
    options: dict[str, Any] = {
        "subject": switch,
        "query": {"fieldManager": "switch", "force": "true"},
        "content_type": "application/apply-patch+yaml",
    }
    cluster = stack.cluster.connect()
    cluster.call("PATCH", "PATCH", f"{AGENTS}/{switch}", body=body | {"spec": {"role": "spine"}}, **options)
    cluster.call("PATCH", "PATCH", f"{AGENTS}/{switch}/status", body=body | {"status": well | status}, **options)
    cluster.close()


def forget(stack: Stack, switch: str) -> None:
    """Take the Agent away, so that other fabrics of the cluster are not judged by it."""
    cluster = stack.cluster.connect()
    cluster.call("DELETE", "DELETE", f"{AGENTS}/{switch}", subject=switch)
    cluster.close()


def look(stack: Stack, name: str) -> Health:
    """Run the health DAG for one fabric and return what is stored."""
    run_id = stack.airflow.trigger(HEALTH, fabrics=[name])
    stack.airflow.succeed(HEALTH, run_id)
    return health.latest(stack.database, Scope.FABRIC, [name])[0].health


def test_the_reports_of_a_switch_determine_the_health_of_its_fabric(stack: Stack, name: str) -> None:
    """In the database, and on the Fabric resource, where `kubectl get fabrics` shows it."""
    stack.add_fabric(name, [make_server(f"{name}-srv")])
    stack.wait_in_sync(name)
    say(stack, f"{name}-spine", rebootRequired=True)
    assert look(stack, name) is Health.DEGRADED
    say(stack, f"{name}-spine")
    assert look(stack, name) is Health.HEALTHY
    resource = live(stack, "Fabric")[ObjectRef("Fabric", "hedgehog-system", name)]
    assert (resource["status"]["health"], resource["status"]["spine_status"][f"{name}-spine"]) == ("Healthy", "Healthy")
    assert {one["type"] for one in resource["status"]["conditions"]} == {"Synced", "Converged"}
    forget(stack, f"{name}-spine")


def test_git_hosts_database_and_airflow_itself_are_checked(stack: Stack) -> None:
    """Each component by its name."""
    run_id = stack.airflow.trigger("hedgehog_github_health")
    stack.airflow.succeed("hedgehog_github_health", run_id)
    assert {row.name: row.health for row in health.latest(stack.database, Scope.SERVICE)} == dict.fromkeys(
        ("airflow-dag_processor", "airflow-metadatabase", "airflow-scheduler", "airflow-triggerer", "database"),
        Health.HEALTHY,
    )
    (network,) = health.latest(stack.database, Scope.REPOSITORY, ["network"])
    assert network.health is Health.HEALTHY


def test_the_self_test_reaches_every_queue_and_every_component(stack: Stack) -> None:
    """Other tests may have left an unreachable repository or cluster; only those may fail."""
    run_id = stack.airflow.trigger("hedgehog_self_test")
    stack.airflow.finished("hedgehog_self_test", run_id)
    checks = {one["check"]: one["passed"] for one in stack.airflow.xcom("hedgehog_self_test", run_id, "check")}
    expected = {f"queue {queue}" for queue in ("git_sync", "kubernetes", "cache_refresh", "monitoring", "maintenance")}
    expected |= {
        "fabric database",
        "git repository network",
        "cluster e2e_cluster",
        "definitions of e2e_cluster",
        "Airflow's API",
    }
    assert expected <= {name for name, passed in checks.items() if passed}
