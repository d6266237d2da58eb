"""Upstream's own fabrics, with the commands and DAGs that people use: imported, committed, applied, exported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from devstack import unhydrated
from devstack.admission_webhook import admission_webhook
from devstack.airflow import ROOT
from devstack.stack import CLUSTER, Stack
from hedgehog.fabric.canonical import differs
from hedgehog.fabric.fabricator import read_fabricator
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import ensure_namespace
from hedgehog.kube.resources import collection_path, object_path
from hedgehog.store import fabrics
from tests.e2e.looks import git, live, run

SAMPLES = {
    "air": ("githedgehog__nvidia-air-demo/config.yaml", "githedgehog__nvidia-air-demo/include.yaml"),
    "spineleaf": (
        "generated__hhfab-vlab/spineleaf-default.fab.yaml",
        "generated__hhfab-vlab/spineleaf-default.wiring.yaml",
    ),
    "gateway": ("generated__hhfab-vlab/gateway-1.fab.yaml", "generated__hhfab-vlab/gateway-1.wiring.yaml"),
}
"""fab.yaml and wiring; the first has its addresses, the others have none."""
LARGE = {"spines": 4, "leaves": 64, "gateways": 2, "servers": 500}


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
    ensure_namespace(cluster, "fab")  # as Hedgehog's installer does
    stack.airflow.wait(lambda: not sweep(stack, cluster), "the cluster to be empty")
    cluster.close()


def sweep(stack: Stack, cluster: Cluster) -> int:
    """Delete all objects of all kinds; how many there were."""
    found = live(stack, *KINDS)
    for ref in found:
        cluster.call("DELETE", "DELETE", object_path(KINDS[ref.kind], ref), subject=str(ref))
    return len(found)


@pytest.fixture(params=[*SAMPLES, "large"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory as hhfab has it."""
    if request.param == "large":
        unhydrated.write(tmp_path, unhydrated.make_fab(gateways=LARGE["gateways"]), unhydrated.make_wiring(**LARGE))
        return tmp_path
    reference: Path = request.getfixturevalue("reference")
    fab, wiring = (reference / "samples" / file for file in SAMPLES[request.param])
    (tmp_path / "include").mkdir()
    (tmp_path / "fab.yaml").write_bytes(fab.read_bytes())
    (tmp_path / "include" / "wiring.yaml").write_bytes(wiring.read_bytes())
    return tmp_path


def test_a_fabric_goes_from_its_files_to_git_and_a_cluster_without_a_refusal(stack: Stack, directory: Path) -> None:
    """The cluster refuses as upstream's does. Every object of the files is in Git and in the cluster, with its addresses;
    the export has all of it; the second run writes nothing."""
    wanted = manifests((directory / "include" / "wiring.yaml").read_text())
    settings = {
        "git_repository": "network",
        "git_directory": f"real/{directory.name}",
        "git_sync_enabled": "true",
        "enable_k8s_sync": "true",
        "kubernetes_connection_id": CLUSTER,
    }
    options = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
    fabricator = yaml.safe_load_all((directory / "fab.yaml").read_text())
    rules, _ = read_fabricator(next(one for one in fabricator if one["kind"] == "Fabricator"))
    with admission_webhook(stack.cluster, rules) as webhook:
        hedgehog(stack, "fabric", "import", "--fabric", "real", *options, str(directory))
        stack.wait_in_sync("real", limit=600)
        assert webhook.refusals == []
        assert sum(webhook.calls.values()) > len(wanted)

        found = live(stack, *{ref.kind for ref in wanted})
        assert wanted.keys() <= found.keys()
        assert all(one["spec"]["asn"] for ref, one in found.items() if ref.kind in ("Switch", "Gateway"))
        exported = hedgehog(stack, "fabric", "export", "real")
        assert [ref for ref, spec in manifests(exported).items() if not holds(wanted.get(ref), spec)] == []
        desired = [one for one in yaml.safe_load_all(exported) if one["kind"] in {ref.kind for ref in wanted}]
        assert [one for one in desired if "spec" in one and differs(one, found[ObjectRef.of(one)])] == []
        head, versions = git(stack, "rev-parse", "main"), resource_versions(stack, wanted)
        for target in ("git", "kubernetes"):
            state, outcomes = run(stack, target, "real", force=True)
            assert (state, outcomes["real"]["status"]) == ("success", "skipped")
        assert (git(stack, "rev-parse", "main"), resource_versions(stack, wanted)) == (head, versions)
        assert webhook.refusals == []


def holds(part: object, whole: object) -> bool:
    """Whether everything in *part* is in *whole*, which may have more."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(holds(value, whole.get(name)) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        return all(map(holds, part, whole))
    return part in (None, {}) or part == whole


def resource_versions(stack: Stack, refs: Iterable[ObjectRef]) -> dict[ObjectRef, str]:
    """What a write to the cluster would change."""
    found = live(stack, *{ref.kind for ref in refs})
    return {ref: item["metadata"]["resourceVersion"] for ref, item in found.items()}


def test_a_running_installation_is_taken_over_without_a_write(stack: Stack, reference: Path) -> None:
    """Objects that kubectl created are imported from the cluster; the first sync takes ownership and writes nothing."""
    source = reference / "samples" / SAMPLES["spineleaf"][1]
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

    stack.airflow.succeed("hedgehog_git_sync", run_id)
    log = stack.airflow.log("hedgehog_git_sync", run_id, "summary")
    assert "real → git: skipped; nothing changed" in log or "nothing changed" in log


def test_an_unknown_fabric_name_fails_at_once_with_a_hint(stack: Stack) -> None:
    """A typing mistake is not a silent success."""
    stack.add_fabric("real", git_directory="real/by-command")
    run_id = stack.airflow.trigger("hedgehog_git_sync", fabrics=["raal"])
    assert stack.airflow.finished("hedgehog_git_sync", run_id) == "failed"
    assert "did you mean real?" in stack.airflow.log("hedgehog_git_sync", run_id, "plan")
