"""Airflow's REST API as we use it: one login, renewed when it has expired, and errors sorted by the reaction they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hedgehog.airflow.adapters import connections
from hedgehog.airflow.adapters.rest import AirflowApi, open_api
from hedgehog.errors import AuthenticationFailed, InvalidInput, NotFound, PermissionDenied, RemoteUnavailable
from hedgehog.services.upkeep.maintenance import DagRun

PASSWORD = "canary-p4ssw0rd"


class Server(ThreadingHTTPServer):
    """An API server: a status and an answer by method and path, and the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.logins = 0
        self.valid = "token-1"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

    def do_POST(self) -> None:
        """A login."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.logins += 1
        good = body == {"username": "admin", "password": PASSWORD}
        self._answer(201 if good else 401, {"access_token": f"token-{self.server.logins}"})

    def do_GET(self) -> None:
        """A read or a deletion: only with a valid token."""
        parts = urlsplit(self.path)
        self.server.asked.append((f"{self.command} {parts.path}", parse_qs(parts.query)))
        if self.headers["Authorization"] != f"Bearer {self.server.valid}":
            self._answer(401, {})
        else:
            self._answer(*self.server.answers.get(f"{self.command} {parts.path}", (404, {})))

    do_DELETE = do_GET

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def server() -> Iterator[Server]:
    """A running one."""
    with Server() as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def api(server: Server) -> Iterator[AirflowApi]:
    """Its client."""
    with AirflowApi(server.url, login="admin", password=PASSWORD) as opened:
        yield opened


def test_one_login_is_used_until_it_expires(server, api):
    """Then the client logs in again without an error."""
    server.answers["GET /api/v2/version"] = (200, {"version": "3.3"})
    assert [api.get("/version"), api.get("/version")] == [{"version": "3.3"}] * 2
    assert server.logins == 1
    server.valid = "token-2"
    assert (api.get("/version"), server.logins) == ({"version": "3.3"}, 2)


def test_a_token_needs_no_login(server):
    """A connection that has only a password."""
    server.answers["GET /api/v2/version"] = (200, {})
    with AirflowApi(server.url + "/", login=None, password="token-1") as api:
        assert (api.get("/version"), server.logins) == ({}, 0)
        server.valid = "other"
        with pytest.raises(AuthenticationFailed):
            api.get("/version")


def test_our_dags_have_our_tag_and_our_prefix(server, api):
    """Another DAG may have the same tag."""
    dags = [{"dag_id": name} for name in ("hedgehog_git_sync", "their_hedgehog", "hedgehog_backup")]
    server.answers["GET /api/v2/dags"] = (200, {"dags": dags})
    assert api.our_dags() == ["hedgehog_backup", "hedgehog_git_sync"]
    assert server.asked[-1][1]["tags"] == ["hedgehog"]


def test_runs_are_listed_in_order_and_by_page(server, api):
    """Only ended ones."""
    path = "GET /api/v2/dags/hedgehog_a/dagRuns"
    server.answers[path] = (200, {"dag_runs": [{"dag_run_id": "r1", "state": "failed", "conf": {}}]})
    assert api.ended_before("hedgehog_a", datetime(2026, 5, 1, tzinfo=UTC), offset=100, limit=50) == [
        DagRun("r1", "failed")
    ]
    assert server.asked[-1] == (
        path,
        {
            "end_date_lt": ["2026-05-01T00:00:00+00:00"],
            "state": ["success", "failed"],
            "order_by": ["end_date"],
            "limit": ["50"],
            "offset": ["100"],
        },
    )
    api.newest("hedgehog_a", 1, state="success")
    assert server.asked[-1][1] == {"state": ["success"], "order_by": ["-run_after"], "limit": ["1"]}


@pytest.mark.parametrize(("status", "gone"), [(204, True), (404, True), (409, False)])
def test_a_run_is_deleted_unless_it_runs_again(server, api, status, gone):
    """Its id may hold any characters."""
    server.answers["DELETE /api/v2/dags/hedgehog_a/dagRuns/manual__2026-05-01T00%3A00%2B00%2F1"] = (status, {})
    assert api.delete("hedgehog_a", "manual__2026-05-01T00:00+00/1") is gone


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, PermissionDenied), (404, NotFound), (422, InvalidInput), (302, InvalidInput), (503, RemoteUnavailable)],
)
def test_refusals_become_our_own_errors(server, api, status, error):
    """A redirection is not followed: the login would go elsewhere."""
    server.answers["GET /api/v2/x"] = (status, {})
    with pytest.raises(error):
        api.get("/x")


def test_no_message_contains_the_password(server):
    """Whatever goes wrong."""
    with AirflowApi(server.url, login="eve", password=PASSWORD) as api, pytest.raises(AuthenticationFailed) as refused:
        api.get("/x")
    with (
        AirflowApi("http://127.0.0.1:1", login="eve", password=PASSWORD) as api,
        pytest.raises(RemoteUnavailable) as away,
    ):
        api.get("/x")
    assert PASSWORD not in f"{refused.value} {away.value}"
    assert "hedgehog_airflow_api" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("http://admin:pw@airflow.example.com:8080", "http://airflow.example.com:8080"),
        ({"conn_type": "http", "host": "https://airflow.example.com/prefix/"}, "https://airflow.example.com/prefix"),
        ({"conn_type": "http", "schema": "https", "host": "airflow.example.com"}, "https://airflow.example.com"),
    ],
)
def test_the_url_comes_from_the_connection(monkeypatch, value, url):
    """In any of the forms that Airflow accepts."""
    text = value if isinstance(value, str) else json.dumps(value)
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API", text)
    with open_api() as api:
        assert api.url == url


def test_a_connection_without_a_host_is_refused_and_a_missing_one_is_none(monkeypatch):
    """The first is a mistake, the second is a choice."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API", '{"conn_type": "http"}')
    with pytest.raises(InvalidInput, match="has no host"):
        open_api()

    def absent(connection_id: str) -> None:
        raise NotFound(connection_id)

    monkeypatch.delenv("AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API")
    monkeypatch.setattr(connections, "_from_airflow", absent)
    assert open_api() is None
