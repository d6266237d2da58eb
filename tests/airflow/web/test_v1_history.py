"""Who changed what, as the API tells it."""

from __future__ import annotations

import pytest

from devstack.objects import make_server, small_fabric
from hedgehog.fabric.origin import Origin, Via
from hedgehog.store import fabrics
from hedgehog.store.database import transaction
from hedgehog.store.objects import save_objects
from hedgehog.store.origins import set_origin
from tests.airflow.web.api_lab import add_fabric, publish


@pytest.fixture
def changed(database):
    """The fabric gen after ann changed a server; the generation that she made."""
    gen = add_fabric(database, "gen", small_fabric("gen"))
    with transaction(database) as cursor:
        set_origin(cursor, Origin(who="ann", via=Via.API, why="CHG-17", run="run-1"))
        save_objects(database, gen.id, [make_server("gen-srv", "moved")])
    return fabrics.load_fabric(database, "gen").generation


def test_changes_are_listed_with_who_and_why(database, read, changed):
    """The newest first, page by page, of a fabric, an object, a person."""
    found = read("/history", fabric="gen", limit=1)
    (row,) = found["items"]
    assert (row["who"], row["via"], row["why"], row["generation"]) == ("ann", "api", "CHG-17", changed)
    assert (row["counts"], row["objects"]) == (
        {"created": 0, "configured": 1, "deleted": 0},
        ["Server/default/gen-srv"],
    )
    rest = read("/history", fabric="gen", cursor=found["next_cursor"])["items"]
    assert rest
    assert changed not in {one["generation"] for one in rest}
    assert [one["who"] for one in read("/history", by="ann")["items"]] == ["ann"]
    assert len(read("/history", fabric="gen", object="Server/default/gen-srv")["items"]) == 2
    assert read("/history", since="2100-01-01T00:00:00Z")["items"] == []


def test_two_moments_are_compared_field_by_field(read, changed):
    """The last change, or what lies between any two."""
    found = read("/fabrics/gen/diff")
    (one,) = found["objects"]
    assert (one["object"], one["action"]) == ("Server/default/gen-srv", "configured")
    assert one["fields"] == [{"path": ".spec.description", "before": "a server", "after": "moved"}]
    assert read("/fabrics/gen/diff", **{"from": str(changed), "to": "now"})["objects"] == []
    assert len(read("/fabrics/gen/diff", **{"from": "1", "to": str(changed - 1)})["objects"]) == 5


def test_every_field_has_the_change_that_set_it(read, changed):
    """Its author and reason."""
    found = {one["path"]: one for one in read("/fabrics/gen/objects/Server/default/gen-srv/blame")}
    assert (found[".spec.description"]["value"], found[".spec.description"]["change"]["who"]) == ("moved", "ann")
    assert found[".metadata.name"]["change"]["generation"] < changed


def test_a_change_is_traced_to_the_switches(database, read, changed):
    """What it has reached, and what it waits for."""
    stages = {one["name"]: one for one in read("/trace/gen")[0]["stages"]}
    assert (stages["changed"]["by"], stages["committed"]["at"]) == ("ann, api", None)
    assert stages["committed"]["waits_for"]
    publish(database, fabrics.load_fabric(database, "gen"))
    (traced,) = read("/trace/aaaaaaaa")
    assert traced["change"]["generation"] == changed
    assert [one["name"] for one in traced["stages"] if one["at"]] == ["changed", "committed", "applied"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/history?object=VPC/default/x", 422, "needs `fabric`"),
        ("/history?fabric=gen&object=VPC", 422, "is not an object"),
        ("/history?fabric=ge", 404, "did you mean gen?"),
        ("/history?since=yesterday", 422, "query/since"),
        ("/fabrics/gen/diff?from=99999", 404, "no generation 99999"),
        ("/fabrics/gen/diff?from=git", 422, "is neither a generation"),
        ("/fabrics/gen/objects/VPC/default/gone/blame", 404, "never had"),
        ("/trace/gone", 404, "neither a fabric nor a commit"),
    ],
)
def test_what_the_history_does_not_have_is_said(api, changed, path, status, said):
    """With what to ask instead."""
    answer = api.get(path)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
