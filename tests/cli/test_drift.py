"""`hedgehog drift …` as people and scripts meet it."""

from __future__ import annotations

import json
import re

import pytest

from devstack.objects import make_server
from hedgehog.airflow import hooks
from hedgehog.fabric.drift import Drift, DriftState
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.apply import apply_one
from hedgehog.store import drift as store
from hedgehog.store import fabrics
from hedgehog.store.database import transaction
from tests.kube.clusters import api, cluster
from tests.test_cli import connection_uri, hedgehog

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
    fabrics.save_objects(database, fabric.id, [make_server("a"), make_server("b")])
    paths = tuple(f".spec.{letter}" for letter in "abcde")
    found = [
        drift("a", "changed", fabric_id=fabric.id, paths=paths, manager="kubectl-edit", score=0.25),
        drift("b", "missing", fabric_id=fabric.id),
        drift("c", "unowned", manager="helm"),
    ]
    with transaction(database) as cursor:
        store.note(cursor, "k8s_a", found)
    return hedgehog


def test_all_drift_is_listed_with_who_where_and_what_will_be(lab):
    """As a table and as JSON; what no fabric owns stands with its cluster's fabrics."""
    status, out, err = lab("drift", "list", "lab")
    assert (status, err) == (0, "")
    assert [re.sub(r"  [0-9]+s", "  0s", line).split() for line in out.splitlines()] == [
        ["FABRIC", "OBJECT", "STATE", "PART", "BY", "POLICY", "FOUND", "WHERE"],
        [
            "lab",
            "Server/default/a",
            "changed",
            "25%",
            "kubectl-edit",
            "report",
            "0s",
            ".spec.a,",
            ".spec.b,",
            ".spec.c",
            "+2",
        ],
        ["lab", "Server/default/b", "missing", "100%", "-", "report", "0s", "-"],
        ["lab", "Server/default/c", "unowned", "-", "helm", "-", "0s", "-"],
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
    assert [one.revert for one in store.listing(database, "lab")] == [True, False, False]
    assert "  revert  " in lab("drift", "list")[1]


def test_adopting_reads_the_cluster_and_changes_the_fabric(lab, database, api, cluster, monkeypatch):
    """What was changed there, and by name what is gone."""
    apply_one(api, make_server("a", "edited"))
    monkeypatch.setattr(hooks, "open_cluster", lambda name: cluster.connect(name=name))
    assert lab("drift", "adopt", "lab") == (0, "OBJECT            ACTION\nServer/default/a  configured\n", "")
    assert lab("drift", "adopt", "lab", "Server/default/b")[1].splitlines()[1:] == ["Server/default/b  deleted"]
    row_id = fabrics.load_fabric(database, "lab").id
    assert [row.manifest for row in fabrics.load_objects(database, [row_id])[row_id]] == [make_server("a", "edited")]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["revert", "lab", "Server/default/c"], 1, "Server/default/c has no drift that a sync could revert"),
        (["list", "lap"], 1, "there is no fabric 'lap'; did you mean lab?"),
        (["adopt", "lab", "VPC"], 2, "'VPC' is no object; write it as VPC/default/prod"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(lab, words, status, said):
    """With what to do instead."""
    found, out, err = lab("drift", *words)
    assert (found, out) == (status, "")
    assert said in err
