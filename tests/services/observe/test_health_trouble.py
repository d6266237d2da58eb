"""One fabric's or cluster's trouble, foreseen or not, costs no other fabric its health."""

from __future__ import annotations

from datetime import datetime

import pytest

from devstack.objects import make_server
from hedgehog.kube.client import Cluster
from hedgehog.services.observe import health_rules
from hedgehog.services.observe.health_rules import Assessment, FabricContext
from tests.kube.clusters import api, cluster
from tests.services.kubernetes.worlds import world
from tests.services.observe.ward import HEALTHY, UNKNOWN, Ward, ward, with_switches

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
