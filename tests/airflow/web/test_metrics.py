"""Prometheus reads the metrics with a token; requests without it are refused."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from hedgehog.airflow.web import metrics as metrics_view
from hedgehog.airflow.web.metrics import metrics_app, scrape_token
from hedgehog.errors import NotFound
from hedgehog.store.metric_table import METRICS

BEARER = {"Authorization": "Bearer s3cret-t0ken"}


@pytest.fixture
def prometheus():
    """A scraper of an installation whose token is `s3cret-t0ken`."""
    with TestClient(metrics_app(lambda: "s3cret-t0ken")) as client:
        yield lambda headers: client.get("/prometheus", headers=headers)


def test_a_client_with_the_token_reads_the_metrics(prometheus, fabric_database):
    """The reference parser accepts them."""
    answer = prometheus(BEARER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = {sample.name for family in text_string_to_metric_families(answer.text) for sample in family.samples}
    assert {"hedgehog_fabrics", "hedgehog_sync_due", "hedgehog_database_latency_seconds"} <= found <= set(METRICS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer s3cret-t0kem"},
        {"Authorization": "Basic s3cret-t0ken"},
        {"Authorization": "s3cret-t0ken"},
        {"Authorization": "Bearer s3cret-t0ken2"},
        {"Authorization": "Bearer ü"},
    ],
)
def test_a_client_without_the_token_is_refused(prometheus, headers):
    """The database is not even queried."""
    answer = prometheus({name: value.encode() for name, value in headers.items()})
    assert answer.status_code == 401
    assert "hedgehog_metrics_token" in answer.json()["detail"]
    assert "s3cret" not in answer.text


def test_without_a_configured_token_every_request_is_refused():
    """An empty token does not count."""
    client = TestClient(metrics_app(lambda: ""))
    assert [
        client.get("/prometheus", headers=headers).status_code for headers in ({}, {"Authorization": "Bearer "})
    ] == [401] * 2


def test_an_unreachable_database_is_reported(prometheus, monkeypatch):
    """Prometheus then has `up == 0`, and an operator has the reason."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "postgres://nobody:hunter2@127.0.0.1:1/fabrics")
    answer = prometheus(BEARER)
    assert answer.status_code == 503
    assert answer.text.startswith("the fabric database at 127.0.0.1:1 cannot be reached")
    assert "hunter2" not in answer.text


def test_many_scrapers_cause_one_query(prometheus, monkeypatch):
    """A flood of requests does not reach the database."""
    looks = []
    monkeypatch.setattr(metrics_view, "_metrics_text", lambda: f"{looks.append(1)}\n")
    assert {prometheus(BEARER).status_code for _ in range(20)} == {200}
    assert len(looks) == 1


def test_a_failing_secrets_backend_is_asked_as_rarely_as_a_working_one(monkeypatch, caplog):
    """Scrapers come every few seconds; its error text is neither in the answer nor in the log."""
    asked = []

    def read_token():
        asked.append(1)
        raise RuntimeError("https://vault.example.com/?token=hunter2")

    client = TestClient(metrics_app(read_token))
    answers = [client.get("/prometheus", headers=BEARER) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {503}
    assert "hedgehog_metrics_token" in answers[0].json()["detail"]
    assert len(asked) == 1
    assert caplog.text.count("the token of the figures cannot be read: RuntimeError") == 1
    assert "hunter2" not in caplog.text + answers[0].text
    monkeypatch.setattr(metrics_view, "_KEEP_TOKEN", -1.0)
    asked.clear()
    client = TestClient(metrics_app(read_token))
    assert [client.get("/prometheus", headers=BEARER).status_code for _ in range(2)] == [503, 503]
    assert len(asked) == 2


def test_the_token_comes_from_an_airflow_connection_or_a_setting(monkeypatch):
    """The connection first."""

    def no_connection(connection_id):
        raise NotFound(connection_id)

    monkeypatch.setenv("AIRFLOW__HEDGEHOG__METRICS_TOKEN", "of the setting")
    monkeypatch.setattr(metrics_view, "read_connection", no_connection)
    assert scrape_token() == "of the setting"
    monkeypatch.undo()
    values = {"conn_type": "generic", "password": "of the connection"}
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_METRICS_TOKEN", json.dumps(values))
    assert scrape_token() == "of the connection"
