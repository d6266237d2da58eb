"""`hedgehog fabric suspend|resume|delete` and `hedgehog repository …` as people and scripts meet them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from devstack.git_server import GitServer, Person
from devstack.objects import make_server
from hedgehog.airflow.adapters import hooks
from hedgehog.errors import RemoteUnavailable
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from tests.cli.lab import connection_uri, hedgehog
from tests.kube.clusters import api, cluster
from tests.services.git.sync_lab import make_vpc

__all__ = ["api", "cluster", "connection_uri", "hedgehog"]


@pytest.fixture
def lab(hedgehog, database, tmp_path, monkeypatch):
    """The command, with a fabric that is in Git and in a cluster that nobody can reach."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        fabrics.save_repository(database, "net", {"url": host.url("net")})
        fabrics.save_repository(database, "unused", {"url": host.url("unused")})
        settings = {"git_repository": "net", "git_directory": "fabrics/lab", "git_sync_enabled": True}
        fabrics.save_fabric(database, "lab", settings)
        fabrics.save_fabric(database, "other", {})
        object_store.save_objects(database, fabrics.load_fabric(database, "lab").id, [make_vpc("vpc-0")])
        hedgehog.host = host
        assert hedgehog("sync", "git", "lab")[0] == 0
        yield hedgehog


def test_several_fabrics_are_suspended_and_resumed_at_once(lab):
    """All of them or none, with a reason, and an end if there is one."""
    status, out, _ = lab("fabric", "suspend", "lab", "other", "--reason", "switch upgrade", "--for", "2h")
    assert (status, [line.split()[0] for line in out.splitlines()]) == (0, ["lab", "other"])
    found = json.loads(lab("fabric", "list", "--output", "json")[1])
    until = datetime.fromisoformat(found[0]["suspended_until"])
    assert timedelta(minutes=119) < until - datetime.now(UTC) < timedelta(minutes=121)
    assert json.loads(lab("status", "--output", "json")[1])[0]["status"] == "suspended"
    assert "switch upgrade" in lab("status")[1]
    assert lab("fabric", "resume", "lab", "nowhere")[0] == 1
    assert json.loads(lab("status", "--output", "json")[1])[0]["status"] == "suspended"
    assert lab("fabric", "resume", "lab")[1] == "lab is resumed and due at once\n"


def test_a_resume_of_what_is_not_suspended_says_so(lab):
    """And is content."""
    assert lab("fabric", "resume", "lab") == (0, "lab is not suspended; nothing was changed\n", "")


def test_a_suspended_fabric_can_be_previewed(lab, database):
    """To look at is not to touch."""
    object_store.save_objects(database, fabrics.load_fabric(database, "lab").id, [make_server("new")])
    lab("fabric", "suspend", "lab", "--reason", "CHG-17")
    status, out, err = lab("sync", "git", "lab", "--dry-run", "--output", "json")
    assert (status, json.loads(out)[0]["counts"]["created"]) == (0, 1)
    assert "lab is suspended: CHG-17; a sync skips it until it is resumed" in err
    assert json.loads(lab("sync", "git", "lab", "--output", "json")[1])[0]["status"] == "skipped"


def test_a_deletion_is_shown_first_and_says_what_stays(lab, database):
    """How to remove it stands beside it."""
    status, out, err = lab("fabric", "delete", "lab")
    assert (status, "nothing was changed; do it with --yes" in err) == (1, True)
    assert "3 files stay in Git, in fabrics/lab of net" in out
    assert "git rm --quiet --ignore-unmatch -- fabrics/lab/README.md fabrics/lab/fabric.yaml fabrics/lab/vpcs/" in out
    assert lab("fabric", "delete", "lab", "--dry-run")[0] == 0
    assert fabrics.fabric_names(database) == ["lab", "other"]
    status, out, _ = lab("fabric", "delete", "lab", "--yes")
    assert (status, out.splitlines()[0]) == (0, "lab is forgotten")
    assert fabrics.fabric_names(database) == ["other"]


def test_a_purge_is_shown_first_and_leaves_edits(lab, database, tmp_path):
    """What people wrote is theirs."""
    Person(tmp_path / "ada", lab.host.url("net")).commit({"fabrics/lab/README.md": "mine\n", "fabrics/lab/notes": "x"})
    status, out, _ = lab("fabric", "delete", "lab", "--purge")
    assert (status, "from Git, 2 files of net:" in out) == (1, True)
    assert "1 file stays in Git because of changes by others: fabrics/lab/README.md" in out
    assert fabrics.fabric_names(database) == ["lab", "other"]
    status, out, err = lab("fabric", "delete", "lab", "--purge", "--yes", "--output", "json")
    done = json.loads(out)
    assert (status, done["action"], done["done"]) == (0, "purged", True), err
    assert done["left"]["edited_files"] == ["fabrics/lab/README.md"]
    assert fabrics.fabric_names(database) == ["other"]


def test_a_purge_that_is_cut_off_says_how_it_stands_and_how_to_go_on(lab, database, api, cluster, monkeypatch):
    """The files are gone already when the cluster is unreachable."""
    monkeypatch.setattr(hooks, "open_cluster", lambda name: cluster.connect(name=name))
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_lab"})
    assert (lab("sync", "git", "lab")[0], lab("sync", "kubernetes", "lab")[0]) == (0, 0)
    opened = []

    def away(name):
        opened.append(name)
        if len(opened) > 1:
            raise RemoteUnavailable(f"{name} is away")
        return cluster.connect(name=name)

    monkeypatch.setattr(hooks, "open_cluster", away)
    status, out, err = lab("fabric", "delete", "lab", "--purge", "--yes")
    assert (status, out) == (1, "")
    assert "note: lab is not gone, though a part of it may be: suspended: it is being purged; go on with" in err
    assert "error: k8s_lab is away" in err
    monkeypatch.setattr(hooks, "open_cluster", lambda name: cluster.connect(name=name))
    status, out, _ = lab("fabric", "delete", "lab", "--purge", "--yes")
    assert (status, out.startswith("lab is gone: 0 files removed from Git, 2 objects from clusters")) == (0, True)


def test_orphans_of_a_deleted_fabric_are_listed_and_pruned(lab, database, api, cluster, monkeypatch):
    """They are told of until somebody removes them."""
    monkeypatch.setattr(hooks, "open_cluster", lambda name: cluster.connect(name=name))
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_lab"})
    assert lab("sync", "git", "lab")[0] == 0
    status, out, err = lab("sync", "kubernetes", "lab")
    assert (status, "success" in out) == (0, True), err + out
    lab("fabric", "delete", "lab", "--yes")
    orphans = {one["object"]: one["state"] for one in json.loads(lab("drift", "list", "--output", "json")[1])}
    assert orphans == {"VPC/default/vpc-0": "orphan", "Fabric/hedgehog-system/lab": "orphan"}
    status, _, err = lab("drift", "prune", "k8s_lab")
    assert (status, "nothing was deleted" in err) == (1, True)
    assert lab("drift", "prune", "k8s_lab", "VPC/default/no", "--yes")[0] == 1
    status, out, _ = lab("drift", "prune", "k8s_lab", "--yes")
    assert (status, sorted(out.splitlines())) == (
        0,
        ["Fabric/hedgehog-system/lab deleted", "VPC/default/vpc-0 deleted"],
    )
    assert lab("drift", "list")[1] == "no drift is known\n"
    assert lab("drift", "prune", "k8s_lab")[0] == 0


def test_repositories_are_listed_shown_and_deleted(lab):
    """One that a fabric uses stays."""
    status, out, _ = lab("repository", "list")
    assert (status, [line.split()[:4] for line in out.splitlines()[1:]]) == (
        0,
        [["net", "main", "-", "1"], ["unused", "main", "-", "0"]],
    )
    assert "lab     fabrics/lab" in lab("repository", "show", "net")[1]
    status, _, err = lab("repository", "delete", "net", "--yes")
    assert (status, "net is used by lab" in err) == (1, True)
    assert lab("repository", "delete", "unused", "--yes")[0] == 0
    assert [one["name"] for one in json.loads(lab("repository", "list", "--output", "json")[1])] == ["net"]


def test_a_fabric_with_unreadable_settings_is_listed_and_shown_with_the_reason(hedgehog, database):
    """Of a newer version, for example; the others are listed, too."""
    fabrics.save_fabric(database, "odd", {})
    fabrics.save_fabric(database, "other", {})
    with transaction(database) as cursor:
        cursor.execute("""UPDATE hedgehog.fabric SET settings = '{"nonsense": 1}' WHERE name = 'odd'""")
    assert [one["name"] for one in json.loads(hedgehog("fabric", "list", "--output", "json")[1])] == ["odd", "other"]
    assert hedgehog("fabric", "list")[0] == 0
    status, out, err = hedgehog("fabric", "show", "odd", "--output", "json")
    assert (status, err) == (0, "")
    assert "settings.nonsense: there is no such setting" in json.loads(out)["settings"]["unreadable"]
