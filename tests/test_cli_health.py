"""`hedgehog health` and `hedgehog self-test` as people and scripts meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.fabric.health import Health, HealthSummary
from hedgehog.services.observe.self_test import SelfTestResult
from hedgehog.store import database as store_database
from hedgehog.store import health
from hedgehog.store.database import transaction
from hedgehog.store.fabrics import load_fabric, save_fabric
from hedgehog.store.health import HealthResult, Scope
from tests.cli.lab import ROOT, connection_uri, hedgehog

__all__ = ["connection_uri", "hedgehog"]

NOW = datetime.now(UTC) - timedelta(hours=3, minutes=20)


@pytest.fixture
def looked(hedgehog, database_parameters):
    """The command, with a fabric that no longer has a cluster, and earlier health results."""
    connection = store_database.connect(database_parameters)
    save_fabric(connection, "gen", {})
    ill = HealthSummary(Health.DEGRADED, ("switch leaf-1 must be rebooted", "switch leaf-2 has not reported yet"))
    looks = [
        HealthResult(Scope.FABRIC, "gen", ill, {"converged": True}, load_fabric(connection, "gen").id),
        HealthResult(Scope.SERVICE, "database", HealthSummary()),
    ]
    with transaction(connection) as cursor:
        for look in looks:
            health.record(cursor, look, run_id="run-1", now=NOW)
    connection.close()
    return hedgehog


def test_health_shows_the_last_result(looked):
    """One line per subject, with all reasons below; nothing is checked, so the status is 0."""
    status, out, err = looked("health")
    assert (status, err) == (0, "")
    assert [line.split() for line in out.splitlines()[:3]] == [
        ["WHAT", "NAME", "HEALTH", "SINCE", "CHECKED", "CONVERGED", "REASON"],
        ["fabric", "gen", "Degraded", "3h", "3h", "yes", "switch", "leaf-1", "must", "be", "rebooted"],
        ["service", "database", "Healthy", "3h", "3h", "-", "-"],
    ]
    assert out.splitlines()[3:] == [
        "",
        "gen:",
        "  switch leaf-1 must be rebooted",
        "  switch leaf-2 has not reported yet",
    ]


def test_reasons_that_differ_only_in_a_name_are_one_line(looked, database):
    """A fabric without its agents printed 65 near-identical lines; with --verbose it still does."""
    reasons = (*(f"switch leaf-{number} has not reported yet" for number in range(65)), "the database is full")
    with transaction(database) as cursor:
        look = HealthResult(Scope.SERVICE, "database", HealthSummary(Health.DEGRADED, reasons))
        health.record(cursor, look, run_id="run-2", now=NOW)
    lines = [line.strip() for line in looked("health")[1].splitlines()]
    shown = lines[lines.index("database:") + 1 :]
    assert shown == [
        f"{reasons[0]} (65 such: also leaf-1, leaf-2, leaf-3, leaf-4 and 60 more; --verbose shows all)",
        "the database is full",
    ]
    assert all(f"  {reason}" in looked("health", "--verbose")[1] for reason in reasons)


def test_health_as_json_has_stable_keys(looked):
    """For one fabric."""
    status, out, _ = looked("health", "gen", "--output", "json")
    (row,) = json.loads(out)
    assert (status, row["name"], row["health"], row["latency"]) == (0, "gen", "Degraded", None)
    assert row.keys() >= {"scope", "reasons", "facts", "since", "checked_at", "run_id"}


def test_a_check_runs_now_and_ends_with_1_if_something_is_unhealthy(looked, database_parameters, monkeypatch):
    """A fabric whose connection does not exist is Unknown, with the way to create it."""
    connection = store_database.connect(database_parameters)
    save_fabric(connection, "gen", {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_gen"})
    connection.close()
    monkeypatch.setenv("AIRFLOW_CONN_K8S_GEN", json.dumps({"conn_type": "generic"}))
    status, out, err = looked("health", "gen", "--check")
    assert (status, err) == (1, "")
    assert "connection k8s_gen has type 'generic'; it must be a kubernetes connection" in out


def test_an_unknown_fabric_is_refused_with_similar_names(looked):
    """As everywhere."""
    status, _, err = looked("health", "gne")
    assert status == 1
    assert "gen" in err


def test_a_self_test_shows_every_check_and_ends_with_1_when_one_failed(hedgehog, monkeypatch):
    """For people and for scripts."""
    found = [SelfTestResult("database", True, "fine"), SelfTestResult("cluster a", False, "refused")]
    monkeypatch.setattr("hedgehog.airflow.self_test.checks", lambda: found)
    status, out, _ = hedgehog("self-test")
    assert status == 1
    assert [line.split() for line in out.splitlines()] == [
        ["CHECK", "RESULT", "TEXT"],
        ["database", "passed", "fine"],
        ["cluster", "a", "FAILED", "refused"],
    ]
    monkeypatch.setattr("hedgehog.airflow.self_test.checks", lambda: found[:1])
    status, out, _ = hedgehog("self-test", "--output", "json")
    assert (status, json.loads(out)) == (0, [{"name": "database", "passed": True, "text": "fine"}])


def test_a_self_test_does_not_load_airflow(connection_uri):
    """Loading takes seconds, and only the connections of the environment are needed."""
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_CONN_HEDGEHOG_DB": connection_uri,
        "AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API": json.dumps(
            {"conn_type": "http", "host": "http://127.0.0.1:1", "login": "admin", "password": "not-asked"}
        ),
    }
    command = [sys.executable, "-X", "importtime", str(ROOT / "bin" / "hedgehog"), "self-test"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, "Airflow's API" in done.stdout) == (1, True), done.stderr[-2000:]
    assert " airflow.sdk" not in done.stderr
