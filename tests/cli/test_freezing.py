"""`hedgehog freeze`, `unfreeze`, `window …` and `sync --override-window`, as people and scripts meet them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from devstack.git_server import GitServer
from devstack.objects import make_server
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.actions import action_rows
from tests.cli.lab import connection_uri, hedgehog
from tests.services.windows_lab import ALWAYS, half_a_year_off

__all__ = ["connection_uri", "hedgehog"]

NEVER_NOW = half_a_year_off(datetime.now(UTC))


@pytest.fixture
def lab(hedgehog, database, tmp_path, monkeypatch):
    """The command, with the fabrics `fra-1` in Git and `plain` nowhere."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        fabrics.save_repository(database, "net", {"url": host.url("net")})
        settings = {"git_repository": "net", "git_directory": "fra-1", "git_sync_enabled": True}
        fabrics.save_fabric(database, "fra-1", settings | {"labels": {"site": "fra"}})
        fabrics.save_fabric(database, "plain", {})
        object_store.save_objects(database, fabrics.load_fabric(database, "fra-1").id, [make_server("s")])
        yield hedgehog


def synced(lab, *words):
    """The status and reason of a sync of `fra-1` to Git."""
    (row,) = json.loads(lab("sync", "git", "fra-1", *words, "--output", "json")[1])
    return row["status"], row["reason"]


def test_a_freeze_is_made_seen_and_lifted(lab):
    """By the words that made it; what was frozen otherwise stays frozen, and is named."""
    status, out, _ = lab("freeze", "--select", "site=fra", "--reason", "audit", "--for", "2h")
    assert (status, out.startswith("each of the fabrics with site=fra (1 now) is frozen until 20")) == (0, True)
    assert lab("freeze", "fra-1", "plain", "--reason", "mine")[0] == 0
    listed = json.loads(lab("freeze", "--list", "--output", "json")[1])
    assert [(one["selector"], one["reason"]) for one in listed] == [
        ("site=fra", "audit"),
        ("fabric=fra-1", "mine"),
        ("fabric=plain", "mine"),
    ]
    assert synced(lab)[0] == "skipped"
    assert "frozen by" in lab("status", "fra-1")[1]
    status, out, _ = lab("explain", "fra-1")
    assert (status, "to end it: `hedgehog freeze --list`" in out) == (0, True)
    assert lab("unfreeze", "--select", "site=fra")[1].splitlines()[1:] == [
        "2 other freezes in force; `hedgehog freeze --list` shows which"
    ]
    assert lab("unfreeze", "fra-1", "plain")[0] == 0
    assert lab("unfreeze", "--all")[1] == "all fabrics: no such freeze; nothing was changed\n"
    assert lab("freeze", "--list")[1] == "nothing is frozen\n"
    assert synced(lab)[0] == "success"


def test_a_dry_run_says_that_a_sync_would_wait(lab):
    """And shows what it would do."""
    lab("freeze", "--all", "--reason", "audit")
    status, out, err = lab("sync", "git", "fra-1", "--dry-run", "--output", "json")
    assert (status, json.loads(out)[0]["counts"]["created"]) == (0, 3)
    assert "fra-1: a sync waits: frozen by" in err


def test_windows_are_made_seen_and_deleted(lab):
    """With when they open; an equal one changes nothing."""
    words = (
        "window",
        "set",
        "nights",
        "--select",
        "site=fra",
        "--for",
        "90m",
        "--time-zone",
        "Europe/Berlin",
        "--cron",
    )
    status, out, _ = lab(*words, NEVER_NOW)
    assert (status, out.startswith("window nights created: fabrics with site=fra, 1 now; closed, opens in ")) == (
        0,
        True,
    )
    assert json.loads(lab(*words, NEVER_NOW, "--output", "json")[1])["action"] == "unchanged"
    assert json.loads(lab(*words, ALWAYS, "--output", "json")[1])["action"] == "configured"
    (row,) = json.loads(lab("window", "list", "--output", "json")[1])
    assert {key: row[key] for key in ("name", "selector", "minutes", "time_zone", "open", "fabrics")} == {
        "name": "nights",
        "selector": "site=fra",
        "minutes": 90,
        "time_zone": "Europe/Berlin",
        "open": True,
        "fabrics": 1,
    }
    assert "open, closes in" in lab("window", "list")[1]
    assert lab("window", "delete", "nights")[1] == "window nights is deleted; 1 fabric is planned again\n"
    assert lab("window", "list")[1] == "there are no windows: every fabric may always be written\n"
    assert lab("window", "delete", "nights")[0] == 1


def test_an_override_names_its_reason(lab, database):
    """Which is on record."""
    lab("window", "set", "n", "--fabric", "fra-1", "--cron", NEVER_NOW, "--for", "1h", "--time-zone", "UTC")
    status, reason = synced(lab)
    assert (status, reason.startswith("its window is closed (n); the next opens 20")) == ("skipped", True)
    assert json.loads(lab("status", "fra-1", "--output", "json")[1])[0]["status"] == "waiting"
    assert synced(lab, "--override-window", "outage 42")[0] == "success"
    (row,) = action_rows(database, "fra-1", after=None, limit=1)
    assert (row["action"], row["reason"]) == ("override-window", "outage 42")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["freeze", "--reason", "r"], 2, "name fabrics, or choose them with --select"),
        (
            ["freeze", "gen", "--all", "--reason", "r"],
            2,
            "name fabrics, or choose them with --select or --all; not both",
        ),
        (["freeze", "gen"], 2, "the following arguments are required: --reason"),
        (["freeze", "fra-2", "--reason", "r"], 1, "there is no fabric 'fra-2'; did you mean fra-1?"),
        (["freeze", "--list", "--all"], 2, "--list shows all freezes"),
        (["unfreeze"], 2, "name fabrics, or choose them with --select"),
        (["sync", "git", "--override-window", "r"], 2, "--override-window needs a reason, and fabrics"),
        (["sync", "git", "fra-1", "--override-window", " "], 2, "--override-window needs a reason, and fabrics"),
        (["window", "set", "w", "--cron", "x", "--for", "1h", "--time-zone", "UTC"], 2, "name fabrics"),
        (["window", "set", "w", "--all", "--cron", "x", "--for", "1h", "--time-zone", "UTC"], 1, "'x' is not a cron"),
        (["window", "set", "w", "--all", "--cron", ALWAYS, "--for", "2w", "--time-zone", "UTC"], 1, "1m to 7d"),
    ],
)
def test_wrong_use_is_one_clear_line(lab, words, status, said):
    """Nothing is changed."""
    found, _, err = lab(*words)
    assert (found, said in err) == (status, True)
    assert lab("freeze", "--list")[1] == "nothing is frozen\n"
