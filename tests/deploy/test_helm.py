"""`deploy/helm/values.yaml`: real settings, the image's Airflow, workers for every queue."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgehog.airflow.defaults import TASK_TIMEOUT
from hedgehog.airflow.names import POOLS
from tests.deploy.settings import of_environment, unknown

ROOT = Path(__file__).resolve().parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "helm" / "values.yaml").read_text())
CELERY = VALUES["workers"]["celery"]
CHART = "HEDGEHOG_AIRFLOW_CHART"


def variables(worker_set: dict[str, Any]) -> dict[str, str]:
    """The environment of a worker set."""
    return {entry["name"]: entry["value"] for entry in worker_set["env"]}


def test_every_queue_has_a_worker_set_with_as_many_processes_as_its_pool_has_slots() -> None:
    """More would wait for a slot, fewer would leave slots unused."""
    processes = {
        it["queue"]: it["replicas"] * int(variables(it)["AIRFLOW__CELERY__WORKER_CONCURRENCY"]) for it in CELERY["sets"]
    }
    assert processes == {name: slots for name, (slots, _) in POOLS.items()}
    assert CELERY["enableDefault"] is False


def test_the_names_of_worker_sets_are_valid_kubernetes_names() -> None:
    """The chart uses them in the names of Deployments."""
    names = [it["name"] for it in CELERY["sets"]]
    assert [name for name in names if not re.fullmatch(r"[a-z]([-a-z]*[a-z])?", name)] == []
    assert len(set(names)) == len(names)


def test_every_setting_is_one_that_airflow_reads() -> None:
    """Checked against the descriptions of the installed Airflow and its providers."""
    settings = [(section, option) for section, options in VALUES["config"].items() for option in options]
    settings += [it for worker_set in CELERY["sets"] for it in of_environment(variables(worker_set))]
    assert unknown(settings) == []


def test_the_values_are_for_the_pinned_airflow_and_our_version() -> None:
    """The chart renders according to this number."""
    (pinned,) = re.findall(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    (version,) = re.findall(r'^version = "(\S+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert VALUES["airflowVersion"] == pinned
    assert VALUES["images"]["airflow"]["tag"] == version


def test_no_task_takes_longer_than_the_deployment_allows() -> None:
    """Otherwise a message would be delivered again, or a worker killed, while its task runs."""
    seconds = TASK_TIMEOUT.total_seconds()
    assert int(VALUES["config"]["celery_broker_transport_options"]["visibility_timeout"]) > seconds
    assert CELERY["terminationGracePeriodSeconds"] > seconds


def test_the_migration_prepares_the_fabric_database_and_the_pools() -> None:
    """Before any task can run: a missing pool would keep its tasks waiting."""
    (command,) = VALUES["migrateDatabaseJob"]["args"][2:]
    assert [command.index(part) for part in ("airflow db migrate", "hedgehog migrate", "hedgehog setup")] == sorted(
        command.index(part) for part in ("airflow db migrate", "hedgehog migrate", "hedgehog setup")
    )


def test_no_secret_is_in_the_file() -> None:
    """Secrets are referred to by name."""
    text = (ROOT / "deploy" / "helm" / "values.yaml").read_text()
    assert re.findall(r"(?i)^\s*(?:pass|password|token|\w*key)\s*:\s*\S+", text, re.MULTILINE) == []


def test_every_component_has_requests_and_limits() -> None:
    """Without them a busy neighbour starves the scheduler, and a leak takes down the node. Sidecars have them, too."""
    parts = {
        name: VALUES[name] for name in ("scheduler", "dagProcessor", "triggerer", "apiServer", "migrateDatabaseJob")
    }
    parts |= {name: VALUES[name] for name in ("redis", "statsd")} | {it["name"]: it for it in CELERY["sets"]}
    with_groomer = ("scheduler", "dagProcessor", "triggerer", "workers")
    parts |= {f"log groomer of {name}": VALUES[name]["logGroomerSidecar"] for name in with_groomer}
    found = {
        name: (part["resources"]["requests"].keys(), part["resources"]["limits"].keys()) for name, part in parts.items()
    }
    assert found == dict.fromkeys(parts, ({"cpu", "memory"}, {"memory"}))


def test_backups_outlive_the_pod() -> None:
    """The workers of their queue write them to a claimed volume."""
    (workers,) = [it for it in CELERY["sets"] if it["queue"] == "maintenance"]
    (volume,), (mount,) = workers["extraVolumes"], workers["extraVolumeMounts"]
    claim = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "backups.yaml").read_text())
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert (mount["name"], mount["mountPath"]) == (volume["name"], VALUES["config"]["hedgehog"]["backup_directory"])


def test_no_container_gains_a_privilege() -> None:
    """Neither root nor a capability, and no way to gain them."""
    contexts = VALUES["securityContexts"]
    assert contexts["containers"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert contexts["pod"]["runAsNonRoot"] is True


def test_the_chart_accepts_the_values(request: pytest.FixtureRequest) -> None:
    """Checked against the official chart's values.schema.json: of an unpacked chart, or of the reference data."""
    import jsonschema

    unpacked = os.environ.get(CHART)
    folder = Path(unpacked) if unpacked else request.getfixturevalue("reference") / "helm"
    schema = json.loads((folder / "values.schema.json").read_text())
    errors = jsonschema.Draft7Validator(schema).iter_errors(VALUES)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
