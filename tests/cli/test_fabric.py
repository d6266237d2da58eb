"""Fabrics go in and out by the command, and are shown."""

from __future__ import annotations

import json

from devstack import unhydrated
from tests.cli.lab import EXAMPLES, connection_uri, filled, hedgehog

__all__ = ["connection_uri", "filled", "hedgehog"]


def test_an_import_says_what_it_did(filled, tmp_path):
    """Changes by name, the rest by number."""
    status, out, err = filled("fabric", "import", EXAMPLES / "gen", "--dry-run")
    assert (status, out, err) == (
        0,
        "fabric gen: unchanged\nobjects of gen: 75 unchanged\ndry run: nothing was changed\n",
        "",
    )
    (tmp_path / "s.yaml").write_text(
        "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {name: new, uid: x}\nspec: {}\n"
    )
    status, out, err = filled("fabric", "import", tmp_path / "s.yaml", "--fabric", "gen")
    assert out == "objects of gen: 1 created\n  Server/default/new created\n"
    assert err == "hedgehog: note: left out what the cluster sets by itself (in so many objects): metadata.uid (1)\n"
    status, out, _ = filled("fabric", "import", EXAMPLES / "gen", "--replace", "--output", "json")
    assert (status, json.loads(out)["changes"]) == (0, [{"object": "Server/default/new", "action": "deleted"}])


def test_a_large_removal_needs_a_yes(filled):
    """Nothing is removed without."""
    status, _, err = filled("fabric", "import", EXAMPLES / "gen" / "servers.yaml", "--fabric", "gen", "--replace")
    assert status == 1
    assert "64 of its 75 objects would be removed" in err
    status, out, _ = filled(
        "fabric", "import", EXAMPLES / "gen" / "servers.yaml", "--fabric", "gen", "--replace", "--yes"
    )
    assert (status, out.splitlines()[0]) == (0, "objects of gen: 11 unchanged, 64 deleted")


def test_an_export_imports_to_the_same(filled, tmp_path):
    """From a directory as from a stream."""
    directory = tmp_path / "out"
    status, out, _ = filled("fabric", "export", "gen", "--directory", directory)
    assert (status, out) == (0, f"76 files written to {directory}\n")
    assert (directory / "vpcs" / "prod.yaml").exists()
    status, out, _ = filled("fabric", "import", directory, "--replace", "--output", "json")
    assert (status, json.loads(out)["changes"]) == (0, [])


def test_the_list_of_fabrics_is_a_table_or_json(filled):
    """Columns are aligned; keys are those of the settings."""
    status, out, _ = filled("fabric", "list")
    assert status == 0
    heading, line = out.splitlines()
    assert heading.split() == ["NAME", "GIT", "CLUSTER", "LABELS", "SUSPENDED", "GENERATION", "UPDATED"]
    assert line.split()[:6] == ["gen", "demo/fabrics/gen", "demo_cluster", "-", "-", "2"]
    assert line.index("demo/") == heading.index("GIT")
    _, out, _ = filled("--output", "json", "fabric", "list")
    (fabric,) = json.loads(out)
    assert (fabric["name"], fabric["git_repository"], fabric["git_drift_policy"]) == ("gen", "demo", "hold")


def test_nothing_to_list_is_said(hedgehog):
    """And is an empty list for machines."""
    assert hedgehog("fabric", "list")[1] == "there are no fabrics; `hedgehog fabric import` creates one\n"
    assert json.loads(hedgehog("fabric", "list", "--output", "json")[1]) == []
    assert hedgehog("status")[1] == "no fabric has a sync enabled\n"


def test_a_fabric_is_shown_with_its_objects_and_its_state(filled):
    """All that the database has of it."""
    status, out, _ = filled("fabric", "show", "gen")
    assert status == 0
    assert "git_directory             fabrics/gen\n" in out
    assert "VPCPeering          1\n" in out
    assert "never_synced" in out
    _, out, _ = filled("fabric", "show", "gen", "--output", "json")
    shown = json.loads(out)
    assert shown["objects"]["Switch"] == 11
    assert "VPC/default/prod" in shown["object_refs"]
    assert {state["target"]: state["status"] for state in shown["sync"]} == {
        "git": "never_synced",
        "kubernetes": "waiting",
    }


def test_a_directory_of_hhfab_is_imported_as_it_is(hedgehog, tmp_path):
    """The fabric is created, hydrated, and says so; what was assigned is in the history and in the plan."""
    unhydrated.write(tmp_path / "lab", unhydrated.make_fab(), unhydrated.make_wiring(servers=1))
    status, out, err = hedgehog("fabric", "import", "--fabric", "lab", "--set", "description=a lab", tmp_path / "lab")
    assert (status, "fabric lab: created" in out) == (0, True)
    assert "assigned 23 values (addresses, ASNs) that were left out" in err
    status, out, _ = hedgehog("object", "get", "lab", "Switch/default/leaf-01")
    assert (status, "asn: 65101" in out) == (0, True)
    assert "65101" in hedgehog("blame", "lab", "Switch/default/leaf-01")[1]
    again = hedgehog("fabric", "import", "--fabric", "lab", tmp_path / "lab", "--output", "json")[1]
    assert json.loads(again)["changes"] == []


def test_an_import_without_hydration_refuses_wiring_without_addresses(hedgehog, tmp_path):
    """As before."""
    unhydrated.write(tmp_path, unhydrated.make_fab(), unhydrated.make_wiring())
    status, _, err = hedgehog("fabric", "import", "--fabric", "lab", "--hydrate", "never", tmp_path)
    assert (status, "switch-field-missing" in err) == (1, True)
    status, _, err = hedgehog("fabric", "import", "--set", "a=b", tmp_path / "include")
    assert (status, "--set goes with" in err) == (2, True)
