"""Configuration documents among checked files are checked as well, and in Git more strictly."""

from __future__ import annotations

from hedgehog.fabric.model import Fabric
from tests.admission.files_lab import check, remark_lines

LAB = Fabric(1, "lab", "lab")


def fabric(spec, version="hedgehog-airflow/v1"):
    """The fabric's own file."""
    return {"fabric.yaml": f"apiVersion: {version}\nkind: Fabric\nmetadata: {{name: lab}}\nspec: {spec}\n".encode()}


def test_a_valid_configuration_document_is_not_an_object():
    """It has no verdict."""
    report = check(fabric("{asn: 65001, settings: {spine_asn: 65000}}"), in_git=LAB)
    assert report.valid
    assert [entry.file for entry in report.entries] == ["spaces.yaml", "spaces.yaml"]


def test_unknown_fields_and_values_out_of_bounds_are_reported_at_their_places():
    """All of them."""
    report = check(fabric("{nonsense: 1, asn: 99999999999, settings: {enforce: false}}"))
    assert remark_lines(report) == [
        "fabric.yaml:4:8 configuration-field",
        "fabric.yaml:4:21 configuration-field",
        "fabric.yaml:4:50 configuration-field",
    ]


def test_a_mistyped_api_version_is_reported():
    """Another product's documents are left out; this one is not another product's."""
    assert remark_lines(check(fabric("{asn: 1}", version="hedgehog-airflow/v2"))) == [
        "fabric.yaml:1:1 configuration-field"
    ]


def test_a_file_in_git_cannot_switch_off_the_rules():
    """On a disk it may be meant for an import."""
    files = fabric("{settings: {enforced: false}}")
    assert check(files).valid
    (entry,) = [entry for entry in check(files, in_git=LAB).entries if entry.remarks]
    (remark,) = entry.remarks
    assert (remark.rule.id, remark.path) == ("configuration-owner", ".spec.settings.enforced")
    assert "a push must not decide whether" in remark.message


def test_a_file_in_git_configures_its_own_fabric_only():
    """And no repository."""
    other = Fabric(2, "other", "other")
    assert remark_lines(check(fabric("{asn: 65001}"), in_git=other)) == ["fabric.yaml:1:1 configuration-owner"]


def test_two_documents_that_contradict_each_other_are_reported():
    """In one file or in two; what both say is not a fault."""
    (content,) = fabric("{asn: 65001}").values()
    (other,) = fabric("{asn: 65002}").values()
    assert check({"a.yaml": content, "b.yaml": content}).valid
    assert remark_lines(check({"a.yaml": content + b"---\n" + other})) == ["a.yaml:9:8 configuration-field"]
    assert remark_lines(check({"a.yaml": content, "b.yaml": other}, in_git=LAB)) == ["b.yaml:4:8 configuration-field"]
