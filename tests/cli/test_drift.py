"""`hedgehog drift …` as people and scripts meet it."""

from __future__ import annotations

import json
import re

import pytest

from devstack.git_server import GitServer, Person
from devstack.objects import make_server
from hedgehog.airflow.adapters import hooks
from hedgehog.fabric import render
from hedgehog.fabric.differences import FieldDifference
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.apply import apply_one
from hedgehog.store import fabrics, open_drift
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from tests.cli.lab import connection_uri, hedgehog
from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster", "connection_uri", "hedgehog"]


def drift(name, state, **values):
    """A drift of a server."""
    return Drift(ObjectRef("Server", "default", name), DriftState(state), **values)


@pytest.fixture
def lab(hedgehog, database):
    """The command on a database with a fabric that has drifted in all ways."""
    settings = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_a", "drift_policy": "report"}
    fabrics.save_fabric(database, "lab", settings)
    fabric = fabrics.load_fabric(database, "lab")
    object_store.save_objects(database, fabric.id, [make_server("a"), make_server("b")])
    paths = tuple(f".spec.{letter}" for letter in "abcdefg")
    values = (FieldDifference(".spec.a", 1, "2"), *(FieldDifference(path, 1, 2) for path in paths[1:]))
    found = [
        drift("a", "changed", fabric_id=fabric.id, paths=paths, manager="kubectl", score=0.25, differences=values),
        drift("b", "missing", fabric_id=fabric.id),
        drift("c", "unowned", manager="helm"),
    ]
    with transaction(database) as cursor:
        open_drift.note(cursor, "k8s_a", found)
    return hedgehog


def test_all_drift_is_listed_with_who_where_and_what_will_be(lab):
    """As a table with both values, and as JSON; what no fabric owns stands with its cluster's fabrics."""
    status, out, err = lab("drift", "list", "lab")
    assert (status, err) == (0, "")
    assert [re.sub(r"  [0-9]+s", "  0s", line).split() for line in out.splitlines()] == [
        ["FABRIC", "WHERE", "OBJECT", "STATE", "BY", "NEXT", "FOUND"],
        ["lab", "cluster", "Server/default/a", "changed", "kubectl", "held", "0s"],
        *([f".spec.{letter}:", "1", "→", "2"] for letter in "abcde"),
        ["and", "2", "more;", "--verbose", "shows", "all"],
        ["lab", "cluster", "Server/default/b", "missing", "-", "held", "0s"],
        ["lab", "cluster", "Server/default/c", "unowned", "helm", "left", "0s"],
        [],
        ["what", "is", "held", "waits", "for", "you:", "`hedgehog", "drift", "adopt|revert", "NAME", "OBJECT`"],
    ]
    found = json.loads(lab("drift", "list", "--output", "json")[1])
    assert [(one["object"], one["state"], one["score"], one["policy"]) for one in found] == [
        ("Server/default/a", "changed", 0.25, "report"),
        ("Server/default/b", "missing", 1.0, "report"),
        ("Server/default/c", "unowned", 1.0, None),
    ]


def test_a_revert_is_noted_and_shown(lab, database):
    """The next sync does it; how to have it at once is said."""
    status, out, err = lab("drift", "revert", "lab", "Server/default/a")
    assert (status, out) == (0, "Server/default/a\n")
    assert err == "hedgehog: note: the next sync writes them; at once: `hedgehog sync kubernetes lab`\n"
    assert [one.revert for one in open_drift.listing(database, "lab")] == [True, False, False]
    assert "  reverted  " in lab("drift", "list")[1]


def test_adopting_reads_the_cluster_and_changes_the_fabric(lab, database, api, cluster, monkeypatch):
    """What was changed there, and by name what is gone."""
    apply_one(api, make_server("a", "edited"))
    monkeypatch.setattr(hooks, "open_cluster", lambda name: cluster.connect(name=name))
    assert lab("drift", "adopt", "lab") == (0, "OBJECT            ACTION\nServer/default/a  configured\n", "")
    assert lab("drift", "adopt", "lab", "Server/default/b")[1].splitlines()[1:] == ["Server/default/b  deleted"]
    row_id = fabrics.load_fabric(database, "lab").id
    assert [row.manifest for row in object_store.load_objects(database, [row_id])[row_id]] == [
        make_server("a", "edited")
    ]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["revert", "lab", "Server/default/c"], 1, "Server/default/c has no drift that a sync could revert"),
        (["list", "lap"], 1, "there is no fabric 'lap'; did you mean lab?"),
        (["adopt", "lab", "VPC"], 2, "'VPC' is not an object; write VPC/default/prod, or the path of a file in Git"),
        (["revert", "lab", "x/y.yaml"], 1, "x/y.yaml is not a file in Git that waits for a decision"),
        (["revert", "lab", "Server/default/a", "--in", "git"], 1, "Server/default/a is not a file in Git"),
    ],
)
def test_what_cannot_be_done_is_reported_in_a_line(lab, words, status, said):
    """With what to do instead."""
    found, out, err = lab("drift", *words)
    assert (found, out) == (status, "")
    assert said in err


@pytest.fixture
def git_server(tmp_path, monkeypatch):
    """A Git host, and a place for the clones of it."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    with GitServer(tmp_path / "host") as host:
        yield host


@pytest.fixture
def both(lab, database, git_server):
    """The same, with an edit in Git of the object that drifted in the cluster, too."""
    git_server.create("net")
    fabrics.save_repository(database, "net", {"url": git_server.url("net")})
    fabrics.save_fabric(database, "lab", {"git_repository": "net", "git_directory": "lab", "git_sync_enabled": True})
    assert lab("sync", "git")[0] == 0
    edited = render.dump(make_server("a", "by Ada")).decode()
    Person(git_server.root / "ada", git_server.url("net")).commit({"lab/servers/a.yaml": edited})
    lab("sync", "git", "lab", "--force")
    return lab


def test_one_command_decides_about_git_and_cluster(both, database):
    """Where an object was changed at both places, to adopt needs a word more."""
    found = {(one["in"], one["object"]): one for one in json.loads(both("drift", "list", "lab", "--output", "json")[1])}
    edit = found["git", "Server/default/a"]
    assert (edit["path"], edit["next"], edit["differences"][0]["theirs"]) == ("lab/servers/a.yaml", "held", "by Ada")
    assert found["cluster", "Server/default/a"]["next"] == "held"
    status, _, err = both("drift", "adopt", "lab", "Server/default/a")
    assert (status, "changed in Git and in the cluster; say --in git or --in cluster" in err) == (1, True)
    status, out, _ = both("drift", "adopt", "lab", "Server/default/a", "--in", "git")
    assert (status, out.splitlines()[1:]) == (0, ["Server/default/a  configured"])
    assert [row.manifest["spec"]["description"] for row in stored(database) if row.ref.name == "a"] == ["by Ada"]


def test_a_revert_without_a_place_is_meant_for_both(both, database):
    """The fabric's own is wanted, wherever it was changed."""
    status, out, err = both("drift", "revert", "lab", "Server/default/a")
    assert (status, out.splitlines()) == (0, ["lab/servers/a.yaml", "Server/default/a"])
    assert "hedgehog sync git lab" in err
    assert "hedgehog sync kubernetes lab" in err


def test_a_correction_that_others_stand_in_the_way_of_reads_as_held(lab, database):
    """`conflict_policy: report` holds what `drift_policy: correct` would write."""
    fabrics.save_fabric(database, "lab", {"drift_policy": "correct"})
    found = {one["object"]: one["next"] for one in json.loads(lab("drift", "list", "--output", "json")[1])}
    assert found == {"Server/default/a": "held", "Server/default/b": "corrected", "Server/default/c": "left"}
    fabrics.save_fabric(database, "lab", {"conflict_policy": "force"})
    assert json.loads(lab("drift", "list", "--output", "json")[1])[0]["next"] == "corrected"


def stored(database):
    """The objects of the fabric."""
    row_id = fabrics.load_fabric(database, "lab").id
    return object_store.load_objects(database, [row_id])[row_id]


def test_values_of_strangers_stay_on_their_line(lab, database):
    """A file cannot forge a row, nor move the cursor."""
    evil = FieldDifference(".spec.a", "x", "y\x1b[2J\nlab  cluster  VPC/default/forged  changed")
    row_id = fabrics.load_fabric(database, "lab").id
    with transaction(database) as cursor:
        open_drift.note(
            cursor, "k8s_a", [drift("a", "changed", fabric_id=row_id, paths=(".spec.a",), differences=(evil,))]
        )
    out = lab("drift", "list", "lab")[1]
    assert "\x1b" not in out
    assert not any(line.startswith("lab  cluster  VPC") for line in out.splitlines())
