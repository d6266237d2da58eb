"""`hedgehog backup` and `hedgehog restore` as people and scripts meet them."""

from __future__ import annotations

import json

import pytest

from devstack.git_server import GitServer, Person
from hedgehog.store.database import transaction
from tests.cli.lab import connection_uri, filled, hedgehog

__all__ = ["connection_uri", "filled", "hedgehog"]


@pytest.fixture
def copy(command, postgres, monkeypatch):
    """The command on another, empty database; call it after those on the first."""
    postgres.database("cli_restored", template="hedgehog_template")

    def run(*arguments):
        monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", postgres.uri("cli_restored", scheme="postgres"))
        return command(*arguments)

    yield run
    postgres.drop("cli_restored")


def test_a_backup_is_written_and_restored(filled, copy, tmp_path):
    """Every line says what was done."""
    status, out, err = filled("backup", "--directory", tmp_path, "--output", "json")
    done = json.loads(out)
    assert (status, err, done["fabrics"], done["removed"]) == (0, "", 1, [])
    status, out, err = copy("restore", done["place"])
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "repository demo: created",
        f"fabric gen: created, {done['objects']} objects",
        f"restored from {done['place']}",
    ]
    status, out, err = copy("restore", done["place"])
    assert (status, out) == (1, "")
    assert err.startswith("hedgehog: error: the fabric database is not empty: it has 1 fabric and 1 repository")
    status, out, _ = copy("restore", done["place"], "--replace")
    assert (status, out.splitlines()[1]) == (0, f"fabric gen: unchanged, {done['objects']} objects")


def test_a_dry_run_says_what_would_be_written(filled, tmp_path):
    """And writes nothing."""
    status, out, _ = filled("backup", "--directory", tmp_path / "new", "--dry-run")
    assert (status, out.endswith(" objects would be written\n")) == (0, True)
    assert not (tmp_path / "new").exists()


def test_what_was_published_is_restored_from_git(copy, tmp_path):
    """As a person pushed it; the note says what Git does not know."""
    fabric = {
        "apiVersion": "wiring.githedgehog.com/v1alpha2",
        "kind": "Fabric",
        "metadata": {"name": "lab", "namespace": "hedgehog-system", "labels": {"hedgehog-airflow/fabric-id": "41"}},
        "spec": {"name": "Lab", "asn": 65001},
    }
    server = "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {name: s1}\nspec: {}\n"
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        files = {"fabrics/lab/fabric.yaml": json.dumps(fabric), "fabrics/lab/servers/s1.yaml": server}
        Person(tmp_path / "ada", host.url("net")).commit(files, "Publish")
        status, out, err = copy("restore", "--from-git", host.url("net"))
    assert (status, out.splitlines()[:2]) == (0, ["repository net: created", "fabric Lab: created, 1 objects"])
    assert err.startswith("hedgehog: note: both syncs are off")
    _, out, _ = copy("fabric", "show", "Lab", "--output", "json")
    shown = json.loads(out)
    assert (shown["id"], shown["asn"], shown["git_repository"], shown["git_directory"]) == (
        41,
        65001,
        "net",
        "fabrics/lab",
    )


@pytest.mark.parametrize("words", [(), ("x", "--from-git", "y")])
def test_a_restore_needs_one_source(hedgehog, words):
    """Asked wrongly: status 2."""
    status, out, err = hedgehog("restore", *words)
    assert (status, out) == (2, "")
    assert "name a backup, or a repository with --from-git; not both" in err


def test_a_login_in_a_url_is_refused(copy, tmp_path):
    """It would be stored."""
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        Person(tmp_path / "ada", host.url("net")).commit({"fabric.yaml": FABRIC}, "Publish")
        url = host.url("net").replace("http://", "http://ghp_canary@")
        status, out, err = copy("restore", "--from-git", url)
    assert (status, out) == (1, "")
    assert "the URL carries a credential; put it into the repository's connection" in err
    assert "canary" not in err


FABRIC = """
apiVersion: wiring.githedgehog.com/v1alpha2
kind: Fabric
metadata: {name: lab, namespace: hedgehog-system}
spec: {name: lab}
"""


def test_a_place_that_is_not_a_backup_is_said(copy, tmp_path):
    """The directory of all backups, for one."""
    status, _, err = copy("restore", tmp_path)
    assert (status, err) == (
        1,
        f"hedgehog: error: {tmp_path} has no manifest.json: it is not a backup, or was not written to its end\n",
    )


@pytest.mark.parametrize(
    "words",
    [("backup",), ("restore",), *(("dead-letters", word) for word in ("list", "show", "replay", "discard"))],
)
def test_every_command_explains_itself(command, words):
    """A sentence, and every option with its meaning."""
    status, out, _ = command(*words, "--help")
    assert (status, out.startswith(f"usage: hedgehog {' '.join(words)}")) == (0, True)


def test_a_backup_without_one_of_its_fabrics_says_so_and_ends_with_1(filled, database, tmp_path):
    """What is there is written all the same."""
    with transaction(database) as cursor:
        cursor.execute("""UPDATE hedgehog.fabric SET settings = '{"nonsense": 1}'""")
    status, out, err = filled("backup", "--directory", tmp_path)
    assert (status, out.endswith(": 0 fabrics, 0 objects written\n")) == (1, True)
    assert err.startswith("hedgehog: note: fabric gen is not in the backup: fabric gen: settings.nonsense")
