"""A pull request that hides something from us is red and deletes nothing; a bomb in it is told, not expanded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgehog.manifests import yaml
from hedgehog.services.pull_requests.verdict import ValidationStatus
from hedgehog.store import fabrics as fabric_store
from tests.gitops.bombs import plant_bomb
from tests.services.pull_requests.validate_lab import Lab, open_lab, text, vpc

VPC_1, VPC_2 = "fabrics/lab/vpc-1.yaml", "fabrics/lab/vpc-2.yaml"
GOOD = text(vpc("vpc-2", "10.0.2.0/24", 1002))


@pytest.fixture
def lab(database, tmp_path: Path) -> Iterator[Lab]:
    """A fabric in a repository on GitHub, which we enter with a token."""
    with open_lab(database, tmp_path, "unused") as found:
        found.as_app = False
        yield found


@pytest.mark.parametrize("path", [VPC_1, "fabrics/lab", "fabrics"])
def test_a_link_is_a_fault_and_deletes_nothing(lab, path):
    """The same files are behind it, but nobody follows it."""
    person = lab.person("change")
    (person.directory / "elsewhere").mkdir()
    person.git("mv", path, "elsewhere/moved")
    (person.directory / path).symlink_to(os.path.relpath("elsewhere/moved", Path(path).parent))
    person.publish()
    lab.hub.open_pull("acme/net", "change")
    found = lab.validate()
    (report,) = found.fabrics
    assert (found.status, report.changes.writes) == (ValidationStatus.FAILURE, ())
    assert (path, "file-unreadable") in [(one.file, one.rule) for one in report.problems]


@pytest.mark.parametrize("name", ["vpc-1.yaml.bak", ".vpc-1.yaml", "vpc-1.json", "vpc-1"])
def test_a_file_that_nobody_would_read_any_more_is_a_fault(lab, name):
    """Once merged, the object would stay as it is; so the check says so."""
    lab.propose({VPC_1: None, f"fabrics/lab/{name}": text(vpc("vpc-1", "10.0.1.0/24", 1001))})
    found = lab.validate()
    (report,) = found.fabrics
    assert (found.status, report.changes.writes) == (ValidationStatus.FAILURE, ())
    assert [(one.ref, f"fabrics/lab/{name}" in one.message) for one in report.problems] == [("VPC/default/vpc-1", True)]


def test_a_kustomization_that_cannot_be_followed_is_a_fault_and_deletes_nothing(lab):
    """The object may be in what it adds; a push of the same is held as well."""
    base = {"base/vpc-1.yaml": text(vpc("vpc-1", "10.0.1.0/24", 1001))}
    lab.propose({VPC_1: None, "fabrics/lab/kustomization.yaml": "resources: [../../base]\n", **base})
    found = lab.validate()
    (report,) = found.fabrics
    assert (found.status, report.changes.writes) == (ValidationStatus.FAILURE, ())
    told = [one.message for one in report.problems if one.file == "fabrics/lab/kustomization.yaml"]
    assert told == [
        "this kustomization names '../../base', which is not read: it lies outside fabrics/lab. Move it there, or import "
        "it as a fabric of its own"
    ]


def test_a_name_that_cannot_be_used_is_a_fault(lab):
    """It is shown as text that can do nothing."""
    person = lab.person("change")
    (person.directory / "fabrics/lab/\u202e\x1b.yaml").write_text(GOOD)
    person.publish()
    lab.hub.open_pull("acme/net", "change")
    (report,) = lab.validate().fabrics
    assert [one.file for one in report.problems] == [r"fabrics/lab/\u202e\x1b.yaml"]


def test_a_directory_that_would_be_gone_deletes_nothing(lab):
    """As a push of the same does nothing."""
    lab.propose(dict.fromkeys(["fabrics/lab/namespaces.yaml", "fabrics/lab/README.md", VPC_1]))
    found = lab.validate()
    assert (found.status, found.fabrics[0].changes.writes) == (ValidationStatus.FAILURE, ())
    assert "would be gone" in found.fabrics[0].problems[0].message


def test_the_case_of_a_suffix_does_not_matter(lab):
    """A rename changes no object."""
    lab.propose({VPC_1: None, "fabrics/lab/vpc-1.YAML": text(vpc("vpc-1", "10.0.1.0/24", 1001))})
    found = lab.validate()
    assert (found.status, found.fabrics[0].changes.writes) == (ValidationStatus.SUCCESS, ())


def test_what_is_unreadable_already_is_not_this_pull_requests_fault(lab):
    """But what it deletes beside that is held, and said."""
    (lab.main.directory / "fabrics/lab/docs").symlink_to("../../README.md")
    lab.main.publish()
    lab.propose({VPC_2: GOOD})
    assert lab.validate().status is ValidationStatus.SUCCESS


def test_a_bomb_cannot_be_verified_and_names_the_limit(lab):
    """Only its fabric; the check is red."""
    person = lab.person("change")
    plant_bomb(person, "fabrics/lab/bomb", width=30, levels=3)
    lab.hub.open_pull("acme/net", "change")
    found = lab.validate()
    assert (found.status, found.reason) == (ValidationStatus.FAILURE, "could not verify lab")
    assert found.fabrics[0].unverified.startswith("fabrics/lab: too large: there are more than 20000")


def test_a_bomb_elsewhere_in_the_repository_does_not_matter(lab):
    """It is never expanded."""
    person = lab.person("change")
    person.commit({VPC_2: GOOD})
    plant_bomb(person, "docs/bomb", width=30, levels=3)
    lab.hub.open_pull("acme/net", "change")
    assert lab.validate().status is ValidationStatus.SUCCESS


def test_a_fabric_in_the_directory_of_another_is_its_own_matter(lab):
    """Whether its sync is enabled or not, and however its row spells the URL."""
    url = f"{lab.git.url('acme/net').removesuffix('.git')}/"
    lab.database.cursor().execute(
        "INSERT INTO hedgehog.git_repository (name, url, branch) VALUES ('again', %s, 'main')", (url,)
    )
    lab.add_fabric("inner", git_directory="fabrics/lab/inner", git_repository="again", git_sync_enabled=False)
    lab.propose({"fabrics/lab/inner/vpc-2.yaml": GOOD})
    assert [one.fabric for one in lab.validate().fabrics] == ["inner"]


def test_what_a_fabrics_own_document_sets_is_listed(lab):
    """Where Git is the source of truth, merging changes the fabric itself."""
    lab.add_fabric("lab", source_of_truth="git", asn=65001)
    spec = {"asn": 65002, "settings": {"gateway_enabled": False}}
    document = {"apiVersion": "hedgehog-airflow/v1", "kind": "Fabric", "metadata": {"name": "lab"}, "spec": spec}
    pull = lab.propose({"fabrics/lab/fabric.yaml": text(document)})
    found = lab.validate()
    assert found.status is ValidationStatus.SUCCESS
    assert found.fabrics[0].settings == ("asn: 65001 → 65002", "settings.gateway_enabled: default → false")
    assert "- `asn: 65001 → 65002`" in pull.comments[0]["body"]


@pytest.mark.parametrize(
    "written",
    [
        "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPCList\nitems: [{metadata: {name: vpc-1}}]\n",
        "apiVersion: v1\nkind: List\nitems: H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==\n",
        "apiVersion: v1\nkind: List\nitems: [text]\n",
        text({**vpc("vpc-1", "10.0.1.0/24", 1001), "kind": "VCP"}),
    ],
    ids=["VPCList", "a list of text", "an entry of text", "a slip in the kind"],
)
@pytest.mark.parametrize("name", ["vpc-1.yaml", "list.yaml"])
def test_nothing_is_listed_as_deleted_that_could_not_be_read(lab, name, written):
    """The check is red, and a push of the same would delete nothing."""
    lab.propose({VPC_1: None, f"fabrics/lab/{name}": written})
    found = lab.validate()
    assert (found.status, found.fabrics[0].changes.writes) == (ValidationStatus.FAILURE, ())
    assert f"fabrics/lab/{name}" in {one.file for one in found.fabrics[0].problems}


def test_what_another_fabric_left_in_the_directory_is_not_part_of_it(lab):
    """A push would not take it over either; what moves there is not deleted."""
    lab.add_fabric("inner", git_directory="fabrics/lab/inner")
    fabric_store.delete_fabric(lab.database, "inner")
    lab.propose({"fabrics/lab/inner/vpc-2.yaml": GOOD})
    assert lab.validate().fabrics == ()
    person = lab.person("other")
    (person.directory / "fabrics/lab/inner").mkdir()
    person.git("mv", VPC_1, "fabrics/lab/inner/vpc-1.yaml")
    person.publish()
    lab.hub.open_pull("acme/net", "other")
    found = lab.validate(2)
    assert (found.status, found.fabrics[0].changes.writes) == (ValidationStatus.FAILURE, ())


def rewritten(lab: Lab) -> dict[str, str]:
    """Every YAML file of the fabric, with another content."""
    found = (lab.main.directory / "fabrics/lab").glob("*.yaml")
    return {str(one.relative_to(lab.main.directory)): one.read_text() + "# again\n" for one in found}


@pytest.mark.parametrize(
    ("change", "a_side", "both_sides", "said"),
    [
        ("one file", 70, 100, ""),
        ("every file", 70, 130, ""),
        ("every file", 70, 100, "the files before and after the merge have over 100 nodes"),
        ("one more file", 70, 100, "its files would have over 70 nodes"),
    ],
)
def test_both_sides_have_as_many_nodes_as_a_rewrite_needs(lab, monkeypatch, change, a_side, both_sides, said):
    """What stays the same counts once, and nothing is green that a push would not have read. The limit is told once."""
    monkeypatch.setattr(yaml, "MAX_FABRIC_NODES", a_side)
    monkeypatch.setattr(yaml, "MAX_PULL_REQUEST_NODES", both_sides)
    every = rewritten(lab)
    assert sum(cost(text.encode()) for text in every.values()) == 61
    lab.propose({"one file": {VPC_1: every[VPC_1]}, "every file": every}.get(change, {VPC_2: GOOD}))
    found = lab.validate()
    (report,) = found.fabrics
    assert (found.status, report.problems) == (ValidationStatus.FAILURE if said else ValidationStatus.SUCCESS, ())
    assert report.unverified.startswith(f"fabrics/lab: too large: {said}" if said else "")
    assert bool(report.unverified) is bool(said)


def cost(content: bytes) -> int:
    """The nodes that a file counts as."""
    nodes = yaml.NodeBudget(10_000)
    yaml.load(content, file="f.yaml", nodes=nodes)
    return nodes.most - nodes.left
