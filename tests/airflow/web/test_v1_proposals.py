"""Changes that wait for approval are read and decided with the API."""

from __future__ import annotations

import pytest

from devstack.objects import make_server, small_fabric
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import ApprovalRule
from hedgehog.fabric.render import dump
from hedgehog.fabric.selectors import Selector
from hedgehog.services.steer.edits import edit_object
from hedgehog.services.steer.proposals import keep_rule
from hedgehog.store.objects import load_objects, object_refs, save_objects
from tests.airflow.web.api_lab import add_fabric
from tests.origins import origins

SERVER = "Server/default/gen-srv"


@pytest.fixture
def gen(database):
    """A fabric of which every change needs approval."""
    gen = add_fabric(database, "gen", small_fabric("gen"))
    keep_rule(database, ApprovalRule("all", Selector()), actor="ops")
    return gen


@pytest.fixture
def waiting(database, gen):
    """The number of a change of bob's that waits."""
    (stored,) = [one for one in load_objects(database, [gen.id])[gen.id] if str(one.ref) == SERVER]
    text = dump(make_server("gen-srv", "moved")).decode()
    whose = Origin(who="bob", via=Via.CLI, why="CHG-17")
    return edit_object(database, "gen", text, digest=stored.digest, origin=whose).proposal.id


def description(database, gen):
    """What the server says."""
    rows = load_objects(database, [gen.id])[gen.id]
    return next(one.manifest["spec"]["description"] for one in rows if str(one.ref) == SERVER)


def test_what_waits_is_shown_with_its_plan(read, waiting):
    """Who asked, why, and which rule wants approval."""
    (one,) = read("/proposals", fabric="gen")
    assert (one["id"], one["status"], one["author"], one["reason"]) == (waiting, "waiting", "bob", "CHG-17")
    assert one["needs_approval"] == ["rule all: every change"]
    assert (one["review_decides"], one["review"], one["pull_request"]) == (False, "", "")
    found = read(f"/proposals/{waiting}")
    (change,) = found["document"]["parts"][0]["changes"]
    assert (found["plan"], change["object"]) == (found["document"]["id"], SERVER)
    assert read("/proposals", status="rejected") == []


def test_somebody_else_approves_it(api, read, database, gen, waiting):
    """The change is its author's, with who approved it."""
    done = api.post("/actions/approve", json={"proposal": waiting, "reason": "tonight"}).json()
    assert (done["proposal"]["status"], done["proposal"]["decided_by"]) == ("applied", "ann")
    assert done["changes"] == [f"{SERVER} configured"]
    assert description(database, gen) == "moved"
    who, _, why = origins(database, "gen")[-1]
    assert (who, "approved by ann" in why) == ("bob", True)
    again = api.post("/actions/approve", json={"proposal": waiting})
    assert (again.status_code, "was applied by ann already" in again.json()["detail"]) == (422, True)


def test_a_proposal_is_rejected_with_a_reason(api, read, database, gen, waiting):
    """Nothing is stored."""
    done = api.post("/actions/reject", json={"proposal": waiting, "reason": "use vlan 1300"}).json()
    assert (done["proposal"]["status"], done["proposal"]["decision"]) == ("rejected", "use vlan 1300")
    assert description(database, gen) == "a server"
    assert read("/proposals") == []


def test_a_proposal_that_no_longer_holds_is_superseded(api, database, gen, waiting):
    """With what would happen now."""
    save_objects(database, gen.id, [make_server("another")])
    done = api.post("/actions/approve", json={"proposal": waiting}).json()
    assert (done["proposal"]["status"], done["changes"]) == ("superseded", [])
    assert done["differences"]
    assert description(database, gen) == "a server"


def test_what_the_api_changes_waits_too(api, read, database, gen):
    """And its author cannot approve it."""
    body = {"fabric": "gen", "objects": ["VPCAttachment/gen-attach"], "reason": "x"}
    done = api.post("/actions/delete", json=body).json()
    assert done["proposal"] == read("/proposals")[0]["id"]
    assert "gen-attach" in {ref.name for ref in object_refs(database, gen.id)}
    answer = api.post("/actions/approve", json={"proposal": done["proposal"]})
    assert (answer.status_code, "somebody else must approve it" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_proposal_that_is_not_there_is_said(api, gen, action):
    """Nothing else happens."""
    answer = api.post(f"/actions/{action}", json={"proposal": 99, "reason": "x"})
    assert (answer.status_code, "there is no proposal 99" in answer.json()["detail"]) == (404, True)
