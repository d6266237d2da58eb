"""Operators of the health DAGs and of the self-test: red when a result or a check is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.health import (
    LOOKS,
    FabricHealthOperator,
    HealthSummaryOperator,
    PlanHealthOperator,
    PlanRepositoryHealthOperator,
    ReachQueueOperator,
    RepositoryHealthOperator,
    SelfTestOperator,
    ServiceHealthOperator,
    health_result,
)
from hedgehog.fabric.health import Health, HealthSummary
from hedgehog.services.observe.self_test import SelfTestResult
from hedgehog.store.health import HealthResult, Scope
from tests.airflow.conftest import FakeTaskInstance
from tests.airflow.operators.fakes import FakeDatabase, Service

ServiceMaker = Callable[[str, Any], Service]

ILL = HealthResult(
    Scope.FABRIC, "ill", HealthSummary(Health.DEGRADED, ("switch a must be rebooted", "b", "c", "d", "e"))
)
WELL = HealthResult(Scope.FABRIC, "well", HealthSummary())


class RunXComs(FakeTaskInstance):
    """XComs of tasks of the same run, mapped or (map index None) not."""

    def xcom_pull(self, *, task_ids: Any, key: str, map_indexes: range | None) -> Any:
        """What was pushed."""
        if map_indexes is None:
            return self._xcoms.get((task_ids, key, -1))
        return super().xcom_pull(task_ids=task_ids, key=key, map_indexes=map_indexes)


def context_of(xcoms: dict[tuple[str, str, int], Any] | None = None) -> dict[str, Any]:
    """The context of a task whose run has *xcoms*."""
    run = type("Run", (), {"dag_id": "hedgehog_kubernetes_health", "run_id": "manual__1"})
    return {"ti": RunXComs(xcoms), "dag_run": run}


def test_a_result_in_xcom_is_short() -> None:
    """The first reasons, and the number of the others."""
    assert health_result(ILL) == {
        "scope": "fabric",
        "name": "ill",
        "health": "Degraded",
        "reasons": ["switch a must be rebooted", "b", "c", "and 2 more"],
    }


def test_plans_return_batches(fake_database: FakeDatabase, service: ServiceMaker) -> None:
    """Of fabrics and of repositories."""
    fabrics = service("observe.health.plan", [["a", "b"]])
    service("observe.remotes.plan", [["net"]])
    assert PlanHealthOperator(task_id="plan", fabrics=["a"]).execute(context_of()) == [["a", "b"]]
    assert fabrics.calls == [((fake_database,), {"fabrics": ["a"]})]
    assert PlanRepositoryHealthOperator(task_id="plan").execute(context_of()) == [["net"]]


def test_a_task_that_finds_a_fault_succeeds(fake_database: FakeDatabase, service: ServiceMaker) -> None:
    """The fault is recorded and reported; the task is green, and named after its fabrics."""
    check = service("observe.health.check_fabrics", [ILL, WELL])
    context = context_of()
    FabricHealthOperator(task_id="check", fabrics=["ill", "well"]).execute(context)
    assert context["ti"].pushed == {LOOKS: [health_result(ILL), health_result(WELL)]}
    assert context["fabrics"] == "ill, well"
    ((arguments, options),) = check.calls
    assert arguments == (fake_database, ["ill", "well"])
    assert options["run_id"] == "hedgehog_kubernetes_health/manual__1"


def test_repositories_and_services_are_checked(fake_database: FakeDatabase, service: ServiceMaker) -> None:
    """With the connections of this Airflow; which hosts they name is noted."""
    noted = service("repository.hosts.note_hosts", None)
    repositories = service("observe.remotes.check_repositories", [WELL])
    services = service("observe.remotes.check_services", [WELL])
    RepositoryHealthOperator(task_id="check", repositories=["net"]).execute(context_of())
    ServiceHealthOperator(task_id="services").execute(context_of())
    assert repositories.calls[0][0] == (fake_database, ["net"])
    assert [(names, host_name.__name__) for (_, names, host_name), _ in noted.calls] == [(["net"], "host_name")]
    assert services.calls[0][1].keys() == {"airflow_health", "run_id"}


def test_the_summary_counts_and_names_what_is_unhealthy() -> None:
    """The worst first."""
    missing = health_result(HealthResult(Scope.FABRIC, "gone", HealthSummary(Health.MISSING, ("x",))))
    database = {"scope": "service", "name": "database", "health": "Healthy", "reasons": []}
    context = context_of(
        {
            ("check", LOOKS, 0): [health_result(WELL), health_result(ILL)],
            ("check", LOOKS, 1): [missing],
            ("services", LOOKS, -1): [database],
        }
    )
    operator = HealthSummaryOperator(task_id="summary", planned=[["well", "ill"], ["gone"]], also=["services"])
    assert operator.execute(context) == {
        "totals": {"Healthy": 2, "Progressing": 0, "Degraded": 1, "Missing": 1, "Unknown": 0},
        "not_healthy": [missing, health_result(ILL)],
    }


@pytest.mark.parametrize("planned", [None, [["well"], ["lost"]]], ids=["plan failed", "task lost"])
def test_a_lost_check_is_red(planned: Any) -> None:
    """The other results are still in XCom."""
    context = context_of({("check", LOOKS, 0): [health_result(WELL)]})
    with pytest.raises(AirflowFailException, match="a task ended without a result"):
        HealthSummaryOperator(task_id="summary", planned=planned).execute(context)
    assert "totals" in context["ti"].pushed["return_value"]


def test_a_self_test_that_passes_returns_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queues and the rest."""
    monkeypatch.setattr("hedgehog.airflow.self_test.checks", lambda: [SelfTestResult("database", True, "fine")])
    place = ReachQueueOperator(task_id="reach_kubernetes", queue="kubernetes").execute(context_of())
    context = context_of({("reach_kubernetes", "return_value", -1): place})
    assert SelfTestOperator(task_id="check", queues=["kubernetes"]).execute(context) == [
        {"check": "database", "passed": True, "text": "fine"},
        {"check": "queue kubernetes", "passed": True, "text": f"reached {place['host']}"},
    ]


def test_a_self_test_fails_naming_every_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue without a worker is one of them."""
    found = [SelfTestResult("database", True, "fine"), SelfTestResult("cluster k8s_a", False, "refused (401)")]
    monkeypatch.setattr("hedgehog.airflow.self_test.checks", lambda: found)
    said = (
        "2 of 3 checks failed: cluster k8s_a: refused \\(401\\); queue git_sync: no task ran within 0 s; start a worker"
    )
    with pytest.raises(AirflowFailException, match=said):
        SelfTestOperator(task_id="check", queues=["git_sync"], patience=0).execute(context_of())
