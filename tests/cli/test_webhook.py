"""`hedgehog webhook` makes and inspects the webhook of a repository at its Git host."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.git_server import GitServer
from devstack.github import GitHub
from hedgehog.store import database as store_database
from hedgehog.store.fabrics import save_repository
from tests.cli.lab import connection_uri, hedgehog

__all__ = ["connection_uri", "hedgehog"]

TOKEN = "ghp_0123456789abcdef0123456789abcdef0123"
AIRFLOW = "https://airflow.example.com"
URL = f"{AIRFLOW}/hedgehog/webhooks/github"
Run = Callable[..., tuple[Any, str, str]]


@pytest.fixture
def hub(
    hedgehog: Run, database_parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHub]:
    """A GitHub with the repository of the row `net`, and the secret of its webhook."""
    with GitServer(tmp_path / "host") as git, GitHub(git, token=TOKEN) as server:
        git.create("acme/net")
        connection = store_database.connect(database_parameters)
        save_repository(connection, "net", {"url": git.url("acme/net"), "connection_id": "robot"})
        save_repository(connection, "elsewhere", {"url": "https://git.example.com/a/b", "connection_id": "other"})
        connection.close()
        for name, values in {
            "ROBOT": {"conn_type": "github", "host": server.url, "password": TOKEN},
            "OTHER": {"conn_type": "git", "password": "t0ken"},
            "HEDGEHOG_GITHUB_WEBHOOK": {"conn_type": "generic", "password": "s3cret", "extra": {"previous": "old"}},
        }.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(values))
        yield server
        assert server.undescribed == []


def test_a_webhook_is_missing_made_and_in_order(hedgehog: Run, hub: GitHub) -> None:
    """The status says so to scripts; the secret is shown nowhere."""
    missing = hedgehog("webhook", "check", "net", "--airflow", AIRFLOW)
    assert missing[0] == 1
    assert f"GitHub has no webhook of acme/net to {URL}; make it with `hedgehog webhook install`" in missing[1]

    made = hedgehog("webhook", "install", "net", "--airflow", f"{AIRFLOW}/")
    assert made[:2] == (0, f"net: the webhook to {URL} is in order; its last delivery was answered with 200 OK\n")
    (hook,) = hub.hooks.kept.values()
    assert (hook["config"]["secret"], hook["config"]["insecure_ssl"]) == ("s3cret", "0")
    assert hook["events"] == ["create", "delete", "merge_group", "pull_request", "pull_request_review", "push"]

    found = hedgehog("webhook", "check", "net", "--airflow", AIRFLOW, "--output", "json")
    assert json.loads(found[1]) == {
        "repository": "net",
        "url": URL,
        "exists": True,
        "problems": [],
        "last_delivery": "200 OK",
    }
    assert "s3cret" not in "".join(f"{one[1]}{one[2]}" for one in (missing, made, found))


def test_a_webhook_that_somebody_changed_is_corrected(hedgehog: Run, hub: GitHub) -> None:
    """Install again, as often as you like."""
    hedgehog("webhook", "install", "net", "--airflow", AIRFLOW)
    (hook,) = hub.hooks.kept.values()
    hook |= {"active": False, "events": ["push"], "config": {**hook["config"], "content_type": "form"}}
    status, text, _ = hedgehog("webhook", "check", "net", "--airflow", AIRFLOW)
    assert status == 1
    assert [line.partition(";")[0] for line in text.splitlines()] == [
        "net: it is not active",
        "net: its content type is not application/json",
        "net: it does not announce create, delete, merge_group, pull_request, pull_request_review",
    ]
    assert hedgehog("webhook", "install", "net", "--airflow", AIRFLOW)[0] == 0
    assert len(hub.hooks.kept) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["net"], "the address of Airflow is not known; set `[api] base_url`"),
        (["net", "--airflow", "airflow.example.com"], "the address of Airflow is not known"),
        (["nowhere", "--airflow", AIRFLOW], "nowhere"),
        (["elsewhere", "--airflow", AIRFLOW], "git.example.com: plain Git has no API that is used here"),
    ],
)
def test_what_is_missing_is_named(hedgehog: Run, hub: GitHub, arguments: list[str], said: str) -> None:
    """With what to do."""
    status, _, error = hedgehog("webhook", "install", *arguments)
    assert status == 1
    assert said in error


def test_without_a_secret_no_webhook_is_made(hedgehog: Run, hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would deliver what is refused."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_GITHUB_WEBHOOK", json.dumps({"conn_type": "generic"}))
    status, _, error = hedgehog("webhook", "install", "net", "--airflow", AIRFLOW)
    assert status == 1
    assert "airflow connections add hedgehog_github_webhook" in error
    assert hub.hooks.kept == {}
