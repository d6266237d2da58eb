"""`hedgehog pull`: look at repositories now, without Airflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.services.git.sync_lab import Lab, make_vpc, open_lab

WIRING = Path(__file__).resolve().parents[2] / "examples" / "gen" / "namespaces.yaml"


@pytest.fixture
def lab(database, database_parameters, tmp_path, monkeypatch):
    """A fabric that follows Git; the command finds its database."""
    uri = (
        f"postgres://{database_parameters['user']}@/{database_parameters['dbname']}?host={database_parameters['host']}"
    )
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", uri.replace("/tmp", "%2Ftmp"))
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 0, source_of_truth="git")
        yield lab


def push(lab: Lab, name: str, vlan: int) -> None:
    """Somebody pushes a VPC."""
    vpc = {**make_vpc(name, vlan)}
    vpc["spec"]["subnets"]["default"]["subnet"] = f"10.10.{vlan % 250}.0/24"
    lab.person().commit({"fabrics/lab/n.yaml": WIRING.read_text(), f"fabrics/lab/{name}.yaml": yaml.safe_dump(vpc)})


def test_what_was_pushed_is_taken_in_at_once(lab, command):
    """Also right after the last look."""
    push(lab, "a", 1001)
    assert command("pull")[0] == 0
    push(lab, "b", 1002)
    status, out, err = command("pull", "net", "--output", "json")
    assert (status, json.loads(out)[0]["fabrics"][0]["counts"]["created"]) == (0, 1), err


def test_what_is_unknown_is_reported_and_a_failure_is_status_1(lab, command):
    """As every command does."""
    status, out, err = command("pull", "nothing")
    assert (status, out) == (1, "")
    assert "there is no repository 'nothing'; `hedgehog repository list` shows what there is" in err
    assert "there is no repository 'nte'; did you mean net?" in command("pull", "nte")[2]
    status, out, _ = command("pull")
    assert (status, "the branch does not exist" in out) == (1, True)
