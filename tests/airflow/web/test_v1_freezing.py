"""Freezes and change windows are read and made with the API."""

from __future__ import annotations

import pytest

from devstack.objects import small_fabric
from hedgehog.store.actions import action_rows
from tests.airflow.web.api_lab import add_fabric


@pytest.fixture
def act(api, database):
    """Do an action; subject and what became of it."""
    for name in ("ams", "fra"):
        add_fabric(database, name, small_fabric(name), labels={"site": name})

    def done(action, **body):
        answer = api.post(f"/actions/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return [(one["subject"], one["action"], one["note"]) for one in answer.json()["changes"]]

    return done


def test_fabrics_are_frozen_by_name_selector_or_all(act, read, database):
    """With who and why, until somebody lifts it."""
    named = act("freeze", fabrics=["fra"], reason="incident 42", until="2100-01-01T00:00:00Z")
    assert [one[1:] for one in named] == [("frozen", "fra")]
    assert [one[1:] for one in act("freeze", select="site=ams", reason="audit")] == [("frozen", "ams")]
    assert [one[1:] for one in act("freeze", all=True, reason="end of the year")] == [("frozen", "ams, fra")]
    found = read("/freezes")
    assert [(one["selector"], one["reason"], one["frozen_by"]) for one in found] == [
        ("fabric=fra", "incident 42", "ann"),
        ("site=ams", "audit", "ann"),
        ("", "end of the year", "ann"),
    ]
    assert [one["until"] for one in found] == ["TIME", None, None]
    assert [one[1] for one in act("unfreeze", all=True)] == ["unfrozen"]
    assert [one[1] for one in act("unfreeze", all=True)] == ["unchanged"]
    assert [one["selector"] for one in read("/freezes")] == ["fabric=fra", "site=ams"]
    rows = action_rows(database, None, after=None, limit=9)
    assert [(row["action"], row["actor"], row["reason"]) for row in rows] == [
        ("unfreeze", "ann", ""),
        ("freeze", "ann", "end of the year"),
        ("freeze", "ann", "audit"),
        ("freeze", "ann", "incident 42"),
    ]


def test_windows_are_made_changed_and_deleted(act, read):
    """Each says when it opens."""
    night = {"name": "nights", "select": "site=fra", "cron": "0 22 * * 1-5", "minutes": 360}
    assert act("set-window", **night, time_zone="Europe/Berlin") == [("nights", "created", "fabrics with site=fra")]
    assert act("set-window", **night, time_zone="UTC")[0][1] == "configured"
    (window,) = read("/windows")
    assert (window["selector"], window["fabrics"], window["minutes"], window["time_zone"]) == (
        "site=fra",
        1,
        360,
        "UTC",
    )
    assert window["opens_at"] == "TIME"
    assert act("delete-window", name="nights")[0][:2] == ("nights", "deleted")
    assert read("/windows") == []


@pytest.mark.parametrize(
    ("action", "body", "status", "said"),
    [
        ("freeze", {"reason": "x"}, 422, "which fabrics?"),
        ("freeze", {"reason": "x", "all": True, "fabrics": ["fra"]}, 422, "one of the three"),
        ("freeze", {"reason": "x", "fabrics": ["fr"]}, 404, "did you mean fra"),
        ("freeze", {"reason": "x", "select": "site=a=b"}, 422, "is not a condition"),
        ("freeze", {"reason": "x", "all": True, "until": "2001-01-01T00:00:00Z"}, 422, "has passed"),
        ("freeze", {"reason": "x", "all": True, "until": "2100-01-01T00:00:00"}, 422, "body/until"),
        ("freeze", {"all": True}, 422, "body/reason"),
        (
            "set-window",
            {"name": "n", "all": True, "cron": "x", "minutes": 5, "time_zone": "UTC"},
            422,
            "cron expression",
        ),
        ("delete-window", {"name": "n"}, 404, "there is no window"),
    ],
)
def test_what_cannot_be_is_said(api, act, read, action, body, status, said):
    """Nothing is done then."""
    answer = api.post(f"/actions/{action}", json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert (read("/freezes"), read("/windows")) == ([], [])
