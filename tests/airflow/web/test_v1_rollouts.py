"""Rollouts are read, begun and steered with the API."""

from __future__ import annotations

import pytest

from devstack.objects import make_server
from hedgehog.store.actions import action_rows
from tests.airflow.web.api_lab import add_fabric, publish
from tests.origins import origins
from tests.services.rollouts.rollouts_lab import CHANGE, Fleet

NAMES = ("a-1", "a-2", "b-1")
START = {"name": "racks", "text": CHANGE.decode(), "all": True, "canary": ["b-1"], "reason": "CHG-17"}


@pytest.fixture
def fleet(database, tmp_path):
    """Three fabrics without a place to sync to, which have a change as soon as they want it."""
    fleet = Fleet(database, tmp_path)
    fleet.add(*NAMES)
    return fleet


@pytest.fixture
def act(api, fleet):
    """Do an action that must succeed; its answer."""

    def done(action, **body):
        answer = api.post(f"/actions/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return done


def test_a_dry_run_says_who_would_get_what_and_begins_nothing(act, read):
    """The waves, what happens in how many fabrics, and the plan of the first one."""
    found = act("start-rollout", **START, dry_run=True)
    assert (found["number"], found["dry_run"], found["waves"]) == (None, True, 2)
    assert [(one["fabric"], one["wave"], one["counts"]) for one in found["fabrics"]] == [
        ("b-1", 1, {"configured": 1, "deleted": 1}),
        ("a-1", 2, {"configured": 1, "deleted": 1}),
        ("a-2", 2, {"configured": 1, "deleted": 1}),
    ]
    assert {"object": "Server/default/a-1-s", "action": "configured", "fabrics": 1} in found["changes"]
    (part,) = found["example"]["parts"]
    assert (found["example"]["fabric"], part["counts"]["configured"], part["counts"]["deleted"]) == ("b-1", 1, 1)
    assert read("/rollouts") == []


def test_a_rollout_begins_and_says_how_far_it_is(act, read, fleet, database):
    """With the user, the policy, and the change that is rolled out."""
    started = act("start-rollout", **START, soak_seconds=600, approve="canary", on_failure="rollback")
    (row,) = read("/rollouts", open=True)
    assert (row["number"], row["name"], row["state"], row["started_by"], row["why"]) == (
        started["number"],
        "racks",
        "running",
        "ann",
        "CHG-17",
    )
    assert (row["wave"], row["waves"], row["total"], row["counts"]) == (1, 2, 3, {"pending": 3})
    assert (row["soak_seconds"], row["approve"], row["on_failure"]) == (600, "canary", "rollback")
    assert row["actions"] == ["pause-rollout", "abort-rollout", "rollback-rollout"]
    fleet.step()
    fleet.step()
    found = read(f"/rollouts/{started['number']}")
    assert [(one["fabric"], one["wave"], one["state"], one["ends_at"]) for one in found["fabrics"]] == [
        ("b-1", 1, "converged", "TIME"),
        ("a-1", 2, "pending", None),
        ("a-2", 2, "pending", None),
    ]
    assert ("${fabric}-s" in found["text"], found["deletes"]) == (True, ["Server/default/${fabric}-old"])
    assert found == read("/rollouts/racks")
    (recorded,) = action_rows(database, None, after=None, limit=9)
    assert (recorded["actor"], recorded["action"], recorded["subjects"], recorded["reason"]) == (
        "ann",
        "start-rollout",
        ["racks"],
        "CHG-17",
    )


def test_the_fleet_and_the_fabric_say_which_rollout_they_are_in(act, read, database):
    """Until it is over."""
    add_fabric(database, "gen", [])
    publish(database, fabric=add_fabric(database, "gen", []))
    number = act("start-rollout", **START | {"all": False, "canary": [], "select": "site=fra"})["number"]
    member = {"number": number, "name": "racks", "state": "running", "fabric_state": "pending"}
    assert {row["name"]: row["rollout"] for row in read("/fleet")["items"]} == {
        "a-1": member,
        "a-2": member,
        "b-1": member,
        "gen": None,
    }
    assert read("/fabrics/a-1")["rollout"] == member
    act("abort-rollout", rollout=str(number), reason="x")
    assert read("/fabrics/a-1")["rollout"] is None


def test_pages_are_told_that_a_rollout_has_moved(act, api):
    """As a topic of its own, beside the fabrics."""
    act("start-rollout", **START)
    cursor = api.get("/changes").json()["cursor"]
    act("pause-rollout", rollout="racks", reason="x")
    assert api.get("/changes", params={"since": cursor}).json()["topics"] == ["rollouts"]


def test_people_pause_resume_approve_and_abort_it(act, read, fleet, database):
    """Each with who and why."""
    act("start-rollout", **START, approve="canary")
    paused = act("pause-rollout", rollout="racks", reason="lunch")
    assert paused["changes"] == [{"subject": "racks", "action": "paused", "note": "lunch"}]
    assert read("/rollouts/racks")["actions"] == ["resume-rollout", "abort-rollout", "rollback-rollout"]
    assert act("resume-rollout", rollout="racks")["changes"][0]["action"] == "running"
    fleet.run()
    found = read("/rollouts/racks")
    assert (found["state"], found["wave"], found["reason"]) == ("approval", 2, "wave 2 of 2 waits to be approved")
    assert found["actions"][0] == "approve-rollout"
    assert act("approve-rollout", rollout="racks", wave=2)["changes"][0]["action"] == "running"
    act("abort-rollout", rollout="racks", reason="enough")
    found = read("/rollouts/racks")
    assert (found["state"], found["reason"], found["wave"]) == ("aborted", "enough", None)
    assert [row["action"] for row in action_rows(database, None, after=None, limit=9)] == [
        "abort-rollout",
        "approve-rollout",
        "resume-rollout",
        "pause-rollout",
        "start-rollout",
    ]


def test_a_rollout_is_taken_back(act, read, fleet, database):
    """What somebody changed since stays, and is named."""
    act("start-rollout", **START)
    fleet.run()
    fleet.save("a-2", make_server("a-2-s", "ours"))
    done = act("rollback-rollout", rollout="racks", reason="CHG-17 was a mistake")
    assert done["changes"] == [
        {"subject": "racks", "action": "rolled_back", "note": ""},
        {"subject": "a-2", "action": "left", "note": "Server/default/a-2-s was changed since, and stays as it is"},
    ]
    assert fleet.objects("b-1") == {"b-1-s": "before", "b-1-old": "a server"}
    assert fleet.objects("a-2")["a-2-s"] == "ours"
    assert read("/rollouts/racks")["actions"] == []
    assert origins(database, "b-1")[-1][1] == "rollout"


@pytest.mark.parametrize(
    ("action", "body", "status", "detail"),
    [
        ("start-rollout", START | {"name": "12"}, 422, "not digits alone"),
        ("start-rollout", START | {"name": "a b"}, 422, "cannot be the name of a rollout"),
        ("start-rollout", START | {"all": False}, 422, "which fabrics?"),
        ("start-rollout", START | {"canary": ["zz"]}, 422, "a canary must be one of the fabrics"),
        ("start-rollout", START | {"waves": ["x"]}, 422, "is not a number of fabrics"),
        ("start-rollout", START | {"text": "# nothing"}, 422, "neither objects to store"),
        ("start-rollout", START | {"text": "a: ["}, 422, "not YAML"),
        ("start-rollout", START | {"text": CHANGE.decode().replace("${rack}", "${row}")}, 422, "row"),
        ("start-rollout", START | {"reason": " "}, 422, "body/reason"),
        ("pause-rollout", {"rollout": "rakcs", "reason": "x"}, 404, "did you mean racks?"),
        ("pause-rollout", {"rollout": "racks", "reason": ""}, 422, "body/reason"),
        ("resume-rollout", {"rollout": "racks"}, 422, "rollout racks is running"),
        ("approve-rollout", {"rollout": "racks", "wave": 2}, 422, "nothing of it waits to be approved"),
        ("start-rollout", START | {"name": "racks-2"}, 422, "a-1: it is in the rollout racks"),
    ],
)
def test_what_cannot_be_done_is_said(api, act, action, body, status, detail):
    """Before anything is written."""
    act("start-rollout", **START)
    answer = api.post(f"/actions/{action}", json=body)
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.text


def test_a_rollout_that_is_not_there_is_said(api, fleet):
    """By number, too."""
    answer = api.get("/rollouts/99")
    assert (answer.status_code, "there is no rollout '99'" in answer.json()["detail"]) == (404, True)
