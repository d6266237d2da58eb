"""`hedgehog setup` creates what is missing, tries every connection, and explains what is wrong."""

from __future__ import annotations

import argparse
import json
from typing import Any

import psycopg2
import pytest
from sqlalchemy.exc import OperationalError

from hedgehog.airflow import setup
from hedgehog.airflow.names import POOLS
from hedgehog.errors import PermissionDenied, RemoteUnavailable
from hedgehog.store import database as store_database
from hedgehog.store import fabrics as fabric_store


class FakeAirflow:
    """The client of an Airflow with some pools."""

    def __init__(self, pools: list[str]) -> None:
        self.pools = {name: "1" for name in ["default_pool", *pools]}

    def get_pools(self) -> list[tuple[Any, ...]]:
        """Rows as Airflow's client gives them: the name first."""
        return [(name, slots, "", False, None) for name, slots in self.pools.items()]

    def create_pool(self, *, name: str, slots: int, description: str, include_deferred: bool) -> None:
        """Make a pool."""
        assert description
        self.pools[name] = str(slots)


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> FakeAirflow:
    """An Airflow that has all our pools."""
    found = FakeAirflow(list(POOLS))
    monkeypatch.setattr(setup, "_airflow_client", lambda: found)
    return found


def run(*arguments: str) -> int:
    """`hedgehog setup ARGUMENTS`."""
    parser = argparse.ArgumentParser()
    setup.add_arguments(parser)
    return setup.run(parser.parse_args(arguments))


def save_fabric(parameters: dict[str, Any], **settings: Any) -> None:
    """Add a fabric with a repository that does not exist."""
    connection = store_database.connect(parameters)
    fabric_store.save_repository(connection, "network", {"url": "file:///nowhere/fabrics.git"})
    fabric_store.save_fabric(connection, "fabric-1", settings)
    connection.close()


def test_a_wrong_setting_is_a_problem_and_the_rest_is_still_checked(airflow, fabric_database, monkeypatch, capsys):
    """A mistyped name is found without waiting for a run."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMOUT", "7200")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__LOG_KEEP", "few")
    assert run("--check") == 1
    shown = capsys.readouterr().out
    assert "PROBLEM  settings: [hedgehog] has 'git_timout', which is not a setting; did you mean git_timeout?" in shown
    assert "PROBLEM  settings: [hedgehog] log_keep is 'few'; it must be a whole number of logs, 0 or more" in shown
    assert "ok  pools" in shown


def test_missing_pools_are_created_with_their_slots(airflow, fabric_database, capsys):
    """Existing pools keep their slots."""
    airflow.pools = {"default_pool": "128", "git_sync": "99"}
    assert run() == 0
    slots = {name: str(slots) for name, (slots, _) in POOLS.items()}
    assert airflow.pools == {"default_pool": "128", **slots, "git_sync": "99"}
    assert "created  pool kubernetes with 8 slots" in capsys.readouterr().out


def test_a_second_run_changes_nothing(airflow, fabric_database, capsys):
    """It is for every deployment, not only for the first."""
    assert run() == 0
    pools = dict(airflow.pools)
    capsys.readouterr()
    assert run() == 0
    assert airflow.pools == pools
    assert "created" not in capsys.readouterr().out


def test_a_check_names_what_is_missing_and_creates_nothing(airflow, fabric_database, capsys):
    """For those who want to know before they change anything."""
    airflow.pools = {"default_pool": "128"}
    assert run("--check") == 1
    assert airflow.pools == {"default_pool": "128"}
    assert f"pools missing: {', '.join(sorted(POOLS))}; run `hedgehog setup`" in capsys.readouterr().out


def test_a_check_leaves_an_empty_database_empty(airflow, postgres, monkeypatch, capsys):
    """Creating tables is a change."""
    parameters = postgres.database("hedgehog_unmigrated")
    connection = {"conn_type": "postgres", "host": parameters["host"], "login": parameters["user"]}
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", json.dumps({**connection, "schema": "hedgehog_unmigrated"}))
    assert run("--check") == 1
    assert "fabric database" in capsys.readouterr().out
    person = psycopg2.connect(**parameters)
    with person.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace('hedgehog')")
        assert cursor.fetchone() == (None,)
    person.close()
    postgres.drop("hedgehog_unmigrated")


def test_an_unreachable_database_is_a_problem_and_the_rest_is_still_checked(airflow, monkeypatch, capsys):
    """One run reports everything that must be corrected, and no secret."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "postgres://ada:s3cr3t-word@/none?host=%2Fnowhere")
    airflow.pools = {"default_pool": "128"}
    assert run("--check") == 1
    shown = capsys.readouterr().out
    assert "PROBLEM  fabric database:" in shown
    assert "PROBLEM  pools missing:" in shown
    assert "not ready  2 problems" in shown
    assert "s3cr3t-word" not in shown


def test_an_airflow_without_a_database_is_a_problem_with_advice(fabric_database, monkeypatch, capsys):
    """Its database is probably not migrated; the driver's error may show the URL and is not repeated."""

    class Broken(FakeAirflow):
        def get_pools(self) -> list[tuple[Any, ...]]:
            raise OperationalError("SELECT", {}, Exception("could not connect as ada:s3cr3t-word"))

    monkeypatch.setattr(setup, "_airflow_client", lambda: Broken([]))
    assert run() == 1
    shown = capsys.readouterr().out
    assert "PROBLEM  pools: Airflow's own database cannot be used (OperationalError); run `airflow db check`" in shown
    assert "s3cr3t-word" not in shown


def test_every_repository_and_cluster_is_tried(airflow, fabric_database, monkeypatch, tmp_path, capsys):
    """A wrong URL or a missing connection is found now, not at the first sync."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER_A", json.dumps({"conn_type": "generic"}))
    save_fabric(fabric_database, enable_k8s_sync=True, kubernetes_connection_id="cluster_a")
    assert run() == 1
    shown = capsys.readouterr().out
    assert "PROBLEM  git repository network:" in shown
    assert "PROBLEM  cluster cluster_a: connection cluster_a has type 'generic'" in shown


def test_a_cluster_that_no_fabric_uses_is_not_tried(airflow, fabric_database, monkeypatch, tmp_path, capsys):
    """A connection that is prepared for later may be incomplete."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path))
    save_fabric(fabric_database, enable_k8s_sync=False, kubernetes_connection_id="cluster_a")
    run()
    assert "cluster_a" not in capsys.readouterr().out


class FakeApi:
    """An API server that has parsed some DAGs."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __enter__(self) -> FakeApi:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def get(self, path: str, parameters: dict[str, Any]) -> Any:
        """The list of DAGs, or the error."""
        assert (path, parameters["tags"]) == ("/dags", "hedgehog")
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"dags": self.answer}


def dag(dag_id: str, *, paused: bool = False, broken: bool = False) -> dict[str, Any]:
    """A DAG as the API lists it."""
    return {"dag_id": dag_id, "is_paused": paused, "has_import_errors": broken}


@pytest.mark.parametrize(
    ("change", "said", "status"),
    [
        (lambda found: found, "ok  DAGs: {n} parsed, none paused", 0),
        (lambda found: found[1:], "PROBLEM  DAGs not parsed: {first}; check dags_folder", 1),
        (lambda found: [dag("hedgehog_x", broken=True), *found], "PROBLEM  DAGs with errors: hedgehog_x; see", 1),
        (
            lambda found: [dag("hedgehog_x", paused=True), *found],
            "PROBLEM  DAGs paused: hedgehog_x; run `airflow dags",
            1,
        ),
        (
            lambda found: RemoteUnavailable("Airflow's API is unreachable"),
            "skipped  DAGs: Airflow's API is unreachable; start",
            0,
        ),
        (lambda found: PermissionDenied("not allowed"), "PROBLEM  DAGs: not allowed", 1),
    ],
    ids=["all well", "not parsed", "broken", "paused", "not started yet", "not allowed"],
)
def test_a_check_ends_with_the_dags(airflow, fabric_database, monkeypatch, capsys, change, said, status):
    """The last step of the start-up: database, pools, connections, DAGs."""
    ids = sorted(path.stem for path in setup.DAGS.glob("hedgehog_*.py"))
    answer = change([dag(dag_id) for dag_id in ids])
    monkeypatch.setattr("hedgehog.airflow.adapters.rest.open_api", lambda: FakeApi(answer))
    assert run("--check") == status
    shown = capsys.readouterr().out
    assert said.format(n=len(ids), first=ids[0]) in shown
    assert shown.index("fabric database") < shown.index("pools: git_sync") < shown.index("DAGs")


def test_without_a_connection_to_the_api_the_dags_are_not_checked(airflow, fabric_database, monkeypatch, capsys):
    """The check says what it needs for that."""
    monkeypatch.setattr("hedgehog.airflow.adapters.rest.open_api", lambda: None)
    assert run("--check") == 0
    assert "skipped  DAGs: not checked; create a connection hedgehog_airflow_api" in capsys.readouterr().out
