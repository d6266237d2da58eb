"""`hedgehog validate` and `hedgehog schemas diff` as people and scripts meet them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import unhydrated
from hedgehog.store import database as store_database
from hedgehog.store.fabrics import load_fabric, save_fabric
from hedgehog.store.objects import save_objects
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "gen"
VPC = """\
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata:
  name: {name}
spec:
  subnets:
    default: {{subnet: {subnet}, vlan: {vlan}}}
"""


@pytest.fixture(autouse=True)
def _no_database(monkeypatch):
    """None that can be reached."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "postgres://x:y@127.0.0.1:1/none")


def vpc_file(directory, name="vpc-1", subnet="10.250.1.0/24", vlan=1900):
    """A file with one VPC."""
    path = directory / f"{name}.yaml"
    path.write_text(VPC.format(name=name, subnet=subnet, vlan=vlan))
    return path


def test_valid_files_need_no_database_and_no_cluster(command):
    """No database, no cluster."""
    status, out, err = command("validate", EXAMPLE)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].endswith("; 0 errors and 0 warnings")


def test_an_invalid_file_ends_with_status_1(command, tmp_path):
    """In every output format."""
    path = vpc_file(tmp_path, vlan="x")
    status, out, _ = command("validate", path)
    assert status == 1
    assert out.startswith(f"{path}:7:38: error: VPC/default/vpc-1: .spec.subnets.default.vlan: ")
    for form in ("json", "sarif"):
        status, out, _ = command("validate", path, "--output", form)
        assert (status, bool(json.loads(out))) == (1, True)
    status, out, _ = command("validate", path, "--output", "github")
    assert (status, out.startswith("::error file=")) == (1, True)


def test_standard_input_counts_as_a_file(command, monkeypatch):
    """As `-`."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kind: [VPC\n")))
    status, out, _ = command("validate", "-")
    assert (status, out.splitlines()[0].startswith("stdin:2:1: error: not YAML")) == (1, True)


@pytest.mark.parametrize(
    ("words", "redirection", "said"),
    [
        ("validate -", "<&-", "stdin is closed; pipe a file into the command, or name one"),
        ("validate -", "</dev/zero", "stdin: is larger than 10485760 bytes; split it"),
        ("fabric import --fabric lab -", "<&-", "stdin is closed"),
        ("fabric import --fabric lab -", "</dev/zero", "stdin: is larger than"),
        ('validate ""', "", "a path is empty (a variable that is not set?)"),
        ('fabric import --fabric lab --replace ""', "", "a path is empty (a variable that is not set?)"),
    ],
)
def test_what_is_no_input_is_refused_in_a_line(tmp_path, words, redirection, said):
    """A supervisor that closes stdin, a pipe that never ends, and a variable that is not set, which must not stand for the
    current directory."""
    vpc_file(tmp_path)
    line = f"ulimit -v 4000000; {sys.executable} {ROOT}/bin/hedgehog {words} {redirection}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2 if "validate" in words else 1, "", 1)
    assert said in done.stderr


def test_strict_turns_warnings_into_errors(command, tmp_path):
    """A VPC alone: its namespaces are not known."""
    path = vpc_file(tmp_path)
    assert command("validate", path)[0] == 0
    assert command("validate", path, "--strict")[0] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nowhere"], "/nowhere: there is no such file or directory"),
        (["{empty}"], "no YAML file was found; nothing was checked"),
        (["{example}", "--fabric", "gen"], "the fabric database at 127.0.0.1:1 cannot be reached"),
        (["{example}", "--kubeconfig", "/nowhere"], "there is no kubeconfig at /nowhere"),
        (["{example}", "--against-cluster", "--output", "json"], "--against-cluster needs the name of a connection"),
        (["{example}", "--upstream", "v9"], "there is no 'v9' here; did you mean v0.129?"),
        ([], "the following arguments are required: PATH"),
    ],
)
def test_an_unchecked_file_ends_with_status_2(command, tmp_path, words, said):
    """So that it is not mistaken for a verdict."""
    status, out, err = command("validate", *(word.format(empty=tmp_path, example=EXAMPLE) for word in words))
    assert (status, out) == (2, "")
    assert said in err.splitlines()[0]


@pytest.fixture
def stored(postgres, database_parameters, monkeypatch, command):
    """The command with a database that has fabric gen: no gateway, and VPC vpc-old with VLAN 1900."""
    connection = store_database.connect(database_parameters)
    save_fabric(connection, "gen", {"settings": {"gateway_enabled": False}})
    old = {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": "vpc-old", "namespace": "default"},
        "spec": {"subnets": {"default": {"subnet": "10.250.9.0/24", "vlan": 1900}}},
    }
    save_objects(connection, load_fabric(connection, "gen").id, [old])
    connection.close()
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", postgres.uri(database_parameters["dbname"], scheme="postgres"))
    return command


def test_the_other_objects_of_a_fabric_are_included(stored, tmp_path):
    """They are neither shown nor reported as missing."""
    path = vpc_file(tmp_path)
    status, out, _ = stored("validate", path, "--fabric", "gen", "--output", "json")
    (only,) = json.loads(out)["objects"]
    assert (status, only["ref"]) == (1, "VPC/default/vpc-1")
    assert "vpc-vlan-taken" in {one["rule"] for one in only["violations"]}


def test_the_settings_of_a_fabric_are_used(stored, tmp_path):
    """This one has no gateways."""
    path = tmp_path / "group.yaml"
    path.write_text("apiVersion: gateway.githedgehog.com/v1alpha1\nkind: GatewayGroup\nmetadata: {name: g}\nspec: {}\n")
    assert stored("validate", path)[0] == 0
    status, out, _ = stored("validate", path, "--fabric", "gen")
    assert (status, "[gateway-not-enabled]" in out) == (1, True)


def test_an_unknown_fabric_ends_with_status_2(stored):
    """With similar names."""
    status, out, err = stored("validate", EXAMPLE, "--fabric", "gem")
    assert (status, out) == (2, "")
    assert "there is no fabric 'gem'; did you mean gen?" in err


def test_a_cluster_is_asked_and_unchecked_objects_are_reported(command, cluster, api, tmp_path):
    """Objects that refer to new ones."""
    kubeconfig = cluster.kubeconfig
    status, out, _ = command("validate", EXAMPLE, "--kubeconfig", kubeconfig, "--output", "json")
    notes = json.loads(out)["notes"]
    assert status == 0
    assert any("has no admission webhooks of Hedgehog" in note for note in notes)
    assert any(note.endswith("which is not in the cluster yet") for note in notes)


def test_the_schemas_fit_the_development_cluster(command, cluster, api):
    """It was generated from them."""
    status, out, err = command("schemas", "diff", "--kubeconfig", cluster.kubeconfig)
    assert (status, out, err) == (0, "our schemas fit the cluster\n", "")
    status, out, _ = command("schemas", "diff", "--kubeconfig", cluster.kubeconfig, "--output", "json")
    assert (status, json.loads(out)) == (0, {"differences": [], "fits": True})


def test_a_comparison_of_schemas_needs_a_cluster(command):
    """Status 2, as if it could not be checked."""
    assert command("schemas", "diff")[0] == 2
    assert command("schemas", "diff", "--kubeconfig", "/nowhere")[0] == 2


def test_a_check_of_files_imports_no_airflow_and_no_client(tmp_path):
    """It must start at once, before every commit."""
    code = (
        "import sys; from hedgehog.__main__ import main; main(['validate', sys.argv[1]]);"
        "print([name for name in ('airflow', 'kubernetes', 'pygit2', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(EXAMPLE)],
        env={"PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unreadable_file_is_an_error_and_never_skipped(command, tmp_path):
    """A directory that became a link: its content is unknown."""
    (tmp_path / "lab").mkdir()
    vpc_file(tmp_path / "lab")
    (tmp_path / "lab" / "vpcs").symlink_to(tmp_path)
    for paths in ([tmp_path / "lab"], [tmp_path / "lab" / "vpc-1.yaml", tmp_path / "lab"]):
        status, out, err = command("validate", *paths)
        assert (status, err) == (1, "")
        assert f"{tmp_path}/lab/vpcs: error: is a symbolic link, which is never followed [file-unreadable]" in out


def test_files_that_hold_objects_but_are_not_read_are_named(command, tmp_path):
    """An odd suffix is easily overlooked."""
    vpc_file(tmp_path)
    vpc_file(tmp_path, "vpc-2").rename(tmp_path / "vpc-2.yaml.bak")
    status, out, _ = command("validate", tmp_path)
    assert (status, f"not checked, though it has objects: {tmp_path}/vpc-2.yaml.bak" in out) == (0, True)


def test_a_directory_of_hhfab_is_hydrated_in_memory(command, tmp_path):
    """With password hashes, without addresses; --hydrate never says what a cluster would."""
    unhydrated.write(tmp_path, unhydrated.make_fab(gateways=1), unhydrated.make_wiring(gateways=1, servers=3))
    status, out, err = command("validate", tmp_path)
    assert (status, err, len(out.splitlines())) == (0, "", 2)
    assert out.startswith("note: ")
    status, out, _ = command("validate", "--hydrate", "never", tmp_path)
    assert (status, "switch-field-missing" in out) == (1, True)


def test_one_wrong_switch_among_thousands_takes_few_lines(command, tmp_path):
    """What refers to it is counted, not listed."""
    wiring = unhydrated.make_wiring(spines=4, leaves=30, gateways=2, servers=1420)
    leaf = next(one for one in wiring if one["metadata"]["name"] == "leaf-07")
    leaf["spec"]["profile"] = "celestica-ds2001"
    unhydrated.write(tmp_path, unhydrated.make_fab(gateways=2), wiring)
    status, out, _ = command("validate", tmp_path)
    assert (status, len(wiring) > 3000, len(out.splitlines()) <= 20) == (1, True, True)
    assert "(and 52 objects that refer to it)" in out
    assert out.splitlines()[-1].endswith("53 invalid); 1 error and 0 warnings")
