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
    status, out, err = command("pull", "--output", "json")
    assert (status, json.loads(out)[0]["fabrics"][0]["counts"]["created"]) == (0, 1), err
    push(lab, "c", 1003)
    status, out, err = command("pull", "net", "--output", "json")
    assert (status, json.loads(out)[0]["fabrics"][0]["counts"]["created"]) == (0, 1), err


def test_the_plan_of_a_change_is_committed(lab, command, tmp_path):
    """Exactly once, and taken in as everything that is pushed."""
    push(lab, "a", 1001)
    command("pull")
    _, text, _ = command("object", "get", "lab", "vpc/a")
    (tmp_path / "a.yaml").write_text(text.replace("1001", "1011"))
    plan = json.loads(command("plan", "lab", tmp_path / "a.yaml", "--output", "json")[1])["id"]
    status, out, err = command("apply", plan, "--reason", "CHG-7")
    assert (status, out.splitlines()[:4]) == (
        0,
        [
            f"plan {plan} was carried out in the Git repository of lab",
            "  VPC/default/a configured",
            "1 file was written in Git",
            "  fabrics/lab/a.yaml",
        ],
    ), err
    assert command("apply", plan)[1].splitlines()[-1] == "Git has it already; `hedgehog pull` takes it in at once"
    command("pull")
    assert "1011" in command("object", "get", "lab", "vpc/a")[1]
    status, _, err = command("apply", plan)
    assert (status, "no longer holds" in err) == (1, True)


def test_a_directory_of_a_repository_is_imported(lab, command):
    """Its head is read at once; a problem is status 1, and options that do not go together are refused."""
    vpc = make_vpc("a", 1001)
    vpc["spec"]["subnets"]["default"]["subnet"] = "10.10.1.0/24"
    lab.person().commit({"prod/n.yaml": WIRING.read_text(), "prod/a.yaml": yaml.safe_dump(vpc)})
    given = ("fabric", "import", "prod", "--from-git", lab.host.url("net"), "--path", "prod")
    status, out, err = command(*given, "--dry-run")
    assert (status, "fabric prod: created" in out, out.splitlines()[-1]) == (0, True, "dry run: nothing was changed"), (
        err
    )
    status, out, err = command(*given, "--output", "json")
    assert (status, json.loads(out)["counts"]["VPC"]) == (0, 1), err
    assert command(*given, "--replace")[0] == 2
    assert command(*given[:-2])[0] == 2
    lab.person().commit({"prod/b.yaml": "kind: Strange\napiVersion: vpc.githedgehog.com/v1beta1\n"})
    status, out, err = command(*given)
    assert (status, "1 problem:" in out, "prod/b.yaml:1:1" in out) == (1, True, True), out + err


def test_what_is_unknown_is_reported_and_a_failure_is_status_1(lab, command):
    """As every command does."""
    status, out, err = command("pull", "nothing")
    assert (status, out) == (1, "")
    assert "there is no repository 'nothing'; `hedgehog repository list` shows what there is" in err
    assert "there is no repository 'nte'; did you mean net?" in command("pull", "nte")[2]
    status, out, _ = command("pull")
    assert (status, "the branch does not exist" in out) == (1, True)
