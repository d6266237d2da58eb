"""The only public route accepts only signed deliveries, and counts refused ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from hedgehog.airflow.web import webhook
from hedgehog.airflow.web.bodies import BODIES_LIMIT
from hedgehog.errors import NotFound
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, inbox
from tests.waiting import until_alone

SECRET = "It's a Secret to Everybody"
PUSH = json.loads(
    (Path(__file__).parents[2] / "services" / "repository" / "webhook_examples" / "push.json").read_text()
)
_numbers = itertools.count(1)


class Host:
    """GitHub, as the webhook sees it. `told` closes the application first, so that its counts are written."""

    def __init__(self, client: TestClient, parameters: dict[str, Any]) -> None:
        self.client = client
        self._parameters = parameters

    def deliver(self, body: bytes | None = None, *, secret: str = SECRET, **headers: str | None) -> Any:
        """Send a delivery; a header that is None is left out. Without a body: a new push."""
        body = make_push() if body is None else body
        sent = {
            "content-type": "application/json",
            "x-github-event": "push",
            "x-github-delivery": f"delivery-{next(_numbers)}",
            "x-hub-signature-256": sign(body, secret),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given = {name: value for name, value in sent.items() if value is not None}
        return self.client.post("/github", content=body, headers=given)

    def told(self) -> inbox.InboxCounts:
        """The rows in the database after the application is closed."""
        self.client.__exit__(None, None, None)
        connection = store_database.connect(self._parameters)
        try:
            return inbox.count_deliveries(connection)
        finally:
            connection.close()


def sign(body: bytes, secret: str) -> str:
    """As GitHub does it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def make_push() -> bytes:
    """A unique push."""
    return json.dumps({**PUSH, "compare": str(next(_numbers))}).encode()


@pytest.fixture
def host(fabric_database) -> Iterator[Host]:
    """A webhook with a secret, in front of a database that knows the repository of the example."""
    connection = store_database.connect(fabric_database)
    url = PUSH["repository"]["clone_url"]
    fabrics.save_repository(connection, "net", {"url": url, "branch": "master"})
    connection.close()
    client = TestClient(webhook.webhook_app(lambda _: (SECRET, "the one before")))
    client.__enter__()
    yield Host(client, fabric_database)
    client.__exit__(None, None, None)


def counts(**found: int) -> dict[str, int]:
    """Deliveries by status."""
    return {"received": 0, "processing": 0, "done": 0, "failed": 0, "ignored": 0} | found


@pytest.mark.parametrize("secret", [SECRET, "the one before"])
def test_a_signed_delivery_is_stored(host, secret):
    """With the new secret and, for a while, with the old one."""
    answer = host.deliver(secret=secret)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    assert host.told() == inbox.InboxCounts(counts(received=1), {})


def test_a_ping_is_answered_and_not_stored(host):
    """GitHub sends it when the webhook is created."""
    answer = host.deliver(x_github_event="ping")
    assert (answer.status_code, answer.json()["status"]) == (200, "pong")
    assert host.told() == inbox.InboxCounts(counts(), {})


def test_an_unused_event_is_answered_as_ignored(host):
    """The delivery is valid, and GitHub's page shows why nothing happened."""
    answer = host.deliver(x_github_event="star")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ignored",
        "reason": "event 'star' is of no use here; subscribe to create, delete, merge_group, pull_request, pull_request_review, push",
    }


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"x_hub_signature_256": None}, 401, "unsigned"),
        ({"x_hub_signature_256": ""}, 401, "unsigned"),
        ({"x_hub_signature_256": "sha256=" + "0" * 64}, 401, "bad signature"),
        ({"x_hub_signature_256": "sha1=" + "0" * 40}, 401, "bad signature"),
        ({"secret": "another one"}, 401, "bad signature"),
        ({"secret": ""}, 401, "bad signature"),
        ({"content_type": "application/x-www-form-urlencoded"}, 415, "wrong content type"),
        ({"content_type": None}, 415, "wrong content type"),
        ({"body": b"x" * (webhook.BODY_LIMIT + 1)}, 413, "too large"),
        ({"content_length": str(10**30)}, 413, "too large"),
        ({"body": b"no json"}, 400, "malformed"),
        ({"body": b"{}"}, 400, "malformed"),
        ({"x_github_event": None}, 400, "malformed"),
        ({"x_github_delivery": "../../etc"}, 400, "malformed"),
        ({"x_github_delivery": None}, 400, "malformed"),
    ],
)
def test_an_invalid_delivery_is_refused_and_counted(host, change, status, reason):
    """With a clear answer; nothing of it is stored."""
    answer = host.deliver(**change)
    assert (answer.status_code, answer.json()["status"]) == (status, "refused")
    assert answer.json()["reason"]
    assert host.told() == inbox.InboxCounts(counts(), {reason: 1})


def test_a_body_without_a_size_is_read_only_up_to_the_limit(host):
    """A chunked, possibly endless body."""

    def endless() -> Iterator[bytes]:
        yield from itertools.repeat(b"x" * 65536, 1000)

    headers = {"content-type": "application/json", "x-hub-signature-256": "sha256=" + "0" * 64}
    answer = host.client.post("/github", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert host.told().refusals == {"too large": 1}


def test_a_replayed_delivery_has_no_effect_and_is_counted(host):
    """With its own id, and with an invented one, which is not signed."""
    body = make_push()
    first, again, other = (host.deliver(body, x_github_delivery=name) for name in ("a", "a", "b"))
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 200)
    assert again.json() == other.json() == {"status": "duplicate", "reason": "this delivery is known already"}
    assert host.told() == inbox.InboxCounts(counts(received=1), {"replayed": 2})


class Sender:
    """A client that sends half a body and pauses."""

    def __init__(self, app: Any, size: int, address: str = "192.0.2.1") -> None:
        self._begin(app, [b"x" * size, b"x"], address, {"x-hub-signature-256": "sha256=" + "0" * 64})

    def _begin(self, app: Any, parts: list[bytes], address: str, headers: dict[str, str]) -> None:
        self.status = 0
        self.go_on = asyncio.Event()
        self.sent_half = asyncio.Event()
        self._parts = parts
        headers = {"content-type": "application/json", **headers}
        scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/github", "query_string": b""}
        scope |= {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
        scope |= {"client": (address, 1)}
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if len(self._parts) == 1:
            self.sent_half.set()
            await self.go_on.wait()
        return {"type": "http.request", "body": self._parts.pop(0), "more_body": bool(self._parts)}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)

    async def pause(self) -> None:
        """Until half of it is sent, or an answer is there."""
        half = asyncio.create_task(self.sent_half.wait())
        await asyncio.wait([half, self.task], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        half.cancel()


class GitHub(Sender):
    """A client that knows the secret and sends a push at once, except for the last byte."""

    def __init__(self, app: Any, address: str) -> None:
        body = make_push()
        signed = {"x-hub-signature-256": sign(body, SECRET), "x-github-event": "push"}
        self._begin(app, [body[:-1], body[-1:]], address, signed | {"x-github-delivery": f"g-{next(_numbers)}"})


def test_all_bodies_together_have_a_limit(fabric_database):
    """Unsigned bodies cannot fill the memory of Airflow's API server; afterwards there is room again."""

    async def flood() -> tuple[list[int], int]:
        app = webhook.webhook_app(lambda _: (SECRET,))
        size = 2 * 1024 * 1024
        senders = [Sender(app, size) for _ in range(BODIES_LIMIT // size + 3)]
        for sender in senders:
            await sender.pause()
        for sender in senders:
            sender.go_on.set()
        await asyncio.gather(*(sender.task for sender in senders))
        late = Sender(app, size)
        late.go_on.set()
        await late.task
        return sorted(sender.status for sender in senders), late.status

    statuses, late = asyncio.run(flood())
    assert statuses == [401] * 15 + [503] * 4 or statuses == [401] * 16 + [503] * 3
    assert late == 401


ADDRESSES = [
    pytest.param(["192.0.2.1"], "203.0.113.9", id="one sender"),
    pytest.param(["192.0.2.1"], "192.0.2.1", id="all behind one proxy"),
    pytest.param([f"2001:db8::{number}" for number in range(40)], "2001:db8:1::9", id="one site of IPv6"),
    pytest.param([f"192.0.2.{number}" for number in range(40)], "203.0.113.9", id="many senders"),
]


@pytest.mark.parametrize(("senders", "github"), ADDRESSES)
def test_a_sender_who_fills_the_memory_keeps_no_delivery_out(fabric_database, senders, github):
    """It may send for ten seconds and start again; signed deliveries that are sent meanwhile arrive."""

    async def flood() -> list[int]:
        app = webhook.webhook_app(lambda _: (SECRET,))
        names = itertools.cycle(senders)
        slow: list[Sender] = []
        arrived = []
        for _ in range(3):
            more = [Sender(app, 2 * 1024 * 1024, next(names)) for _ in range(BODIES_LIMIT // 2**21)]
            for sender in more:
                await sender.pause()
            slow += more
            delivery = GitHub(app, github)
            await delivery.pause()
            delivery.go_on.set()
            await delivery.task
            arrived.append(delivery.status)
        assert {sender.status for sender in slow if sender.task.done()} == {503}
        for sender in slow:
            sender.task.cancel()
        await asyncio.gather(*(sender.task for sender in slow), return_exceptions=True)
        return arrived

    assert asyncio.run(flood()) == [202, 202, 202]


def test_a_flood_from_one_address_affects_only_that_address(fabric_database):
    """A sender with fewer bytes than others keeps them, however slowly it sends."""

    async def flood() -> tuple[int, list[int]]:
        app = webhook.webhook_app(lambda _: (SECRET,))
        delivery = GitHub(app, "203.0.113.9")
        await delivery.pause()
        senders = [Sender(app, 2 * 1024 * 1024) for _ in range(3 * BODIES_LIMIT // 2**21)]
        for sender in senders:
            await sender.pause()
        delivery.go_on.set()
        await delivery.task
        ended = [sender.status for sender in senders if sender.task.done()]
        for sender in senders:
            sender.task.cancel()
        await asyncio.gather(*(sender.task for sender in senders), return_exceptions=True)
        return delivery.status, ended

    status, ended = asyncio.run(flood())
    assert (status, set(ended)) == (202, {503})
    assert len(ended) > 2 * BODIES_LIMIT // 2**21


def test_a_failing_secrets_backend_is_asked_rarely(fabric_database, caplog):
    """However many deliveries come; its error text is neither in the answer nor in the log."""
    asked = []

    def read_secrets(route: str) -> tuple[str, ...]:
        asked.append(1)
        raise RuntimeError("https://vault.example.com/?token=hunter2")

    with TestClient(webhook.webhook_app(read_secrets)) as client:
        host = Host(client, fabric_database)
        answers = [host.deliver() for _ in range(5)]
        assert {answer.status_code for answer in answers} == {503}
        assert len(asked) == 1
        assert "hunter2" not in caplog.text + answers[0].text
        assert host.told().refusals == {"no secret": 5}


def test_without_a_configured_secret_every_delivery_is_refused(fabric_database):
    """Also one that is signed with an empty secret; GitHub shows the answer and can deliver it again."""
    with TestClient(webhook.webhook_app(lambda _: ())) as client:
        host = Host(client, fabric_database)
        answer = host.deliver(secret="")
        assert answer.status_code == 503
        assert "hedgehog_github_webhook" in answer.json()["reason"]
        assert host.told() == inbox.InboxCounts(counts(), {"no secret": 1})


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head", "options"])
def test_only_post_is_answered(host, method):
    """And no documentation of the route is served."""
    assert getattr(host.client, method)("/github").status_code == 405
    assert [host.client.get(path).status_code for path in ("/docs", "/openapi.json", "/")] == [404, 404, 404]


@given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_delivery_with_any_bit_flipped_is_refused(host, place, bit):
    """Over HTTP; as in the tests of `hedgehog.hosts.webhook`."""
    body = bytearray(make_push())
    signature = sign(bytes(body), SECRET)
    body[place % len(body)] ^= 1 << bit
    assert host.deliver(bytes(body), x_hub_signature_256=signature).status_code == 401


def test_a_lost_database_connection_is_replaced(host):
    """A restart of PostgreSQL loses no delivery."""
    assert host.deliver().status_code == 202
    connection = store_database.connect(host._parameters)
    with store_database.transaction(connection) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hedgehog webhook' "
            "AND datname = current_database()"
        )
    until_alone(connection)
    connection.close()
    assert host.deliver().status_code == 202


def test_a_delivery_fails_while_the_database_is_unreachable(host, monkeypatch, caplog):
    """GitHub keeps it and delivers it again when asked; the text of the error is not sent."""
    monkeypatch.setattr(webhook, "_connect", lambda: 1 / 0)
    answer = host.deliver()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "division" not in answer.text + caplog.text


def test_neither_secrets_nor_payloads_reach_the_log(host, caplog):
    """Whatever is wrong with a delivery."""
    caplog.set_level("DEBUG")
    for body in (b'{"token": "s3cr3t-in-body"}', b"s3cr3t-in-body", make_push()):
        host.deliver(body)
        host.deliver(body, secret="another one")
    host.told()
    assert "s3cr3t-in-body" not in caplog.text
    assert SECRET not in caplog.text


def test_the_secrets_come_from_an_airflow_connection(monkeypatch):
    """From its password and, while the secret is being changed, from `previous` in its extra."""
    connection = {"conn_type": "generic", "password": "new", "extra": {"previous": "old"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_GITHUB_WEBHOOK", json.dumps(connection))
    assert webhook.webhook_secrets("github") == ("new", "old")


def test_the_secrets_may_come_from_the_configuration(monkeypatch):
    """An empty value does not count."""
    monkeypatch.setattr(webhook, "read_connection", _no_connection)
    assert webhook.webhook_secrets("github") == ()
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GITHUB_WEBHOOK_SECRET", "from the environment")
    assert webhook.webhook_secrets("github") == ("from the environment",)


def _no_connection(connection_id: str) -> None:
    raise NotFound(connection_id)
