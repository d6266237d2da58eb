"""What merging a branch would do, with a plain Git host and no API."""

from __future__ import annotations

import copy

import pytest
import yaml

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.change_plan import PlanKind
from hedgehog.fabric.model import ObjectRef
from hedgehog.services.plans.markdown import plan_markdown
from hedgehog.services.plans.text import plan_text
from hedgehog.services.pull_requests.branch_plan import plan_merge
from hedgehog.store.fabrics import load_fabric
from tests.services.git.sync_lab import EDITED, make_vpc, open_lab

NAMESPACES = [
    {
        "apiVersion": f"{group}/v1beta1",
        "kind": kind,
        "metadata": {"name": "default", "namespace": "default"},
        "spec": spec,
    }
    for group, kind, spec in (
        ("wiring.githedgehog.com", "VLANNamespace", {"ranges": [{"from": 1000, "to": 2999}]}),
        ("vpc.githedgehog.com", "IPv4Namespace", {"subnets": ["10.0.0.0/16"]}),
    )
]


def vpc(number: int) -> dict:
    """A VPC of its own."""
    made = copy.deepcopy(make_vpc(f"vpc-{number}", 1000 + number))
    made["spec"]["subnets"]["default"]["subnet"] = f"10.0.{number}.0/24"
    return made


@pytest.fixture
def lab(database, tmp_path):
    """Two fabrics of one repository, published."""
    with open_lab(database, tmp_path) as lab:
        for name in ("lab", "other"):
            lab.add_fabric(name, 0)
            lab.save(name, *NAMESPACES, vpc(0), vpc(1))
        lab.sync_all("lab", "other")
        yield lab


def plan(lab, branch, fabric="lab"):
    """The plan of a merge."""
    return plan_merge(lab.database, load_fabric(lab.database, fabric), branch, open_mirror=lab.open_mirror)


def push(lab, branch, files):
    """Somebody pushes a branch."""
    person = lab.person()
    person.pull()
    person.branch = branch
    person.git("push", "--quiet", "origin", f"HEAD:{branch}")
    person.commit({path: content and yaml.safe_dump(content) for path, content in files.items()})


def test_the_objects_that_a_merge_changes_are_planned(lab):
    """Of this fabric only, field by field; nothing is written."""
    changed = vpc(1)
    changed["spec"]["subnets"]["default"]["vlan"] = 1500
    push(lab, "work", {EDITED: changed, "fabrics/lab/vpcs/vpc-2.yaml": vpc(2), "fabrics/other/vpcs/vpc-3.yaml": vpc(3)})
    before = lab.files()
    found = plan(lab, "work")
    assert (found.kind, found.branch, found.is_good) == (PlanKind.MERGE, "work", True)
    assert [(str(one.ref), one.action.value) for one in found.changes] == [
        ("VPC/default/vpc-1", "configured"),
        ("VPC/default/vpc-2", "created"),
    ]
    assert ".spec.subnets.default.vlan: 1001 → 1500" in plan_text(found)
    assert found.blast.vpcs == ("vpc-1", "vpc-2")
    assert lab.files() == before
    assert [str(one.ref) for one in plan(lab, "work", "other").changes] == ["VPC/default/vpc-3"]


def test_what_a_cluster_would_refuse_is_refused_in_the_plan(lab):
    """Here, a subnet that another VPC has."""
    twice = vpc(2)
    twice["spec"]["subnets"]["default"]["subnet"] = "10.0.1.0/24"
    push(lab, "work", {"fabrics/lab/vpcs/vpc-2.yaml": twice})
    found = plan(lab, "work")
    assert [one.subject for one in found.refused] == ["VPC/default/vpc-2"]
    assert "Refused:" in plan_markdown(found)


def test_a_branch_that_touches_nothing_of_the_fabric_changes_nothing(lab):
    """It is planned all the same."""
    push(lab, "work", {"README.md": {"a": 1}})
    found = plan(lab, "work")
    assert (found.is_empty, found.is_good) == (True, True)


def test_a_branch_that_is_not_there_is_said_with_a_similar_one(lab):
    """And the branch of the fabric itself cannot be merged into itself."""
    push(lab, "release-1", {"README.md": {"a": 1}})
    with pytest.raises(NotFound, match=r"there is no branch release-2; did you mean release-1\?"):
        plan(lab, "release-2")
    with pytest.raises(InvalidInput, match="it is on branch main itself"):
        plan(lab, "main")


def test_a_deleted_object_is_planned_as_deleted(lab):
    """As a file that is gone."""
    push(lab, "work", {EDITED: None})
    (change,) = plan(lab, "work").changes
    assert (change.ref, change.action.value) == (ObjectRef("VPC", "default", "vpc-1"), "deleted")
