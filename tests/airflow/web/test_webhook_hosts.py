"""Each Git host has a route with a secret of its own; what it announces waits in the one inbox."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hedgehog.airflow.web import webhook
from hedgehog.errors import NotFound
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store.database import Connection

SECRETS = {name: f"the secret of {name}" for name in ("github", "gitea", "gitlab", "bitbucket", "generic")}
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://git.example.com/acme/net.git"
MOVED = {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40}


def sign(body: bytes, secret: str) -> str:
    """HMAC-SHA256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def make_push(route: str) -> bytes:
    """A push as the host of the route sends it."""
    like_github = {**MOVED, "repository": {"full_name": "acme/net", "clone_url": URL}}
    there = {"type": "branch", "name": "main", "target": {"hash": "b" * 40}}
    payloads: dict[str, Any] = {
        "gitlab": {**MOVED, "project": {"path_with_namespace": "acme/net", "git_http_url": URL}},
        "bitbucket": {
            "repository": {"full_name": "acme/net", "links": {"html": {"href": URL.removesuffix(".git")}}},
            "push": {"changes": [{"old": None, "new": there}]},
        },
        "generic/net": MOVED,
        "generic/twin": MOVED,
    }
    return json.dumps(payloads.get(route, like_github)).encode()


def make_headers(route: str, body: bytes, secret: str) -> dict[str, str]:
    """Headers as the host of the route sends them."""
    kinds = {
        "github": {"x-github-event": "push", "x-github-delivery": "d-1", "x-hub-signature-256": sign(body, secret)},
        "gitea": {"x-gitea-event": "push", "x-gitea-delivery": "d-1", "x-hub-signature-256": sign(body, secret)},
        "gitlab": {"x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "d-1", "x-gitlab-token": secret},
        "bitbucket": {"x-event-key": "repo:push", "x-request-uuid": "d-1", "x-hub-signature": sign(body, secret)},
    }
    return {"content-type": "application/json", **kinds.get(route, {"x-hub-signature-256": sign(body, secret)})}


ROUTES = ["github", "gitea", "gitlab", "bitbucket", "generic/net"]


@pytest.fixture
def database(fabric_database: dict[str, Any]) -> Iterator[Connection]:
    """A database that knows the repository `net`, and `twin` at another address."""
    connection = store_database.connect(fabric_database)
    fabrics.save_repository(connection, "net", {"url": URL})
    fabrics.save_repository(connection, "twin", {"url": "ssh://git@git.example.com/acme/twin.git"})
    yield connection
    connection.close()


@pytest.fixture
def client(database: Connection) -> Iterator[TestClient]:
    """The webhooks, each with its secret."""
    with TestClient(webhook.webhook_app(lambda route: (SECRETS[route],))) as entered:
        yield entered


def deliver(client: TestClient, route: str, *, secret: str | None = None) -> tuple[int, str]:
    """Send a push to a route; the status and the word of the answer."""
    body = make_push(route)
    used = SECRETS[route.partition("/")[0]] if secret is None else secret
    answer = client.post(f"/{route}", content=body, headers=make_headers(route, body, used))
    return answer.status_code, answer.json()["status"]


def stored(database: Connection) -> list[Any]:
    """What waits."""
    with store_database.transaction(database) as cursor:
        cursor.execute("SELECT url, branch, after, status FROM hedgehog.inbox ORDER BY id")
        return cursor.fetchall()


@pytest.mark.parametrize("route", ROUTES)
def test_a_push_of_every_host_waits_in_the_inbox(client: TestClient, database: Connection, route: str) -> None:
    """In the same form, whatever its host calls things; once, however often it is delivered."""
    assert deliver(client, route) == (202, "accepted")
    assert deliver(client, route) == (200, "duplicate")
    assert stored(database) == [(URL, "main", "b" * 40, "received")]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("secret", ["", "wrong", SECRETS["github"] + " "])
def test_without_its_secret_no_delivery_is_taken(
    client: TestClient, database: Connection, route: str, secret: str
) -> None:
    """Nor with the secret of another route."""
    other = SECRETS["gitea" if route == "github" else "github"]
    assert {deliver(client, route, secret=one)[0] for one in (secret, other)} == {401}
    assert stored(database) == []


@pytest.mark.parametrize(
    ("late", "key", "answer"),
    [(0, KEY, (202, "accepted")), (600, KEY, (401, "refused")), (0, "whsec_b3RoZXI=", (401, "refused"))],
)
def test_gitlab_may_sign_what_it_delivers(database: Connection, late: int, key: str, answer: tuple[int, str]) -> None:
    """As Standard Webhooks are signed, in place of the token; not with another key, nor ten minutes ago."""
    body, sent = make_push("gitlab"), str(int(time.time()) - late)
    made = hmac.digest(base64.b64decode(KEY.removeprefix("whsec_")), f"msg-1.{sent}.".encode() + body, "sha256")
    headers = make_headers("gitlab", body, "") | {
        "webhook-id": "msg-1",
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }
    with TestClient(webhook.webhook_app(lambda _: (key,))) as client:
        found = client.post("/gitlab", content=body, headers=headers)
    assert (found.status_code, found.json()["status"]) == answer
    if answer[0] == 401:
        assert "that the clocks agree" in found.json()["reason"]


def test_any_program_may_announce_a_push_of_a_repository_by_name(client: TestClient, database: Connection) -> None:
    """The same commits of another repository are another push."""
    assert deliver(client, "generic/net") == (202, "accepted")
    assert deliver(client, "generic/twin") == (202, "accepted")
    assert [url for url, *_ in stored(database)] == [URL, "ssh://git@git.example.com/acme/twin.git"]


def test_a_repository_that_does_not_exist_is_refused(client: TestClient, database: Connection) -> None:
    """Its name is not repeated."""
    body = json.dumps(MOVED).encode()
    headers = make_headers("generic/nowhere", body, SECRETS["generic"])
    answer = client.post("/generic/nowhere", content=body, headers=headers)
    assert (answer.status_code, "nowhere" in answer.text) == (400, False)
    assert stored(database) == []


def test_only_hosts_with_a_webhook_have_a_route(client: TestClient) -> None:
    """And a generic delivery names its repository."""
    assert [client.post(path).status_code for path in ("/git", "/generic", "/generic/", "/sourcehut")] == [404] * 4


@pytest.mark.parametrize("route", ["gitea", "gitlab", "bitbucket", "generic"])
def test_each_secret_has_a_connection(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    """With `previous` while it is being changed; the configuration of GitHub's is nobody else's."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GITHUB_WEBHOOK_SECRET", "of GitHub alone")

    def missing(name: str) -> None:
        raise NotFound(name)

    with monkeypatch.context() as patch:
        patch.setattr(webhook, "read_connection", missing)
        assert webhook.webhook_secrets(route) == ()
    connection = {"conn_type": "generic", "password": "new", "extra": {"previous": "old"}}
    monkeypatch.setenv(f"AIRFLOW_CONN_HEDGEHOG_{route.upper()}_WEBHOOK", json.dumps(connection))
    assert webhook.webhook_secrets(route) == ("new", "old")
