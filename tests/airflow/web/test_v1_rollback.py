"""A fabric is taken back to what it was with the API."""

from __future__ import annotations

import pytest

from devstack.objects import make_server, small_fabric
from hedgehog.store import fabrics
from hedgehog.store.actions import action_rows
from hedgehog.store.objects import load_objects, save_objects
from tests.airflow.web.api_lab import add_fabric
from tests.origins import origins


@pytest.fixture
def before(database):
    """The generation of a fabric before its server was changed, one was added, and its description."""
    gen = add_fabric(database, "gen", small_fabric("gen"), description="ours")
    save_objects(database, gen.id, [make_server("gen-srv", "moved"), make_server("another")])
    fabrics.save_fabric(database, "gen", {"description": "theirs"})
    return gen.generation


def contents(database):
    """What the fabric has: descriptions of its servers by name, and its own."""
    gen = fabrics.load_fabric(database, "gen")
    rows = load_objects(database, [gen.id])[gen.id]
    servers = {one.ref.name: one.manifest["spec"]["description"] for one in rows if one.ref.kind == "Server"}
    return servers, gen.description


def test_a_fabric_becomes_what_it_was(api, database, before):
    """A dry run shows it; then it is a new change with the user and the reason."""
    body = {"fabric": "gen", "to": str(before), "reason": "CHG-17"}
    shown = api.post("/actions/rollback", json={**body, "dry_run": True}).json()
    (part,) = shown["plan"]["parts"]
    assert [(one["object"], one["action"]) for one in part["changes"]] == [
        ("Server/default/another", "deleted"),
        ("Server/default/gen-srv", "configured"),
    ]
    assert (shown["to"]["generation"], shown["generation"]) == (before, None)
    assert contents(database) == ({"gen-srv": "moved", "another": "a server"}, "theirs")
    done = api.post("/actions/rollback", json=body).json()
    assert contents(database) == ({"gen-srv": "a server"}, "ours")
    assert done["generation"] == fabrics.load_fabric(database, "gen").generation
    who, via, why = origins(database, "gen")[-1]
    assert (who, via, "CHG-17" in why) == ("ann", "api", True)
    (row,) = action_rows(database, "gen", after=None, limit=5)
    assert (row["actor"], row["action"], row["reason"]) == ("ann", "rollback", "CHG-17")


def test_one_object_becomes_what_it_was(api, database, before):
    """The others stay."""
    body = {"fabric": "gen", "to": str(before), "reason": "x", "objects": ["Server/default/gen-srv"]}
    assert api.post("/actions/rollback", json=body).status_code == 200
    assert contents(database) == ({"gen-srv": "a server", "another": "a server"}, "theirs")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"to": "99999"}, 404, "no generation 99999"),
        ({"to": "yesterday"}, 422, "is neither a generation"),
        ({"to": "1", "objects": ["server"]}, 422, "is not an object"),
        ({"to": "1", "objects": ["VPC/default/gone"]}, 404, "has no VPC/default/gone"),
    ],
)
def test_what_it_never_was_is_said(api, before, body, status, said):
    """With what to ask instead."""
    answer = api.post("/actions/rollback", json={"fabric": "gen", "reason": "x", **body})
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
