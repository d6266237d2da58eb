"""The fabrics of the NetBox plugin that this product replaces are taken over from its tables."""

from __future__ import annotations

import json
from typing import Any

import psycopg2
import pytest

from devstack.objects import make_vpc, small_fabric
from hedgehog.__main__ import main
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import jsonb
from tests.origins import origins

FABRICS = """
CREATE TABLE netbox_hedgehog_gitrepository (
    id bigserial PRIMARY KEY, created timestamptz, last_updated timestamptz, custom_field_data jsonb NOT NULL DEFAULT '{}',
    name varchar(200) NOT NULL, url varchar(500) NOT NULL, provider varchar(20) NOT NULL DEFAULT 'generic',
    authentication_type varchar(20) NOT NULL DEFAULT 'token', encrypted_credentials text NOT NULL,
    default_branch varchar(100) NOT NULL DEFAULT 'main', push_branch varchar(100) NOT NULL DEFAULT '',
    created_by_id integer);
CREATE TABLE netbox_hedgehog_hedgehogfabric (
    id bigserial PRIMARY KEY, created timestamptz, last_updated timestamptz, custom_field_data jsonb NOT NULL DEFAULT '{}',
    name varchar(100) NOT NULL UNIQUE, description text NOT NULL DEFAULT '', status varchar(20) NOT NULL DEFAULT 'active',
    kubernetes_server varchar(200) NOT NULL DEFAULT '', kubernetes_token text NOT NULL DEFAULT '',
    kubernetes_ca_cert text NOT NULL DEFAULT '', kubernetes_namespace varchar(253) NOT NULL DEFAULT 'default',
    sync_enabled boolean NOT NULL DEFAULT true, sync_interval integer NOT NULL DEFAULT 300,
    git_repository_id bigint REFERENCES netbox_hedgehog_gitrepository, gitops_directory varchar(500) NOT NULL DEFAULT '/',
    git_repository_url varchar(200), git_branch varchar(100) NOT NULL DEFAULT 'main',
    git_path varchar(255) NOT NULL DEFAULT 'hedgehog/', git_token varchar(255) NOT NULL DEFAULT '');
"""
OBJECTS = """
CREATE TABLE netbox_hedgehog_{table} (
    id bigserial PRIMARY KEY, created timestamptz, last_updated timestamptz, custom_field_data jsonb NOT NULL DEFAULT '{{}}',
    name varchar(253) NOT NULL, namespace varchar(253) NOT NULL DEFAULT 'default', spec jsonb NOT NULL, raw_spec jsonb,
    labels jsonb NOT NULL DEFAULT '{{}}', annotations jsonb NOT NULL DEFAULT '{{}}',
    kubernetes_status varchar(20) NOT NULL DEFAULT 'live', kubernetes_uid varchar(36) NOT NULL DEFAULT '',
    auto_sync boolean NOT NULL DEFAULT true, git_file_path varchar(500) NOT NULL DEFAULT '',
    fabric_id bigint NOT NULL REFERENCES netbox_hedgehog_hedgehogfabric, UNIQUE (fabric_id, namespace, name));
"""
SECRET = "k8s-0123456789abcdef"
KINDS = ("vpc", "vpcattachment", "vlannamespace", "ipv4namespace", "connection", "server", "switch", "switchgroup")
"""As an older version has them: some kinds have no table."""


class NetBox:
    """Its database, as the plugin leaves it."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.connection = psycopg2.connect(**parameters)
        self.execute(FABRICS)
        for table in KINDS:
            self.execute(OBJECTS.format(table=table))

    def execute(self, text: str, *values: Any) -> None:
        """Run SQL."""
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute(text, values)

    def fabric(self, name: str, *, columns: str = "", values: tuple[Any, ...] = ()) -> None:
        """A fabric with a cluster."""
        more = ", ".join(["%s"] * len(values))
        self.execute(
            f"INSERT INTO netbox_hedgehog_hedgehogfabric (name, kubernetes_server, kubernetes_token{columns})"
            f" VALUES (%s, 'https://k8s.example.com:6443', %s{', ' + more if more else ''})",
            name,
            SECRET,
            *values,
        )

    def add(self, fabric: str, *manifests: dict[str, Any], status: str = "live") -> None:
        """Objects of a fabric."""
        for one in manifests:
            metadata = one["metadata"]
            self.execute(
                f"INSERT INTO netbox_hedgehog_{one['kind'].lower()} (name, namespace, spec, labels, kubernetes_status, fabric_id)"
                " SELECT %s, %s, %s, %s, %s, id FROM netbox_hedgehog_hedgehogfabric WHERE name = %s",
                metadata["name"],
                metadata["namespace"],
                jsonb(one["spec"]),
                jsonb(metadata.get("labels", {})),
                status,
                fabric,
            )


@pytest.fixture
def netbox(database, database_parameters, postgres, monkeypatch):
    """NetBox's tables in the schema `public`, which the fabric database does not use."""
    found = NetBox(database_parameters)
    uri = postgres.uri(database_parameters["dbname"], scheme="postgres")
    for name in ("HEDGEHOG_DB", "NETBOX_DB"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", uri)
    yield found
    found.connection.close()


@pytest.fixture
def take_over(netbox, capsys):
    """Run the command; its exit status, what it wrote to stdout and to stderr."""

    def run(*options: str) -> tuple[int, str, str]:
        status = main(["fabric", "import", "--from-netbox", "netbox_db", *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def stored(database, fabric):
    """The objects of a fabric by ref."""
    row = fabrics.load_fabric(database, fabric)
    return {str(one.ref): one.manifest for one in object_store.load_objects(database, [row.id])[row.id]}


def test_fabrics_with_their_objects_and_repositories_are_taken_over(netbox, take_over, database):
    """Nothing is synced yet, no secret is shown, and a second run changes nothing."""
    netbox.execute(
        "INSERT INTO netbox_hedgehog_gitrepository (name, url, encrypted_credentials, default_branch)"
        " VALUES ('Ours', 'https://git.example.com/acme/net.git', %s, 'trunk')",
        SECRET,
    )
    netbox.fabric(
        "gen", columns=", description, git_repository_id, gitops_directory", values=("A lab", 1, "/fabrics/gen/")
    )
    objects = small_fabric("gen")
    netbox.add("gen", *(one for one in objects if one["kind"] != "SwitchProfile"))
    netbox.add("gen", make_vpc("going"), status="deleting")
    netbox.fabric(
        "old", columns=", git_repository_url, git_token", values=("https://git.example.com/acme/old.git", SECRET)
    )
    status, out, err = take_over()
    assert (status, SECRET in out + err) == (0, False)
    assert "fabric gen: created" in out
    wanted = {f"{one['kind']}/{one['metadata']['namespace']}/{one['metadata']['name']}": one["spec"] for one in objects}
    assert {ref: one["spec"] for ref, one in stored(database, "gen").items()} == wanted
    gen, old = (fabrics.load_fabric(database, name) for name in ("gen", "old"))
    assert (gen.description, gen.git_repository.url, gen.git_repository.branch, gen.git_directory) == (
        "A lab",
        "https://git.example.com/acme/net.git",
        "trunk",
        "fabrics/gen",
    )
    assert (gen.git_sync_enabled, gen.kubernetes_sync_enabled) == (False, False)
    assert (old.git_repository.branch, old.git_directory) == ("main", "hedgehog")
    assert "VPC/default/going: left out, it is being deleted" in err
    assert "its cluster is https://k8s.example.com:6443: create an Airflow connection" in err
    assert origins(database, "gen")[-1][1] == "cli"
    generations = [gen.generation, old.generation]
    assert take_over()[0] == 0
    assert [fabrics.load_fabric(database, name).generation for name in ("gen", "old")] == generations


def test_a_fabric_that_cannot_be_stored_does_not_hold_up_the_others(netbox, take_over, database):
    """What a cluster would refuse is said with the object; nothing of that fabric is stored."""
    netbox.fabric("bad")
    netbox.add(
        "bad", {"kind": "VPC", "metadata": {"name": "a", "namespace": "default"}, "spec": {"subnets": {"a": {}}}}
    )
    netbox.fabric("Good One")
    netbox.fabric("good")
    status, out, err = take_over("--output", "json")
    assert (status, fabrics.fabric_names(database)) == (1, ["good"])
    assert sorted(json.loads(out)["failed"]) == ["Good One", "bad"]
    assert "netbox_db/VPC/default/a" in err
    assert take_over("--fabric", "goood")[2].endswith("did you mean good?\n")


def test_a_dry_run_stores_nothing_and_netbox_is_never_written(netbox, take_over, database):
    """The database of another product is read only."""
    netbox.fabric("gen", columns=", git_repository_url", values=("https://git.example.com/acme/old.git",))
    status, out, _ = take_over("--fabric", "gen", "--dry-run")
    assert (status, "fabric gen: created" in out, fabrics.fabric_names(database)) == (0, True, [])
    assert fabrics.load_repositories(database) == []


def test_a_database_without_the_plugin_is_refused(take_over, netbox):
    """It says what to name."""
    netbox.execute("DROP TABLE netbox_hedgehog_hedgehogfabric CASCADE")
    status, _, err = take_over()
    assert (status, "name the connection of the database of NetBox" in err) == (1, True)
