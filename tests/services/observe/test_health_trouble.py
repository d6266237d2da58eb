"""One fabric's or cluster's trouble, foreseen or not, costs no other fabric its health."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from devstack.objects import make_server
from hedgehog.errors import NotFound
from hedgehog.kube.client import Cluster
from hedgehog.services.observe import health_rules
from hedgehog.services.observe.health import check_fabrics
from hedgehog.services.observe.health_rules import Assessment, FabricContext
from hedgehog.store.circuits import FAILURES, RECOVERY
from hedgehog.store.database import connect
from hedgehog.store.health import HealthResult
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import world
from tests.services.observe.ward import HEALTHY, SECOND, UNKNOWN, Ward, ward, with_switches

__all__ = ["api", "cluster", "ward", "world"]


def looks(ward: Ward, **options: object) -> dict[str, tuple[object, str]]:
    """What a check of both fabrics says, and what is stored of it."""
    ward.found("lab", "other", **options)
    rows = {name: ward.row(name) for name in ("lab", "other")}
    return {name: (row.health, " ".join(row.reasons)) for name, row in rows.items()}


def test_a_cluster_that_fails_in_an_unexpected_way_is_unknown_alone(ward: Ward) -> None:
    """Whatever the library that opens it raises."""
    ward.world.fabric("other", make_server("b"), kubernetes_connection_id="k8s_b")

    def open_cluster(connection_id: str) -> Cluster:
        if connection_id == "k8s_b":
            raise ValueError("port is not a number")
        return ward.world.dev.connect(name=connection_id)

    found = looks(ward, open_cluster=open_cluster)
    assert found["lab"][0] is HEALTHY
    assert found["other"][0] is UNKNOWN
    assert found["other"][1].startswith("unforeseen ValueError in services/observe/health.py")


def test_a_fabric_that_cannot_be_judged_is_unknown_alone(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though both share one look at their cluster."""
    ward.world.fabric("other", make_server("b"))
    judge = health_rules.assess

    def broken(known: FabricContext, facts: object, now: datetime) -> Assessment:
        if known.fabric.name == "other":
            raise KeyError("role")
        return judge(known, facts, now)  # type: ignore[arg-type]

    monkeypatch.setattr(health_rules, "assess", broken)
    found = looks(ward)
    assert found["lab"][0] is HEALTHY
    assert found["other"][0] is UNKNOWN
    assert found["other"][1].startswith("its health could not be judged: unforeseen KeyError")


def test_a_look_that_cannot_be_stored_is_unknown_alone(ward: Ward) -> None:
    """A switch may say what PostgreSQL cannot hold."""
    with_switches(ward, "leaf-1")
    ward.world.fabric("other", make_server("b"))
    ward.agent("leaf-1", spec={"role": "server-leaf", "version": {"default": "1"}}, version="\0")
    found = looks(ward)
    assert found["lab"][0] is UNKNOWN
    assert "cannot be stored" in found["lab"][1]
    assert found["other"][0] is HEALTHY


def test_the_circuit_opens_after_failures_and_lets_one_check_through_later(ward: Ward, tmp_path: Path) -> None:
    """Closed, open, half-open; whoever comes next to the one try is refused."""
    opened = []

    def refuse(connection_id: str) -> Cluster:
        opened.append(connection_id)
        raise NotFound("no such connection")

    for _ in range(FAILURES):
        assert ward.found(open_cluster=refuse) == (UNKNOWN, ("no such connection",))
        ward.clock += SECOND
    told = f"k8s_a is not asked: {FAILURES} failures in a row; it is retried 60 s after the last: no such connection"
    assert ward.found(open_cluster=refuse) == (UNKNOWN, (told,))
    assert len(opened) == FAILURES
    ward.clock += RECOVERY
    assert ward.found(open_cluster=refuse) == (UNKNOWN, ("no such connection",))
    assert ward.found() == (UNKNOWN, (told.replace("5 failures", "6 failures"),))
    ward.clock += RECOVERY
    assert ward.found() == (HEALTHY, ())
    assert ward.found(open_cluster=refuse) == (UNKNOWN, ("no such connection",))


def test_a_circuit_is_shared_by_all_workers_and_belongs_to_one_fabric(
    ward: Ward, database_parameters: dict[str, Any]
) -> None:
    """What five workers found, each with a connection of its own, the sixth knows; another fabric is asked as ever."""
    ward.world.fabric("other")

    def refuse(connection_id: str) -> Cluster:
        raise NotFound("no such connection")

    def by_another_worker(name: str, **options: Any) -> HealthResult:
        connection = connect(database_parameters)
        try:
            return check_fabrics(connection, (name,), run_id="run-1", now=lambda: ward.clock, **options)[-1]
        finally:
            connection.close()

    for _ in range(FAILURES):
        by_another_worker("lab", open_cluster=refuse)
        ward.clock += SECOND
    assert "is not asked" in by_another_worker("lab", open_cluster=refuse).summary.reasons[0]
    assert ward.look("other").summary.health is HEALTHY
