"""The demo: its environment file, and the stand-ins for a Git host's pages and for switches."""

from __future__ import annotations

import stat
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from devstack import agents, demo
from devstack.airflow import Airflow
from devstack.git_server import GitServer, Person
from devstack.objects import make
from devstack.postgres import Postgres
from hedgehog.airflow.links import commit_page, directory_page
from hedgehog.fabric.model import GitRepository
from hedgehog.kube.apply import apply
from hedgehog.kube.client import Cluster
from hedgehog.kube.health import read_facts
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]


_NO_FABRICS = "there are no fabrics; `hedgehog fabric import` creates one"


def read(url: str) -> str:
    """The page at *url*."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def test_the_buttons_of_a_task_lead_to_pages(tmp_path: Path) -> None:
    """A commit with its changes, and a directory whose files can be opened; nothing in them is interpreted as HTML."""
    with GitServer(tmp_path / "host") as server:
        server.create("demo")
        files = {"fabrics/lab/fabric.yaml": "kind: Fabric\n", "fabrics/lab/<b>.yaml": "a: <script>\n"}
        commit = Person(tmp_path / "ada", server.url("demo")).commit(files, "Say <hello>")
        repository = GitRepository(1, "demo", server.url("demo"), host="github")
        shown = read(commit_page(repository, commit) or "")
        assert "Say &lt;hello&gt;" in shown
        assert "+a: &lt;script&gt;" in shown
        listing = read(directory_page(repository, "fabrics/lab") or "")
        assert "&lt;b&gt;.yaml" in listing
        assert "kind: Fabric" in read(f"{server.url('demo').removesuffix('.git')}/blob/main/fabrics/lab/fabric.yaml")
        for nothing in ("/demo/commit/0000000", "/demo/tree/main/nowhere", "/other", "/demo/commit/--output=x"):
            with pytest.raises(urllib.error.HTTPError):
                read(f"http://127.0.0.1:{server.port}{nothing}")


def test_every_switch_and_gateway_has_a_reporting_agent(api: Cluster) -> None:
    """Agents that have applied their current generation; they are removed with their object."""
    switch = make("Switch", "leaf-1", {"role": "server-leaf", "asn": 65101})
    results = apply(api, [[switch, make("Gateway", "gw-1", {"asn": 65534})]])
    assert [result.error for result in results.values()] == [None, None]
    for _ in range(2):
        agents.report(api)
    facts = read_facts(api, [], [])
    (leaf,), (gateway,) = facts.agents or (), facts.gateway_agents or ()
    assert (leaf.name, leaf.role, leaf.is_current, gateway.name, gateway.is_current) == (
        "leaf-1",
        "server-leaf",
        True,
        "gw-1",
        True,
    )
    assert leaf.heartbeat is not None
    path = "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/switches/leaf-1"
    api.call("DELETE", "DELETE", path, subject="leaf-1")
    agents.report(api)
    after = read_facts(api, [], [])
    assert (len(after.agents or ()), len(after.gateway_agents or ())) == (0, 1)


def test_a_shell_that_sources_the_demo_environment_has_its_commands(
    tmp_path: Path, postgres: Postgres, database_parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an empty environment, in any directory. The file has passwords, so only its owner can read it, and it is
    deleted with the demo."""
    file = tmp_path / "environment"
    monkeypatch.setattr(demo, "STATE", tmp_path)
    monkeypatch.setattr(demo, "ENVIRONMENT", file)
    with ExitStack() as stack:
        running = demo.Demo(stack)
        uri = postgres.uri(database_parameters["dbname"])
        running.airflow = Airflow(tmp_path / "airflow", "sqlite://", {"AIRFLOW_CONN_HEDGEHOG_DB": uri})
        running.write_environment()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        command = f"source {file}; command -v airflow; hedgehog fabric list"
        shell = ["env", "-i", f"HOME={tmp_path}", "PATH=/usr/bin:/bin", "bash", "-c", command]
        done = subprocess.run(shell, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(Path(sys.executable).parent / "airflow"), _NO_FABRICS]
    assert not file.exists()
