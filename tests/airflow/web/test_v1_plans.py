"""A change is planned with the API, and carried out exactly as it was shown."""

from __future__ import annotations

import pytest

from devstack.objects import make, make_server, small_fabric
from hedgehog.fabric.change_plan import ChangePlan, PlanKind
from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.render import dump
from hedgehog.services.steer.edits import edit_object
from hedgehog.store import fabrics
from hedgehog.store.actions import action_rows
from hedgehog.store.database import transaction
from hedgehog.store.objects import load_named, object_refs, save_objects
from hedgehog.store.plans import save_plan
from tests.airflow.web.api_lab import add_fabric
from tests.origins import origins

MOVED = dump(make_server("gen-srv", "moved")).decode()


@pytest.fixture
def gen(database):
    """A fabric."""
    return add_fabric(database, "gen", small_fabric("gen"))


@pytest.fixture
def plan(api, gen):
    """Make a plan."""

    def made(**body):
        answer = api.post("/actions/plan", json={"fabric": "gen", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return made


def test_a_plan_shows_the_change_and_what_it_concerns(plan, read, database, gen):
    """Field by field; nothing is stored but the plan, which can be read again."""
    found = plan(text=MOVED, deletes=["VPCAttachment/gen-attach"])
    (part,) = found["parts"]
    assert [(one["object"], one["action"]) for one in part["changes"]] == [
        ("Server/default/gen-srv", "configured"),
        ("VPCAttachment/default/gen-attach", "deleted"),
    ]
    assert part["changes"][0]["differences"] == [{"path": ".spec.description", "before": "a server", "after": "moved"}]
    assert found["blast_radius"]["servers"] == ["gen-srv"]
    assert (found["kind"], found["generation"]) == ("change", gen.generation)
    assert read(f"/plans/{found['id']}") == found
    assert fabrics.load_fabric(database, "gen").generation == gen.generation


def test_a_plan_is_carried_out_with_the_user_and_the_reason(plan, api, database, gen):
    """All of it, in one change."""
    found = plan(text=MOVED, deletes=["VPCAttachment/gen-attach"])
    done = api.post("/actions/apply", json={"plan": found["id"], "reason": "CHG-17"})
    assert [(one["subject"], one["action"]) for one in done.json()["changes"]] == [
        ("Server/default/gen-srv", "configured"),
        ("VPCAttachment/default/gen-attach", "deleted"),
    ]
    assert "gen-attach" not in {ref.name for ref in object_refs(database, gen.id)}
    assert origins(database, "gen")[-1] == ("ann", "api", "CHG-17")
    (row,) = action_rows(database, "gen", after=None, limit=5)
    assert (row["actor"], row["action"], row["reason"]) == ("ann", "apply", "CHG-17")


def test_addresses_that_are_left_out_are_part_of_the_plan(plan, api, database, gen):
    """And are valid, stored and in history as they were shown."""
    text = dump(make("Switch", "new-leaf", {"role": "server-leaf", "profile": "dell-s5248f-on"})).decode()
    checked = api.post("/actions/validate", json={"text": text, "fabric": "gen"}).json()
    assert (checked["valid"], "assigned 4 values" in checked["notes"][-1]) == (True, True)
    found = plan(text=text)
    (part,) = found["parts"]
    assert "assigned 4 values" in part["warnings"][-1]
    assert api.post("/actions/apply", json={"plan": found["id"], "reason": "CHG-18"}).status_code == 200
    ref = ObjectRef("Switch", "default", "new-leaf")
    (stored,) = load_named(database, gen.id, [ref])
    assert stored.manifest["spec"].keys() >= {"asn", "ip", "protocolIP", "vtepIP"}


def test_an_edit_assigns_what_it_leaves_out(database, gen):
    """A new switch gets free values, which are shown; one that is edited without its values keeps them."""
    text = dump(make("Switch", "new-leaf", {"role": "server-leaf", "profile": "dell-s5248f-on"})).decode()
    ann = Origin(who="ann", via=Via.API, why="CHG-18")
    dry = edit_object(database, "gen", text, digest=None, origin=ann, dry_run=True)
    done = edit_object(database, "gen", text, digest=None, origin=ann)
    assert dry.differences == done.differences
    (shown,) = (one.theirs for one in done.differences if one.path == ".spec")
    assert shown["asn"]
    (stored,) = load_named(database, gen.id, [done.ref])
    assert stored.manifest["spec"]["asn"]
    again = edit_object(database, "gen", text, digest=stored.digest, origin=ann)
    assert (again.action, again.differences) == (Action.UNCHANGED, [])


def test_a_plan_that_no_longer_holds_is_refused(plan, api, database, gen):
    """Somebody changed the fabric meanwhile."""
    found = plan(text=MOVED)
    save_objects(database, gen.id, [make_server("another")])
    answer = api.post("/actions/apply", json={"plan": found["id"], "reason": "x"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "Superseded")


@pytest.mark.parametrize(
    ("action", "body", "status", "said"),
    [
        ("plan", {"fabric": "ge"}, 404, "did you mean gen?"),
        ("plan", {"fabric": "gen", "deletes": ["VPC/gone"]}, 404, "has no VPC/gone"),
        ("plan", {"fabric": "gen", "text": "a: [1"}, 422, "text:"),
        ("apply", {"plan": "0" * 16, "reason": "x"}, 404, "there is no plan"),
        ("apply", {"plan": "x", "reason": "x"}, 422, "body/plan"),
    ],
)
def test_what_cannot_be_planned_is_said(api, gen, action, body, status, said):
    """With what to do instead."""
    answer = api.post(f"/actions/{action}", json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_the_plan_of_a_sync_is_left_to_syncs(api, database, gen):
    """The API server asks neither Git nor a cluster."""
    stored = ChangePlan("gen", PlanKind.SYNC, gen.generation, ())
    with transaction(database) as cursor:
        save_plan(cursor, gen.id, stored, None, actor="ann")
    answer = api.post("/actions/apply", json={"plan": stored.id, "reason": "x"})
    assert (answer.status_code, "sync the fabric instead" in answer.json()["detail"]) == (422, True)
