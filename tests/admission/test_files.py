"""Files are checked as a whole, and every fault is told where it stands."""

from __future__ import annotations

import json

import pytest

from hedgehog.admission.files import check_files
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests.outputs import FORMS
from tests.admission.files_lab import SPACES, check, make_vpc, remark_lines, report

__all__ = ["report"]


def test_valid_files_are_reported_as_valid():
    """Each object has its verdict."""
    report = check({"vpcs/a.yaml": make_vpc()})
    assert report.valid
    assert [(entry.file, entry.document, entry.line, str(entry.ref), entry.verdict) for entry in report.entries] == [
        ("spaces.yaml", 0, 1, "IPv4Namespace/default/default", "valid"),
        ("spaces.yaml", 1, 6, "VLANNamespace/default/default", "valid"),
        ("vpcs/a.yaml", 0, 1, "VPC/default/a", "valid"),
    ]


def test_a_violation_is_reported_at_its_field():
    """Line and column of the key."""
    assert remark_lines(check({"a.yaml": make_vpc(vlan="4000")})) == ["a.yaml:8:7 vpc-vlan-outside"]


def test_violations_in_sorted_lists_have_the_place_in_the_file():
    """It is the second of three, although it is stored as the last."""
    spaces = SPACES.replace(b"[10.0.0.0/8]", b"[\n  10.0.0.0/8,\n  9.9.9.9/99,\n  11.0.0.0/8]")
    (line,) = remark_lines(check_files({"s.yaml": spaces}, FabricSettings()))
    assert line.startswith("s.yaml:6:3 ")


def test_a_file_that_is_not_yaml_does_not_hide_other_files():
    """Nor do its objects look deleted."""
    before = [entry.manifest for entry in check({"b.yaml": make_vpc("b", "1002", "10.0.2.0/24")}).entries]
    report = check({"a.yaml": make_vpc(vlan="4000"), "b.yaml": b"kind: [VPC\n"}, before=before)
    assert remark_lines(report) == ["a.yaml:8:7 vpc-vlan-outside", "b.yaml:2:1 yaml-syntax"]


def test_an_object_with_a_duplicate_key_is_invalid():
    """A key that appears twice belongs to the object around it."""
    report = check({"a.yaml": SPACES + b"---\n" + make_vpc() + b"      vlan: 1001\n"})
    entry = report.entries[-1]
    assert (str(entry.ref), entry.verdict, [one.rule.id for one in entry.remarks]) == (
        "VPC/default/a",
        "invalid",
        ["yaml-duplicate-key"],
    )


def test_the_items_of_a_list_are_checked():
    """As `kubectl get -o yaml` writes it."""
    text = b"kind: List\napiVersion: v1\nitems:\n- apiVersion: vpc.githedgehog.com/v1beta1\n  kind: VPC\n"
    text += b"  metadata: {name: a}\n  spec:\n    subnets: {default: {subnet: 10.0.1.0/24, vlan: 4000}}\n"
    report = check({"list.yaml": text})
    assert remark_lines(report) == ["list.yaml:8:46 vpc-vlan-outside"]
    assert report.entries[-1].line == 4


@pytest.mark.parametrize(
    ("api", "kind", "rule"),
    [
        ("vpc.githedgehog.com/v1alpha2", "VPC", "api-version-old"),
        ("gateway.githedgehog.com/v1alpha1", "Peering", "kind-renamed"),
        ("wiring.githedgehog.com/v1alpha2", "Rack", "kind-removed"),
        ("agent.githedgehog.com/v1beta1", "Agent", "kind-controller"),
        ("fabric.githedgehog.com/v1beta1", "Fabric", "kind-fabric"),
    ],
)
def test_old_versions_and_kinds_of_controllers_are_unsupported(api, kind, rule):
    """Nothing else of them is looked at, and there is a hint."""
    text = f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{unknown: 1}}\n".encode()
    (entry,) = check_files({"a.yaml": text}, FabricSettings()).entries
    (remark,) = entry.remarks
    assert (entry.verdict, remark.rule.id, remark.severity) == ("unsupported", rule, "error")
    assert remark.hint


@pytest.mark.parametrize(
    ("api", "kind"), [("vpc.githedgehog.com/v1beta1", "VPCs"), ("apps/v1", "VPC"), ("x/v1", "Swich")]
)
def test_a_misspelled_kind_is_invalid(api, kind):
    """Not an object of another product."""
    (entry,) = check_files(
        {"a.yaml": f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n".encode()}, FabricSettings()
    ).entries
    assert entry.verdict == "invalid"


def test_objects_of_other_products_are_left_out_and_noted():
    """Configuration documents say nothing to a cluster."""
    files = {
        "d.yaml": b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
        "f.yaml": b"apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {name: gen}\n",
        "x/kustomization.yaml": b"resources: [a.yaml]\n",
    }
    report = check_files(files, FabricSettings())
    left_out = ("Deployment (apps/v1)", "Kustomization")
    assert (report.entries, report.notes) == ((), tuple(f"left out, of another product: {one}: 1" for one in left_out))


def test_a_kustomization_that_changes_objects_is_warned_of():
    """The files are judged as they are: `kustomization-not-followed`. In Git, whoever reads the directory says it."""
    files = {"x/kustomization.yaml": b"resources: [a.yaml]\nnamePrefix: x-\n"}
    report = check_files(files, FabricSettings())
    assert (report.valid, remark_lines(report)) == (True, ["x/kustomization.yaml:1:1 kustomization-not-followed"])
    assert check_files(files, FabricSettings(), in_git=Fabric(1, "lab", "lab")).entries == ()


def test_the_second_description_of_an_object_is_refused():
    """And says where the first is; the first is checked."""
    report = check({"a.yaml": make_vpc(), "b.yaml": make_vpc(vlan="4000")})
    ((entry, remark),) = report.remarks()
    assert (entry.file, remark.rule.id, remark.message) == (
        "b.yaml",
        "object-duplicate",
        "appears twice, first in a.yaml:1:1",
    )


def test_objects_without_a_name_are_not_duplicates():
    """Each misses its own."""
    nameless = make_vpc().replace(b"  name: a", b"  name:")
    report = check({"a.yaml": nameless, "b.yaml": nameless})
    assert remark_lines(report) == ["a.yaml:4:3 metadata-name", "b.yaml:4:3 metadata-name"]


def test_a_fabricator_among_the_files_sets_the_settings():
    """But for the release of upstream."""
    fabricator = b"""\
apiVersion: fabricator.githedgehog.com/v1beta1
kind: Fabricator
metadata: {name: default, namespace: fab}
spec: {config: {fabric: {vpcIRBVLANs: [{from: 1000, to: 1100}]}, control: {joinToken: secret}}}
"""
    settings = FabricSettings(upstream=Upstream.V0_126)
    report = check({"fab.yaml": fabricator}, settings)
    found = {one.rule.id: str(entry.ref) for entry, one in report.remarks()}
    assert found["secret-in-manifest"] == "Fabricator/fab/default"
    assert "VLANNamespace/default/default" in found.values()
    wrong = fabricator.replace(b"1100", b"9999")
    assert "fabricator-config" in {one.rule.id for _, one in check({"fab.yaml": wrong}).remarks()}


def test_a_refused_delete_is_reported_at_the_referring_object():
    """The object that goes stands in no file."""
    before = [entry.manifest for entry in check({"a.yaml": make_vpc()}).entries]
    report = check_files({"a.yaml": make_vpc()}, FabricSettings(), before=before)
    assert {(entry.file, str(entry.ref)) for entry, _ in report.remarks()} == {
        ("", "IPv4Namespace/default/default"),
        ("", "VLANNamespace/default/default"),
    }
    explicit = make_vpc().replace(b"spec:", b"spec:\n  vlanNamespace: default")
    report = check_files({"a.yaml": explicit, "i.yaml": SPACES.split(b"---")[0]}, FabricSettings(), before=before)
    ((entry, remark),) = report.remarks()
    assert (entry.file, remark.line, remark.message.split(":")[0]) == (
        "a.yaml",
        6,
        "refers to VLANNamespace/default/default, which is deleted",
    )


def test_with_partial_files_the_rest_of_the_fabric_stays():
    """As context: it is neither checked nor shown."""
    before = [entry.manifest for entry in check({"z.yaml": make_vpc("z", "4000")}).entries]
    report = check_files(
        {"a.yaml": make_vpc("a", "1001", "10.0.1.0/25")}, FabricSettings(), before=before, partial=True
    )
    ((entry, remark),) = report.remarks()
    assert (entry.file, remark.rule.id) == ("a.yaml", "vpc-subnet-taken")
    assert len(report.entries) == 1


def test_strict_turns_warnings_into_errors():
    """A single VPC refers to what is not known here."""
    alone = {"a.yaml": make_vpc()}
    lenient, strict = check_files(alone, FabricSettings()), check_files(alone, FabricSettings(), strict=True)
    assert (lenient.valid, strict.valid) == (True, False)
    assert remark_lines(lenient) == remark_lines(strict) != []


# outputs


def test_text_output_looks_like_that_of_a_compiler(report):
    """Place, line, caret, what to do, summary."""
    lines = FORMS["text"](report).splitlines()
    assert lines[0].startswith(
        "vpcs/a, b.yaml:8:7: error: VPC/default/a: .spec.subnets.default.vlan: 'x' is not an integer"
    )
    assert lines[0].endswith("[field-type]")
    assert lines[1:3] == ['  8 |       vlan: "x"', "    |       ^"]
    assert lines[3].startswith("  to do: ")
    assert lines[-1] == "3 objects in 2 files (2 valid, 1 invalid); 1 error and 0 warnings"


def test_json_output_has_stable_keys(report):
    """Every object, and a summary."""
    data = json.loads(FORMS["json"](report))
    assert data.keys() == {"objects", "summary", "notes"}
    wrong = data["objects"][-1]
    (violation,) = wrong.pop("violations")
    assert wrong == {
        "file": "vpcs/a, b.yaml",
        "document": 0,
        "line": 1,
        "ref": "VPC/default/a",
        "verdict": "invalid",
    }
    assert {key: violation[key] for key in ("rule", "path", "line", "column", "severity")} == {
        "rule": "field-type",
        "path": ".spec.subnets.default.vlan",
        "line": 8,
        "column": 7,
        "severity": "error",
    }
    assert violation.keys() == {"rule", "path", "line", "column", "severity", "message", "hint"}
    assert data["summary"] == {
        "files": 2,
        "objects": 3,
        "valid": 2,
        "invalid": 1,
        "unsupported": 0,
        "errors": 1,
        "warnings": 0,
    }


def test_github_shows_violations_at_their_lines(report):
    """Commas and colons of a file name cannot end it."""
    first = FORMS["github"](report).splitlines()[0]
    assert first.startswith("::error file=vpcs/a%2C b.yaml,line=8,col=7,title=field-type::VPC/default/a: ")
    assert "%0A" in first


def test_sarif_has_rules_and_results(report):
    """Each result points to its rule and its place."""
    sarif = json.loads(FORMS["sarif"](report))
    (run,) = sarif["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    (result,) = run["results"]
    assert (sarif["version"], rule["id"], result["ruleId"], result["ruleIndex"]) == (
        "2.1.0",
        "field-type",
        "field-type",
        0,
    )
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "vpcs/a%2C%20b.yaml"},
        "region": {"startLine": 8, "startColumn": 7},
    }


def test_text_from_a_file_cannot_move_the_cursor():
    """A remark quotes the line."""
    text = FORMS["text"](check_files({"a.yaml": 'kind: "\u009b2J"\n'.encode()}, FabricSettings()))
    assert "\u009b" not in text
    long = FORMS["text"](check({"a.yaml": make_vpc() + b"wrong: " + b"x" * 5000}))
    assert max(map(len, long.splitlines())) < 300
