"""Upstream's own fabrics, with the commands and DAGs that people use: imported, committed, applied, exported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from devstack.airflow import ROOT
from devstack.stack import CLUSTER, Stack
from hedgehog.fabric.canonical import differs
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.resources import collection_path, object_path
from hedgehog.store import fabrics
from tests.e2e.looks import git, live, run

FILES = (
    "githedgehog__nvidia-air-demo/include.yaml",
    "generated__hhfab-vlab/spineleaf-default.wiring.yaml",
    "generated__hhfab-vlab/gateway-1.wiring.yaml",
)


def hedgehog(stack: Stack, *arguments: str) -> str:
    """Run the `hedgehog` command against the stack and return its output."""
    command = [sys.executable, str(ROOT / "bin" / "hedgehog"), *arguments]
    done = subprocess.run(command, env=stack.airflow.variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def manifests(text: str) -> dict[ObjectRef, dict]:
    """The objects of a YAML stream that are Hedgehog's, as the API server takes them: with a namespace, without nulls."""
    found = {}
    for manifest in yaml.load_all(text, yaml.BaseLoader):
        if (
            manifest
            and manifest["apiVersion"].split("/")[0].endswith(".githedgehog.com")
            and manifest["kind"] != "Fabric"
        ):
            manifest["metadata"].setdefault("namespace", "default")
            found[ObjectRef.of(manifest)] = manifest["spec"]
    return found


@pytest.fixture(autouse=True)
def _an_empty_cluster(stack: Stack) -> None:
    """These fabrics share object names, and take over what they find: nothing else is there, and nobody brings it back."""
    for fabric in fabrics.load_fabrics(stack.database):
        fabrics.delete_fabric(stack.database, fabric.name)
    cluster = stack.cluster.connect()
    stack.airflow.wait(lambda: not sweep(stack, cluster), "the cluster to be empty")
    cluster.close()


def sweep(stack: Stack, cluster: Cluster) -> int:
    """Delete all objects of all kinds; how many there were."""
    found = live(stack, *KINDS)
    for ref in found:
        cluster.call("DELETE", "DELETE", object_path(KINDS[ref.kind], ref), subject=str(ref))
    return len(found)


@pytest.mark.parametrize("file", FILES, ids=[Path(file).name for file in FILES])
def test_a_real_fabric_is_imported_synced_and_exported_without_loss(
    stack: Stack, reference: Path, tmp_path: Path, file: str
) -> None:
    """Every object of the file is in Git and in the cluster, and the export equals it; the second run writes
    nothing."""
    source = reference / "samples" / file
    wanted = manifests(source.read_text())
    configuration = tmp_path / "fabric.yaml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "hedgehog-airflow/v1",
                "kind": "Fabric",
                "metadata": {"name": "real"},
                "spec": {
                    "git_repository": "network",
                    "git_directory": f"real/{source.stem}",
                    "git_sync_enabled": True,
                    "enable_k8s_sync": True,
                    "kubernetes_connection_id": CLUSTER,
                    "settings": {"enforced": False},  # some are wiring without addresses, as before an installation
                },
            }
        )
    )
    hedgehog(stack, "fabric", "import", str(configuration), str(source))
    stack.wait_in_sync("real")

    found = live(stack, *{ref.kind for ref in wanted})
    assert wanted.keys() <= found.keys()
    exported = hedgehog(stack, "fabric", "export", "real")
    assert manifests(exported) == wanted
    desired = [one for one in yaml.safe_load_all(exported) if one["kind"] in {ref.kind for ref in wanted}]
    assert [differs(one, found[ObjectRef.of(one)]) for one in desired if "spec" in one] == [[] for one in desired]
    head = git(stack, "rev-parse", "main")
    versions = {
        ref: item["metadata"]["resourceVersion"] for ref, item in live(stack, *{r.kind for r in wanted}).items()
    }

    for target in ("git", "kubernetes"):
        state, outcomes = run(stack, target, "real", force=True)
        assert (state, outcomes["real"]["status"]) == ("success", "skipped")

    assert git(stack, "rev-parse", "main") == head
    after = {ref: item["metadata"]["resourceVersion"] for ref, item in live(stack, *{r.kind for r in wanted}).items()}
    assert after == versions


def test_a_running_installation_is_taken_over_without_a_write(stack: Stack, reference: Path) -> None:
    """Objects that kubectl created are imported from the cluster; the first sync takes ownership and writes nothing."""
    source = reference / "samples" / FILES[1]
    cluster = stack.cluster.connect()
    wanted = manifests(source.read_text())
    for manifest in yaml.safe_load_all(source.read_text()):
        if manifest:
            namespace = manifest["metadata"].setdefault("namespace", "default")
            path = collection_path(KINDS[manifest["kind"]], namespace)
            cluster.call("POST", "POST", path, subject=manifest["kind"], body=manifest, idempotent=False)
    cluster.close()
    before = {ref: item["metadata"]["resourceVersion"] for ref, item in live(stack, *{r.kind for r in wanted}).items()}

    hedgehog(stack, "fabric", "import", "--from-cluster", CLUSTER, "--fabric", "real", "--set", "enable_k8s_sync=true")
    stack.wait_in_sync("real")

    shown = json.loads(hedgehog(stack, "fabric", "show", "real", "--output", "json"))
    assert {str(ref) for ref in wanted} <= set(shown["object_refs"])
    after = {ref: item["metadata"]["resourceVersion"] for ref, item in live(stack, *{r.kind for r in wanted}).items()}
    assert {ref: after[ref] for ref in wanted} == {ref: before[ref] for ref in wanted}


def test_the_airflow_command_of_the_readme_works(stack: Stack) -> None:
    """`airflow dags trigger hedgehog_git_sync --conf …`, word for word except for the fabric's name."""
    stack.add_fabric("real", git_directory="real/by-command")
    stack.wait_in_sync("real")
    readme = (ROOT / "README.md").read_text()
    line = next(line.strip() for line in readme.splitlines() if "dags trigger hedgehog_git_sync" in line)
    _, _, conf = line.partition("--conf ")
    conf = conf.strip("'").replace("fabric-1", "real")
    assert json.loads(conf) == {"fabrics": ["real"], "force": True}
    done = stack.airflow.command("dags", "trigger", "hedgehog_git_sync", "--conf", conf, "--output", "json")
    run_id = json.loads(done.stdout[done.stdout.index("[{") :])[0]["dag_run_id"]

    assert stack.airflow.finished("hedgehog_git_sync", run_id) == "success"
    log = stack.airflow.log("hedgehog_git_sync", run_id, "summary")
    assert "real → git: skipped; nothing changed" in log or "nothing changed" in log


def test_an_unknown_fabric_name_fails_at_once_with_a_hint(stack: Stack) -> None:
    """A typing mistake is not a silent success."""
    stack.add_fabric("real", git_directory="real/by-command")
    run_id = stack.airflow.trigger("hedgehog_git_sync", fabrics=["raal"])
    assert stack.airflow.finished("hedgehog_git_sync", run_id) == "failed"
    assert "did you mean real?" in stack.airflow.log("hedgehog_git_sync", run_id, "plan")
