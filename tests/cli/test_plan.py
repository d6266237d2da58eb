"""`hedgehog plan` and `hedgehog apply`, as people use them."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from devstack import unhydrated
from devstack.objects import make
from hedgehog.store.database import connect
from tests.cli.lab import EXAMPLES, connection_uri, filled, hedgehog

__all__ = ["connection_uri", "filled", "hedgehog"]

LAB = next(
    one for one in yaml.safe_load_all((EXAMPLES / "gen" / "vpcs.yaml").read_text())
    if one["kind"] == "VPC" and one["metadata"]["name"] == "solo"
)  # fmt: skip


@pytest.fixture
def changed(tmp_path):
    """The VPC `solo` with another VLAN, in a file."""
    subnets = {name: {**one, "vlan": 1900 + at} for at, (name, one) in enumerate(LAB["spec"]["subnets"].items())}
    path = tmp_path / "solo.yaml"
    path.write_text(yaml.safe_dump({**LAB, "spec": {**LAB["spec"], "subnets": subnets}}))
    return path


def plan_id(out: str) -> str:
    """The id in the text of a plan."""
    return re.match(r"Plan ([0-9a-f]{16}): ", out)[1]  # type: ignore[index]


def test_a_plan_says_what_changes_from_what_to_what_and_what_it_concerns(filled, changed):
    """And how to do it; nothing is stored."""
    status, out, err = filled("plan", "gen", changed)
    assert (status, err) == (0, "")
    assert "a change of gen, made from generation 2" in out
    assert (
        "Objects of the fabric: 1 configured, 74 unchanged\n  ~ VPC/default/solo configured\n      .spec.subnets."
        in out
    )
    assert "→ 1900\n" in out
    assert "\nConcerned:\n  1 VPC: solo\n" in out
    assert out.endswith(f"To carry out exactly this: hedgehog apply {plan_id(out)}\n")
    assert "75 unchanged" in filled("fabric", "import", EXAMPLES / "gen", "--dry-run")[1]


def test_a_plan_is_carried_out_by_its_id_and_is_the_same_when_made_again(filled, changed):
    """The second time there is nothing left of it."""
    found = plan_id(filled("plan", "gen", changed)[1])
    assert plan_id(filled("plan", "gen", changed)[1]) == found
    status, out, err = filled("apply", found, "--reason", "its own VLAN")
    assert (status, err) == (0, "")
    assert out.endswith("  VPC/default/solo configured\n")
    status, out, _ = filled("plan", "gen", changed)
    assert (status, out.splitlines()[-1]) == (0, "Nothing is to be done.")


def test_a_plan_that_no_longer_holds_is_refused_with_the_difference(filled, changed, tmp_path):
    """Nothing is stored."""
    found = plan_id(filled("plan", "gen", changed)[1])
    server = tmp_path / "server.yaml"
    server.write_text("apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {name: new}\nspec: {}\n")
    assert filled("fabric", "import", "--fabric", "gen", server)[0] == 0
    status, out, err = filled("apply", found)
    assert (status, out) == (1, "")
    assert f"plan {found} no longer holds; nothing was written" in err
    assert "the fabric was changed: generation 2 → 3" in err
    assert "1 configured" in filled("plan", "gen", changed)[1]


def test_what_is_refused_is_shown_with_its_reason_and_is_status_1(filled):
    """A VPC that others refer to; the plan cannot be carried out."""
    status, out, _ = filled("plan", "gen", "--delete", "VPC/default/prod")
    assert status == 1
    assert "refused:\n    VPC/default/prod: .: VPCAttachment" in out
    assert out.endswith("It cannot be carried out as it is.\n")
    status, _, err = filled("apply", plan_id(out))
    assert (status, "cannot be carried out: VPC/default/prod" in err) == (1, True)


def test_a_plan_is_data_for_programs(filled):
    """With a version, so that a reader knows what to expect."""
    status, out, _ = filled("plan", "gen", "--delete", "VPC/default/solo", "--output", "json")
    data = json.loads(out)
    assert (status, data["version"], data["kind"], data["generation"]) == (0, 1, "change", 2)
    assert data["parts"][0]["counts"] == {"created": 0, "configured": 0, "deleted": 1}
    assert data["parts"][0]["waves"] == [{"action": "delete", "objects": ["VPC/default/solo"]}]
    assert data["blast_radius"]["vpcs"] == ["solo"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("plan", "gne", "--delete", "VPC/default/a"), 1, "there is no fabric 'gne'; did you mean gen?"),
        (("plan", "gen", "--delete", "VPC/default/sollo"), 1, "did you mean"),
        (("plan", "gen", "--delete", "solo"), 1, "solo"),
        (("plan", "gen", "x.yaml", "--branch", "b"), 2, "not both"),
        (("plan", "gen", "/nowhere.yaml"), 1, "/nowhere.yaml: there is no such file or directory"),
        (("plan", "gen", EXAMPLES / "gen" / "fabric.yaml"), 1, "a plan is about objects; import the settings"),
        (("apply", "0123456789abcdef"), 1, "there is no plan 0123456789abcdef"),
        (("apply",), 2, "required: PLAN"),
    ],
)
def test_wrong_use_is_one_clear_line(filled, arguments, code, says):
    """What is meant is said, and the exit status tells which kind of wrong it is."""
    status, out, err = filled(*arguments)
    assert status == code
    assert says in (err or out)


def test_an_object_is_either_stored_or_removed(filled, changed):
    """Both at once has no meaning."""
    status, _, err = filled("plan", "gen", changed, "--delete", "VPC/default/solo")
    assert (status, "VPC/default/solo is both in the files and to be deleted" in err) == (1, True)


def test_names_of_strangers_do_nothing_in_markdown(filled, changed):
    """Values are quoted: no mention, no link, no HTML."""
    text = changed.read_text().replace("spec:", "  annotations: {note: '@acme <img src=x> [x](http://y)'}\nspec:", 1)
    changed.write_text(text)
    status, out, err = filled("plan", "gen", changed, "--markdown")
    assert (status, err) == (0, "")
    assert "<details><summary>What would change (1)</summary>" in out
    assert "`.metadata.annotations" in out
    assert "\n<img" not in out


def test_what_a_plan_does_is_recorded_with_who_and_why(filled, changed, database_parameters):
    """Like everything that people do."""
    filled("apply", plan_id(filled("plan", "gen", changed)[1]), "--reason", "because")
    with connect(database_parameters) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, fabric, subjects, reason, actor <> '' FROM hedgehog.action WHERE action = 'apply'"
        )
        assert cursor.fetchall() == [("apply", "gen", ["VPC/default/solo"], "because", True)]
    connection.close()


def test_a_plan_of_files_assigns_what_an_import_would_assign(filled, tmp_path):
    """And says so; applying it stores these values."""
    path = tmp_path / "switch.yaml"
    path.write_text(unhydrated.text([make("Switch", "new-leaf", {"role": "server-leaf", "profile": "dell-s5248f-on"})]))
    status, out, _ = filled("plan", "gen", path, "--output", "json")
    assert "assigned 4 values (addresses, ASNs)" in json.loads(out)["parts"][0]["warnings"][-1]
    assert status == 0
    assert filled("apply", json.loads(out)["id"])[0] == 0
    assert "asn: 65" in filled("object", "get", "gen", "Switch/default/new-leaf")[1]
